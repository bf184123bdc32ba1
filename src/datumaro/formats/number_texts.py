"""Numbers as texts: many at once, for writers of text files; and whether a text is one."""

from __future__ import annotations

import numpy as np
import orjson

from datumaro.table.schema import Array

# between these, and for 0, the shortest text has no exponent, however it is made
_SMALLEST, _LARGEST = 1e-4, 1e15


def texts(numbers: Array) -> list[str]:
    """Each number (float64, any shape) as `repr` prints it, in a third of the time."""
    numbers = np.ascontiguousarray(numbers, np.float64).ravel()
    if not len(numbers):
        return []
    if not _are_plain(numbers):
        return list(map(repr, numbers.tolist()))
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1].split(",")


def short(numbers: Array) -> list[str]:
    """The same without the decimals of whole numbers."""
    found = ",".join(texts(numbers))
    return f"{found},".replace(".0,", ",").split(",")[:-1] if found else []


def rows(numbers: Array) -> list[str]:
    """The same of each row (float64 [n, m]), with commas between them."""
    numbers = np.ascontiguousarray(numbers, np.float64)
    if not len(numbers):
        return []
    if not _are_plain(numbers):
        return [",".join(map(repr, row)) for row in numbers.tolist()]
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY).decode()[2:-2].split("],[")


def is_number(text: str) -> bool:
    """Whether Python takes a text for a number; an infinity and NaN are some."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _are_plain(numbers: Array) -> bool:
    sizes = np.abs(numbers)
    return bool(((sizes < _LARGEST) & ((sizes >= _SMALLEST) | (sizes == 0))).all())
