"""Thrift's compact protocol, as it is written: what Parquet's page headers and footers are in.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Value = tuple[int, bytes]
"""A value: the number of its type in a field's header, and its bytes."""

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
TRUE: Value = (1, b"")


def _varint(n: int) -> bytes:
    found = bytearray()
    while n > 127:
        found.append(n & 127 | 128)
        n >>= 7
    found.append(n)
    return bytes(found)


def _integer(n: int) -> bytes:
    return _varint(n << 1 if n >= 0 else (-n << 1) - 1)


def i32(n: int) -> Value:
    """An integer of 32 bits."""
    return _I32, _integer(n)


def i64(n: int) -> Value:
    """An integer of 64 bits."""
    return _I64, _integer(n)


def binary(data: bytes) -> Value:
    """Bytes, or a text as UTF-8."""
    return _BINARY, _varint(len(data)) + data


def listed(values: Sequence[Value]) -> Value:
    """A list of values of one type; without any, one of structs."""
    kind, n = values[0][0] if values else _STRUCT, len(values)
    head = bytes([n << 4 | kind]) if n < 15 else bytes([0xF0 | kind]) + _varint(n)
    return _LIST, head + b"".join(data for _, data in values)


def struct(fields: Mapping[int, Value | None]) -> Value:
    """A struct or union of fields by their numbers, which rise by 15 at most; None for one that is
    not there."""
    found, last = bytearray(), 0
    for number, value in fields.items():
        if value is not None:
            kind, data = value
            found += bytes([(number - last) << 4 | kind]) + data
            last = number
    return _STRUCT, bytes(found) + b"\0"
