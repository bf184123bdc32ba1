"""Whole columns of Parquet's pages: encoded by hand, and any bytes at all."""

import contextlib
import random
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.parquet_columns import Column
from parquet_encodings import deltas, lengths, one_run, plain_texts, runs, split, varint, zigzag

PLAIN, DELTA, LENGTHS, WORDS, SPLIT = 0, 5, 6, 8, 9
NUMBERS = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-3, 3))


def numbers(values, encoding, size):
    if encoding == DELTA:
        return deltas(values, bits=8 * size)
    if encoding == SPLIT:
        return split(values, size)
    return b"".join(v.to_bytes(size, "little", signed=True) for v in values)


def texts(values, encoding):
    return plain_texts(values) if encoding == PLAIN else lengths(values)


def indices(values, width=3):
    return bytes([width]) + runs(values, width)


def sized(levels, width, encode=runs):
    body = encode(levels, width)
    return struct.pack("<I", len(body)) + body


def pages_of(rows, nested, most, encoding, encode, cuts=(), levels=runs):
    """The pages of a column.

    Parameters
    ----------
    rows : values, None for null; of a nested column lists of them.
    cuts : before which levels another page begins.
    encode : makes the bytes of values.
    """
    told = []  # (repetition, definition, value)
    for row in rows:
        if not nested:
            told.append((0, most if row is not None else 0, row))
        elif not row:
            told.append((0, 0, None))
        for i, value in enumerate(row if nested else ()):
            told.append((int(i > 0), most if value is not None else 1, value))
    bounds = [0, *sorted({cut % max(len(told), 1) for cut in cuts} - {0}), len(told)]
    pages = []
    for begin, end in pairwise(bounds):
        part = told[begin:end]
        if part:
            body = sized([level for level, _, _ in part], 1, levels) if nested else b""
            if most:
                body += sized([level for _, level, _ in part], most, levels)
            values = [value for _, _, value in part if value is not None]
            pages.append((body + encode(values), len(part), encoding))
    return pages


def validity(column):
    if column.valid is None:
        return [True] * column.n
    return (
        np.unpackbits(np.frombuffer(column.valid, np.uint8), bitorder="little")[: column.n]
        .astype(bool)
        .tolist()
    )


def of_64(memory):
    return np.frombuffer(memory, np.int64).tolist()


def flat_values(rows, nested):
    return [value for row in rows for value in row] if nested else rows


def assert_is(column, rows, nested):
    expected = flat_values(rows, nested)
    assert column.n == len(expected)
    assert column.nulls == expected.count(None)
    assert (column.valid is None) is (None not in expected)
    assert validity(column) == [value is not None for value in expected]
    if nested:
        assert column.lists == len(rows)
        assert of_64(column.offsets) == [0, *np.cumsum([len(row) for row in rows])]


def indices_of(column, words):
    return np.frombuffer(column.indices(words), np.int32).tolist()


def texts_of(column, *how):
    ends, data = column.texts(*how)
    ends = of_64(ends)
    assert len(data) == ends[-1]
    return [bytes(data[a:b]) for a, b in pairwise(ends)]


@st.composite
def columns(draw, values):
    """(Rows, nested, most, where pages begin, how levels are encoded)."""
    nested, optional = draw(st.booleans()), draw(st.booleans())
    value = st.one_of(st.none(), values) if optional else values
    row = st.lists(value, max_size=5) if nested else value
    rows = draw(st.lists(row, max_size=20))
    rows = rows * draw(st.sampled_from([1, 1, 9]))
    cuts = draw(st.lists(st.integers(1, 300), max_size=3))
    return rows, nested, nested + optional, cuts, draw(st.sampled_from([runs, one_run]))


# --- values -------------------------------------------------------------------------------------


@given(columns(NUMBERS), st.sampled_from([PLAIN, DELTA, SPLIT]), st.sampled_from([4, 8]))
def test_numbers(made, encoding, size):
    rows, nested, most, cuts, levels = made
    pages = pages_of(
        rows, nested, most, encoding, lambda v: numbers(v, encoding, size), cuts, levels
    )
    column = Column(pages, nested, most)
    assert_is(column, rows, nested)
    found = np.frombuffer(column.numbers(size), f"i{size}")
    assert found.tolist() == [value or 0 for value in flat_values(rows, nested)]


