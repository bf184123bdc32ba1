"""Damaged files."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

GARBAGE = {
    "nothing": b"",
    "zeros": bytes(100),
    "bytes": bytes(range(255, -1, -1)) * 2,
    "an empty object": b"{}",
    "an array": b'[1, {"a": null}]',
    "another object": b'{"items": [{}], "images": {}, "annotations": 1, "categories": [null]}',
    "a document": b'<?xml version="1.0"?><a><b>\xc3\xa4</b></a>',
    "deep brackets": b"[" * 5000,
    "lines": b"a b c\n1 2 3\n-1 nan 1e999\n",
}
"""What a file is replaced by, by name."""


def files_of_each_kind(folder: Path) -> list[Path]:
    """Files below a folder: of each folder in it, the first two of each extension."""
    kinds: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            kinds.setdefault((path.parent, path.suffix), []).append(path)
    return [path for paths in kinds.values() for path in paths[:2]]


def cuts(size: int) -> list[int]:
    """Lengths to cut a file of ``size`` bytes to: less than it, and spread over it."""
    return sorted({n for n in (1, size // 4, size // 2, size * 3 // 4, size - 1) if 0 < n < size})


def damaged(content: bytes) -> Iterator[tuple[str, bytes]]:
    """(what was done, the file's content after it)."""
    for length in cuts(len(content)):
        yield f"cut after {length} of {len(content)} bytes", content[:length]
    for name, garbage in GARBAGE.items():
        if garbage != content:
            yield f"replaced by {name}", garbage


class Hung(BaseException):
    """It took a minute and more."""


@contextlib.contextmanager
def no_hang(seconds: int = 60) -> Generator[None, None, None]:
    """Raise `Hung` when the block does not end. A limit for endless loops, not a measurement."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(*_: object) -> None:
        raise Hung(f"it still runs after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
