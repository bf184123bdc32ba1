"""Thrift's compact protocol as it is written, read by the kernel of footers and byte by byte."""

import pytest
from hypothesis import given, strategies as st

from datumaro.formats.datumaro_binary.parquet.thrift import (
    TRUE,
    binary,
    i32,
    i64,
    listed,
    struct,
)
from datumaro.kernels.parquet_footer import footer

ROWS, METADATA = 3, 5


@given(
    st.integers(0, 2**63 - 1), st.dictionaries(st.binary(max_size=200), st.binary(), max_size=40)
)
def test_a_footer(rows, metadata):
    pairs = [struct({1: binary(key), 2: binary(value)}) for key, value in metadata.items()]
    _, data = struct({1: i32(-2), 2: None, ROWS: i64(rows), METADATA: listed(pairs), 6: TRUE})
    assert footer(data) == (rows, metadata)


@pytest.mark.parametrize(
    ("n", "expected"),
    [(0, b"\0"), (-1, b"\1"), (1, b"\2"), (-64, b"\x7f"), (64, b"\x80\1"), (300, b"\xd8\4")],
)
def test_integers(n, expected):
    assert i32(n) == (5, expected)
    assert i64(n) == (6, expected)


@pytest.mark.parametrize("n", [-(2**63), 2**63 - 1, 2**31 - 1, -(2**31)])
def test_integers_at_their_bounds(n):
    _, data = i64(n)
    value = sum((byte & 127) << 7 * i for i, byte in enumerate(data))
    assert (value >> 1) ^ -(value & 1) == n
    assert [byte >> 7 for byte in data] == [1] * (len(data) - 1) + [0]


def test_lists():
    assert listed([]) == (9, b"\x0c")
    assert listed([i32(1), i32(-1)]) == (9, b"\x25\2\1")
    assert listed([binary(b"ab")] * 15)[1] == b"\xf8\x0f" + b"\2ab" * 15


def test_structs():
    assert struct({}) == (12, b"\0")
    assert struct({2: TRUE, 5: None, 16: i32(0)}) == (12, b"\x21\xe5\0\0")
