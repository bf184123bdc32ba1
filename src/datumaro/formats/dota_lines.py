"""The lines of DOTA's label files: to columns and back.

``x1 y1 x2 y2 x3 y3 x4 y4 label difficulty``, the corners in order, in pixels. Before them there may
be a line ``imagesource:…`` and one ``gsd:…``, the ground sample distance in metres a pixel.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import WriteContext
from datumaro.formats.files import read_file
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rotated_boxes import boxes_of, corners_of
from datumaro.formats.rows import ChunkRows
from datumaro.kernels.yolo_lines import print_lines
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

log = logging.getLogger("datumaro")

FORM = "x1 y1 x2 y2 x3 y3 x4 y4 label difficulty"
SOURCE, DISTANCE = "imagesource", "gsd"

_FIELDS = 10
_NUMBERS = 8
_MAX_BYTES = 1 << 26
_MAX_PIXELS = 1e9
_MAX_DIFFICULTY = 10**9
_DIFFICULTIES = {str(number): number for number in range(10)}
_SLACK = 1.0  # pixels by which a corner may be off and still be a rectangle's
_ROTATED = int(AnnotationType.rotated_bbox)
_POLYGON = int(AnnotationType.polygon)


def looks_like(head: bytes) -> bool:
    """Whether the first bytes of a file are of such lines."""
    for line in head.decode("utf-8", "replace").lstrip("\ufeff").splitlines():
        if line.strip() and not _is_header(line):
            fields = line.split()
            return len(fields) >= _NUMBERS and all(map(_is_number, fields[:_NUMBERS]))
    return True


def _is_header(line: str) -> bool:
    return line.partition(":")[0].strip().lower() in (SOURCE, DISTANCE) and ":" in line


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


# --- reading ------------------------------------------------------------------------------------


@dataclass
class _Boxes:
    """The boxes of some files.

    Attributes
    ----------
    numbers : eight of each box, as text.
    ends : of each file's boxes, behind a 0.
    attributes : of each file's item.
    """

    numbers: list[str] = field(default_factory=list[str])
    labels: list[int] = field(default_factory=list[int])
    difficulties: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=lambda: [0])
    attributes: list[bytes] = field(default_factory=list[bytes])

    def corners(self) -> Array:
        """Float64 [boxes, 4, 2]; ValueError where a number is none."""
        return np.array(self.numbers, dtype=np.float64).reshape(-1, 4, 2)


class LineReader:
    """Reads label files.

    Parameters
    ----------
    labels : where names get their indices.
    polygons : whether corners become polygons, and not rotated boxes.
    problem : is told of lines that are left out.
    """

    def __init__(
        self,
        labels: AppearingLabels,
        polygons: bool,
        problem: Callable[[DatasetImportError], None],
    ) -> None:
        self._labels, self._polygons, self._problem = labels, polygons, problem
        self._bent = 0
        self._found: list[DatasetImportError] = []  # in the files that are read
        self._known: dict[str, int] = {}  # labels that right lines have

    def chunk(self, subset: str, files: list[tuple[str, str, str]]) -> Chunk:
        """Some items of a subset: (id, file of lines, image) of each."""
        texts = [self._text(path) if path else "" for _, path, _ in files]
        read = self._read_all(files, texts, quick=True)
        try:
            wrong = not (np.abs(read.corners()) < _MAX_PIXELS).all()
        except ValueError:
            wrong = True
        if wrong:  # a number is none, and each line is looked at
            self._found.clear()
            read = self._read_all(files, texts, quick=False)
        for error in self._found:
            self._problem(error)
        self._found.clear()
        return Chunk(
            _items(subset, files, read.attributes),
            self._annotations(read.corners(), read.labels, read.difficulties),
            np.array(read.ends, np.int64),
        )

    def warn(self) -> None:
        """Say how many corners became those of a rectangle."""
        if self._bent:
            log.warning(
                "%d objects have corners that are no rectangle's: they became rotated boxes about "
                "as large; shape=polygon keeps their corners",
                self._bent,
            )

    def _read_all(
        self, files: list[tuple[str, str, str]], texts: list[str], *, quick: bool
    ) -> _Boxes:
        """Read some files; if ``quick``, the numbers of usual lines are not looked at."""
        boxes = _Boxes()
        for (_, path, _), text in zip(files, texts, strict=True):
            header = self._read_usual(text, boxes) if quick else None
            if header is None:
                header = self._read(path, text, boxes)
            boxes.attributes.append(json_text.encode(header))
            boxes.ends.append(len(boxes.labels))
        return boxes

    def _read_usual(self, text: str, boxes: _Boxes) -> dict[str, object] | None:
        """Append a file's boxes as `_read` does; None, and nothing, where a line is not usual."""
        known = self._known
        header: dict[str, object] = {}
        before = len(boxes.labels)
        numbers: list[str] = []
        for line in text.split("\n"):
            fields = line.split()
            if len(fields) == _FIELDS:
                label, difficulty = known.get(fields[8]), _DIFFICULTIES.get(fields[9])
                if label is not None and difficulty is not None:
                    numbers += fields[:_NUMBERS]
                    boxes.labels.append(label)
                    boxes.difficulties.append(difficulty)
                    continue
            elif not fields:
                continue
            elif _is_header(line):
                header |= _header(line)
                continue
            del boxes.labels[before:], boxes.difficulties[before:]
            return None
        boxes.numbers += numbers
        return header

    def _read(self, path: str, text: str, boxes: _Boxes) -> dict[str, object]:
        """Append a file's boxes; returns the attributes of its item."""
        header: dict[str, object] = {}
        for number, line in enumerate(text.split("\n"), 1):
            fields = line.split()
            if not fields:
                continue
            if len(fields) < _FIELDS and _is_header(line):
                header |= _header(line)
                continue
            error = _wrong(fields, path, number)
            name = " ".join(fields[_NUMBERS:-1])
            label = None if error else self._labels.find(name)
            if label is not None:
                self._known[name] = label
                boxes.numbers += fields[:_NUMBERS]
                boxes.labels.append(label)
                boxes.difficulties.append(int(fields[-1]))
                continue
            self._found.append(
                error
                or UndeclaredLabelInFileError(
                    path, f"line {number}", f"label {name!r}", "one of dataset_meta.json"
                )
            )
        return header

    def _text(self, path: str) -> str:
        try:
            data = read_file(path, _MAX_BYTES) or b""
            if len(data) > _MAX_BYTES:
                raise MalformedFileError(path, "", f"more than {_MAX_BYTES} bytes", "boxes")
            return data.decode("utf-8-sig")
        except OSError as error:
            self._problem(MalformedFileError(path, "", error.strerror or str(error), "boxes"))
        except UnicodeDecodeError as error:
            place = f"byte {error.start}"
            self._problem(MalformedFileError(path, place, "not UTF-8", "UTF-8 text"))
        except MalformedFileError as error:
            self._problem(error)
        return ""

    def _annotations(
        self, corners: Array, labels: list[int], difficulties: list[int]
    ) -> pa.RecordBatch:
        n = len(labels)
        points, size = corners.reshape(n, _NUMBERS), _NUMBERS
        if not self._polygons:
            points, size = boxes_of(corners), 5
            off = np.abs(corners_of(points) - corners).max((1, 2), initial=0)
            self._bent += int(np.count_nonzero(off > _SLACK))
        texts = {d: b'{"difficulty":%d}' % d for d in set(difficulties)}
        kind = _POLYGON if self._polygons else _ROTATED
        return schema.annotation_batch(
            n,
            {
                "type": schema.primitive(np.full(n, kind, np.uint8), pa.uint8()),
                "label": schema.labels(np.array(labels, np.int32)),
                "attributes": pa.array([texts[d] for d in difficulties], pa.large_binary()).cast(
                    pa.large_string()
                ),
                "points": schema.lists(
                    np.arange(0, size * n + 1, size),
                    (points.round(2) + 0.0).astype(np.float32).ravel(),
                    schema.ANNOTATIONS.field("points").type,
                ),
            },
        )


