"""Segment Anything: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
)
from datumaro.formats.base import Confidence
from datumaro.model import run_lengths
from format_files import count, detect, image, lost, make, read, rows_mask, written

STATE = {
    "predicted_iou": 0.5, "stability_score": 0.25, "point_coords": [[1.0, 2.0]],
    "crop_box": [0.0, 0.0, 6.0, 4.0],
}  # fmt: skip
NONE = {
    "predicted_iou": 0.0, "stability_score": 0.0, "point_coords": [[]], "crop_box": [0, 0, 0, 0],
}  # fmt: skip


def annotation(**more: Any) -> dict[str, Any]:
    rle = run_lengths.encode(rows_mask(1))
    segmentation = {"size": [4, 6], "counts": rle["counts"].decode()}
    return {"id": 3, "segmentation": segmentation, "bbox": [0, 1, 6, 1], "area": 6} | STATE | more


def file(*annotations: Any, **image: Any) -> str:
    named = {"image_id": 7, "width": 6, "height": 4, "file_name": "a.png"} | image
    return json.dumps({"image": named, "annotations": list(annotations)})


def data_set(*annotations: Any, **more: Any) -> dm.Dataset:
    item = dm.DatasetItem("a", media=image(), annotations=list(annotations), **more)
    return dm.Dataset.from_iterable([item])


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/segment_anything_dataset"
    found = read(root, "segment_anything")
    assert count(found) == ({"default": 2}, {"mask": 2, "bbox": 2})
    mask, box = found.get("a").annotations
    assert np.argwhere(mask.image).tolist() == [[1, 3], [2, 3], [3, 3], [4, 3]]
    assert (mask.id, mask.group, mask.label, box.points) == (1, 1, None, [3, 1, 4, 5])
    assert mask.attributes == box.attributes and box.attributes["crop_box"] == [3, 1, 2, 5]
    assert found.get("b").attributes == {"id": 2} and found.get("b").media.size == (10, 5)
    assert detect(root, "segment_anything") is Confidence.MEDIUM


def test_run_lengths_may_be_numbers(tmp_path: Path):
    whole = annotation(segmentation={"size": [2, 2], "counts": [1, 3]})
    make(tmp_path, {"sa_1/x.json": file(whole)})
    (item,) = read(tmp_path, "segment_anything")
    assert item.id == "sa_1/x" and item.media.path.endswith("sa_1/a.png")
    assert np.asarray(item.annotations[0].image).tolist() == [[0, 1], [1, 1]]


def test_what_is_missing_is_none(tmp_path: Path):
    bare = {name: annotation()[name] for name in ("segmentation", "bbox")}
    make(tmp_path, {"a.json": file(bare)})
    (item,) = read(tmp_path, "segment_anything")
    assert item.annotations[0].attributes == NONE | {"point_coords": [], "crop_box": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (annotation(bbox=[0, 0, -1, 1]), r"bbox \[0.0, 0.0, -1.0, 1.0\]"),
        (annotation(bbox=[1e300, 0, 1, 1]), r"bbox"),
        (annotation(segmentation={"size": [-1, 2], "counts": ""}), r"segmentation.size \[-1, 2\]"),
        (annotation(segmentation={"size": [2, 2], "counts": [1]}), "add up to 1"),
        (annotation(segmentation={"size": [2, 2], "counts": "猫"}), "ascii"),
        (annotation(id=1 << 63), "id 9223372036854775808"),
    ],
)
def test_damaged_annotations_are_refused_or_skipped(tmp_path: Path, content: Any, message: str):
    make(tmp_path, {"a.json": file(annotation(), content)})
    with pytest.raises((InvalidAnnotationError, MalformedFileError), match=message) as info:
        read(tmp_path, "segment_anything")
    assert "a.json: $.annotations[1]" in str(info.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[]", "expected an object"),
        ('{"image": {"image_id": 1}}', r"\$\.image: .*'file_name'"),
        (file(width=-1), r"\$\.image\.width: -1"),
        (file(annotation(predicted_iou="x")), r"\$\.annotations\[0\]\.predicted_iou"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: str, message: str):
    make(tmp_path, {"a.json": content, "b.json": file()})
    with pytest.raises(MalformedFileError, match=message) as info:
        read(tmp_path, "segment_anything")
    assert "a.json" in str(info.value)
    found = read(tmp_path, "segment_anything", error_policy="skip")
    assert [item.id for item in found] == ["b"]


def test_names_that_lead_outside(tmp_path: Path):
    make(tmp_path, {"a.json": file(file_name="../x.png")})
    with pytest.raises(PathOutsideDatasetError, match=r"file_name in .*a\.json"):
        read(tmp_path, "segment_anything")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"\.json"):
        read(tmp_path, "segment_anything")


# --- writing --------------------------------------------------------------------------------------


def test_masks_and_their_boxes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = [
        dm.Mask(rows_mask(1), id=5, group=5, attributes=STATE),
        dm.Bbox(1, 1, 2.5, 2, id=5, group=5, attributes=STATE),
        dm.Mask(rows_mask(2), id=6),
        dm.Bbox(0, 0, 2, 2, id=9),
    ]
    (item,) = written(data_set(*sent, attributes={"id": 4}), tmp_path, "segment_anything")
    assert not lost(caplog)
    assert item.attributes == {"id": 4}
    assert [(a.type.name, a.id, a.group) for a in item.annotations] == [
        ("mask", 5, 5), ("bbox", 5, 5), ("mask", 6, 6), ("bbox", 6, 6), ("bbox", 9, 9),
    ]  # fmt: skip
    assert [a.points for a in item.annotations if isinstance(a, dm.Bbox)] == [
        [1, 1, 3.5, 3], [0, 2, 6, 3], [0, 0, 2, 2],
    ]  # fmt: skip
    assert item.annotations[0].attributes == STATE and item.annotations[2].attributes == NONE


def test_polygons_become_masks(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (item,) = written(data_set(dm.Polygon([0, 1, 6, 1, 6, 2, 0, 2])), tmp_path, "segment_anything")
    assert np.array_equal(item.annotations[0].image, rows_mask(1))
    assert "they become masks" in lost(caplog)


def test_images_without_numbers_get_free_ones(tmp_path: Path):
    items = [
        dm.DatasetItem(name, attributes={"id": number} if number else {})
        for name, number in (("a", None), ("b", 1), ("c", None))
    ]
    found = written(dm.Dataset.from_iterable(items), tmp_path, "segment_anything")
    assert {item.id: item.attributes["id"] for item in found} == {"a": 2, "b": 1, "c": 3}


def test_what_is_not_held_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    masks = [dm.Mask(rows_mask(n), id=n, group=3, label=0) for n in (1, 2)]
    item = dm.DatasetItem("a", subset="train", annotations=masks, attributes={"id": "x"})
    dataset = dm.Dataset.from_iterable([item], categories=["cat"])
    written(dataset, tmp_path, "segment_anything")
    for what in (
        "labels of masks", "names of labels", "names of subsets", "attributes id of items",
        "2 groups of annotations that are not a mask and its box",
    ):  # fmt: skip
        assert what in lost(caplog)


def test_the_same_id_in_two_subsets(tmp_path: Path):
    items = [dm.DatasetItem("a", subset=name) for name in ("train", "val")]
    with pytest.raises(DatasetExportError, match="in several subsets"):
        dm.Dataset.from_iterable(items).export(str(tmp_path / "x"), "segment_anything")
