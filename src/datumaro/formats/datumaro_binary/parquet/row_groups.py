"""The row groups of several files, one after another, each read when it is asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_binary.labels import checked_labels
from datumaro.formats.datumaro_binary.media_in import MediaReader
from datumaro.formats.datumaro_binary.parquet.chunks import ChunkReader
from datumaro.formats.datumaro_binary.parquet.encryption import Vault
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata
from datumaro.formats.datumaro_binary.parquet.pages import GroupPages
from datumaro.formats.datumaro_binary.parquet.parts import groups_between
from datumaro.formats.datumaro_binary.parquet.reading import OTHERWISE, OpenedFile
from datumaro.remote.path import as_remote
from datumaro.table.checks import check_names
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

log = logging.getLogger("datumaro")

_FEW = 24
"""Items of a row group that are decoded one by one; the next decodes all, which costs as much."""


class Rows:
    """Rows ``begin:end`` of a row group, read when they are asked for: single ones from their pages
    where that can be done, then all; these lie in memory as they are in the file, and after a while
    as a chunk."""

    def __init__(self, file: StoredFile, number: int, begin: int, end: int) -> None:
        self._file, self._number = file, number
        self._begin, self._end = begin, end
        self._pages = file.pages(number)
        self._batch: pa.RecordBatch | None = None
        self._chunk: Chunk | None = None  # and then no batch, and no pages
        self._asked = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        if (chunk := self._chunk) is not None:
            return chunk.items.nbytes + chunk.annotations.nbytes
        pages, batch = self._pages, self._batch
        return (pages.nbytes if pages else 0) + (batch.nbytes if batch is not None else 0)

    def some(self, rows: Array) -> Chunk:
        """Items at ``rows`` (int64, any order), copied."""
        self._asked += len(rows)
        if self._asked <= _FEW:
            with self._lock:
                if self._chunk is None:
                    return self._file.chunk(self._number, self._picked(rows))
        return self.all().take(rows)

    def _picked(self, rows: Array) -> pa.RecordBatch:
        if self._pages is not None:
            wanted = (rows + self._begin).tolist()
            batch = self._file.picked(self._pages, wanted, keep=self._asked > len(rows))
            if batch is not None:
                return batch
            self._pages = None  # the whole is read, and told what is wrong with it
        return self._whole().take(pa.array(rows))

    def _whole(self) -> pa.RecordBatch:
        if self._batch is None:
            batch = self._file.read(self._number)
            self._batch = batch.slice(self._begin, self._end - self._begin)
        return self._batch

    def all(self) -> Chunk:
        """All items, over the row group's memory."""
        with self._lock:
            if self._chunk is None:
                self._chunk = self._file.chunk(self._number, self._whole())
                self._batch = self._pages = None
            return self._chunk


