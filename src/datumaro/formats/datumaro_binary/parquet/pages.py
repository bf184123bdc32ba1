"""Single rows of a row group, from the pages that have them.

Arrow decodes a row group as a whole, of which a row is a ten-thousandth. Here the pages that have
the row are read and decompressed, and of their values its own are picked. Only what our files have
is known: where anything else is found, or anything is wrong, a `ValueError` says so, and the caller
lets Arrow read the whole, which knows all that Parquet may have, and what to say of damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import pyarrow as pa

from datumaro.formats.datumaro_binary.parquet.layout import ANNOTATIONS
from datumaro.formats.datumaro_binary.parquet.stored import (
    HEADER,
    MOST_PAGES,
    ZSTD,
    Column,
    Page,
    Place,
    check_stored,
    page_at,
    span_of,
    zstd,
)
from datumaro.kernels import parquet_pages as kernel

_TYPE = "type"
_PLAIN, _DICTIONARIES = 0, (2, 8)
_SMALL = 1 << 20  # bytes of a column that is read at once
_LARGE = 1 << 18  # bytes of a page of which the levels are looked at first
_BEGINNING = 1 << 16  # bytes of it that have them
_TEXT = pa.large_string()


# --- pages --------------------------------------------------------------------------------------


@dataclass
class _Pages:
    """The pages of a column in a row group.

    Attributes
    ----------
    data : all its bytes, from ``begin`` in the file on, for a moment, when they are few.
    """

    codec: int
    begin: int
    end: int
    pages: list[Page] = field(default_factory=list[Page])
    words: list[Any] = field(default_factory=list[Any])
    data: memoryview | None = None
    nbytes: int = 0


@dataclass(frozen=True)
class _Bounds:
    """Where the values of a row are.

    Attributes
    ----------
    page, row, first, last : in which page, as which of its rows, from which value of it to which.
    repeated : the page's repetition levels, as they are stored.
    begun : how many rows had begun there.
    """

    page: int
    row: int
    repeated: bytes
    first: int
    last: int
    begun: int


class GroupPages:
    """Where the pages of a row group are; with ``keep``, and what is in those that were asked for.

    Attributes
    ----------
    nbytes : how many bytes are kept.

    Raises
    ------
    ValueError
        Here and from `rows`: something is of another kind or damaged.
    """

    def __init__(self, path: Path, columns: Sequence[tuple[Column, Place]]) -> None:
        self._path, self._columns = path, [column for column, _ in columns]
        self._places = {column.index: place for column, place in columns}
        self._found: dict[int, _Pages] = {}
        self._ahead: dict[int, memoryview] = {}
        self.nbytes = 0

    def rows(self, rows: Sequence[int], keep: bool = False) -> pa.RecordBatch:
        """These rows, in their order.

        Parameters
        ----------
        keep : what was decompressed for them. To get memory for it takes longer than to fill it, so
            who comes once does better without.
        """
        items: dict[str, pa.Array] = {}
        fields: dict[str, pa.Array] = {}
        ends: list[int] | None = None
        bounds: list[_Bounds | None] = [None] * len(rows)
        with self._path.open("rb", buffering=0) as file:
            self._read_ahead(file)
            for column in self._columns:
                values, own = list[Any](), [0]
                for at, row in enumerate(rows):
                    if column.nested:
                        found, bounds[at] = self._listed(file, column, row, bounds[at])
                        values += found
                    else:
                        values.append(self._flat(file, column, row))
                    own.append(len(values))
                self._done(column, keep)
                if column.nested and ends is not None and ends != own:
                    raise ValueError("lists of different lengths")
                ends = own if column.nested else ends
                # a column of nulls may be left out
                if values.count(None) < len(values) or column.name == _TYPE:
                    there = fields if column.nested else items
                    there[column.name] = pa.array(values, column.kind)
        if ends is None or _TYPE not in fields:
            raise ValueError("no annotations")
        parts = [pa.field(name, column.type) for name, column in fields.items()]
        struct = pa.StructArray.from_arrays(list(fields.values()), fields=parts)
        items[ANNOTATIONS] = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), struct)
        return pa.RecordBatch.from_arrays(list(items.values()), list(items))

    # --- values -----------------------------------------------------------------------------

    def _flat(self, file: FileIO, column: Column, row: int) -> Any:
        """The value of a row."""
        found = self._pages(file, column)
        for page in found.pages:
            if row < page.count:
                body = self._body(file, found, page)
                at, before, there = 0, row, 1
                if column.most:
                    begin, at = _level_bounds(body, 0)
                    before, levels = kernel.levels(body, begin, at, 1, row, row + 1)
                    there = levels[0]
                values = self._values(found, column, page, body, at, before, there)
                return values[0] if values else None
            row -= page.count
        raise ValueError("fewer values than rows")

    def _listed(
        self, file: FileIO, column: Column, row: int, like: _Bounds | None
    ) -> tuple[list[Any], _Bounds]:
        """(The values of a row, where they are).

        Parameters
        ----------
        like : where those of another column are, which has mostly the same levels.
        """
        found = self._pages(file, column)
        left = row
        for number, page in enumerate(found.pages):
            body = self._levels_of(file, found, page, column)
            begin, end = _level_bounds(body, 0)
            repeated = body[begin:end]
            place = number, left, repeated
            if like is not None and (like.page, like.row, like.repeated) == place:
                first, last, begun = like.first, like.last, like.begun
            else:
                first, last, begun = kernel.row_bounds(body, begin, end, page.count, left)
            if first < 0:
                left -= begun
                continue
            values = self._piece(file, found, column, page, body, first, last)
            for after in found.pages[number + 1 :] if last == page.count else ():
                body = self._levels_of(file, found, after, column)
                rest = kernel.row_bounds(body, *_level_bounds(body, 0), after.count, 0)[0]
                if rest:
                    rest = after.count if rest < 0 else rest
                    values += self._piece(file, found, column, after, body, 0, rest)
                if rest < after.count:
                    break
            return values, _Bounds(*place, first, last, begun)
        raise ValueError("fewer lists than rows")

    def _piece(
        self,
        file: FileIO,
        found: _Pages,
        column: Column,
        page: Page,
        body: bytes,
        first: int,
        last: int,
    ) -> list[Any]:
        """The values of a row that a page has, from one of its levels to another."""
        begin, at = _level_bounds(body, _level_bounds(body, 0)[1])
        before, levels = kernel.levels(body, begin, at, column.most, first, last)
        there = levels.count(column.most)
        if there:
            body = self._body(file, found, page)
        values = self._values(found, column, page, body, at, before, there)
        if there == len(levels):
            return values
        if 0 in levels:  # an empty list
            if len(levels) > 1:
                raise ValueError("an empty list that is not alone")
            return []
        each = iter(values)
        return [next(each) if level == column.most else None for level in levels]

    def _values(
        self, found: _Pages, column: Column, page: Page, body: bytes, at: int, skip: int, n: int
    ) -> list[Any]:
        """``n`` values after ``skip`` others of a page, which begin at the byte ``at``."""
        if n == 0:
            return []
        if page.encoding in _DICTIONARIES:
            indices = kernel.indices(body, at, skip, n)
            if max(indices) >= len(found.words):
                raise ValueError("an index beyond the dictionary")
            return [found.words[index] for index in indices]
        return _decoded(column, body, at, page.encoding, skip, n)

    # --- pages ------------------------------------------------------------------------------

    def _read_ahead(self, file: FileIO) -> None:
        """Read small columns of which nothing is known yet, at once where they lie together."""
        wanted = [column for column in self._columns if column.index not in self._found]
        together: list[tuple[int, int, int]] = []
        for begin, end, index in [
            *sorted((*span_of(c, self._places[c.index]), c.index) for c in wanted),
            (-1, -1, -1),
        ]:
            if together and (begin != together[-1][1] or end - together[0][0] > _SMALL):
                first = together[0][0]
                data = memoryview(_read(file, first, together[-1][1] - first))
                for one, other, its in together:
                    self._ahead[its] = data[one - first : other - first]
                together = []
            if end - begin <= _SMALL:
                together.append((begin, end, index))

    def _pages(self, file: FileIO, column: Column) -> _Pages:
        """The headers of a column's pages, and its dictionary."""
        found = self._found.get(column.index)
        if found is not None:
            return found
        place = self._places[column.index]
        codec, values = place.codec, place.values
        at, end = span_of(column, place)
        found = _Pages(codec, at, end, data=self._ahead.pop(column.index, None))
        while at < found.end:
            page = page_at(self._bytes(file, found, at, min(HEADER, end - at)), at, end)
            at = page.at + page.stored
            if not page.is_dictionary:
                found.pages += [page] if page.count else []
                values -= page.count
                if len(found.pages) > MOST_PAGES:
                    raise ValueError("too many pages")
            elif found.words or found.pages:
                raise ValueError("a page of another kind: a dictionary that is not the first")
            else:
                body = self._body(file, found, page)
                found.words = _decoded(column, body, 0, _PLAIN, 0, page.count)
        if values:
            raise ValueError("another number of values than there should be")
        self._found[column.index] = found
        return found

    def _body(self, file: FileIO, found: _Pages, page: Page) -> bytes:
        """A page's content, checked and decompressed."""
        if page.body is None:
            stored = self._stored(file, found, page)
            if found.codec == ZSTD:
                body: bytes = zstd.decompress(stored, page.size, asbytes=True)
            else:
                body = bytes(stored)
            if len(body) != page.size:
                raise ValueError("a page of another size than it says")
            page.body = body
        return page.body

    def _levels_of(self, file: FileIO, found: _Pages, page: Page, column: Column) -> bytes:
        """A page's content, or of a large one the beginning, which has the levels.

        What large pages are large for is rare: run lengths, texts.
        """
        rare = column.size == 0 and column.most > 1 and page.size > _LARGE
        if page.body is not None or not rare or found.codec != ZSTD:
            return self._body(file, found, page)
        stored = pa.BufferReader(self._stored(file, found, page))
        beginning: bytes = pa.CompressedInputStream(stored, "zstd").read(_BEGINNING)
        at = 0
        for _ in range(2):
            at += 4 + int.from_bytes(beginning[at : at + 4], "little")
        return beginning if at <= len(beginning) else self._body(file, found, page)

    def _stored(self, file: FileIO, found: _Pages, page: Page) -> memoryview | bytes:
        stored = self._bytes(file, found, page.at, page.stored)
        check_stored(page, stored)
        return stored

    def _bytes(self, file: FileIO, found: _Pages, at: int, size: int) -> memoryview | bytes:
        if found.data is not None:
            return found.data[at - found.begin : at - found.begin + size]
        return _read(file, at, size)

    def _done(self, column: Column, keep: bool) -> None:
        """Forget what is not needed again, and count what is kept."""
        found = self._found[column.index]
        found.data = None
        self.nbytes -= found.nbytes
        found.nbytes = 0
        for page in found.pages:
            if not keep:
                page.body = None
            found.nbytes += len(page.body or b"")
        self.nbytes += found.nbytes


def _level_bounds(body: bytes, at: int) -> tuple[int, int]:
    """Where levels begin and end, whose length is at a byte of a page."""
    begin = at + 4
    end = begin + int.from_bytes(body[at:begin], "little")
    if end > len(body):
        raise ValueError("levels beyond the page")
    return begin, end


def _decoded(column: Column, body: bytes, at: int, encoding: int, skip: int, n: int) -> list[Any]:
    if column.size:
        return kernel.integers(body, at, encoding, column.size, skip, n)
    found = kernel.texts(body, at, encoding, skip, n)
    return [text.decode() for text in found] if column.kind == _TEXT else found


def _read(file: FileIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) != size:
        raise ValueError("the end of the file")
    return data
