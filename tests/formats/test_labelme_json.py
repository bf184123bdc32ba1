"""The JSON of the program labelme: what is read, what is written, and what is refused."""

from __future__ import annotations

import base64
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
    MediaError,
    PathOutsideDatasetError,
)
from datumaro.formats.base import Confidence
from format_files import detect, image, label_names, lost, make, of_stated_size, png, read, written

PIXELS = np.ones((2, 2), np.uint8)


def shape(kind: str, points: Any, label: Any = "cat", **more: Any) -> dict[str, Any]:
    """A shape as labelme 5 writes it."""
    return {
        "label": label, "points": points, "group_id": None, "description": "",
        "shape_type": kind, "flags": {}, "mask": None,
    } | more  # fmt: skip


def file(*shapes: Any, **more: Any) -> str:
    record = {
        "version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": "a.png",
        "imageData": None, "imageHeight": 6, "imageWidth": 8,
    }  # fmt: skip
    return json.dumps(record | more)


def read_one(root: Path, *shapes: Any, **more: Any) -> dm.DatasetItem:
    (item,) = read(make(root, {"a.json": file(*shapes, **more)}), "labelme_json")
    return item


def mask_of(pixels: np.ndarray) -> str:
    return base64.b64encode(png(pixels)).decode()


# --- reading ------------------------------------------------------------------------------------


def test_kinds(tmp_path: Path):
    item = read_one(
        tmp_path,
        shape("polygon", [[0, 0], [5, 0.5], [5, 5]]),
        shape("rectangle", [[5, 4], [1, 2]]),
        shape("rectangle", [[1, 2], [5, 2], [5, 4], [1, 4]]),
        shape("rectangle", [[1, 2], [5, 3], [4, 5], [0, 4]]),
        shape("circle", [[4, 3], [4, 5]]),
        shape("line", [[1, 1], [2, 2]]),
        shape("linestrip", [[1, 1], [2, 2], [3, 1]]),
        shape("point", [[1, 2]]),
        shape("points", [[1, 2], [3, 4]]),
    )
    assert [(type(a).__name__, a.points) for a in item.annotations] == [
        ("Polygon", [0, 0, 5, 0.5, 5, 5]),
        ("Bbox", [1, 2, 5, 4]),
        ("Bbox", [1, 2, 5, 4]),
        ("Polygon", [1, 2, 5, 3, 4, 5, 0, 4]),
        ("Ellipse", [2, 1, 6, 5]),
        ("PolyLine", [1, 1, 2, 2]),
        ("PolyLine", [1, 1, 2, 2, 3, 1]),
        ("Points", [1, 2]),
        ("Points", [1, 2, 3, 4]),
    ]
    assert (item.id, item.subset, item.media.size) == ("a", "default", (6, 8))


def test_masks_are_of_their_box(tmp_path: Path):
    pixels = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    item = read_one(tmp_path, shape("mask", [[2, 1], [4, 2]], mask=mask_of(pixels)))
    expected = np.zeros((6, 8), bool)
    expected[1:3, 2:5] = pixels
    assert np.array_equal(item.annotations[0].image, expected)


def test_attributes_groups_and_flags(tmp_path: Path):
    item = read_one(
        tmp_path,
        shape(
            "point", [[1, 2]],
            flags={"hidden": True, "cut": False}, description="text", group_id=4,
        ),
        shape("point", [[1, 2]], label="", group_id=0, score=0.5, difficult=False),
        shape("point", [[1, 2]], group_id=0, attributes={"age": [1]}),
        flags={"sunny": True, "rainy": False},
    )  # fmt: skip
    label, one, two, three = item.annotations
    assert isinstance(label, dm.Label) and label.label == 0
    assert one.attributes == {"hidden": True, "cut": False, "description": "text"}
    assert two.attributes == {"score": 0.5, "difficult": False} and two.label is None
    assert three.attributes == {"age": [1]}
    assert [a.group for a in item.annotations] == [0, 4, 5, 5]
    assert label_names(read(tmp_path, "labelme_json")) == ["sunny", "rainy", "cat"]


