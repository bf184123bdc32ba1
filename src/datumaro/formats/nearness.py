"""How near a folder is to a format that it is not detected as: by the files that the format has.

A format says which files are its own (`Format.owned`). Each pattern of which something is there
counts by how telling it is: a folder or a file of a certain name tells much, any ``*.txt`` nearly
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from datumaro.formats.base import Folder, Format

LEAST = 2
"""Formats with less are not near: what is there may be anything's."""

_FOLDER, _NAME, _BEGINNING, _KIND = 2, 3, 2, 1
_MOST_FOLDERS = 5  # that a wildcard is tried with: one is as good as the next
# files that almost any format may have
_ANYBODYS = frozenset({"dataset_meta.json", "label_colors.txt", "images.meta", "labelmap.txt"})


def nearness(kind: Format, folder: Folder) -> int:
    """How much of a format is in a folder; 0 for nothing."""
    patterns = [pattern for pattern in kind.owned if pattern not in _ANYBODYS]
    return sum(_reached(folder, pattern.split("/"), "") for pattern in patterns)


def _reached(folder: Folder, parts: list[str], at: str) -> int:
    """How far a pattern leads below a folder: the most that is found on one way."""
    first, rest = parts[0], parts[1:]
    if not rest:
        found = any(fnmatchcase(name, first) for name in folder.files(at))
        return _weight(first) if found else 0
    if first == "**":
        return max([_reached(folder, rest, at), *_inside(folder, rest, folder.folders(at), at)])
    names = [name for name in folder.folders(at) if fnmatchcase(name, first)]
    here = _FOLDER if names and not set("*?[") & set(first) else 0
    return here + max(_inside(folder, rest, names, at), default=0)


def _inside(folder: Folder, rest: list[str], names: Iterable[str], at: str) -> list[int]:
    return [
        _reached(folder, rest, f"{at}/{name}" if at else name)
        for name in list(names)[:_MOST_FOLDERS]
    ]


def _weight(pattern: str) -> int:
    """How telling the name of a file is."""
    if "*" not in pattern:
        return _NAME
    beginning, _, end = pattern.partition("*")
    return _BEGINNING if beginning or not end.startswith(".") else _KIND
