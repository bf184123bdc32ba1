"""DOTA: what is read from its files, what is written, and what is refused."""

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
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from datumaro.model.annotation import AnnotationType
from format_files import ODD_IDS, count, detect, image, label_names, lost, make, read, written

SQUARE = "0 0 4 0 4 2 0 2"


def one(root: Path, text: str | bytes, name: str = "train/labelTxt/a.txt") -> Path:
    return make(root, {name: text})


def of(*annotations: object, item_id: str = "a", **attributes: object) -> dm.Dataset:
    item = dm.DatasetItem(
        item_id,
        subset="train",
        media=image(),
        annotations=list(annotations),
        attributes=attributes,
    )
    return dm.Dataset.from_iterable([item], categories=["ship", "small vehicle"])


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    found = read(shared_data / "formats/dota_dataset", "dota")
    assert count(found) == ({"train": 2, "val": 1}, {"rotated_bbox": 4})
    assert label_names(found) == ["label_0", "label_1"]
    (first, second) = found.get("val_001", "val").annotations
    assert (first.points, first.label, first.attributes) == (
        [0.5, 0.5, 1, 1, 90],
        0,
        {"difficulty": 0},
    )
    assert second.points == [5.5, 3.5, 3, 9, 90]
    assert found.get("val_001", "val").media.size == (5, 10)
    assert dm.Dataset.detect(shared_data / "formats/dota_dataset") == "dota"


def test_lines_before_the_boxes_are_attributes(tmp_path: Path):
    one(tmp_path, f"\ufeffimagesource:GoogleEarth\r\ngsd:0.125\r\n{SQUARE} large vehicle 1\r\n\r\n")
    (item,) = read(tmp_path, "dota")
    assert item.attributes == {"imagesource": "GoogleEarth", "gsd": 0.125}
    (box,) = item.annotations
    assert (box.points, box.attributes) == ([2, 1, 4, 2, 0], {"difficulty": 1})
    assert label_names(read(tmp_path, "dota")) == ["large vehicle"]
    one(tmp_path, f"gsd:null\n{SQUARE} ship 0\n")
    assert next(iter(read(tmp_path, "dota"))).attributes == {}


def test_a_turned_box(tmp_path: Path):
    corners = dm.RotatedBbox(50, 40, 20, 10, 30).as_polygon()
    one(tmp_path, " ".join(f"{v:.4f}" for xy in corners for v in xy) + " ship 0\n")
    (box,) = next(iter(read(tmp_path, "dota"))).annotations
    assert np.allclose(box.points, [50, 40, 20, 10, 30], atol=0.01)


def test_corners_that_are_no_rectangles(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    one(tmp_path, "0 0 10 0 14 6 0 6 ship 0\n")
    (box,) = next(iter(read(tmp_path, "dota"))).annotations
    assert box.points[:4] == pytest.approx([6.0, 3.0, 12.0, 6.32], abs=0.001)
    assert "1 objects have corners that are no rectangle's" in caplog.text
    (polygon,) = next(iter(read(tmp_path, "dota", shape="polygon"))).annotations
    assert polygon.type is AnnotationType.polygon
    assert polygon.points == [0, 0, 10, 0, 14, 6, 0, 6]


def test_labels_are_sorted_or_those_of_dataset_meta(tmp_path: Path):
    one(tmp_path, f"{SQUARE} ship 0\n{SQUARE} harbor 0\n")
    found = read(tmp_path, "dota")
    assert label_names(found) == ["harbor", "ship"]
    assert [a.label for a in next(iter(found)).annotations] == [1, 0]
    make(tmp_path, {"dataset_meta.json": '{"labels": ["x", "ship", "harbor"]}'})
    found = read(tmp_path, "dota")
    assert label_names(found) == ["x", "ship", "harbor"]
    assert [a.label for a in next(iter(found)).annotations] == [1, 2]
    one(tmp_path, f"{SQUARE} plane 0\n")
    with pytest.raises(UndeclaredLabelError, match=r"a.txt: line 1.*label 'plane'"):
        read(tmp_path, "dota")


def test_images_without_lines_are_items_and_one_subset_alone(tmp_path: Path):
    one(tmp_path, f"{SQUARE} ship 0\n")
    make(tmp_path, {"train/images/deep/b.png": b"", "test/images/c.tif": b""})
    assert count(read(tmp_path, "dota"))[0] == {"train": 2, "test": 1}
    assert count(read(tmp_path / "train", "dota"))[0] == {"train": 2}


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("1 2 3 4 5 6 7 8 ship", InvalidAnnotationError, "9 fields.*label difficulty"),
        ("1 2 3 x 5 6 7 8 ship 0", InvalidAnnotationError, "'1 2 3 x 5 6 7 8'.*eight numbers"),
        ("1 2 3 nan 5 6 7 8 ship 0", InvalidAnnotationError, "eight numbers of pixels"),
        ("1 2 3 1e99 5 6 7 8 ship 0", InvalidAnnotationError, "eight numbers of pixels"),
        (f"{SQUARE} ship hard", InvalidAnnotationError, "difficulty 'hard'"),
        (f"{SQUARE} ship -1", InvalidAnnotationError, "difficulty '-1'"),
        (f"{SQUARE} ship {'9' * 5000}", InvalidAnnotationError, "difficulty '999"),
    ],
)
def test_a_wrong_line(tmp_path: Path, line: str, error: type[Exception], message: str):
    one(tmp_path, f"{SQUARE} ship 0\n{line}\n")
    with pytest.raises(error, match=f"a.txt: line 2: {message}|a.txt.*{message}"):
        read(tmp_path, "dota")
    assert count(read(tmp_path, "dota", error_policy="skip"))[1] == {"rotated_bbox": 1}


