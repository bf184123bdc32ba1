"""A Parquet file of row groups that are encoded already: where they lie, and what they are.

https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from datumaro.formats.datumaro_binary.parquet.column_chunks import ColumnChunk, RowGroup
from datumaro.formats.datumaro_binary.parquet.thrift import (
    Value,
    binary,
    i32,
    i64,
    listed,
    struct,
)
from datumaro.formats.datumaro_binary.sources import PARQUET

_MAGIC = PARQUET[0]
_VERSION = 2  # of the format
_INT32, _INT64, _BYTE_ARRAY = 1, 2, 6
_REQUIRED, _OPTIONAL, _REPEATED = 0, 1, 2
_UTF8, _LIST = 0, 3  # types as they were told once
_IS_STRING, _IS_LIST = struct({1: struct({})}), struct({3: struct({})})
_TYPE_ORDER = struct({1: struct({})})  # that of the type: of texts by their bytes


def write_file(
    path: Path, kind: pa.Schema, groups: Iterable[RowGroup], metadata: Mapping[bytes, bytes]
) -> None:
    """Write a file.

    Parameters
    ----------
    kind : its columns: int32, int64, texts, bytes, dictionaries of them, lists of structs of them.
    groups : are written one by one as they come.
    """
    leaves = list(_leaves(kind))
    told: list[Value] = []
    rows = 0
    with path.open("wb") as file:
        file.write(_MAGIC)
        at = len(_MAGIC)
        for group in groups:
            told.append(_row_group(group, leaves, at))
            rows += group.rows
            for column in group.columns:
                at += column.stored
                file.writelines(column.parts)
        footer = struct(
            {
                1: i32(_VERSION),
                2: listed(list(_schema(kind))),
                3: i64(rows),
                4: listed(told),
                5: listed([struct({1: binary(k), 2: binary(v)}) for k, v in metadata.items()]),
                6: binary(_created_by()),
                7: listed([_TYPE_ORDER] * len(leaves)),
            }
        )[1]
        file.writelines([footer, len(footer).to_bytes(4, "little"), _MAGIC])


@cache
def _created_by() -> bytes:
    """Who wrote it, in the form that readers part into a name and a version."""
    try:
        found = version("datumaro")
    except PackageNotFoundError:  # it is not installed, but found by its path
        found = "0"
    return f"datumaro version {found} (build 0)".encode()


def _row_group(group: RowGroup, leaves: list[tuple[tuple[bytes, ...], int]], at: int) -> Value:
    """What the footer says of a row group that begins at a byte of the file."""
    columns: list[Value] = []
    begin = at
    for (names, kind), column in zip(leaves, group.columns, strict=True):
        columns.append(struct({2: i64(0), 3: _column(names, kind, column, at)}))
        at += column.stored
    size = sum(column.size for column in group.columns)
    return struct(
        {1: listed(columns), 2: i64(size), 3: i64(group.rows), 5: i64(begin), 6: i64(at - begin)}
    )


def _column(names: tuple[bytes, ...], kind: int, column: ColumnChunk, at: int) -> Value:
    return struct(
        {
            1: i32(kind),
            2: listed([i32(encoding) for encoding in column.encodings]),
            3: listed([binary(name) for name in names]),
            4: i32(column.codec),
            5: i64(column.count),
            6: i64(column.size),
            7: i64(column.stored),
            9: i64(at + column.dictionary),
            11: i64(at) if column.dictionary else None,
            12: column.statistics,
        }
    )


# --- the schema ---------------------------------------------------------------------------------


def _stored_as(kind: pa.DataType) -> int:
    if pa.types.is_integer(kind):
        return _INT32 if kind.bit_width == 32 else _INT64
    return _BYTE_ARRAY


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _leaves(kind: pa.Schema) -> Iterator[tuple[tuple[bytes, ...], int]]:
    """The path and the physical type of each column."""
    for told in kind:
        if pa.types.is_large_list(told.type):
            element = told.type.value_field
            for part in element.type:
                path = (told.name, "list", element.name, part.name)
                yield tuple(map(str.encode, path)), _stored_as(_value_type(part.type))
        else:
            yield (told.name.encode(),), _stored_as(_value_type(told.type))


def _schema(kind: pa.Schema) -> Iterator[Value]:
    """The elements of a schema: each group before what is in it."""
    yield _group("schema", _REQUIRED, len(kind))
    for told in kind:
        if pa.types.is_large_list(told.type):
            element = told.type.value_field
            presence = _OPTIONAL if told.nullable else _REQUIRED
            yield _group(told.name, presence, 1, _LIST, _IS_LIST)
            yield _group("list", _REPEATED, 1)
            yield _group(element.name, _REQUIRED, len(list(element.type)))
            for part in element.type:
                yield _leaf(part)
        else:
            yield _leaf(told)


def _group(
    name: str, presence: int, n: int, old: int | None = None, logical: Value | None = None
) -> Value:
    converted = None if old is None else i32(old)
    return struct(
        {3: i32(presence), 4: binary(name.encode()), 5: i32(n), 6: converted, 10: logical}
    )


def _leaf(told: pa.Field) -> Value:
    kind = _value_type(told.type)
    is_text = pa.types.is_large_string(kind)
    return struct(
        {
            1: i32(_stored_as(kind)),
            3: i32(_OPTIONAL if told.nullable else _REQUIRED),
            4: binary(told.name.encode()),
            6: i32(_UTF8) if is_text else None,
            10: _IS_STRING if is_text else None,
        }
    )
