"""Reading the label files of a YOLO data set into columns."""

from __future__ import annotations

import logging
import os
from enum import Enum

import numpy as np
import pyarrow as pa

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationError,
    MalformedFileError,
    UndeclaredLabelError,
)
from datumaro.formats import dataset_meta
from datumaro.formats.base import ReadContext
from datumaro.formats.files import read_file
from datumaro.formats.yolo import shapes
from datumaro.formats.yolo.layout import Entry, Layout
from datumaro.formats.yolo.shapes import Lines
from datumaro.kernels.yolo_lines import LineReader
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories, PointsCategories, label_names
from datumaro.model.media import MediaType, probe_size
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

log = logging.getLogger("datumaro")

_CHUNK_ITEMS = 16384
_MAX_BYTES = 1 << 26
_REPORT_EVERY = 512


class Shape(Enum):
    """What a line of a label file is."""

    BOX_OR_POLYGON = "class x y width height of a box, or class x y x y x y … of a polygon"
    ROTATED_BOX = "class x1 y1 x2 y2 x3 y3 x4 y4"
    POSE = "class x y width height, and the key points"


def read(layout: Layout, shape: Shape, context: ReadContext) -> Content:
    """Read all label files.

    Raises
    ------
    MalformedFileError, InvalidAnnotationError, UndeclaredLabelError
        A line is wrong; the message names file and line. Through `ReadContext.problem`.
    """
    return _Reader(layout, shape, context).content()


class _Reader:
    def __init__(self, layout: Layout, shape: Shape, context: ReadContext) -> None:
        self.layout, self.shape, self.context = layout, shape, context
        self.pose = layout.pose if shape is Shape.POSE else None
        labels = LabelCategories.from_iterable(layout.names)
        categories: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        if self.pose is not None and self.pose.names:
            categories[AnnotationType.points] = PointsCategories(items=self.pose.names)
        self.categories = dataset_meta.overridden(categories, layout.root, context)
        self.n_labels = len(label_names(self.categories))
        self.fields = {
            Shape.BOX_OR_POLYGON: 0,
            Shape.ROTATED_BOX: shapes.CORNER_VALUES,
            Shape.POSE: shapes.BOX_VALUES + self.pose.count * self.pose.dims if self.pose else 0,
        }[shape]

    def content(self) -> Content:
        """All items."""
        subsets = self.layout.subsets
        progress = self.context.progress
        progress.start(sum(map(len, subsets.values())), desc="Reading YOLO")
        chunks: list[Chunk] = []
        done = 0
        for subset, entries in subsets.items():
            for begin in range(0, len(entries), _CHUNK_ITEMS):
                chunks.append(self.chunk(subset, entries[begin : begin + _CHUNK_ITEMS], done))
                done += len(chunks[-1])
        progress.finish()
        if chunks and not any(len(chunk.annotations) for chunk in chunks):
            log.warning("%s: no label file has a line: there are no annotations", self.layout.root)
        content = Content(chunks, self.categories)
        if self.pose is not None and self.pose.flip:
            content.infos["yolo"] = {"flip_idx": list(self.pose.flip)}
        return content

    def chunk(self, subset: str, entries: list[Entry], done: int) -> Chunk:
        """Some items of a subset."""
        n = len(entries)
        reader = LineReader(self.n_labels, self.fields)
        heights, widths = np.zeros(n, np.int32), np.zeros(n, np.int32)
        for index, entry in enumerate(entries):
            try:
                data = read_file(entry.labels, _MAX_BYTES) or b""
            except OSError as error:
                found = error.strerror or str(error)
                self.problem(MalformedFileError(entry.labels, "", found, "a file that can be read"))
                data = b""
            size = self.size(subset, entry, needed=bool(data) and not data.isspace())
            if size is None:
                data = b""
            else:
                heights[index], widths[index] = size
            if len(data) > _MAX_BYTES:
                found = f"more than {_MAX_BYTES} bytes"
                self.problem(MalformedFileError(entry.labels, "", found, "a smaller file"))
                data = b""
            problems = reader.add(data)
            if problems is not None:
                for wrong in problems:
                    self.problem(self.error(entry.labels, *wrong))
            if index % _REPORT_EVERY == 0:
                self.context.progress.report_status(done + index)
        *columns, files = reader.take()
        lines = Lines(*columns)
        counts = np.diff(files)
        of_line = np.repeat(widths, counts), np.repeat(heights, counts)
        offsets = files
        if self.shape is Shape.ROTATED_BOX:
            annotations = shapes.rotated_boxes(lines, *of_line)
        elif self.pose is not None:
            annotations, made = shapes.poses(lines, *of_line, self.pose)
            offsets = np.concatenate([[0], np.cumsum(made)])[files]
        else:
            annotations = shapes.boxes_and_polygons(lines, *of_line)
        return Chunk(_items(subset, entries, heights, widths), annotations, offsets)

    def size(self, subset: str, entry: Entry, *, needed: bool) -> tuple[int, int] | None:
        """An image's height and width; zeros when they are not needed and not stated.

        None when they are needed and not known (and that is reported).
        """
        sizes = self.layout.sizes
        if sizes:
            stated = sizes.get(f"{subset}/{entry.item_id}") or sizes.get(entry.item_id)
            if stated is not None:
                return stated
        if not needed:
            return 0, 0
        found = probe_size(entry.image) if entry.image else None
        if found is None:
            what = (
                f"{entry.image!r} is no image that is there" if entry.image else "it has no image"
            )
            self.problem(
                InvalidAnnotationError(
                    f"{entry.labels}: the size of the image is not known, and the file holds "
                    f"shares of it: {what}, and images.meta does not state the size"
                )
            )
        return found

    def problem(self, error: DatasetImportError) -> None:
        """Report what is wrong with a line or a file."""
        self.context.problem(error)

    def error(self, path: str, line: int, kind: str, text: str, found: str) -> DatasetImportError:
        """What is wrong with a line."""
        if kind == "label":
            known = f"0 to {self.n_labels - 1}" if self.n_labels else "none: there are no names"
            return UndeclaredLabelError(
                f"{path}: line {line}: class {found} has no name in {self.layout.names_file}; "
                f"expected {known}"
            )
        expected = self.shape.value
        if kind == "class":
            found = f"{text!r} begins with {found!r}"
            expected = "a class, a whole number from 0 on"
        elif kind == "number":
            found, expected = f"{found!r} in {text!r}", "a number"
        elif kind == "range":
            expected = "shares of the image's size, from 0 to 1"
        else:
            found = f"{found} fields: {text!r}"
            if self.pose is not None:
                expected += f" of kpt_shape [{self.pose.count}, {self.pose.dims}]"
            expected += f" ({self.fields + 1} fields)" if self.fields else ""
        return MalformedFileError(path, f"line {line}", found, expected)


def _items(
    subset: str, entries: list[Entry], heights: np.ndarray, widths: np.ndarray
) -> pa.RecordBatch:
    text, n = pa.large_string(), len(entries)
    images = [entry.image for entry in entries]
    media = np.array([MediaType.IMAGE if image else MediaType.NONE for image in images], np.uint8)
    return schema.item_batch(
        n,
        {
            "id": pa.array([entry.item_id for entry in entries], text),
            "subset": schema.constant_dictionary(subset, n),
            "media_type": schema.primitive(media, pa.uint8()),
            "path": pa.array([os.fspath(image) for image in images], text),
            "height": schema.primitive(heights, pa.int32()),
            "width": schema.primitive(widths, pa.int32()),
        },
    )
