"""The boxes in ``label_2/<id>.txt``: to columns and back.

A line is ``label truncated occluded alpha x1 y1 x2 y2 h w l X Y Z rotation_y [score]``, as the
development kit of KITTI's object benchmark has it. Boxes are in pixels; -1 stands for what is not
known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats.base import WriteContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import read_file
from datumaro.formats.paint_plan import PaintPlan
from datumaro.kernels.kitti_lines import LineReader, print_lines
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_BBOX = int(AnnotationType.bbox)
_MAX_BYTES = 1 << 26
_SCORED = 4  # the flag of lines that have a score
_NO_3D = b" -1 -1 -1 -1 -1 -1 -1"
_ATTRIBUTES = [
    json_text.encode({"truncated": bool(flags & 1), "occluded": bool(flags & 2)})
    for flags in range(4)
]


# --- reading ------------------------------------------------------------------------------------


class BoxReader:
    """Reads files of boxes.

    Parameters
    ----------
    label_of : the index of a label's name; None for one that is not declared.
    problem : is told of what is not as it should be.
    """

    def __init__(
        self,
        label_of: Callable[[str], int | None],
        problem: Callable[[DatasetImportError], None],
    ) -> None:
        self._lines, self._problem = LineReader(label_of), problem

    def add_to(self, columns: ChunkColumns, path: str) -> None:
        """Append all boxes of a file; their ids are their numbers in it, from 0 on."""
        self._read(path)
        labels, numbers, flags, boxes, scores, _ = self._lines.take()
        attributes = _attributes(flags, scores)
        corners = boxes.reshape(-1, 4).tolist()
        for row, (number, label) in enumerate(zip(numbers.tolist(), labels.tolist(), strict=True)):
            x1, y1, x2, y2 = corners[row]
            columns.add_box(number, 0, label, (x1, y1, x2, y2), attributes[row])

    def columns(self, paths: Sequence[str]) -> tuple[pa.RecordBatch, Array]:
        """(The boxes of several files as annotations, int64 [files + 1] offsets into them).

        Parameters
        ----------
        paths : "" for an item without a file.
        """
        for path in paths:
            self._read(path)
        labels, numbers, flags, boxes, scores, offsets = self._lines.take()
        n = len(labels)
        points = boxes.round(2).astype(np.float32)
        attributes = pa.array(_attributes(flags, scores), pa.large_binary())
        columns = {
            "type": schema.primitive(np.full(n, _BBOX, np.uint8), pa.uint8()),
            "id": schema.primitive(numbers.astype(np.int64), pa.int64()),
            "label": schema.labels(labels),
            "attributes": attributes.cast(pa.large_string()),
            "points": schema.lists(
                np.arange(0, 4 * n + 1, 4), points, schema.ANNOTATIONS.field("points").type
            ),
        }
        return schema.annotation_batch(n, columns), offsets

    def _read(self, path: str) -> None:
        data = b""
        if path:
            try:
                data = read_file(path, _MAX_BYTES) or b""
            except OSError as error:
                self._problem(MalformedFileError(path, "", error.strerror or str(error), "boxes"))
            if len(data) > _MAX_BYTES:
                self._problem(
                    MalformedFileError(path, "", f"more than {_MAX_BYTES} bytes", "boxes")
                )
                data = b""
        for line, kind, what, text in self._lines.add(data) or ():
            self._problem(_error(path, line, kind, what, text))


def _attributes(flags: Array, scores: Array) -> list[bytes]:
    made: list[bytes] = [_ATTRIBUTES[flag & 3] for flag in flags.tolist()]
    for row in np.flatnonzero(flags & _SCORED).tolist():
        known = json_text.decode(made[row])
        made[row] = json_text.encode({**known, "score": float(scores[row])})
    return made


def _error(path: str, line: int, kind: str, what: str, text: str) -> DatasetImportError:
    place = f"line {line}"
    if kind == "label":
        return UndeclaredLabelInFileError(
            path, place, f"label {what!r}", "one that the data set's labels have"
        )
    found, expected = {
        "range": (f"number {what}", "coordinates in pixels, and a finite score"),
        "encoding": (f"label {what} is not UTF-8", "UTF-8 text"),
    }.get(kind, (f"{what} fields: {text!r}", "a label, and 14 or 15 numbers"))
    return InvalidAnnotationInFileError(path, place, found, expected)


# --- writing ------------------------------------------------------------------------------------


def texts(chunk: Chunk, plan: PaintPlan, context: WriteContext) -> list[bytes]:
    """The text of each item's file. Boxes without a label are passed over."""
    rows = chunk.annotations
    labels = schema.label_values(rows.column("label"))
    chosen = (rows.column("type").to_numpy() == _BBOX) & (labels >= 0)
    classes = np.array([*plan.classes, -1], np.int64)
    classes = classes[np.minimum(np.where(chosen, labels, -1), len(plan.classes))]
    unknown = chosen & (classes < 0)
    _lost(context, chunk, unknown, "boxes whose label the label map has not")
    boxes = np.flatnonzero(chosen & ~unknown)

    offsets, points = schema.list_parts(rows.column("points"))
    corners = points[offsets[boxes][:, None] + np.arange(4)].astype(float).round(2)
    encoded = rows.column("attributes").dictionary_encode()
    middles = [_middle(text) for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy()[boxes]
    worse = np.zeros(len(rows), bool)
    worse[boxes] = np.array([lost for _, _, lost in middles], bool)[codes]
    _lost(context, chunk, worse, "values of truncated and occluded but yes and no")

    pairs, head_of = np.unique(classes[boxes] * len(middles) + codes, return_inverse=True)
    names = [name.encode() for name in plan.labels.names]
    heads: list[bytes] = [
        names[p // len(middles)] + middles[p % len(middles)][0] for p in pairs.tolist()
    ]
    text, ends = print_lines(
        heads,
        head_of.astype(np.int32),
        np.ascontiguousarray(corners).ravel(),
        [_NO_3D + tail + b"\n" for _, tail, _ in middles],
        codes.astype(np.int32),
    )
    bounds = ends[np.searchsorted(boxes, chunk.offsets)].tolist()
    return [text[begin:end] for begin, end in pairwise(bounds)]


def _middle(attributes: str) -> tuple[bytes, bytes, bool]:
    """(what stands between a label and its box, the score behind it, whether something is lost)."""
    known = json_text.decode(attributes)
    lost = False
    values: list[float] = []
    for name in ("truncated", "occluded"):
        value = known.get(name, False)
        usable = isinstance(value, bool | int | float) and abs(value) < 100
        lost = lost or value not in (False, True)
        values.append(float(value) if usable else 0.0)
    score, tail = known.get("score"), b""
    if isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score):
        tail = f" {float(score)!r}".encode()
    elif score is not None:
        lost = True
    return f" {values[0]:.2f} {int(values[1])} -1".encode(), tail, lost


def _lost(context: WriteContext, chunk: Chunk, rows: Array, what: str) -> None:
    if rows.any():
        item = int(np.searchsorted(chunk.offsets, int(np.argmax(rows)), side="right")) - 1
        item_id = chunk.items.column("id")[item].as_py()
        context.lost(what, int(np.count_nonzero(rows)), f"item {item_id!r}")
