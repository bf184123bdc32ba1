"""Shapes of the program labelme as annotations.

Coordinates are pixels. Definition: https://github.com/wkentaro/labelme
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import msgspec
import numpy as np

from datumaro.errors import InvalidAnnotationError
from datumaro.formats import index_masks
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.columns import ChunkColumns
from datumaro.kernels.rle import encode_groups
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema

MOST = 1e9
"""Coordinates are less: pixels."""


class Shape(msgspec.Struct):
    """A shape of a file.

    Attributes
    ----------
    flags : names that are true or false.
    mask : of a mask: a PNG file of the pixels in its box, in base64.
    attributes, difficult, score : not labelme's, but other programs', and kept by labelme.
    """

    points: list[tuple[float, float]]
    label: str = ""
    group_id: int | None = None
    description: str | None = None
    shape_type: str = "polygon"
    flags: dict[str, bool] | None = None
    mask: str | None = None
    attributes: dict[str, Any] | None = None
    difficult: bool | None = None
    score: float | None = None


def add(
    columns: ChunkColumns,
    shape: Shape,
    labels: AppearingLabels,
    size: tuple[int, int],
    zero: int,
    path: str,
) -> None:
    """Append a shape.

    Parameters
    ----------
    size : the image's height and width; zeros when not known.
    zero : the group that ``"group_id": 0`` is.
    path : of the file, for messages.

    Raises
    ------
    InvalidAnnotationError
        It is damaged; nothing was appended.
    """
    points = [value for point in shape.points for value in point]
    if not sum(map(abs, points)) < MOST:
        raise InvalidAnnotationError(f"points {str(shape.points)[:60]}; expected pixels")
    group = zero if shape.group_id == 0 else shape.group_id or 0
    kind = shape.shape_type
    n = len(shape.points)
    attributes = _attributes(shape)
    if kind == "mask":
        rle = _mask(shape, size, path)
        columns.add_mask(rle, size, _label(shape, labels), attributes, group=group)
        return
    made: tuple[AnnotationType, list[float]] | None = None
    if kind == "polygon" and n > 2:
        made = AnnotationType.polygon, points
    elif kind == "rectangle" and n in (2, 4):
        made = _rectangle(points)
    elif kind == "circle" and n == 2:
        x, y = shape.points[0]
        radius = math.dist(*shape.points)
        made = AnnotationType.ellipse, [x - radius, y - radius, x + radius, y + radius]
    elif (kind == "line" and n == 2) or (kind == "linestrip" and n > 0):
        made = AnnotationType.polyline, points
    if made is not None:
        columns.add_shape(made[0], made[1], _label(shape, labels), attributes, group=group)
    elif (kind == "point" and n == 1) or (kind == "points" and n > 0):
        label = _label(shape, labels)
        columns.add_points(points, b"\2" * n, label, attributes, group=group)
    else:
        raise InvalidAnnotationError(
            f"a {kind[:40]} of {n} points; expected a polygon (3 and more), rectangle (2 or 4), "
            "circle (2), line (2), linestrip, point (1), points or mask (2)"
        )


def _label(shape: Shape, labels: AppearingLabels) -> int:
    return labels.add(shape.label) if shape.label else schema.NO_LABEL


def _rectangle(points: list[float]) -> tuple[AnnotationType, list[float]]:
    """A box; a turned one, of four points, stays a polygon."""
    xs, ys = points[0::2], points[1::2]
    if len(points) == 8 and (len(set(xs)) > 2 or len(set(ys)) > 2):
        return AnnotationType.polygon, points
    return AnnotationType.bbox, [min(xs), min(ys), max(xs), max(ys)]


def _attributes(shape: Shape) -> bytes:
    made: dict[str, Any] = dict(shape.flags or {})
    if shape.attributes:
        made.update(shape.attributes)
    if shape.description:
        made["description"] = shape.description
    if shape.difficult is not None:
        made["difficult"] = shape.difficult
    if shape.score is not None:
        made["score"] = shape.score
    return json_text.encode(made) if made else b""


def _mask(shape: Shape, size: tuple[int, int], path: str) -> bytes:
    """The compressed run lengths of a mask, of which the file has the pixels in its box."""
    if shape.mask is None or len(shape.points) != 2:
        raise InvalidAnnotationError("a mask; expected the corners of its box, and its pixels")
    (x1, y1), (x2, y2) = shape.points
    left, top, right, bottom = (
        round(v) for v in (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    )
    height, width = bottom - top + 1, right - left + 1
    if not (left >= 0 and top >= 0 and right < size[1] and bottom < size[0]):
        raise InvalidAnnotationError(
            f"a mask of {width} x {height} pixels at {left}, {top}; expected one in its image of "
            f"{size[1]} x {size[0]}"
        )
    try:
        data = base64.b64decode(shape.mask, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidAnnotationError(f"a mask that is no base64 ({error}); expected it") from None
    pixels = index_masks.decode(data, f"{path}: mask", (height, width))
    if index_masks.shape_of(pixels) != (height, width):
        found = index_masks.pixels_of(pixels)
        raise InvalidAnnotationError(f"a mask of {found}; expected {height} x {width}, as its box")
    codes = pixels.colors(pixels.codes) if pixels.is_color else pixels.codes
    columns = np.zeros((width, size[0]), np.int8)
    columns[:, top : bottom + 1] = (codes != 0).T
    change = np.diff(columns.ravel(), prepend=np.int8(0), append=np.int8(0))
    begins, ends = (np.flatnonzero(change == step) + left * size[0] for step in (1, -1))
    return encode_groups(begins, ends, np.array([0, len(begins)], np.int64), size[0] * size[1])[1]
