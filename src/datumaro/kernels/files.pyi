"""Batches of small files, copied, read and written without the GIL.

Opening, copying and closing a small file takes no longer than handing the GIL over a few times:
threads that do it in Python wait for one another. Here a batch is one call.

All that is told of a file is whether it is done. The others are as if nobody had touched them, or
half written: whoever does them again, one by one, finds out what is wrong with them. Left are also
what is no regular file, or too large for one call (nobody could interrupt it for long), targets
that exist, and, on Windows, all.
"""

import numpy as np
from numpy.typing import NDArray

def copy(sources: list[str], targets: list[str]) -> list[bool]:
    """Copy the first of some files to new ones, by the system where it can: 16 MB, at least one.

    Returns
    -------
    Which are done, of those that were looked at.
    """

def read(
    paths: list[str], memory: NDArray[np.uint8], step: int = 1, gap: int = 0
) -> list[tuple[int, int] | None]:
    """Read the first of some files, as many as the memory can take, and at least one.

    Parameters
    ----------
    step, gap : each begins at a multiple of ``step`` bytes, ``gap`` or more after the one before.

    Returns
    -------
    Where each begins and ends in the memory, of those that were looked at; None for those that are
    left.
    """

def write(
    paths: list[str],
    memory: NDArray[np.uint8] | bytes,
    places: list[tuple[int, int]],
    tails: list[bytes],
) -> list[bool]:
    """Write new files, each a part of the memory and a tail; which of them are done.

    Raises
    ------
    ValueError
        A place is not in the memory.
    """
