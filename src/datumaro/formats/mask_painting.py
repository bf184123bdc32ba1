"""Painting the masks of an item into one image of classes and one of instances."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats.index_masks import Array
from datumaro.kernels import rle
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
    classes, instances : int32 [height, width]: each pixel's class, and the number of its instance
        (0 where there is no mask).
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
    order, areas = paint_order(item_id, fitting)  # each pixel's mask, counted from 1; 0 for none
    seen = np.bincount(order.ravel(), minlength=len(fitting) + 1)[1:]
    losses += [COVERED] * int(np.count_nonzero(seen < areas))
    classes = np.array([background, *(background if m.cls < 0 else m.cls for m in fitting)])
    unlabelled = sum(mask.cls < 0 for mask in fitting)
    return Painted(
        classes.astype(np.int32)[order],
        np.array([0, *numbers], np.int32)[order],
        numbers,
        unlabelled,
        losses,
    )


def paint_classes(
    item_id: str, masks: list[MaskToPaint], background: int
) -> tuple[Array, list[str]]:
    """Paint masks as `paint` does, into an image of classes alone: those of a class become one.

    Returns
    -------
    int32 [height, width], and what it does not show, each as a plural.

    Raises
    ------
    UnsupportedContentError
        A mask's run lengths are damaged.
    """
    fitting, losses = of_one_size(masks)
    order, areas = paint_order(item_id, fitting)
    seen = np.bincount(order.ravel(), minlength=len(fitting) + 1)[1:]
    losses += [COVERED] * int(np.count_nonzero(seen < areas))
    losses += [MERGED] * (len(fitting) - len({mask.cls for mask in fitting}))
    return np.array([background, *(m.cls for m in fitting)], np.int32)[order], losses


def of_one_size(masks: list[MaskToPaint]) -> tuple[list[MaskToPaint], list[str]]:
    """The masks of the first one's size, by their ``z_order``; and what is lost of the others."""
    shape = masks[0].height, masks[0].width
    fitting = [m for m in masks if (m.height, m.width) == shape]
    losses = ["masks of another size than their item's first"] * (len(masks) - len(fitting))
    return sorted(fitting, key=lambda mask: mask.z_order), losses


def paint_order(item_id: str, masks: list[MaskToPaint]) -> tuple[Array, Array]:
    """Paint masks of one size, later ones over earlier ones.

    Returns
    -------
    int32 [height, width]: the number of the mask that each pixel shows, counted from 1, 0 for none;
    and the masks' areas in pixels, int64 [n].

    Raises
    ------
    UnsupportedContentError
        A mask's run lengths are damaged.
    """
    height, width = masks[0].height, masks[0].width
    if not 0 <= height * width <= run_lengths.MAX_PIXELS:
        raise UnsupportedContentError(f"item {item_id!r}: a mask of {height} x {width} pixels")
    canvas = np.zeros(height * width, np.int32)
    areas = np.array([rle.paint(canvas, m.rle, i) for i, m in enumerate(masks, 1)], np.int64)
    if (areas < 0).any():
        number = int(np.argmax(areas < 0))
        try:
            run_lengths.lengths({"counts": masks[number].rle, "size": [height, width]})
        except ValueError as error:
            reason = str(error)
        else:
            reason = "its run lengths do not fit its size"
        raise UnsupportedContentError(f"item {item_id!r}: a mask is damaged: {reason}")
    return canvas.reshape(width, height).T, areas


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
