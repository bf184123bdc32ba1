"""ICDAR, text localization: boxes and polygons around words, a file for each image.

``<subset>/gt_<id>.txt`` has lines ``x1 y1 x2 y2 "text"`` or ``x1,y1,x2,y2,x3,y3,x4,y4,text``, in
pixels; images lie in ``<subset>/images``. Definition: https://rrc.cvc.uab.es/?ch=4&com=tasks
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
)
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import read_text
from datumaro.formats.icdar import files
from datumaro.formats.icdar.files import Images, Subset
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

_EXPECTED = "no gt_<id>.txt"
_BATCH = 1024  # files that are written at a time
_CHUNK_ITEMS = 8192
_MOST = 1e9  # pixels
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_BBOX, _POLYGON = int(AnnotationType.bbox), int(AnnotationType.polygon)
_HELD = Held(label="none", names={"text": (None, "RED", 'a "b", c\\')})


class IcdarTextLocalization(Format):
    """Boxes and polygons, with their text."""

    name = "icdar_text_localization"
    title = "ICDAR, text localization: boxes and polygons around words"
    owned = ("*/gt_*.txt", "*/**/gt_*.txt")
    holds = Capabilities(
        annotations={AnnotationType.bbox: _HELD, AnnotationType.polygon: _HELD},
        labels="none",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there are files of boxes in the folder or one in it."""
        files.detect(folder, _is_annotation, _EXPECTED)
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets.

        Raises
        ------
        DatasetNotFoundError
            There is no file of boxes.
        DatasetImportError
            A file is damaged; the message names it and the line.
        """

        def add(columns: ChunkColumns, subset: Subset, name: str) -> str:
            _read(columns, f"{subset.folder}/{name}", context)
            folder, slash, file = name.rpartition("/")
            return folder + slash + file[3:-4]

        found = files.find(path, _is_annotation, _EXPECTED)
        return files.read(found, add, _CHUNK_ITEMS, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file for each item.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        images = Images(content, folder, options, context)
        writer = FileWriter(folder)
        names: list[str] = []
        texts: list[bytes] = []
        for rows, item in each_item(content, context.progress, "Writing ICDAR"):
            images.add_beside_files(rows, item)
            name, slash, last = rows.ids[item].rpartition("/")
            names.append(f"{rows.subsets[item]}/{name}{slash}gt_{last}.txt")
            texts.append(_text(rows, item, context).encode())
            if len(texts) == _BATCH:
                writer.save_all(names, texts)
                names, texts = [], []
        writer.save_all(names, texts)
        images.save()


def _is_annotation(name: str) -> bool:
    name = name.rpartition("/")[2]
    return name.startswith("gt_") and name.endswith(".txt")


# --- reading --------------------------------------------------------------------------------------


def _read(columns: ChunkColumns, path: str, context: ReadContext) -> None:
    """Append the annotations of a file."""
    try:
        lines = read_text(path).split("\n")
    except DatasetImportError as error:
        context.problem(error)
        return
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            points, text = _parsed(line)
        except ValueError as error:
            context.problem(
                InvalidAnnotationInFileError(
                    path, f"line {number}", f"{line[:60]!r} ({error})",
                    "4 or 8 numbers of pixels, and a text",
                )
            )  # fmt: skip
            continue
        attributes = b"" if text is None else json_text.encode({"text": text})
        kind = AnnotationType.bbox if len(points) == 4 else AnnotationType.polygon
        columns.add_shape(kind, points, schema.NO_LABEL, attributes)


def _parsed(line: str) -> tuple[list[float], str | None]:
    """The coordinates and the text of a line.

    Raises
    ------
    ValueError
        They are not those of a box or a polygon.
    """
    before, quote, rest = line.partition('"')
    comma = "," in before
    text: str | None = None
    if quote:
        rest = rest.rstrip()
        if not rest.endswith('"'):
            raise ValueError("a quote is not closed")
        text = files.unescaped(rest[:-1])
        words = before.replace(",", " ").split()
        n = len(words)
    else:
        words = [word.strip() for word in line.split(",")] if comma else line.split()
        n = next((i for i, word in enumerate(words) if not _NUMBER.fullmatch(word)), len(words))
        # a number may be the text, too
        n = {5: 4, 9: 8}.get(n, n) if n == len(words) else 8 if n >= 8 else 4
        if n < len(words):
            parts = line.split(",", n) if comma else line.split(None, n)
            text = parts[n].strip() if len(parts) > n else None
    if n < 4 or n == 5 or n % 2:
        raise ValueError(f"{n} numbers")
    points = [float(word) for word in words[:n]]
    if not sum(map(abs, points)) < _MOST:
        raise ValueError("no pixels")
    return points, text or (text if quote else None)


# --- writing --------------------------------------------------------------------------------------


def _text(rows: ChunkRows, item: int, context: WriteContext) -> str:
    """An item's lines."""
    made: list[str] = []
    for row in range(rows.offsets[item], rows.offsets[item + 1]):
        kind = rows.types[row]
        if kind not in (_BBOX, _POLYGON):
            continue
        separator = " " if kind == _BBOX else ","
        line = separator.join(rows.short_points(row))
        attributes = rows.ann_attributes[row]
        text = json_text.decode(attributes).get("text") if attributes else None
        if isinstance(text, str) and "\n" not in text and "\r" not in text:
            line += separator + files.quoted(text)
        elif text is not None:
            what = "texts that are no line"
            context.lost(what, 1, f"item {rows.ids[item]!r}")
        made.append(line + "\n")
    return "".join(made)