@given(columns(st.binary(max_size=12)), st.sampled_from([PLAIN, LENGTHS]))
def test_texts(made, encoding):
    rows, nested, most, cuts, levels = made
    pages = pages_of(rows, nested, most, encoding, lambda v: texts(v, encoding), cuts, levels)
    column = Column(pages, nested, most)
    assert_is(column, rows, nested)
    expected = [value or b"" for value in flat_values(rows, nested)]
    assert texts_of(column) == expected
    whole = np.frombuffer(b"xx" + b"-".join(body for body, _, _ in pages), np.uint8).copy()
    at, parts = 2, []
    for body, count, kind in pages:
        parts.append((whole[at : at + len(body)].data, count, kind))
        at += len(body) + 1
    assert texts_of(Column(parts, nested, most), None, whole) == expected


@given(columns(st.integers(0, 4)))
def test_dictionaries(made):
    rows, nested, most, cuts, levels = made
    pages = pages_of(rows, nested, most, WORDS, indices, cuts, levels)
    column = Column(pages, nested, most)
    assert column.are_indices()
    expected = flat_values(rows, nested)
    assert indices_of(column, 5) == [value or 0 for value in expected]
    for kind in (np.int32, np.int64):
        words = np.array([7, -1, 0, 2**31 - 1, 5], kind)
        found = np.frombuffer(column.numbers(words.itemsize, words), kind)
        assert found.tolist() == [0 if v is None else int(words[v]) for v in expected]
    words = [b"a", b"", b"bcd", b"a", b"ef"]
    ends = np.cumsum([0, *map(len, words)])
    found = texts_of(column, (ends, np.frombuffer(b"".join(words), np.uint8)))
    assert found == [b"" if v is None else words[v] for v in expected]


def test_pages_of_several_encodings():
    pages = [(indices([1, 0, 1]), 3, WORDS), (texts([b"x", b"yz"], PLAIN), 2, PLAIN),
             (texts([b"", b"d"], LENGTHS), 2, LENGTHS), (indices([0, 0]), 2, 2)]  # fmt: skip
    column = Column(pages, False, 0)
    assert not column.are_indices()
    words = np.array([0, 1, 3]), np.frombuffer(b"PQR", np.uint8)
    assert texts_of(column, words) == [b"QR", b"P", b"QR", b"x", b"yz", b"", b"d", b"P", b"P"]
    memory = np.zeros(9, np.uint8)  # that they are not moved together in
    assert texts_of(column, words, memory)[0] == b"QR"
    with pytest.raises(ValueError, match="another form"):
        column.indices(2)


def test_of_one_page_nothing_is_copied():
    body = lengths([b"ab", b"", b"c"])
    ends, data = Column([(body, 3, LENGTHS)], False, 0).texts()
    assert data.obj is body
    assert of_64(ends) == [0, 2, 2, 3]
    assert data == b"abc"


def test_columns_of_nothing():
    for nested in (False, True):
        column = Column([], nested, 1)
        assert_is(column, [], nested)
        assert column.numbers(4) == column.indices(0) == b""
        assert texts_of(column) == []


def test_numbers_of_64_bits():
    values = [2**63 - 1, -(2**63), 0, 5, -1] * 30
    for encoding in (PLAIN, SPLIT):
        column = Column([(numbers(values, encoding, 8), 150, encoding)], False, 0)
        assert of_64(column.numbers(8)) == values
    wrapped = varint(128) + varint(4) + varint(2) + zigzag(2**63 - 1) + zigzag(1) + b"\0" * 4
    assert of_64(Column([(wrapped, 2, DELTA)], False, 0).numbers(8)) == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 9, 13, 20, 31, 32])
def test_indices_of_each_width(width):
    drawn = random.Random(width)
    values = [drawn.randrange(min(2**width, 2**31)) for _ in range(100)]
    for encode in (runs, one_run):
        body = bytes([width]) + encode(values, width)
        assert indices_of(Column([(body, 100, WORDS)], False, 0), 2**32) == values


def test_memory_is_from_whom_is_told():
    sizes = []

    def allocate(size):
        sizes.append(size)
        return bytearray(size)

    pages = [(plain_texts([b"ab", b"c"]), 2, PLAIN)]
    assert texts_of(Column(pages, False, 0, None, allocate)) == [b"ab", b"c"]
    assert sizes == [24, 3]


# --- lists --------------------------------------------------------------------------------------

