import numpy as np
from numpy.typing import NDArray

def encode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    doubled: NDArray[np.int64],
    areas: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Areas as differences to those of their polygons. The GIL is released.

    Parameters
    ----------
    offsets : int64 [items + 1], each item's annotations, rising from 0.
    types, ids : uint8 [n] and int64 [n], of the annotations.
    doubled : int64 [n], twice the area of each polygon in hundredths (`coordinates.encode`).
    areas : float64 [n], NaN for none.

    Returns
    -------
    coded : int64 [n].
    untold : uint8 [n], which need not be told: they are none, or that of the annotation before in
        the item, with the same id.

    Raises
    ------
    ValueError
        Arrays do not fit each other, or offsets do not rise.
    """

def decode(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    doubled: NDArray[np.int64],
    coded: NDArray[np.int64],
    valid: NDArray[np.uint8] | None,
    first: int,
) -> NDArray[np.float64]:
    """The reverse of `encode`: areas (float64 [n], NaN for none). The GIL is released.

    Parameters
    ----------
    doubled : as there. The areas take its memory: it is written over.
    valid, first : Arrow's validity bits of ``coded``, lowest first, and the number of the first
        value's; None where all are told.

    Raises
    ------
    ValueError
        Arrays do not fit each other, or offsets do not rise.
    """
