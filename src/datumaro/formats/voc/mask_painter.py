"""Painting the masks of items into ``SegmentationClass`` and ``SegmentationObject``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats.voc.label_plan import LabelPlan
from datumaro.formats.voc.masks import Array, encode, instance_palette
from datumaro.model import run_lengths

_MAX_NUMBER = 255  # the last number that a palette image can hold


@dataclass
class MaskToPaint:
    """A mask.

    Attributes
    ----------
    rle : compressed COCO run lengths.
    group : becomes the number of the instance, when it can.
    cls : index in the label map; -1 for none.
    """

    rle: bytes
    height: int
    width: int
    z_order: int
    group: int
    cls: int


@dataclass
class Painted:
    """The two files of an item. ``classes`` is None when no mask has a label."""

    classes: bytes | None
    instances: bytes


def instance_numbers(groups: list[int]) -> list[int]:
    """A number from 1 on for each mask: its group, if no other mask has it; else a free one."""
    counts = Counter(groups)
    once = {group for group, n in counts.items() if n == 1 and 0 < group <= _MAX_NUMBER}
    free = (number for number in range(1, len(groups) + len(once) + 1) if number not in once)
    return [group if group in once else next(free) for group in groups]


class MaskPainter:
    """Paints items' masks."""

    def __init__(self, plan: LabelPlan, *, apply_colormap: bool) -> None:
        self._background = plan.background
        self._apply_colormap = apply_colormap
        top = max(plan.palette, default=0)
        self._palette = np.zeros((max(256, top + 1), 3), np.uint8)
        for index, color in plan.palette.items():
            self._palette[index] = color

    def paint(self, item_id: str, masks: list[MaskToPaint]) -> tuple[Painted, list[str]]:
        """Paint masks in the order of their ``z_order``, those with a higher one on top.

        Returns
        -------
        The files, and what was lost.

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
        numbers = instance_numbers([mask.group for mask in fitting])
        instances = np.zeros(shape, np.int32)
        classes = np.full(shape, self._background, np.int32)
        areas: dict[int, int] = {}
        for mask, number in zip(fitting, numbers, strict=True):
            pixels = _decode(mask, item_id)
            instances[pixels] = number
            classes[pixels] = self._background if mask.cls < 0 else mask.cls
            areas[number] = int(np.count_nonzero(pixels))
        seen = np.bincount(instances.ravel(), minlength=max(numbers) + 1)
        hidden = sum(seen[number] < area for number, area in areas.items())
        losses += ["masks that others cover in part or whole: the covered pixels"] * int(hidden)
        labelled = [mask for mask in fitting if mask.cls >= 0]
        if labelled:
            losses += ["masks without a label: they become background"] * (
                len(fitting) - len(labelled)
            )
        palette = self._palette if self._apply_colormap else None
        numbers_palette = instance_palette(max(numbers)) if self._apply_colormap else None
        return (
            Painted(
                encode(classes, palette) if labelled else None, encode(instances, numbers_palette)
            ),
            losses,
        )


def _decode(mask: MaskToPaint, item_id: str) -> Array:
    try:
        return run_lengths.decode({"counts": mask.rle, "size": [mask.height, mask.width]}).astype(
            bool
        )
    except ValueError as error:
        raise UnsupportedContentError(f"item {item_id!r}: a mask is damaged: {error}") from error
