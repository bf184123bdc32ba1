"""Painting the masks of an item into one image of classes and one of instances."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats.index_masks import Array
from datumaro.model import run_lengths


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
    losses: list[str] = []
    shape = masks[0].height, masks[0].width
    fitting = [m for m in masks if (m.height, m.width) == shape]
    losses += ["masks of another size than their item's first"] * (len(masks) - len(fitting))
    fitting.sort(key=lambda mask: mask.z_order)
    numbers = instance_numbers([mask.group for mask in fitting], most)
    instances = np.zeros(shape, np.int32)
    classes = np.full(shape, background, np.int32)
    areas: dict[int, int] = {}
    for mask, number in zip(fitting, numbers, strict=True):
        pixels = _decode(mask, item_id)
        instances[pixels] = number
        classes[pixels] = background if mask.cls < 0 else mask.cls
        areas[number] = int(np.count_nonzero(pixels))
    seen = np.bincount(instances.ravel(), minlength=max(numbers) + 1)
    hidden = sum(seen[number] < area for number, area in areas.items())
    losses += ["masks that others cover in part or whole: the covered pixels"] * int(hidden)
    unlabelled = sum(mask.cls < 0 for mask in fitting)
    return Painted(classes, instances, numbers, unlabelled, losses)


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


def _decode(mask: MaskToPaint, item_id: str) -> Array:
    try:
        return run_lengths.decode({"counts": mask.rle, "size": [mask.height, mask.width]}).astype(
            bool
        )
    except ValueError as error:
        raise UnsupportedContentError(f"item {item_id!r}: a mask is damaged: {error}") from error
