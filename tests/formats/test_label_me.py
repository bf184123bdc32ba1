"""LabelMe's XML: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

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
    RepeatedItemError,
    UndeclaredLabelError,
)
from datumaro.formats.base import Confidence
from datumaro.formats.label_me import attributes
from datumaro.model.annotation import AnnotationType
from format_files import (
    count,
    detect,
    image,
    label_names,
    lost,
    make,
    of_stated_size,
    png,
    read,
    written,
)

POLYGON = "<polygon><username>me</username>{}</polygon>"
TRIANGLE = POLYGON.format(
    "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((0, 0), (5, 0), (5, 4.5)))
)
SQUARE = POLYGON.format(
    "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (4, 2), (4, 3), (1, 3)))
)


def thing(name: str, inner: str, number: int = 0, parts: str = "") -> str:
    return (
        f"<object>\n<name>{name}</name><deleted>0</deleted><id>{number}</id>"
        f"<parts>{parts}</parts>{inner}</object>"
    )


def file(*objects: str, folder: str = "train", filename: str = "a.png") -> str:
    return (
        f"<annotation><filename>{filename}</filename><folder>{folder}</folder>"
        "<source><sourceImage/></source><imagesize><nrows>6</nrows><ncols>8</ncols></imagesize>\n"
        f"{''.join(objects)}</annotation>"
    )


def one(root: Path, *objects: str, **more: str | bytes) -> Path:
    return make(root, {"Annotations/train/a.xml": file(*objects), **more})


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/labelme_dataset"
    found = read(root, "label_me")
    assert count(found) == ({"subset1": 1}, {"polygon": 4, "mask": 2, "bbox": 1})
    assert label_names(found) == ["window", "license plate", "o1", "q1", "b1", "m1", "hg"]
    (item,) = found
    assert item.media.path.endswith("Images/subset1/img1.png") and item.media.size == (77, 102)
    masks = [a for a in item.annotations if isinstance(a, dm.Mask)]
    assert [int(np.asarray(m.image).sum()) for m in masks] == [10, 130]
    assert [a.group for a in item.annotations] == [0, 0, 2, 2, 2, 1, 1]
    assert item.annotations[6].attributes == {
        "gfd lkj lkj hi": True, "occluded": False, "username": "anonymous",
    }  # fmt: skip
    assert detect(root, "label_me") is Confidence.MEDIUM


def test_boxes_are_polygons_that_say_so(tmp_path: Path):
    root = one(
        tmp_path,
        thing("cat", f"<type>bounding_box</type>{SQUARE}", 3),
        thing("dog", SQUARE, 4),
        thing("", TRIANGLE, 5),
    )
    (item,) = read(root, "label_me")
    box, polygon, other = item.annotations
    assert isinstance(box, dm.Bbox) and box.points == [1, 2, 4, 3] and box.id == 3
    assert isinstance(polygon, dm.Polygon) and len(polygon.points) == 8
    assert other.label is None and other.points == [0, 0, 5, 0, 5, 4.5]
    assert box.attributes == {"occluded": False, "username": "me"}


def test_deleted_objects_are_left_out(tmp_path: Path):
    deleted = thing("dog", TRIANGLE, 7).replace("<deleted>0", "<deleted>1")
    (item,) = read(one(tmp_path, deleted, thing("cat", TRIANGLE, 8)), "label_me")
    assert [a.id for a in item.annotations] == [8]


def test_parts_are_groups(tmp_path: Path):
    """Chains of parts are one group; parts that are not there are passed over."""
    root = one(
        tmp_path,
        thing("a", TRIANGLE, 1, "<hasparts>2, 9</hasparts><ispartof/>"),
        thing("b", TRIANGLE, 2, "<hasparts></hasparts><ispartof>1</ispartof>"),
        thing("c", TRIANGLE, 3, "<hasparts></hasparts><ispartof>2</ispartof>"),
        thing("d", TRIANGLE, 4),
    )
    (item,) = read(root, "label_me")
    assert [a.group for a in item.annotations] == [1, 1, 1, 0]


@pytest.mark.parametrize("kind", ["alpha", "gray", "color"])
def test_masks(tmp_path: Path, kind: str):
    pixels = np.zeros((6, 8), np.uint8)
    pixels[1:3, 2:5] = 7
    if kind == "alpha":
        file = png(np.stack([np.zeros_like(pixels)] * 3 + [pixels], axis=2))
    else:
        file = png(np.stack([pixels] * 3, axis=2) if kind == "color" else pixels)
    root = one(
        tmp_path,
        thing("cat", "<segm><username/><mask>a_mask_0.png</mask></segm>"),
        **{"Masks/train/a_mask_0.png": file},
    )
    (item,) = read(root, "label_me")
    (mask,) = item.annotations
    assert np.array_equal(np.asarray(mask.image, bool), pixels > 0)


def test_images_are_found_where_they_lie(tmp_path: Path):
    for number, place in enumerate(("Images/train", "Images", "train", ".")):
        root = one(tmp_path / str(number), **{f"{place}/a.png": png(np.zeros((6, 8), np.uint8))})
        (item,) = read(root, "label_me")
        assert (item.id, item.media.data.shape[:2]) == ("a", (6, 8))


def test_a_single_file(tmp_path: Path):
    one(tmp_path, **{"Annotations/train/b.xml": file(filename="b.png")})
    (item,) = read(tmp_path / "Annotations/train/b.xml", "label_me")
    assert item.id == "b" and item.media.path.endswith("Images/train/b.png")


def test_without_folder_and_file_name(tmp_path: Path):
    (item,) = read(make(tmp_path, {"x.xml": "<annotation></annotation>"}), "label_me")
    assert (item.id, item.subset, item.media) == ("x", "default", None)


def test_labels_of_dataset_meta(tmp_path: Path):
    root = one(
        tmp_path, thing("dog", TRIANGLE), **{"dataset_meta.json": '{"labels": ["cat", "dog"]}'}
    )
    found = read(root, "label_me")
    assert label_names(found) == ["cat", "dog"]
    assert next(iter(found)).annotations[0].label == 1
    one(root, thing("owl", TRIANGLE))
    with pytest.raises(UndeclaredLabelError, match=r"a\.xml: line 2: label 'owl'"):
        read(root, "label_me")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" , ", {}),
        ("a", {"a": True}),
        ("a, b c", {"a": True, "b c": True}),
        ("n=3, r=-.5e1, s=x y", {"n": 3, "r": -5.0, "s": "x y"}),
        ("t=True, f=false", {"t": True, "f": False}),
        ('n="3", q="a, b"', {"n": "3", "q": "a, b"}),
        (r"a\,b=c\=d, e=\"\\", {"a,b": "c=d", "e": '"\\'}),
        (r"a=\ x\ ", {"a": " x "}),
        ("a=b=c, d=", {"a": "b=c", "d": ""}),
        ("a=nan, b=1e999, c=1_0", {"a": "nan", "b": "1e999", "c": "1_0"}),
    ],
)  # fmt: skip
def test_attributes(text: str, expected: dict[str, Any]):
    assert attributes.parse(text) == expected


@pytest.mark.parametrize(
    "value",
    [3, -7, 0.5, 1e300, True, False, "text", "3", "0.5", "true", "", " a ", "\t", "a\nb", 'a"b',
     "a,b=c", "\\", '"', '"3"', "猫"],
)  # fmt: skip
def test_attributes_come_back(value: Any):
    given = {"a": value, " n,a=m\\e ": value, "c": 1}
    found = attributes.parse(attributes.text_of(given))
    assert found == given and type(found["a"]) is type(value)


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (thing("a", ""), "without <polygon> and <segm>"),
        (thing("a", POLYGON.format("<pt><x>1</x></pt>" * 3)), "points .*expected x and y"),
        (thing("a", TRIANGLE.replace("4.5", "nan")), "points .*expected x and y"),
        (thing("a", TRIANGLE.replace("4.5", "many")), "points .*expected x and y"),
        (thing("a", POLYGON.format("<pt><x>1</x><y>1</y></pt>")), "of 1 points; expected three"),
        (thing("a", TRIANGLE, 1, "<hasparts>x</hasparts>"), "<hasparts> 'x'"),
        (thing("a", TRIANGLE).replace("<id>0", "<id>z"), "<id> 'z'"),
        (thing("a", "<segm></segm>"), "<segm> without <mask>"),
        (thing("a", "<segm><mask>no.png</mask></segm>"), r"no\.png: no such file"),
    ],
)
def test_damaged_objects_are_refused_or_skipped(tmp_path: Path, content: str, message: str):
    root = one(tmp_path, content, thing("b", TRIANGLE, 2))
    with pytest.raises((InvalidAnnotationError, MalformedFileError), match=message):
        read(root, "label_me")
    (item,) = read(root, "label_me", error_policy="skip")
    assert [a.id for a in item.annotations] == [2]


def test_masks_far_larger_than_their_images(tmp_path: Path):
    bomb = of_stated_size(png(np.zeros((6, 8), np.uint8)), 9000, 9000)
    root = one(
        tmp_path, thing("a", "<segm><mask>m.png</mask></segm>"), **{"Masks/train/m.png": bomb}
    )
    with pytest.raises(MalformedFileError, match=r"m\.png.*9000"):
        read(root, "label_me")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "whole XML"),
        ("<annotations/>", "<annotations>; expected <annotation>"),
        ("<annotation>\n<object>", "line 2"),
        ('<!DOCTYPE a [<!ENTITY e "e">]><annotation/>', "document type"),
        (file().replace("<nrows>6", "<nrows>-6"), "<nrows> '-6'"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: str, message: str):
    with pytest.raises(MalformedFileError, match=message) as info:
        read(make(tmp_path, {"Annotations/a.xml": content}), "label_me")
    assert "a.xml" in str(info.value)


def test_the_same_image_twice(tmp_path: Path):
    root = one(tmp_path, **{"Annotations/train/b.xml": file(thing("a", TRIANGLE))})
    with pytest.raises(RepeatedItemError, match=r"b\.xml.*a\.xml"):
        read(root, "label_me")
    assert len(read(root, "label_me", error_policy="skip")) == 1


@pytest.mark.parametrize(
    "content",
    [
        file(filename="../../../../x.png"),
        file(folder="../../.."),
        file(thing("a", "<segm><mask>../../../x.png</mask></segm>")),
    ],
)
def test_names_that_lead_outside(tmp_path: Path, content: str):
    root = make(tmp_path, {"Annotations/a.xml": content})
    with pytest.raises(PathOutsideDatasetError, match=r"a\.xml"):
        read(root, "label_me")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"\.xml"):
        read(tmp_path, "label_me")


# --- writing --------------------------------------------------------------------------------------


def data_set(*annotations: Any, **more: Any) -> dm.Dataset:
    item = dm.DatasetItem("a", media=image(6, 8), annotations=list(annotations), **more)
    return dm.Dataset.from_iterable([item], categories=["cat", "a dog"])


def test_groups_and_ids(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    triangle = [0, 0, 5, 0, 5, 4.5]
    sent = [
        dm.Polygon(triangle, label=0, id=5, group=9),
        dm.Bbox(1, 2, 3, 1, label=1, id=2, group=8),
        dm.Polygon(triangle, id=7, group=9),
        dm.Polygon(triangle, id=8, group=3),
        dm.Bbox(1, 2, 3, 1, id=10, group=8),
    ]
    (item,) = written(data_set(*sent), tmp_path, "label_me")
    assert [(a.id, a.group) for a in item.annotations] == [
        (5, 1), (2, 2), (7, 1), (8, 0), (10, 2),
    ]  # fmt: skip
    assert not lost(caplog)


def test_ids_that_are_not_unique(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = [dm.Bbox(1, 2, 3, 1, id=number) for number in (1, 1, 0, -4)]
    (item,) = written(data_set(*sent), tmp_path, "label_me")
    assert [a.id for a in item.annotations] == [1, 0, 2, 3]
    assert "2 ids that others of their item have too, or that are negative" in lost(caplog)


def test_masks_lie_beside_each_other(tmp_path: Path):
    pixels = np.zeros((6, 8), bool)
    pixels[1:3, 2:5] = True
    sent = [dm.Mask(pixels, label=0, id=3), dm.Mask(~pixels, label=1, id=4)]
    (item,) = written(data_set(*sent, subset="train"), tmp_path, "label_me")
    assert [np.array_equal(a.image, b.image) for a, b in zip(item.annotations, sent, strict=True)]
    names = sorted(path.name for path in (tmp_path / "Masks/train").iterdir())
    assert names == ["a_mask_3.png", "a_mask_4.png"]


def test_what_is_not_held_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = [dm.Label(0), dm.Bbox(1, 2, 3, 1, z_order=1, attributes={"a": [1], "b": 2})]
    (item,) = written(data_set(*sent), tmp_path, "label_me")
    assert item.annotations[0].attributes == {"b": 2, "occluded": False, "username": ""}
    for what in ("labels of items", "z orders", "attributes of boxes"):
        assert what in lost(caplog)


@pytest.mark.parametrize("subset", ["a/b", "..", " x"])
def test_subsets_that_are_no_folders(tmp_path: Path, subset: str):
    with pytest.raises((DatasetExportError, ValueError), match=r"rename|outside"):
        data_set(subset=subset).export(str(tmp_path / "x"), "label_me")


def test_labels_without_names(tmp_path: Path):
    categories = {AnnotationType.label: dm.LabelCategories.from_iterable([""])}
    dataset = dm.Dataset.from_iterable([dm.DatasetItem("a")], categories=categories)
    with pytest.raises(DatasetExportError, match="no name"):
        dataset.export(str(tmp_path / "x"), "label_me")
