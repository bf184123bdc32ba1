"""The kernel for usual VOC annotation files: what it takes, and what it leaves to an XML parser.

That it reads what an XML parser reads is tested with the format: see
tests/formats/voc/test_annotation_xml.py.
"""

import pytest

from datumaro.kernels.voc_xml import scan

BOX = "<bndbox><xmin>1</xmin><ymin>-2.25</ymin><xmax> 3.5 </xmax><ymax>0004</ymax></bndbox>"
CAT = f"<object><name>cat</name>{BOX}</object>"


def file(inside: str) -> bytes:
    return f"<annotation>{inside}</annotation>".encode()


def test_a_file_of_the_challenge():
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<annotation>
\t<folder>VOC2007</folder>
\t<filename>000005.jpg</filename>
\t<source><database>The VOC2007 Database</database><flickrid>3</flickrid></source>
\t<owner><flickrid>a b</flickrid><name>?</name></owner>
\t<size><width>500</width><height>375</height><depth>3</depth></size>
\t<segmented>0</segmented>
\t<object><name>chair</name><pose>Rear</pose><truncated>1</truncated><difficult>0</difficult>
\t{BOX}</object>
\t<object><name>cat</name>{BOX}<difficult>1</difficult><occluded>1</occluded></object>
</annotation>
"""
    box = (1.0, -2.25, 3.5, 4.0)
    assert scan(text.encode()) == (
        "000005.jpg",
        375,
        500,
        [("chair", box, 2, "Rear", None, 9), ("cat", box, 5, None, None, 11)],
    )


def test_little_is_needed():
    assert scan(file("")) == ("", 0, 0, [])
    assert scan(file(CAT)) == ("", 0, 0, [("cat", (1.0, -2.25, 3.5, 4.0), 0, None, None, 1)])


def test_free_attributes():
    attributes = """<attributes>
        <attribute><name>color</name><value>dark red</value></attribute>
        <attribute><value></value><name>empty</name></attribute>
        <attribute> <name>none</name> </attribute>
    </attributes>"""
    found = scan(file(CAT.replace("</object>", attributes + "</object>")))
    assert found is not None
    assert found[3][0][4] == {"color": "dark red", "empty": "", "none": ""}


@pytest.mark.parametrize(
    "inside",
    [
        "text",
        "<!-- comment -->",
        "<filename>&amp;</filename>",
        "<filename>é</filename>",
        "<filename>a\r\nb</filename>",
        "<filename>a</filename><filename>b</filename>",
        "<filename>a</filename",
        "<folder a='b'/>",
        "<size><width>1.5</width></size>",
        "<size><width>123456789</width></size>",
        "<object></object>",
        "<object><name></name>" + BOX + "</object>",
        "<object><name>cat</name></object>",
        CAT.replace("<xmin>1</xmin>", ""),
        CAT.replace("<xmin>1</xmin>", "<xmin></xmin>"),
        CAT.replace("<xmin>1</xmin>", "<xmin>1e3</xmin>"),
        CAT.replace("<xmin>1</xmin>", "<xmin>1</xmin><xmin>1</xmin>"),
        CAT.replace("</object>", "<part></part></object>"),
        CAT.replace("</object>", "<truncated>2</truncated></object>"),
        CAT.replace("</object>", "<truncated>1</truncated><truncated>1</truncated></object>"),
        CAT[:-1],
        *(
            CAT.replace("</object>", f"<attributes>{inside}</attributes></object>")
            for inside in (
                "text",
                "<attribute></attribute>",
                "<attribute><value>1</value></attribute>",
                "<attribute><name></name><value>1</value></attribute>",
                "<attribute><name>a</name><name>b</name></attribute>",
                "<attribute><name>a</name><value>&lt;</value></attribute>",
                "<attribute><name>a</name><value><b></b></value></attribute>",
                "<attribute><name>a</name><other>1</other></attribute>",
                "<other><name>a</name></other>",
                "<attribute><name>a</name></attribute></attributes><attributes>",
            )
        ),
    ],
)
def test_unusual_files_are_left_to_others(inside: str):
    assert scan(file(inside)) is None


def test_every_cut_file_is_left_to_others():
    whole = b'<?xml version="1.0"?>' + file(CAT)
    for size in range(len(whole)):
        assert scan(whole[:size]) is None
    assert scan(whole) is not None
    assert scan(whole + b"x") is None
