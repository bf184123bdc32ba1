"""``images.meta``: the sizes of images that are not there.

``name height width`` a line, the name being an item's id, in quotes where it has white space.
Datumaro's own: YOLO's files hold shares of sizes.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.formats.yolo.layout import read_text

FILE = "images.meta"

_MAX_BYTES = 1 << 28
_MAX_SIDE = 2**31 - 1
# what a shell would not take as it is
_SPECIAL = frozenset(" \t\r\n'\"\\#")


def load(root: Path) -> dict[str, tuple[int, int]]:
    """{name: (height, width) in pixels}; {} without the file.

    Raises
    ------
    MalformedFileError
        A line is something else; the message says which.
    """
    path = root / FILE
    try:
        text = read_text(path, _MAX_BYTES, "sizes of images")
    except DatasetNotFoundError:
        return {}
    sizes: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        try:
            simple = not ("'" in line or '"' in line or "\\" in line)
            name, height, width = line.split() if simple else shlex.split(line)
            if not (height.isdecimal() and width.isdecimal() and len(height + width) < 20):
                raise ValueError
            size = int(height), int(width)
            if not (0 < size[0] <= _MAX_SIDE and 0 < size[1] <= _MAX_SIDE):
                raise ValueError
        except ValueError:
            raise MalformedFileError(
                path, f"line {number}", repr(line[:80]), "a name, a height and a width in pixels"
            ) from None
        sizes[name] = size
    return sizes


def text(sizes: Mapping[str, tuple[int, int]]) -> str:
    """The file's text."""
    return "".join(f"{_quoted(name)} {h} {w}\n" for name, (h, w) in sizes.items())


def _quoted(name: str) -> str:
    return shlex.quote(name) if not _SPECIAL.isdisjoint(name) else name
