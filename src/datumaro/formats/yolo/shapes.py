"""Lines of label files and annotations as columns: shares of an image's size, and pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datumaro.formats.rotated_boxes import boxes_of, corners_of
from datumaro.formats.yolo.layout import Pose
from datumaro.model.annotation import AnnotationType
from datumaro.model.key_points import Visibility
from datumaro.table import schema
from datumaro.table.schema import Array

BOX_VALUES, CORNER_VALUES = 4, 8
_KINDS = {field.name: field.type for field in schema.ANNOTATIONS}


@dataclass
class Lines:
    """Lines of label files.

    Attributes
    ----------
    classes, numbers : int32 [n]; the latter of the line in its file.
    values : float64, the numbers behind the classes.
    ends : int64 [n + 1]; line i has the values ``ends[i]:ends[i + 1]``.
    """

    classes: Array
    numbers: Array
    values: Array
    ends: Array

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def counts(self) -> Array:
        """int64 [n]: how many values each has."""
        return np.diff(self.ends)


def scales(widths: Array, heights: Array, counts: Array) -> Array:
    """What multiplies each value of lines of x, y, …: the width, the height, and so on."""
    ends = np.cumsum(counts)
    place = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
    return np.where(place % 2, np.repeat(heights, counts), np.repeat(widths, counts)).astype(float)


# --- lines -> annotations -----------------------------------------------------------------------


def boxes_and_polygons(lines: Lines, widths: Array, heights: Array) -> pa.RecordBatch:
    """A box of each line of four values, a polygon of each longer one.

    Parameters
    ----------
    widths, heights : of each line's image, in pixels.
    """
    counts = lines.counts
    points = lines.values * scales(widths, heights, counts)
    is_box = counts == BOX_VALUES
    if is_box.any():
        at = lines.ends[:-1][is_box][:, None] + np.arange(BOX_VALUES)
        points[at] = _corners(points[at])
    kinds = np.where(is_box, AnnotationType.bbox, AnnotationType.polygon).astype(np.uint8)
    return _batch(lines, kinds, points, lines.ends)


def _corners(boxes: Array) -> Array:
    """x1, y1, x2, y2 of centres and sizes, [n, 4] both."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], 1)


def rotated_boxes(lines: Lines, widths: Array, heights: Array) -> pa.RecordBatch:
    """A rotated box of each line of four corners: see `boxes_of`."""
    corners = lines.values.reshape(-1, 4, 2) * np.stack([widths, heights], 1)[:, None, :]
    kinds = np.full(len(lines), AnnotationType.rotated_bbox, np.uint8)
    return _batch(lines, kinds, boxes_of(corners).ravel(), 5 * np.arange(len(lines) + 1))


