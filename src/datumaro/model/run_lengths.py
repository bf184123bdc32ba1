"""COCO's run-length encoding of masks, as pycocotools defines it.

A mask is told column by column as the lengths of runs of 0 and 1 in turn, beginning with 0.
Compressed, each run from the fourth on is written as its difference to the one before the last, in
groups of five bits, lowest first, as characters from "0" on; 32 marks that more groups follow, and
the highest bit of the last group is the sign.

Run lengths are read here and not by pycocotools, which trusts them: a text that ends too early, or
a mask of no pixels, makes it read and write outside its memory.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from datumaro.kernels import rle as kernel

Rle: TypeAlias = dict[str, Any]
"""{"counts": bytes, "size": [height, width]}"""

MAX_PIXELS = 1 << 30
"""Masks with more pixels are not decoded: they would fill the memory."""


def encode(image: npt.NDArray[Any]) -> Rle:
    """A mask [height, width] as compressed run lengths."""
    from pycocotools import mask as coco_mask

    return coco_mask.encode(np.asfortranarray(image, np.uint8))  # pyright: ignore


def compressed(rle: Rle) -> Rle:
    """Run lengths with ``counts`` as bytes: from text or from the uncompressed list of numbers.

    Raises
    ------
    ValueError
        The counts are a list of numbers that do not add up to the mask's size. Compressed ones are
        checked when they are decoded.
    """
    counts, (height, width) = rle["counts"], rle["size"]
    if isinstance(counts, str):
        counts = counts.encode("ascii")
    elif not isinstance(counts, bytes):
        from pycocotools import mask as coco_mask

        if min(counts, default=0) < 0 or sum(counts) != height * width:
            raise ValueError(
                f"run lengths add up to {sum(counts)}; expected {height} x {width} of them"
            )
        uncompressed: Any = {"counts": list(counts), "size": [height, width]}
        counts = cast(Any, coco_mask.frPyObjects(uncompressed, height, width))["counts"]
    return {"counts": counts, "size": [int(height), int(width)]}


def lengths(rle: Rle) -> npt.NDArray[np.int64]:
    """The lengths of the runs of 0 and 1, in turn.

    Raises
    ------
    ValueError
        The counts are damaged, or do not add up to the mask's size.
    """
    height, width = rle["size"]
    found = kernel.lengths(rle["counts"], height * width) if _is_size(height, width) else None
    return _checked_lengths(rle) if found is None else found


def _checked_lengths(rle: Rle) -> npt.NDArray[np.int64]:
    """The same, step by step, so that an error can tell what is wrong."""
    height, width = rle["size"]
    groups = np.frombuffer(rle["counts"], np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((groups & 32) == 0)
    if len(groups) and (
        groups.min() < 0 or groups.max() > 63 or not len(last) or last[-1] != len(groups) - 1
    ):
        raise ValueError("the run lengths of a mask are damaged")
    begins = np.concatenate([np.zeros(1, np.int64), last[:-1] + 1])[: len(last)]
    sizes = last + 1 - begins
    if len(sizes) and sizes.max() > 8:
        raise ValueError("the run lengths of a mask are damaged")
    if not len(sizes):
        runs = np.zeros(0, np.int64)
    else:
        place = np.arange(len(groups)) - np.repeat(begins, sizes)
        runs = np.add.reduceat((groups & 31) << (5 * place), begins)
        runs -= ((groups[last] & 16) != 0).astype(np.int64) << (5 * sizes)
        runs[1::2] = np.cumsum(runs[1::2])
        runs[2::2] = np.cumsum(runs[2::2])
    pixels = height * width if min(height, width) >= 0 else -1
    if len(runs) and not 0 <= runs.min() <= runs.max() <= pixels:
        raise ValueError(
            f"run lengths of {runs.min()} to {runs.max()} in {height} x {width} pixels"
        )
    if int(runs.sum()) != pixels:
        raise ValueError(
            f"run lengths add up to {int(runs.sum())}; expected {height} x {width} of them"
        )
    return runs


def decode(rle: Rle) -> npt.NDArray[np.uint8]:
    """The mask: [height, width] of 0 and 1.

    Raises
    ------
    ValueError
        As `lengths`; or the mask has more than MAX_PIXELS.
    """
    height, width = rle["size"]
    if height * width > MAX_PIXELS:
        raise ValueError(f"a mask of {height} x {width} pixels is too large")
    found = kernel.decode(rle["counts"], height * width) if _is_size(height, width) else None
    if found is None:
        runs = _checked_lengths(rle)
        found = np.repeat((np.arange(len(runs)) & 1).astype(np.uint8), runs)
    return found.reshape(width, height).T


def area(rle: Rle) -> int:
    """Number of pixels that are 1."""
    return measure(rle)[0]


def bounds(rle: Rle) -> list[int]:
    """x, y, width, height of the bounds in pixels; zeros when all pixels are 0."""
    return measure(rle)[1]


def measure(rle: Rle) -> tuple[int, list[int]]:
    """`area` and `bounds`.

    Raises
    ------
    ValueError
        As `lengths`.
    """
    height, width = rle["size"]
    found = kernel.measure(rle["counts"], height, width) if _is_size(height, width) else None
    if found is None:
        _checked_lengths(rle)
        raise ValueError(f"a mask of {height} x {width} pixels is too large")
    return found


def _is_size(height: int, width: int) -> bool:
    """Whether the kernel can count so many pixels."""
    return 0 <= height < 1 << 31 and 0 <= width < 1 << 31
