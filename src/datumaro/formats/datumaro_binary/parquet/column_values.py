"""The values of a column, but for nulls, as a page of a Parquet file has them.

https://parquet.apache.org/docs/file-format/data-pages/encodings/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.formats.datumaro_binary.parquet import thrift
from datumaro.kernels import parquet_encoding as kernel
from datumaro.table import schema
from datumaro.table.schema import Array

PLAIN, DELTAS, TEXTS, DICTIONARY, SPLIT = 0, 5, 6, 8, 9
"""Encodings, by their numbers in Parquet.

DELTAS (DELTA_BINARY_PACKED) and SPLIT (BYTE_STREAM_SPLIT) are of numbers, TEXTS
(DELTA_LENGTH_BYTE_ARRAY) of texts and bytes, DICTIONARY of all: where it would save little, it is
TEXTS or SPLIT. What is given by a dictionary is PLAIN then, which Arrow reads into one, too."""

_DICTIONARY_MOST = 1 << 20  # bytes
_STATISTICS_MOST = 1 << 12  # bytes of a value
_FEW_BITS = 4  # of an index; with more of them whole bytes compress better

Bytes = bytes | bytearray | memoryview | pa.Buffer


class Values(Protocol):
    """The values of a column."""

    @property
    def encoding(self) -> int:
        """Its number in Parquet."""
        ...

    @property
    def words(self) -> pa.Array | None:
        """The dictionary, if there is one."""
        ...

    def sizes(self, numbers: Array) -> Array:
        """About how many bytes all values before those with these numbers have."""
        ...

    def encoded(self, first: int, last: int) -> list[Bytes]:
        """Those of the values ``first`` to ``last`` that are not null."""
        ...


def validity(column: pa.Array) -> Array | None:
    """For each value 1, or of a null 0, as uint8; None when there are no nulls."""
    if not column.null_count:
        return None
    bits = column.buffers()[0]
    if bits is None:  # of type null
        return np.zeros(len(column), np.uint8)
    first, byte = column.offset % 8, column.offset // 8
    found = np.unpackbits(
        np.frombuffer(bits, np.uint8)[byte:], count=first + len(column), bitorder="little"
    )
    return found[first:]


def values_of(column: pa.Array, valid: Array | None, encoding: int) -> Values:
    """The values of a column by an encoding.

    Parameters
    ----------
    valid : as `validity` has it.
    """
    n = len(column) - column.null_count
    if n == 0:
        return _Nothing()
    if encoding == DICTIONARY:
        given = pa.types.is_dictionary(column.type)
        indexed: Any = column if given else column.dictionary_encode()
        words: pa.Array = indexed.dictionary
        if (given or 2 * len(words) <= n) and words.nbytes <= _DICTIONARY_MOST:
            return _Indices(words, _numbers(indexed.indices, np.dtype(np.int32)), valid)
        if given:
            return _PlainTexts(indexed.dictionary_decode())
    if pa.types.is_integer(column.type):
        kind = np.dtype(column.type.to_pandas_dtype())
        return _Numbers(DELTAS if encoding == DELTAS else SPLIT, _numbers(column, kind), valid)
    return _Texts(*schema.list_parts(column), valid)


def _numbers(column: pa.Array, kind: np.dtype[Any]) -> Array:
    return np.frombuffer(column.buffers()[1], kind, len(column), kind.itemsize * column.offset)


def dictionary_page(words: pa.Array) -> Bytes:
    """The words of a dictionary as its page has them."""
    if pa.types.is_integer(words.type):
        return _numbers(words, np.dtype(words.type.to_pandas_dtype())).tobytes()
    return kernel.plain_texts(*schema.list_parts(words))


def statistics_of(column: pa.Array) -> thrift.Value:
    """What readers may know of texts without reading them: bounds, by their bytes, and nulls."""
    bounds: Any = pc.min_max(column).as_py()
    least, most = (
        None if bounds[name] is None else bounds[name].encode() for name in ("min", "max")
    )
    told: dict[int, thrift.Value | None] = {3: thrift.i64(column.null_count)}
    if least is not None and most is not None and max(len(least), len(most)) <= _STATISTICS_MOST:
        told |= {5: thrift.binary(most), 6: thrift.binary(least), 7: thrift.TRUE, 8: thrift.TRUE}
    return thrift.struct(told)


# --- values -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Nothing:
    """Nulls alone."""

    encoding: int = PLAIN
    words: None = None

    def sizes(self, numbers: Array) -> Array:
        return numbers

    def encoded(self, first: int, last: int) -> list[Bytes]:
        return []


@dataclass(frozen=True)
class _Numbers:
    encoding: int
    values: Array
    valid: Array | None
    words: None = None

    def sizes(self, numbers: Array) -> Array:
        return numbers * self.values.itemsize

    def encoded(self, first: int, last: int) -> list[Bytes]:
        values = _there(self.values, self.valid, first, last)
        return [kernel.deltas(values) if self.encoding == DELTAS else kernel.split(values)]


@dataclass(frozen=True)
class _Texts:
    offsets: Array
    data: Array
    valid: Array | None
    encoding: int = TEXTS
    words: None = None

    def sizes(self, numbers: Array) -> Array:
        return self.offsets[numbers] + numbers

    def encoded(self, first: int, last: int) -> list[Bytes]:
        offsets = self.offsets[first : last + 1]
        valid = None if self.valid is None else self.valid[first:last]
        lengths, whole = kernel.lengths(offsets, valid)
        if whole or valid is None:
            return [kernel.deltas(lengths), self.data[offsets[0] : offsets[-1]].data]
        return [kernel.deltas(lengths), kernel.picked_bytes(offsets, self.data, valid)]


@dataclass(frozen=True)
class _PlainTexts:
    column: pa.Array
    encoding: int = PLAIN
    words: None = None

    def sizes(self, numbers: Array) -> Array:
        return schema.list_parts(self.column)[0][numbers] + 4 * numbers

    def encoded(self, first: int, last: int) -> list[Bytes]:
        texts = self.column.slice(first, last - first).drop_null()
        return [kernel.plain_texts(*schema.list_parts(texts))]


@dataclass(frozen=True)
class _Indices:
    words: pa.Array
    indices: Array
    valid: Array | None
    encoding: int = DICTIONARY

    def sizes(self, numbers: Array) -> Array:
        return numbers

    def encoded(self, first: int, last: int) -> list[Bytes]:
        width = max((len(self.words) - 1).bit_length(), 1)
        if width > _FEW_BITS:
            width = (width + 7) // 8 * 8
        indices = _there(self.indices, self.valid, first, last)
        if width <= 8:
            indices = indices.astype(np.uint8)
        return [bytes([width]), kernel.runs(indices, width)]


def _there(values: Array, valid: Array | None, first: int, last: int) -> Array:
    values = values[first:last]
    return values if valid is None else kernel.picked(values, valid[first:last])
