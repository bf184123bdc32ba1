import numpy as np
from numpy.typing import NDArray

CODE_LENGTHS: tuple[int, ...]
"""Bits of each symbol's code; the codes are canonical."""

def canonical_codes() -> list[tuple[int, int, int]]:
    """(Symbol, length in bits, code) of all symbols, by code."""

def encode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    point_offsets: NDArray[np.int64],
    points: NDArray[np.float32],
) -> tuple[
    NDArray[np.uint8], NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]
]:
    """Coordinates as bits. The GIL is released.

    Parameters
    ----------
    offsets : int64 [items + 1], each item's annotations, rising from 0.
    types, ids : uint8 and int64 [n], of the annotations.
    point_offsets : int64 [n + 1] into ``points``, rising.
    points : float32, pixels.

    Returns
    -------
    boxes : uint8 [n], which boxes are the bounds of the polygons of their id right before them in
        their item; they get no bits.
    counts : int32 [n], how many numbers an annotation has, 0 for such boxes; negative when
        hundredths do not give them back to the bit, and they are in the bits as float32.
    ends : int64 [items + 1] into ``data``.
    data : uint8, each item's bits, filled up to a byte.
    doubled : int64 [n], twice the area of each polygon in hundredths; 0 for other annotations.

    Raises
    ------
    ValueError
        Arrays do not fit each other.
    """
