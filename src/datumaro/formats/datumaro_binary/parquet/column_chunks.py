"""A row group's columns as the bytes of a Parquet file: in pages, encoded and compressed.

All of it may run in a worker: nothing depends on where in the file the row group will be. Pages
begin with a row, but where one row alone is too large for a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from datumaro.errors import UnsupportedContentError
from datumaro.formats.datumaro_binary.parquet import thrift
from datumaro.formats.datumaro_binary.parquet.column_values import (
    PLAIN,
    Bytes,
    Values,
    dictionary_page,
    statistics_of,
    validity,
    values_of,
)
from datumaro.kernels import parquet_encoding as kernel
from datumaro.kernels.crc import crc32
from datumaro.table.schema import Array

RLE = 3
UNCOMPRESSED, ZSTD = 0, 6
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2

# Bytes of values that a page has, about: the larger, the better they compress, and the more is read
# for a single row.
_PAGE = 1 << 20
_UNCOMPRESSED_PAGE = 1 << 18
_MOST = (1 << 31) - (1 << 24)  # bytes of a page: Parquet tells them as int32


@dataclass(frozen=True)
class Storage:
    """How a column is stored.

    Attributes
    ----------
    encoding : of `column_values`.
    level : of zstd; None for uncompressed.
    has_statistics : whether the least and the greatest value are told.
    """

    encoding: int
    level: int | None
    has_statistics: bool = False


@dataclass
class ColumnChunk:
    """A column of a row group.

    Attributes
    ----------
    parts : its bytes, in order: the page of its dictionary, if there is one, and pages of data.
    count : values, with nulls and one for each empty list.
    size, stored : bytes of all pages with their headers, uncompressed and as they are.
    dictionary : bytes of the dictionary's page, as they are; 0 for none.
    """

    level: int | None
    encodings: list[int] = field(default_factory=lambda: [RLE])
    parts: list[Bytes] = field(default_factory=list[Bytes])
    count: int = 0
    size: int = 0
    stored: int = 0
    dictionary: int = 0
    statistics: thrift.Value | None = None

    @property
    def codec(self) -> int:
        """How pages are compressed, by its number in Parquet."""
        return UNCOMPRESSED if self.level is None else ZSTD

    def add_dictionary(self, body: Bytes, count: int) -> None:
        """Add the page of the dictionary, before those of data."""
        self._add(_DICTIONARY_PAGE, [body], count, PLAIN)
        self.dictionary = self.stored

    def add_page(self, body: Sequence[Bytes], count: int, encoding: int) -> None:
        """Add a page of data, of so many values with nulls."""
        self._add(_DATA_PAGE, body, count, encoding)
        self.count += count

    def _add(self, kind: int, body: Sequence[Bytes], count: int, encoding: int) -> None:
        size = sum(len(part) for part in body)
        stored = b"".join(body)
        if self.level is not None:
            codec = pa.Codec("zstd", compression_level=self.level)
            stored = codec.compress(stored, asbytes=True)
        head = _page_header(kind, size, len(stored), crc32(stored), count, encoding)
        self.parts += [head, stored]
        self.size += len(head) + size
        self.stored += len(head) + len(stored)
        if encoding not in self.encodings:
            self.encodings.append(encoding)


def _page_header(kind: int, size: int, stored: int, crc: int, count: int, encoding: int) -> bytes:
    told = {1: thrift.i32(count), 2: thrift.i32(encoding)}
    if kind == _DATA_PAGE:
        told |= {3: thrift.i32(RLE), 4: thrift.i32(RLE)}
    signed = crc - (1 << 32) if crc >> 31 else crc
    head = {1: thrift.i32(kind), 2: thrift.i32(size), 3: thrift.i32(stored), 4: thrift.i32(signed)}
    return thrift.struct({**head, 5 if kind == _DATA_PAGE else 7: thrift.struct(told)})[1]


@dataclass(frozen=True)
class RowGroup:
    """A row group, whose columns are those of the file's schema, without nesting, in order."""

    rows: int
    columns: list[ColumnChunk]


def encode(batch: pa.RecordBatch, storage: dict[str, Storage]) -> RowGroup:
    """The columns of a batch; of lists of structs one for each field.

    Parameters
    ----------
    storage : by the columns' paths in the file.

    Raises
    ------
    UnsupportedContentError
        A value is too large for Parquet.
    """
    columns: list[ColumnChunk] = []
    for told, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_large_list(told.type):
            lists = _Lists(_offsets(column))
            element = told.type.value_field
            for place, part in enumerate(element.type):
                path = f"{told.name}.list.{element.name}.{part.name}"
                columns.append(_chunk(column.values.field(place), part, lists, path, storage[path]))
        else:
            rows = _Rows(len(column))
            columns.append(_chunk(column, told, rows, told.name, storage[told.name]))
    return RowGroup(batch.num_rows, columns)


def _offsets(lists: pa.Array) -> Array:
    return np.frombuffer(lists.buffers()[1], np.int64, len(lists) + 1, 8 * lists.offset)


