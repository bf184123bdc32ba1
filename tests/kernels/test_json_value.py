"""Keys of JSON objects in a column."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.json_value import other_keys

NAMES = ("a", "ключ", "")
VALUES = st.sampled_from([None, 1.5, "}", "a\\", [], [{"b": 1}], {"b": {"c": 2}}])
KEYS = st.sampled_from([*NAMES, "b", "aa", '"', "\n"])


def found(*texts: str | bytes) -> list[int]:
    data = [text.encode() if isinstance(text, str) else text for text in texts]
    ends = np.cumsum([0, *map(len, data)]).astype(np.int64)
    return other_keys(ends, np.frombuffer(b"".join(data), np.uint8), NAMES).tolist()


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
def test_objects_with_another_key_are_found(objects: list[dict[str, object]]):
    texts = [json.dumps(value, ensure_ascii=False) for value in objects]
    others = [not value.keys() <= set(NAMES) for value in objects]
    # keys with escapes are always told, to be looked at closer
    assert all(a >= b for a, b in zip(found(*texts), others, strict=True))
    plain = ["\\" in text for text in texts]
    assert all(a == b for a, b, odd in zip(found(*texts), others, plain, strict=True) if not odd)


def test_what_is_no_object():
    assert found("", "{}", '{"a":1}', '{"b":1}') == [0, 0, 0, 1]
    assert found("[]", '{"a":}', '{"a":1', "nothing", b'{"a":"\xff"}', '{"\\u0061":1}') == [1] * 6


@pytest.mark.parametrize("ends", [[0, 9], [1, 0], [-1, 1], []])
def test_offsets_that_do_not_fit(ends: list[int]):
    with pytest.raises(ValueError, match="fit"):
        other_keys(np.array(ends, np.int64), np.zeros(3, np.uint8), NAMES)
