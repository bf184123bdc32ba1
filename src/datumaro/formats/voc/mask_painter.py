"""Painting the masks of items into ``SegmentationClass`` and ``SegmentationObject``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datumaro.formats.index_masks import encode
from datumaro.formats.mask_painting import MaskToPaint, paint
from datumaro.formats.voc.label_plan import LabelPlan
from datumaro.formats.voc.masks import instance_palette


@dataclass
class MaskFiles:
    """The two files of an item. ``classes`` is None when no mask has a label."""

    classes: bytes | None
    instances: bytes


class MaskPainter:
    """Paints items' masks."""

    def __init__(self, plan: LabelPlan, *, apply_colormap: bool) -> None:
        self._background = plan.background
        self._apply_colormap = apply_colormap
        top = max(plan.palette, default=0)
        self._palette = np.zeros((max(256, top + 1), 3), np.uint8)
        for index, color in plan.palette.items():
            self._palette[index] = color

    def paint(self, item_id: str, masks: list[MaskToPaint]) -> tuple[MaskFiles, list[str]]:
        """The files of an item's masks, and what was lost; see `mask_painting.paint`."""
        painted = paint(item_id, masks, self._background)
        losses = painted.losses
        labelled = len(painted.numbers) - painted.unlabelled
        if labelled:
            losses += ["masks without a label: they become background"] * painted.unlabelled
        palette = self._palette if self._apply_colormap else None
        numbers_palette = instance_palette(max(painted.numbers)) if self._apply_colormap else None
        return (
            MaskFiles(
                encode(painted.classes, palette) if labelled else None,
                encode(painted.instances, numbers_palette),
            ),
            losses,
        )
