"""Tables in an extension section: columns of known names and types, as bytes.

A table is u64 rows, u32 columns, and for each column STR name, u32 buffers and for each buffer
u64 length and its bytes. Columns of numbers have one buffer; of texts, bytes and lists two: int64
[rows + 1] offsets, which begin at 0, and the values. A null label is -2^31. Columns that are blank
are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import DatumaroError
from datumaro.table import schema
from datumaro.table.schema import Array

# Columns whose blank value is not zero: always written.
_NEVER_BLANK = frozenset({"label", "object_id", "area"})


class DamagedTable(DatumaroError):
    """The bytes are no such table; the message says what was found."""


def encode(rows: int, columns: Iterable[tuple[str, pa.Array]]) -> bytes:
    """A table as bytes."""
    parts: list[bytes] = []
    count = 0
    for name, column in columns:
        buffers = _buffers(name, column)
        if name not in _NEVER_BLANK and not any(part.any() for part in buffers):
            continue
        text = name.encode()
        parts.append(struct.pack("<I", len(text)) + text + struct.pack("<I", len(buffers)))
        for part in buffers:
            parts.append(struct.pack("<Q", part.nbytes))
            parts.append(part.tobytes())
        count += 1
    return b"".join([struct.pack("<QI", rows, count), *parts])


def _buffers(name: str, column: pa.Array) -> list[Array]:
    if name == "label":
        return [schema.label_values(column)]
    if not _is_list(column.type):
        return [column.to_numpy()]
    offsets, values = schema.list_parts(column)
    return [offsets - offsets[0], values[offsets[0] : offsets[-1]]]


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_large_list(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_large_binary(kind)
    )


class _Bytes:
    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def take(self, n: int) -> memoryview:
        if n > len(self.data) - self.at:
            raise DamagedTable(f"{n} bytes wanted at {self.at}, {len(self.data) - self.at} left")
        self.at += n
        return self.data[self.at - n : self.at]

    def numbers(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))


def decode(data: memoryview, types: Mapping[str, pa.DataType]) -> tuple[int, dict[str, pa.Array]]:
    """A table from bytes: its rows and its columns.

    Raises
    ------
    DamagedTable
        It is none, or has columns other than those of ``types``.
    """
    source = _Bytes(data)
    rows, count = source.numbers("<QI")
    columns: dict[str, pa.Array] = {}
    for _ in range(count):
        raw = bytes(source.take(source.numbers("<I")[0]))
        name = raw.decode("ascii", "replace")
        if name not in types or name in columns:
            raise DamagedTable(f"column {name!r}")
        (n_buffers,) = source.numbers("<I")
        if n_buffers != (2 if _is_list(types[name]) else 1):
            raise DamagedTable(f"{n_buffers} buffers for column {name!r}")
        buffers = [source.take(source.numbers("<Q")[0]) for _ in range(n_buffers)]
        columns[name] = _column(name, types[name], rows, buffers)
    if source.at != len(data):
        raise DamagedTable(f"{len(data) - source.at} bytes after the last column")
    if rows and not columns:
        raise DamagedTable(f"{rows} rows without columns")
    return rows, columns


def _column(name: str, kind: pa.DataType, rows: int, buffers: list[memoryview]) -> pa.Array:
    if not _is_list(kind):
        values = _array(name, buffers[0], kind.to_pandas_dtype(), rows)
        return schema.labels(values) if name == "label" else schema.primitive(values, kind)
    offsets = _array(name, buffers[0], np.int64, rows + 1)
    item = kind.value_type.to_pandas_dtype() if pa.types.is_large_list(kind) else np.uint8
    values = _array(name, buffers[1], item)
    if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
        raise DamagedTable(f"offsets of column {name!r} that do not rise from 0 to {len(values)}")
    if pa.types.is_large_list(kind):
        return schema.lists(offsets, values, kind)
    column = schema.texts(offsets, values, kind)
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise DamagedTable(f"column {name!r}: {error}") from error
    return column


def _array(name: str, data: memoryview, kind: Any, n: int | None = None) -> Array:
    dtype = np.dtype(kind)
    if len(data) % dtype.itemsize or (n is not None and len(data) != n * dtype.itemsize):
        raise DamagedTable(f"column {name!r} in {len(data)} bytes for {n} rows")
    return np.frombuffer(data, dtype).copy()  # aligned, and the section's memory can go
