"""Writing Segment Anything's files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.capabilities import Names
from datumaro.formats.coco.segmentation import convert
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.formats.segment_anything.reader import nothing
from datumaro.model import run_lengths
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text
from datumaro.table.chunk import Chunk, Content

_BBOX, _MASK = int(AnnotationType.bbox), int(AnnotationType.mask)

NAMES: Names = {
    "predicted_iou": (0.0, 0.5),
    "stability_score": (0.0, 0.25),
    "point_coords": ([[]], [[1.5, 2.0]]),
    "crop_box": ([0, 0, 0, 0], [0.0, 1.0, 5.0, 4.0]),
}
"""What an annotation has beside its mask, and what stands there when it has none."""


def write(content: Content, folder: Path, options: WriteOptions, context: WriteContext) -> None:
    """Write a file for each item. Polygons become masks.

    Raises
    ------
    UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
        Two items have one id, a name cannot be written, or the media are no images.
    """
    require_images(content, "Segment Anything's format")
    writer = _Writer(content, folder, options, context)
    context.progress.start(len(content), desc="Writing Segment Anything")
    done = 0
    for chunk in content.chunks:
        writer.write(chunk)
        done += len(chunk)
        context.progress.report_status(done)
    context.progress.finish()
    writer.images.save()


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: WriteOptions, context: WriteContext
    ) -> None:
        self.context = context
        self.files = FileWriter(folder)
        self.images = ImageJobs(folder, options, context)
        self.written: set[str] = set()
        self.numbers = {
            number
            for chunk in content.chunks
            for text in chunk.items.column("attributes").to_pylist()
            if (number := _image_id(text)) is not None
        }
        self.next = 1

    def write(self, chunk: Chunk) -> None:
        """Write the items of a chunk."""
        before = ChunkRows(chunk)
        sizes = np.array([before.size(item) for item in range(len(before))], np.int32)
        heights, widths = sizes.reshape(-1, 2).T
        rows = ChunkRows(convert(chunk, heights, widths, "mask", self.context))
        for item in range(len(rows)):
            self.write_item(rows, item, (int(heights[item]), int(widths[item])))

    def write_item(self, rows: ChunkRows, item: int, size: tuple[int, int]) -> None:
        """Write an item's file."""
        item_id = rows.ids[item]
        if item_id in self.written:
            raise UnsupportedContentError(
                f"item {item_id!r} is in several subsets, and Segment Anything has none; rename it"
            )
        if item_id.startswith(".") or "/." in item_id:
            raise UnsupportedContentError(f"item {item_id!r}: its file would be hidden; rename it")
        self.written.add(item_id)
        filename = self.images.add(rows, item, "")
        record = {
            "image": {
                "image_id": self.image_id(rows.attributes[item], item_id),
                "width": size[1],
                "height": size[0],
                "file_name": filename.rpartition("/")[2],
            },
            "annotations": self.annotations(rows, item),
        }
        self.files.save(f"{item_id}.json", orjson.dumps(record))

    def image_id(self, attributes: str, item_id: str) -> int:
        """The number of an item's image: its attribute ``id``, or a free one."""
        number = _image_id(attributes)
        if number is not None:
            return number
        if attributes and "id" in json_text.decode(attributes):
            what = "attributes id of items that are no numbers"
            self.context.lost(what, 1, f"item {item_id!r}")
        while self.next in self.numbers:
            self.next += 1
        self.next += 1
        return self.next - 1

    def annotations(self, rows: ChunkRows, item: int) -> list[dict[str, Any]]:
        """An item's masks, each with its box, and boxes without a mask."""
        begin, end = rows.offsets[item], rows.offsets[item + 1]
        masks = [row for row in range(begin, end) if rows.types[row] == _MASK]
        boxes: dict[tuple[int, int, str], list[int]] = {}
        for row in range(begin, end):
            if rows.types[row] == _BBOX:
                key = rows.groups[row], rows.ann_ids[row], rows.ann_attributes[row]
                boxes.setdefault(key, []).append(row)
        made: list[dict[str, Any]] = []
        groups: dict[int, int] = {}
        for row in masks:
            key = rows.groups[row], rows.ann_ids[row], rows.ann_attributes[row]
            mine = boxes[key].pop() if key[0] and boxes.get(key) else None
            groups[key[0]] = groups.get(key[0], 0) + 1
            made.append(self.mask(rows, row, mine, rows.ids[item]))
        size = next((rows.mask(row)[1:] for row in masks), None) or rows.size(item)
        for (group, number, text), left in boxes.items():
            for row in left:
                groups[group] = groups.get(group, 0) + 1
                no_pixels = nothing(size[0] * size[1])
                made.append(_record(number, text, no_pixels, size, _box(rows.points(row)), 0))
        shared = sum(n for group, n in groups.items() if group and n > 1)
        if shared:
            what = "groups of annotations that are not a mask and its box"
            self.context.lost(what, shared, f"item {rows.ids[item]!r}")
        return made

    def mask(self, rows: ChunkRows, row: int, box: int | None, item_id: str) -> dict[str, Any]:
        """A mask with its box: that of its group, or its bounds."""
        counts, height, width = rows.mask(row)
        rle = {"counts": counts, "size": [height, width]}
        try:
            area, bounds = run_lengths.measure(rle)
        except ValueError as error:
            raise UnsupportedContentError(f"item {item_id!r}: a mask is damaged: {error}") from None
        at = list(map(float, bounds)) if box is None else _box(rows.points(box))
        if not area and at[2] > 0 and at[3] > 0:
            # it would be read as a box alone
            self.context.lost("masks without pixels that have a box", 1, f"item {item_id!r}")
        number, text = rows.ann_ids[row], rows.ann_attributes[row]
        return _record(number, text, counts, (height, width), at, area)


def _image_id(attributes: str) -> int | None:
    """The number that an item's attributes say; None without one."""
    number = json_text.decode(attributes).get("id") if attributes else None
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return number if is_number else None


def _box(points: list[float]) -> list[float]:
    x1, y1, x2, y2 = points
    return [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]


def _record(
    number: int,
    attributes: str,
    counts: bytes,
    size: tuple[int, int],
    box: list[float],
    area: int,
) -> dict[str, Any]:
    given = json_text.decode(attributes)
    made: dict[str, Any] = {
        "id": number,
        "segmentation": {"size": [size[0], size[1]], "counts": counts.decode("ascii")},
        "bbox": box,
        "area": area,
    }
    for name, values in NAMES.items():
        value = given.get(name, values[0])
        if isinstance(values[0], float):
            good = isinstance(value, int | float) and math.isfinite(value)
            made[name] = float(value) if good else values[0]
        else:
            made[name] = value if isinstance(value, list) else values[0]
    return made
