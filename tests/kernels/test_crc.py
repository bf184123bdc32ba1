"""CRC-32: as zlib has it."""

import random
import zlib

import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.crc import crc32


@given(st.binary(max_size=300))
def test_of_any_bytes(data):
    assert crc32(data) == zlib.crc32(data)


def test_of_each_length_and_place():
    data = random.Random(5).randbytes(700)
    for n in range(600):
        part = memoryview(data)[n % 17 : n % 17 + n]
        assert crc32(part) == zlib.crc32(part)


@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_of_many_bytes(byte):
    data = byte * 1_000_003
    assert crc32(data) == zlib.crc32(data)
    assert crc32(bytearray(data)) == zlib.crc32(data)