def test_folders_are_subsets(tmp_path: Path):
    names = ("x", "train/x", "val/y/z.1")
    root = make(tmp_path, {f"{name}.json": file(imagePath="") for name in names})
    found = {(item.subset, item.id) for item in read(root, "labelme_json")}
    assert found == {("default", "x"), ("train", "x"), ("val", "y/z.1")}


def test_old_files_have_fewer_keys(tmp_path: Path):
    content = {
        "version": "3.16.7", "flags": {}, "lineColor": [0, 255, 0, 128], "imageData": None,
        "shapes": [{"label": "cat", "line_color": None, "points": [[0, 0], [5, 0], [5, 5]]}],
        "imagePath": "a.png",
    }  # fmt: skip
    (item,) = read(make(tmp_path, {"a.json": json.dumps(content)}), "labelme_json")
    assert isinstance(item.annotations[0], dm.Polygon)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("a.png", "json/a.png"),
        ("..\\images\\a.png", "images/a.png"),
        ("../images/a.png", "images/a.png"),
        ("C:\\users\\me\\a.png", "json/a.png"),
        ("../../elsewhere/a.png", "json/a.png"),
    ],
)
def test_images(tmp_path: Path, given: str, place: str):
    root = make(
        tmp_path,
        {"json/a.json": file(imagePath=given), place: png(np.zeros((6, 8), np.uint8))},
    )
    (item,) = read(root, "labelme_json")
    assert item.media.path.endswith(place) and item.media.data.shape[:2] == (6, 8)


def test_images_in_the_file(tmp_path: Path):
    pixels = np.full((6, 8), 7, np.uint8)
    item = read_one(tmp_path, imageData=base64.b64encode(png(pixels)).decode())
    assert item.media.size == (6, 8) and int(item.media.data.max()) == 7
    found = written(
        read(tmp_path, "labelme_json"), tmp_path / "out", "labelme_json", save_media=True
    )
    assert int(next(iter(found)).media.data.max()) == 7
    with pytest.raises(MediaError, match=r"a\.json: \$\.imageData"):
        _ = read_one(tmp_path / "b", imageData="%%").media.data


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (shape("polygon", [[1, 1], [2, 2]]), "a polygon of 2 points; expected a polygon"),
        (shape("rectangle", [[1, 1]]), "a rectangle of 1 points"),
        (shape("hexagon", [[1, 1]]), "a hexagon of 1 points"),
        (shape("point", [[1e30, 1]]), "expected pixels"),
        (shape("mask", [[1, 1], [2, 2]]), "expected the corners of its box, and its pixels"),
        (shape("mask", [[1, 1], [9, 2]], mask=""), "in its image of 8 x 6"),
        (shape("mask", [[1, 1], [2, 2]], mask="%"), "no base64"),
        (shape("mask", [[1, 1], [2, 2]], mask="AAAA"), "mask: byte 0"),
        (
            shape("mask", [[1, 1], [2, 2]], mask=mask_of(np.ones((3, 2), np.uint8))),
            "3 x 2 pixels; expected 2 x 2",
        ),
        (
            shape(
                "mask", [[1, 1], [2, 2]],
                mask=base64.b64encode(of_stated_size(png(PIXELS), 9000, 9000)).decode(),
            ),
            "9000 x 9000 pixels; expected 2 x 2",
        ),
    ],
)  # fmt: skip
def test_damaged_shapes_are_refused_or_skipped(tmp_path: Path, content: Any, message: str):
    root = make(tmp_path, {"a.json": file(content, shape("point", [[1, 1]]))})
    with pytest.raises((InvalidAnnotationError, MalformedFileError), match=message) as info:
        read(root, "labelme_json")
    assert "a.json" in str(info.value)
    (item,) = read(root, "labelme_json", error_policy="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[]", "expected an object"),
        ("{}", "no key 'shapes'"),
        (file(shape("point", [[1]])), r"\$\.shapes\[0\]\.points\[0\]"),
        (file(shape("point", [["1", 2]])), r"\$\.shapes\[0\]\.points\[0\]\[0\]: \"1\""),
        (file(imageHeight=-6), r"\$\.imageHeight: -6"),
        ('{"shapes": ' + "[" * 5000, "expected an object"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: str, message: str):
    root = make(tmp_path, {"a.json": content, "b.json": file()})
    with pytest.raises(MalformedFileError, match=message) as info:
        read(root, "labelme_json")
    assert "a.json" in str(info.value)
    assert [item.id for item in read(root, "labelme_json", error_policy="skip")] == ["b"]


