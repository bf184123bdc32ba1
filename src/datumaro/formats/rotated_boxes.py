"""Rotated boxes and their corners, many at a time."""

from __future__ import annotations

import numpy as np

from datumaro.table.schema import Array


def boxes_of(corners: Array) -> Array:
    """Centres, sizes and degrees, float64 [n, 5], of four corners each, [n, 4, 2].

    Corners that are not those of a rectangle give the box with their middle, and the mean lengths
    of opposite sides.
    """
    middle = corners.mean(1)
    along = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
    across = (corners[:, 2] - corners[:, 1] + corners[:, 3] - corners[:, 0]) / 2
    degrees = np.degrees(np.arctan2(along[:, 1], along[:, 0]))
    sides = np.stack([np.hypot(*along.T), np.hypot(*across.T)], 1)
    return np.concatenate([middle, sides, degrees[:, None]], 1)


def corners_of(boxes: Array) -> Array:
    """The reverse: the corners in the order of `RotatedBbox.as_polygon`."""
    cx, cy, w, h, degrees = boxes.T
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x = np.stack([-w, w, w, -w], 1) / 2
    y = np.stack([-h, -h, h, h], 1) / 2
    across = cx[:, None] + x * cos[:, None] - y * sin[:, None]
    down = cy[:, None] + x * sin[:, None] + y * cos[:, None]
    return np.stack([across, down], 2)
