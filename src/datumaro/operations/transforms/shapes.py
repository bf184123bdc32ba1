"""Shapes of annotations into others: boxes, polygons."""

from __future__ import annotations

from typing import Any

import numpy as np

from datumaro.model.annotation import AnnotationType as Kind
from datumaro.operations.bounds import bounds
from datumaro.operations.transforms import columns
from datumaro.operations.transforms.base import ColumnTransform, TransformContext
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array


class ShapesToBoxes(ColumnTransform):
    """Replace masks, polygons, polylines, points and ellipses with the boxes around them.

    Absent points do not count. Shapes without points or pixels stay as they are.
    """

    name = "shapes_to_boxes"
    title = "replace masks, polygons, polylines, points and ellipses with boxes"

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        def change(chunk: Chunk) -> Chunk:
            kinds = (Kind.mask, Kind.polygon, Kind.polyline, Kind.points, Kind.ellipse)
            rows = columns.rows_of(chunk, *kinds)
            if not len(rows):
                return chunk
            boxes = bounds(columns.some_annotations(chunk, rows))
            known = ~np.isnan(boxes[:, 0])
            if not known.all():
                example = columns.item_name(chunk, int(rows[~known][0]))
                context.lost(
                    "shapes without points or pixels left as they are", int((~known).sum()), example
                )
            return columns.reshaped(
                chunk, rows[known], Kind.bbox, points=columns.equal_lists(boxes[known])
            )

        return columns.changed_chunks(content, change)


class BoxesToPolygons(ColumnTransform):
    """Replace boxes with polygons of their four corners."""

    name = "boxes_to_polygons"
    title = "replace boxes with polygons of four corners"

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        def change(chunk: Chunk) -> Chunk:
            rows = columns.rows_of(chunk, Kind.bbox)
            if not len(rows):
                return chunk
            points = columns.equal_lists(corners(box_points(chunk, rows)))
            return columns.reshaped(chunk, rows, Kind.polygon, points=points)

        return columns.changed_chunks(content, change)


class BboxValuesDecrement(ColumnTransform):
    """Move boxes by a pixel to the left and up: for those whose pixels are counted from 1."""

    name = "bbox_values_decrement"
    title = "subtract 1 from the coordinates of boxes"

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        def change(chunk: Chunk) -> Chunk:
            rows = columns.rows_of(chunk, Kind.bbox)
            if not len(rows):
                return chunk
            points = columns.equal_lists(box_points(chunk, rows) - 1)
            return columns.with_annotations(
                chunk, points=columns.lists(chunk.annotations, "points", rows, points)
            )

        return columns.changed_chunks(content, change)


def box_points(chunk: Chunk, rows: Array) -> Array:
    """The numbers of boxes (or ellipses), float64 [n, 4]: x1, y1, x2, y2."""
    offsets, points = schema.list_parts(chunk.annotations.column("points"))
    return points[offsets[rows][:, None] + np.arange(4)].astype(np.float64)


def corners(boxes: Array) -> Array:
    """The corners of boxes, [n, 8]."""
    return boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]]
