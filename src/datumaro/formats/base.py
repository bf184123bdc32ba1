"""The contract of a format: a name, and up to three verbs (detect, read, write).

A format is a subclass of `Format`. Its options are two small frozen dataclasses, derived from
`ReadOptions` and `WriteOptions`; the command line's flags, their help and the keyword arguments of
`Dataset.import_from` and `Dataset.export` all come from them. Formats take and give
`datumaro.table.chunk.Content`; they know nothing of `Dataset`, of other formats or of the command
line.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from datumaro.errors import DatasetExportError, DatasetImportError, UnknownOptionError
from datumaro.formats.capabilities import Capabilities
from datumaro.losses import Losses
from datumaro.options import option
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.remote.path import as_remote
from datumaro.workers import Workers, worker_count

if TYPE_CHECKING:
    from datumaro.table.content import Content
    from datumaro.table.counts import Summary

log = logging.getLogger("datumaro")


# --- options ----------------------------------------------------------------------------------


def num_workers_option(verb: str) -> Any:
    """Declare ``num_workers``; see `datumaro.workers.Workers`."""
    return option(
        None,
        f"workers that {verb}; 0 for none (default: one for each core, at most 8)",
        parse=worker_count,
        metavar="N",
    )


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Options of every import."""

    allow_external_media: bool = option(
        False, "follow media paths that lead outside the data set's folder (trusted data only)"
    )


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """Options of every export."""

    save_media: bool = option(False, "copy the media files into the data set")
    image_ext: str | None = option(
        None, "extension of saved images, such as .png; others are re-encoded", metavar="EXT"
    )
    num_workers: int | None = num_workers_option("copy, encode and encrypt")


def workers_of(
    options: ReadOptions | WriteOptions, executor: Executor | None, format: str
) -> Workers:
    """What runs the work of an import or export with these options.

    Raises
    ------
    UnknownOptionError
        An executor is given, and the format has no work for it.
    """
    if "num_workers" in {f.name for f in fields(options)}:
        return Workers(getattr(options, "num_workers", None), executor)
    if executor is not None:
        raise UnknownOptionError(f"{format} is read without workers: it has no option 'executor'")
    return Workers()


# --- detection --------------------------------------------------------------------------------


class Confidence(IntEnum):
    """How sure a format is that a path is its own."""

    EXTREME_LOW = 5
    LOW = 10
    MEDIUM = 20
    HIGH = 30


class Rejected(Exception):
    """Raised by `Format.detect`: the path is not of this format, and the message says why."""