def _header(line: str) -> dict[str, object]:
    """The attribute that a line before the boxes states."""
    key, _, value = (part.strip() for part in line.partition(":"))
    if key.lower() == SOURCE:
        return {SOURCE: value} if value else {}
    return {DISTANCE: float(value)} if _is_number(value) else {}


def _wrong(fields: list[str], path: str, line: int) -> DatasetImportError | None:
    place = f"line {line}"
    if len(fields) < _FIELDS:
        found = f"{len(fields)} fields: {' '.join(fields)[:60]!r}"
        return InvalidAnnotationInFileError(path, place, found, FORM)
    try:
        values = [float(field) for field in fields[:_NUMBERS]]
    except ValueError:
        values = [math.nan]
    if not all(abs(value) < _MAX_PIXELS for value in values):
        found = repr(" ".join(fields[:_NUMBERS])[:80])
        return InvalidAnnotationInFileError(path, place, found, "eight numbers of pixels")
    last = fields[-1]
    if not (last.isascii() and last.isdecimal() and len(last) < 10):
        return InvalidAnnotationInFileError(
            path, place, f"difficulty {last[:40]!r}", "a whole number, such as 0 or 1"
        )
    return None


def _items(
    subset: str, files: list[tuple[str, str, str]], attributes: list[bytes]
) -> pa.RecordBatch:
    text, n = pa.large_string(), len(files)
    images = [image for _, _, image in files]
    kinds = [MediaType.IMAGE if image else MediaType.NONE for image in images]
    return schema.item_batch(
        n,
        {
            "id": pa.array([item_id for item_id, _, _ in files], text),
            "subset": schema.constant_dictionary(subset, n),
            "attributes": pa.array(attributes, pa.large_binary()).cast(text),
            "media_type": schema.primitive(np.array(kinds, np.uint8), pa.uint8()),
            "path": pa.array(images, text),
        },
    )


