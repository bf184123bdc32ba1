"""The columns of a data set: what each Arrow column holds, and how NumPy arrays become one.

A row of ``ITEMS`` is an item; a row of ``ANNOTATIONS`` is an annotation. Item ``i`` of a `Chunk`
owns the annotation rows ``offsets[i]:offsets[i + 1]``. No column but ``label`` has nulls: "nothing"
is an empty string, an empty list or a zero, as said beside each.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ITEMS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.large_string(), False),
        pa.field("subset", pa.dictionary(pa.int32(), pa.large_string()), False),
        # a JSON object; "" for none
        pa.field("attributes", pa.large_string(), False),
        # MediaType number; 0 for none
        pa.field("media_type", pa.uint8(), False),
        # the media file: the path to open (data set's root joined), or as written when it has no
        # root; for a video frame the video's; "" for none (in memory: see Chunk.media)
        pa.field("path", pa.large_string(), False),
        # pixels; 0 and 0 when not known without opening the file
        pa.field("height", pa.int32(), False),
        pa.field("width", pa.int32(), False),
        # a JSON object, "" for none. Image: {"ext"} when it is not the path's. Video frame:
        # {"index"}. Video: {"step", "start_frame", "end_frame" or null}. Point cloud:
        # {"extra_images": [{"path", "size": [h, w] or null, "ext"}]}. Multiframe image:
        # {"paths": [...]}, and {"images": [as above]} when more than their paths is known.
        # Any: {"external": true} when the path may not be opened (see Image.from_file)
        pa.field("media_extra", pa.large_string(), False),
    ]
)

ANNOTATIONS: pa.Schema = pa.schema(
    [
        # AnnotationType number (model.annotation), whatever number a file uses for it
        pa.field("type", pa.uint8(), False),
        pa.field("id", pa.int64(), False),
        pa.field("group", pa.int64(), False),
        # -1 for none
        pa.field("object_id", pa.int32(), False),
        # index into LabelCategories; null for none
        pa.field("label", pa.int32(), True),
        pa.field("z_order", pa.int32(), False),
        # a JSON object; "" for none
        pa.field("attributes", pa.large_string(), False),
        # pixels, rounded to hundredths. Polygon, polyline, points: x, y, …; bbox, ellipse:
        # x1, y1, x2, y2; rotated box: cx, cy, w, h, degrees; cuboid_2d: 8 points; cuboid_3d:
        # position, rotation, scale (3 each). Empty for other kinds.
        pa.field("points", pa.large_list(pa.field("item", pa.float32(), False)), False),
        # points only: 0 absent, 1 hidden, 2 visible
        pa.field("visibility", pa.large_list(pa.field("item", pa.uint8(), False)), False),
        # a mask's height and width in pixels, and its compressed COCO RLE counts
        pa.field("mask_height", pa.int32(), False),
        pa.field("mask_width", pa.int32(), False),
        pa.field("rle", pa.large_binary(), False),
        # a caption
        pa.field("text", pa.large_string(), False),
        # a JSON object with what no other column holds; "" for none. Cuboids whose numbers are not
        # float32: {"points": [doubles]}. Skeleton: {"elements": [...]}. Tabular: {"values": {...}}.
        # Hash key, feature vector: {"values": [...]}. Depth, super resolution: {"image": {...}}.
        pa.field("extra", pa.large_string(), False),
        # the area in square pixels that the source states for the object (COCO), NaN for none.
        # It is not computed, and it is dropped when the annotation is changed.
        pa.field("area", pa.float64(), False),
    ]
)

NO_LABEL = -(2**31)
"""Stands for a null label where kernels exchange plain int32 arrays."""

Array = npt.NDArray[Any]


def buffer(array: Array) -> pa.Buffer:
    """The memory of a contiguous array as an Arrow buffer, not copied."""
    return pa.py_buffer(np.ascontiguousarray(array))


def primitive(values: Array, kind: pa.DataType) -> pa.Array:
    """A column without nulls over the memory of ``values``, whose dtype is that of ``kind``."""
    if values.dtype != kind.to_pandas_dtype():  # the memory would be read as something else
        raise TypeError(f"an array of {values.dtype} for a column of {kind}")
    return pa.Array.from_buffers(kind, len(values), [None, buffer(values)], 0)


def labels(values: Array) -> pa.Array:
    """An int32 column in which NO_LABEL is null."""
    missing = values == NO_LABEL
    count = int(np.count_nonzero(missing))
    if not count:
        return primitive(values, pa.int32())
    valid = np.packbits(~missing, bitorder="little")
    return pa.Array.from_buffers(pa.int32(), len(values), [buffer(valid), buffer(values)], count)


def label_values(column: pa.Array) -> Array:
    """The reverse of `labels`: int32 with NO_LABEL for null."""
    return (column.fill_null(NO_LABEL) if column.null_count else column).to_numpy(
        zero_copy_only=False
    )


def lists(offsets: Array, values: Array, kind: pa.DataType) -> pa.Array:
    """A large_list column; ``offsets`` int64 [n + 1] into ``values`` (float32 or uint8)."""
    child = primitive(values, kind.value_type)
    return pa.Array.from_buffers(
        kind, len(offsets) - 1, [None, buffer(offsets)], 0, children=[child]
    )


def texts(offsets: Array, data: Array | bytes, kind: pa.DataType) -> pa.Array:
    """A large_string or large_binary column; ``offsets`` int64 [n + 1] into the bytes ``data``.

    Text must be valid UTF-8: whoever fills ``data`` from a file has checked it.
    """
    memory = pa.py_buffer(data) if isinstance(data, bytes) else buffer(data)
    return pa.Array.from_buffers(kind, len(offsets) - 1, [None, buffer(offsets), memory], 0)


_blank_bytes = np.zeros(1 << 12, np.uint8)


def _zeros(n_bytes: int) -> Array:
    """Shared zero bytes (never written to, and so mostly never resident)."""
    global _blank_bytes
    if len(_blank_bytes) < n_bytes:
        _blank_bytes = np.zeros(max(n_bytes, 2 * len(_blank_bytes)), np.uint8)
    return _blank_bytes[:n_bytes]


@cache
def _shared(value: float, dtype: type[np.generic]) -> Array:
    return np.full(1 << 17, value, dtype)


def _repeated(value: float, dtype: type[np.generic], n: int) -> Array:
    """A value ``n`` times; chunks of a usual size share its memory."""
    shared = _shared(value, dtype)
    return shared[:n] if n <= len(shared) else np.full(n, value, dtype)


def blank(kind: pa.DataType, n: int) -> pa.Array:
    """A column of ``n`` zeros, empty strings or empty lists that takes no memory of its own."""
    if pa.types.is_large_list(kind):
        offsets = _zeros(8 * (n + 1)).view(np.int64)
        return lists(offsets, np.zeros(0, kind.value_type.to_pandas_dtype()), kind)
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return texts(_zeros(8 * (n + 1)).view(np.int64), b"", kind)
    return pa.Array.from_buffers(kind, n, [None, buffer(_zeros(n * kind.bit_width // 8))], 0)


def constant_dictionary(value: str, n: int) -> pa.DictionaryArray:
    """A dictionary column that holds one value ``n`` times: the subset of a file's items."""
    indices = blank(pa.int32(), n)
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], pa.large_string()))


