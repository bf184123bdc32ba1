"""XML from strangers."""

import pytest

from datumaro.errors import MalformedFileError
from datumaro.formats.xml_files import parse_xml


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
