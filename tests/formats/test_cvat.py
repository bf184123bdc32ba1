"""CVAT: what is read from its files, what is written, and what is refused."""

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
from datumaro.formats import xml_files
from datumaro.formats.base import Confidence
from datumaro.formats.cvat import reader
from datumaro.model.annotation import AnnotationType
from format_files import count, detect, image, label_names, lost, make, png, read, written

LABELS = """<labels>
<label><name>cat</name><color>#ff0010</color><attributes>
<attribute><name>good</name><input_type>checkbox</input_type><values>false</values></attribute>
<attribute><name>age</name><input_type>number</input_type><values>0;10;1</values></attribute>
<attribute><name>color</name><input_type>select</input_type><values>red
blue</values></attribute>
</attributes></label>
<label><name>dog</name><attributes></attributes></label>
<label><name>body</name><type>skeleton</type><attributes></attributes></label>
<label><name>nose</name><type>points</type><attributes></attributes><parent>body</parent></label>
</labels>"""


def file(content: str, meta: str = f"<task><name>x</name>{LABELS}</task>") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta>{meta}</meta>\n{content}\n</annotations>\n"
    )


def in_image(content: str) -> str:
    return file(f'<image id="3" name="a.png" width="8" height="6">\n{content}\n</image>')


def read_one(root: Path, content: str) -> dm.DatasetItem:
    """The item of an image with some shapes."""
    (item,) = read(make(root, {"train.xml": in_image(content)}), "cvat")
    return item


def annotation(root: Path, content: str) -> Any:
    (found,) = read_one(root, content).annotations
    return found


# --- reading ------------------------------------------------------------------------------------


def test_sample_of_a_task(shared_data: Path):
    found = read(shared_data / "formats/cvat_dataset/for_images/export_task", "cvat")
    kinds = {"bbox": 1, "polyline": 1, "polygon": 1, "points": 1}
    assert count(found) == ({"train": 2}, kinds)
    box = found.get("img0", "train").annotations[0]
    assert box.attributes == {"occluded": True, "a1": True, "a2": "v3", "a3": "0003", "a4": 2.4}
    assert (box.label, box.z_order, box.points) == (0, 1, [0, 2, 4, 4])
    assert found.get("img1", "train").annotations[0].label is None
    assert found.get("img1", "train").media.path.endswith("images/img1.jpg")
    assert detect(shared_data / "formats/cvat_dataset/for_images/export_task", "cvat") is (
        Confidence.MEDIUM
    )


def test_sample_of_a_project(shared_data: Path):
    found = read(shared_data / "formats/cvat_dataset/for_images/export_project", "cvat")
    assert count(found)[0] == {"Test": 2, "Train": 2, "Validation": 2}
    assert found.get("img0", "Test").media.path.endswith("images/Test/img0.jpg")


def test_sample_of_a_video(shared_data: Path):
    found = read(shared_data / "formats/cvat_dataset/for_video", "cvat")
    assert count(found) == ({"annotations": 3}, {"bbox": 3, "points": 2, "polyline": 2})
    item = found.get("frame_000013", "annotations")
    assert item.attributes == {"frame": 13}
    assert item.media.path.endswith("images/frame_000013.png") and item.media.size == (20, 25)
    assert [(a.id, a.attributes["outside"], a.attributes.get("hgl")) for a in item.annotations] == [
        (0, True, None), (1, True, "jk"), (2, False, None),
    ]  # fmt: skip


def test_attributes_have_the_types_that_their_labels_declare(tmp_path: Path):
    found = annotation(
        tmp_path,
        '<box label="cat" occluded="1" xtl="1" ytl="2" xbr="3.5" ybr="4" z_order="-2" group_id="7">'
        '<attribute name="good">true</attribute><attribute name="age">7</attribute>'
        '<attribute name="color">a &lt;b&gt;\n&#13;</attribute>'
        '<attribute name="note">12</attribute></box>',
    )
    assert found.attributes == {
        "occluded": True, "good": True, "age": 7, "color": "a <b>\n\r", "note": "12",
    }  # fmt: skip
    assert (found.z_order, found.group, found.id, found.points) == (-2, 7, 0, [1, 2, 3.5, 4])


