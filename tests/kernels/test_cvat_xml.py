"""Usual images of CVAT's files (formats/cvat/test_usual_images.py: as an XML parser reads them)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from datumaro.kernels.cvat_xml import scan

KINDS = (6, 4, 5, 3, 1)
IMAGE = (
    b'<image id="1" name="a.png" width="8" height="6">\n'
    b'<box label="cat" occluded="1" xtl="1" ytl="2" xbr="3.25" ybr="-4" z_order="2" group_id="3">\n'
    b'<attribute name="x">1</attribute></box>\n'
    b'<points label="" points="1,2;3,4"/>\n</image>\n'
)


def scanned(data: bytes, begin: int = 0, **labels: int) -> tuple[int, list[Any], list[Any]]:
    """Where it ends, the images, and the columns."""
    images: list[Any] = []
    end, columns = scan(
        data,
        begin,
        {name.encode(): number for name, number in (labels or {"cat": 0}).items()},
        KINDS,
        lambda *given: repr(given).encode(),
        lambda at, image, n: images.append((at, image, n)) or True,
    )
    return end, images, [c if isinstance(c, list) else c.tolist() for c in columns]


def test_images_and_shapes():
    end, images, columns = scanned(b"  " + IMAGE + IMAGE + b"<track>", 1)
    assert end == 2 + 2 * len(IMAGE) - 1
    assert images == [
        (2, (1, "a.png", None, 6, 8), 2),
        (2 + len(IMAGE), (1, "a.png", None, 6, 8), 4),
    ]
    assert columns[:6] == [
        [6, 3] * 2, [0, -(2**31)] * 2, [3, 0] * 2, [2, 0] * 2, [4, 8, 12, 16],
        [1, 2, 3.25, -4, 1, 2, 3, 4] * 2,
    ]  # fmt: skip
    assert columns[6][0] == repr((0, False, True, b'<attribute name="x">1</attribute>')).encode()


def test_images_that_are_left_out():
    def accept(at: int, image: Any, n: int) -> bool:
        return 0 < at < 2 * len(IMAGE)

    end, columns = scan(IMAGE * 3, 0, {b"cat": 0}, KINDS, lambda *_: b"", accept)
    assert end == 3 * len(IMAGE) - 1
    assert len(columns[0]) == 2 and len(columns[5]) == 8


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cat", "dog"), ("1", "1e0"), ('"3.25"', '"12345678"'), ("xtl", "xtr"), ("</box>", "</bo>"),
        ("</image>", ""), ("2;3", "2;;3"), ("3,4", "3"), ('occluded="1"', 'occluded="2"'),
        ('label="cat"', 'label="cat" label="cat"'), ("a.png", "a&amp;.png"), (">1<", ">&#1;<"),
        ("<points", "<!-- --><points"), ("points=", "xtl="), ('z_order="2"', 'z_order="2.0"'),
        ("a.png", ""), ('id="1"', 'id="-1"'), ("attribute name", "attribute  name"),
    ],
)  # fmt: skip
def test_unusual_images_are_left(old: str, new: str):
    """But not those before."""
    data = IMAGE.decode()
    assert old in data
    end, images, columns = scanned(IMAGE + data.replace(old, new, 1).encode())
    assert (end, len(images), len(columns[0])) == (len(IMAGE) - 1, 1, 2)


def test_every_cut_and_any_byte():
    for size in range(len(IMAGE) - 2):
        assert scanned(IMAGE[:size])[0] == 0
    numbers = random.Random(1)
    for _ in range(3000):
        data = bytearray(IMAGE * 2)
        for _ in range(numbers.randint(1, 4)):
            data[numbers.randrange(len(data))] = numbers.randrange(256)
        end, _, columns = scanned(bytes(data))
        assert 0 <= end <= len(data)
        assert all(len(column) == len(columns[0]) for column in (*columns[:5], columns[6]))
        assert len(columns[5]) == (columns[4] or [0])[-1]


def test_places_that_are_not_in_the_data():
    for begin in (-1, 3):
        with pytest.raises(ValueError, match="not in the data"):
            scanned(b"ab", begin)