ROWS = [[1, None], [], [2], [3, 4, None, 5], [], [6]]


def column_of(rows, cuts=(), like=None, levels=runs, most=2):
    encode = lambda v: numbers(v, PLAIN, 4)  # noqa: E731
    return Column(pages_of(rows, True, most, PLAIN, encode, cuts, levels), True, most, like)


@pytest.mark.parametrize("cuts", [(), (3,), (1, 5, 6)])
@pytest.mark.parametrize("levels", [runs, one_run])
def test_other_columns_have_the_same_lists(cuts, levels):
    like = column_of(ROWS)
    assert column_of(ROWS, cuts, like, levels).offsets is like.offsets


@pytest.mark.parametrize(
    "rows",
    [ROWS[:-1], [*ROWS, []], [[1], [None], *ROWS[1:]], [*ROWS[1:], ROWS[0]],
     [*ROWS[:1], [1], *ROWS[2:]], []],
)  # fmt: skip
def test_or_they_are_refused(rows):
    with pytest.raises(ValueError, match="lists of different lengths"):
        column_of(rows, like=column_of(ROWS))


def test_lists_of_a_column_without_nulls():
    rows = [[1, 1], [], [2], [3, 4, 1, 5], [], [6]]
    required = column_of(rows, most=1)
    assert required.offsets is column_of(ROWS, like=required).offsets
    flat = Column([(b"\0" * 4, 1, PLAIN)], False, 0)
    with pytest.raises(ValueError, match="lists of different lengths"):
        column_of(ROWS, like=flat)


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repeated", "defined", "message"),
    [
        ([1, 0], [2, 2], "before the first"),
        ([0, 1], [0, 2], "not alone"),
        ([0, 1], [2, 0], "not alone"),
        ([0, 0], [2, 3], "another kind"),
    ],
)
def test_levels_that_cannot_be(repeated, defined, message):
    body = sized(repeated, 1) + sized(defined, 2) + b"\0" * 8
    with pytest.raises(ValueError, match=message):
        Column([(body, 2, PLAIN)], True, 2)


@pytest.mark.parametrize(
    ("body", "count", "message"),
    [
        (b"\5\0\0", 1, "beyond the page"),
        (b"\5\0\0\0\2\1", 1, "beyond the page"),
        (b"\xff\xff\xff\xff\2\1", 1, "beyond the page"),
        (b"\2\0\0\0\2\1\1", 2, "another kind"),  # fewer levels
        (b"\2\0\0\0\2\2\1", 1, "another kind"),  # a level of 2
        (b"\2\0\0\0\3\1", 0, "or none"),
        (b"\2\0\0\0\3\1", 2**22 + 1, "too many"),
        (b"\2\0\0\0\3\1", -1, "too many"),
    ],
)
def test_levels_that_are_none(body, count, message):
    with pytest.raises(ValueError, match=message):
        Column([(body, count, PLAIN)], False, 1)


@pytest.mark.parametrize("encoding", [-1, 1, 3, 7, 10])
def test_encodings_that_are_not_known(encoding):
    with pytest.raises(ValueError, match="another encoding"):
        Column([(b"\0" * 8, 2, encoding)], False, 0)


@pytest.mark.parametrize("nested", [False, True])
def test_levels_that_are_not_known(nested):
    for most in (-1, 0 if nested else 2, 3):
        with pytest.raises(ValueError, match="another kind"):
            Column([], nested, most)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"\0" * 7, PLAIN),
        (b"\0" * 9, PLAIN),
        (b"\0" * 7, SPLIT),
        (b"\0" * 8, LENGTHS),
        (b"", WORDS),
        (b"\0", WORDS),  # there is no dictionary
        (deltas([1]), DELTA),
        (deltas([1, 2, 3]), DELTA),
        (deltas([1, 2])[:-1] if deltas([1, 2])[-1] else deltas([1, 9, 3])[:-3], DELTA),
        (deltas([2**40, 2]), DELTA),
        (deltas([0, 2**31]), DELTA),
        (deltas([1, 2], 96, 12), DELTA),
        (varint(128) + varint(0) + varint(2) + b"\0", DELTA),
        (varint(128) + varint(4) + varint(2) + b"\0\0\x41\0\0\0" + b"\0" * 999, DELTA),
    ],
)
def test_numbers_that_are_none(body, encoding):
    with pytest.raises(ValueError, match="another form"):
        Column([(body, 2, encoding)], False, 0).numbers(4)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (plain_texts([b"ab", b"c"])[:-1], PLAIN),
        (plain_texts([b"ab", b"c"]) + b"d", PLAIN),
        (b"\xff\xff\xff\xff" + b"a" * 20, PLAIN),
        (lengths([b"ab", b"c"])[:-1], LENGTHS),
        (lengths([b"ab", b"c"]) + b"d", LENGTHS),
        (deltas([5, -1]) + b"a" * 4, LENGTHS),
        (deltas([2**31 - 1, 2**31 - 1]) + b"a", LENGTHS),
        (b"a" * 9, SPLIT),
        (indices([2, 3]), WORDS),
        (b"\x21" + b"\xff" * 9, WORDS),
        (b"\3\3\1", WORDS),
    ],
)
def test_texts_that_are_none(body, encoding):
    words = np.array([0, 1, 1, 1]), np.zeros(1, np.uint8)
    with pytest.raises(ValueError, match="another form"):
        Column([(body, 2, encoding)], False, 0).texts(words)


