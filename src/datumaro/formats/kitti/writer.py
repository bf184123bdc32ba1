"""Writing a data set as KITTI."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats import (
    cityscapes_labels,
    dataset_meta,
    index_masks,
    kitti_labels,
    label_colors,
    paint_plan,
)
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import BLACK, MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.kitti import boxes
from datumaro.formats.kitti.files import BOXES, CLASSES, COLORS, IMAGES, MASKS, Task
from datumaro.formats.label_colors import BACKGROUND, LabelColors, with_colors
from datumaro.formats.mask_painting import COVERED, MERGED, MaskToPaint, of_one_size, paint_order
from datumaro.formats.mask_writing import MaskPainters
from datumaro.formats.rows import ChunkRows
from datumaro.options import option
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import json_text
from datumaro.table.chunk import Content

_MOST_LABELS = 255  # and the background: a value has 8 bits for the label
_MOST_THINGS = 255


@dataclass(frozen=True, kw_only=True)
class KittiWriteOptions(MetaWriteOptions):
    """Options of an export to KITTI."""

    apply_colormap: bool = option(True, "write masks in colours (semantic_rgb) beside the others")
    label_map: str = option(
        paint_plan.SOURCE,
        "labels and colours: source (the data set's own), kitti (the standard ones), or a file",
        metavar="SOURCE|KITTI|FILE",
    )


def write(
    content: Content, folder: Path, task: Task, options: KittiWriteOptions, context: WriteContext
) -> None:
    """Write ``content`` into ``folder``.

    Raises
    ------
    UnsupportedContentError
        A label's name cannot be written, or masks have too many labels.
    PathOutsideDatasetError, PathSeparatorInSubsetNameError
        An item's id or a subset's name leads outside the folder.
    """
    _Writer(content, folder, task, options, context).write()


class _Writer:
    def __init__(
        self,
        content: Content,
        folder: Path,
        task: Task,
        options: KittiWriteOptions,
        context: WriteContext,
    ) -> None:
        self.content, self.folder, self.task = content, folder, task
        self.options, self.context = options, context
        standards = {"kitti": cityscapes_labels.LABELS}
        self.plan = paint_plan.make(
            content, options.label_map, standards, context, masks=task.masks, distinct=False
        )
        names = self.plan.labels.names
        if task.boxes:
            for name in names:
                kitti_labels.check(name)
        if task.masks and paint_plan.has_masks(content) and len(names) > _MOST_LABELS:
            raise UnsupportedContentError(
                f"{len(names)} labels; KITTI's masks hold at most {_MOST_LABELS}"
            )
        # Where no label is the background, a label of that name stands for it, if it is needed.
        self.background = len(names) if self.plan.background is None else self.plan.background
        self.shows_background = False
        self.palette = self.plan.palette(0)
        self.files = FileWriter(folder)
        self.box_files: list[str] = []  # of a chunk; they are written together
        self.box_texts: list[bytes] = []
        self.images = ImageJobs(folder, options, context, ".png")

    def write(self) -> None:
        """Write all files; media last."""
        for subset in self.content.subset_names():
            check_subset_name(subset)
        progress = self.context.progress
        progress.start(len(self.content), desc="Writing KITTI")
        done = 0
        with MaskPainters(self.paint, self.context) as painters:
            for chunk in self.content.chunks:
                rows = ChunkRows(chunk)
                texts = boxes.texts(chunk, self.plan, self.context) if self.task.boxes else []
                for item in range(len(rows)):
                    text = texts[item] if texts else None
                    self.write_item(rows, item, text, painters)
                self.files.save_all(self.box_files, self.box_texts)
                self.box_files, self.box_texts = [], []
                done += len(rows)
                progress.report_status(done)
        progress.finish()
        labels = self.plan.labels
        if self.shows_background and self.plan.background is None:
            labels = LabelColors([*labels.names, BACKGROUND], dict(labels.colors))
            if not labels.has_black:
                labels.colors[self.background] = BLACK
            labels = with_colors(labels, self.context, distinct=False)
        if labels.names or self.task.masks:
            label_colors.save(labels, self.folder)
        if self.options.save_dataset_meta:
            dataset_meta.save(labels.categories(), self.folder, self.context)
        self.images.save()

    def write_item(
        self, rows: ChunkRows, item: int, text: bytes | None, painters: MaskPainters
    ) -> None:
        """Write an item's boxes, whose lines are ``text``; hand over its masks and its image."""
        item_id, subset = rows.ids[item], rows.subsets[item]
        if escapes(item_id):  # asked first: this is done for all items
            join_inside(self.folder, f"{subset}/{item_id}", what="item id")
        masks = self.masks(rows, item) if self.task.masks else []
        if masks:
            painters.add(f"{subset}/{item_id}", masks)
        self.images.add(rows, item, f"{subset}/{IMAGES}")
        if text is not None:
            if text or not masks:  # an empty file, so that the item is there
                self.box_files.append(f"{subset}/{BOXES}/{item_id}.txt")
                self.box_texts.append(text)
        elif not masks and rows.source(item) is not None and not self.options.save_media:
            what = "items without masks, since their images are not saved"
            self.context.lost(what, 1, f"item {item_id!r}")

    # --- masks --------------------------------------------------------------------------------

    def masks(self, rows: ChunkRows, item: int) -> list[MaskToPaint]:
        """An item's masks; their groups are their numbers among those of their label.

        0 is a crowd's, and -1 stands for any that is free.
        """

        def number(row: int) -> int:
            if json_text.decode(rows.ann_attributes[row]).get("is_crowd") is True:
                return 0
            return rows.ann_ids[row] if 0 < rows.ann_ids[row] <= _MOST_THINGS else -1

        return self.plan.masks(rows, item, self.context, number)

    def paint(self, name: str, masks: list[MaskToPaint]) -> list[str]:
        """Write an item's mask files; runs in a worker. Returns what was lost."""
        fitting, losses = of_one_size(masks)
        order = paint_order(name, fitting)
        losses += [COVERED] * order.n_covered
        if order.seen[0]:
            self.shows_background = True
        classes = np.array([self.background, *(mask.cls for mask in fitting)], np.int32)
        numbers, without = _numbers(fitting)
        losses += [f"masks of a label beyond {_MOST_THINGS} in an item: they become one"] * without
        losses += [MERGED] * _merged(fitting)
        subset, _, item_id = name.partition("/")
        values = order.values(classes << 8 | np.array([0, *numbers], np.int32))
        of_classes, colors = index_masks.encode_both(order.values(classes), self.palette)
        for folder, data in (
            (MASKS, index_masks.encode(values, None)),
            (CLASSES, of_classes),
            (COLORS, colors),
        ):
            if folder != COLORS or self.options.apply_colormap:
                self.files.save(f"{subset}/{folder}/{item_id}.png", data)
        return losses


def _numbers(masks: list[MaskToPaint]) -> tuple[list[int], int]:
    """(each mask's number, how many got none because there are too many)."""
    counts = Counter((mask.cls, mask.group) for mask in masks if mask.group > 0)
    next_free = dict.fromkeys((mask.cls for mask in masks), 1)
    numbers: list[int] = []
    without = 0
    for mask in masks:
        if mask.group == 0 or counts[mask.cls, mask.group] == 1:
            numbers.append(mask.group)
            continue
        free = next_free[mask.cls]
        while counts[mask.cls, free] == 1:
            free += 1
        next_free[mask.cls] = free + 1
        without += free > _MOST_THINGS
        numbers.append(free if free <= _MOST_THINGS else 0)
    return numbers, without


def _merged(masks: list[MaskToPaint]) -> int:
    """How many crowds become one with another of their label."""
    crowds = [mask.cls for mask in masks if mask.group == 0]
    return len(crowds) - len(set(crowds))
