"""Whole row groups, decoded by a kernel of our own.

Arrow knows all that Parquet may have, and takes longer for it. Here only what our files have is
known: where anything else is found, or anything is wrong, a `ValueError` says so, and the caller
lets Arrow read the row group, or say what is wrong with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from datumaro.formats.datumaro_binary.parquet.layout import ANNOTATIONS, DICTIONARIES
from datumaro.formats.datumaro_binary.parquet.stored import (
    HEADER,
    MOST_PAGES,
    PLAIN,
    UNCOMPRESSED,
    ZSTD,
    Column,
    Page,
    Place,
    check_stored,
    page_at,
    span_of,
    zstd,
)
from datumaro.kernels import parquet_columns as kernel

_REPEATED = {name.rpartition(".")[2] for name in DICTIONARIES}
_NONE = [pa.py_buffer(bytes(8)), pa.py_buffer(b"")]
_INDEX = pa.int32()


@dataclass(frozen=True)
class StoredGroup:
    """A row group of a file of our own.

    Attributes
    ----------
    columns : those that are read, and where they are.
    rows, size : how many rows it has, and bytes when it is decompressed, as the footer says.
    """

    path: Path
    columns: list[tuple[Column, Place]]
    rows: int
    size: int

    def read(self) -> pa.RecordBatch:
        """The row group as Arrow reads it, but that all offsets have 64 bits.

        Raises
        ------
        ValueError, OSError, pa.ArrowException
            Something is of another kind or damaged.
        """
        if any(place.values < 0 for _, place in self.columns):
            raise ValueError("fewer values than none")
        left = self.size
        items: list[tuple[pa.Field, pa.Array]] = []
        parts: list[tuple[pa.Field, pa.Array]] = []
        like: kernel.Column | None = None
        for chunk in self._chunks():
            column = chunk.column
            left -= sum(page.size for page in chunk.pages)
            if left < 0:
                raise ValueError("more bytes than the row group says")
            decoded = kernel.Column(
                chunk.bodies(), column.nested, column.most, like, pa.allocate_buffer
            )
            if column.nested:
                like = like or decoded
            elif decoded.n != self.rows:
                raise ValueError("another number of values than of rows")
            array = chunk.decoded(decoded)
            part = pa.field(column.name, array.type, column.most > column.nested)
            (parts if column.nested else items).append((part, array))
        if like is not None:
            items.append(_lists(like, parts))
        if not items or len(items[-1][1]) != self.rows:
            raise ValueError("another number of lists than of rows")
        kind = pa.schema([part for part, _ in items])
        return pa.RecordBatch.from_arrays([array for _, array in items], schema=kind)

    @property
    def decoded_size(self) -> int:
        """Bytes that it takes when it is decoded, at least: few may stand for many nulls."""
        return sum(max(place.values, 0) * (column.size or 8) for column, place in self.columns)

    def _chunks(self) -> list[_Chunk]:
        """The columns with what is stored of each."""
        spans = sorted(
            (*span_of(column, place), column.index, column, place) for column, place in self.columns
        )
        found: dict[int, _Chunk] = {}
        with self.path.open("rb", buffering=0) as file:
            whole = os.fstat(file.fileno()).st_size
            if sum(end - begin for begin, end, *_ in spans) > whole:
                raise ValueError("columns of more bytes than the file has")
            for together in _adjacent(spans):
                first, last = together[0][0], together[-1][1]
                # Arrow's pool has memory that was used before, and is not cleared again
                memory = memoryview(pa.allocate_buffer(last - first)).cast("B")
                file.seek(first)
                if file.readinto(memory) != len(memory):
                    raise ValueError("the end of the file")
                for begin, end, _, column, place in together:
                    part = memory[begin - first : end - first]
                    found[column.index] = _Chunk(column, place, begin, part)
        return [found[column.index] for column, _ in self.columns]


_Span = tuple[int, int, int, Column, Place]


def _adjacent(spans: list[_Span]) -> list[list[_Span]]:
    """Columns that lie together in the file; those whose memory is kept are each by itself."""
    found: list[list[_Span]] = []
    end, joins = -1, False
    for span in spans:
        joined, joins = joins, span[4].codec != UNCOMPRESSED
        if joined and joins and span[0] == end:
            found[-1].append(span)
        else:
            found.append([span])
        end = span[1]
    return found


class _Chunk:
    """A column of a row group.

    Parameters
    ----------
    begin, data : where it is in the file; its bytes.

    Attributes
    ----------
    pages : those of data, after that of a dictionary, which may be missing.
    """

    def __init__(self, column: Column, place: Place, begin: int, data: memoryview) -> None:
        self.column, self._place = column, place
        self._begin, self._data = begin, data
        self.pages: list[Page] = []
        at, end, values = begin, begin + len(data), place.values
        while at < end:
            head = data[at - begin : at - begin + HEADER]
            page = page_at(head, at, end)
            at = page.at + page.stored
            if page.is_dictionary and self.pages:
                raise ValueError("a dictionary that is not the first page")
            values -= 0 if page.is_dictionary else page.count
            self.pages.append(page)
            if len(self.pages) > MOST_PAGES:
                raise ValueError("too many pages")
        if values:
            raise ValueError("another number of values than there should be")

    def bodies(self) -> list[tuple[kernel.Bytes, int, int]]:
        """(Content, number of values, their encoding) of each page of data that has some."""
        found: list[tuple[kernel.Bytes, int, int]] = []
        for page in self.pages:
            if not page.is_dictionary:
                body = self._body(page)
                found += [(body, page.count, page.encoding)] if page.count else []
        return found

    def _body(self, page: Page) -> pa.Buffer | memoryview:
        """A page's content, checked and decompressed."""
        at = page.at - self._begin
        stored = self._data[at : at + page.stored]
        check_stored(page, stored)
        body = zstd.decompress(stored, page.size) if self._place.codec == ZSTD else stored
        if len(body) != page.size:
            raise ValueError("a page of another size than it says")
        return body

    def _words(self) -> kernel.Column | None:
        """The values of the dictionary; None without one."""
        if not self.pages or not self.pages[0].is_dictionary:
            return None
        page = self.pages[0]
        body = self._body(page)
        pages: list[tuple[kernel.Bytes, int, int]] = [(body, page.count, PLAIN)]
        return kernel.Column(pages if page.count else [], False, 0, None, pa.allocate_buffer)

    def decoded(self, values: kernel.Column) -> pa.Array:
        """The values as a column of Arrow's."""
        column, words = self.column, self._words()
        if column.size:
            numbers = values.numbers(column.size, words and words.numbers(column.size))
            return _array(column.kind, values, [numbers])
        found = None if words is None else words.texts()
        repeats = column.nested and column.name in _REPEATED
        if repeats and values.are_indices():
            n = 0 if words is None else words.n
            memory = _NONE if found is None else [found[0], pa.py_buffer(found[1])]
            texts = pa.Array.from_buffers(column.kind, n, [None, *memory], 0)
            indices = _array(_INDEX, values, [values.indices(n)])
            return pa.DictionaryArray.from_arrays(indices, texts, safe=False)
        own = self._data if self._place.codec == UNCOMPRESSED else None
        offsets, data = values.texts(found, own)
        array = _array(column.kind, values, [offsets, pa.py_buffer(data)])
        return array.dictionary_encode() if repeats else array


def _array(kind: pa.DataType, values: kernel.Column, memory: list[pa.Buffer]) -> pa.Array:
    valid = values.valid
    bits = None if valid is None else pa.py_buffer(valid)
    return pa.Array.from_buffers(kind, values.n, [bits, *memory], values.nulls)


def _lists(
    values: kernel.Column, parts: list[tuple[pa.Field, pa.Array]]
) -> tuple[pa.Field, pa.Array]:
    """The annotations of all items, whose lists are those of a column."""
    struct = pa.StructArray.from_arrays(
        [array for _, array in parts], fields=[part for part, _ in parts]
    )
    kind = pa.large_list(pa.field("element", struct.type, False))
    memory = [None, values.offsets]
    lists = pa.Array.from_buffers(kind, values.lists, memory, 0, children=[struct])
    return pa.field(ANNOTATIONS, kind, False), lists