@pytest.mark.parametrize("ends", [[], [0, 2], [0, 1, 0], [-1, 1]])
def test_dictionaries_that_are_none(ends):
    with pytest.raises(ValueError, match="a dictionary of another form"):
        Column([], False, 0).texts((np.array(ends, np.int64), np.zeros(1, np.uint8)))


def test_texts_that_would_be_too_large():
    words = np.array([0, 2**30]), np.zeros(2**30, np.uint8)  # which takes no memory
    with pytest.raises(ValueError, match="too large"):
        Column([(b"\0", 3, WORDS)], False, 0).texts(words)


def test_pages_that_are_elsewhere():
    parts = [np.frombuffer(lengths([b"ab"]), np.uint8).copy() for _ in range(2)]
    column = Column([(part.data, 1, LENGTHS) for part in parts], False, 0)
    with pytest.raises(ValueError, match="pages elsewhere"):
        column.texts(None, parts[0])
    with pytest.raises(ValueError, match="another size"):
        Column([], False, 0).numbers(3)


SOME = st.binary(max_size=60)
PAGES = st.lists(
    st.tuples(SOME, st.integers(1, 40), st.sampled_from([PLAIN, DELTA, LENGTHS, WORDS, SPLIT])),
    max_size=3,
)


def read_all(pages, nested, most):
    words = np.array([0, 1, 3]), np.zeros(3, np.uint8)
    column = Column(pages, nested, most)
    for read, size in (
        (lambda: column.numbers(4, np.zeros(3, np.int32)), 4),
        (lambda: column.numbers(8), 8),
        (lambda: column.indices(9), 4),
        (lambda: column.texts(words)[0][8:], 8),
    ):
        try:
            assert len(read()) == column.n * size
        except ValueError:
            continue


@given(PAGES, st.booleans(), st.booleans())
def test_any_bytes_are_refused_or_told(pages, nested, optional):
    with contextlib.suppress(ValueError):
        read_all(pages, nested, nested + optional)


@pytest.mark.parametrize("encoding", [PLAIN, DELTA, LENGTHS, WORDS, SPLIT])
def test_changed_bytes_are_refused_or_told(encoding):
    drawn = random.Random(encoding)
    encode = {
        PLAIN: lambda v: numbers(v, PLAIN, 4), DELTA: deltas, SPLIT: lambda v: split(v, 8),
        LENGTHS: lambda v: lengths([b"x" * (n % 5) for n in v]),
        WORDS: lambda v: indices([n % 5 for n in v]),
    }[encoding]  # fmt: skip
    rows = [[drawn.choice([None, i, 9]) for i in range(drawn.randrange(4))] for _ in range(60)]
    pages = pages_of(rows, True, 2, encoding, encode, (50,))
    for _ in range(400):
        bad = []
        for body, count, kind in pages:
            changed = bytearray(body)
            for _ in range(drawn.randint(0, 2)):
                changed[drawn.randrange(len(body))] = drawn.choice([0, 1, 127, 255, 3, 128])
            end = drawn.choice([len(body), len(body), drawn.randrange(len(body))])
            bad.append((bytes(changed[:end]), count, kind))
        try:
            read_all(bad, True, 2)
        except ValueError:
            continue
