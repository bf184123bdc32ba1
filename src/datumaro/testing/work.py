"""Counting what a call does, so that tests tell quadratic work from linear without a clock."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast
from unittest import mock


def count_work(call: Callable[[], object]) -> Counter[str]:
    """What a call does, in all threads: ``"lines"`` of Python, ``"entries"`` of listed folders, and
    calls of each function that is not written in Python, by name (``"posix.stat"``).
    """
    lines = entries = 0
    calls: defaultdict[tuple[str | None, str], int] = defaultdict(int)

    def on_line(_frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
        return on_line

    def on_call(_frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            calls[function.__module__, function.__qualname__] += 1

    listdir: Any = os.listdir
    scandir = os.scandir

    def counted_listdir(path: Any = ".") -> list[Any]:
        nonlocal entries
        names = cast("list[Any]", listdir(path))
        entries += len(names)
        return names

    class CountedScandir:
        def __init__(self, path: Any = ".") -> None:
            self._entries = scandir(path)

        def __iter__(self) -> Iterator[os.DirEntry[Any]]:
            return self

        def __next__(self) -> os.DirEntry[Any]:
            nonlocal entries
            entry = next(self._entries)
            entries += 1
            return entry

        def __enter__(self) -> CountedScandir:
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def close(self) -> None:
            self._entries.close()

    tracer = sys.gettrace()
    with mock.patch("os.listdir", counted_listdir), mock.patch("os.scandir", CountedScandir):
        threading.settrace(on_line)
        threading.setprofile(on_call)
        sys.setprofile(on_call)
        sys.settrace(on_line)
        try:
            call()
        finally:
            sys.settrace(tracer)
            sys.setprofile(None)
            threading.settrace(tracer)  # pyright: ignore[reportArgumentType]
            threading.setprofile(None)  # pyright: ignore[reportArgumentType]
    found = Counter({f"{module}.{name}": n for (module, name), n in calls.items()})
    found["lines"], found["entries"] = lines, entries
    return found


def superlinear(once: Counter[str], twice: Counter[str], slack: int = 200) -> dict[str, str]:
    """What grew by much more than two times when there was twice as much to do."""
    return {
        what: f"{once[what]} for n, {count} for 2 n"
        for what, count in twice.items()
        if count > 2.5 * once[what] + slack
    }