def _chunk(
    column: pa.Array, told: pa.Field, rows: _Rows, path: str, storage: Storage
) -> ColumnChunk:
    chunk = ColumnChunk(storage.level)
    valid = validity(column)
    values = values_of(column, valid, storage.encoding)
    if values.words is not None:
        chunk.add_dictionary(dictionary_page(values.words), len(values.words))
    for page in rows.pages(values, _UNCOMPRESSED_PAGE if storage.level is None else _PAGE):
        before, upto = values.sizes(np.array([page.first, page.last]))
        if upto - before > _MOST:
            raise UnsupportedContentError(
                f"values of {path}, of which one is too large, have {upto - before} bytes; a page "
                f"of Parquet has at most {_MOST}"
            )
        levels = rows.levels(page, valid, told.nullable)
        body = values.encoded(page.first, page.last)
        chunk.add_page([*levels, *body], page.level_end - page.level, values.encoding)
    if storage.has_statistics:
        chunk.statistics = statistics_of(column)
    return chunk


# --- rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    """What a page has: some levels, and the values ``first`` to ``last``."""

    level: int
    level_end: int
    first: int
    last: int


class _Rows:
    """Rows of one value each."""

    def __init__(self, n: int) -> None:
        self._n = n

    def pages(self, values: Values, most: int) -> Iterator[_Page]:
        """How the values of all rows are parted into pages of about ``most`` bytes."""
        for first, last in pairwise(_cuts(values.sizes(np.arange(self._n + 1)), most)):
            yield _Page(first, last, first, last)

    def levels(self, page: _Page, valid: Array | None, nullable: bool) -> list[Bytes]:
        """The levels of a page, each kind after its length."""
        if not nullable:
            return []
        there = np.ones(page.last - page.first, np.uint8)
        return _levels(there if valid is None else valid[page.first : page.last], 1)


class _Lists(_Rows):
    """Rows of lists, whose elements may be null where the lists may not.

    Parameters
    ----------
    offsets : int64 [n + 1], the first element of each, and the end.
    """

    def __init__(self, offsets: Array) -> None:
        super().__init__(len(offsets) - 1)
        self._offsets = offsets
        self._repeated, self._there = kernel.list_levels(offsets)
        # the first level of each row: an empty list has one
        self._starts = np.append(np.flatnonzero(self._repeated == 0), len(self._repeated))
        self._known: dict[tuple[int, int, int], list[Bytes]] = {}

    def pages(self, values: Values, most: int) -> Iterator[_Page]:
        """See `_Rows.pages`."""
        sizes = values.sizes(self._offsets)
        for row, end in pairwise(_cuts(sizes, most)):
            level, level_last = int(self._starts[row]), int(self._starts[end])
            first, last = int(self._offsets[row]), int(self._offsets[end])
            if sizes[end] - sizes[row] > 2 * most:  # a large row: between its elements
                levels = np.flatnonzero(self._there)  # of each element
                sizes_within = values.sizes(np.arange(first, last + 1))
                for at in [first + cut for cut in _cuts(sizes_within, most)[1:-1]]:
                    level_end = int(levels[at - self._offsets[0]])
                    yield _Page(level, level_end, first, at)
                    level, first = level_end, at
            yield _Page(level, level_last, first, last)

    def levels(self, page: _Page, valid: Array | None, nullable: bool) -> list[Bytes]:
        """See `_Rows.levels`."""
        repeated = self._shared(page, 0)
        if valid is None or not nullable:
            return [*repeated, *self._shared(page, 2 if nullable else 1)]
        there = self._there[page.level : page.level_end]
        return [*repeated, *_levels(kernel.nested_levels(there, valid[page.first : page.last]), 2)]

    def _shared(self, page: _Page, most: int) -> list[Bytes]:
        """What all columns of the same lists have alike: repetition levels, or with ``most`` the
        definition levels where no value is null."""
        key = page.level, page.level_end, most
        if key not in self._known:
            levels = (self._there if most else self._repeated)[page.level : page.level_end]
            self._known[key] = _levels(levels * np.uint8(2) if most == 2 else levels, max(most, 1))
        return self._known[key]


def _levels(values: Array, width: int) -> list[Bytes]:
    found = kernel.runs(values, width)
    return [len(found).to_bytes(4, "little"), found]


def _cuts(sizes: Array, most: int) -> list[int]:
    """Where pages of about ``most`` bytes begin, and the end, of things that have ``sizes`` bytes
    before each."""
    n, total = len(sizes) - 1, int(sizes[-1] - sizes[0])
    if total <= most:
        return [0, n]
    size = -(-total // -(-total // most))  # as large as each other
    cuts = [0]
    while cuts[-1] < n:
        end = int(np.searchsorted(sizes, int(sizes[cuts[-1]]) + size))
        cuts.append(min(max(end, cuts[-1] + 1), n))
    return cuts
