"""Writing pickles as CIFAR's are, which name NumPy's functions as its own files do."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from datumaro.table.schema import Array


def dump(value: dict[str, Any]) -> list[bytes | memoryview]:
    """A pickle of protocol 2, as CIFAR's are, in parts.

    Parameters
    ----------
    value : of dicts, lists, tuples of up to three, str, int, None; uint8 arrays; lists of such in
        `ObjectArray`.
    """
    parts: list[bytes | memoryview] = [b"\x80\x02"]
    _print(value, parts)
    parts.append(b".")
    return parts


@dataclass(frozen=True)
class ObjectArray:
    """An array of one side, of uint8 arrays of different lengths."""

    rows: list[Array]


def _print(value: Any, parts: list[bytes | memoryview]) -> None:
    if value is None:
        parts.append(b"N")
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        parts.append(b"X" + struct.pack("<I", len(text)) + text)
    elif isinstance(value, int):
        parts.append(b"J" + struct.pack("<i", value) if value > 255 else b"K%c" % value)
    elif isinstance(value, dict):
        parts.append(b"}(")
        for key, one in cast(dict[str, Any], value).items():
            _print(key, parts)
            _print(one, parts)
        parts.append(b"u")
    elif isinstance(value, list):
        parts.append(b"](")
        for one in cast(list[Any], value):
            _print(one, parts)
        parts.append(b"e")
    elif isinstance(value, tuple):
        for one in cast(tuple[Any, ...], value):
            _print(one, parts)
        parts.append((b")", b"\x85", b"\x86", b"\x87")[len(cast(tuple[Any, ...], value))])
    elif isinstance(value, ObjectArray):
        parts.append(
            _head((len(value.rows),), b"O8", b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3f")
        )
        _print(value.rows, parts)
        parts.append(b"tb")
    else:
        array = np.ascontiguousarray(value, np.uint8)
        kind = b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
        parts.append(_head(array.shape, b"u1", kind))
        # (as Python 3 pickles bytes by protocol 2 they would grow; as Python 2's str they do not)
        parts.append(b"T" + struct.pack("<i", array.size))
        parts.append(memoryview(array.tobytes()))
        parts.append(b"tb")


def _head(shape: tuple[int, ...], kind: bytes, state: bytes) -> bytes:
    """What stands before an array's values."""
    sides: list[bytes | memoryview] = []
    _print(tuple(shape), sides)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + b"".join(sides)
        + b"cnumpy\ndtype\nU"
        + bytes([len(kind)])
        + kind
        + b"K\x00K\x01\x87R(K\x03U\x01|"
        + state
        + b"tb\x89"
    )