@pytest.mark.parametrize("text", ["many", "1e999", "nan", ""])
def test_numbers_that_are_none_stay_text(tmp_path: Path, text: str):
    found = annotation(
        tmp_path,
        f'<tag label="cat"><attribute name="age">{text}</attribute></tag>',
    )
    assert found.attributes == {"age": text}


def test_turned_boxes(tmp_path: Path):
    found = annotation(
        tmp_path, '<box label="dog" xtl="1" ytl="2" xbr="4" ybr="4" rotation="30.5"></box>'
    )
    assert isinstance(found, dm.RotatedBbox) and found.points == [2.5, 3, 3, 2, 30.5]


def test_ellipses(tmp_path: Path):
    turned = '<ellipse label="dog" cx="4" cy="3" rx="2" ry="1.5" rotation="10"></ellipse>'
    found = annotation(tmp_path, turned)
    assert isinstance(found, dm.Ellipse) and found.points == [2, 1.5, 6, 4.5]
    assert found.attributes == {"occluded": False, "rotation": 10}


def test_cuboids(tmp_path: Path):
    corners = " ".join(
        f'x{name}="{number}" y{name}="{number}.125"'
        for number, name in enumerate(("tl1", "bl1", "tr1", "br1", "tl2", "bl2", "tr2", "br2"))
    )
    found = annotation(tmp_path, f'<cuboid label="dog" {corners}></cuboid>')
    assert found.type is AnnotationType.cuboid_2d
    assert [x for x, _ in found.points] == [0, 2, 3, 1, 4, 6, 7, 5]
    assert found.points[1] == (2, 2.125)


def test_masks(tmp_path: Path):
    found = annotation(
        tmp_path,
        '<mask label="cat" rle="1, 2, 0, 1, 2" left="2" top="1" width="3" height="2"></mask>',
    )
    expected = np.zeros((6, 8), int)
    expected[1, 3:5] = expected[2, 2] = 1
    assert np.asarray(found.image).astype(int).tolist() == expected.tolist()


def test_skeletons(tmp_path: Path):
    found = annotation(
        tmp_path,
        '<skeleton label="body" z_order="1"><attribute name="a">b</attribute>'
        '<points label="nose" outside="0" occluded="1" points="1.5,2">'
        '<attribute name="c">d</attribute></points>'
        '<points label="nose" outside="1" points="3,4"></points></skeleton>',
    )
    assert isinstance(found, dm.Skeleton) and found.label == 2 and found.z_order == 1
    assert found.attributes == {"occluded": False, "a": "b"}
    assert [(e.points, list(e.visibility), e.label) for e in found.elements] == [
        ([1.5, 2], [1], 3), ([3, 4], [0], 3),
    ]  # fmt: skip
    assert found.elements[0].attributes == {"c": "d"}


def test_labels_have_parents_and_colors(tmp_path: Path):
    found = read(make(tmp_path, {"a.xml": file("")}), "cvat")
    labels = found.categories()[AnnotationType.label]
    assert [(label.name, label.parent) for label in labels] == [
        ("cat", ""), ("dog", ""), ("body", ""), ("nose", "body"),
    ]  # fmt: skip
    assert labels[0].attributes == {"good", "age", "color"}
    assert found.categories()[AnnotationType.mask].colormap == {0: (255, 0, 16)}


def test_parts_of_two_skeletons_with_one_name(tmp_path: Path):
    labels = "".join(
        f"<label><name>{name}</name></label><label><name>1</name><parent>{name}</parent></label>"
        for name in ("cat", "dog")
    )
    shape = '<skeleton label="dog"><points label="1" points="1,1"/></skeleton>'
    content = file(
        f'<image id="0" name="a.png">{shape}</image>', f"<task><labels>{labels}</labels></task>"
    )
    found = read(make(tmp_path, {"a.xml": content}), "cvat")
    assert label_names(found) == ["cat", "1", "dog", "dog/1"]
    assert next(iter(found)).annotations[0].elements[0].label == 3


def test_images_without_names_and_sizes(tmp_path: Path):
    (item,) = read(make(tmp_path, {"a.xml": file('<image id="12"/>')}), "cvat")
    assert (item.id, item.attributes) == ("frame_000012", {"frame": 12})


