"""The lines of ``label_2/<id>.txt``: a box each.

``label truncated occluded alpha x1 y1 x2 y2 h w l X Y Z rotation_y [score]``, as the development
kit of KITTI's object benchmark defines them; boxes are in pixels. -1 stands for what is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from datumaro.errors import DatasetImportError, InvalidAnnotationError, UnsupportedContentError
from datumaro.formats.columns import ChunkColumns
from datumaro.table import json_text

MAX_BYTES = 1 << 26

_NUMBERS = 14  # behind the label; one more with a score
_MAX_COORDINATE = 1e9
_NAME = re.compile(r"\S+( \S+)*")
_NOTHING_3D = "-1 -1 -1 -1 -1 -1 -1"


class BoxReader:
    """Appends the boxes of files to columns.

    Parameters
    ----------
    label_of : the index of a label's name; None for one that is not declared.
    problem : is told of lines that are not as they should be.
    """

    def __init__(
        self,
        label_of: Callable[[str], int | None],
        problem: Callable[[DatasetImportError], None],
    ) -> None:
        self._label_of, self._problem = label_of, problem
        self._labels: dict[bytes, int] = {}
        self._attributes: dict[tuple[bool, bool], bytes] = {
            (truncated, occluded): json_text.encode({"truncated": truncated, "occluded": occluded})
            for truncated in (False, True)
            for occluded in (False, True)
        }

    def read(self, data: bytes, path: str, columns: ChunkColumns) -> None:
        """Append all boxes of a file's content; their ids are the lines' numbers, from 0 on."""
        number = 0
        for place, raw in enumerate(data.split(b"\n"), 1):
            fields = raw.split()
            if not fields:
                continue
            try:
                self._line(fields, number, columns)
            except ValueError as error:
                self._problem(InvalidAnnotationError(f"{path}: line {place}: {error}"))
            number += 1

    def _line(self, fields: list[bytes], number: int, columns: ChunkColumns) -> None:
        n_words = 1
        if not (_NUMBERS < len(fields) < _NUMBERS + 3 and _is_number(fields[1])):
            n_words = _words(fields)
        name = b" ".join(fields[:n_words]) if n_words > 1 else fields[0]
        values = [float(field) for field in fields[n_words:]]
        x1, y1, x2, y2 = values[3:7]
        top = _MAX_COORDINATE
        if not (-top < x1 < top and -top < y1 < top and -top < x2 < top and -top < y2 < top):
            raise ValueError(f"box {x1} {y1} {x2} {y2}; expected coordinates in pixels")
        label = self._labels.get(name)
        if label is None:
            label = self._label_of(name.decode())
            if label is None:
                raise ValueError(f"label {name[:80].decode()!r}; expected one that is declared")
            self._labels[name] = label
        attributes = self._attributes[values[0] != 0, values[1] != 0]
        if len(values) > _NUMBERS:
            if not math.isfinite(values[14]):
                raise ValueError(f"score {values[14]}; expected a number")
            attributes = json_text.encode(
                {
                    "truncated": values[0] != 0,
                    "occluded": values[1] != 0,
                    "score": values[14],
                }
            )
        columns.add_box(number, 0, label, (x1, y1, x2, y2), attributes)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _words(fields: list[bytes]) -> int:
    """How many of a line's fields are the label, which may have spaces."""
    for n_words in (len(fields) - _NUMBERS - 1, len(fields) - _NUMBERS):
        if n_words > 0 and all(map(_is_number, fields[n_words:])):
            return n_words
    raise ValueError(
        f"{len(fields)} fields; expected a label and {_NUMBERS} or {_NUMBERS + 1} numbers"
    )


def check_name(name: str) -> None:
    """Refuse a label's name that cannot be told from the numbers behind it.

    Raises
    ------
    UnsupportedContentError
    """
    words = name.split(" ")
    ambiguous = len(words) > 1 and _is_number(words[-1].encode())
    if ambiguous or not _NAME.fullmatch(name):
        raise UnsupportedContentError(
            f"label {name!r}: KITTI's lines hold words with single spaces, of which the last is no "
            "number; rename the label before export"
        )


def line(name: str, points: list[float], attributes: dict[str, Any]) -> tuple[str, int]:
    """(A box's line, how many of its attributes that does not hold).

    Parameters
    ----------
    points : x1, y1, x2, y2.
    """
    truncated, lost_truncated = _number(attributes, "truncated")
    occluded, lost_occluded = _number(attributes, "occluded")
    score = attributes.get("score")
    tail = ""
    lost = lost_truncated + lost_occluded
    if isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score):
        tail = f" {float(score)!r}"
    elif score is not None:
        lost += 1
    x1, y1, x2, y2 = points
    return (
        f"{name} {truncated:.2f} {int(occluded)} -1 {x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f} "
        f"{_NOTHING_3D}{tail}\n"
    ), lost


def _number(attributes: dict[str, Any], name: str) -> tuple[float, int]:
    """(A yes or no as a number, 1 if it is neither)."""
    value = attributes.get(name, 0)
    if isinstance(value, bool | int | float) and math.isfinite(value) and abs(value) < 100:
        return float(value), int(value not in (0, 1))
    return 0.0, 1
