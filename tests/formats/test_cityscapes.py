"""Cityscapes: what is read from its files, what is written, and what is refused."""

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
from datumaro.model.annotation import AnnotationType
from format_files import (
    ODD_IDS,
    colors,
    count,
    dataset_of_rows,
    detect,
    image,
    label_names,
    lost,
    make,
    masks,
    png,
    read,
    rows_mask,
    same_masks,
    written,
)

IDS = "gtFine/train/bonn/a_gtFine_instanceIds.png"


def with_ids(root: Path, values: list[int], files: dict[str, str | bytes] | None = None) -> Path:
    """A data set of one item, whose mask file has these values."""
    dtype = np.uint8 if max(values) < 256 else np.uint16
    return make(root, {IDS: png(np.array([values], dtype)), **(files or {})})


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    found = read(shared_data / "formats/cityscapes_dataset/dataset", "cityscapes")
    assert count(found) == ({"test": 2, "train": 1, "val": 1}, {"mask": 9})
    assert len(label_names(found)) == 35
    item = found.get("defaultcity/defaultcity_000001_000031", "test")
    assert item.media.path.endswith("defaultcity_000001_000031_leftImg8bit.png")
    assert [(a.label, a.id) for a in item.annotations] == [(3, 1), (27, 2)]


def test_things_have_a_mask_each(tmp_path: Path):
    """The authors' encoding, which the published package does not know."""
    with_ids(tmp_path, [0, 7, 26000, 26001, 26002, 26, 7])
    (item,) = read(tmp_path, "cityscapes")
    assert item.id == "bonn/a"
    assert [(a.label, a.id, a.image.astype(int).tolist()) for a in item.annotations] == [
        (0, 1, [[1, 0, 0, 0, 0, 0, 0]]),
        (7, 2, [[0, 1, 0, 0, 0, 0, 1]]),
        (26, 3, [[0, 0, 0, 0, 0, 1, 0]]),
        (26, 4, [[0, 0, 1, 0, 0, 0, 0]]),
        (26, 5, [[0, 0, 0, 1, 0, 0, 0]]),
        (26, 6, [[0, 0, 0, 0, 1, 0, 0]]),
    ]


def test_train_ids_go_first(tmp_path: Path):
    name = IDS.replace("instanceIds", "labelTrainIds")
    with_ids(tmp_path, [33], {name: png(np.array([[0, 18, 255, 19]], np.uint8))})
    found = read(tmp_path, "cityscapes")
    assert label_names(found)[0] == "road"
    assert len(label_names(found)) == 20
    (item,) = found
    assert masks(item) == {0: [[1, 0, 0, 0]], 18: [[0, 1, 0, 0]]}


def test_label_ids_where_there_are_no_others(tmp_path: Path):
    make(tmp_path, {IDS.replace("instanceIds", "labelIds"): png(np.array([[5]], np.uint8))})
    (item,) = read(tmp_path, "cityscapes")
    assert masks(item) == {5: [[1]]}


def test_ids_begin_behind_the_background_where_no_label_is_black(tmp_path: Path):
    """As the published package writes it."""
    with_ids(tmp_path, [0, 1, 2], {"label_colors.txt": "1 1 1 x\n2 2 2 y\n"})
    found = read(tmp_path, "cityscapes")
    assert label_names(found) == ["x", "y"]
    assert masks(next(iter(found))) == {0: [[0, 1, 0]], 1: [[0, 0, 1]]}


def test_images_without_masks_and_masks_without_images(tmp_path: Path):
    with_ids(tmp_path, [3], {"leftImg8bit/train/bonn/b_leftImg8bit.png": ""})
    make(tmp_path, {"leftImg8bit/test/ulm/c_leftImg8bit.jpg": ""})
    found = read(tmp_path, "cityscapes")
    assert {(i.id, i.subset, i.media is None, len(i.annotations)) for i in found} == {
        ("bonn/a", "train", True, 1),
        ("bonn/b", "train", False, 0),
        ("ulm/c", "test", False, 0),
    }


def test_a_folder_around_the_data_set(tmp_path: Path):
    with_ids(tmp_path / "x/y", [3])
    assert len(read(tmp_path, "cityscapes")) == 1
    with_ids(tmp_path / "x/z", [3])
    with pytest.raises(DatasetNotFoundError, match=r"several data sets \(x/y, x/z\): name one"):
        read(tmp_path, "cityscapes")


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (png(np.array([[35]], np.uint8)), InvalidAnnotationError, "value 35, and no label has"),
        (png(np.array([[40001]], np.uint16)), InvalidAnnotationError, "no label has the id 40"),
        (png(np.zeros((1, 1, 3), np.uint8)), MalformedFileError, "an image in colours; expected"),
        (b"\x89PNG\r\n\x1a\n", MalformedFileError, "expected a PNG image"),
    ],
    ids=["label", "thing", "colours", "cut"],
)
def test_wrong_masks(tmp_path: Path, content: bytes, kind: type[Exception], says: str):
    make(tmp_path, {IDS: content})
    with pytest.raises(kind, match=says) as error:
        read(tmp_path, "cityscapes")
    assert IDS in str(error.value)
    assert [i.annotations for i in read(tmp_path, "cityscapes", error_policy="skip")] == [[]]


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="no folder gtFine or leftImg8bit"):
        read(tmp_path, "cityscapes")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("instances", [False, True])
