"""Texts with marks in place of their item's id."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import id_patterns

_names = st.text("0123456789ab/ é", max_size=8)
_marks = st.sampled_from(["ID", "SHORT", "\0", "\1"])
_texts = st.lists(st.one_of(_marks, st.text('0139",:é ', max_size=4)), max_size=30)


def parts(texts):
    data = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, data)], dtype=np.int64)
    return ends, np.frombuffer(b"".join(data), np.uint8)


def texts_of(ends, data):
    memory = data.tobytes()
    return [memory[a:b].decode() for a, b in pairwise(ends)]


def encoded(names, texts):
    return texts_of(*id_patterns.encode(*parts(names), *parts(texts)))


def decoded(names, patterns):
    bad, ends, data = id_patterns.decode(*parts(names), *parts(patterns))
    return bad if bad >= 0 else texts_of(ends, data)


@given(st.lists(st.tuples(_names, _texts), max_size=5))
def test_every_byte_comes_back(rows):
    names = [name for name, _ in rows]
    words = [{"ID": name, "SHORT": name.lstrip("0")} for name in names]
    texts = [
        "".join(w.get(p, p) for p in pieces) for w, (_, pieces) in zip(words, rows, strict=True)
    ]
    patterns = encoded(names, texts)
    assert all(len(p) <= len(t) for p, t in zip(patterns, texts, strict=True))
    back = decoded(names, patterns)
    assert [b or t for b, t in zip(back, texts, strict=True)] == texts


@given(st.integers(0, 70), st.integers(0, 40), st.sampled_from(["000139", "139"]))
def test_a_name_is_found_wherever_it_is(before, behind, found):
    mark = "\0" if found == "000139" else "\1"
    text, pattern = ("," * before + part + "," * behind for part in (found, mark))
    assert encoded(["000139"], [text]) == [pattern]
    assert decoded(["000139"], [pattern]) == [text]


@pytest.mark.parametrize(
    ("name", "text", "pattern"),
    [
        ("000139", '{"id":139}', '{"id":\x01}'),
        ("000139", '{"f":"a/000139.jpg"}', '{"f":"a/\0.jpg"}'),
        ("139", '{"id":139}', '{"id":\0}'),
        ("a/b 1", '["a/b 1"]', '["\0"]'),
        ("000139", '{"id":1139,"n":1390,"m":"x139"}', ""),
        ("0007", '{"n":7}', ""),
        ("0000", '{"n":0}', ""),
        ("", "{}", ""),
        ("139", "139 \0", ""),
    ],
)
def test_words_become_marks(name, text, pattern):
    assert encoded([name], [text]) == [pattern]


def test_no_more_marks_than_a_reader_takes():
    most = id_patterns.MOST_MARKS
    (pattern,) = encoded(["name"], ["name," * (most + 3)])
    assert pattern == "\0," * most + "name," * 3
    assert decoded(["name"], [pattern]) == ["name," * (most + 3)]
    assert decoded(["a", "name"], ["", "\0" * (most + 1)]) == 1


def test_what_does_not_fit_is_refused():
    ends, data = parts(["abc", "d"])
    for call in (id_patterns.encode, id_patterns.decode):
        with pytest.raises(ValueError, match="lengths"):
            call(ends, data, ends[:2], data)
        with pytest.raises(ValueError, match="outside"):
            call(ends, data, ends, data[:2])
        with pytest.raises(ValueError, match="rise"):
            call(ends, data, np.array([0, 4, 3]), data)
