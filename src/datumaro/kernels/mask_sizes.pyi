import numpy as np
from numpy.typing import NDArray

def of_items(
    offsets: NDArray[np.int64], rle_ends: NDArray[np.int64], sizes: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The size of each annotation's item where it has run lengths, 0 elsewhere: int32 [n].

    The GIL is released, in `are_of_items`, too.

    Parameters
    ----------
    offsets : int64 [items + 1], each item's annotations, rising from 0.
    rle_ends : int64 [n + 1], where the run lengths of annotations begin and end.
    sizes : int32 [items], heights or widths in pixels.

    Raises
    ------
    ValueError
        Arrays do not fit each other.
    """

def are_of_items(
    told: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rle_ends: NDArray[np.int64],
    sizes: NDArray[np.int32],
) -> bool:
    """Whether ``told`` (int32 [n]) is what `of_items` gives."""
