"""PASCAL VOC's files: annotations, media, lists, and where they lie."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    RepeatedItemInFileError,
    UndeclaredLabelError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.formats.voc import annotation_xml
from datumaro.formats.voc.tasks import NAMES
from datumaro.model.annotation import AnnotationType
from format_files import label_names, make
from formats.voc.voc_files import one, read, thing, with_xml, xml

# --- the sample ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "n_labels", "kinds"),
    [
        ("voc", 25, {"label": 11, "bbox": 3, "mask": 1}),
        ("voc_classification", 22, {"label": 11}),
        ("voc_detection", 22, {"bbox": 2}),
        ("voc_segmentation", 22, {"mask": 1}),
        ("voc_instance_segmentation", 22, {"bbox": 2, "mask": 1}),
        ("voc_layout", 5, {"bbox": 2}),
        ("voc_action", 2, {"bbox": 1}),
    ],
)
def test_sample(shared_data: Path, format: str, n_labels: int, kinds: dict[str, int]):
    dataset = read(shared_data / "formats/voc_dataset/voc_dataset1", format)
    assert {name: len(subset) for name, subset in dataset.subsets().items()} == {
        "train": 1,
        "test": 1,
    }
    assert len(label_names(dataset)) == n_labels
    found: dict[str, int] = {}
    for item in dataset:
        for annotation in item.annotations:
            found[annotation.type.name] = found.get(annotation.type.name, 0) + 1
    assert found == kinds
    has_colors = format in ("voc", "voc_segmentation", "voc_instance_segmentation")
    assert (AnnotationType.mask in dataset.categories()) == has_colors


def test_sample_in_detail(shared_data: Path):
    dataset = read(shared_data / "formats/voc_dataset/voc_dataset1")
    item = dataset.get("2007_000001", "train")
    assert item is not None
    assert item.media.size == (10, 20)
    cat, person, head = (a for a in item.annotations if a.type == AnnotationType.bbox)
    assert (cat.label, cat.id, cat.group, cat.points) == (8, 0, 0, [1, 2, 3, 4])
    assert cat.attributes == {
        "difficult": False,
        "truncated": True,
        "occluded": False,
        "pose": "Unspecified",
    }
    assert (person.id, person.group) == (1, 1)
    assert person.attributes["reading"] is True
    assert person.attributes["running"] is False
    assert (head.label, head.group, head.points) == (22, 1, [5.5, 6, 7.5, 8])
    (mask,) = (a for a in item.annotations if a.type == AnnotationType.mask)
    assert (mask.label, mask.group, mask.image.shape) == (2, 1, (10, 20))


def test_parts_of_the_first_object_keep_their_object(shared_data: Path):
    """The published package gives both group 0, which means none."""
    item = read(shared_data / "formats/voc_dataset/voc_dataset1", "voc_layout").get(
        "2007_000001", "train"
    )
    person, head = item.annotations
    assert person.id == 0
    assert person.group == head.group != 0


# --- annotations --------------------------------------------------------------------------------


def test_attributes(tmp_path: Path):
    more = (
        "<occluded>1</occluded><pose>Left</pose><point><x>1.5</x><y>2</y></point><attributes>"
        "<attribute><name>n</name><value>5</value></attribute>"
        "<attribute><name>truncated</name><value>half</value></attribute></attributes>"
        "<actions><fly>1</fly></actions>"
    )
    (box,) = one(with_xml(tmp_path, xml(thing(more=more)))).annotations
    assert box.attributes == {
        "difficult": False,
        "occluded": True,
        "pose": "Left",
        "point": [1.5, 2.0],
        "n": "5",
        "truncated": "half",
        "fly": True,
    }


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (xml(thing("zebra")), UndeclaredLabelError, r"a\.xml: line 3: object 1: label 'zebra'"),
        (xml(thing(box=None)), InvalidAnnotationError, r"line 3: object 'cat' without <bndbox>"),
        (xml("<object/>"), InvalidAnnotationError, "without <name>"),
        (xml(thing(box=(1, 2, 3))), InvalidAnnotationError, "<bndbox> without <ymax>"),
        (xml(thing(box=("x", 2, 3, 4))), InvalidAnnotationError, "<xmin> 'x'"),
        (xml(thing(box=("nan", 2, 3, 4))), InvalidAnnotationError, "<xmin> 'nan'"),
        (xml(thing(box=("1e99", 2, 3, 4))), InvalidAnnotationError, "<xmin> '1e99'"),
        (xml(thing(more="<difficult>?</difficult>")), InvalidAnnotationError, "0 or 1"),
        (xml(thing(more="<part/>")), InvalidAnnotationError, "a part"),
        (xml(thing(more="<point><x>1</x></point>")), InvalidAnnotationError, "<y>"),
        (
            xml(thing(more="<attributes><attribute/></attributes>")),
            InvalidAnnotationError,
            "an attribute without <name>",
        ),
        (xml(thing(more="<part><name>wing</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
                   "<xmax>2</xmax><ymax>2</ymax></bndbox></part>")),
         UndeclaredLabelError, "label 'wing'"),
    ],
)  # fmt: skip
def test_wrong_object(tmp_path: Path, text: str, error: type[Exception], says: str):
    with_xml(tmp_path, text)
    with pytest.raises(error, match=says):
        read(tmp_path)
    assert len(read(tmp_path, error_policy="skip")) == 1


def test_a_wrong_object_can_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with_xml(tmp_path, xml(thing("zebra"), thing(box=None), thing("dog")))
    with caplog.at_level(logging.WARNING):
        (item,) = read(tmp_path, error_policy="skip")
    assert [(a.label, a.id) for a in item.annotations] == [(12, 0)]
    assert "2 items or annotations left out" in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "a.xml"),
        (xml(thing())[:-5].encode(), "line 3"),
        (b"<annotation><object></annotation>", "line 1"),
        (b"<html/>", "<html>; expected <annotation>"),
        (b'<!DOCTYPE annotation [<!ENTITY x "cat">]>' + xml(thing("&x;")).encode(), "entities"),
        (
            '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE annotation [<!ENTITY x "y">]>'
            "<annotation/>".encode("utf-16"),
            "entities",
        ),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "document type"),
        (b"<annotation>" + b"<a>" * 300 + b"</a>" * 300 + b"</annotation>", "(?i)depth"),
        (xml(thing("&nothing;")).encode(), "nothing"),
        (b"\xff\xfe\x00\x01", "a.xml"),
    ],
)
def test_damaged_annotation(tmp_path: Path, text: bytes, says: str):
    with_xml(tmp_path, text)
    with pytest.raises(MalformedFileError, match=says):
        read(tmp_path)
    assert len(read(tmp_path, error_policy="skip")) == 0


def test_a_huge_annotation_is_not_taken_in(tmp_path: Path):
    with_xml(tmp_path, b"<annotation>" + b" " * annotation_xml.MAX_BYTES + b"</annotation>")
    with pytest.raises(MalformedFileError, match="more than"):
        read(tmp_path)


# --- media --------------------------------------------------------------------------------------


def test_media(tmp_path: Path):
    make(
        tmp_path,
        {
            "ImageSets/Main/train.txt": "named\nother\nfound\nnone\ndeep/x\n",
            "Annotations/named.xml": xml(filename="named.png", size=(0, 20)),
            "Annotations/other.xml": xml(filename="wrong.jpg"),
            "Annotations/deep/x.xml": xml(filename="deep/x.jpg"),
            "JPEGImages/other.PNG": b"",
            "JPEGImages/found.bmp": b"",
            "JPEGImages/deep/x.jpg": b"",
        },
    )
    media = {item.id: item.media for item in read(tmp_path)}
    paths = {key: m and str(Path(m.path).relative_to(tmp_path)) for key, m in media.items()}
    assert paths == {
        "named": "JPEGImages/named.png",  # it need not exist
        "other": "JPEGImages/other.PNG",  # unlike the one that the file names
        "found": "JPEGImages/found.bmp",
        "none": None,
        "deep/x": "JPEGImages/deep/x.jpg",
    }
    assert media["other"].size == (10, 20)
    assert not media["named"].has_size


def test_a_file_name_may_not_lead_outside(tmp_path: Path):
    with_xml(tmp_path, xml(filename="../../a.jpg"))
    with pytest.raises(PathOutsideDatasetError, match="<filename>"):
        read(tmp_path)
    item = next(iter(read(tmp_path, allow_external_media=True)))
    assert item.media.path.endswith("../../a.jpg")


def test_an_id_may_not_lead_outside(tmp_path: Path):
    make(tmp_path, {"ImageSets/Main/train.txt": "../../etc/passwd\n"})
    with pytest.raises(PathOutsideDatasetError, match=r"train\.txt"):
        read(tmp_path, allow_external_media=True)


# --- lists --------------------------------------------------------------------------------------


def test_lists(tmp_path: Path):
    make(
        tmp_path,
        {
            "ImageSets/Main/train.txt": b"\xef\xbb\xbf# a comment\r\nwith space\r\n\r\n  b  \n"
            + 'ünïcödé/ñ\n"q r"'.encode(),
            "ImageSets/Main/my_subset.txt": "u\n",
            "ImageSets/Main/empty.txt": "",
            "ImageSets/Main/cat_train.txt": 'with space  1\nb -1\n"q r" 0\n',
            "ImageSets/Main/dog_my_subset.txt": "u 1\n",
        },
    )
    items = {(item.subset, item.id): item.annotations for item in read(tmp_path)}
    assert list(items) == [
        ("my_subset", "u"),
        ("train", "with space"),
        ("train", "b"),
        ("train", "ünïcödé/ñ"),
        ("train", '"q r"'),
    ]
    assert [a.label for a in items["train", "with space"]] == [8]
    assert [a.label for a in items["my_subset", "u"]] == [12]
    assert not items["train", "b"]


def test_label_list_with_a_wrong_line(tmp_path: Path):
    make(tmp_path, {"ImageSets/Main/a.txt": "x\n", "ImageSets/Main/cat_a.txt": "x 1\nx 2\n"})
    with pytest.raises(InvalidAnnotationError, match=r"cat_a\.txt: line 2: 'x 2'"):
        read(tmp_path)
    (item,) = read(tmp_path, error_policy="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize(
    ("files", "item_id", "place", "first"),
    [
        ({"Main/a.txt": "x\n# y\ny\n x \n"}, "x", "line 4", "line 1"),
        ({"Main/a.txt": "x\n", "Main/cat_a.txt": "x 1\nx -1\n"}, "x", "line 2", "line 1"),
        ({"Main/a.txt": "x\n", "Layout/a.txt": "z 1\nz 2\nz 1\n"}, "z 1", "line 3", "line 1"),
        ({"Main/a.txt": "x\n", "Action/a.txt": "z\nz\n"}, "z", "line 2", "line 1"),
    ],
)
def test_ids_that_a_list_has_twice(
    tmp_path: Path, files: dict[str, str], item_id: str, place: str, first: str
):
    make(tmp_path, {f"ImageSets/{name}": text for name, text in files.items()})
    with pytest.raises(RepeatedItemInFileError) as caught:
        read(tmp_path)
    error = caught.value
    assert error.path == f"{tmp_path}/ImageSets/{list(files)[-1]}"
    assert (error.item_id, error.place) == ((item_id, "a"), place)
    assert error.found == f"item id {item_id!r} a second time in subset 'a', after {first}"
    items = read(tmp_path, error_policy="skip")
    assert len(items) == len({item.id for item in items})


def test_lists_of_unknown_labels_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    make(tmp_path, {"ImageSets/Main/a.txt": "x\n", "ImageSets/Main/zebra_a.txt": "x 1\n"})
    with caplog.at_level(logging.WARNING):
        assert list(read(tmp_path).subsets()) == ["a"]
    assert "zebra_a.txt" in caplog.text


def test_other_tasks_add_items_that_main_does_not_know(tmp_path: Path):
    make(
        tmp_path,
        {
            "ImageSets/Main/train.txt": "a\nb 2\n",
            "ImageSets/Segmentation/val.txt": "a\ns\n",
            "ImageSets/Layout/train.txt": "l 1\nl 2\na 1\nb 2\n",
            "ImageSets/Action/jumping_train.txt": "x 1 1\n",
            "ImageSets/Action/train.txt": "x 1\n",
        },
    )
    found = [(item.subset, item.id) for item in read(tmp_path)]
    assert found == [("train", "a"), ("train", "b 2"), ("train", "l"), ("train", "x"), ("val", "s")]
    assert [i.id for i in read(tmp_path, "voc_layout")] == ["l", "a", "b"]
    assert [i.id for i in read(tmp_path, "voc_action")] == ["x"]


def test_where_the_data_set_lies(tmp_path: Path):
    inner = make(tmp_path / "devkit/VOC2012", {
        "ImageSets/Main/train.txt": "a\n", "ImageSets/Main/val.txt": "b\n"})  # fmt: skip
    assert [item.id for item in read(tmp_path)] == ["a", "b"]
    assert [item.id for item in read(inner / "ImageSets/Main/val.txt")] == ["b"]
    make(tmp_path / "devkit/VOC2007", {"ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(DatasetNotFoundError, match="VOC2007, VOC2012"):
        read(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="ImageSets/Layout"):
        read(inner, "voc_layout")


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    make(tmp_path, {"ImageSets/Segmentation/a.txt": ""})
    said = {}
    for name in NAMES:
        try:
            said[name] = registry.get(name).detect(Folder(tmp_path))
        except Rejected as rejected:
            said[name] = str(rejected)
    assert said == {
        "voc": Confidence.MEDIUM,
        "voc_classification": "no lists (.txt) in ImageSets/Main",
        "voc_detection": "no lists (.txt) in ImageSets/Main",
        "voc_segmentation": Confidence.LOW,
        "voc_instance_segmentation": Confidence.LOW,
        "voc_layout": "no lists (.txt) in ImageSets/Layout",
        "voc_action": "no lists (.txt) in ImageSets/Action",
    }
    assert dm.Dataset.detect(str(tmp_path)) == "voc"
    with pytest.raises(Rejected):
        registry.get("voc").detect(Folder(tmp_path / "ImageSets"))
    listed = Folder(tmp_path / "ImageSets/Segmentation/a.txt")
    assert registry.get("voc").detect(listed) == Confidence.MEDIUM
