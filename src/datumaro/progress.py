"""Progress reports: what long work tells whoever waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")


class ProgressReporter:
    """Is told how far a piece of work is. Subclasses show it.

    The work calls `start` once, `report_status` with the number of things done so far as often as
    it likes, and `finish` once. Raising from `report_status` stops the work.
    """

    def start(self, total: int, *, desc: str | None = None) -> None:
        """Begin a piece of work of ``total`` things (0: not known)."""

    def report_status(self, progress: int) -> None:
        """``progress`` things are done."""

    def finish(self) -> None:
        """The piece of work is done."""

    def iter(
        self, iterable: Iterable[T], *, total: int | None = None, desc: str | None = None
    ) -> Iterator[T]:
        """Hand out the things of ``iterable`` and report each."""
        if total is None:
            total = len(iterable) if isinstance(iterable, Sized) else 0
        self.start(total, desc=desc)
        try:
            for done, thing in enumerate(iterable, 1):
                yield thing
                self.report_status(done)
        finally:
            self.finish()


class NullProgressReporter(ProgressReporter):
    """Shows nothing."""


class SimpleProgressReporter(ProgressReporter):
    """Prints a line at each tenth (``period``) of the way."""

    def __init__(self, period: float = 0.1) -> None:
        self.period = period
        self._total, self._desc, self._next = 0, "", 0.0

    def start(self, total: int, *, desc: str | None = None) -> None:
        self._total, self._desc, self._next = total, desc or "", 0.0

    def report_status(self, progress: int) -> None:
        share = progress / self._total if self._total else 0.0
        if share >= self._next:
            width = len(str(self._total))
            print(f"{self._desc} {progress:0{width}}/{self._total} ({share:7.2%})".strip())
            self._next = share + self.period
