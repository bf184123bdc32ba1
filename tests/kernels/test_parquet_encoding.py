"""What pages are made of, as Arrow and the kernel of single values read it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from datumaro.formats.datumaro_binary.parquet.column_chunks import ColumnChunk, RowGroup
from datumaro.formats.datumaro_binary.parquet.plain_file import write_file
from datumaro.kernels import parquet_encoding as kernel, parquet_pages as reader

PLAIN, DELTAS, TEXTS, DICTIONARY, SPLIT = 0, 5, 6, 8, 9
INT32, INT64 = np.iinfo(np.int32), np.iinfo(np.int64)


few = settings(max_examples=25)  # with a file for each


@pytest.fixture(scope="module")
def read_page(tmp_path_factory):
    """What Arrow reads of a page, of the only column of a file."""
    path = tmp_path_factory.mktemp("page") / "file"

    def read(body, count, encoding, kind, words=None):
        chunk = ColumnChunk(None)
        if words is not None:
            chunk.add_dictionary(*words)
        chunk.add_page(body, count, encoding)
        told = pa.schema([pa.field("x", kind, nullable=False)])
        write_file(path, told, [RowGroup(count, [chunk])], {})
        return pq.read_table(path, page_checksum_verification=True)["x"].to_pylist()

    return read


# --- levels and indices -------------------------------------------------------------------------


def repeated(values):
    """Numbers, of which some are many times there."""
    return np.array([v for v, n in values for _ in range(n)])


RUNS = st.sampled_from([1, 1, 2, 7, 8, 9, 64, 511, 512, 513, 520, 1500])


@given(st.data(), st.sampled_from([(np.uint8, w) for w in range(1, 9)]))
def test_levels(data, kind):
    dtype, width = kind
    values = data.draw(st.lists(st.tuples(st.integers(0, 2**width - 1), RUNS), max_size=12))
    assert_runs(repeated(values).astype(dtype), width)


@given(st.data(), st.integers(1, 31))
def test_indices(data, width):
    values = data.draw(st.lists(st.tuples(st.integers(0, 2**width - 1), RUNS), max_size=12))
    assert_runs(repeated(values).astype(np.int32), width)


def assert_runs(values, width):
    found = kernel.runs(values, width)
    if len(values):
        assert reader.indices(bytes([width]) + found, 0, 0, len(values)) == values.tolist()
    else:
        assert found == b""


@few
@given(st.lists(st.integers(0, 299), min_size=1, max_size=70), RUNS)
def test_arrow_reads_indices(read_page, values, n):
    words = np.arange(300, dtype=np.int64) * 7
    indices = repeated([(v, n) for v in values]).astype(np.int32)
    body = [bytes([9]), kernel.runs(indices, 9)]
    found = read_page(body, len(indices), DICTIONARY, pa.int64(), (words.tobytes(), 300))
    assert found == words[indices].tolist()


def test_runs_are_packed_unless_they_are_long():
    assert kernel.runs(np.array([1, 0, 1, 1, 0, 0, 0, 1], np.uint8), 1) == bytes([3, 0b10001101])
    assert kernel.runs(np.array([2, 1, 0], np.uint8), 2) == bytes([3, 0b000110, 0])
    assert kernel.runs(np.full(600, 1, np.uint8), 1) == bytes([0xB0, 0x09, 1])  # 600 << 1
    assert kernel.runs(np.full(601, 300, np.int32), 9) == bytes([0xB2, 0x09, 0x2C, 1])


@pytest.mark.parametrize(("dtype", "width"), [(np.uint8, 0), (np.uint8, 9), (np.int32, 32)])
def test_widths_that_there_are_not(dtype, width):
    with pytest.raises(ValueError, match=f"{width} bits"):
        kernel.runs(np.zeros(8, dtype), width)


@given(st.lists(st.lists(st.sampled_from([0, 1]), max_size=5), max_size=20))
def test_levels_of_lists(lists):
    """Each of the elements is null, 0, or there, 1."""
    offsets = np.cumsum([0, *map(len, lists)]) + 5  # of lists in the midst of others
    again, there = kernel.list_levels(offsets)
    assert again.tolist() == [int(i > 0) for one in lists for i in range(max(len(one), 1))]
    assert there.tolist() == [int(bool(one)) for one in lists for _ in range(max(len(one), 1))]
    valid = np.array([v for one in lists for v in one], np.uint8)
    expected = [level for one in lists for level in ([v + 1 for v in one] or [0])]
    assert kernel.nested_levels(there, valid).tolist() == expected


def test_lists_that_cannot_be():
    with pytest.raises(ValueError, match="do not rise"):
        kernel.list_levels(np.array([0, 3, 2]))
    with pytest.raises(ValueError, match="no offsets"):
        kernel.list_levels(np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="other numbers"):
        kernel.nested_levels(np.ones(3, np.uint8), np.ones(2, np.uint8))


# --- numbers ------------------------------------------------------------------------------------


def numbers(info):
    """Numbers that are near each other, or are not."""
    any_ = st.integers(int(info.min), int(info.max))
    near = st.integers(-5, 300)
    return st.one_of(
        st.lists(near, max_size=400), st.lists(st.one_of(near, any_), max_size=300),
    ).map(lambda values: np.array(values, info.dtype))  # fmt: skip


@pytest.mark.parametrize(("info", "kind"), [(INT32, pa.int32()), (INT64, pa.int64())])
@few
@given(st.data())
def test_numbers(read_page, info, kind, data):
    values = data.draw(numbers(info))
    for encoding, body in ((DELTAS, kernel.deltas(values)), (SPLIT, kernel.split(values))):
        assert read_page([body], len(values), encoding, kind) == values.tolist()
        own = reader.integers(bytes(body), 0, encoding, values.itemsize, 0, len(values))
        assert own == values.tolist()


@pytest.mark.parametrize(("info", "kind"), [(INT32, pa.int32()), (INT64, pa.int64())])
def test_numbers_as_far_apart_as_can_be(read_page, info, kind):
    values = np.array([info.min, info.max, 0, info.max, info.min, -1] * 50, info.dtype)
    assert read_page([kernel.deltas(values)], 300, DELTAS, kind) == values.tolist()


def test_deltas_as_the_format_has_them():
    assert kernel.deltas(np.zeros(0, np.int32)) == bytes([128, 1, 4, 0, 0])
    assert kernel.deltas(np.array([7, 5, 3, 1, 2, 3, 4, 5])) == (
        # of the example in the format's documentation: differences -2, -2, -2, 1, 1, 1, 1
        bytes([128, 1, 4, 8, 14]) + bytes([3, 2, 0, 0, 0]) + bytes([0b11000000, 0b00111111])
        + bytes(6)
    )  # fmt: skip


@given(numbers(INT64), st.data())
def test_picked(values, data):
    valid = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    valid = np.array(valid, np.uint8)
    for given_ in (values, values.astype(np.int32)):
        assert kernel.picked(given_, valid).tolist() == given_[valid != 0].tolist()
    with pytest.raises(ValueError, match="different lengths"):
        kernel.picked(values, np.append(valid, np.uint8(1)))


# --- texts --------------------------------------------------------------------------------------

LISTS = st.lists(st.one_of(st.none(), st.binary(max_size=30)), max_size=150)


def parts(texts, under_nulls=b""):
    """(Offsets, bytes, what is there) of texts, with something before and after them."""
    each = [under_nulls if text is None else text for text in texts]
    offsets = np.cumsum([3, *map(len, each)])
    valid = np.array([text is not None for text in texts], np.uint8)
    return offsets, b"???" + b"".join(each) + b"!", valid


@few
@given(LISTS, st.sampled_from([b"", b"under"]))
def test_texts(read_page, texts, under_nulls):
    offsets, data, valid = parts(texts, under_nulls)
    there = [text for text in texts if text is not None]
    lengths, whole = kernel.lengths(offsets, valid)
    assert lengths.tolist() == list(map(len, there))
    assert whole is (not under_nulls or len(there) == len(texts))
    body = [kernel.deltas(lengths), kernel.picked_bytes(offsets, data, valid)]
    assert read_page(body, len(there), TEXTS, pa.large_binary()) == there


@few
@given(LISTS.map(lambda texts: [text for text in texts if text is not None]))
def test_plain_texts(read_page, texts):
    offsets, data, _ = parts(texts)
    assert kernel.lengths(offsets, None)[0].tolist() == list(map(len, texts))
    body = [kernel.plain_texts(offsets, data)]
    assert read_page(body, len(texts), PLAIN, pa.large_binary()) == texts


def test_a_text_that_is_too_long():
    offsets = np.array([0, 1 << 31])
    with pytest.raises(ValueError, match="a length of 2147483648 bytes"):
        kernel.lengths(offsets, None)


@pytest.mark.parametrize("offsets", [[0, 5], [-1, 2], [2, 1]])
def test_texts_beyond_their_bytes(offsets):
    for call in (
        lambda o: kernel.plain_texts(o, b"abcd"),
        lambda o: kernel.picked_bytes(o, b"abcd", np.ones(1, np.uint8)),
    ):
        with pytest.raises(ValueError, match=r"beyond the bytes|a length of"):
            call(np.array(offsets))
