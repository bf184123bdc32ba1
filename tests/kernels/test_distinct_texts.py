"""Whether texts are all different."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.distinct_texts import are_distinct
from datumaro.table import schema

_columns = st.lists(st.lists(st.text(alphabet="a\0é", max_size=3)), max_size=3)


def asked(columns):
    return are_distinct(
        [schema.list_parts(pa.array(texts, pa.large_string())) for texts in columns]
    )


@given(_columns)
def test_texts_that_are_there_twice(columns):
    texts = [text for column in columns for text in column]
    assert asked(columns) == (len(set(texts)) == len(texts))


def test_many_texts():
    texts = [f"{n:012}" for n in range(0, 90_000, 7)]
    assert asked([texts])
    assert asked([texts, ["x" * 40]])
    assert not asked([texts, texts[-1:]])
    assert asked([["x" * n for n in range(600)]])


@pytest.mark.parametrize("offsets", [[], [0, 4], [2, 1], [-1, 2]])
def test_offsets_outside_the_bytes_are_refused(offsets):
    with pytest.raises(ValueError, match="offsets"):
        are_distinct([(np.array(offsets, np.int64), np.zeros(3, np.uint8))])
