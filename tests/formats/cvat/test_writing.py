"""Writing CVAT, and what is lost or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import DatasetExportError
from datumaro.model.annotation import AnnotationType
from format_files import image, lost, written


def data_set(
    *annotations: Any, attributes: dict[str, Any] | None = None, **more: Any
) -> dm.Dataset:
    labels = dm.LabelCategories.from_iterable([("cat", "", ["age"]), "dog"])
    item = dm.DatasetItem(
        "a", media=image(6, 8), annotations=list(annotations), attributes=attributes or {}, **more
    )
    return dm.Dataset.from_iterable([item], categories={AnnotationType.label: labels})


def back(dataset: dm.Dataset, root: Path, **options: Any) -> dm.DatasetItem:
    (item,) = written(dataset, root, "cvat", **options)
    return item


def test_attributes_are_declared_as_what_they_are(tmp_path: Path):
    given = {"age": 7, "half": 0.5, "good": True, "note": "7 <&>", "mixed": "x"}
    dataset = data_set(
        dm.Bbox(1, 2, 3, 1, label=0, attributes=given),
        dm.Bbox(1, 2, 3, 1, label=0, attributes={"mixed": 3}),
    )
    found = back(dataset, tmp_path)
    assert found.annotations[0].attributes == given | {"occluded": False}
    assert found.annotations[1].attributes == {"occluded": False, "mixed": "3"}
    text = (tmp_path / "default.xml").read_text()
    assert text.count("<input_type>number</input_type>") == 2
    assert text.count("<input_type>checkbox</input_type>") == 1


def test_undeclared_attributes_can_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    box = dm.Bbox(1, 2, 3, 1, label=0, attributes={"age": 7, "half": 0.5, "occluded": True})
    found = back(data_set(box), tmp_path, allow_undeclared_attrs=False)
    assert found.annotations[0].attributes == {"age": 7, "occluded": True}
    assert "1 attributes that labels do not declare" in lost(caplog)


def test_shapes_without_a_label(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 1, attributes={"age": "7"})
    (found,) = back(data_set(box), tmp_path).annotations
    assert found.label is None and found.attributes == {"age": "7", "occluded": False}


def test_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(attributes={"frame": 5})
    assert back(dataset, tmp_path / "a").attributes == {"frame": 5}
    assert not lost(caplog)
    assert back(dataset, tmp_path / "b", reindex=True).attributes == {"frame": 0}
    assert "1 frame numbers of items" in lost(caplog)


def test_masks_of_another_size_than_the_image(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(dm.Mask(np.ones((2, 2), bool), label=0))
    assert not back(dataset, tmp_path).annotations
    assert "masks that are not of their image's size" in lost(caplog)


def test_empty_masks(tmp_path: Path):
    (found,) = back(data_set(dm.Mask(np.zeros((6, 8), bool), label=0)), tmp_path).annotations
    assert found.image.shape == (6, 8) and not found.image.any()


def test_hidden_points_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    back(data_set(dm.Points([1, 1], [1], label=0)), tmp_path)
    assert "whether points are visible" in lost(caplog)


def test_tracks(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def shape(track: int, **more: Any) -> dm.Bbox:
        return dm.Bbox(
            1, 2, 3, 1, label=0, id=track, attributes={"track_id": track, "age": 2, **more}
        )

    items = [
        dm.DatasetItem(
            f"image {frame}",
            media=image(6, 8),
            annotations=[shape(4, outside=frame == 2, keyframe=True), dm.Label(1)],
            attributes={"frame": frame},
        )
        for frame in (2, 1)
    ]
    dataset = dm.Dataset.from_iterable(items, categories=["cat", "dog"])
    found = written(dataset, tmp_path, "cvat", use_track=True)
    assert not lost(caplog)
    text = (tmp_path / "default.xml").read_text()
    assert text.count('<track id="4" label="cat">') == 1
    assert text.index('frame="1"') < text.index('frame="2"')
    for item in dataset:
        other = found.get(item.id)
        assert other.attributes == item.attributes
        sent, received = ({a.type: a for a in i.annotations} for i in (item, other))
        assert received.keys() == sent.keys()
        box = received[AnnotationType.bbox]
        assert box.attributes == sent[AnnotationType.bbox].attributes | {"occluded": False}
        assert box.id == 4


def test_tracks_need_one_item_a_frame(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 1, label=0, attributes={"track_id": 1})
    items = [dm.DatasetItem(n, annotations=[box], attributes={"frame": 3}) for n in "ab"]
    dataset = dm.Dataset.from_iterable(items, categories=["cat"])
    with pytest.raises(DatasetExportError, match=r"'a' and 'b'.*frame 3.*reindex"):
        dataset.export(str(tmp_path / "x"), "cvat", use_track=True)


def test_images_of_subsets_that_have_the_same_ids(tmp_path: Path):
    items = [
        dm.DatasetItem("a", subset=name, media=image(shade=n))
        for n, name in enumerate(("train", "val"))
    ]
    found = written(dm.Dataset.from_iterable(items), tmp_path, "cvat", save_media=True)
    assert [int(found.get("a", s).media.data.max()) for s in ("train", "val")] == [0, 1]
    assert (tmp_path / "images/val/a.png").is_file()


def test_characters_that_xml_cannot_hold(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 1, label=0, attributes={"age": "\0"})
    with pytest.raises(DatasetExportError, match="cannot hold"):
        data_set(box).export(str(tmp_path / "x"), "cvat")