def test_images_lie_in_images_or_beside(tmp_path: Path):
    content = file('<image id="0" name="b/a.png"/>')
    for number, place in enumerate(("images/train", "images", ".")):
        root = make(tmp_path / str(number), {"train.xml": content})
        make(root / place, {"b/a.png": png(np.zeros((6, 8), np.uint8))})
        (item,) = read(root, "cvat")
        assert (item.id, item.media.data.shape[:2]) == ("b/a", (6, 8))


def test_several_files_are_subsets(tmp_path: Path):
    names = "".join(f"<label><name>{name}</name></label>" for name in ("dog", "owl"))
    other = f"<task><labels>{names}</labels></task>"
    files = {
        "train.xml": in_image('<tag label="dog"/>'),
        "val.xml": file('<image id="3" name="a.png"><tag label="owl"/></image>', other),
    }
    found = read(make(tmp_path, files), "cvat")
    assert label_names(found) == ["cat", "dog", "body", "nose", "owl"]
    assert [found.get("a", s).annotations[0].label for s in ("train", "val")] == [1, 4]
    assert count(read(tmp_path / "val.xml", "cvat"))[0] == {"val": 1}


def test_tracks_of_several_tasks(tmp_path: Path):
    """Each task counts its own frames."""
    meta = (
        "<project><tasks><task><id>1</id><original_size><width>8</width><height>6</height>"
        f"</original_size></task><task><id>2</id></task></tasks>{LABELS}</project>"
    )
    track = (
        '<track id="{0}" label="dog" task_id="{1}" subset="train">'
        '<box frame="5" outside="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/></track>'
    )
    content = file("".join(track.format(n, task) for n, task in enumerate((1, 2))), meta)
    found = read(make(tmp_path, {"a.xml": content}), "cvat")
    assert {item.id for item in found} == {"1/frame_000005", "2/frame_000005"}
    assert found.get("1/frame_000005", "train").media.size == (6, 8)


def test_tracks_beside_images(tmp_path: Path):
    """The shape of an image's frame is the image's."""
    content = file(
        '<image id="1" name="one.png"><tag label="cat"/></image><image id="2" name="two.png"/>'
        '<track id="9" label="dog">'
        '<points frame="2" keyframe="1" points="1,1"/><points frame="3" points="2,2"/></track>'
    )
    found = read(make(tmp_path, {"a.xml": content}), "cvat")
    assert {item.id: [a.type.name for a in item.annotations] for item in found} == {
        "one": ["label"], "two": ["points"], "frame_000003": ["points"],
    }  # fmt: skip
    assert found.get("two", "a").annotations[0].attributes["track_id"] == 9


USUAL = """
<image id="1" name="\u00fc b/c.d.png" width="8" height="6">
  <box label="cat" source="manual" occluded="1" xtl="1.5" ytl="-2" xbr="3.25" ybr="4" z_order="2">
    <attribute name="good">true</attribute>
    <attribute name="color">red \u732b</attribute>
  </box>
  <polygon label="dog" outside="0" keyframe="1" points="1,2;3,4;5.5,6" group_id="-3"></polygon>
  <polyline label="" points="0.125,2;3,4"/>
  <points points="1,1" z_order="-1"/>
  <tag label="cat"><attribute name="age">3</attribute></tag>
</image>
<image id="2" name="b.png" width="8" height="6"/>
"""


