"""Areas of annotations, computed on columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datumaro.model.annotation import AnnotationType
from datumaro.table import schema

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

# Rows that are worked on at once: bounds the memory of temporaries.
_BLOCK = 1 << 16


def areas(annotations: pa.RecordBatch) -> Floats:
    """The area of each annotation in square pixels, from its geometry.

    Parameters
    ----------
    annotations : n rows of `schema.ANNOTATIONS`.

    Returns
    -------
    float64 [n]. Boxes: width × height. Polygons: by the shoelace formula, so that no pixel grid
    matters. Masks: the number of set pixels. Other kinds, and shapes with too few points: NaN.
    """
    parts = [
        _areas(annotations.slice(begin, _BLOCK)) for begin in range(0, len(annotations), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _areas(annotations: pa.RecordBatch) -> Floats:
    kinds = annotations.column("type").to_numpy()
    result = np.full(len(kinds), np.nan)
    offsets, points = schema.list_parts(annotations.column("points"))
    lengths = np.diff(offsets)

    boxes = np.flatnonzero((kinds == AnnotationType.bbox) & (lengths == 4))
    x1, y1, x2, y2 = (points[offsets[boxes] + i].astype(np.float64) for i in range(4))
    result[boxes] = np.abs((x2 - x1) * (y2 - y1))

    polygons = np.flatnonzero((kinds == AnnotationType.polygon) & (lengths >= 6))
    result[polygons] = polygon_areas(points, offsets[polygons], lengths[polygons] & ~1)

    masks = np.flatnonzero(kinds == AnnotationType.mask)
    starts, counts = schema.list_parts(annotations.column("rle"))
    result[masks] = rle_areas(counts, starts[masks], np.diff(starts)[masks])
    return result


def spans(starts: Array, lengths: Array) -> tuple[Array, Array]:
    """(positions of the spans' values, one after another; where in them each span begins)."""
    begins = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    return np.arange(total) + np.repeat(starts - begins, lengths), begins


def polygon_areas(points: Array, starts: Array, lengths: Array) -> Floats:
    """Areas of polygons whose x, y, … are ``points[start:start + length]`` (length even, > 0)."""
    if not len(starts):
        return np.zeros(0)
    positions, begins = spans(starts, lengths)
    pairs = points[positions].astype(np.float64).reshape(-1, 2)
    begins = begins // 2
    n = lengths // 2
    # Relative to the first vertex: far from the origin the products would eat the digits.
    pairs -= np.repeat(pairs[begins], n, axis=0)
    following = np.arange(1, len(pairs) + 1)
    following[begins + n - 1] = begins
    x, y = pairs[:, 0], pairs[:, 1]
    crossed = x * y[following] - x[following] * y
    return np.abs(np.add.reduceat(crossed, begins)) / 2


def rle_areas(data: Array, starts: Array, lengths: Array) -> Floats:
    """Numbers of set pixels of masks from their compressed COCO run lengths.

    Parameters
    ----------
    data : uint8, the run lengths of all masks: groups of 5 bits, least first, in characters from
        "0" on; bit 5 says that the number goes on, and from the fourth number on each is the
        difference to the last but one.
    starts, lengths : int64 [n], the bytes of each mask.

    Returns
    -------
    float64 [n]; NaN for run lengths that are no such text, or whose sum is negative.
    """
    result = np.zeros(len(starts))
    filled = np.flatnonzero(lengths)
    if not len(filled):
        return result
    positions, begins = spans(starts[filled], lengths[filled])
    raw = data[positions].astype(np.int64) - 48
    ends = begins + lengths[filled] - 1
    bad = np.logical_or.reduceat((raw < 0) | (raw > 63), begins)
    last = (raw & 0x20) == 0
    bad |= ~last[ends]
    last[ends] = True  # a cut mask must not run into the next
    stops = np.flatnonzero(last)
    firsts = np.concatenate(([0], stops[:-1] + 1))
    sizes = stops - firsts + 1
    place = np.arange(len(raw)) - np.repeat(firsts, sizes)
    # 12 groups of 5 bits fill an int64: a longer number is no run length.
    numbers = np.add.reduceat((raw & 0x1F) << (5 * np.minimum(place, 11)), firsts)
    negative = (raw[stops] & 0x10) != 0
    numbers -= np.where(negative, np.int64(1) << (5 * np.minimum(sizes, 12)), 0)

    first_number = np.searchsorted(firsts, begins)
    n_numbers = np.diff(np.append(first_number, len(numbers)))
    bad |= np.maximum.reduceat(sizes, first_number) > 11
    index = np.arange(len(numbers)) - np.repeat(first_number, n_numbers)
    # Odd runs are set pixels, each given as the difference to the one before: a difference counts
    # once for itself and for every odd run after it.
    weight = np.where(index & 1, (np.repeat(n_numbers, n_numbers) - index + 1) // 2, 0)
    sums = np.add.reduceat(numbers.astype(np.float64) * weight, first_number)
    sums[bad | (sums < 0)] = np.nan
    result[filled] = sums
    return result
