"""The zlib streams and filters of PNG files: as zlib and the standard's own words have them."""

import zlib

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.png import filter_rows, read_pixels

STRATEGIES = (
    zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED,
)  # fmt: skip


def inflated(stream: bytes, size: int) -> bytes | None:
    """A stream of ``size`` bytes, as a row of that many pixels; None when it is not taken."""
    out = np.zeros(size - 1, np.uint8)
    done = read_pixels(stream, 8, 1, 1, 1, size - 1, out)
    return out.tobytes() if done else None


RECIPES = st.tuples(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=60), st.sampled_from([1, 1, 2, 9, 300, 3000])),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 40_000),
    st.sampled_from([3, 256]),
)
Recipe = tuple[list[tuple[bytes, int]], int, int]


def made(recipe: Recipe) -> bytes:
    """A row's bytes without a filter: runs, noise, and repetitions from far away."""
    runs, n_noise, top = recipe
    some = b"".join(text * count for text, count in runs)
    noise = np.random.default_rng(n_noise).integers(0, top, n_noise, np.uint8)
    return b"\0" + some + noise.tobytes() + some


def packed(data: bytes, level: int, strategy: int, memory: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, 15, memory, strategy)
    return packer.compress(data) + packer.flush()


@given(RECIPES, st.integers(0, 9), st.sampled_from(STRATEGIES), st.integers(5, 9))
def test_streams_are_what_zlib_packed(recipe: Recipe, level: int, strategy: int, memory: int):
    data = made(recipe)
    found = inflated(packed(data, level, strategy, memory), len(data))
    assert found == data[1:]


@given(
    RECIPES,
    st.integers(0, 9),
    st.sampled_from(STRATEGIES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_changed_streams_are_not_taken_for_others(
    recipe: Recipe, level: int, strategy: int, changes: list[tuple[float, int]], cut: bool
):
    data = made(recipe)
    stream = bytearray(packed(data, level, strategy, 9))
    for place, value in changes:
        stream[round(place * (len(stream) - 1))] = value
    if cut:
        del stream[round(changes[0][0] * len(stream)) :]
    try:
        expected = zlib.decompress(bytes(stream))[1:]
    except zlib.error:
        expected = None
    found = inflated(bytes(stream), len(data))
    assert found is None or found == expected


@given(st.binary(max_size=400), st.integers(2, 70_000))
def test_any_bytes_are_no_stream(data: bytes, size: int):
    for stream in (data, b"\x78\x9c" + data):
        found = inflated(stream, size)
        assert found is None or found == zlib.decompress(stream)[1:]


@pytest.mark.parametrize("size", [10, 12])
def test_streams_of_another_size(size: int):
    assert inflated(zlib.compress(bytes(11)), size) is None


def test_a_distance_before_the_beginning():
    # a fixed block of a length of 3 and a distance of 2, right away: 1, 01, 0000001, 00001
    assert inflated(b"\x78\x9c\x03\x84\x00\x00\x00\x00\x00\x00\x00\x00", 4) is None


def test_many_blocks_for_nothing():
    packer = zlib.compressobj(9)
    blocks = [packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(5000)]
    assert inflated(b"".join([*blocks, packer.flush()]), 5000) is None


@pytest.mark.parametrize(
    ("bits", "channels", "scale", "height", "width", "size"),
    [
        (3, 1, 1, 1, 4, 4), (16, 3, 1, 1, 4, 16), (8, 2, 1, 1, 4, 4), (8, 1, 1, 1, 4, 5),
        (8, 1, 1, 0, 4, 0), (8, 1, 1, -1, -4, 4), (8, 1, 1, 1 << 31, 1 << 31, 4),
        (4, 1, 0, 1, 4, 4), (16, 1, 1, 1, 4, 4), (8, 3, 1, 1, 4, 12),
    ],
)  # fmt: skip
def test_strange_images(bits: int, channels: int, scale: int, height: int, width: int, size: int):
    with pytest.raises(ValueError, match="no such image"):
        read_pixels(b"", bits, channels, scale, height, width, np.zeros(size, np.uint8))


def test_an_unknown_filter():
    stream = zlib.compress(b"\x05abc")
    assert not read_pixels(stream, 8, 1, 1, 1, 3, np.zeros(3, np.uint8))


def test_rows_take_the_filter_that_leaves_less():
    pixels = np.array([[300, 300, 300, 700], [300, 300, 300, 700], [1, 1, 2, 2]], np.uint16)
    rows = np.zeros((3, 9), np.uint8)
    filter_rows(pixels, rows)
    assert rows.tolist() == [
        [1, 1, 44, 0, 0, 0, 0, 1, 144],
        [2, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0, 1, 0, 0],
    ]


def test_rows_of_another_size():
    with pytest.raises(ValueError, match="another size"):
        filter_rows(np.zeros((2, 3), np.uint16), np.zeros((2, 6), np.uint8))
