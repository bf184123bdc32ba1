"""Columns with nulls as plain arrays: what Arrow itself makes of them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import nullable

_columns = st.sampled_from([pa.int32(), pa.int64()]).flatmap(
    lambda kind: st.lists(st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)), min_size=1).map(
        lambda values: pa.array(values, kind)
    )
)


def parts(column):
    """(values, validity bits or None, number of the first) of a column that may be a slice."""
    bits, memory = column.buffers()
    valid = None if bits is None else np.frombuffer(bits, np.uint8)
    kind = column.type.to_pandas_dtype()
    values = np.frombuffer(memory, kind)[column.offset :][: len(column)]
    return values, valid, column.offset


@given(_columns, st.integers(0, 9), st.sampled_from([-1, 0, 5, -(2**31), 2**31 - 1]))
def test_nulls_become_a_number(column, begin, missing):
    column = column[min(begin, len(column) - 1) :]
    found = nullable.filled(*parts(column), missing)
    assert found.dtype == column.type.to_pandas_dtype()
    assert found.tolist() == column.fill_null(missing).to_pylist()


@given(_columns)
def test_nulls_become_another_array_s_numbers(column):
    others = np.arange(len(column), dtype=column.type.to_pandas_dtype())
    found = nullable.filled_from(*parts(column), others)
    values = zip(column.to_pylist(), others.tolist(), strict=True)
    assert found.tolist() == [other if value is None else value for value, other in values]


def test_nulls_become_the_number_before_where_it_is_said():
    column = pa.array([None, 3, None, None, 5, None], pa.int64())
    which = np.array([1, 0, 1, 0, 0, 1], np.uint8)
    assert nullable.filled_before(*parts(column), which, -1).tolist() == [-1, 3, 3, -1, 5, 5]


def test_whether_null_texts_have_bytes():
    texts = pa.array(["a", None, "b"], pa.large_string())
    bits, memory = np.frombuffer(texts.buffers()[0], np.uint8), texts.buffers()[1]
    assert nullable.nulls_are_empty(np.frombuffer(memory, np.int64)[:4], bits, 0)
    assert not nullable.nulls_are_empty(np.array([0, 1, 2, 3]), bits, 0)


def test_what_does_not_fit_is_refused():
    values, bits = np.zeros(9, np.int64), np.zeros(1, np.uint8)
    for call in (
        lambda: nullable.filled(values, bits, 0, 0),
        lambda: nullable.filled(values[:8], bits, 1, 0),
        lambda: nullable.filled(values[:8], bits, -1, 0),
        lambda: nullable.filled(values[:8], bits, 2**63 - 1, 0),
        lambda: nullable.filled_from(values[:8], bits, 0, values),
        lambda: nullable.filled_before(values[:8], bits, 0, bits, 0),
        lambda: nullable.nulls_are_empty(np.zeros(10, np.int64), bits, 0),
    ):
        with pytest.raises(ValueError, match=r"bits|lengths"):
            call()


_numbers = st.lists(st.integers(0, 3), max_size=40)


def flags(count, bits, n):
    """What validity bits say; the count is that of the nulls."""
    found = np.unpackbits(bits, count=n, bitorder="little").astype(bool).tolist()
    assert found.count(False) == count
    assert not np.unpackbits(bits, bitorder="little")[n:].any()
    return found


@given(_numbers, st.sampled_from([np.uint8, np.int32, np.int64]))
def test_validity_of_numbers(numbers, kind):
    found = nullable.validity(np.array(numbers, kind), 2)
    assert flags(*found, len(numbers)) == [number != 2 for number in numbers]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40))
def test_validity_of_numbers_that_are_not_those_of_others(pairs):
    values, others = np.array(pairs, np.int32).reshape(-1, 2).T.copy()
    found = nullable.validity_of_others(values, others)
    assert flags(*found, len(pairs)) == [value != other for value, other in pairs]


@given(_numbers)
def test_validity_of_texts(sizes):
    found = nullable.validity_of_texts(np.cumsum([0, *sizes], dtype=np.int64))
    assert flags(*found, len(sizes)) == [size > 0 for size in sizes]


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_whether_any_number_is_another(n, place):
    numbers = np.full(n, 7, np.int32)
    others = numbers.copy()
    assert not nullable.has_another(numbers, 7)
    assert not nullable.are_others(numbers, others)
    numbers[place : place + 1] = 8
    assert nullable.has_another(numbers, 7) == (place < n)
    assert nullable.are_others(numbers, others) == (place < n)
    with pytest.raises(ValueError, match="different lengths"):
        nullable.are_others(numbers, np.zeros(n + 1, np.int32))
    values = np.full(n, np.nan)
    assert not nullable.has_number(values)
    values[place : place + 1] = np.inf
    assert nullable.has_number(values) == (place < n)
