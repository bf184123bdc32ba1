"""``obj.names``: the name of a class on each line; the first line is class 0."""

from __future__ import annotations

from pathlib import Path

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats.yolo.layout import read_text
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, label_names

MAX_BYTES = 1 << 26


def load(path: Path) -> list[str]:
    """The names in a file. White space around them, and blank lines at the end, do not count.

    Raises
    ------
    MalformedFileError
        Two classes have one name, or a class has none; the message says which line.
    """
    lines = [line.strip() for line in read_text(path, MAX_BYTES, "names of classes").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return checked(lines, path, "line {}", first=1)


def checked(names: list[str], path: Path, place: str, first: int = 0) -> list[str]:
    """The names, when each is there once.

    Parameters
    ----------
    place : says where the name of a number is, counted from ``first``.
    """
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        where = place.format(index + first)
        if not name:
            raise MalformedFileError(path, where, "no name", f"the name of class {index}")
        if name in seen:
            raise MalformedFileError(
                path, where, f"class {index} has the name of class {seen[name]}, {name!r}",
                "names that differ",
            )  # fmt: skip
        seen[name] = index
    return names


def written(categories: dict[AnnotationType, Categories]) -> list[str]:
    """The names of a data set's labels, for a file.

    Raises
    ------
    UnsupportedContentError
        One does not fit on a line.
    """
    names = label_names(categories)
    for name in names:
        if not name or name != name.strip() or "\n" in name or "\r" in name:
            raise UnsupportedContentError(
                f"label {name!r} cannot be written as a line of its own: it is empty, has a line "
                "break, or begins or ends with white space; rename it before export"
            )
    return names