def test_each_wrong_line_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Also where a number is found to be none after other files of the subset were read."""
    one(tmp_path, f"{SQUARE} ship 0\n1 2 3\n")
    one(tmp_path, f"{SQUARE} ship 0\n1 2 3 x 5 6 7 8 ship 0\n", "train/labelTxt/b.txt")
    one(tmp_path, f"{SQUARE} ship 0\n{SQUARE.replace('2', 'nan')} ship 0\n", "train/labelTxt/c.txt")
    assert count(read(tmp_path, "dota", error_policy="skip"))[1] == {"rotated_bbox": 3}
    assert "3 items or annotations left out" in caplog.text


def test_a_file_that_is_no_text(tmp_path: Path):
    one(tmp_path, b"\xff\xfe\x00")
    with pytest.raises(MalformedFileError, match=r"a.txt: byte 0: not UTF-8"):
        read(tmp_path, "dota")
    assert count(read(tmp_path, "dota", error_policy="skip"))[0] == {"train": 1}


def test_detection(tmp_path: Path):
    assert "no labelTxt" in str(detect(make(tmp_path, {"train/x": ""}), "dota"))
    one(tmp_path, "a line of text\n")
    assert "has no lines such as" in str(detect(tmp_path, "dota"))
    one(tmp_path, f"imagesource:x\n{SQUARE} ship 0\n")
    assert detect(tmp_path, "dota") == Confidence.MEDIUM
    make(tmp_path, {"data.yaml": "names: [a]\n"})
    assert "roboflow_yolo_obb" in str(detect(tmp_path, "dota"))
    with pytest.raises(DatasetNotFoundError, match="no labelTxt"):
        read(make(tmp_path / "empty", {"x": ""}), "dota")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_the_files(tmp_path: Path, item_id: str):
    box = dm.RotatedBbox(50, 40, 20, 10, 0, label=1, attributes={"difficulty": 2})
    (item,) = written(of(box, item_id=item_id, gsd=0.5), tmp_path, "dota")
    assert (item.id, item.attributes) == (item_id, {"gsd": 0.5})
    file = next((tmp_path).rglob("*.txt"))
    assert file.read_text() == (
        "gsd:0.5\n40.0000 35.0000 60.0000 35.0000 60.0000 45.0000 40.0000 45.0000 small vehicle 2\n"
    )


def test_polygons_of_four_corners(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = of(
        dm.Polygon([0, 0, 10, 0, 14, 6, 0, 6], label=0), dm.Polygon([0, 0, 1, 0, 1, 1], label=0)
    )
    sent.export(str(tmp_path / "o"), "dota")
    (item,) = read(tmp_path / "o", "dota", shape="polygon")
    assert [a.points for a in item.annotations] == [[0, 0, 10, 0, 14, 6, 0, 6]]
    assert "1 polygons of more or fewer than four corners" in lost(caplog)


def test_what_a_line_cannot_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    boxes = [
        dm.RotatedBbox(5, 5, 2, 2, 0, label=0, attributes={"difficulty": value})
        for value in ("hard", True, -1, 1.5)
    ]
    sent = of(*boxes, gsd="fine", imagesource="two\nlines")
    (item,) = written(sent, tmp_path, "dota")
    assert [a.attributes["difficulty"] for a in item.annotations] == [0, 1, 0, 0]
    assert item.attributes == {}
    for what in (
        "3 difficulties that are no whole",
        "1 difficulties that are yes",
        "gsd",
        "imagesource",
    ):
        assert what in lost(caplog)


def test_what_is_refused(tmp_path: Path):
    out = str(tmp_path / "o")
    with pytest.raises(UnsupportedContentError, match="single spaces between them"):
        dm.Dataset.from_iterable([], categories=["two  spaces"]).export(out, "dota")
    item = dm.DatasetItem("a", subset="a/b")
    with pytest.raises(PathSeparatorInSubsetNameError):
        dm.Dataset.from_iterable([item]).export(out, "dota")


def test_numbers_of_any_size_have_four_decimals(tmp_path: Path):
    near, far = [0, 0, 1.5, 0, 1.5, 2.25, 0, 2.25], [0, 0, 2_000_000, 0, 2_000_000, 1, 0, 1]
    turned = dm.RotatedBbox(4, 2, 3_000_000, 2, 0, label=0)
    of(dm.Polygon(near, label=0), dm.Polygon(far, label=0), turned).export(
        str(tmp_path / "o"), "dota"
    )
    (file,) = (tmp_path / "o").rglob("a.txt")
    assert [line.split()[:4] for line in file.read_text().splitlines()] == [
        ["0.0000", "0.0000", "1.5000", "0.0000"],
        ["0.0000", "0.0000", "2000000.0000", "0.0000"],
        ["-1499996.0000", "1.0000", "1500004.0000", "1.0000"],
    ]
