"""Columns with some of their values changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from datumaro.model.annotation import AnnotationType
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import ANNOTATIONS, Array


def changed_chunks(content: Content, change: Callable[[Chunk], Chunk]) -> Content:
    """The content with each chunk changed."""
    return replace(content, chunks=[change(chunk) for chunk in content.chunks])


def with_items(chunk: Chunk, **columns: pa.Array) -> Chunk:
    """The chunk with other columns of its items."""
    return replace(chunk, items=_replaced(chunk.items, columns))


def with_annotations(chunk: Chunk, **columns: pa.Array) -> Chunk:
    """The chunk with other columns of its annotations, row by row."""
    return replace(chunk, annotations=_replaced(chunk.annotations, columns))


def _replaced(batch: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    arrays = [columns.get(name, batch.column(name)) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def numbers(batch: pa.RecordBatch, name: str, rows: Array, values: Array | int | float) -> pa.Array:
    """A column of numbers with other values in some rows."""
    found: Array = batch.column(name).to_numpy().copy()
    found[rows] = values
    return schema.primitive(found, batch.schema.field(name).type)


def lists(batch: pa.RecordBatch, name: str, rows: Array, values: pa.Array) -> pa.Array:
    """A column of lists or texts with other values (``len(rows)`` of them) in some rows."""
    column = batch.column(name)
    if len(rows) == len(column):
        return values
    places = np.arange(len(column))
    places[rows] = len(column) + np.arange(len(rows))
    return pa.concat_arrays([column, values]).take(pa.array(places))


def item_of(chunk: Chunk, rows: Array) -> Array:
    """The items that own annotation rows, int64."""
    return np.searchsorted(chunk.offsets, rows, side="right") - 1


def annotations_at(chunk: Chunk, places: Array) -> Chunk:
    """The chunk with the annotation rows ``places``, rising; some may be missing or repeated."""
    offsets = np.searchsorted(places, chunk.offsets).astype(np.int64)
    return replace(
        chunk,
        annotations=chunk.annotations.take(pa.array(places)),
        offsets=offsets,
    )


def item_name(chunk: Chunk, row: int) -> str:
    """How messages name the item that owns an annotation row."""
    return named(chunk, int(item_of(chunk, np.array([row]))[0]))


def named(chunk: Chunk, item: int) -> str:
    """How messages name an item."""
    return f"item {chunk.items.column('id')[item].as_py()!r}"


def reshaped(
    chunk: Chunk,
    rows: Array,
    kind: AnnotationType,
    *,
    points: pa.Array | None = None,
    rle: pa.Array | None = None,
    size: tuple[Array, Array] | None = None,
) -> Chunk:
    """The chunk with some annotations of another kind and shape, and all else of them as it was.

    Parameters
    ----------
    rows : int64 [n], rising.
    points : their coordinates, n lists of float32; none when not given.
    rle, size : their run lengths, and (heights, widths) int32 [n], of masks.
    """
    old = chunk.annotations
    n = len(rows)

    def blank(name: str) -> pa.Array:
        return schema.blank(ANNOTATIONS.field(name).type, n)

    heights, widths = (0, 0) if size is None else size
    return with_annotations(
        chunk,
        type=numbers(old, "type", rows, int(kind)),
        points=lists(old, "points", rows, blank("points") if points is None else points),
        visibility=lists(old, "visibility", rows, blank("visibility")),
        rle=lists(old, "rle", rows, blank("rle") if rle is None else rle),
        mask_height=numbers(old, "mask_height", rows, heights),
        mask_width=numbers(old, "mask_width", rows, widths),
        area=numbers(old, "area", rows, np.nan),
    )


def equal_lists(values: Array) -> pa.Array:
    """Lists of coordinates, all of one length: float [n, length], in pixels."""
    n, length = values.shape
    offsets = np.arange(n + 1, dtype=np.int64) * length
    return coordinate_lists(offsets, values.ravel())


def coordinate_lists(offsets: Array, values: Array) -> pa.Array:
    """Lists of coordinates, rounded to hundredths as annotations have them."""
    rounded = values.astype(np.float32).round(2)
    return schema.lists(offsets, rounded, ANNOTATIONS.field("points").type)


def rows_of(chunk: Chunk, *kinds: AnnotationType) -> Array:
    """The annotation rows of some kinds, int64."""
    column: Array = chunk.annotations.column("type").to_numpy()
    return np.flatnonzero(np.isin(column, np.array(kinds, np.uint8)))


def some_annotations(chunk: Chunk, rows: Array) -> pa.RecordBatch:
    """Some rows of the annotations, copied."""
    return chunk.annotations.take(pa.array(rows))
