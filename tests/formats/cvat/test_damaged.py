"""Files of CVAT that are damaged or lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    RepeatedItemError,
    UndeclaredLabelError,
)
from format_files import make, read
from formats.cvat.cvat_files import file, in_image


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
