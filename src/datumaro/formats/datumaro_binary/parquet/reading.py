"""Parquet files to chunks: one for each row group."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from datumaro.errors import DamagedTokenError, DatasetImportError, MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_binary.parquet.footer import plain_footer
from datumaro.formats.datumaro_binary.parquet.groups import StoredGroup
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATION_FIELDS,
    ANNOTATIONS,
    DICTIONARIES,
    ITEM_COLUMNS,
)
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata, checked
from datumaro.formats.datumaro_binary.parquet.parts import groups_between
from datumaro.formats.datumaro_binary.parquet.stored import StoredColumns
from datumaro.remote.parquet import failure_at, open_parquet
from datumaro.table.chunk import Chunk
from datumaro.table.counts import Count, count_chunks

if TYPE_CHECKING:  # what decodes rows costs time, and metadata alone do without
    from datumaro.formats.datumaro_binary.parquet.chunks import ChunkReader
    from datumaro.formats.datumaro_binary.parquet.encryption import Vault

log = logging.getLogger("datumaro")

# what pyarrow raises for damaged files; ValueError for names that are no UTF-8
_DAMAGE = (pa.ArrowException, OSError, ValueError)
# what pages that are of another kind, or damaged, raise: Arrow reads them, or tells what is wrong
OTHERWISE = (ValueError, KeyError, OSError, pa.ArrowException, DatasetImportError)
_MOST_GROUP = 1 << 31
"""Bytes of a row group, uncompressed or decoded, that are read: ours have some tens of millions."""


def read_metadata(path: Path, vault: Vault | None = None) -> FileMetadata:
    """What a file says of itself, from its end alone.

    Raises
    ------
    MalformedFileError, DatasetImportError
        It is damaged, or of a kind that is not known here.
    """
    return OpenedFile(path, vault).metadata


class OpenedFile:
    """A file whose end was read and checked: ``metadata``, ``footer``, ``columns``, ``file``."""

    def __init__(self, path: Path, vault: Vault | None = None) -> None:
        self.path = path
        try:
            self.file: Any = open_parquet(
                path,
                page_checksum_verification=True,
                decryption_properties=vault and vault.decryption(),
            )
            self.footer: Any = self.file.metadata
        except _DAMAGE as error:
            if isinstance(error, FileNotFoundError | PermissionError):
                raise
            raise _damaged(path, "footer", error, "a whole Parquet file", vault) from error
        if vault is not None:
            vault.check_metadata(path, self.footer.metadata)
        self.metadata = checked(path, self.footer.metadata, self.footer.num_rows)
        known = [*ITEM_COLUMNS]
        known += [f"{ANNOTATIONS}.list.element.{name}" for name in ANNOTATION_FIELDS]
        there = {self.footer.schema.column(i).path for i in range(self.footer.num_columns)}
        missing = [name for name in known if name in self.metadata.columns and name not in there]
        if missing:
            raise MalformedFileError(
                path,
                "footer",
                f"no column {missing[0]}",
                "the columns that it says it has: it is damaged, or was changed by other means",
            )
        # what is marked optional: columns that other tools or later versions have added
        self.columns = [name for name in known if name in there]
        self._vault = vault
        self._stored: StoredColumns | None = None
        self._is_stored = vault is None  # until something else is found in it

    @property
    def stored(self) -> StoredColumns | None:
        """Its columns as they are stored; None where Arrow alone can read them."""
        if self._is_stored and self._stored is None:
            try:
                footer = plain_footer(self.path)
                if footer is not None:
                    self._stored = StoredColumns(footer, self.footer, self.columns)
            except OTHERWISE as error:
                log.debug("%s: Arrow reads it: %s", self.path, error)
            self._is_stored = self._stored is not None
        return self._stored

    def group(
        self, number: int, begin: int, end: int, columns: Sequence[str] | None = None
    ) -> Group:
        """Rows ``begin:end`` of a row group; of it these columns, or all that are known."""
        names = self.columns if columns is None else [n for n in self.columns if n in columns]
        told, stored, own = self.footer.row_group(number), self.stored, None
        if stored is not None:
            try:
                places = stored.places(number, names)
                own = StoredGroup(self.path, places, told.num_rows, told.total_byte_size)
            except ValueError as error:
                log.debug("%s: row group %d: Arrow reads it: %s", self.path, number, error)
        return Group(self.path, number, names, self.footer, begin, end, self._vault, own)


@dataclass(frozen=True)
class Group:
    """Rows ``begin:end`` of a row group.

    Attributes
    ----------
    stored : what decodes it without Arrow; None where that cannot be done.
    """

    path: Path
    number: int
    columns: list[str]
    footer: Any
    begin: int
    end: int
    vault: Vault | None = None
    stored: StoredGroup | None = None

    def read(self) -> pa.RecordBatch:
        """The rows; runs in a worker, with a reader of its own."""
        # not of its columns: of some that are damaged pyarrow tells nothing, but ends the process
        size = self.footer.row_group(self.number).total_byte_size
        if self.stored is not None:
            size = max(size, self.stored.decoded_size)
        if size > _MOST_GROUP:
            raise MalformedFileError(
                self.path, f"row group {self.number}", f"{size} bytes", f"at most {_MOST_GROUP}"
            )
        batch = self._decoded()
        return (self._by_arrow() if batch is None else batch).slice(
            self.begin, self.end - self.begin
        )

    def _decoded(self) -> pa.RecordBatch | None:
        """The row group, decoded here; None where Arrow has to read it, or say what is wrong."""
        if self.stored is None:
            return None
        try:
            return self.stored.read()
        except OTHERWISE as error:
            log.debug("%s: row group %d: Arrow reads it: %s", self.path, self.number, error)
            return None

    def _by_arrow(self) -> pa.RecordBatch:
        try:
            file: Any = open_parquet(
                self.path,
                metadata=self.footer,
                page_checksum_verification=True,
                read_dictionary=[name for name in DICTIONARIES if name in self.columns],
                decryption_properties=self.vault and self.vault.decryption(),
            )
            table = file.read_row_group(self.number, columns=self.columns, use_threads=False)
            table = table.combine_chunks()
            table.validate()
        except _DAMAGE as error:
            place = f"row group {self.number}"
            raise _damaged(self.path, place, error, "whole columns", self.vault) from error
        batches = table.to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _damaged(
    path: Path, place: str, error: Exception, expected: str, vault: Vault | None
) -> DatasetImportError:
    if (failed := failure_at(path, error)) is not None:
        return failed
    if vault is not None:
        return DamagedTokenError(
            f"{path}: {place}: it was changed after it was encrypted, or cut ({error})"
        )
    return MalformedFileError(path, place, str(error), expected)


@dataclass(frozen=True)
class FilePart:
    """Items ``begin:end`` of a file.

    Attributes
    ----------
    root : the data set's folder.
    vault : opens an encrypted file.
    """

    path: Path
    root: str
    begin: int
    end: int
    vault: Vault | None = None

    def groups(self, allow_external: bool) -> Iterator[tuple[ChunkReader, Group]]:
        """The row groups that have the items, and what reads them."""
        from datumaro.formats.datumaro_binary.media_in import MediaReader
        from datumaro.formats.datumaro_binary.parquet.chunks import ChunkReader

        opened = OpenedFile(self.path, self.vault)
        subset, footer, vault = opened.metadata.subset, opened.footer, self.vault
        lock = vault.media_lock(self.path, self.root, subset) if vault is not None else None
        media = MediaReader(self.path, self.root, subset, allow_external, lock)
        reader = ChunkReader(media, opened.metadata)
        sizes = (footer.row_group(n).num_rows for n in range(footer.num_row_groups))
        for number, low, high in groups_between(sizes, self.begin, self.end):
            yield reader, opened.group(number, low, high)


@dataclass
class ParquetData:
    """What was read of a file: its chunks, and how much they have."""

    chunks: list[Chunk] = field(default_factory=list[Chunk])
    count: Count = field(default_factory=Count)


def read_parquet(
    parts: Sequence[FilePart], allow_external: bool, context: ReadContext
) -> Iterator[tuple[FilePart, ParquetData]]:
    """Read the row groups that have items of the parts, by workers; each part as it is done.

    Raises
    ------
    MalformedFileError, DatasetImportError
        A file is damaged, or of a kind that is not known here.
    UndeclaredLabelError
        A label is not among the categories.
    PathOutsideDatasetError
        A relative media path climbs out of the data set.
    """
    from datumaro.formats.datumaro_binary.labels import checked_labels

    jobs = (
        [(number, *group)]
        for number, part in enumerate(parts)
        for group in part.groups(allow_external)
    )
    found = [ParquetData() for _ in parts]
    done = 0
    # row groups are decoded without the interpreter's lock, so that threads are enough
    with context.workers.map(_read, jobs) as results:
        for number, metadata, chunk, count in results:
            for earlier in range(done, number):
                yield parts[earlier], found[earlier]
                found[earlier] = ParquetData()
            done = number
            found[number].chunks += checked_labels(
                [chunk], metadata.categories, parts[number].path, context
            )
            found[number].count += count
    yield from zip(parts[done:], found[done:], strict=True)


def _read(job: tuple[int, ChunkReader, Group]) -> tuple[int, FileMetadata, Chunk, Count]:
    """Read a row group; runs in a worker."""
    number, reader, group = job
    chunk = reader(group)
    return number, reader.metadata, chunk, count_chunks([chunk])