def item_batch(n: int, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    """A batch of items from the columns that a reader has; the rest is blank.

    Without ``subset`` it is "default".
    """
    if "subset" not in columns:
        columns = {**columns, "subset": constant_dictionary("default", n)}
    return _batch(ITEMS, n, columns)


def annotation_batch(n: int, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    """A batch of annotations from the columns that a reader has; the rest is blank.

    Without ``object_id`` it is -1, without ``area`` NaN, without ``label`` null.
    """
    columns = dict(columns)
    if "object_id" not in columns:
        columns["object_id"] = primitive(_repeated(-1, np.int32, n), pa.int32())
    if "area" not in columns:
        columns["area"] = primitive(_repeated(np.nan, np.float64, n), pa.float64())
    if "label" not in columns:
        columns["label"] = pa.nulls(n, pa.int32())
    return _batch(ANNOTATIONS, n, columns)


def _batch(schema: pa.Schema, n: int, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    unknown = columns.keys() - set(schema.names)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    arrays = [columns[f.name] if f.name in columns else blank(f.type, n) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def list_parts(column: pa.Array) -> tuple[Array, Array]:
    """A list, string or binary column as (offsets int64 [n + 1], values), not copied.

    Offsets are absolute into ``values`` also when the column is a slice: they need not start at 0.
    """
    n = len(column)
    buffers = column.buffers()
    if not n:  # Arrow may leave the offsets of an empty column out
        empty = np.zeros(0, np.uint8)
        if pa.types.is_large_list(column.type):
            empty = np.zeros(0, column.type.value_type.to_pandas_dtype())
        return np.zeros(1, np.int64), empty
    offsets = np.frombuffer(buffers[1], np.int64, n + 1, 8 * column.offset)
    if pa.types.is_large_list(column.type):
        return offsets, column.values.to_numpy(zero_copy_only=True)
    data = buffers[2]
    return offsets, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def has_bytes(column: pa.Array) -> bool:
    """Whether any text or list of a column is not empty."""
    offsets = list_parts(column)[0]
    return bool(offsets[-1] > offsets[0])
