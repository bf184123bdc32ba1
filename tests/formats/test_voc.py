"""PASCAL VOC: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from PIL import Image as PILImage
from pycocotools import mask as coco_mask

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    MediaTypeError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    RepeatedItemInFileError,
    UndeclaredLabelError,
    UnknownOptionError,
    UnsupportedContentError,
)
from datumaro.formats import index_masks, registry
from datumaro.formats.base import Confidence, Folder, Rejected, WriteContext
from datumaro.formats.voc import annotation_xml, masks
from datumaro.formats.voc.tasks import NAMES
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import generate_colormap
from format_files import label_names, make, png

PALETTE = np.array(list(generate_colormap(256).values()), np.uint8)


# --- making files -------------------------------------------------------------------------------


def thing(name: str = "cat", box: tuple[object, ...] | None = (1, 2, 3, 4), more: str = "") -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box or (), strict=False)
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
    return (
        f"<object><name>{name}</name>"
        + (f"<bndbox>{inside}</bndbox>" if box else "")
        + f"{more}</object>"
    )


def xml(*objects: str, filename: str = "a.jpg", size: tuple[int, int] | None = (10, 20)) -> str:
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height></size>" if size else ""
    return f"<annotation>\n<filename>{filename}</filename>\n{sides}{''.join(objects)}</annotation>"


def read(root: Path, format: str = "voc", **options: object) -> dm.Dataset:
    return dm.Dataset.import_from(str(root), format, **options)


def one(root: Path, format: str = "voc") -> dm.DatasetItem:
    (item,) = read(root, format)
    return item


def with_xml(root: Path, text: str | bytes) -> Path:
    return make(root, {"ImageSets/Main/train.txt": "a\n", "Annotations/a.xml": text})


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


# --- label maps ---------------------------------------------------------------------------------


def test_label_map(tmp_path: Path):
    make(
        tmp_path,
        {
            "labelmap.txt": "\ufeff# label:color_rgb:parts:actions\r\n"
            "cat:1,2,3:tail,paw:sit,run\r\n\r\ndog::tail:\r\nbus:4,5,6::\r\n",
            "ImageSets/Main/train.txt": "a\n",
        },
    )
    dataset = read(tmp_path)
    labels = dataset.categories()[AnnotationType.label]
    assert [(c.name, c.parent, c.attributes) for c in labels] == [
        ("cat", "", {"sit", "run"}),
        ("dog", "", set()),
        ("bus", "", set()),
        ("tail", "cat", set()),
        ("paw", "cat", set()),
    ]
    assert labels.attributes == {"difficult", "truncated", "occluded"}
    assert dataset.categories()[AnnotationType.mask].colormap == {0: (1, 2, 3), 2: (4, 5, 6)}
    assert label_names(read(tmp_path, "voc_detection")) == ["cat", "dog", "bus"]


def test_label_map_without_colors_has_the_palette(tmp_path: Path):
    make(tmp_path, {"labelmap.txt": "a:::\nb:::\n", "ImageSets/Main/train.txt": "a\n"})
    colors = read(tmp_path).categories()[AnnotationType.mask]
    assert colors.colormap == {0: (0, 0, 0), 1: (128, 0, 0)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cat:::\ndog::\n", r"line 2.*3 fields"),
        ("cat:::\n\ncat:::\n", r"line 3: label 'cat', which line 1 has too"),
        ("cat:1,2::\n", r"line 1.*colour"),
        ("cat:1,2,256::\n", r"line 1.*0 to 255"),
        ("cat:1,2,-3::\n", r"line 1.*0 to 255"),
        (":::\n", r"line 1: ':::'; expected a name"),
    ],
)
def test_wrong_label_map(tmp_path: Path, text: str, says: str):
    make(tmp_path, {"labelmap.txt": text, "ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(InvalidAnnotationError, match=says):
        read(tmp_path)


def test_label_map_that_is_no_text(tmp_path: Path):
    make(tmp_path, {"labelmap.txt": b"\xff\xfe\x00", "ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(MalformedFileError, match=r"labelmap\.txt: byte 0: not UTF-8"):
        read(tmp_path)


def test_dataset_meta(tmp_path: Path):
    meta = (
        '{"labels": ["background", "cat", "dog"], "label_map": {"0": "background", "2": "dog"}, '
        '"segmentation_colors": [[0, 0, 0], [1, 2, 3]], "parts": {"1": ["tail"]}, '
        '"actions": {"2": ["run"]}}'
    )
    make(tmp_path, {"dataset_meta.json": meta, "ImageSets/Main/train.txt": "a\n"})
    dataset = read(tmp_path)
    labels = dataset.categories()[AnnotationType.label]
    assert label_names(dataset) == ["background", "cat", "dog", "tail"]
    assert labels[2].attributes == {"run"}
    assert dataset.categories()[AnnotationType.mask].colormap == {0: (0, 0, 0), 2: (1, 2, 3)}


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ("{", "expected a JSON object"),
        ("[]", r"\$: \[\]; expected an object"),
        ('{"labels": {}}', r"\$\.labels"),
        ('{"labels": ["a", "a"]}', r"\$\.labels\[1\]"),
        ('{"labels": ["a"], "parts": {"7": ["b"]}}', r"\$\.parts\.7: label index 7"),
        ('{"labels": ["a"], "parts": {"0": "b"}}', r"\$\.parts\[\.\.\.\]"),
        ('{"labels": ["a"], "segmentation_colors": [[1, 2]]}', r"\$\.segmentation_colors\[0\]"),
        ('{"labels": [], "segmentation_colors": [[1, 2, 3]]}', "1 colours"),
    ],
)
def test_wrong_dataset_meta(tmp_path: Path, meta: str, says: str):
    make(tmp_path, {"dataset_meta.json": meta, "ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(DatasetImportError, match=says):
        read(tmp_path)


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


NAME = st.sampled_from(["cat", "a b", "x&amp;y", "é", "<![CDATA[z]]>", " pad ", "a]]&gt;", "0"])
SPACE = st.sampled_from(["", " ", "\n\t", "\r\n", "<!-- c -->"])
NUMBER = st.sampled_from(["1", "2.5", " 3 ", "-4", "1e2", "12345678", "007", "4."])
FLAG = st.sampled_from(["", "<truncated>1</truncated>", "<occluded>0</occluded>",
                        "<difficult>1</difficult>", "<pose>Left</pose>", "<pose/>"])  # fmt: skip


@st.composite
def annotation_files(draw: st.DrawFn) -> str:
    """Files that are usual but for a few things."""
    space = draw(SPACE)
    objects = ""
    for _ in range(draw(st.integers(0, 3))):
        flags = draw(st.lists(FLAG, max_size=4))
        corners = "".join(
            f"<{tag}>{draw(NUMBER)}</{tag}>{space}" for tag in ("xmin", "ymin", "xmax", "ymax")
        )
        box = f"<bndbox>{space}{corners}</bndbox>{draw(SPACE)}"
        name = f"<name>{draw(NAME)}</name>{space}"
        before = draw(st.integers(0, len(flags)))
        objects += (
            f"<object>{space}{name}{''.join(flags[:before])}{box}{''.join(flags[before:])}"
            f"</object>{space}"
        )
    head = draw(
        st.sampled_from(["", '<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8'?>\n"])
    )
    return (
        f"{head}<annotation>{space}<filename>{draw(NAME)}</filename>{space}<source>{space}"
        f"<database>{draw(NAME)}</database></source>{space}<size><width>{draw(NUMBER)}</width>"
        f"<height>5</height><depth>3</depth></size>{objects}</annotation>{draw(SPACE)}"
    )  # fmt: skip


def by_lxml(data: bytes) -> annotation_xml.ImageAnnotation:
    def refuse(error: DatasetImportError) -> None:
        raise error

    return annotation_xml._parse(data, "a.xml", refuse)


@given(annotation_files())
def test_the_fast_way_reads_what_lxml_reads(text: str):
    fast = annotation_xml._scan(text.encode())
    if fast is not None:
        assert fast == by_lxml(text.encode())


@given(st.data())
def test_the_fast_way_takes_no_damaged_file(data: st.DataObject):
    text = bytearray(xml(thing(), thing("dog", (1, 2, 30, 4.5))).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    fast = annotation_xml._scan(bytes(text))
    if fast is not None:
        assert fast == by_lxml(bytes(text))


def test_usual_files_are_read_the_fast_way():
    for text in (xml(), xml(thing()), xml(thing(), thing("dog"), size=None)):
        assert annotation_xml._scan(text.encode()) is not None


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


# --- masks --------------------------------------------------------------------------------------

CLASSES = np.zeros((10, 20), np.uint8)
CLASSES[2:4], CLASSES[5:7], CLASSES[8] = 3, 5, 255
INSTANCES = np.zeros((10, 20), np.uint8)
INSTANCES[2], INSTANCES[3], INSTANCES[5:7], INSTANCES[8], INSTANCES[9] = 1, 2, 3, 255, 4


def with_masks(root: Path, classes: bytes | None, instances: bytes | None) -> Path:
    files: dict[str, str | bytes] = {"ImageSets/Segmentation/train.txt": "a\n"}
    if classes is not None:
        files["SegmentationClass/a.png"] = classes
    if instances is not None:
        files["SegmentationObject/a.png"] = instances
    return make(root, files)


def found_masks(root: Path) -> dict[tuple[int, int | None], np.ndarray]:
    return {(m.group, m.label): m.image for m in one(root, "voc_segmentation").annotations}


@pytest.mark.parametrize("kind", ["palette", "rgb", "index"])
def test_instances(tmp_path: Path, kind: str):
    if kind == "palette":
        files = png(CLASSES, PALETTE), png(INSTANCES, PALETTE)
    elif kind == "rgb":
        files = png(PALETTE[CLASSES]), png(PALETTE[INSTANCES])
    else:
        files = png(CLASSES), png(INSTANCES)  # 255 is "ignored" by convention
    found = found_masks(with_masks(tmp_path, *files))
    assert list(found) == [(1, 3), (2, 3), (3, 5), (4, 0), (255, 21)]
    for (group, _), image in found.items():
        assert np.array_equal(image, group == INSTANCES)


def test_a_palette_is_read_by_its_colours(tmp_path: Path):
    order = np.arange(255, -1, -1)
    shuffled = PALETTE[order]  # index 255 - i has the colour of i
    found = found_masks(with_masks(tmp_path, png(255 - CLASSES, shuffled), None))
    assert sorted(label for _, label in found) == [0, 3, 5, 21]
    assert np.array_equal(found[0, 3], CLASSES == 3)


def test_masks_of_classes_alone(tmp_path: Path):
    found = found_masks(with_masks(tmp_path, png(CLASSES, PALETTE), None))
    assert list(found) == [(0, 0), (0, 3), (0, 5), (0, 21)]
    assert np.array_equal(found[0, 21], CLASSES == 255)


def test_masks_of_instances_alone_have_no_label(tmp_path: Path):
    found = found_masks(with_masks(tmp_path, None, png(INSTANCES, PALETTE)))
    assert list(found) == [(n, None) for n in (1, 2, 3, 4, 255)]


def test_an_instance_has_the_label_of_most_of_its_pixels(tmp_path: Path):
    classes, instances = np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.uint8)
    instances[:] = 7
    classes[0], classes[1:3] = 9, 4  # the rest is background, which counts last
    found = found_masks(with_masks(tmp_path, png(classes, PALETTE), png(instances, PALETTE)))
    assert list(found) == [(7, 4)]


def test_masks_of_different_sizes(tmp_path: Path):
    with_masks(tmp_path, png(CLASSES[:5], PALETTE), png(INSTANCES, PALETTE))
    with pytest.raises(InvalidAnnotationError, match="10 x 20 pixels; expected 5 x 20"):
        read(tmp_path, "voc_segmentation")
    (item,) = read(tmp_path, "voc_segmentation", error_policy="skip")
    assert not item.annotations


def test_undeclared_colour(tmp_path: Path):
    with_masks(tmp_path, png(np.full((4, 4, 3), 77, np.uint8)), None)
    with pytest.raises(InvalidAnnotationError, match=r"pixel \(0, 0\): colour \(77, 77, 77\)"):
        read(tmp_path, "voc_segmentation")


def test_undeclared_index(tmp_path: Path):
    with_masks(tmp_path, png(np.full((4, 4), 30, np.uint8)), None)
    with pytest.raises(InvalidAnnotationError, match="label index 30"):
        read(tmp_path, "voc_segmentation")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"no image", "b'no image'; expected a PNG"),
        (png(CLASSES, PALETTE)[:60], ""),
        (png(np.arange(300 * 300, dtype=np.uint16).reshape(300, 300).astype(np.uint8))[:-3000], ""),
        (b"GIF89a" + bytes(100), "b'GIF89a"),
    ],
)
def test_damaged_mask(tmp_path: Path, data: bytes, found: str):
    with_masks(tmp_path, data, None)
    with pytest.raises(MalformedFileError, match=rf"SegmentationClass/a\.png: .*{found}"):
        read(tmp_path, "voc_segmentation")


def test_a_mask_that_lies_about_its_size(tmp_path: Path):
    data = bytearray(png(CLASSES, PALETTE))
    for width, says in ((100_000, "100000"), (5000, "5000 x 5000 pixels; expected 10 x 20")):
        data[16:24] = width.to_bytes(4, "big") * 2
        data[29:33] = __import__("zlib").crc32(data[12:29]).to_bytes(4, "big")
        with_masks(tmp_path, bytes(data), None)
        make(tmp_path, {"Annotations/a.xml": xml()})
        with pytest.raises(MalformedFileError, match=says):
            read(tmp_path, "voc_instance_segmentation")


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_run_lengths_are_those_of_coco(height: int, width: int, n: int, random):
    pixels = np.array([[random.randrange(n) for _ in range(width)] for _ in range(height)])
    found = index_masks.masks_of(pixels)
    assert sorted(found) == np.unique(pixels).tolist()
    for value, rle in found.items():
        expected = coco_mask.encode(np.asfortranarray(pixels == value, np.uint8))
        assert rle == expected["counts"]


@given(st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=20))
def test_each_colour_has_a_place_in_the_palette(numbers: list[int]):
    colors = []
    for number in numbers:
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= ((number >> (3 * bit + channel)) & 1) << (7 - bit)
        colors.append(channels[0] << 16 | channels[1] << 8 | channels[2])
    assert masks.instance_numbers(np.array(colors, np.int32)).tolist() == numbers


# --- round trips --------------------------------------------------------------------------------


def content_of(dataset: dm.Dataset) -> dict[tuple[str, str], list[object]]:
    """What can be compared: all of items but where their files lie."""

    def key(a: dm.Annotation) -> object:
        points = list(getattr(a, "points", ()))
        image = a.image.tobytes() if a.type == AnnotationType.mask else None
        return (a.type, a.label, a.group, a.id, dict(a.attributes), points, image)

    return {
        (item.subset, item.id): [
            item.media and (Path(item.media.path).name, item.media.size),
            [key(a) for a in item.annotations],
        ]
        for item in dataset
    }


def two_masks() -> list[dm.Mask]:
    first, second = np.zeros((10, 20), bool), np.zeros((10, 20), bool)
    first[1:4, 2:9], second[5:9, 3:5] = True, True
    return [dm.Mask(first, label=1, group=3), dm.Mask(second, label=2, group=5)]


def boxes() -> list[dm.Annotation]:
    flags = {"difficult": False, "truncated": True, "occluded": False}
    acts = {"walk": True, "run": False}
    free = {"color": 'red & <"bold">', "note": "two\nlines\r", "point": [1.5, 2.0]}
    return [
        dm.Bbox(1, 2, 3.25, 4, label=1, id=0, group=0, attributes={**flags, "pose": "Left"}),
        dm.Bbox(0.1, 0.2, 9, 8, label=2, id=1, group=1, attributes={**flags, **acts}),
        dm.Bbox(1, 1, 1, 1, label=3, id=0, group=1),
        dm.Bbox(2, 2, 1, 1, label=3, id=0, group=1),
        dm.Bbox(5, 5, 1, 1, label=1, id=2, group=2, attributes={**flags, **free}),
    ]


def pictured(root: Path) -> dict[str, dm.Image]:
    pixels = np.full((10, 20, 3), 99, np.uint8)
    root.mkdir(parents=True, exist_ok=True)
    made = {}
    for name in ("a.jpg", "b.png"):
        PILImage.fromarray(pixels).save(root / name)
        made[name] = dm.Image.from_file(path=str(root / name))
    return made


def data_set(root: Path, contents: list[list[dm.Annotation]]) -> dm.Dataset:
    labels = dm.LabelCategories.from_iterable(
        ["background", "cat", ("person", "", ["walk", "run"]), ("head", "person")]
    )
    ids = ["2007_000001", "with space", "deep/er/ünïcödé", "dots.in.id"]
    media = list(pictured(root).values())
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset=("train", "val", "my_subset")[n % 3],
                media=media[n % 2],
                annotations=contents[n % len(contents)],
            )
            for n, item_id in enumerate(ids)
        ],
        categories={AnnotationType.label: labels},
    )


CONTENTS: dict[str, list[list[dm.Annotation]]] = {
    "voc": [[dm.Label(1), dm.Label(2), *boxes(), *two_masks()], [], boxes()],
    "voc_classification": [[dm.Label(1)], [dm.Label(1), dm.Label(3)], []],
    "voc_detection": [[a for a in boxes() if a.label == 1][:1], []],
    "voc_segmentation": [two_masks(), []],
    "voc_instance_segmentation": [[boxes()[0], *two_masks()], []],
    "voc_layout": [[boxes()[0], *boxes()[1:4]], []],
    "voc_action": [boxes()[:2], []],
}


@pytest.mark.parametrize("format", NAMES)
def test_round_trip(tmp_path: Path, format: str, caplog: pytest.LogCaptureFixture):
    before = data_set(tmp_path / "in", CONTENTS[format])
    if format not in ("voc", "voc_layout"):  # others have no parts
        before.categories()[AnnotationType.label].items[3].parent = ""
    if format in ("voc_layout", "voc_detection", "voc_instance_segmentation"):
        for item in before:
            for a in item.annotations:  # and no actions
                a.attributes = {k: v for k, v in a.attributes.items() if k not in ("walk", "run")}
        before.categories()[AnnotationType.label].items[2].attributes = set()
    with caplog.at_level(logging.WARNING):
        before.export(str(tmp_path / "out"), format, save_media=True)
    assert not caplog.text  # nothing is lost
    after = read(tmp_path / "out", format)
    assert {k: v[1] for k, v in content_of(after).items()} == {
        k: v[1] for k, v in content_of(before).items()
    }
    assert {i.id: i.media.data.shape for i in after} == {i.id: (10, 20, 3) for i in before}
    assert after.categories()[AnnotationType.label] == before.categories()[AnnotationType.label]
    after.export(str(tmp_path / "again"), format, save_media=True)
    assert content_of(read(tmp_path / "again", format)) == content_of(after)
    for name in ("Annotations", "ImageSets", "SegmentationClass", "SegmentationObject"):
        assert files_of(tmp_path / "again" / name) == files_of(tmp_path / "out" / name)


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_sample_goes_through(tmp_path: Path, shared_data: Path):
    before = read(shared_data / "formats/voc_dataset/voc_dataset1")
    before.export(str(tmp_path / "out"), "voc", save_media=True)
    after = read(tmp_path / "out")
    assert content_of(after) == content_of(before)
    assert after.categories() == before.categories()


def test_empty_data_set(tmp_path: Path):
    labels = dm.LabelCategories.from_iterable(["a"])
    empty = dm.Dataset.from_iterable([], categories={AnnotationType.label: labels})
    empty.export(str(tmp_path / "out"), "voc")
    assert files_of(tmp_path / "out")["ImageSets/Main/default.txt"] == b""
    dataset = read(tmp_path / "out")
    assert len(dataset) == 0 and label_names(dataset) == ["a"]


def test_without_media(tmp_path: Path):
    item = dm.DatasetItem("x", subset="a", annotations=[dm.Label(0)])
    dataset = dm.Dataset.from_iterable([item, dm.DatasetItem("y", subset="a")], categories=["l"])
    dataset.export(str(tmp_path / "out"), "voc", save_media=True)
    assert [(i.id, i.media, len(i.annotations)) for i in read(tmp_path / "out")] == [
        ("x", None, 1),
        ("y", None, 0),
    ]


def test_sizes_survive_without_the_images(tmp_path: Path):
    dataset = data_set(tmp_path / "in", [[]])
    dataset.export(str(tmp_path / "out"), "voc")
    assert not (tmp_path / "out/JPEGImages").exists()
    assert {item.media.size for item in read(tmp_path / "out")} == {(10, 20)}


# --- writing ------------------------------------------------------------------------------------


def export(root: Path, items: list[dm.DatasetItem], labels: object, **options: object) -> Path:
    categories = labels if isinstance(labels, dict) else list(labels)
    dataset = dm.Dataset.from_iterable(items, categories=categories)
    dataset.export(str(root), options.pop("format", "voc"), **options)
    return root


def test_text_of_an_annotation(tmp_path: Path):
    item = dm.DatasetItem(
        "2007_x", annotations=[dm.Bbox(1, 2.5, 2.46, 4, label=0, attributes={"n": 3})]
    )
    export(tmp_path / "out", [item], ["cat"])
    assert (tmp_path / "out/Annotations/2007_x.xml").read_text() == (
        "<annotation>\n  <folder>2007</folder>\n  <filename>2007_x.jpg</filename>\n  <source>\n"
        "    <database>Unknown</database>\n    <annotation>Unknown</annotation>\n"
        "    <image>Unknown</image>\n  </source>\n  <segmented>0</segmented>\n  <object>\n"
        "    <name>cat</name>\n    <truncated>0</truncated>\n    <occluded>0</occluded>\n"
        "    <difficult>0</difficult>\n    <bndbox>\n      <xmin>1</xmin>\n      <ymin>2.5</ymin>\n"
        "      <xmax>3.46</xmax>\n      <ymax>6.5</ymax>\n    </bndbox>\n    <attributes>\n"
        "      <attribute>\n        <name>n</name>\n        <value>3</value>\n"
        "      </attribute>\n    </attributes>\n  </object>\n</annotation>\n"
    )
    assert (tmp_path / "out/labelmap.txt").read_text() == (
        "# label:color_rgb:parts:actions\ncat:::\n"
    )


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    item = dm.DatasetItem(
        "x",
        attributes={"weather": "fine"},
        annotations=[
            dm.Polygon([0, 0, 1, 0, 1, 1], label=0),
            dm.Polygon([0, 0, 2, 0, 2, 2], label=0),
            dm.Caption("text"),
            dm.Bbox(0, 0, 1, 1),
            dm.Bbox(0, 0, 1, 1, label=0, attributes={"n": 1}, z_order=2),
        ],
    )
    with caplog.at_level(logging.WARNING):
        export(tmp_path / "out", [item], ["cat"], allow_attributes=False)
    for part in ("2 polygons", "1 captions", "1 boxes without a label", "1 attributes of items",
                 "1 attributes (first: item 'x')", "1 z orders"):  # fmt: skip
        assert part in caplog.text


def test_actions_that_are_none_stay_attributes(tmp_path: Path):
    labels = dm.LabelCategories.from_iterable([("car", "", ["color", "parked"])])
    flags = {"difficult": False, "truncated": False, "occluded": False}
    attributes = [{"color": "red", "parked": True, **flags}, {"parked": False, **flags}]
    item = dm.DatasetItem(
        "x", annotations=[dm.Bbox(0, 0, 1, 1, label=0, attributes=a) for a in attributes]
    )
    export(tmp_path / "out", [item], {AnnotationType.label: labels})
    assert [dict(a.attributes) for a in one(tmp_path / "out").annotations] == attributes


def test_labels_that_a_label_map_file_cannot_hold(tmp_path: Path):
    names = ["a:b", "#c", " d ", "e,f", "g\nh", "with_underscore", "i/j"]
    items = [dm.DatasetItem("x", annotations=[dm.Bbox(0, 0, 1, 1, label=n) for n in range(7)])]
    export(tmp_path / "out", items, names)
    assert (tmp_path / "out/dataset_meta.json").exists()
    dataset = read(tmp_path / "out")
    assert label_names(dataset) == names
    assert [a.label for item in dataset for a in item.annotations] == list(range(7))


def test_parts_between_other_labels_are_objects(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The published package wants parts behind the labels; the order of labels is kept instead."""
    labels = dm.LabelCategories.from_iterable([("head", "person"), "person"])
    item = dm.DatasetItem(
        "x",
        annotations=[dm.Bbox(0, 0, 9, 9, label=1, group=1), dm.Bbox(0, 0, 1, 1, label=0, group=1)],
    )
    with caplog.at_level(logging.WARNING):
        export(tmp_path / "out", [item], {AnnotationType.label: labels})
    assert "1 parents of labels (first: label 'head')" in caplog.text
    assert [a.label for a in one(tmp_path / "out").annotations] == [1, 0]
    assert label_names(read(tmp_path / "out")) == ["head", "person"]


