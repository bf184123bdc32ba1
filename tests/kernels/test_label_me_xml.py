"""Usual files of LabelMe: the kernel gives what an XML parser gives, or nothing."""

from __future__ import annotations

import json
import random

import pytest

from datumaro.errors import DatumaroError
from datumaro.formats.label_me import objects
from datumaro.kernels.label_me_xml import scan

POINTS = "".join(f"<pt><x>{x}</x> <y>{y}</y></pt>\n" for x, y in ((1, 2), (3.5, -4), (5, 6)))
FILE = (
    "<annotation><filename> a b.jpg</filename>\n<folder>train </folder><source><sourceImage>x"
    "</sourceImage><more><deep/></more></source><imagesize><nrows>6</nrows><ncols>8</ncols>"
    "</imagesize>\n"
    "<object><name>cat</name><deleted>0</deleted><verified>0</verified><occluded>yes</occluded>"
    "<date>25-May</date><id>3</id><parts><hasparts>4,7</hasparts><ispartof/></parts>\n"
    f"<polygon><username>me</username>{POINTS}</polygon><attributes>a=1, b</attributes></object>\n"
    "<object>\n<name/><id>4</id><type>bounding_box</type><parts><hasparts></hasparts><ispartof>3"
    f"</ispartof></parts><polygon>{POINTS}<pt><x>0</x><y>0</y></pt></polygon><attributes/></object>"
    f"<object><name>gone</name><deleted>1</deleted><polygon>{POINTS}</polygon></object>"
    "</annotation>"
)


def parsed(data: bytes) -> objects.LabelMeImage | None:
    """What the parser finds; None for a file with damage."""
    try:
        return objects._parsed(data, "f.xml", fail)
    except DatumaroError:
        return None


def fail(error: DatumaroError) -> None:
    raise error


def agree(data: bytes) -> bool:
    """Whether the kernel read it; what it gives must be the parser's."""
    found = scan(data)
    image = None if found is None else objects._usual(found)
    if image is not None:
        assert image == parsed(data)
    return image is not None


def test_usual_files():
    assert agree(FILE.encode())
    image = objects.parse(FILE.encode(), "f.xml", fail)
    assert (image.folder, image.filename, image.height, image.width) == ("train", " a b.jpg", 6, 8)
    one, two = image.objects
    assert (one.id, one.name, one.group, one.line) == (3, "cat", 1, 3)
    assert json.loads(one.attributes) == {"a": 1, "b": True, "occluded": True, "username": "me"}
    assert two.is_box and two.points == [0, -4, 5, 6] and two.group == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cat", "c&amp;t"), ("cat", "猫"), ("cat", "<![CDATA[cat]]>"), ("<name>", "<!-- --><name>"),
        ("<object>", "<object x='1'>"), ("<x>1", "<x>1e0"), ("<id>3", "<id>-3"), ("yes", "maybe"),
        ("<polygon>", "<segm/><polygon>"), ("</pt>", "<time>1</time></pt>"), ("</object>", ""),
        ("<name>cat", "<name>a</name><name>cat"), ("4,7", "x"), ("<annotation>", "<annotations>"),
    ],
)  # fmt: skip
def test_unusual_files_are_left(old: str, new: str):
    assert old in FILE
    assert not agree(FILE.replace(old, new, 1).encode())


def test_every_cut_and_any_byte():
    data = FILE.encode()
    assert not any(agree(data[:size]) for size in range(len(data)))
    numbers = random.Random(1)
    read = 0
    for _ in range(3000):
        changed = bytearray(data)
        for _ in range(numbers.randint(1, 3)):
            changed[numbers.randrange(len(data))] = numbers.choice(
                b"0123456789abc<>/ \n\t&\x00\xff.-"
            )
        read += agree(bytes(changed))
    assert read > 50
