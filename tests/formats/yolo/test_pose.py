"""YOLO: boxes with key points."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.formats.base import Confidence
from datumaro.formats.detection import detect
from formats.yolo.yolo_files import image, make, read

POSE = "yolo_ultralytics_pose"
NAMES = ["left_eye", "nose", "right_eye"]


def description(more: str, shape: str = "[3, 3]") -> str:
    return f"train: images/train\nnames: [cat, dog]\nkpt_shape: {shape}\n{more}"


def files(line: str, more: str = "", shape: str = "[3, 3]") -> dict[str, str | bytes]:
    return {
        "data.yaml": description(more, shape),
        "images/train/a.png": b"",
        "labels/train/a.txt": line,
    }


def one(root: Path) -> list[Any]:
    (item,) = read(root, POSE)
    return item.annotations


BOX = "1 0.5 0.5 0.2 0.4"


def test_three_numbers_of_each_point(tmp_path: Path):
    line = f"{BOX} 0.5 0.5 2 0.1 0.1 1 0 0 0\n{BOX} 0 0 0 0 0 0 0 0 0"
    box, points, other = one(make(tmp_path, files(line)))
    assert (box.points, box.label, box.id, box.group) == ([8, 3, 12, 7], 1, 0, 1)
    assert points.points == [10, 5, 2, 1, 0, 0]
    assert [int(v) for v in points.visibility] == [2, 1, 0]
    assert (points.label, points.id, points.group) == (1, 0, 1)
    assert (other.type.name, other.id, other.group) == ("bbox", 1, 2)


def test_two_numbers_of_each_point(tmp_path: Path):
    _, points = one(make(tmp_path, files(f"{BOX} 0.5 0.5 0 0", shape="[2, 2]")))
    assert points.points == [10, 5, 0, 0]
    assert [int(v) for v in points.visibility] == [2, 0]


def test_names_of_points(tmp_path: Path):
    more = "flip_idx: [2, 1, 0]\nkpt_names:\n  1:\n    - l\n    - r\n"
    dataset = read(make(tmp_path, files(f"{BOX} .5 .5 2 .1 .1 2 0 0 0", more)), POSE)
    assert dataset.categories()[dm.AnnotationType.points].items[1].labels == ["l", "r"]
    assert dataset.infos() == {"yolo": {"flip_idx": [2, 1, 0]}}
    (item,) = dataset
    assert item.annotations[1].points == [10, 5, 2, 1]


@pytest.mark.parametrize(
    ("line", "more", "shape", "message"),
    [
        (BOX, "", "[3, 3]", r"5 fields.*of kpt_shape \[3, 3\] \(14 fields\)"),
        ("", "", "[3]", r"kpt_shape: \['3'\]; expected \[number"),
        ("", "", "[3, 4]", "kpt_shape"),
        ("", "", "[99999, 3]", r"kpt_shape\[0\]: 99999; expected at most"),
        ("", "", "x", "kpt_shape: 'x'; expected a list"),
        ("", "flip_idx: [0, 0, 1]", "[3, 3]", "flip_idx: .*each of 0 to 2 once"),
        ("", "kpt_names: {7: [a]}", "[3, 3]", r"kpt_names\.7: .*a class, and"),
        ("", "kpt_names: {0: [a, b, c, d]}", "[3, 3]", r"kpt_names\.0: 4 names; expected at most"),
        ("", "kpt_names: [a]", "[3, 3]", "kpt_names: .*by class"),
        ("", "skeleton: {0: [[0, 1]]}", "[3, 3]", "skeleton: class 0; expected a class that"),
        ("", "kpt_names: {0: [a]}\nskeleton: {0: [0]}", "[3, 3]", r"skeleton\.0"),
    ],
)
def test_damage(tmp_path: Path, line: str, more: str, shape: str, message: str):
    with pytest.raises(MalformedFileError, match=message):
        read(make(tmp_path, files(line, more, shape)), POSE)


def test_detection(tmp_path: Path):
    make(tmp_path, files(""))
    for path in (tmp_path, tmp_path / "data.yaml"):
        detected = detect(path)
        assert (detected.formats, detected.confidence) == ([POSE], Confidence.MEDIUM)
    for format in ("yolo", POSE):
        make(tmp_path, {"data.yaml": "train: images/train\nnames: [a]"})
        if format == POSE:
            with pytest.raises(DatasetNotFoundError, match="no kpt_shape"):
                read(tmp_path, format)
    make(tmp_path, files(""))
    with pytest.raises(DatasetNotFoundError, match=POSE):
        read(tmp_path, "yolo")


def people(tmp_path: Path, *annotations: dm.Annotation, names: list[str] = NAMES) -> dm.Dataset:
    item = dm.DatasetItem("1", subset="train", media=image(tmp_path), annotations=list(annotations))
    categories: dict[Any, Any] = {
        dm.AnnotationType.label: dm.LabelCategories.from_iterable(["cat", "dog"])
    }
    if names:
        categories[dm.AnnotationType.points] = dm.PointsCategories.from_iterable([(1, names)])
    return dm.Dataset.from_iterable([item], categories=categories)


def test_round_trip(tmp_path: Path):
    annotations = [
        dm.Bbox(1, 2, 3, 4, label=1, group=1),
        dm.Points([1, 2, 3, 4, 5, 6], [2, 1, 0], label=1, group=2),
        dm.Points([7, 8, 9, 10, 11.5, 2.25], [2, 2, 2], label=1, group=1),
        dm.Bbox(1, 1, 1, 1, label=0),
        dm.Bbox(2, 2, 2, 2, label=1, group=2),
    ]
    sent = people(tmp_path, *annotations)
    sent.export(str(tmp_path / "o"), POSE)
    assert (tmp_path / "o/data.yaml").read_text() == (
        "train: train.txt\nkpt_shape:\n- 3\n- 3\nflip_idx:\n- 2\n- 1\n- 0\nkpt_names:\n"
        "  1:\n  - left_eye\n  - nose\n  - right_eye\nnames:\n  0: cat\n  1: dog\n"
    )
    received = read(tmp_path / "o", POSE)
    assert received.categories() == sent.categories()
    (item,) = received
    objects: dict[int, list[Any]] = {}
    for annotation in item.annotations:
        visibility = [int(v) for v in getattr(annotation, "visibility", ())]
        objects.setdefault(annotation.group, []).append((annotation.points, visibility))
    assert list(objects.values()) == [
        [([1, 2, 4, 6], []), ([7, 8, 9, 10, 11.5, 2.25], [2, 2, 2])],
        [([2, 2, 4, 4], []), ([1, 2, 3, 4, 5, 6], [2, 1, 0])],
        [([1, 1, 2, 2], [])],
    ]


def test_points_alone_get_the_box_around_them(tmp_path: Path):
    sent = people(tmp_path, dm.Points([1, 2, 9, 9, 5, 8], [2, 0, 1], label=1))
    sent.export(str(tmp_path / "o"), POSE)
    box, points = one(tmp_path / "o")
    assert (box.points, points.points) == ([1, 2, 5, 8], [1, 2, 9, 9, 5, 8])


def test_flipping_as_it_was_read(tmp_path: Path):
    line = f"{BOX} 0.5 0.5 2 0.1 0.1 1 0 0 0"
    dataset = read(make(tmp_path / "in", files(line, "flip_idx: [1, 0, 2]")), POSE)
    dataset.export(str(tmp_path / "o"), POSE)
    assert read(tmp_path / "o", POSE).infos() == {"yolo": {"flip_idx": [1, 0, 2]}}


def test_objects_with_fewer_points_than_others(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """They are filled up, and what is filled up is left out again."""
    sent = people(
        tmp_path,
        dm.Points([1, 2], [2], label=1),
        dm.Points([0, 0, 3, 4, 0, 1, 0, 0], [0, 1, 2, 2], label=1),
        names=[],
    )
    with caplog.at_level(logging.WARNING):
        sent.export(str(tmp_path / "o"), POSE)
    assert not caplog.text
    points = [a.points for a in one(tmp_path / "o") if a.type == dm.AnnotationType.points]
    assert points == [[1, 2], [0, 0, 3, 4, 0, 1, 0, 0]]


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Nothing tells absent points at an object's end from those that fill it up."""
    sent = people(
        tmp_path,
        dm.Points([1, 2], [2], label=1),
        dm.Points([5, 5, 0, 0, 0, 0], [1, 0, 0], label=1),
    )
    with caplog.at_level(logging.WARNING):
        sent.export(str(tmp_path / "o"), POSE)
    assert "2 absent points at the end of an object's (first: item '1')" in caplog.text


def test_lines_between_points(tmp_path: Path):
    sent = people(tmp_path, dm.Points([1, 2] * 3, label=1))
    sent.categories()[dm.AnnotationType.points].items[1].joints = {(0, 1), (1, 2)}
    sent.export(str(tmp_path / "o"), POSE)
    assert read(tmp_path / "o", POSE).categories() == sent.categories()
