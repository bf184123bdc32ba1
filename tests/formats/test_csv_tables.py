"""Tables in CSV files: usual ones by pyarrow, odd ones by Python's csv."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats import csv_tables
from datumaro.formats.csv_tables import read_blocks


def table(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def fail(error: DatasetImportError) -> None:
    raise error


def rows(path: Path, problem: Any = fail, **options: Any) -> list[tuple[int, str, float]]:
    """(Line, a, n) of each row."""
    found: list[tuple[int, str, float]] = []
    for block in read_blocks(path, ["a"], ["n"], problem, **options):
        assert len(block) == len(block.text["a"]) == len(block.numbers["n"])
        pairs = zip(block.text["a"].to_pylist(), block.numbers["n"].tolist(), strict=True)
        found += [(block.line + i, a, n) for i, (a, n) in enumerate(pairs)]
    return found


def test_a_usual_table(tmp_path: Path):
    path = table(tmp_path, 'n,other,a\n1,x,cat\n-2.5e-1,,"a, b"\n,,\n')
    (one, two, three) = rows(path)
    assert (one, two) == ((2, "cat", 1.0), (3, "a, b", -0.25))
    assert three[:2] == (4, "") and math.isnan(three[2])


def test_columns_that_need_not_be_there(tmp_path: Path):
    path = table(tmp_path, "a\ncat\n")
    assert math.isnan(rows(path, optional=["n"])[0][2])
    with pytest.raises(MalformedFileError, match="line 1: columns a; expected one column n"):
        rows(path)
    with pytest.raises(MalformedFileError, match="columns a, n, a"):
        rows(table(tmp_path, "a,n,a\nx,1,y\n"))


def test_rows_of_other_lengths(tmp_path: Path):
    path = table(tmp_path, "a,n,x\ncat,1,2\ndog\ncow,3,4,5,6\n")
    found = rows(path)
    assert [row[:2] for row in found] == [(2, "cat"), (3, "dog"), (4, "cow")]
    assert math.isnan(found[1][2]) and found[2][2] == 3


def test_odd_rows_behind_many_usual_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(csv_tables, "_BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr(csv_tables, "_BLOCK_ROWS", 7)
    lines = [f"name{n},{n}" for n in range(1000)]
    lines[700] += ",more"
    found = rows(table(tmp_path, "\n".join(["a,n", *lines])))
    assert found == [(n + 2, f"name{n}", n) for n in range(1000)]


def test_line_breaks_in_quotes(tmp_path: Path):
    path = table(tmp_path, 'a,n\n"one\ntwo",1\nthree,2\n')
    assert [row[1:] for row in rows(path)] == [("one\ntwo", 1), ("three", 2)]


def test_numbers_that_are_none(tmp_path: Path):
    path = table(tmp_path, "a,n\ncat,1\ndog,x1\ncow, 3 \n")
    with pytest.raises(MalformedFileError, match=r"table\.csv: line 3: n 'x1'; expected a number"):
        rows(path)
    problems: list[DatasetImportError] = []
    assert [row[1:] for row in rows(path, problems.append)] == [("cat", 1), ("cow", 3)]
    assert len(problems) == 1


@pytest.mark.parametrize(
    "text, says",
    [
        (b"", "an empty file"),
        (b"a,n\n\xff\xfe,1\n", "not UTF-8"),
        (b"\x00\x01\x02", "columns|NUL"),
        (b'a,n\n"' + b"x" * (1 << 21), "characters|field"),
        (b"a,n\n" + b"x" * (1 << 21) + b",1,2\n", "more than 1048576 characters|field"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, text: bytes, says: str):
    with pytest.raises(MalformedFileError, match=says):
        rows(table(tmp_path, text))


def test_a_byte_order_mark(tmp_path: Path):
    assert rows(table(tmp_path, b"\xef\xbb\xbfa,n\ncat,1\n")) == [(2, "cat", 1.0)]
    assert rows(table(tmp_path, b"\xef\xbb\xbfa,n\ncat,1\nx,2,3\n"))[0] == (2, "cat", 1.0)


def test_a_header_alone(tmp_path: Path):
    assert rows(table(tmp_path, "a,n\n")) == []


cells = st.text(st.characters(codec="utf-8", exclude_characters='\r\n\0"'), max_size=8)


@given(st.lists(st.tuples(cells, st.floats(allow_nan=False)), max_size=5))
def test_both_ways_read_the_same(tmp_path_factory: pytest.TempPathFactory, made: Any):
    folder = tmp_path_factory.mktemp("csv")
    lines = [f'"{a}",{n!r}' for a, n in made]
    usual = rows(table(folder, "\n".join(["a,n", *lines, ""])))
    odd = rows(table(folder, "\n".join(["a,n", "x,0,odd", *lines, ""])))
    assert [row[1:] for row in odd[1:]] == [row[1:] for row in usual] == made


def test_a_table_whose_first_line_names_nothing(tmp_path: Path):
    """It has as many of the given columns as that line has cells."""
    names = ["n", "a", "more"]
    assert rows(table(tmp_path, "1,cat\n2, dog\n"), names=names) == [(1, "cat", 1), (2, " dog", 2)]
    assert rows(table(tmp_path, "1,cat\n2\n3,x,y\n"), names=names) == [
        (1, "cat", 1),
        (2, "", 2),
        (3, "x", 3),
    ]
    with pytest.raises(MalformedFileError, match=r"line 1.*expected one column a"):
        rows(table(tmp_path, "1\n"), names=names)
