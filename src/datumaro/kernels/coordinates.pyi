import numpy as np
from numpy.typing import NDArray

IS_BOUNDS: int
"""The count of a box that is the bounds of the polygons of its id right before it."""

CODES: dict[int, tuple[str, str]]
"""What an error code of `decode` means, as (found, expected)."""

def encode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    point_offsets: NDArray[np.int64],
    points: NDArray[np.float32],
) -> tuple[
    NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint32]
]:
    """Coordinates as differences in hundredths. The GIL is released.

    Parameters
    ----------
    offsets : int64 [items + 1], each item's annotations, rising from 0.
    types, ids : uint8, int64 [n], of the annotations.
    point_offsets : int64 [n + 1] into ``points``, rising.
    points : float32, pixels.

    Returns
    -------
    counts : int32 [n], how many of the item's numbers are an annotation's; IS_BOUNDS for a box that
        needs none.
    exact : uint8 [n], whether hundredths do not give an annotation's coordinates back to the bit:
        then it has no numbers.
    starts : int64 [items + 1] into ``coded``.
    n_planes : uint8 [items], how many bytes (1 to 4) the item's largest number has.
    coded : uint32, the numbers.

    Raises
    ------
    ValueError
        Arrays do not fit each other.
    """

def plane(
    starts: NDArray[np.int64],
    n_planes: NDArray[np.uint8],
    coded: NDArray[np.uint32],
    number: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """One byte of each number, lowest first: (int64 [items + 1] offsets, uint8 bytes).

    Items whose numbers are too small to have that byte have none in it.
    """

def decode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    counts: NDArray[np.int32],
    exact_offsets: NDArray[np.int64],
    exact: NDArray[np.uint8],
    planes: list[tuple[NDArray[np.int64], NDArray[np.uint8]]],
) -> tuple[int, int, NDArray[np.int64], NDArray[np.float32]]:
    """The reverse of `encode` and `plane`. The GIL is released.

    Parameters
    ----------
    exact_offsets, exact : float32 numbers as bytes, of the annotations that have them so.
    planes : four.

    Returns
    -------
    code : 0, or what is wrong (`CODES`).
    item : where.
    point_offsets, points : as in `encode`.

    Raises
    ------
    ValueError
        Arrays do not fit each other, or offsets do not rise within their values.
    """