class Folder:
    """The path that is being detected, with its listings kept, so that formats can share them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: dict[str, tuple[list[str], list[str]]] = {}

    @property
    def is_file(self) -> bool:
        """Whether the path is a file and not a folder."""
        return self.path.is_file()

    def _list(self, relative: str) -> tuple[list[str], list[str]]:
        if relative not in self._names:
            files: list[str] = []
            folders: list[str] = []
            folder = self.path / relative if relative else self.path
            if (remote := as_remote(folder)) is not None:
                self._names[relative] = remote.names()
            elif folder.is_dir():
                with os.scandir(folder) as entries:
                    for entry in entries:
                        (folders if entry.is_dir() else files).append(entry.name)
            self._names.setdefault(relative, (sorted(files), sorted(folders)))
        return self._names[relative]

    def files(self, relative: str = "") -> list[str]:
        """Names of the files in a folder below the path, sorted; none when it does not exist."""
        return self._list(relative)[0]

    def folders(self, relative: str = "") -> list[str]:
        """Names of the folders in a folder below the path, sorted."""
        return self._list(relative)[1]

    def head(self, relative: str, n: int = 4096) -> bytes:
        """The first bytes of a file."""
        with (self.path / relative if relative else self.path).open("rb") as file:
            return file.read(n)


# --- what reading and writing are given ---------------------------------------------------------


@dataclass
class ReadContext:
    """What a reader may use beside its options.

    Attributes
    ----------
    progress : where to report what is done.
    on_error : "fail" raises the first problem; "skip" leaves the bad annotation or item out and
        counts it in ``problems``. Problems of a whole file are always raised.
    keep : export options that the reader wants used when the data set is saved to its place again.
    workers : what runs work that can be shared.
    is_part : the reader was asked for a part of what is there, and says so: to save that to its
        place would destroy the rest.
    """

    progress: ProgressReporter = field(default_factory=NullProgressReporter)
    on_error: Literal["fail", "skip"] = "fail"
    problems: list[DatasetImportError] = field(default_factory=list[DatasetImportError])
    n_problems: int = 0
    keep: dict[str, Any] = field(default_factory=dict[str, Any])
    workers: Workers = field(default_factory=Workers)
    is_part: bool = False

    def problem(self, error: DatasetImportError) -> None:
        """Report a problem of one item or annotation: raise it, or remember it and go on."""
        if self.on_error == "fail":
            raise error
        self.n_problems += 1
        if len(self.problems) < 100:
            self.problems.append(error)


@dataclass
class WriteContext(Losses):
    """What a writer may use beside its options.

    `lost` is where it says what the format cannot hold; all of it is reported once, at the end.
    ``keep`` are options that the writer wants used when the data set is saved again.
    `workers` runs work that can be shared.
    """

    progress: ProgressReporter = field(default_factory=NullProgressReporter)
    keep: dict[str, Any] = field(default_factory=dict[str, Any])
    workers: Workers = field(default_factory=Workers)

    def report(self, format_name: str) -> None:
        """Log what was lost, as one warning."""
        self.warn(f"{format_name} cannot hold %s: left out")


# --- the contract -------------------------------------------------------------------------------


class Format:
    """One data set format. A subclass sets the names below and defines the verbs that it has.

    Class attributes
    ----------------
    name : as users write it (``coco_instances``).
    title : one line on what it is and where it is defined.
    reads, writes : which verbs it has.
    read_options, write_options : their options.
    owned : glob patterns, relative to the data set's folder, of the files that a new export
        replaces as a whole, so that none stays behind stale (``annotations/*.json``); media are
        never among them. Other files that an older export left in the folder stay.
    holds : what its files can hold. An export reports by it what is left out, so `write` only
        counts what it cannot say.
    read_by : of formats that are only written: the one that reads what they write.
    always_saves_media : whether `write` saves media also without the option ``save_media``.
    at_urls : whether `read` reads data sets at URLs, whose paths are then no local ones: see
        `datumaro.remote.path.located`.
    part_of : the format that reads all that this one reads, and more (``voc`` of
        ``voc_detection``): it is the one that is detected where both match.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    read_options: ClassVar[type[ReadOptions]] = ReadOptions
    write_options: ClassVar[type[WriteOptions]] = WriteOptions
    owned: ClassVar[tuple[str, ...]] = ()
    holds: ClassVar[Capabilities | None] = None
    read_by: ClassVar[str] = ""
    part_of: ClassVar[str] = ""
    always_saves_media: ClassVar[bool] = False
    at_urls: ClassVar[bool] = False

    def holding(self, options: Any) -> Capabilities | None:
        """What its files can hold when they are written with ``options``."""
        if self.holds is not None and getattr(options, "save_dataset_meta", False):
            return self.holds.with_meta()
        return self.holds

    def check_url(self, options: Any) -> None:
        """See that what is written with ``options`` may be put at a URL.

        Raises
        ------
        DatasetExportError
            It may not.
        """
        raise DatasetExportError(
            f"format {self.name} is not written to URLs: export datumaro_binary with storage "
            "parquet there; or export to a local folder, and copy it with the storage's own tool"
        )

    def detect(self, folder: Folder) -> Confidence:
        """Tell how surely ``folder`` is of this format, from names and a few bytes.

        Raises
        ------
        Rejected
            It is not; the message says what is missing.
        """
        raise Rejected("it is not detected by itself; name the format")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the data set at ``path`` (a folder, or for some formats a file).

        Raises
        ------
        DatasetNotFoundError
            Nothing of this format lies there.
        DatasetImportError
            What lies there is damaged; the message names file, place, found and expected.
        """
        raise NotImplementedError

    def is_unmistakable(self, folder: Folder) -> bool:
        """Whether all that lies in ``folder`` is of this format, so that no other need be asked."""
        del folder
        return False

    def summarize(self, path: Path, options: Any, context: ReadContext) -> Summary | None:
        """Count what the data set at ``path`` has without reading it; None where it must be read.

        Raises
        ------
        DatasetNotFoundError, DatasetImportError
            As `read` does.
        """
        del path, options, context
        return None

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write ``content`` into ``folder``, which exists, is empty and is not yet the target.

        The caller puts it in the target's place when it is whole.
        """
        raise NotImplementedError
