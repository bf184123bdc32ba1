import numpy as np
from numpy.typing import NDArray

def are_distinct(columns: list[tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> bool:
    """Whether no text is there twice, in all columns together; False, too, when it takes long.

    The texts' hashes are compared: when these are different, the texts are. The GIL is released.

    Parameters
    ----------
    columns : the offsets (int64 [n + 1]) and bytes of each.

    Raises
    ------
    ValueError
        Offsets are not within the bytes.
    """
