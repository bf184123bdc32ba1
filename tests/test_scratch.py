"""Memory that is used again."""

from __future__ import annotations

import threading

import numpy as np

from datumaro.scratch import Scratch


def test_the_same_memory_is_given_again() -> None:
    scratch = Scratch(keep=1000)
    first = scratch.take(100)
    assert (first.dtype, first.shape) == (np.uint8, (100,))
    assert np.shares_memory(first, scratch.take(50))
    assert len(scratch.take(0)) == 0


def test_more_than_is_kept_is_given_and_forgotten() -> None:
    scratch = Scratch(keep=1000)
    first = scratch.take(1001)
    assert len(first) == 1001
    assert not np.shares_memory(first, scratch.take(1000))


def test_each_thread_has_its_own() -> None:
    scratch = Scratch(keep=1000)
    mine, theirs = scratch.take(10), []
    thread = threading.Thread(target=lambda: theirs.append(scratch.take(10)))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, theirs[0])
