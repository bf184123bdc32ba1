"""A progress bar on a terminal: items, rate, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from datumaro.progress import NullProgressReporter, ProgressReporter

if TYPE_CHECKING:
    from rich.progress import Progress

DELAY = 2.0
"""Seconds of work before a bar appears: short work goes without."""

_STEP_DELAY = 0.3  # and seconds of one step, so that many short steps do not flicker
_INTERVAL = 0.1  # seconds between updates


class TerminalProgress(ProgressReporter):
    """Shows the current step of the work on standard error, as long as it lasts."""

    def __init__(self, delay: float = DELAY) -> None:
        self._appears = time.monotonic() + delay
        self._step_began = self._updated = 0.0
        self._total, self._desc = 0, ""
        self._bar: Progress | None = None

    def start(self, total: int, *, desc: str | None = None) -> None:
        self.finish()
        self._total, self._desc = total, desc or ""
        self._step_began = time.monotonic()

    def report_status(self, progress: int) -> None:
        now = time.monotonic()
        if now - self._updated < _INTERVAL:
            return
        self._updated = now
        if self._bar is None:
            if now < self._appears or now - self._step_began < _STEP_DELAY:
                return
            self._bar = _bar(self._desc, self._total, progress, self._step_began)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=progress)

    def finish(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()


def _bar(desc: str, total: int, done: int, began: float) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Things done a second, on average."""

        def render(self, task: Task) -> Text:
            seconds = time.monotonic() - began
            return Text(f"{task.completed / seconds:,.0f}/s" if seconds > 0 else "")

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task(desc or "working", total=total or None, completed=done)
    return bar


@contextmanager
def progress_reporter(quiet: bool) -> Generator[ProgressReporter]:
    """A bar when standard error is a terminal and messages are wanted; nothing otherwise."""
    if quiet or not sys.stderr.isatty():
        yield NullProgressReporter()
        return
    reporter = TerminalProgress()
    try:
        yield reporter
    finally:
        reporter.finish()
