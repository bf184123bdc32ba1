"""Rows of columns as lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.lists import FloatLists

singles = st.floats(width=32)


class Marked(list[float]):
    """A list of another class."""

    def append(self, value: float) -> None:
        raise AssertionError("rows are not filled through methods")

    extend = __setitem__ = append


@given(st.lists(st.lists(singles, max_size=5), max_size=5), st.sampled_from([list, Marked]))
def test_rows_are_lists_of_their_values(rows: list[list[float]], kind: type[list[float]]):
    offsets = np.cumsum([0, *map(len, rows)])
    values = np.array([value for row in rows for value in row], np.float32)
    lists = FloatLists(offsets, values)
    for number, row in enumerate(rows):
        made = lists.row(number, kind)
        assert type(made) is kind
        np.testing.assert_array_equal(np.array(made), row)


@pytest.mark.parametrize(
    ("offsets", "row"), [([0, 2], 1), ([0, 2], -1), ([0, 4], 0), ([2, 1], 0), ([-1, 1], 0)]
)
def test_rows_that_are_not_there(offsets: list[int], row: int):
    with pytest.raises(IndexError, match=f"row {row}"):
        FloatLists(np.array(offsets), np.zeros(3, np.float32)).row(row)
