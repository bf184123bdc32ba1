from typing import Any

import numpy as np
from numpy.typing import NDArray

class Records:
    """Columns of some items, ready to be written: the same that `records.read_records` returns.

    Columns that may be missing there may be missing here. ``path_flags`` is not used; paths are
    written as they stand; the types are those that the file shall have.

    Raises
    ------
    KeyError, ValueError
        A column is missing, of the wrong dtype or length, or its offsets do not rise within its
        values.
    """

    def __init__(self, columns: dict[str, NDArray[Any]], subset: NDArray[np.uint8]) -> None: ...
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each item's record (int64 [n])."""

    def write(self, begin: int, end: int, out: NDArray[np.uint8]) -> int:
        """Write the records of items ``begin:end`` and return their size in bytes.

        Raises
        ------
        ValueError
            ``out`` is too small.
        """
