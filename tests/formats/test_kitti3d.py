"""KITTI 3D: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from datumaro.formats.kitti3d import LABELS, parse_line
from format_files import detect, image, label_names, lost, make, read, written

BOX = "Car 0.25 1 -1.57 1 2 3 4.5 1.5 1.75 4.25 -2.5 1.0 30.13 0.5"
SPACE = {
    "truncated": 0.25,
    "occluded": 1,
    "alpha": -1.57,
    "dimensions": [1.5, 1.75, 4.25],
    "location": [-2.5, 1.0, 30.13],
    "rotation_y": 0.5,
}


def one(dataset: dm.Dataset) -> dm.DatasetItem:
    (item,) = dataset
    return item


def test_sample(shared_data: Path):
    root = shared_data / "formats/kitti_dataset/kitti_3d/training"
    found = read(root, "kitti3d")
    assert label_names(found) == list(LABELS)
    assert "alpha" in found.categories()[dm.AnnotationType.label].attributes
    item = one(found)
    assert (item.id, item.subset) == ("000001", "default")
    assert item.media.path.endswith("image_2/000001.png")
    assert item.attributes == {"calib_path": str(root / "calib/000001.txt")}
    assert [(a.id, a.label, a.points) for a in item.annotations] == [
        (0, 4, [600, 150, 630, 190]), (1, 1, [650, 160, 700, 200]), (2, 0, [500, 170, 590, 190]),
    ]  # fmt: skip
    assert item.annotations[0].attributes == {
        "truncated": 0.0,
        "occluded": 0,
        "alpha": -1.57,
        "dimensions": [2.85, 2.63, 12.34],
        "location": [0.47, 1.49, 69.44],
        "rotation_y": -1.56,
    }
    assert item.annotations[2].attributes["location"] == [-1000.0] * 3
    assert dm.Dataset.detect(root) == "kitti3d"


def test_scores_and_labels_of_several_words(tmp_path: Path):
    lines = f"{BOX} 0.75\n\n{BOX.replace('Car', 'Person sitting')}\n"
    make(tmp_path, {"label_2/a.txt": lines})
    found = read(tmp_path, "kitti3d")
    assert label_names(found) == [*LABELS, "Person sitting"]
    assert [(a.id, a.label, a.attributes) for a in one(found).annotations] == [
        (0, 1, SPACE | {"score": 0.75}), (2, 11, SPACE),
    ]  # fmt: skip


def test_subsets(tmp_path: Path):
    make(
        tmp_path,
        {
            "label_2/train/a.txt": BOX,
            "label_2/val/b/c.txt": BOX,
            "label_2/d.txt": "",
            "image_2/train/a.png": "",
            "calib/val/b/c.txt": "",
        },
    )
    found = {(i.subset, i.id): i for i in read(tmp_path, "kitti3d")}
    assert sorted(found) == [("default", "d"), ("train", "a"), ("val", "b/c")]
    assert found["train", "a"].media is not None and found["val", "b/c"].media is None
    assert found["val", "b/c"].attributes["calib_path"].endswith("calib/val/b/c.txt")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Car 1 2", "3 fields: 'Car 1 2'; expected a label, and 14 or 15 numbers"),
        (BOX.replace("4.5", "x"), "15 fields"),
        (BOX + " 1 2", "17 fields"),
        (BOX.replace("4.5", "1e30"), "a number that is none, or too large"),
        (BOX.replace("4.5", "nan"), "a number that is none, or too large"),
        (BOX.replace(" 1 ", " 0.5 "), "occluded 0.5"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str, says: str):
    make(tmp_path, {"label_2/a.txt": f"{BOX}\n{line}\n{BOX}"})
    with pytest.raises(InvalidAnnotationError, match=rf"label_2/a.txt: line 2: {says}"):
        read(tmp_path, "kitti3d")
    found = read(tmp_path, "kitti3d", error_policy="skip")
    assert [a.id for a in one(found).annotations] == [0, 2]


def test_wrong_files(tmp_path: Path):
    make(tmp_path, {"label_2/a.txt": b"\xff"})
    with pytest.raises(MalformedFileError, match=r"label_2/a.txt: byte 0: not UTF-8"):
        read(tmp_path, "kitti3d")
    with pytest.raises(DatasetNotFoundError, match="no folder label_2"):
        read(make(tmp_path / "x", {"a.txt": ""}), "kitti3d")
    make(tmp_path, {"label_2/a.txt": BOX, "dataset_meta.json": '{"labels": ["Bus"]}'})
    with pytest.raises(UndeclaredLabelError, match=r"a.txt: line 1: label 'Car'; expected one"):
        read(tmp_path, "kitti3d")


def boxes(*attributes: dict[str, object], labels: tuple[str, ...] = ("cat",)) -> dm.Dataset:
    found = [dm.Bbox(1, 2, 3, 4, label=0, attributes=a) for a in attributes]
    return dm.Dataset.from_iterable(
        [dm.DatasetItem("a", subset="train", media=image(), annotations=found)], categories=labels
    )


def test_values_that_are_not_known(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = boxes(
        {},
        {"truncated": True, "occluded": True},
        {"alpha": "x", "location": [1, 2]},
        {"score": "high"},
        {"dimensions": [1, 2, float("inf")], "occluded": 0.5},
    )
    item = one(written(sent, tmp_path, "kitti3d", save_media=True))
    unknown = {
        "truncated": -1.0, "occluded": -1, "alpha": -10.0, "dimensions": [-1.0] * 3,
        "location": [-1000.0] * 3, "rotation_y": -10.0,
    }  # fmt: skip
    assert [a.attributes for a in item.annotations] == [
        unknown, unknown | {"truncated": 1.0, "occluded": 1}, unknown, unknown, unknown,
    ]  # fmt: skip
    for name in ("alpha", "location", "score", "dimensions", "occluded"):
        assert f"1 values of {name} that lines cannot hold" in lost(caplog)
    assert item.media.path.endswith("image_2/train/a.png")


def test_names_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(UnsupportedContentError, match="rename the label"):
        boxes(labels=("car 2",)).export(tmp_path, "kitti3d")
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a/b")])
    with pytest.raises(UnsupportedContentError, match="no folders within subsets"):
        sent.export(tmp_path, "kitti3d")


_number = st.floats(-1e6, 1e6, width=32)


@given(
    numbers=st.lists(_number, min_size=9, max_size=9),
    occluded=st.integers(-1, 3),
    score=st.none() | _number,
)
def test_lines_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: list[float],
    occluded: int,
    score: float | None,
):
    attributes = {
        "truncated": numbers[0],
        "occluded": occluded,
        "alpha": numbers[1],
        "dimensions": numbers[2:5],
        "location": numbers[5:8],
        "rotation_y": numbers[8],
    } | ({} if score is None else {"score": score})
    item = one(written(boxes(attributes), tmp_path_factory.mktemp("kitti3d"), "kitti3d"))
    assert item.annotations[0].attributes == attributes


@given(line=st.text(max_size=200) | st.from_regex(r"\A([a1. -]|nan|1e9){0,40}\Z"))
def test_any_line_is_read_or_refused(line: str):
    try:
        found = parse_line(line)
    except ValueError:
        return
    assert found.label and len(found.attributes) in (6, 7)


def test_detection(tmp_path: Path):
    make(tmp_path, {"label_2/train/a.txt": BOX, "image_2/train/a.png": ""})
    assert detect(tmp_path, "kitti3d") == Confidence.LOW
    (tmp_path / "calib").mkdir()
    assert detect(tmp_path, "kitti3d") == Confidence.MEDIUM
    assert "no folder label_2" in str(detect(tmp_path / "calib", "kitti3d"))
    assert "a file" in str(detect(tmp_path / "label_2/train/a.txt", "kitti3d"))
