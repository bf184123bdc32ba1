"""Where a large annotation file can be parsed from, beside its beginning.

A part begins at what looks like an element of ``annotations``: an object after another one and a
comma. Whether it is one shows when the part before has been parsed up to there, and its parser
stands between two annotations: JSON means the same whoever comes to a place in the same state. What
was parsed from a place that is something else is thrown away.
"""

from __future__ import annotations

import re
from pathlib import Path

from datumaro.workers import Workers

SMALLEST = 32 << 20
"""Bytes of the smallest part: half of a file of less is not worth a thread."""

_SEARCHED = 1 << 20  # bytes that are searched for a beginning
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_SEPARATOR = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")


def beginnings(path: Path, workers: Workers) -> list[int]:
    """Where to begin with the parts of a file, one for each worker: bytes, rising, from 0."""
    size = path.stat().st_size
    n = min(workers.num_workers if workers.share_memory else 0, size // SMALLEST)
    found = [0]
    with path.open("rb", buffering=0) as source:
        for number in range(1, n):
            begin = size * number // n
            source.seek(begin)
            if place := _BETWEEN.search(source.read(_SEARCHED)):
                found.append(begin + place.end())
    return found


def adjoins(path: Path, end: int, begin: int) -> bool:
    """Whether a comma, and nothing else, lies between two elements of an array."""
    if not 0 < begin - end <= _SEARCHED:
        return False
    with path.open("rb", buffering=0) as source:
        source.seek(end)
        return _SEPARATOR.fullmatch(source.read(begin - end)) is not None
