"""MOTS: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathSeparatorInSubsetNameError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from format_files import (
    ODD_IDS,
    count,
    detect,
    image,
    label_names,
    lost,
    make,
    of_stated_size,
    png,
    read,
    rows_mask,
)


def values(*pixels: int) -> bytes:
    return png(np.array([pixels], np.uint16))


def tracks(item: dm.DatasetItem) -> list[tuple[int | None, int, list[int]]]:
    """(label, track, pixels of the first row) of an item's masks."""
    return [
        (a.label, a.attributes["track_id"], np.asarray(a.image).astype(int)[0].tolist())
        for a in item.annotations
    ]


def one(root: Path, mask: bytes, labels: str | None = "car\npedestrian\n") -> Path:
    files: dict[str, str | bytes] = {"train/instances/a.png": mask, "train/images/a.jpg": b""}
    if labels is not None:
        files["train/instances/labels.txt"] = labels
    return make(root, files)


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    found = read(shared_data / "formats/mots_dataset", "mots")
    assert count(found) == ({"train": 2, "val": 1}, {"mask": 5})
    assert label_names(found) == ["a", "b", "c", "d"]
    item = found.get("1", "train")
    assert tracks(item) == [
        (2, 2, [0, 0, 1, 0, 0]),
        (3, 1, [0, 0, 0, 1, 0]),
        (3, 3, [1, 1, 0, 0, 0]),
    ]
    assert item.media.path.endswith("train/images/1.jpg")
    assert dm.Dataset.detect(shared_data / "formats/mots_dataset") == "mots"


def test_without_labels_they_are_those_of_mots(tmp_path: Path):
    one(tmp_path, values(0, 1005, 2001, 10000), None)
    found = read(tmp_path, "mots")
    assert label_names(found) == ["car", "pedestrian", "ignored"]
    (item,) = found
    assert tracks(item) == [(0, 5, [0, 1, 0, 0]), (1, 1, [0, 0, 1, 0]), (2, 0, [0, 0, 0, 1])]
    assert [a.z_order for a in item.annotations] == [0, 0, 1]


def test_the_tenth_label_is_not_ignored(tmp_path: Path):
    one(tmp_path, values(10007), "".join(f"{n}\n" for n in range(10)))
    (item,) = read(tmp_path, "mots")
    assert tracks(item) == [(9, 7, [1])]
    assert item.annotations[0].z_order == 0


def test_subsets_with_labels_of_their_own(tmp_path: Path):
    one(tmp_path, values(1001), "car\n")
    make(
        tmp_path,
        {"val/instances/b.png": values(1001, 2001), "val/instances/labels.txt": "bus\ncar"},
    )
    found = read(tmp_path, "mots")
    assert label_names(found) == ["car", "bus"]
    assert tracks(found.get("b", "val")) == [(1, 1, [1, 0]), (0, 1, [0, 1])]


def test_one_subset_alone_and_labels_in_dataset_meta(tmp_path: Path):
    one(tmp_path, values(2001))
    make(tmp_path, {"dataset_meta.json": '{"labels": ["x", "y"]}'})
    assert label_names(read(tmp_path, "mots")) == ["x", "y"]
    found = read(tmp_path / "train", "mots")
    assert (label_names(found), count(found)[0]) == (["car", "pedestrian"], {"default": 1})


def test_images_without_masks_are_items(tmp_path: Path):
    one(tmp_path, values(1000))
    make(tmp_path, {"train/images/deep/b.png": b"", "test/images/c.png": b""})
    assert count(read(tmp_path, "mots"))[0] == {"train": 2, "test": 1}


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (values(0, 3001), InvalidAnnotationError, "value 3001, of the class 3.*from 1 to 2"),
        (values(5), InvalidAnnotationError, "value 5, of the class 0"),
        (png(np.zeros((1, 1, 3), np.uint8)), MalformedFileError, "an image in colours"),
        (values(1001)[:46], MalformedFileError, "damaged data"),
        (of_stated_size(values(1001), 50000, 50000), MalformedFileError, "50000 x 50000 pixels"),
        (b"", MalformedFileError, "an empty file"),
    ],
)
def test_a_wrong_mask(tmp_path: Path, mask: bytes, error: type[Exception], message: str):
    one(tmp_path, mask)
    with pytest.raises(error, match=f"(?s)a.png.*{message}"):
        read(tmp_path, "mots")
    assert count(read(tmp_path, "mots", error_policy="skip")) == ({"train": 1}, {})


