"""Work on many rows, block by block, in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from datumaro.operations.transforms.base import TransformContext
from datumaro.workers import Workers

R = TypeVar("R")


def in_blocks(
    context: TransformContext, work: Callable[[slice], R], rows: int, size: int
) -> list[R]:
    """What a function gives for each block of rows, in their order.

    Parameters
    ----------
    work : is given the block's rows. Most of it leaves the interpreter's lock to others.
    size : rows of a block; bounds the memory of temporaries.
    """
    here = context.workers if context.workers.share_memory else Workers(None)
    blocks = ([slice(begin, begin + size)] for begin in range(0, rows, size))
    with here.map(work, blocks) as results:
        return list(results)