@pytest.mark.parametrize("labels", [["x", "y", "z"], ["a b"], ["x", "background"]])
def test_round_trip(tmp_path: Path, labels: list[str], instances: bool):
    sent = dataset_of_rows(labels, ODD_IDS)
    received = written(sent, tmp_path, "cityscapes", save_media=True, instances=instances)
    assert label_names(received) == labels
    assert len(received) == len(sent)
    for item in sent:
        other = received.get(item.id, item.subset)
        kept = [a for a in item.annotations if labels[a.label] != "background"]
        assert same_masks(kept, other.annotations)
        assert np.array_equal(other.media.data, item.media.data)


def test_many_labels(tmp_path: Path):
    labels = [f"l{i}" for i in range(1500)]
    sent = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", annotations=[dm.Mask(rows_mask(1), label=1400)])], categories=labels
    )
    received = written(sent, tmp_path / "a", "cityscapes")
    assert masks(next(iter(received))) == {1400: rows_mask(1).astype(int).tolist()}
    with pytest.raises(UnsupportedContentError, match="the value 1401001"):
        sent.export(str(tmp_path / "b"), "cityscapes", instances=True)


def test_things_of_a_label_are_kept_apart_on_demand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    things = [dm.Mask(rows_mask(0), label=0, id=4), dm.Mask(rows_mask(2), label=0, id=7)]
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", annotations=things)], categories=["x"])
    (item,) = written(sent, tmp_path / "a", "cityscapes", instances=True)
    assert same_masks(things, item.annotations)
    assert "become one" not in lost(caplog)
    (item,) = written(sent, tmp_path / "b", "cityscapes")
    assert same_masks([dm.Mask(rows_mask(0, 2), label=0)], item.annotations)
    assert "1 masks of a label that others of their item have too: they become one" in lost(caplog)


def test_files(tmp_path: Path):
    written(dataset_of_rows(["x"]), tmp_path / "a", "cityscapes")
    names = {p.name for p in (tmp_path / "a/gtFine/train").iterdir()}
    assert names == {
        "a_gtFine_instanceIds.png",
        "a_gtFine_labelIds.png",
        "a_gtFine_color.png",
    }
    assert not (tmp_path / "a/leftImg8bit").exists()
    written(dataset_of_rows(["x"]), tmp_path / "b", "cityscapes", apply_colormap=False)
    assert len([*(tmp_path / "b").rglob("*.png")]) == 2


def test_items_of_which_nothing_is_written_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    sent = dm.Dataset.from_iterable([dm.DatasetItem("e", media=image())], categories=["x"])
    sent.export(str(tmp_path), "cityscapes")
    assert "1 items without masks, since their images are not saved" in lost(caplog)


def test_the_standard_labels(tmp_path: Path):
    sent = dataset_of_rows(["car", "road"])
    received = written(sent, tmp_path, "cityscapes", label_map="cityscapes")
    names = label_names(received)
    assert len(names) == 35
    (item,) = received
    assert [names[a.label] for a in item.annotations] == ["unlabeled", "road", "car"]


def test_labels_keep_their_colors(tmp_path: Path):
    sent = dm.Dataset.from_iterable(
        [],
        categories={
            AnnotationType.label: dm.LabelCategories.from_iterable(["x", "y"]),
            AnnotationType.mask: dm.MaskCategories({0: (7, 7, 7), 1: (7, 7, 7)}),
        },
    )
    sent.export(str(tmp_path), "cityscapes")
    make(tmp_path, {"gtFine/train/keep": ""})
    assert colors(read(tmp_path, "cityscapes")) == {0: (7, 7, 7), 1: (7, 7, 7)}


def test_a_subset_with_a_path_separator(tmp_path: Path):
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", subset="x/y")])
    with pytest.raises(PathSeparatorInSubsetNameError):
        sent.export(str(tmp_path / "out"), "cityscapes")


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path, shared_data: Path):
    assert dm.Dataset.detect(shared_data / "formats/cityscapes_dataset/dataset") == "cityscapes"
    written(dataset_of_rows(["x"]), tmp_path / "a", "cityscapes")
    assert detect(tmp_path / "a", "cityscapes") == Confidence.MEDIUM
    assert "no subsets in gtFine" in str(detect(tmp_path, "cityscapes"))
    make(tmp_path, {"file.png": ""})
    assert "a file" in str(detect(tmp_path / "file.png", "cityscapes"))
