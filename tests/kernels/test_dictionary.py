"""Dictionary columns as what their indices stand for: what Arrow itself makes of them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import dictionary
from datumaro.table import schema

# shorter and longer than what is copied at once, up to the end of the memory
_texts = st.lists(
    st.one_of(st.text(max_size=4), st.sampled_from(["x" * n for n in (15, 16, 17, 40)]))
)


@st.composite
def columns(draw):
    """(The dictionary, indices with nulls)."""
    texts = draw(_texts.filter(len))
    index = st.one_of(st.none(), st.integers(0, len(texts) - 1))
    return pa.array(texts, pa.large_string()), pa.array(draw(st.lists(index)), pa.int32())


def parts(index):
    """(indices, validity bits or None, number of the first) of a column."""
    bits, memory = index.buffers()
    valid = None if bits is None else np.frombuffer(bits, np.uint8)
    values = np.frombuffer(memory, np.int32)[index.offset :][: len(index)]
    return values, valid, index.offset


@given(columns(), st.integers(0, 9))
def test_texts(column, begin):
    texts, index = column
    index = index[min(begin, len(index)) :]
    bad, ends, data = dictionary.texts(*parts(index), *schema.list_parts(texts))
    assert bad == -1
    found = schema.texts(ends, data, pa.large_string())
    found.validate(full=True)
    assert found.to_pylist() == texts.take(index).fill_null("").to_pylist()


@given(columns(), st.integers(0, 255))
def test_numbers(column, missing):
    texts, index = column
    meanings = np.arange(len(texts), dtype=np.uint8) + 3
    bad, found = dictionary.numbers(*parts(index), meanings, missing)
    assert bad == -1
    assert found.tolist() == [missing if i is None else i + 3 for i in index.to_pylist()]


@given(st.lists(st.sampled_from(["", "a", "b", "ab"])), st.integers(0, 3))
def test_where_texts_change(texts, begin):
    column = pa.array(texts, pa.large_string())[begin:]
    texts = column.to_pylist()
    changes = [i for i, text in enumerate(texts) if i == 0 or text != texts[i - 1]]
    assert dictionary.runs(*schema.list_parts(column)).tolist() == [*changes, len(texts)]


@given(st.lists(st.integers(0, 255)))
def test_indices_are_the_reverse_of_numbers(values):
    places = np.arange(256, dtype=np.int32)[::-1].copy()
    found = dictionary.indices(np.array(values, np.uint8), places)
    assert found.tolist() == [255 - value for value in values]


@pytest.mark.parametrize("wrong", [-1, 2, 2**31 - 1])
def test_an_index_beyond_the_dictionary_is_found(wrong):
    index = np.array([0, 1, wrong, 0], np.int32)
    ends, data = schema.list_parts(pa.array(["a", "b"], pa.large_string()))
    assert dictionary.texts(index, None, 0, ends, data)[0] == 2
    assert dictionary.numbers(index, None, 0, np.zeros(2, np.uint8), 0)[0] == 2
    valid = np.array([0b1011], np.uint8)  # of a null nobody asks what it points at
    assert dictionary.texts(index, valid, 0, ends, data)[0] == -1
    assert dictionary.numbers(index, valid, 0, np.zeros(2, np.uint8), 9)[1].tolist() == [0, 0, 9, 0]


def test_what_does_not_fit_is_refused():
    index, bits = np.zeros(9, np.int32), np.zeros(1, np.uint8)
    ends, data = np.array([0, 1]), np.zeros(1, np.uint8)
    with pytest.raises(ValueError, match="fewer validity bits"):
        dictionary.texts(index, bits, 0, ends, data)
    with pytest.raises(ValueError, match="fewer validity bits"):
        dictionary.numbers(index[:8], bits, 1, data, 0)
    for wrong in ([0, 2], [1, 0], [-1, 0], []):
        with pytest.raises(ValueError, match="offsets"):
            dictionary.texts(index, None, 0, np.array(wrong, np.int64), data)
        with pytest.raises(ValueError, match="offsets"):
            dictionary.runs(np.array(wrong, np.int64), data)
    with pytest.raises(ValueError, match="place for each"):
        dictionary.indices(data, np.zeros(255, np.int32))
