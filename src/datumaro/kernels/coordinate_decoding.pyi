import numpy as np
from numpy.typing import NDArray

CODES: dict[int, tuple[str, str]]
"""What an error code of `decode` means, as (found, expected)."""

def decode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    counts: NDArray[np.int32],
    boxes: NDArray[np.uint8],
    ends: NDArray[np.int64],
    data: NDArray[np.uint8],
) -> tuple[int, int, NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """The reverse of `coordinate_encoding.encode`. The GIL is released.

    Returns
    -------
    code : 0, or what is wrong (`CODES`).
    item : the first where something is.
    point_offsets, points, doubled : as in `encode`.

    Raises
    ------
    ValueError
        Arrays do not fit each other, or offsets do not rise within their values.
    """
