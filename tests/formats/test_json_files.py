"""JSON files that are decoded as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from datumaro.errors import MalformedFileError
from datumaro.formats import json_files


class Colors(msgspec.Struct):
    colors: list[int]


def read(tmp_path: Path, text: bytes, kind: Any = Colors) -> Any:
    path = tmp_path / "a.json"
    path.write_bytes(text)
    return json_files.decode(json_files.content(path, 100), kind, path)


def test_a_file_is_decoded_with_its_types(tmp_path: Path):
    assert read(tmp_path, b'{"colors": [1, 2], "more": null}') == Colors([1, 2])
    assert read(tmp_path, b"[true]", list[bool]) == [True]


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path):
    assert read(tmp_path, b'\xef\xbb\xbf{"colors": []}') == Colors([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"colors": [1, "x"]}', r'a\.json: \$\.colors\[1\]: "x"; expected an integer'),
        (b'\xef\xbb\xbf{"colors": {}}', r"a\.json: \$\.colors: {}; expected an array"),
        (b"{}", r"a\.json: \$: no key 'colors'; expected an object with"),
        (b'{"colors": [1', r"a\.json: \$: not JSON: .*; expected a JSON object"),
        (b"", "not JSON"),
        (b'{"x": ' + b"[" * 90, "not JSON"),
        (b" " * 101, r"a\.json: more than 100 bytes; expected a smaller file"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: bytes, message: str):
    with pytest.raises(MalformedFileError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'["\xff"]'])
def test_what_no_decoder_takes_is_told(text: bytes):
    with pytest.raises(MalformedFileError, match="not JSON"):
        json_files.decode(text, list[Any], "a.json")


def test_no_such_file(tmp_path: Path):
    with pytest.raises(MalformedFileError, match=r"b\.json: no such file"):
        json_files.content(tmp_path / "b.json", 100)


def test_a_part_of_a_file_is_named_by_its_place():
    part = msgspec.Raw(b'{"colors": [null]}')
    with pytest.raises(MalformedFileError, match=r"a: \$\.x\[3\]\.colors\[0\]: null"):
        json_files.decode(part, Colors, "a", "$.x[3]")