@pytest.mark.parametrize(
    "unusual",
    [
        "",
        '<image id="3" name="c.png" width="8" height="6"><tag label="dog"/><!-- </image> -->'
        "</image>",
        "<!-- </image> -->",
        "<other><image/></other>",
        '<image id="3" name="&amp;.png"/>',
        '<image id="3" name="c.png" width="8" height="6"><box label="cat" xtl="1e0" ytl="2" '
        'xbr="3" ybr="4"/></image>',
        '<image id="3" name="c.png" width="8" height="6"><tag label="cat"><attribute name="x">'
        "a<![CDATA[ </image> ]]></attribute></tag></image>",
    ],
)
def test_usual_images_are_read_as_a_parser_would(
    tmp_path: Path, unusual: str, monkeypatch: pytest.MonkeyPatch
):
    """The kernel and the parser take turns, wherever one has to begin."""
    later = USUAL.replace('id="1" name="', 'id="4" name="x').replace('name="b', 'name="y')
    root = make(tmp_path, {"a.xml": file(USUAL + unusual + later)})
    found = read(root, "cvat")
    for size in (1, 7, 100):  # bytes that are read at a time
        monkeypatch.setattr(xml_files, "_READ_BYTES", size)
        assert_same(read(root, "cvat"), found)
    monkeypatch.undo()
    monkeypatch.setattr(reader, "scan", lambda data, begin, *_: (begin, ()))
    assert_same(read(root, "cvat"), found)


def assert_same(one: dm.Dataset, other: dm.Dataset) -> None:
    assert [(i.id, i.media.path, i.media.size, i.attributes, i.annotations) for i in one] == [
        (i.id, i.media.path, i.media.size, i.attributes, i.annotations) for i in other
    ]


@pytest.mark.parametrize(
    "change",
    [
        ('label="dog"', 'label="dog" label="dog"'),
        ("</polygon>", "</box>"),
        ("2;3,4;5.5", "2;3,4;5.5&"),
        ('name="b.png"', 'name="b\x01.png"'),
        ("<attribute name", "<attribute other"),
    ],
)
def test_what_is_no_xml_is_refused_in_usual_images_too(tmp_path: Path, change: tuple[str, str]):
    text = USUAL.replace(*change)
    assert text != USUAL
    if "other" in change[1]:  # whole, but without its name
        (item, _) = read(make(tmp_path, {"a.xml": file(text)}), "cvat")
        assert item.annotations[0].attributes == {"occluded": True, "": "red \u732b"}
        return
    with pytest.raises(MalformedFileError, match=r"a\.xml: line \d+"):
        read(make(tmp_path, {"a.xml": file(text)}), "cvat")


def test_lines_behind_usual_images(tmp_path: Path):
    root = make(tmp_path, {"a.xml": file(USUAL + '<image id="3" name="b.png"/>')})
    with pytest.raises(RepeatedItemError, match=r"line 27: .*after a\.xml: line 26"):
        read(root, "cvat")
    root = make(tmp_path, {"a.xml": file(USUAL + USUAL)})
    with pytest.raises(RepeatedItemError, match=r"line 28: .*after a\.xml: line 16"):
        read(root, "cvat")
    assert [len(i.annotations) for i in read(root, "cvat", error_policy="skip")] == [5, 0]


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<box label="cat" xtl="1" ytl="2" xbr="3"/>', r"line 16: no ybr; expected a number"),
        ('<box label="cat" xtl="1" ytl="x" xbr="3" ybr="4"/>', r"ytl='x'; expected a number"),
        ('<box label="cat" xtl="1" ytl="nan" xbr="3" ybr="4"/>', r"ytl='nan'"),
        ('<polygon label="cat" points="1,2;3,4"/>', r"points='1,2;3,4'.*3 at least"),
        ('<polyline label="cat" points="1,2;3"/>', r"expected x,y;x,y"),
        ('<polyline label="cat" points="1,inf"/>', r"points='1,inf'"),
        ('<points label="cat"/>', r"points=''"),
        ('<points label="cat" occluded="2" points="1,1"/>', r"occluded='2'; expected 0 or 1"),
        ('<points label="cat" z_order="a" points="1,1"/>', r"z_order: 'a'; expected an integer"),
        ('<points label="cat" z_order="99999999999" points="1,1"/>', r"32 bits"),
        ('<mask label="cat" rle="1,2" left="0" top="0" width="2" height="2"/>', r"add up to 2 x 2"),
        ('<mask label="cat" rle="9" left="5" top="0" width="9" height="1"/>', r"in an image of 8"),
        ('<mask label="cat" rle="" left="0" top="0" width="1" height="1"/>', r"expected the run"),
        ('<mask label="cat" rle="1" left="0" top="0" width="1"/>', r"height: nothing"),
        ('<tag label=""/>', r"a tag without a label"),
        ('<hexagon label="cat"/>', r"<hexagon>; expected one of box, "),
        ('<skeleton label="body"><points label="nose" points="1,1;2,2"/></skeleton>', r"one"),
    ],
)  # fmt: skip
def test_damaged_shapes_are_refused_or_skipped(tmp_path: Path, content: str, message: str):
    root = make(tmp_path, {"a.xml": in_image(content + '<tag label="dog"/>')})
    with pytest.raises(InvalidAnnotationError, match=message) as info:
        read(root, "cvat")
    assert "a.xml: line 16" in str(info.value)
    (item,) = read(root, "cvat", error_policy="skip")
    assert [a.type.name for a in item.annotations] == ["label"]


