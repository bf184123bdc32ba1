"""Writing a data set in a format and reading it again, with what the export said."""

from __future__ import annotations

import contextlib
import itertools
import logging
import shutil
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from datumaro.dataset import Dataset
from datumaro.formats import registry
from datumaro.formats.base import Format
from datumaro.formats.capabilities import Capabilities


@contextlib.contextmanager
def warnings_of_datumaro() -> Generator[list[str], None, None]:
    """Collect what the package warns of."""
    collected: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.append(record.getMessage())

    log, collector = logging.getLogger("datumaro"), Collector(logging.WARNING)
    level, propagate = log.level, log.propagate
    log.addHandler(collector)
    log.setLevel(logging.WARNING)
    log.propagate = False
    try:
        yield collected
    finally:
        log.removeHandler(collector)
        log.setLevel(level)
        log.propagate = propagate


@dataclass
class Exchange:
    """A format, and a place to write and read data sets in.

    Attributes
    ----------
    writer, reader : the format; two formats where one writes what another reads.
    place : a folder for data sets.
    write_options, read_options : given with each export and import.
    """

    writer: Format
    reader: Format
    place: Path
    write_options: dict[str, Any] = field(default_factory=dict[str, Any])
    read_options: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self._numbers = itertools.count()

    @property
    def holds(self) -> Capabilities:
        """What the format declares."""
        declared = self.writer.holds
        if declared is None:
            pytest.fail(f"{self.writer.name} does not declare what it can hold (Format.holds)")
        return declared

    def fresh(self) -> Path:
        """A folder that does not exist yet."""
        return self.place / f"{self.writer.name}-{next(self._numbers)}"

    def write(self, dataset: Dataset, folder: Path, **options: Any) -> list[str]:
        """Export with media; return what was warned of."""
        chosen: dict[str, Any] = {"save_media": True} | self.write_options | options
        with warnings_of_datumaro() as said:
            dataset.export(folder, self.writer.name, **chosen)
        return said

    def read(self, folder: Path, **options: Any) -> Dataset:
        """Import."""
        return Dataset.import_from(folder, self.reader.name, **{**self.read_options, **options})

    def round_trip(self, dataset: Dataset) -> tuple[Dataset, list[str]]:
        """(What is read after it was written, what was warned of)."""
        folder = self.fresh()
        try:
            said = self.write(dataset, folder)
            received = self.read(folder)
            for item in received:  # in time, before the files go
                _ = item.annotations, item.media
            return received, said
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def other_formats(name: str) -> list[Format]:
    """All formats that can be loaded, but one."""
    found: list[Format] = []
    for other in registry.names():
        if other != name:
            with contextlib.suppress(ImportError, AttributeError):
                found.append(registry.get(other))
    return found
