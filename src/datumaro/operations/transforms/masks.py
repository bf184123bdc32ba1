"""Shapes of annotations into masks, and masks into polygons."""

from __future__ import annotations

from typing import Any

import numpy as np

from datumaro.errors import DatasetError
from datumaro.kernels.outlines import TOO_LARGE, mask_outlines, polygon_masks
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.run_lengths import MAX_PIXELS
from datumaro.operations.areas import spans
from datumaro.operations.transforms import columns
from datumaro.operations.transforms.base import ColumnTransform, TransformContext
from datumaro.operations.transforms.blocks import in_blocks
from datumaro.operations.transforms.image_sizes import image_sizes
from datumaro.operations.transforms.shapes import box_points, corners
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import ANNOTATIONS, Array

# Annotations that are worked on at once: bounds the memory of temporaries.
_BLOCK = 1 << 14
_ELLIPSE_POINTS = 720


class PolygonsToMasks(ColumnTransform):
    """Replace polygons and ellipses with masks, as pycocotools draws them."""

    name = "polygons_to_masks"
    title = "replace polygons and ellipses with masks"

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        def change(chunk: Chunk) -> Chunk:
            chunk = _drawn(chunk, columns.rows_of(chunk, Kind.polygon), _polygons, context)
            return _drawn(chunk, columns.rows_of(chunk, Kind.ellipse), _ellipses, context)

        return columns.changed_chunks(content, change)


class BoxesToMasks(ColumnTransform):
    """Replace boxes with masks, as pycocotools draws their corners."""

    name = "boxes_to_masks"
    title = "replace boxes with masks"

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        def change(chunk: Chunk) -> Chunk:
            return _drawn(chunk, columns.rows_of(chunk, Kind.bbox), _boxes, context)

        return columns.changed_chunks(content, change)


class MasksToPolygons(ColumnTransform):
    """Replace masks with polygons along the edges of their pixels: one for each part of a mask.

    Drawn by `PolygonsToMasks` they give the same pixels, but for holes: a polygon has none. Masks
    without pixels are removed.
    """

    name = "masks_to_polygons"
    title = "replace masks with polygons around their parts"

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        return columns.changed_chunks(content, lambda chunk: _outlined(chunk, context))


# --- drawing --------------------------------------------------------------------------------------


def _polygons(chunk: Chunk, rows: Array) -> tuple[Array, Array]:
    """(points float64, offsets int64 [n + 1]) of polygons."""
    offsets, points = schema.list_parts(chunk.annotations.column("points"))
    lengths = offsets[rows + 1] - offsets[rows]
    places, _ = spans(offsets[rows], lengths)
    return points[places].astype(np.float64), np.append(0, np.cumsum(lengths))


def _boxes(chunk: Chunk, rows: Array) -> tuple[Array, Array]:
    """The same of boxes."""
    return corners(box_points(chunk, rows)).ravel(), np.arange(len(rows) + 1) * 8


def _ellipses(chunk: Chunk, rows: Array) -> tuple[Array, Array]:
    """The same of ellipses, by `model.shapes.Ellipse.as_polygon`."""
    x1, y1, x2, y2 = box_points(chunk, rows).T[:, :, None]
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS, endpoint=False)
    x = (x1 + x2) / 2 + (x2 - x1) / 2 * np.cos(angle)
    y = (y1 + y2) / 2 + (y2 - y1) / 2 * np.sin(angle)
    points = np.stack([x, y], 2).ravel()
    return points, np.arange(len(rows) + 1) * (2 * _ELLIPSE_POINTS)


def _drawn(chunk: Chunk, rows: Array, outline: Any, context: TransformContext) -> Chunk:
    """The chunk with masks in the place of some shapes."""
    if not len(rows):
        return chunk
    items = columns.item_of(chunk, rows)
    heights, widths = (sides[items] for sides in image_sizes(chunk, items))
    large = heights.astype(np.int64) * widths > MAX_PIXELS
    if large.any():
        raise _too_large(chunk, int(rows[np.argmax(large)]))

    def draw(part: slice) -> tuple[Array, bytes]:
        points, offsets = outline(chunk, rows[part])
        places, text, states = polygon_masks(
            points, offsets[:-1], offsets[1:], heights[part], widths[part]
        )
        if states.any():
            raise _too_large(chunk, int(rows[part][np.argmax(states)]))
        return np.diff(places), text

    lengths, texts = zip(*in_blocks(context, draw, len(rows), _BLOCK), strict=True)
    ends = np.append(0, np.cumsum(np.concatenate(lengths)))
    rle = schema.texts(ends, b"".join(texts), ANNOTATIONS.field("rle").type)
    return columns.reshaped(chunk, rows, Kind.mask, rle=rle, size=(heights, widths))


def _too_large(chunk: Chunk, row: int) -> DatasetError:
    return DatasetError(
        f"{columns.item_name(chunk, row)}: a mask of its image, or of a shape in it, is too large"
    )


# --- outlines -------------------------------------------------------------------------------------


def _outlined(chunk: Chunk, context: TransformContext) -> Chunk:
    rows = columns.rows_of(chunk, Kind.mask)
    if not len(rows):
        return chunk
    blocks = in_blocks(context, lambda part: outlines(chunk, rows[part]), len(rows), _BLOCK)
    points = [corners for corners, _, _, _ in blocks]
    lengths = [np.diff(ends) for _, ends, _, _ in blocks]
    counts = [np.diff(first) for _, _, first, _ in blocks]
    holes = np.concatenate([found for _, _, _, found in blocks])
    some = np.flatnonzero(holes)
    if len(some):
        example = columns.item_name(chunk, int(rows[some[0]]))
        context.lost("holes of masks filled", int(holes.sum()), example)
    parts = np.concatenate(counts)
    empty = np.flatnonzero(parts == 0)
    if len(empty):
        example = columns.item_name(chunk, int(rows[empty[0]]))
        context.lost("masks without pixels removed", len(empty), example)
    copies = np.ones(len(chunk.annotations), np.int64)
    copies[rows] = parts
    chunk = columns.annotations_at(chunk, np.repeat(np.arange(len(copies)), copies))
    ends = np.append(0, np.cumsum(np.concatenate(lengths)))
    outlined = columns.coordinate_lists(ends, np.concatenate(points))
    return columns.reshaped(chunk, columns.rows_of(chunk, Kind.mask), Kind.polygon, points=outlined)


def outlines(chunk: Chunk, rows: Array) -> tuple[Array, Array, Array, Array]:
    """The outlines of masks: see `kernels.outlines.mask_outlines`.

    Raises
    ------
    DatasetError
        A mask is damaged or too large.
    """
    masks = columns.some_annotations(chunk, rows)
    starts, data = schema.list_parts(masks.column("rle"))
    sides = [masks.column(f"mask_{side}").to_numpy() for side in ("height", "width")]
    found = mask_outlines(data, starts[:-1], starts[1:], *sides)
    bad = np.flatnonzero(found[3] < 0)
    if len(bad):
        row = int(rows[bad[0]])
        if found[3][bad[0]] == TOO_LARGE:
            raise _too_large(chunk, row)
        raise DatasetError(
            f"{columns.item_name(chunk, row)}: the run lengths of a mask are damaged, or do not "
            "add up to its size"
        )
    return found
