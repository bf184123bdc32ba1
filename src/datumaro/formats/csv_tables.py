"""Tables in CSV files, read block by block: millions of rows without an object for each.

pyarrow reads the usual ones. Where it finds something odd (rows of another length, numbers that are
none, line breaks in quotes), Python's `csv` reads on from there, and says what is wrong in which
line.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.table.schema import Array

Problem = Callable[[DatasetImportError], None]

_BLOCK_BYTES = 1 << 24
_BLOCK_ROWS = 1 << 16
_MAX_LINE = 1 << 20


@dataclass(frozen=True)
class Block:
    """Some rows of a table.

    Attributes
    ----------
    line : of the first row, counted from 1.
    text : columns of text, empty where there is none.
    numbers : columns of numbers, float64, NaN where there is none.
    """

    line: int
    text: Mapping[str, pa.Array]
    numbers: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter((*self.text.values(), *self.numbers.values()))))


def read_blocks(
    path: Path,
    text: Sequence[str],
    numbers: Sequence[str],
    problem: Problem,
    *,
    optional: Sequence[str] = (),
    names: Sequence[str] | None = None,
) -> Iterator[Block]:
    """Read some columns of a table whose first line names them.

    Parameters
    ----------
    text, numbers : the columns to read; at least one.
    optional : those of them that need not be there.
    names : the names of the columns of a table whose first line does not name them; it has as many
        of them as that line has cells.
    problem : is told of rows that are left out when it returns.

    Raises
    ------
    MalformedFileError
        It is no such table: no UTF-8, not all columns, or no columns at all.
    """
    header = _header(path)
    if names is not None:
        header = list(names[: len(header)])
    begin = 1 if names is not None else 2
    for name in (*text, *numbers):
        if header.count(name) > 1 or (name not in header and name not in optional):
            found = f"columns {', '.join(header)}"[:200]
            raise MalformedFileError(path, "line 1", found, f"one column {name}")
    done = 0
    for block in _usual_blocks(path, header, text, numbers, begin):
        if block is None:  # something is odd
            yield from _odd_blocks(path, header, text, numbers, problem, done, begin)
            return
        if len(block):
            yield block
        done += len(block)


def _header(path: Path) -> list[str]:
    with _open(path) as file:
        rows = _rows(path, file)
        try:
            _, first = next(rows)
        except StopIteration:
            raise MalformedFileError(path, "", "an empty file", "a table") from None
    return first


# --- usual files ----------------------------------------------------------------------------------


def _usual_blocks(
    path: Path, header: list[str], text: Sequence[str], numbers: Sequence[str], line: int
) -> Iterator[Block | None]:
    """The blocks that pyarrow can read; None where it cannot go on.

    Parameters
    ----------
    line : of the first row of cells, counted from 1.
    """
    from pyarrow import csv as arrow_csv

    odd: list[object] = []

    def handle(row: object) -> str:
        odd.append(row)
        return "skip"

    present = [name for name in (*text, *numbers) if name in header]
    kinds = {name: pa.large_string() for name in text} | {name: pa.float64() for name in numbers}
    try:
        reader = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(
                block_size=_BLOCK_BYTES, column_names=header if line == 1 else None
            ),
            arrow_csv.ParseOptions(invalid_row_handler=handle),
            arrow_csv.ConvertOptions(
                column_types={name: kinds[name] for name in present},
                include_columns=present,
                null_values=[""],
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            if odd:
                yield None
                return
            n = len(batch)
            columns = {name: batch.column(name) for name in present}
            yield Block(
                line,
                {name: columns.get(name, _no_text(n)) for name in text},
                {name: _doubles(columns.get(name), n) for name in numbers},
            )
            line += n
    except pa.ArrowInvalid:
        yield None
        return
    if odd:
        yield None


def _no_text(n: int) -> pa.Array:
    return pa.array([""] * n, pa.large_string())


def _doubles(column: pa.Array | None, n: int) -> Array:
    return np.full(n, np.nan) if column is None else column.to_numpy(zero_copy_only=False)


# --- odd ones -------------------------------------------------------------------------------------


def _open(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(_MAX_LINE)
        except UnicodeDecodeError as error:
            raise MalformedFileError(
                path, f"line {number} or later", "not UTF-8", "UTF-8 text"
            ) from error
        if not line:
            return
        if len(line) == _MAX_LINE:
            raise MalformedFileError(path, f"line {number}", f"more than {_MAX_LINE} characters",
                                     "a row of a table")  # fmt: skip
        yield line


def _rows(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """(The line where it ends, cells) of each row that is not empty."""
    reader = csv.reader(_lines(path, file))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise MalformedFileError(
                path, f"line {reader.line_num}", str(error), "a row of a table"
            ) from error
        if row:
            yield reader.line_num, row


def _odd_blocks(
    path: Path,
    header: list[str],
    text: Sequence[str],
    numbers: Sequence[str],
    problem: Problem,
    done: int,
    begin: int,
) -> Iterator[Block]:
    """The blocks behind the first ``done`` rows; cells that a row lacks are empty."""
    place = {name: header.index(name) for name in (*text, *numbers) if name in header}
    texts: dict[str, list[str]] = {name: [] for name in text}
    values: dict[str, list[float]] = {name: [] for name in numbers}
    first = count = 0
    with _open(path) as file:
        rows = _rows(path, file)
        if begin > 1:
            next(rows)
        for index, (line, row) in enumerate(rows):
            if index < done:
                continue
            cells = {name: row[at] if at < len(row) else "" for name, at in place.items()}
            found = _numbers(path, line, cells, numbers, problem)
            if found is None:
                continue
            first = first or line
            for name, column in texts.items():
                column.append(cells.get(name, ""))
            for column, value in zip(values.values(), found, strict=True):
                column.append(value)
            count += 1
            if count == _BLOCK_ROWS:
                yield _block(first, texts, values)
                for column in (*texts.values(), *values.values()):
                    column.clear()
                first = count = 0
    if count:
        yield _block(first, texts, values)


def _numbers(
    path: Path, line: int, cells: dict[str, str], numbers: Sequence[str], problem: Problem
) -> list[float] | None:
    found: list[float] = []
    for name in numbers:
        cell = cells.get(name, "").strip()
        try:
            found.append(float(cell) if cell else math.nan)
        except ValueError:
            problem(MalformedFileError(path, f"line {line}", f"{name} {cell[:40]!r}", "a number"))
            return None
    return found


def _block(line: int, texts: dict[str, list[str]], values: dict[str, list[float]]) -> Block:
    return Block(
        line,
        {name: pa.array(column, pa.large_string()) for name, column in texts.items()},
        {name: np.array(column, np.float64) for name, column in values.items()},
    )