def test_labels_that_are_not_declared(tmp_path: Path):
    root = make(tmp_path, {"a.xml": in_image('<tag label="bird"/>')})
    with pytest.raises(UndeclaredLabelError, match=r"'bird'; expected one of .*cat, dog"):
        read(root, "cvat")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no element found"),
        ("<a/>", "<a>; expected <annotations>"),
        ("<annotations></annotations>", "no <meta>"),
        ("<annotations><image/></annotations>", "<image> before <meta>"),
        (file("", "<x/>"), "without <task>, <project> or <job>"),
        (file("", "<task><labels><label/></labels></task>"), "a label without a name"),
        (file("<image"), "line 16"),
        (
            '<!DOCTYPE a [<!ENTITY e "eeee">]><annotations>&e;</annotations>',
            "document type declaration",
        ),
        ("<annotations>" + "<a>" * 300 + "</a>" * 300 + "</annotations>", "more than 256 others"),
        (file('<image id="0" name="a"/>').encode("utf-16"), "UTF-8"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: str | bytes, message: str):
    with pytest.raises(MalformedFileError, match=message) as info:
        read(make(tmp_path, {"a.xml": content}), "cvat")
    assert "a.xml" in str(info.value)


def test_the_same_image_twice(tmp_path: Path):
    twice = '<image id="0" name="a.png"/><image id="1" name="a.png"><tag label="cat"/></image>'
    root = make(tmp_path, {"a.xml": file(twice)})
    with pytest.raises(RepeatedItemError, match="a second time"):
        read(root, "cvat")
    (item,) = read(root, "cvat", error_policy="skip")
    assert not item.annotations


def test_a_label_twice(tmp_path: Path):
    label = "<label><name>cat</name></label>"
    content = file("", f"<task><labels>{label}{label}</labels></task>")
    with pytest.raises(MalformedFileError, match="'cat' a second time"):
        read(make(tmp_path, {"a.xml": content}), "cvat")


def test_names_that_lead_outside(tmp_path: Path):
    root = make(tmp_path, {"a.xml": file('<image id="0" name="../../../etc/passwd"/>')})
    with pytest.raises(PathOutsideDatasetError, match=r"a\.xml: line"):
        read(root, "cvat")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"\.xml"):
        read(tmp_path, "cvat")


# --- writing --------------------------------------------------------------------------------------


def data_set(
    *annotations: Any, attributes: dict[str, Any] | None = None, **more: Any
) -> dm.Dataset:
    labels = dm.LabelCategories.from_iterable([("cat", "", ["age"]), "dog"])
    item = dm.DatasetItem(
        "a", media=image(6, 8), annotations=list(annotations), attributes=attributes or {}, **more
    )
    return dm.Dataset.from_iterable([item], categories={AnnotationType.label: labels})


def back(dataset: dm.Dataset, root: Path, **options: Any) -> dm.DatasetItem:
    (item,) = written(dataset, root, "cvat", **options)
    return item


def test_attributes_are_declared_as_what_they_are(tmp_path: Path):
    given = {"age": 7, "half": 0.5, "good": True, "note": "7 <&>", "mixed": "x"}
    dataset = data_set(
        dm.Bbox(1, 2, 3, 1, label=0, attributes=given),
        dm.Bbox(1, 2, 3, 1, label=0, attributes={"mixed": 3}),
    )
    found = back(dataset, tmp_path)
    assert found.annotations[0].attributes == given | {"occluded": False}
    assert found.annotations[1].attributes == {"occluded": False, "mixed": "3"}
    text = (tmp_path / "default.xml").read_text()
    assert text.count("<input_type>number</input_type>") == 2
    assert text.count("<input_type>checkbox</input_type>") == 1


