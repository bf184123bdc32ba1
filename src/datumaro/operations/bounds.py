"""Bounds of annotations, computed on columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datumaro.kernels.outlines import mask_bounds
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.operations.areas import spans
from datumaro.table import schema
from datumaro.table.schema import Array

# Rows that are worked on at once: bounds the memory of temporaries.
_BLOCK = 1 << 16


def bounds(annotations: pa.RecordBatch) -> Array:
    """The bounds of each annotation's geometry in pixels.

    Parameters
    ----------
    annotations : n rows of `schema.ANNOTATIONS`.

    Returns
    -------
    float64 [n, 4]: x1, y1, x2, y2. Boxes and ellipses: their corners. Polygons, polylines: the
    least and greatest coordinates. Points: those of the points that are not absent. Masks: the
    edges of the outermost pixels. Other kinds, shapes without points, masks without pixels or with
    damaged run lengths: NaN.
    """
    parts = [
        _bounds(annotations.slice(begin, _BLOCK)) for begin in range(0, len(annotations), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 4))


def _bounds(rows: pa.RecordBatch) -> Array:
    kinds: Array = rows.column("type").to_numpy()
    found = np.full((len(kinds), 4), np.nan)
    offsets, points = schema.list_parts(rows.column("points"))
    lengths = np.diff(offsets)

    boxes = np.flatnonzero(np.isin(kinds, (Kind.bbox, Kind.ellipse)) & (lengths == 4))
    for i in range(4):
        found[boxes, i] = points[offsets[boxes] + i]

    lines = np.flatnonzero(np.isin(kinds, (Kind.polygon, Kind.polyline)) & (lengths >= 2))
    _fill(found, lines, points, offsets[lines], lengths[lines] // 2, None)

    sets = np.flatnonzero((kinds == Kind.points) & (lengths >= 2))
    if len(sets):
        starts, visible = schema.list_parts(rows.column("visibility"))
        places, _ = spans(starts[sets], lengths[sets] // 2)
        _fill(found, sets, points, offsets[sets], lengths[sets] // 2, visible[places] > 0)

    masks = np.flatnonzero(kinds == Kind.mask)
    if len(masks):
        starts, data = schema.list_parts(rows.column("rle"))
        sides = (rows.column(f"mask_{side}").to_numpy()[masks] for side in ("height", "width"))
        pixels, states = mask_bounds(data, starts[masks], starts[masks + 1], *sides)
        found[masks] = np.where((states == 1)[:, None], pixels, np.nan)
    return found


def _fill(
    found: Array, rows: Array, points: Array, starts: Array, counts: Array, seen: Array | None
) -> None:
    """Set the bounds of some rows; ``seen`` says which of their points count."""
    if not len(rows):
        return
    places, first = spans(starts, 2 * counts)
    pairs = points[places].reshape(-1, 2).astype(np.float64)
    low, high = pairs, pairs
    if seen is not None:
        low = np.where(seen[:, None], pairs, np.inf)
        high = np.where(seen[:, None], pairs, -np.inf)
    found[rows, :2] = np.minimum.reduceat(low, first // 2)
    found[rows, 2:] = np.maximum.reduceat(high, first // 2)
    if seen is not None:
        found[rows] = np.where(np.isfinite(found[rows]), found[rows], np.nan)
