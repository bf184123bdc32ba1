"""Roboflow's layout of labels of images: ``_classes.csv`` and images in each subset's folder.

A column ``filename``, and one for each label with 0 or 1.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datumaro.errors import InvalidAnnotationError, MalformedFileError, UnsupportedContentError
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import read_file
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.roboflow import subsets
from datumaro.formats.roboflow.beside import add_item, add_unnamed
from datumaro.formats.rows import each_subset
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Chunk, Content

FILE = "_classes.csv"
FILENAME = "filename"

_PATTERN = r"\S([^\n\r\0]*\S)?"
_MAX_BYTES = 1 << 30
_LABEL = int(AnnotationType.label)


class RoboflowMulticlass(Format):
    """Labels of images, in a table for each subset."""

    name = "roboflow_multiclass"
    title = "Roboflow's layout of labels of images"
    holds = Capabilities(
        annotations={AnnotationType.label: Held()},
        label_order=False,
        media_found=True,
        label_pattern=_PATTERN,
    )
    owned = (f"*/{FILE}",)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there is the table in a subset's folder."""
        head = folder.head(subsets.detect_file(folder, FILE), 256)
        if not head.removeprefix(b"\xef\xbb\xbf").lstrip(b' "').startswith(FILENAME.encode()):
            raise Rejected(f"{FILE} does not begin with the column {FILENAME}")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets. Labels are in the order of their names.

        Raises
        ------
        DatasetNotFoundError
            There is no such table.
        MalformedFileError
            It is damaged; the message names the line.
        """

        def chunk_of(folder: Path, labels: AppearingLabels) -> Chunk:
            columns = ChunkColumns()
            file = folder / FILE
            rows = _rows(file)
            _, header = next(rows, (1, list[str]()))
            names = _names(header, file)
            named: list[str] = []
            numbers = [labels.add(name) for name in names]
            for line, row in rows:
                if row:
                    _add(columns, numbers, row, f"{file}: line {line}", context)
                    add_item(columns, folder, row[0], f"line {line} in {file}", options)
                    named.append(row[0])
            add_unnamed(columns, folder, named)
            return columns.finish()

        found = subsets.find_files(path, FILE)
        context.is_part = subsets.is_one_of(path, found)
        return subsets.read(found, chunk_of, context.progress, "Reading labels")

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a table for each subset.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        subsets.check(content)
        images = ImageJobs(folder, options, context)
        files = FileWriter(folder)
        names = content.label_names
        for name in names:
            _check(name, "label")
        parts = content.by_subset()
        for subset, items in each_subset(parts, context.progress, "Writing labels"):
            text = io.StringIO(newline="")
            table = csv.writer(text, lineterminator="\n")
            table.writerow([FILENAME, *names])
            for rows, item in items:
                _check(rows.ids[item], "item")
                flags = ["0"] * len(names)
                for row in range(rows.offsets[item], rows.offsets[item + 1]):
                    label = rows.labels[row]
                    if rows.types[row] == _LABEL and 0 <= label < len(names):
                        flags[label] = "1"
                    elif rows.types[row] == _LABEL:
                        context.lost(UNDECLARED, 1, f"item {rows.ids[item]!r}")
                table.writerow([images.add(rows, item, subset), *flags])
            files.save(f"{subset}/{FILE}", text.getvalue().encode())
        images.save()


def _check(name: str, what: str) -> None:
    if not name or name != name.strip() or "\n" in name or "\r" in name or "\0" in name:
        raise UnsupportedContentError(
            f"{what} {name!r} cannot be written in a table: it is empty, has a line break, or "
            "begins or ends with white space; rename it before export"
        )


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The table's rows with the number of the line where each ends."""
    data = read_file(os.fspath(file), _MAX_BYTES) or b""
    if len(data) > _MAX_BYTES:
        raise MalformedFileError(file, "", f"more than {_MAX_BYTES} bytes", "a smaller table")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedFileError(file, f"line {line}", "not UTF-8", "UTF-8 text") from error
    rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        for row in rows:
            yield rows.line_num, [value.strip() for value in row]
    except csv.Error as error:
        raise MalformedFileError(file, f"line {rows.line_num}", str(error), "a CSV table") from None


def _names(header: list[str], file: Path) -> list[str]:
    if header[:1] != [FILENAME]:
        raise MalformedFileError(file, "line 1", repr(header[:1]), f"the column {FILENAME}")
    names = header[1:]
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    for index, name in enumerate(names):
        if not name or first[name] != index:
            raise MalformedFileError(
                file, f"line 1, column {index + 2}", repr(name), "labels' names, each once"
            )
    return names


def _add(
    columns: ChunkColumns, numbers: list[int], row: list[str], place: str, context: ReadContext
) -> None:
    if len(row) != len(numbers) + 1:
        context.problem(
            InvalidAnnotationError(f"{place}: {len(row)} fields; expected {len(numbers) + 1}")
        )
        return
    count = 0
    for number, flag in zip(numbers, row[1:], strict=True):
        if flag == "1":
            columns.add_label(number, number=count, group=count)
            count += 1
        elif flag != "0":
            context.problem(InvalidAnnotationError(f"{place}: {flag[:40]!r}; expected 0 or 1"))
