import numpy as np
from numpy.typing import NDArray

def bounds(labels: NDArray[np.int32], none: int) -> tuple[int, int]:
    """(The smallest label or 0, the largest or -1), but for those that are ``none``.

    The GIL is released, in `count`, too.
    """

def count(types: NDArray[np.uint8], labels: NDArray[np.int32], most: int) -> NDArray[np.int64]:
    """How many annotations have a label and a type: int64 [most + 2, 256].

    Parameters
    ----------
    types, labels : [n].
    most : the largest label. In the first row are those with a label that is not in 0 to ``most``,
        then those of label 0.

    Raises
    ------
    ValueError
        The arrays are of different lengths.
    """

def occurring(types: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The types that occur, rising. The GIL is released."""
