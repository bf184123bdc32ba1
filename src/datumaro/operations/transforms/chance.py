"""Random choices that a seed repeats, in any version of Python.

The numbers are those of the Mersenne Twister, drawn as the standard library's `random` draws them
today (and so the published package's), which promises less than this.
"""

from __future__ import annotations

import random

import numpy as np

from datumaro.table.schema import Array


def shuffled(n: int, seed: int | None) -> Array:
    """The numbers 0 to n - 1 in random order, int64."""
    numbers = source(seed)
    order = list(range(n))
    for last in range(n - 1, 0, -1):
        other = below(numbers, last + 1)
        order[last], order[other] = order[other], order[last]
    return np.array(order, np.int64)


def source(seed: int | None) -> random.Random:
    """Where random numbers come from; without a seed from somewhere else each time."""
    return random.Random(seed)


def below(numbers: random.Random, n: int) -> int:
    """A number from 0 to n - 1."""
    bits = n.bit_length()
    number = numbers.getrandbits(bits)
    while number >= n:
        number = numbers.getrandbits(bits)
    return number
