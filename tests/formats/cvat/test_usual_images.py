"""Usual images of CVAT's files, which a kernel reads: as an XML parser would."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import MalformedFileError, RepeatedItemError
from datumaro.formats import xml_files
from datumaro.formats.cvat import reader
from format_files import make, read
from formats.cvat.cvat_files import file

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
