"""``images.meta``: the sizes of images that are not there, for coordinates that are shares of them.

``name height width`` a line, in pixels; the name is an item's id, in quotes where it has white
space. ``#`` begins a comment. It is Datumaro's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from datumaro.errors import MalformedFileError
from datumaro.formats.files import read_text

FILE = "images.meta"

_MAX_BYTES = 1 << 28
_MAX_SIDE = 2**31 - 1
_SPECIAL = re.compile(r"[\s'\"\\#]")  # what a shell would not take as it is
_SIMPLE = re.compile(r"[^\s'\"\\#]+[ \t]+(\d{1,10})[ \t]+(\d{1,10})\s*", re.ASCII)


def load(folder: Path) -> dict[str, tuple[int, int]]:
    """{name: (height, width) in pixels}; {} without the file.

    Raises
    ------
    MalformedFileError
        A line is something else; the message says which.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    sizes: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(read_text(path, _MAX_BYTES).split("\n"), 1):
        try:
            if _SIMPLE.fullmatch(line):
                words = line.split()
            else:
                words = shlex.split(line, comments=True)
                if not words:
                    continue
            name, height, width = words
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
    return shlex.quote(name) if _SPECIAL.search(name) else name
