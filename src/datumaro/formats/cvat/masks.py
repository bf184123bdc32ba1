"""Masks as CVAT writes them: run lengths of 0 and 1 along the rows of a box in the image."""

from __future__ import annotations

import numpy as np

from datumaro.kernels.rle import encode_groups
from datumaro.model import run_lengths

_MAX_PIXELS = 1 << 27
_NOTHING = np.int8(0)


def decode(text: str, box: tuple[int, int, int, int], size: tuple[int, int]) -> bytes:
    """The compressed COCO run lengths of a mask.

    Parameters
    ----------
    text : lengths of runs of 0 and 1 in turn, beginning with 0: ``"3, 2, 5"``.
    box : left, top, width and height in pixels.
    size : the image's height and width.

    Raises
    ------
    ValueError
        The lengths are not those of the box, or the box is not in the image.
    """
    left, top, width, height = box
    if min(left, top) < 0 or min(width, height) < 1:
        raise ValueError(f"a box of {width} x {height} pixels at {left}, {top}")
    if left + width > size[1] or top + height > size[0]:
        raise ValueError(
            f"a box of {width} x {height} pixels at {left}, {top} in an image of {size[1]} x "
            f"{size[0]}"
        )
    if size[0] * width > _MAX_PIXELS:
        raise ValueError(f"a mask of {size[0]} x {width} pixels, which is too large")
    runs = np.array([int(word) for word in text.split(",")], np.int64)
    if runs.min() < 0 or runs.max() > width * height or int(runs.sum()) != width * height:
        raise ValueError(f"run lengths that do not add up to {width} x {height}")
    values = (np.arange(len(runs)) & 1).astype(np.int8)
    columns = np.zeros((width, size[0]), np.int8)
    columns[:, top : top + height] = np.repeat(values, runs).reshape(height, width).T
    change = np.diff(columns.ravel(), prepend=_NOTHING, append=_NOTHING)
    begins, ends = (np.flatnonzero(change == step) + left * size[0] for step in (1, -1))
    first = np.array([0, len(begins)], np.int64)
    return encode_groups(begins, ends, first, size[0] * size[1])[1]


def encode(rle: bytes, height: int, width: int) -> tuple[str, tuple[int, int, int, int]]:
    """The reverse of `decode`: the text, and the box.

    Raises
    ------
    ValueError
        The run lengths are damaged, or the mask is too large.
    """
    mask = {"counts": rle, "size": [height, width]}
    left, top, w, h = run_lengths.bounds(mask)
    if not w or not h:  # a box has a pixel at least
        if not height or not width:
            raise ValueError(f"a mask of {height} x {width} pixels")
        return "1", (0, 0, 1, 1)
    rows = run_lengths.decode(mask)[top : top + h, left : left + w].ravel()
    at = np.flatnonzero(np.diff(rows)) + 1
    runs = np.diff(np.concatenate([[0], at, [len(rows)]])).tolist()
    return ", ".join(map(str, [0, *runs] if rows[0] else runs)), (left, top, w, h)
