"""Values of Parquet's pages: encoded by hand, and any bytes at all."""

import struct

import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import parquet_pages as kernel
from parquet_encodings import deltas, runs, split, varint, zigzag

PLAIN, DELTA, LENGTHS, SPLIT = 0, 5, 6, 9


def wanted(n):
    return [(skip, m) for skip in {0, n // 3, n} for m in {0, 1, n // 2, n} if skip + m <= n]


# --- values -------------------------------------------------------------------------------------


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=300), st.sampled_from([4, 8]))
def test_numbers(values, size):
    plain = b"".join(v.to_bytes(size, "little", signed=True) for v in values)
    for encoding, body in (
        (PLAIN, plain), (SPLIT, split(values, size)), (DELTA, deltas(values)),
        (DELTA, deltas(values, 256, 1)),
    ):  # fmt: skip
        for skip, n in wanted(len(values)):
            found = kernel.integers(b"xy" + body, 2, encoding, size, skip, n)
            assert found == values[skip : skip + n]


def test_numbers_of_64_bits():
    values = [2**63 - 1, -(2**63), 0, 5, -1] * 9
    plain = struct.pack(f"<{len(values)}q", *values)
    assert kernel.integers(plain, 0, PLAIN, 8, 3, 30) == values[3:33]
    assert kernel.integers(split(values, 8), 0, SPLIT, 8, 3, 30) == values[3:33]
    wrapped = varint(128) + varint(4) + varint(2) + zigzag(2**63 - 1) + zigzag(1) + b"\0" * 4
    assert kernel.integers(wrapped, 0, DELTA, 8, 0, 2) == [2**63 - 1, -(2**63)]


@given(st.lists(st.binary(max_size=40), max_size=150))
def test_texts(values):
    plain = b"".join(struct.pack("<I", len(v)) + v for v in values)
    lengths = deltas([len(v) for v in values]) + b"".join(values)
    for encoding, body in ((PLAIN, plain), (LENGTHS, lengths)):
        for skip, n in wanted(len(values)):
            found = kernel.texts(b"x" + body, 1, encoding, skip, n)
            assert found == values[skip : skip + n]


@given(st.data(), st.integers(1, 20))
def test_indices(data, width):
    values = data.draw(st.lists(st.integers(0, 2**width - 1), max_size=60))
    values = [v for v in values for _ in range(v % 12 + 1)]
    for skip, n in wanted(len(values)):
        body = bytes([width]) + runs(values, width)
        assert kernel.indices(body, 0, skip, n) == values[skip : skip + n]
    assert kernel.indices(b"\0", 0, 9, 3) == [0, 0, 0]  # of one word


# --- levels -------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_rows_by_their_levels(sizes):
    values = [level for size in sizes for level in [0] + [1] * (size - 1)]
    body = b"??" + runs(values, 1)
    at = 0
    for row, size in enumerate(sizes):
        first, last, _ = kernel.row_bounds(body, 2, len(body), len(values), row)
        assert (first, last) == (at, at + size)
        at += size
    assert kernel.row_bounds(body, 2, len(body), len(values), len(sizes)) == (-1, at, len(sizes))


@given(st.data(), st.sampled_from([1, 2, 3]))
def test_what_is_there(data, most):
    values = data.draw(st.lists(st.integers(0, most), min_size=1, max_size=60))
    values = [v for v in values for _ in range(v * 4 + 1)]
    body = runs(values, 1 if most == 1 else 2)
    for first, n in wanted(len(values)):
        before, found = kernel.levels(body, 0, len(body), most, first, first + n)
        assert (before, list(found)) == (values[:first].count(most), values[first : first + n])


def test_a_row_that_goes_on_from_the_page_before():
    body = runs([1, 1, 0, 1, 0], 1)
    assert kernel.row_bounds(body, 0, len(body), 5, 0)[:2] == (2, 4)


# --- headers ------------------------------------------------------------------------------------


def test_the_header_of_a_page():
    head = bytes.fromhex("1500 15c801 1564 1506 1c 1514 1512 1506 1506 00 00")
    assert kernel.page_header(head + b"body") == (0, 100, 50, 3, 10, 9, 3, 3, len(head))
    for end in range(len(head)):
        with pytest.raises(ValueError, match="no header"):
            kernel.page_header(head[:end])


# --- what is wrong ------------------------------------------------------------------------------

SOME = st.binary(max_size=50)
N = st.integers(0, 200)


@given(SOME, st.integers(-1, 12), st.integers(0, 10), st.sampled_from([4, 8, 0, 3]), N, N)
def test_any_bytes_are_refused_or_told(body, begin, encoding, size, skip, n):
    for read in (
        lambda: kernel.integers(body, begin, encoding, size, skip, n),
        lambda: kernel.texts(body, begin, encoding, skip, n),
        lambda: kernel.indices(body, begin, skip, n),
    ):
        try:
            assert len(read()) == n
        except ValueError:
            continue


@given(SOME, st.integers(-1, 12), st.integers(0, 60), st.integers(0, 4), N, N)
def test_any_levels_are_refused_or_told(body, begin, end, most, first, n):
    for read in (
        lambda: kernel.levels(body, begin, end, most, first, first + n)[1] and (0, n),
        lambda: kernel.row_bounds(body, begin, end, n, first),
    ):
        try:
            found = read()
        except ValueError:
            continue
        assert not found or found[0] <= found[1] <= n


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (varint(128) + varint(0) + varint(1) + b"\0", "another form"),
        (varint(100) + varint(7) + varint(1) + b"\0", "another form"),
        (varint(2**60) + varint(4) + varint(1) + b"\0", "another form"),
        (varint(128) + varint(4) + varint(2**40) + b"\0", "another form"),
        (varint(128) + varint(4) + varint(2) + b"\0", "too soon"),
        (varint(128) + varint(4) + varint(2) + b"\0\0\x41\0\0\0" + b"\0" * 999, "too soon"),
        (deltas([5, -1]), "cannot be"),
        (deltas([2**40, 1]), "cannot be"),
        (deltas([5, 9]) + b"abcde", "too soon"),
    ],
)
def test_lengths_that_are_none(body, message):
    with pytest.raises(ValueError, match=message):
        kernel.texts(body, 0, LENGTHS, 0, 2)
