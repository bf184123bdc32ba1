"""XML from strangers."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats.xml_files import XmlStream, escape_attribute, parse_xml


def test_elements_know_their_lines():
    root = parse_xml(b"<a>\n<!-- c -->\n<b>text</b></a>", "f.xml")
    assert [(child.tag, child.text, child.sourceline) for child in root] == [("b", "text", 3)]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "f.xml"),
        (b"<a>\n<b></a>", "line 2"),
        (b"<a>" * 300 + b"</a>" * 300, "line 1"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY e "eeee">]><a>&e;</a>', "document type"),
    ],
)
def test_damage_and_entities_are_refused(data: bytes, place: str):
    with pytest.raises(MalformedFileError, match=place) as info:
        parse_xml(data, "f.xml")
    assert "f.xml" in str(info.value)


@pytest.mark.parametrize(
    "declared",
    ["b", 'a SYSTEM "x.dtd"', 'a PUBLIC "x" "y"', 'a [<!ENTITY e "e">]', "a [<!ELEMENT a ANY>]"],
)
def test_a_document_type_may_be_expected_by_its_name(declared: str):
    assert parse_xml(b"<!DOCTYPE a><a/>", "f.xml", doctype="a").tag == "a"
    with pytest.raises(MalformedFileError, match="document type"):
        parse_xml(f"<!DOCTYPE {declared}><a/>".encode(), "f.xml", doctype="a")


def events(path: Path, content: bytes) -> list[object]:
    """What a stream tells."""
    path.write_bytes(content)
    told: list[object] = []
    stream = XmlStream(
        str(path), lambda tag, given: told.append((stream.line, tag, given)), told.append
    )
    stream.text_to(told.append)
    stream.run()
    return told


def test_streams_tell_elements_and_texts(tmp_path: Path):
    found = events(tmp_path / "f.xml", b'<a>\n<b c="1&#10;">x&amp;<!-- no -->y</b></a>')
    assert found == [(1, "a", {}), "\n", (2, "b", {"c": "1\n"}), "x&y", "b", "a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no element"),
        (b"<a>\n<b></a>", "line 2: mismatched tag"),
        (b"<a>" * 300, "more than 256 others"),
        (b'<!DOCTYPE a [<!ENTITY e "e">]><a>&e;</a>', "document type"),
        (b" " * 300_000 + b'<!DOCTYPE a [<!ENTITY e "e">]><a>&e;</a>', "document type"),
        ('<!DOCTYPE a [<!ENTITY e "e">]><a/>'.encode("utf-16"), "UTF-8"),
        (b'<?xml version="1.0" encoding="utf-16"?><a>\xff</a>', "line 1"),
        (b'<a b="' + b"x" * (17 << 20) + b'"/>', "more than 16777216 bytes"),
    ],
)
def test_streams_refuse_damage_and_entities(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(MalformedFileError, match=message) as info:
        events(tmp_path / "f.xml", content)
    assert "f.xml" in str(info.value)


def test_attributes_are_escaped(tmp_path: Path):
    text = "a \"b\" 'c' <d> & \t\r\n猫"
    content = f'<a b="{escape_attribute(text)}"/>'.encode()
    assert events(tmp_path / "f.xml", content)[0] == (1, "a", {"b": text})
    with pytest.raises(UnsupportedContentError, match="cannot hold"):
        escape_attribute("\0")
