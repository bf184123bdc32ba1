import numpy as np
from numpy.typing import NDArray

def bounds(labels: NDArray[np.int32], none: int) -> tuple[int, int]:
    """(The smallest label or 0, the largest or -1), but for those that are ``none``.

    The GIL is released, in the others, too.
    """

def count(
    types: NDArray[np.uint8], labels: NDArray[np.int32], none: int, bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """How many annotations have a label and a type.

    Parameters
    ----------
    types, labels : [n].
    none : stands for no label.
    bits : of labels, 30 at most.

    Returns
    -------
    types : int64 [k], those that occur, rising.
    table : int64 [k, labels + 1]. In the first column are those without a label, then those of
        label 0. None in place of both, if a label is below 0 or has more bits.

    Raises
    ------
    ValueError
        The arrays are of different lengths, or ``bits`` not 0 to 30.
    """

def occurring(types: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The types that occur, rising."""