def poses(lines: Lines, widths: Array, heights: Array, pose: Pose) -> tuple[pa.RecordBatch, Array]:
    """(of each line a box and, unless all are absent, key points; how many annotations it gave).

    Both have the line's number as their id, and the number that follows as their group.
    """
    n = len(lines)
    sides = np.stack([widths, heights], 1).astype(float)
    values = lines.values.reshape(n, BOX_VALUES + pose.count * pose.dims)
    boxes = _corners(values[:, :BOX_VALUES] * np.tile(sides, 2))
    keys = values[:, BOX_VALUES:].reshape(n, pose.count, pose.dims)
    at = keys[:, :, :2] * sides[:, None, :]
    if pose.dims == 3:
        seen = np.clip(np.rint(keys[:, :, 2]), 0, Visibility.visible).astype(np.uint8)
    else:  # a point that is not there is written as 0 0
        seen = np.where((keys == 0).all(2), Visibility.absent, Visibility.visible)
        seen = seen.astype(np.uint8)
    has_points = (keys != 0).any((1, 2))
    n_points = points_read(keys, lines.classes, pose)
    used = np.arange(pose.count) < n_points[:, None]
    made = 1 + has_points
    row = np.cumsum(made) - made  # of each box
    total = int(made.sum())
    kinds = np.full(total, AnnotationType.points, np.uint8)
    kinds[row] = AnnotationType.bbox
    of_line = np.repeat(np.arange(n), made)
    sizes = np.full(total, BOX_VALUES)
    keys_row = row[has_points] + 1
    sizes[keys_row] = 2 * n_points[has_points]
    ends = np.zeros(total + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    points = np.empty(int(ends[-1]))
    points[ends[row][:, None] + np.arange(BOX_VALUES)] = boxes
    in_keys = np.repeat(kinds == AnnotationType.points, sizes)
    kept = used & has_points[:, None]
    points[in_keys] = at[kept].ravel()
    visible_ends = np.zeros(total + 1, np.int64)
    np.cumsum(np.where(kinds == AnnotationType.points, sizes // 2, 0), out=visible_ends[1:])
    repeated = Lines(
        lines.classes[of_line], lines.numbers[of_line], lines.values, np.zeros(0, np.int64)
    )
    columns = {"visibility": schema.lists(visible_ends, seen[kept], _KINDS["visibility"])}
    groups = repeated.numbers.astype(np.int64) + 1
    return _batch(repeated, kinds, points, ends, groups, columns), made


def points_read(keys: Array, classes: Array, pose: Pose) -> Array:
    """How many points each object has when it is read: int64 [n].

    All; of a label whose points have names, as many as have one, and those up to the last that is
    not absent and at 0; and if `Pose.padded` only the latter.

    Parameters
    ----------
    keys : [n, count, 2 or 3]: the points' numbers.
    classes : int32 [n].
    """
    filled = np.concatenate([np.ones((len(keys), 1), bool), (keys != 0).any(2)], 1)
    last = pose.count - filled[:, ::-1].argmax(1)
    if pose.padded:
        return last
    counts = np.full(len(keys), pose.count)
    for label, category in pose.names.items():
        if category.labels:
            chosen = classes == label
            counts = np.where(chosen, np.maximum(last, len(category.labels)), counts)
    return counts


def _batch(
    lines: Lines,
    kinds: Array,
    points: Array,
    ends: Array,
    groups: Array | None = None,
    more: dict[str, pa.Array] | None = None,
) -> pa.RecordBatch:
    numbers = lines.numbers.astype(np.int64)
    columns = {
        "type": schema.primitive(kinds, pa.uint8()),
        "id": schema.primitive(numbers, pa.int64()),
        "group": schema.primitive(numbers if groups is None else groups, pa.int64()),
        "label": schema.labels(lines.classes),
        "points": schema.lists(ends, (points.round(2) + 0.0).astype(np.float32), _KINDS["points"]),
    }
    return schema.annotation_batch(len(kinds), columns | (more or {}))


# --- annotations -> lines -----------------------------------------------------------------------


@dataclass
class PixelLines:
    """Lines that are still in pixels.

    Attributes
    ----------
    rows : int64 [n], rising: the annotation that each is of.
    classes : int32 [n].
    values : float64, in pixels.
    counts : int64 [n]: how many values each has.
    """

    rows: Array
    classes: Array
    values: Array
    counts: Array


def lines_of(annotations: pa.RecordBatch, kind: AnnotationType) -> PixelLines:
    """The lines of all boxes, or polygons, or rotated boxes that have a label."""
    labels = schema.label_values(annotations.column("label"))
    chosen = (annotations.column("type").to_numpy() == int(kind)) & (labels != schema.NO_LABEL)
    ends, points = schema.list_parts(annotations.column("points"))
    counts = np.diff(ends)
    rows = np.flatnonzero(chosen)
    first = int(ends[0])
    picked = np.repeat(chosen, counts)
    values = points[first : int(ends[-1])][picked].astype(np.float64).round(2)
    counts = counts[rows]
    if kind == AnnotationType.bbox:
        values = _centred(values.reshape(-1, 4)).ravel()
    elif kind == AnnotationType.rotated_bbox:
        values = corners_of(values.reshape(-1, 5)).ravel()
        counts = np.full(len(rows), CORNER_VALUES)
    return PixelLines(rows, labels[rows], values, counts)


def _centred(boxes: Array) -> Array:
    """Centres and sizes of x1, y1, x2, y2, [n, 4] both."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + size / 2, size], 1)