def test_wrong_labels(tmp_path: Path):
    one(tmp_path, values(1001), "car\n\ncar\n")
    with pytest.raises(MalformedFileError, match=r"labels.txt: line 2.*an empty line"):
        read(tmp_path, "mots")
    one(tmp_path, values(1001), "car\nx\ncar\n")
    with pytest.raises(MalformedFileError, match=r"line 3.*'car' is in line 1 too"):
        read(tmp_path, "mots")


def test_nothing_is_there(tmp_path: Path):
    make(tmp_path, {"train/images/a.png": b""})
    with pytest.raises(DatasetNotFoundError, match="no folder instances"):
        read(tmp_path, "mots")


def test_detection(tmp_path: Path):
    make(tmp_path, {"instances/a.png": values(1001)})
    assert detect(tmp_path, "mots") == Confidence.LOW
    make(tmp_path, {"instances/a.png": png(np.zeros((1, 1), np.uint8))})
    assert "no PNG images of 16 bits" in str(detect(tmp_path, "mots"))
    assert "a file" in str(detect(tmp_path / "instances/a.png", "mots"))


# --- writing ------------------------------------------------------------------------------------


def dataset(*masks: dm.Mask, item_id: str = "a", subset: str = "train") -> dm.Dataset:
    item = dm.DatasetItem(item_id, subset=subset, media=image(), annotations=list(masks))
    return dm.Dataset.from_iterable([item], categories=["car", "person"])


def row(number: int, label: int, **attributes: object) -> dm.Mask:
    return dm.Mask(rows_mask(number), label=label, attributes=attributes)


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_the_files(tmp_path: Path, item_id: str):
    sent = dataset(row(0, 0, track_id=999), row(1, 1, track_id=1), item_id=item_id)
    (item,) = _through(sent, tmp_path)
    assert item.id == item_id
    assert [(a.label, a.attributes["track_id"]) for a in item.annotations] == [(0, 999), (1, 1)]


def _through(sent: dm.Dataset, tmp_path: Path) -> dm.Dataset:
    sent.export(str(tmp_path / "out"), "mots_png", save_media=True)
    return read(tmp_path / "out", "mots")


def test_masks_without_a_track(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = dataset(row(0, 0, track_id=1), row(1, 0), row(2, 0), row(3, 1, track_id="left"))
    (item,) = _through(sent, tmp_path)
    found = sorted((a.label, a.attributes["track_id"]) for a in item.annotations)
    assert found == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert "1 masks without a track, of a label that has several" in lost(caplog)
    assert "1 ids of tracks that are no numbers below 1000" in lost(caplog)


def test_masks_of_one_track_become_one(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (item,) = _through(dataset(row(0, 0, track_id=4), row(2, 0, track_id=4)), tmp_path)
    assert len(item.annotations) == 1
    assert "they become one" in lost(caplog)


def test_items_without_masks_have_a_file_of_nothing(tmp_path: Path):
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", subset="x")], categories=["car"])
    assert count(_through(sent, tmp_path)) == ({"x": 1}, {})


def test_what_is_refused(tmp_path: Path):
    out = str(tmp_path / "out")
    labels = [str(n) for n in range(65)]
    item = dm.DatasetItem("a", annotations=[row(0, 0)])
    with pytest.raises(UnsupportedContentError, match="at most 64"):
        dm.Dataset.from_iterable([item], categories=labels).export(out, "mots")
    with pytest.raises(UnsupportedContentError, match="rename the subset"):
        dataset(subset="images").export(out, "mots")
    with pytest.raises(PathSeparatorInSubsetNameError):
        dataset(subset="a/b").export(out, "mots")
    assert not Path(out).exists()
