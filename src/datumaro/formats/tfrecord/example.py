"""`tf.train.Example`: features by name, each a list of bytes, of floats or of integers.

Protocol Buffers' wire format of the messages in
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/example.proto
and feature.proto: ``Example.features (1)`` → ``Features.feature (1)``, a map: ``key (1)`` and
``value (2)`` → ``Feature``: ``bytes_list (1)``, ``float_list (2)`` or ``int64_list (3)`` → their
``value (1)``, numbers packed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

from datumaro.kernels import tfrecord

Feature = list[bytes] | list[float] | list[int]
"""The values of a feature. Floats are float32 in files, integers 64 bits."""


class Example:
    """A decoded example: its features by name.

    Features of another kind than is asked for are as if they were missing.
    """

    def __init__(self, data: bytes) -> None:
        """Decode; ValueError where it is none: (the byte, what is there)."""
        self._data = data
        self._features = tfrecord.decode(data)

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._features

    def _values(self, name: str, kind: int) -> list[float] | list[tuple[int, int]]:
        found = self._features.get(name.encode())
        return found[1] if found is not None and found[0] == kind else []

    def spans(self, name: str) -> list[tuple[int, int]]:
        """Where the values of a feature of bytes are in the record: (begin, end) of each."""
        return [span for span in self._values(name, tfrecord.BYTES) if isinstance(span, tuple)]

    def byte_strings(self, name: str) -> list[bytes]:
        """The values of a feature of bytes."""
        return [self._data[begin:end] for begin, end in self.spans(name)]

    def texts(self, name: str) -> list[str]:
        """The same as text. UnicodeDecodeError, which is a ValueError, where it is none."""
        return [value.decode() for value in self.byte_strings(name)]

    def numbers(self, name: str) -> list[float]:
        """The values of a feature of floats, or of integers."""
        floats = self._values(name, tfrecord.FLOATS)
        values = floats or self._values(name, tfrecord.INTEGERS)
        return [float(value) for value in values if not isinstance(value, tuple)]

    def integers(self, name: str) -> list[int]:
        """The values of a feature of integers."""
        values = self._values(name, tfrecord.INTEGERS)
        return [int(value) for value in values if not isinstance(value, tuple)]

    def names(self) -> list[str]:
        """All features' names; those that are no UTF-8 are passed over."""
        return sorted(name.decode("utf-8", "replace") for name in self._features)


def encode(features: Mapping[str, Feature]) -> bytes:
    """Serialize an example; features are in the order of their names, as maps in files are.

    Values of one feature are of one kind; without values it is of none.

    Raises
    ------
    OverflowError
        An integer has more than 64 bits, or a float is beyond float32.
    """
    entries: list[bytes] = []
    for name in sorted(features):
        value = _feature(features[name])
        entries.append(_message(_FIRST, _key(name) + _message(b"\x12", value)))
    return _message(_FIRST, b"".join(entries))


_FIRST = b"\x0a"  # the tag of a field with the number 1 whose value has a length
_SMALL = [bytes((value,)) for value in range(128)]


@lru_cache(1024)
def _key(name: str) -> bytes:
    return _message(_FIRST, name.encode())


def _feature(values: Feature) -> bytes:
    kinds: set[type] = set(map(type, values))
    if not kinds:
        return b""
    if bytes in kinds:
        parts = [_message(_FIRST, value) for value in values if isinstance(value, bytes)]
        return _message(_FIRST, b"".join(parts))
    if float in kinds:
        packed = struct.pack(f"<{len(values)}f", *values)
        return _message(b"\x12", _message(_FIRST, packed))
    packed = b"".join([_varint(int(value)) for value in values])
    return _message(b"\x1a", _message(_FIRST, packed))


def _message(tag: bytes, data: bytes) -> bytes:
    """A field of some length: its tag, its length, its data."""
    return tag + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    if 0 <= value < 128:
        return _SMALL[value]
    if not -(2**63) <= value < 2**63:
        raise OverflowError(f"{value} has more than 64 bits")
    value &= 2**64 - 1
    out = bytearray()
    while value >= 128:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