def test_a_background_is_added_for_masks_alone(tmp_path: Path):
    mask = dm.Mask(np.eye(4, dtype=bool), label=1)
    export(tmp_path / "masks", [dm.DatasetItem("x", annotations=[mask])], ["cat", "dog"])
    dataset = read(tmp_path / "masks")
    assert label_names(dataset) == ["background", "cat", "dog"]
    assert [(a.label, a.image.tolist()) for i in dataset for a in i.annotations] == [
        (2, mask.image.tolist())
    ]
    export(tmp_path / "none", [dm.DatasetItem("x", annotations=[dm.Label(1)])], ["cat", "dog"])
    assert label_names(read(tmp_path / "none")) == ["cat", "dog"]


def test_colours(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Colours are kept where they tell labels apart; labels without one get one."""
    categories = {
        AnnotationType.label: dm.LabelCategories.from_iterable(["a", "b", "c", "background"]),
        AnnotationType.mask: dm.MaskCategories({0: (9, 9, 9), 1: (9, 9, 9), 3: (1, 1, 1)}),
    }
    annotations = []
    for label in range(3):
        image = np.zeros((4, 4), bool)
        image[label] = True
        annotations.append(dm.Mask(image, label=label))
    with caplog.at_level(logging.WARNING):
        export(tmp_path / "out", [dm.DatasetItem("x", annotations=annotations)], categories)
    assert "1 colours of labels that other labels have too (first: label 'b')" in caplog.text
    dataset = read(tmp_path / "out")
    colormap = dataset.categories()[AnnotationType.mask].colormap
    assert colormap[0] == (9, 9, 9)
    assert colormap[3] == (0, 0, 0)
    assert len(set(colormap.values())) == 4
    assert [a.label for a in one(tmp_path / "out").annotations] == [0, 1, 2]


def test_a_label_that_is_black(tmp_path: Path):
    categories = {
        AnnotationType.label: dm.LabelCategories.from_iterable(["road", "car"]),
        AnnotationType.mask: dm.MaskCategories.generate(2),
    }
    masks_before = [
        dm.Mask(np.tri(4, dtype=bool), label=0, group=1),
        dm.Mask(~np.tri(4, dtype=bool), label=1, group=2),
    ]
    export(tmp_path / "out", [dm.DatasetItem("x", annotations=masks_before)], categories)
    found = one(tmp_path / "out").annotations
    assert [(m.label, m.group, m.image.tolist()) for m in found] == [
        (m.label, m.group, m.image.tolist()) for m in masks_before
    ]


def test_masks_are_painted_by_z_order(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    full, part = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    part[1:3, 1:3] = True
    annotations = [dm.Mask(part, label=1, z_order=1), dm.Mask(full, label=2, z_order=0)]
    with caplog.at_level(logging.WARNING):
        export(
            tmp_path / "out",
            [dm.DatasetItem("x", annotations=annotations)],
            ["background", "a", "b"],
        )
    assert "1 masks that others cover" in caplog.text
    found = {m.label: m.image for m in one(tmp_path / "out").annotations}
    assert np.array_equal(found[1], part)
    assert np.array_equal(found[2], full & ~part)  # fmt: skip


def test_more_instances_and_labels_than_a_palette_has(tmp_path: Path):
    n = 300
    annotations = []
    for index in range(n):
        image = np.zeros((20, 20), bool)
        image.flat[index] = True
        annotations.append(dm.Mask(image, label=1 + index))
    labels = ["background", *(f"l{i}" for i in range(n))]
    for colored in (True, False):
        out = tmp_path / str(colored)
        export(
            out,
            [dm.DatasetItem("x", annotations=annotations)],
            labels,
            apply_colormap=colored,
            format="voc_segmentation",
        )
        found = one(out, "voc_segmentation").annotations
        assert [(m.label, m.group) for m in found] == [(i + 1, i + 1) for i in range(n)]


def test_masks_without_labels(tmp_path: Path):
    mask = dm.Mask(np.eye(4, dtype=bool), group=9)
    out = export(tmp_path / "out", [dm.DatasetItem("x", annotations=[mask])], ["a"])
    assert [(m.label, m.group) for m in one(out).annotations] == [(None, 9)]


def test_label_map_option(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [dm.DatasetItem("x", annotations=[dm.Label(0), dm.Label(1)])]
    out = export(tmp_path / "voc", items, ["cat", "zebra"], label_map="voc")
    assert [a.label for a in one(out).annotations] == [8]
    assert "1 labels whose label the label map has not" in caplog.text
    (tmp_path / "map.txt").write_text("zebra:::\ncat:::\n")
    out = export(tmp_path / "file", items, ["cat", "zebra"], label_map=str(tmp_path / "map.txt"))
    assert label_names(read(out)) == ["zebra", "cat"]
    assert [a.label for a in one(out).annotations] == [0, 1]
    with pytest.raises(UnknownOptionError, match="nowhere"):
        export(tmp_path / "no", items, ["cat", "zebra"], label_map="nowhere.txt")


def test_keep_empty(tmp_path: Path):
    items = [dm.DatasetItem("x", subset="s", annotations=[dm.Label(0)])]
    lists = {"Main/s.txt", "Main/a_s.txt"}
    out = export(tmp_path / "without", items, ["a"])
    assert set(files_of(out / "ImageSets")) == lists
    out = export(tmp_path / "with", items, ["a"], keep_empty=True)
    assert set(files_of(out / "ImageSets")) == {
        *lists, "Segmentation/s.txt", "Layout/s.txt", "Action/s.txt"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("item_id", "error"),
    [
        ("a\nb", UnsupportedContentError),
        ("# x", UnsupportedContentError),
        (" x", UnsupportedContentError),
    ],
)
def test_ids_that_cannot_be_written(tmp_path: Path, item_id: str, error: type[Exception]):
    items = [dm.DatasetItem("fine"), dm.DatasetItem(item_id)]
    with pytest.raises(error):
        export(tmp_path / "out", items, ["a"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("item_id", ["../x", "/etc/x", "a/../../x", "a\0b"])
def test_ids_that_lead_outside(tmp_path: Path, item_id: str):
    """A `DatasetItem` cannot have such an id, but columns from a file can."""
    content = dm.Dataset.from_iterable([dm.DatasetItem("x")]).content()
    (chunk,) = content.chunks
    index = chunk.items.schema.get_field_index("id")
    ids = pa.array([item_id], pa.large_string())
    chunk.items = chunk.items.set_column(index, chunk.items.schema.field("id"), ids)
    format = registry.get("voc")
    with pytest.raises(PathOutsideDatasetError):
        format.write(content, tmp_path, format.write_options(), WriteContext())
    assert not list(tmp_path.iterdir())


def test_subsets_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(PathSeparatorInSubsetNameError):
        export(tmp_path / "out", [dm.DatasetItem("x", subset="a/b")], ["a"])
    items = [dm.DatasetItem("x", subset="train"), dm.DatasetItem("y", subset="cat_train")]
    with pytest.raises(UnsupportedContentError, match="'cat_train'"):
        export(tmp_path / "out", items, ["cat"])


def test_one_id_in_two_subsets(tmp_path: Path):
    """VOC has one file for both: fine for the same item (train and trainval), not for others."""

    def item(subset: str, x: int) -> dm.DatasetItem:
        return dm.DatasetItem("x", subset=subset, annotations=[dm.Bbox(x, 0, 1, 1, label=0)])

    out = export(tmp_path / "same", [item("train", 1), item("trainval", 1)], ["a"])
    assert [(i.subset, len(i.annotations)) for i in read(out)] == [("train", 1), ("trainval", 1)]
    with pytest.raises(UnsupportedContentError, match="several subsets"):
        export(tmp_path / "other", [item("train", 1), item("val", 2)], ["a"])  # fmt: skip


def test_text_that_xml_cannot_hold(tmp_path: Path):
    box = dm.Bbox(0, 0, 1, 1, label=0, attributes={"a": "\x00"})
    with pytest.raises(UnsupportedContentError, match="XML cannot hold"):
        export(tmp_path / "out", [dm.DatasetItem("x", annotations=[box])], ["a"])


def test_other_media_are_refused(tmp_path: Path):
    item = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    dataset = dm.Dataset.from_iterable([item], media_type=dm.PointCloud)
    with pytest.raises(MediaTypeError):
        dataset.export(str(tmp_path / "out"), "voc")


def test_an_export_leaves_no_old_annotations(tmp_path: Path):
    out = export(tmp_path / "out", data_set(tmp_path / "in", CONTENTS["voc"]), {})
    export(out, [dm.DatasetItem("only")], ["a"])
    assert set(files_of(out)) == {
        "labelmap.txt", *(f"ImageSets/{name}/default.txt"
                          for name in ("Main", "Segmentation", "Layout", "Action"))
    }  # fmt: skip


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
