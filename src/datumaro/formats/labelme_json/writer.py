"""Writing labelme's files."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import orjson
from PIL import Image as PILImage

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model import run_lengths
from datumaro.model.annotation import AnnotationType
from datumaro.paths import check_subset_name
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

_VERSION = "5.5.0"
_CORNERS = 72  # of a polygon in place of an ellipse

_LABEL, _MASK, _POINTS, _POLYGON, _POLYLINE, _BBOX, _ELLIPSE = map(
    int,
    (
        AnnotationType.label,
        AnnotationType.mask,
        AnnotationType.points,
        AnnotationType.polygon,
        AnnotationType.polyline,
        AnnotationType.bbox,
        AnnotationType.ellipse,
    ),
)
_SHAPES = frozenset({_MASK, _POINTS, _POLYGON, _POLYLINE, _BBOX, _ELLIPSE})


class Writer:
    """Writes a data set into a folder.

    Raises
    ------
    UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
        A name cannot be written, or the media are no images.
    """

    def __init__(
        self, content: Content, folder: Path, options: WriteOptions, context: WriteContext
    ) -> None:
        require_images(content, "LabelMe's format")
        self.content, self.folder, self.options, self.context = content, folder, options, context
        self.names = content.label_names
        if "" in self.names:
            raise UnsupportedContentError("a label has no name, which means none in LabelMe")
        self.files = FileWriter(folder)
        self.images = ImageJobs(folder, options, context)

    def write(self) -> None:
        """Write all files; media last."""
        for subset in self.content.subset_names():
            check_subset_name(subset)
            if subset in (".", "..") or subset.startswith("."):
                raise UnsupportedContentError(f"subset {subset!r} cannot be a folder; rename it")
        for rows, item in each_item(self.content, self.context.progress, "Writing LabelMe's JSON"):
            self.write_item(rows, item)
        self.images.save()

    def write_item(self, rows: ChunkRows, item: int) -> None:
        """Write an item's file."""
        item_id, subset = rows.ids[item], rows.subsets[item]
        if item_id.startswith(".") or "/." in item_id:
            raise UnsupportedContentError(f"item {item_id!r}: its file would be hidden; rename it")
        filename = self.images.add(rows, item, subset)
        size = rows.size_or_mask(item)
        flags: dict[str, bool] = {}
        shapes: list[dict[str, Any]] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            kind, label = rows.types[row], rows.labels[row]
            if label != schema.NO_LABEL and not 0 <= label < len(self.names):
                if kind == _LABEL or kind in _SHAPES:
                    self.context.lost(UNDECLARED, 1, f"item {item_id!r}")
            elif kind == _LABEL:
                if self.names[label] in flags:
                    what = "labels that an item has twice"
                    self.context.lost(what, 1, f"item {item_id!r}")
                flags[self.names[label]] = True
            elif kind in _SHAPES:
                shape = self.shape(rows, row, size, item_id)
                if shape is not None:
                    shapes.append(shape)
        record = {
            "version": _VERSION,
            "flags": flags,
            "shapes": shapes,
            "imagePath": filename.rpartition("/")[2] if rows.has_media(item) else "",
            "imageData": None,
            "imageHeight": size[0] or None,
            "imageWidth": size[1] or None,
        }
        data = orjson.dumps(record, option=orjson.OPT_INDENT_2)
        self.files.save(f"{subset}/{item_id}.json", data)

    def shape(
        self, rows: ChunkRows, row: int, size: tuple[int, int], item_id: str
    ) -> dict[str, Any] | None:
        """A shape; None for one that cannot be held, which is counted."""
        kind, label = rows.types[row], rows.labels[row]
        mask = None
        if kind == _MASK:
            if rows.mask(row)[1:] != size:
                what = "masks that are not of their image's size"
                self.context.lost(what, 1, f"item {item_id!r}")
                return None
            name = "mask"
            try:
                points, mask = _mask(*rows.mask(row))
            except ValueError as error:
                raise UnsupportedContentError(
                    f"item {item_id!r}: a mask is damaged: {error}"
                ) from None
        else:
            name, points = _place(kind, rows.points(row))
            if kind == _POINTS and any(seen != 2 for seen in rows.visibility(row)):
                self.context.lost("whether points are visible", 1, f"item {item_id!r}")
        attributes = json_text.decode(rows.ann_attributes[row])
        description = attributes.get("description")
        if isinstance(description, str) and description:
            del attributes["description"]
        else:
            description = ""
        flags = {key: value for key, value in attributes.items() if isinstance(value, bool)}
        others = {key: value for key, value in attributes.items() if key not in flags}
        made: dict[str, Any] = {
            "label": "" if label < 0 else self.names[label],
            "points": points,
            "group_id": rows.groups[row] or None,
            "description": description,
            "shape_type": name,
            "flags": flags,
            "mask": mask,
        }
        return made | ({"attributes": others} if others else {})


def _place(kind: int, flat: list[float]) -> tuple[str, list[list[float]]]:
    """A shape's type and points."""
    if kind == _ELLIPSE:
        x1, y1, x2, y2 = flat
        x, y, rx, ry = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
        if math.isclose(rx, ry, abs_tol=0.006):
            return "circle", [[x, y], [round(x + rx, 3), y]]
        turns = [2 * math.pi * i / _CORNERS for i in range(_CORNERS)]
        return "polygon", [
            [round(x + rx * math.cos(turn), 2), round(y + ry * math.sin(turn), 2)] for turn in turns
        ]
    pairs = iter(flat)
    points = [[x, y] for x, y in zip(pairs, pairs, strict=True)]
    if kind == _BBOX:
        return "rectangle", points
    if kind == _POLYGON:
        return "polygon", points
    if kind == _POLYLINE:
        return "line" if len(points) == 2 else "linestrip", points
    return "point" if len(points) == 1 else "points", points


def _mask(rle: bytes, height: int, width: int) -> tuple[list[list[float]], str]:
    """The corners of a mask's box, the last pixel included, and its pixels in base64."""
    mask = {"counts": rle, "size": [height, width]}
    x, y, w, h = run_lengths.bounds(mask)
    if not height or not width:
        raise ValueError(f"a mask of {height} x {width} pixels")
    w, h = max(w, 1), max(h, 1)  # a box has a pixel at least
    pixels = run_lengths.decode(mask)[y : y + h, x : x + w]
    out = io.BytesIO()
    PILImage.fromarray(pixels.astype("uint8")).save(out, "PNG", compress_level=4)
    text = base64.b64encode(out.getvalue()).decode()
    return [[float(x), float(y)], [float(x + w - 1), float(y + h - 1)]], text
