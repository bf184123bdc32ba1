"""Open a project: its versions, while its lock is held."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from datumaro.progress import ProgressReporter
from datumaro.project.layout import Layout
from datumaro.project.transaction import locked
from datumaro.project.versions import Versions


@contextlib.contextmanager
def reading(layout: Layout, progress: ProgressReporter) -> Generator[Versions]:
    """For what only reads: others may read, too."""
    with locked(layout, shared=True) as lock:
        yield Versions(layout, lock, progress)


@contextlib.contextmanager
def writing(layout: Layout, progress: ProgressReporter) -> Generator[Versions]:
    """For what changes something: nobody else is in."""
    with locked(layout) as lock:
        yield Versions(layout, lock, progress)
