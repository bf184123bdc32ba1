"""XML files of one image each: what is refused, and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.errors import DatasetImportError, InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats.image_xml import Problem, parse_root, read_reported, side
from format_files import make


def test_the_root():
    assert [child.tag for child in parse_root(b"<annotation><a/><b/></annotation>", "x", 99)] == [
        "a",
        "b",
    ]
    for data, message in (
        (b"<annotations/>", "x: line 1: <annotations>; expected <annotation>"),
        (b"<annotation>" + b" " * 90, "more than 99 bytes"),
        (b"<annotation>", "whole XML"),
    ):
        with pytest.raises(MalformedFileError, match=message):
            parse_root(data, "x", 99)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), (" 7.0 ", 7), ("", 0), ("<!---->", 0), ("2147483647", 2**31 - 1)],
)
def test_sides(text: str, expected: int):
    root = parse_root(f"<annotation><w>{text}</w></annotation>".encode(), "x", 999)
    assert (side(root, "w", "x"), side(root, "h", "x")) == (expected, 0)


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "wide", "2147483648", "1e99"])
def test_sides_that_are_none(text: str):
    root = parse_root(f"<annotation><w>{text}</w></annotation>".encode(), "x", 999)
    with pytest.raises(InvalidAnnotationInFileError, match=r"x: line 1: <w> .*number of pixels"):
        side(root, "w", "x")


def length(data: bytes, path: str, problem: Problem) -> int:
    if not data:
        raise MalformedFileError(path, "", "nothing", "something")
    return len(data)


def test_files_that_cannot_be_read_are_reported(tmp_path: Path):
    make(tmp_path, {"full": "abc", "empty": "", "folder/x": ""})
    problems: list[DatasetImportError] = []
    found = [
        read_reported(f"{tmp_path}/{name}", 9, length, problems.append)
        for name in ("full", "empty", "none", "folder")
    ]
    assert found == [3, None, None, None]
    assert ["nothing" in str(problems[0]), "no such file" in str(problems[1])] == [True, True]
    assert "cannot be read" in str(problems[2])
    assert read_reported(f"{tmp_path}/none", 9, length, problems.append, missing=-1) == -1
    assert len(problems) == 3
