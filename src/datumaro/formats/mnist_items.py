"""What MNIST's binary files and its CSV files have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats import dataset_meta, label_lines
from datumaro.formats.base import ReadContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.pixel_items import check_ids
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

LABELS_FILE = "labels.txt"
SIDE = 28  # of images of which no size is stated, in pixels

_MAX_SIDE = 1 << 20

HOLDS = Capabilities(
    annotations={AnnotationType.label: Held(label="required", most=1)},
    pixels="gray",
    item_ids=r"[^\0]{1,32}",
    label_pattern=label_lines.PATTERN,
)


def label_names(root: Path, context: ReadContext) -> list[str]:
    """The labels: those of a file, or else the ten digits."""
    meta = dataset_meta.find(root, context)
    if meta is not None:
        return meta.labels
    file = root / LABELS_FILE
    return label_lines.load(file) if file.is_file() else [str(digit) for digit in range(10)]


def default_ids(n: int) -> list[str]:
    """The ids of items that have none: their numbers."""
    return [str(number) for number in range(n)]


def stated_items(
    rows: Sequence[Sequence[str]], ids: list[str], path: Path
) -> tuple[list[str], list[tuple[int, int]] | None]:
    """(ids, sizes) of items, of rows that state one or both: id; height, width; or all three.

    Parameters
    ----------
    ids : where none are stated.
    path : the rows' file, for messages.

    Raises
    ------
    MalformedFileError
        A size is none, or an id is there twice.
    """
    if not rows:
        return ids, None
    per_row = len(rows[0])
    if per_row != 2:
        ids = [row[0] for row in rows]
        check_ids(ids, path, lambda row: f"row {row + 1}")
    if per_row == 1:
        return ids, None
    sizes: list[tuple[int, int]] = []
    for number, row in enumerate(rows, 1):
        sides = [
            int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else -1
            for text in row[-2:]
        ]
        if not all(0 <= side <= _MAX_SIDE for side in sides):
            found = f"size {' x '.join(row[-2:])[:40]!r}"
            raise MalformedFileError(path, f"row {number}", found, "a height and a width in pixels")
        sizes.append((sides[0], sides[1]))
    return ids, sizes


def check_labels(content: Content, most: int | None) -> list[str]:
    """The data set's labels.

    Raises
    ------
    UnsupportedContentError
        There are more than ``most``.
    """
    names = content.label_names
    if most is not None and len(names) > most:
        raise UnsupportedContentError(f"{len(names)} labels; MNIST's files hold at most {most}")
    return names
