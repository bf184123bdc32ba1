"""Files of labels: a name a line, in the order of their indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from datumaro.errors import (
    MalformedFileError,
    UndeclaredLabelInFileError,
    UnsupportedContentError,
)
from datumaro.formats.base import ReadContext
from datumaro.formats.files import read_text
from datumaro.table.schema import Array

PATTERN = r"\S(.*\S)?"
"""The names that a line can hold; see `datumaro.formats.capabilities.Capabilities`."""

_MAX_BYTES = 1 << 26


def lines(path: Path) -> list[str]:
    """The lines of a text file without white space around them; empty ones at its end left out.

    Raises
    ------
    MalformedFileError
        It is no text.
    """
    found = [line.strip() for line in read_text(path, _MAX_BYTES).split("\n")]
    while found and not found[-1]:
        found.pop()
    return found


def load(path: Path) -> list[str]:
    """The names in a file.

    Raises
    ------
    MalformedFileError
        It is no text, or a line is empty, or has the name of another.
    """
    names = lines(path)
    check(names, path)
    return names


def check(names: Sequence[str], path: Path) -> None:
    """Refuse names that are empty or there twice.

    Parameters
    ----------
    path : the file whose lines they are, for messages.

    Raises
    ------
    MalformedFileError
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name or first.setdefault(name, number) != number:
            found = f"{name[:80]!r} is in line {first[name]} too" if name else "an empty line"
            raise MalformedFileError(path, f"line {number}", found, "a label's name")


def text(names: Sequence[str], file: str) -> bytes:
    """What a file of these names holds.

    Parameters
    ----------
    file : its name, for messages.

    Raises
    ------
    UnsupportedContentError
        A name cannot stand on a line.
    """
    for name in names:
        if not name or name != name.strip() or len(name.splitlines()) > 1:
            raise UnsupportedContentError(
                f"label {name!r} cannot stand on a line of {file}; rename it before export"
            )
    return "".join(f"{name}\n" for name in names).encode()


def known_labels(
    labels: Array,
    names: Sequence[str],
    path: Path,
    place: Callable[[int], str],
    context: ReadContext,
) -> Array:
    """Labels, of which those that have no name are reported, and then none.

    Parameters
    ----------
    labels : int32 [n], -1 for none.
    path, place : their file, and where in it that of a row is, for messages.
    """
    wrong = (labels < -1) | (labels >= len(names))
    for row in np.flatnonzero(wrong).tolist():
        context.problem(
            UndeclaredLabelInFileError(
                path, place(row), f"label {labels[row]}", f"one of the {len(names)} labels"
            )
        )
    return np.where(wrong, -1, labels).astype(np.int32)
