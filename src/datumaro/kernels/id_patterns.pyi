import numpy as np
from numpy.typing import NDArray

MOST_MARKS: int
"""In one text; a reader refuses more, which would make much of little."""

def encode(
    id_offsets: NDArray[np.int64],
    ids: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    texts: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Texts with U+0000 in place of the item's id, and U+0001 for the id without leading zeros.

    It is replaced where it stands as a word of its own. A text in which nothing is, or that has
    one of both already, becomes an empty one. The GIL is released.

    Parameters
    ----------
    id_offsets, ids : int64 [n + 1] into bytes, the items' ids.
    offsets, texts : int64 [n + 1] into bytes, UTF-8.

    Returns
    -------
    ends, patterns : int64 [n + 1] from 0 into bytes.

    Raises
    ------
    ValueError
        Arrays do not fit each other, or offsets do not rise within their values.
    """

def decode(
    id_offsets: NDArray[np.int64],
    ids: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    patterns: NDArray[np.uint8],
) -> tuple[int, NDArray[np.int64], NDArray[np.uint8]]:
    """The reverse of `encode`: (row with more than MOST_MARKS marks or -1, ends, texts)."""