@pytest.mark.parametrize("name", ["../../../../x.png", "/etc/passwd"])
def test_names_that_lead_outside(tmp_path: Path, name: str):
    root = make(tmp_path, {"a.json": file(imagePath=name)})
    with pytest.raises(PathOutsideDatasetError, match=r"imagePath in .*a\.json"):
        read(root, "labelme_json")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"\.json"):
        read(tmp_path, "labelme_json")


# --- writing --------------------------------------------------------------------------------------


def data_set(*annotations: Any, **more: Any) -> dm.Dataset:
    item = dm.DatasetItem("a", media=image(6, 8), annotations=list(annotations), **more)
    return dm.Dataset.from_iterable([item], categories=["cat", "a dog"])


def test_what_is_written(tmp_path: Path):
    pixels = np.zeros((6, 8), bool)
    pixels[1:3, 2:5] = True
    dataset = data_set(
        dm.Label(1),
        dm.Mask(pixels, label=0, group=3, attributes={"cut": True, "age": 2, "description": "x"}),
        dm.PolyLine([1, 1, 2, 2]),
    )
    dataset.export(str(tmp_path), "labelme_json", save_media=True)
    content = json.loads((tmp_path / "default/a.json").read_text())
    assert content["flags"] == {"a dog": True}
    assert (content["imagePath"], content["imageHeight"], content["imageWidth"]) == ("a.png", 6, 8)
    mask, line = content["shapes"]
    assert mask | {"mask": ""} == {
        "label": "cat", "points": [[2, 1], [4, 2]], "group_id": 3, "description": "x",
        "shape_type": "mask", "flags": {"cut": True}, "mask": "", "attributes": {"age": 2},
    }  # fmt: skip
    assert (line["label"], line["shape_type"], line["group_id"]) == ("", "line", None)
    assert detect(tmp_path, "labelme_json") is Confidence.MEDIUM


def test_ellipses(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Circles stay what they are."""
    dataset = data_set(dm.Ellipse(1, 1, 4.5, 4.5), dm.Ellipse(1, 1, 7, 4))
    (item,) = written(dataset, tmp_path, "labelme_json")
    circle, polygon = item.annotations
    assert isinstance(circle, dm.Ellipse) and circle.points == [1, 1, 4.5, 4.5]
    assert isinstance(polygon, dm.Polygon)
    assert np.allclose(polygon.get_bbox(), [1, 1, 6, 3], atol=0.01)
    assert "they become polygons" in lost(caplog)


def test_what_is_not_held_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(
        dm.Mask(np.ones((2, 2), bool)),
        dm.Points([1, 1], [1]),
        *(dm.Label(0), dm.Label(0), dm.Caption("a")),
    )
    written(dataset, tmp_path, "labelme_json")
    for what in (
        "masks that are not of their image's size", "whether points are visible",
        "labels that an item has twice", "captions",
    ):  # fmt: skip
        assert what in lost(caplog)


@pytest.mark.parametrize(("item", "subset"), [("a", ".x"), (".a", "x"), ("b/.a", "x")])
def test_names_that_would_be_hidden(tmp_path: Path, item: str, subset: str):
    dataset = dm.Dataset.from_iterable([dm.DatasetItem(item, subset=subset)])
    with pytest.raises(DatasetExportError, match="rename"):
        dataset.export(str(tmp_path / "x"), "labelme_json")
