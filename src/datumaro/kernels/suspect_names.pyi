import numpy as np
from numpy.typing import NDArray

def suspects(offsets: NDArray[np.int64], data: NDArray[np.uint8], paths: bool) -> NDArray[np.int64]:
    """The rows (int64, rising) of texts that have a backslash, a NUL, or what stands below.

    The GIL is released.

    Parameters
    ----------
    offsets, data : UTF-8 texts, int64 [n + 1] and the bytes.
    paths : of paths a colon, an empty part but for the first, or one that begins with a dot; of
        names two dots in a row, a slash or a drive (a letter and a colon) at the beginning, or
        nothing at all.

    Raises
    ------
    ValueError
        The offsets are not within the bytes.
    """
