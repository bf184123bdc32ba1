"""Memory that is used again and again."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt


class Scratch(threading.local):
    """Memory for what is needed for a moment; each thread has its own.

    To get fresh memory from the system takes longer than to fill it: it comes in small pages, and
    each is a trap when it is first written to.

    Parameters
    ----------
    keep : bytes that are kept for the next time; more are given back at once.
    """

    def __init__(self, keep: int) -> None:  # runs in each thread that comes to it
        self._keep = keep
        self._memory = np.empty(0, np.uint8)

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        """``size`` bytes, good until the thread takes some again; what stands in them is waste."""
        if len(self._memory) < size:
            memory = np.empty(size + size // 8, np.uint8)  # the next may need a little more
            if size > self._keep:
                return memory[:size]
            self._memory = memory
        return self._memory[:size]