# --- writing ------------------------------------------------------------------------------------


def texts(chunk: Chunk, rows: ChunkRows, names: list[str], context: WriteContext) -> list[str]:
    """The text of each item's file. Annotations without a label are passed over."""
    of_row = _corner_texts(chunk)
    difficulties: dict[str, int] = {}
    made: list[str] = []
    for item, item_id in enumerate(rows.ids):
        place = f"item {item_id!r}"
        lines = [_header_text(rows.attributes[item], place, context)]
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            kind, label = rows.types[row], rows.labels[row]
            if kind not in (_ROTATED, _POLYGON) or label == schema.NO_LABEL:
                continue
            if not 0 <= label < len(names):
                context.lost(UNDECLARED, 1, place)
                continue
            corners = of_row.get(row)
            if corners is None:
                context.lost("polygons of more or fewer than four corners", 1, place)
                continue
            attributes = rows.ann_attributes[row]
            difficulty = difficulties.get(attributes)
            if difficulty is None:
                difficulty, loss = _difficulty(attributes)
                if loss:
                    context.lost(loss, 1, place)
                else:  # each that is lost is counted
                    difficulties[attributes] = difficulty
            lines.append(f"{corners} {names[label]} {difficulty}\n")
        made.append("".join(lines))
    return made


_EIGHT = " ".join(["%.4f"] * _NUMBERS)
_FAR = 1e6  # pixels: to there the kernel prints what this would


def _corner_texts(chunk: Chunk) -> dict[int, str]:
    """{row: the corners as a line has them} of the rotated boxes, and of polygons of four."""
    offsets, points = schema.list_parts(chunk.annotations.column("points"))
    types = chunk.annotations.column("type").to_numpy()
    rotated = np.flatnonzero(types == _ROTATED)
    boxes = points[offsets[rotated][:, None] + np.arange(5)].astype(np.float64).round(2)
    polygons = np.flatnonzero((types == _POLYGON) & (np.diff(offsets) == _NUMBERS))
    given = points[offsets[polygons][:, None] + np.arange(_NUMBERS)].astype(np.float64).round(2)
    rows = np.concatenate([rotated, polygons])
    corners = np.concatenate([corners_of(boxes).reshape(-1, _NUMBERS), given])
    near = (np.abs(corners) < _FAR).all(1)
    n = int(np.count_nonzero(near))
    text, _ = print_lines(
        np.zeros(n, np.int32),
        np.ascontiguousarray(corners[near]).reshape(-1),
        np.arange(n + 1) * _NUMBERS,
        np.full(n, 4, np.uint8),
    )
    # (a line begins with a class, 0)
    lines = [line[2:] for line in text.decode().splitlines()]
    texts = dict(zip(rows[near].tolist(), lines, strict=True))
    for row, numbers in zip(rows[~near].tolist(), corners[~near].tolist(), strict=True):
        texts[row] = _EIGHT % tuple(numbers)
    return texts


def _difficulty(attributes: str) -> tuple[int, str]:
    """(an annotation's difficulty, what is lost of it)."""
    value = json_text.decode(attributes).get("difficulty", 0)
    if isinstance(value, int) and 0 <= value < _MAX_DIFFICULTY:
        what = "difficulties that are yes or no: they become 1 or 0"
        return int(value), what if isinstance(value, bool) else ""
    return 0, "difficulties that are no whole numbers from 0 on"


def _header_text(attributes: str, place: str, context: WriteContext) -> str:
    """The lines before the boxes."""
    if not attributes:
        return ""
    known = json_text.decode(attributes)
    text = ""
    for name in (SOURCE, DISTANCE):
        value = known.get(name)
        if value is None:
            continue
        line = f"{name}:{value}"
        if (
            _header(line) != {name: value}
            or len(line.splitlines()) > 1
            or (len(line.split()) >= _FIELDS or isinstance(value, bool))
        ):
            context.lost(
                f"{name}, where it is no {'text' if name == SOURCE else 'number'}", 1, place
            )
        else:
            text += f"{line}\n"
    return text
