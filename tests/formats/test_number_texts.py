"""Numbers as texts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from datumaro.formats.number_texts import is_number, rows, short, texts


@given(st.lists(st.floats() | st.floats(0, 1000).map(lambda x: round(x, 2)) | st.just(-0.0)))
def test_they_are_as_python_prints_them(numbers: list[float]):
    expected = list(map(repr, numbers))
    assert texts(np.array(numbers)) == expected
    assert rows(np.array(numbers).reshape(-1, 1)) == expected
    assert short(np.array(numbers)) == [text.removesuffix(".0") for text in expected]


def test_numbers_of_any_shape():
    assert texts(np.arange(4.0).reshape(2, 2).T) == ["0.0", "2.0", "1.0", "3.0"]
    assert texts(np.zeros((0, 3))) == rows(np.zeros((0, 3))) == []


def test_rows():
    assert rows(np.arange(4.0).reshape(2, 2).T) == ["0.0,2.0", "1.0,3.0"]
    assert rows(np.array([[1, np.nan]])) == ["1.0,nan"]


def test_is_number():
    assert all(map(is_number, ["1", "-1.5", "1e3", " 2 ", ".5", "inf", "nan"]))
    assert not any(map(is_number, ["", "a", "1,5", "1 2", "0x1", "--1"]))
