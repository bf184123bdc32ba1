import numpy as np
from numpy.typing import NDArray

CODE_LENGTHS: tuple[int, ...]
"""Bits of each symbol's code; the codes are canonical."""

CODES: dict[int, tuple[str, str]]
"""What an error code of `decode` means, as (found, expected)."""

def encode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    point_offsets: NDArray[np.int64],
    points: NDArray[np.float32],
    boxes: NDArray[np.uint8],
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """Coordinates as bits. The GIL is released.

    Parameters
    ----------
    offsets : int64 [items + 1], each item's annotations, rising from 0.
    types : uint8 [n], of the annotations.
    point_offsets : int64 [n + 1] into ``points``, rising.
    points : float32, pixels.
    boxes : uint8 [n], of `boxes_of_polygons`: they get no bits.

    Returns
    -------
    counts : int32 [n], how many numbers an annotation has; negative when hundredths do not give
        them back to the bit, and they are in the bits as float32.
    ends : int64 [items + 1] into ``data``.
    data : uint8, each item's bits, filled up to a byte.
    doubled : int64 [n], twice the area of each polygon in hundredths; 0 for other annotations.

    Raises
    ------
    ValueError
        Arrays do not fit each other.
    """

def decode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    counts: NDArray[np.int32],
    boxes: NDArray[np.uint8],
    ends: NDArray[np.int64],
    data: NDArray[np.uint8],
) -> tuple[int, int, NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """The reverse of `encode`. The GIL is released.

    Returns
    -------
    code : 0, or what is wrong (`CODES`).
    item : where.
    point_offsets, points, doubled : as in `encode`.

    Raises
    ------
    ValueError
        Arrays do not fit each other, or offsets do not rise within their values.
    """

def boxes_of_polygons(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    point_offsets: NDArray[np.int64],
    points: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Which boxes are the bounds of the polygons of their id right before them in their item."""
