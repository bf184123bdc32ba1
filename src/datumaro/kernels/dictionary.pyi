import numpy as np
from numpy.typing import NDArray

def numbers(
    indices: NDArray[np.int32],
    valid: NDArray[np.uint8] | None,
    first: int,
    meanings: NDArray[np.uint8],
    missing: int,
) -> tuple[int, NDArray[np.uint8]]:
    """(The first index beyond the dictionary, or -1; the number that each stands for).

    The GIL is released, in `texts`, too.

    Parameters
    ----------
    indices : int32 [n].
    valid, first : Arrow's validity bits, lowest first, and the number of the first index's; None
        when there are no nulls.
    meanings : uint8 [the dictionary's size].
    missing : what a null is.

    Raises
    ------
    ValueError
        There are fewer bits than indices.
    """

def texts(
    indices: NDArray[np.int32],
    valid: NDArray[np.uint8] | None,
    first: int,
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
) -> tuple[int, NDArray[np.int64], NDArray[np.uint8]]:
    """(The first index beyond the dictionary, or -1; offsets int64 [n + 1]; bytes) of the texts.

    Parameters
    ----------
    indices, valid, first : as `numbers` has them; a null is an empty text.
    offsets, data : the dictionary's texts.

    Raises
    ------
    ValueError
        There are fewer bits than indices, or offsets are outside the bytes.
    """

def indices(values: NDArray[np.uint8], places: NDArray[np.int32]) -> NDArray[np.int32]:
    """The reverse of `numbers`: where each value is in a dictionary.

    Parameters
    ----------
    values : uint8 [n].
    places : int32 [256].

    Raises
    ------
    ValueError
        There are not 256 places.
    """

def runs(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where the texts change: the rows (int64) that are not as the one before, and their end, n.

    Parameters
    ----------
    offsets, data : texts, int64 [n + 1] and their bytes.

    Raises
    ------
    ValueError
        The offsets are not within the bytes.
    """
