"""YAML from strangers."""

import pytest

from datumaro.errors import MalformedFileError
from datumaro.formats.yaml_files import parse_yaml, print_yaml


def test_scalars_are_text_as_written():
    data = b"names: [no, 1, 0x10, ~, '', 2024-01-01]\nnc: 6\nval:\n"
    assert parse_yaml(data, "f") == {
        "names": ["no", "1", "0x10", "~", "", "2024-01-01"], "nc": "6", "val": ""
    }  # fmt: skip


def test_what_is_printed_is_read():
    value = {"names": {0: "no", 1: "猫: a", 2: "1"}, "train": "train.txt"}
    text = print_yaml(value)
    assert "猫" in text
    names = {"0": "no", "1": "猫: a", "2": "1"}
    assert parse_yaml(text.encode(), "f") == {"names": names, "train": "train.txt"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: &x [1]\nb: *x", "line 2: an alias"),
        (b"a: [1\nb: 2", "line 2"),
        (b"\tx: 1", "line 1"),
        (b"a: " + b"[" * 40, "more than 32 levels"),
        (b"a: " + b"[" * 1_000_000, "line 1: exceeded"),
        (b"- a\n- b", "a mapping"),
        (b"", "a mapping"),
        (b"a: \xff", "f"),
        (b"{? [a, b] : c}", "line 1"),
        (b"a: b\n---\nc: d", "line 2"),
    ],
)
def test_damage_is_told(data: bytes, message: str):
    with pytest.raises(MalformedFileError, match=message):
        parse_yaml(data, "f")
