"""Painting the masks of an item into one image of classes and one of instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats.index_masks import Array
from datumaro.kernels import pixels, rle
from datumaro.model import run_lengths

COVERED = "masks that others cover in part or whole: the covered pixels"
MERGED = "masks of a label that others of their item have too: they become one"


@dataclass
class MaskToPaint:
    """A mask.

    Attributes
    ----------
    rle : compressed COCO run lengths.
    height, width : in pixels.
    z_order : masks with a higher one lie on top.
    group : becomes the number of the instance, when it can.
    cls : index of its class; -1 for none.
    """

    rle: bytes
    height: int
    width: int
    z_order: int
    group: int
    cls: int


@dataclass
class Painted:
    """Painted masks.

    Attributes
    ----------
    classes, instances : integers [height, width]: each pixel's class, and the number of its
        instance (0 where there is no mask).
    numbers : the instances' numbers, in the order in which they were painted.
    unlabelled : how many masks have no class; they are background in ``classes``.
    losses : what the two images do not show, each as a plural.
    """

    classes: Array
    instances: Array
    numbers: list[int]
    unlabelled: int
    losses: list[str]


def paint(item_id: str, masks: list[MaskToPaint], background: int, most: int = 255) -> Painted:
    """Paint masks in the order of their ``z_order``, those with a higher one on top.

    Parameters
    ----------
    item_id : for messages.
    masks : at least one. Those of another size than the first are left out, and told.
    background : the class of the pixels without a mask.
    most : the highest group that becomes the number of an instance; see `instance_numbers`.

    Raises
    ------
    UnsupportedContentError
        A mask's run lengths are damaged.
    """
    fitting, losses = of_one_size(masks)
    numbers = instance_numbers([mask.group for mask in fitting], most)
    order = paint_order(item_id, fitting)
    losses += [COVERED] * order.n_covered
    unlabelled = sum(mask.cls < 0 for mask in fitting)
    return Painted(
        order.values([background, *(background if m.cls < 0 else m.cls for m in fitting)]),
        order.values([0, *numbers]),
        numbers,
        unlabelled,
        losses,
    )


def paint_classes(
    item_id: str, masks: list[MaskToPaint], background: int, first: int = 0
) -> tuple[Array, list[str]]:
    """Paint masks as `paint` does, into an image of classes alone: those of a class become one.

    Parameters
    ----------
    first : the value of class 0; it is added to all, the background too.

    Returns
    -------
    Integers [height, width], and what it does not show, each as a plural.

    Raises
    ------
    UnsupportedContentError
        A mask's run lengths are damaged.
    """
    fitting, losses = of_one_size(masks)
    order = paint_order(item_id, fitting)
    losses += [COVERED] * order.n_covered
    losses += [MERGED] * (len(fitting) - len({mask.cls for mask in fitting}))
    return order.values([background + first, *(m.cls + first for m in fitting)]), losses


def of_one_size(masks: list[MaskToPaint]) -> tuple[list[MaskToPaint], list[str]]:
    """The masks of the first one's size, by their ``z_order``; and what is lost of the others."""
    shape = masks[0].height, masks[0].width
    fitting = [m for m in masks if (m.height, m.width) == shape]
    losses = ["masks of another size than their item's first"] * (len(masks) - len(fitting))
    return sorted(fitting, key=lambda mask: mask.z_order), losses


@dataclass
class PaintOrder:
    """Which of an item's masks each pixel shows.

    Attributes
    ----------
    pixels : unsigned or int32 [height, width], the masks' numbers, counted from 1; 0 for none.
    areas : int64 [n], of the masks, in pixels.
    seen : int64 [n + 1], how many pixels show each number.
    """

    pixels: Array
    areas: Array
    seen: Array

    @property
    def n_covered(self) -> int:
        """How many masks others cover in part or whole."""
        return int(np.count_nonzero(self.seen[1:] < self.areas))

    def values(self, values: Sequence[int] | Array) -> Array:
        """What each pixel shows, when the numbers have these values.

        Returns
        -------
        uint8, uint16 or int32 [height, width], the smallest that holds all of them.
        """
        wanted = np.asarray(values, np.int32)
        low, high = int(wanted.min()), int(wanted.max())
        kind = np.uint8 if high < 1 << 8 else np.uint16 if high < 1 << 16 else np.int32
        shown = np.empty(self.pixels.shape, kind if low >= 0 else np.int32)
        pixels.look_up(self.pixels, wanted.astype(shown.dtype), shown)
        return shown


def paint_order(item_id: str, masks: list[MaskToPaint]) -> PaintOrder:
    """Paint masks of one size, later ones over earlier ones.

    Raises
    ------
    UnsupportedContentError
        A mask's run lengths are damaged.
    """
    height, width = masks[0].height, masks[0].width
    if not 0 <= height * width <= run_lengths.MAX_PIXELS:
        raise UnsupportedContentError(f"item {item_id!r}: a mask of {height} x {width} pixels")
    shown, areas, seen = rle.paint_all([mask.rle for mask in masks], height, width)
    if (areas < 0).any():
        number = int(np.argmax(areas < 0))
        try:
            run_lengths.lengths({"counts": masks[number].rle, "size": [height, width]})
        except ValueError as error:
            reason = str(error)
        else:
            reason = "its run lengths do not fit its size"
        raise UnsupportedContentError(f"item {item_id!r}: a mask is damaged: {reason}")
    return PaintOrder(shown, areas, seen)


def instance_numbers(groups: list[int], most: int = 255) -> list[int]:
    """A number from 1 on for each mask: its group, if no other mask has it; else a free one.

    Parameters
    ----------
    most : the highest group that is kept as a number.
    """
    counts = Counter(groups)
    once = {group for group, n in counts.items() if n == 1 and 0 < group <= most}
    free = (number for number in range(1, len(groups) + len(once) + 1) if number not in once)
    return [group if group in once else next(free) for group in groups]
