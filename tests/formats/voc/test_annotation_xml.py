"""Annotation files of PASCAL VOC, read the fast way and by an XML parser."""

from __future__ import annotations

from hypothesis import given, strategies as st

from datumaro.errors import DatasetImportError
from datumaro.formats.voc import annotation_xml
from formats.voc.voc_files import thing, xml

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
