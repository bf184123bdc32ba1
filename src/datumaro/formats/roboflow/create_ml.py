"""Roboflow's CreateML layout: ``_annotations.createml.json`` and images in each subset's folder.

A list of ``{"image", "annotations": [{"label", "coordinates": {"x", "y", "width", "height"}}]}``;
x and y are those of the middle, in pixels. Definition:
https://developer.apple.com/documentation/createml/building-an-object-detector-data-source
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import orjson

from datumaro.errors import InvalidAnnotationError
from datumaro.formats import json_files
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.roboflow import subsets
from datumaro.formats.roboflow.beside import add_item, add_unnamed
from datumaro.formats.rows import ChunkRows, each_subset
from datumaro.model.annotation import AnnotationType
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

FILE = "_annotations.createml.json"

_MAX_BYTES = 1 << 30
_MAX_PIXELS = 1e9
_BBOX = int(AnnotationType.bbox)


class _Coordinates(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float


class _Annotation(msgspec.Struct):
    label: str
    coordinates: _Coordinates


class _Record(msgspec.Struct):
    image: str
    annotations: list[_Annotation] = []


class RoboflowCreateMl(Format):
    """Boxes, in a JSON file for each subset."""

    name = "roboflow_create_ml"
    title = "Roboflow's CreateML layout: boxes"
    holds = Capabilities(
        annotations={AnnotationType.bbox: Held(label="required")},
        labels="used",
        label_order=False,
        media_found=True,
    )
    owned = (f"*/{FILE}",)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there is the file in a subset's folder."""
        head = folder.head(subsets.detect_file(folder, FILE), 256)
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise Rejected(f"{FILE} is no JSON array")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets. Labels are in the order of their names.

        Raises
        ------
        DatasetNotFoundError
            There is no such file.
        MalformedFileError
            It is damaged; the message names the JSON path.
        """

        def chunk_of(folder: Path, labels: AppearingLabels) -> Chunk:
            columns = ChunkColumns()
            file = folder / FILE
            data = json_files.content(file, _MAX_BYTES)
            records = json_files.decode(data, list[_Record], file, expected="a JSON array")
            for number, record in enumerate(records):
                for place, annotation in enumerate(record.annotations):
                    _add(columns, labels, annotation, place, f"{file}: $[{number}]", context)
                place = f"$[{number}].image in {file}"
                add_item(columns, folder, record.image, place, options)
            add_unnamed(columns, folder, [record.image for record in records])
            return columns.finish()

        found = subsets.find_files(path, FILE)
        context.is_part = subsets.is_one_of(path, found)
        return subsets.read(found, chunk_of, context.progress, "Reading CreateML")

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file for each subset.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        subsets.check(content)
        images = ImageJobs(folder, options, context)
        files = FileWriter(folder)
        names = content.label_names
        parts = content.by_subset()
        for subset, items in each_subset(parts, context.progress, "Writing CreateML"):
            records: list[dict[str, Any]] = []
            for rows, item in items:
                annotations = _written(rows, item, names, context)
                image = images.add(rows, item, subset)
                records.append({"image": image, "annotations": annotations})
            files.save(f"{subset}/{FILE}", orjson.dumps(records))
        images.save()


def _add(
    columns: ChunkColumns,
    labels: AppearingLabels,
    annotation: _Annotation,
    place: int,
    record: str,
    context: ReadContext,
) -> None:
    at = annotation.coordinates
    box = (
        at.x - at.width / 2,
        at.y - at.height / 2,
        at.x + at.width / 2,
        at.y + at.height / 2,
    )
    if not all(math.isfinite(value) and abs(value) < _MAX_PIXELS for value in box):
        context.problem(
            InvalidAnnotationError(
                f"{record}.annotations[{place}].coordinates: x {at.x}, y {at.y}, width {at.width}, "
                f"height {at.height}; expected numbers of pixels"
            )
        )
        return
    columns.add_box(place, place, labels.add(annotation.label), box, b"")


def _written(
    rows: ChunkRows, item: int, names: list[str], context: WriteContext
) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for row in range(rows.offsets[item], rows.offsets[item + 1]):
        label = rows.labels[row]
        if rows.types[row] != _BBOX or label == schema.NO_LABEL:
            continue
        if not 0 <= label < len(names):
            context.lost(UNDECLARED, 1, f"item {rows.ids[item]!r}")
        else:
            x1, y1, x2, y2 = rows.points(row)
            # the middle of hundredths is on thousandths
            at = {
                "x": round((x1 + x2) / 2, 3),
                "y": round((y1 + y2) / 2, 3),
                "width": round(x2 - x1, 2),
                "height": round(y2 - y1, 2),
            }
            made.append({"label": names[label], "coordinates": at})
    return made
