"""Items of several data sets as one, on columns.

An item that is in several, by id and subset, becomes one when nothing contradicts that. Media and
attributes are looked at one by one only where their columns differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import MediaError, MergeError
from datumaro.model.image import Image
from datumaro.model.media import MediaElement
from datumaro.operations import union_annotations
from datumaro.table import json_text, media_columns
from datumaro.table.chunk import Chunk
from datumaro.table.media_columns import Told
from datumaro.table.schema import ITEMS, Array

Key = tuple[str, str]
_MEDIA = ("media_type", "path", "height", "width", "media_extra")


def joined(names: Sequence[str], parts: Sequence[list[Chunk]]) -> list[Chunk]:
    """The chunks of several data sets, items of one name put together.

    Parameters
    ----------
    names : the data sets', for messages.
    parts : the chunks of each; they are not changed.

    Raises
    ------
    MergeError
        Items of one name have different media or attributes.
    """
    chunks: list[Chunk] = []
    owners: list[str] = []
    where: dict[Key, tuple[int, int]] = {}  # chunk and row
    for name, part in zip(names, parts, strict=True):
        found: dict[Key, tuple[int, int]] = {}
        merges: dict[int, _Merge] = {}
        for chunk in part:
            keys = _keys(chunk)
            places = [where.get(key) for key in keys] if where else []
            again: dict[int, list[tuple[int, int]]] = {}  # rows there and here, by chunk
            for row, place in enumerate(places):
                if place is not None:
                    again.setdefault(place[0], []).append((place[1], row))
            for number, pairs in again.items():
                merge = merges.setdefault(number, _Merge(chunks[number], owners[number], name))
                rows: Array = np.array(pairs)
                merge.add(rows[:, 0], _at(chunk, rows[:, 1]))
            if again:
                left = [row for row, place in enumerate(places) if place is None]
                chunk, keys = chunk.take(np.array(left, np.int64)), [keys[row] for row in left]
            found.update((key, (len(chunks), row)) for row, key in enumerate(keys))
            if len(chunk):
                chunks.append(chunk)
                owners.append(name)
        for number, merge in merges.items():
            chunks[number] = merge.result()
        where |= found
    return chunks


def _keys(chunk: Chunk) -> list[Key]:
    codes, subsets = chunk.subset_codes()
    ids: list[str] = chunk.items.column("id").to_pylist()
    return [(id, subsets[code]) for id, code in zip(ids, codes.tolist(), strict=True)]


@dataclass
class _Merge:
    """A chunk that gets what other chunks have of its items.

    Attributes
    ----------
    first, second : the data sets' names.
    """

    chunk: Chunk
    first: str
    second: str
    attributes: dict[int, str] = field(default_factory=dict[int, str])
    media: dict[int, Told] = field(default_factory=dict[int, Told])
    annotations: list[tuple[Array, pa.RecordBatch]] = field(
        default_factory=list[tuple[Array, pa.RecordBatch]]
    )

    def add(self, rows: Array, other: Chunk) -> None:
        """Add items of the second data set to those in some rows of the chunk."""
        before = _at(self.chunk, rows)
        numbers: list[int] = rows.tolist()
        if before.media or not _are_same(before, other, _MEDIA):
            mine = media_columns.read(before, 0, len(before))
            theirs = media_columns.read(other, 0, len(other))
            for at, (a, b) in enumerate(zip(mine, theirs, strict=True)):
                if (a.in_memory is not None or a != b) and self._better_media(before, at, a, b):
                    self.media[numbers[at]] = b
        self._add_attributes(before, other, numbers)
        owners, new = union_annotations.new_annotations(before, other)
        if len(new):
            self.annotations.append((rows[owners], new))

    def _add_attributes(self, before: Chunk, other: Chunk, numbers: list[int]) -> None:
        if _are_same(before, other, ("attributes",)):
            return
        texts = (chunk.items.column("attributes").to_pylist() for chunk in (before, other))
        for at, (a, b) in enumerate(zip(*texts, strict=True)):
            if b and a != b:
                self.attributes[numbers[at]] = self._attributes(before, at, a, b)

    def _better_media(self, before: Chunk, at: int, a: Told, b: Told) -> bool:
        """Whether the second's medium says more than the first's."""
        old, new = media_columns.media_object(a), media_columns.media_object(b)
        if _contradict(old, new):
            raise MergeError(
                f"{_name(before, at)} is in {self.first!r} and in {self.second!r}, and its media "
                "are different; give the items of one of them other names or another subset, or "
                "take them one by one"
            )
        return new is not None and (old is None or (new.has_data and not old.has_data))

    def _attributes(self, before: Chunk, at: int, a: str, b: str) -> str:
        mine, theirs = json_text.decode(a), json_text.decode(b)
        for name, value in theirs.items():
            if name in mine and mine[name] != value:
                raise MergeError(
                    f"{_name(before, at)} has the attribute {name!r} {mine[name]!r} in "
                    f"{self.first!r}, {value!r} in {self.second!r}; correct one"
                )
        return json_text.encode(mine | theirs).decode()

    def result(self) -> Chunk:
        """The chunk with all that was added."""
        chunk = self.chunk
        if self.attributes:
            chunk = _with_values(chunk, {"attributes": self.attributes})
        if self.media:
            told = self.media
            columns = {
                "media_type": {row: int(m.kind) for row, m in told.items()},
                "path": {row: m.path for row, m in told.items()},
                "height": {row: m.height for row, m in told.items()},
                "width": {row: m.width for row, m in told.items()},
                "media_extra": {row: m.extra for row, m in told.items()},
            }
            kept = {row: m for row, m in chunk.media.items() if row not in told}
            new = {row: m.in_memory for row, m in told.items() if m.in_memory is not None}
            chunk = replace(_with_values(chunk, columns), media=kept | new)
        if self.annotations:
            chunk = union_annotations.with_more(chunk, self.annotations)
        return chunk


def _at(chunk: Chunk, rows: Array) -> Chunk:
    """The items at ``rows``; the chunk itself when they are all, in order."""
    return chunk if np.array_equal(rows, np.arange(len(chunk))) else chunk.take(rows)


def _are_same(a: Chunk, b: Chunk, names: Sequence[str]) -> bool:
    """Whether columns of items are equal."""
    return all(a.items.column(name).equals(b.items.column(name)) for name in names)


def _with_values(chunk: Chunk, changes: dict[str, dict[int, Any]]) -> Chunk:
    """The chunk with other values in columns of its items, by row."""
    arrays: list[pa.Array] = []
    for name in ITEMS.names:
        column = chunk.items.column(name)
        if name in changes:
            values = column.to_pylist()
            for row, value in changes[name].items():
                values[row] = value
            column = pa.array(values, column.type)
        arrays.append(column)
    return replace(chunk, items=pa.RecordBatch.from_arrays(arrays, schema=ITEMS))


def _name(chunk: Chunk, row: int) -> str:
    names = (chunk.items.column(name).slice(row, 1).to_pylist()[0] for name in ("id", "subset"))
    return "item {!r} of subset {!r}".format(*names)


def _contradict(a: MediaElement | None, b: MediaElement | None) -> bool:
    if a is None or b is None:
        return False
    if a.type != b.type:
        return True
    if a.has_data and b.has_data:
        try:
            return a != b
        except MediaError:  # one cannot be decoded, and its bytes are not those of the other
            return True
    sizes = [m.size for m in (a, b) if isinstance(m, Image)]
    return len(sizes) == 2 and None not in sizes and sizes[0] != sizes[1]