class StoredFile:
    """A Parquet file of a data set. Pickled, it is opened again when it is needed.

    Attributes
    ----------
    metadata : what it says of itself.
    sizes : rows of each row group.

    Raises
    ------
    MalformedFileError
        It is damaged.
    """

    def __init__(self, path: Path, root: str, allow_external: bool, vault: Vault | None) -> None:
        self.path, self._root = path, root
        self._allow_external, self._vault = allow_external, vault
        self._stamp = _stamp(path)
        self._opened: OpenedFile | None = None
        self._reader: ChunkReader | None = None
        found = self._open()
        self.metadata: FileMetadata = found.metadata
        footer = found.footer
        self.sizes = [footer.row_group(n).num_rows for n in range(footer.num_row_groups)]
        if sum(self.sizes) != self.metadata.items or min(self.sizes, default=0) < 0:
            raise MalformedFileError(
                path,
                "footer",
                f"row groups of {sum(self.sizes)} rows",
                f"{self.metadata.items}, as it says",
            )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None, "_reader": None}

    def _open(self) -> OpenedFile:
        found = self._opened
        if found is None:
            self._check_unchanged()
            found = OpenedFile(self.path, self._vault)
            found.file = None  # its end is kept, the file is not
            self._check_unchanged()
            self._opened = found
        return found

    def _check_unchanged(self) -> None:
        try:
            same = _stamp(self.path) == self._stamp
        except FileNotFoundError:
            same = False
        if not same:
            raise DatasetImportError(
                f"{self.path}: the file was changed, replaced or removed after it was opened; open "
                "the data set again"
            )

    def read(self, number: int, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """A row group's columns; all that are known, when none are named.

        Raises
        ------
        MalformedFileError, DatasetImportError
            It is damaged, or the file is not the same any more.
        """
        found = self._open()
        rows = self.sizes[number]
        try:
            batch = found.group(number, 0, rows, columns).read()
        except DatasetImportError:
            self._check_unchanged()  # that is why, then
            raise
        self._check_unchanged()
        if len(batch) != rows:
            raise MalformedFileError(
                self.path,
                f"row group {number}",
                f"{len(batch)} rows",
                f"{rows}, as the footer says",
            )
        return batch

    def pages(self, number: int) -> GroupPages | None:
        """The pages of a row group; None where Arrow alone can read it, or something is wrong."""
        try:
            stored = self._open().stored
            return None if stored is None else GroupPages(self.path, stored.places(number))
        except OTHERWISE as error:
            log.debug("%s: its rows are not read one by one: %s", self.path, error)
            return None

    def picked(self, pages: GroupPages, rows: list[int], keep: bool) -> pa.RecordBatch | None:
        """Rows of a row group, by its pages; None as `pages`.

        Raises
        ------
        DatasetImportError
            The file is not the same any more.
        """
        try:
            batch = pages.rows(rows, keep)
        except OTHERWISE as error:
            log.debug("%s: a row is not read by itself: %s", self.path, error)
            return None
        self._check_unchanged()
        return batch

    def ids(self, number: int) -> list[str]:
        """The ids of a row group's items."""
        batch = self.read(number, ("id",))
        try:
            column = batch.column("id").cast(pa.large_string())
            column.validate(full=True)  # that it is UTF-8
            if column.null_count:
                raise ValueError("a null")
        except (pa.ArrowException, ValueError, KeyError) as error:
            place = f"row group {number}: id"
            raise MalformedFileError(self.path, place, str(error), "an id for each item") from error
        return column.to_pylist()

    def chunk(self, number: int, batch: pa.RecordBatch) -> Chunk:
        """Rows of a row group as a chunk, all checked.

        Raises
        ------
        DatasetImportError
            They are not what the format says, or have labels or names that may not be.
        """
        reader = self._reader
        if reader is None:
            subset, vault = self.metadata.subset, self._vault
            lock = vault.media_lock(self.path, self._root, subset) if vault is not None else None
            media = MediaReader(self.path, self._root, subset, self._allow_external, lock)
            reader = self._reader = ChunkReader(media, self.metadata)
        chunk = reader.chunk(self.path, f"row group {number}", batch)
        context = ReadContext()  # problems are raised
        (chunk,) = checked_labels([chunk], self.metadata.categories, self.path, context)
        check_names(Content([chunk]), str(self.path), context.problem)
        return chunk


def _stamp(path: Path) -> tuple[int, int, int]:
    """What is another when a file is changed; of one at a URL nothing is asked again."""
    if as_remote(path):
        return 0, 0, 0
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass
class RowGroups:
    """The row groups that have wanted items, in order.

    Attributes
    ----------
    files : (file, begin, end) of the items that are wanted of it.
    starts : places of the first item of each row group, and of the end.
    """

    files: Sequence[tuple[StoredFile, int, int]]
    starts: list[int] = field(init=False)
    _groups: list[tuple[StoredFile, int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._groups = [
            (file, number, low, high)
            for file, begin, end in self.files
            for number, low, high in groups_between(file.sizes, begin, end)
        ]
        self.starts = [0]
        for _, _, low, high in self._groups:
            self.starts.append(self.starts[-1] + high - low)

    def __len__(self) -> int:
        return len(self._groups)

    def read(self, index: int) -> Rows:
        """The wanted rows of a row group."""
        return Rows(*self._groups[index])

    def ids(self, index: int) -> tuple[str, list[str]]:
        """(The subset, the ids) of the wanted items of a row group."""
        file, number, low, high = self._groups[index]
        return file.metadata.subset, file.ids(number)[low:high]

    def subsets(self) -> list[str]:
        """The subset of each row group."""
        return [file.metadata.subset for file, _, _, _ in self._groups]
