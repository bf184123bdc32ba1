"""JSON texts in columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.table import json_text

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(), plain_values, max_size=5))
def test_what_json_knows_comes_back(value: dict[str, Any]) -> None:
    assert json_text.decode(json_text.encode(value)) == value
    assert json_text.decode(json_text.encode(value).decode()) == value
    assert json_text.decode(memoryview(json_text.encode(value))) == value


def test_nothing_is_an_empty_text() -> None:
    assert json_text.encode({}) == b""
    assert json_text.decode("") == json_text.decode(b"") == {}


def test_what_becomes_plain() -> None:
    value = {"t": (1, 2), "i": np.int16(3), "a": np.eye(2), "nan": math.nan, "big": 2**70}
    assert json_text.decode(json_text.encode(value)) == {
        "t": [1, 2], "i": 3, "a": [[1, 0], [0, 1]], "nan": None, "big": 2**70,
    }  # fmt: skip


@pytest.mark.parametrize("value", [{"a": object()}, {"a": {1, 2}}, {1: 2}, {"a": b"x"}, {"a": 1j}])
@pytest.mark.parametrize("beside", [{}, {"big": 2**70}])
def test_what_json_does_not_know_is_refused(value: Any, beside: Any) -> None:
    with pytest.raises(TypeError):
        json_text.encode({**beside, **value})


@pytest.mark.parametrize("text", ["[1]", "{", "1", '{"a":}', b"\xff{}", "null"])
def test_no_object_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):
        json_text.decode(text)


def test_flat_objects() -> None:
    assert json_text.is_flat({"a": 1, "b": "x", "c": None})
    assert not json_text.is_flat({"a": []}) and not json_text.is_flat({"a": {}})
