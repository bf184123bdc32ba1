"""What a YOLO data set consists of, however its folders are laid out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.formats.files import read_file, stem_of
from datumaro.model.categories import PointsCategory

_MAX_LIST_BYTES = 1 << 30


class Entry(NamedTuple):
    """An item's files.

    ``image`` and ``labels`` are paths; neither need exist. ``image`` is "" when there is none.
    """

    item_id: str
    image: str
    labels: str


@dataclass(frozen=True)
class Pose:
    """What the data set says of key points.

    Attributes
    ----------
    count : how many an object has.
    dims : numbers of each: 2 (x, y) or 3 (and 0, 1 or 2 for absent, hidden, visible).
    flip : the key points of a mirrored object, in order; () when it is not said.
    names : by class.
    padded : whether the last points, where they are absent and at 0, are none.
    """

    count: int
    dims: int
    flip: tuple[int, ...] = ()
    names: dict[int, PointsCategory] = field(default_factory=dict[int, PointsCategory])
    padded: bool = False


@dataclass
class Layout:
    """A data set whose label files are not read yet.

    Attributes
    ----------
    root : its folder.
    names : of the classes.
    names_file : where they are from.
    subsets : items by subset.
    sizes : (height, width) in pixels by the name that ``images.meta`` has for an image.
    """

    root: Path
    names: list[str]
    names_file: Path
    subsets: dict[str, list[Entry]]
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    pose: Pose | None = None


def only(found: list[Path], path: Path) -> Path:
    """The one data set that was found.

    Raises
    ------
    DatasetNotFoundError
        There are several.
    """
    if len(found) > 1:
        names = ", ".join(os.path.relpath(folder, path) for folder in found)
        raise DatasetNotFoundError(f"{path}: holds several data sets ({names}): name one")
    return found[0]


def read_text(path: Path | str, limit: int, what: str) -> str:
    """A small text file.

    Raises
    ------
    MalformedFileError
        It is longer than ``limit`` bytes, or no UTF-8.
    DatasetNotFoundError
        It is not there.
    """
    data = read_file(os.fspath(path), limit)
    if data is None:
        raise DatasetNotFoundError(f"{path}: no such file; expected {what}")
    if len(data) > limit:
        raise MalformedFileError(path, "", f"more than {limit} bytes", what)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedFileError(path, f"line {line}", "not UTF-8", "UTF-8 text") from error


def read_list(path: Path | str) -> list[str]:
    """The image paths of a list, with ``/``; blank lines are passed over."""
    text = read_text(path, _MAX_LIST_BYTES, "a list of images")
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return [
        line if "/" in line else line.replace("\\", "/")
        for line in lines
        if line and not line.isspace()
    ]


def unique_ids(ids: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Ids of which none is there twice: those that are get the file's whole path."""
    made = list(ids)
    counts = Counter(made)
    if len(counts) == len(made):
        return made
    made = [
        item_id if counts[item_id] == 1 else stem_of(path)
        for item_id, path in zip(made, paths, strict=True)
    ]
    seen: Counter[str] = Counter()
    for index, item_id in enumerate(made):
        seen[item_id] += 1
        if seen[item_id] > 1:  # a.jpg and a.png beside each other, or one listed twice
            made[index] = f"{item_id}.{seen[item_id]}"
    return made