def test_undeclared_attributes_can_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    box = dm.Bbox(1, 2, 3, 1, label=0, attributes={"age": 7, "half": 0.5, "occluded": True})
    found = back(data_set(box), tmp_path, allow_undeclared_attrs=False)
    assert found.annotations[0].attributes == {"age": 7, "occluded": True}
    assert "1 attributes that labels do not declare" in lost(caplog)


def test_shapes_without_a_label(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 1, attributes={"age": "7"})
    (found,) = back(data_set(box), tmp_path).annotations
    assert found.label is None and found.attributes == {"age": "7", "occluded": False}


def test_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(attributes={"frame": 5})
    assert back(dataset, tmp_path / "a").attributes == {"frame": 5}
    assert not lost(caplog)
    assert back(dataset, tmp_path / "b", reindex=True).attributes == {"frame": 0}
    assert "1 frame numbers of items" in lost(caplog)


def test_masks_of_another_size_than_the_image(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(dm.Mask(np.ones((2, 2), bool), label=0))
    assert not back(dataset, tmp_path).annotations
    assert "masks that are not of their image's size" in lost(caplog)


def test_empty_masks(tmp_path: Path):
    (found,) = back(data_set(dm.Mask(np.zeros((6, 8), bool), label=0)), tmp_path).annotations
    assert found.image.shape == (6, 8) and not found.image.any()


def test_hidden_points_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    back(data_set(dm.Points([1, 1], [1], label=0)), tmp_path)
    assert "whether points are visible" in lost(caplog)


def test_tracks(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def shape(track: int, **more: Any) -> dm.Bbox:
        return dm.Bbox(
            1, 2, 3, 1, label=0, id=track, attributes={"track_id": track, "age": 2, **more}
        )

    items = [
        dm.DatasetItem(
            f"image {frame}",
            media=image(6, 8),
            annotations=[shape(4, outside=frame == 2, keyframe=True), dm.Label(1)],
            attributes={"frame": frame},
        )
        for frame in (2, 1)
    ]
    dataset = dm.Dataset.from_iterable(items, categories=["cat", "dog"])
    found = written(dataset, tmp_path, "cvat", use_track=True)
    assert not lost(caplog)
    text = (tmp_path / "default.xml").read_text()
    assert text.count('<track id="4" label="cat">') == 1
    assert text.index('frame="1"') < text.index('frame="2"')
    for item in dataset:
        other = found.get(item.id)
        assert other.attributes == item.attributes
        sent, received = ({a.type: a for a in i.annotations} for i in (item, other))
        assert received.keys() == sent.keys()
        box = received[AnnotationType.bbox]
        assert box.attributes == sent[AnnotationType.bbox].attributes | {"occluded": False}
        assert box.id == 4


def test_tracks_need_one_item_a_frame(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 1, label=0, attributes={"track_id": 1})
    items = [dm.DatasetItem(n, annotations=[box], attributes={"frame": 3}) for n in "ab"]
    dataset = dm.Dataset.from_iterable(items, categories=["cat"])
    with pytest.raises(DatasetExportError, match=r"'a' and 'b'.*frame 3.*reindex"):
        dataset.export(str(tmp_path / "x"), "cvat", use_track=True)


def test_images_of_subsets_that_have_the_same_ids(tmp_path: Path):
    items = [
        dm.DatasetItem("a", subset=name, media=image(shade=n))
        for n, name in enumerate(("train", "val"))
    ]
    found = written(dm.Dataset.from_iterable(items), tmp_path, "cvat", save_media=True)
    assert [int(found.get("a", s).media.data.max()) for s in ("train", "val")] == [0, 1]
    assert (tmp_path / "images/val/a.png").is_file()


def test_characters_that_xml_cannot_hold(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 1, label=0, attributes={"age": "\0"})
    with pytest.raises(DatasetExportError, match="cannot hold"):
        data_set(box).export(str(tmp_path / "x"), "cvat")
