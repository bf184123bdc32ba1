"""Writing MOTS."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta, index_masks, label_lines, paint_plan
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.mask_painting import COVERED, MERGED, MaskToPaint, of_one_size, paint_order
from datumaro.formats.mask_writing import MaskPainters
from datumaro.formats.mot.mots import IMAGES, LABELS, MASKS, OF_CLASS
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text
from datumaro.table.chunk import Content

_MASK = int(AnnotationType.mask)
_MOST_LABELS = (1 << 16) // OF_CLASS - 1  # a pixel has 16 bits
_NO_TRACK = -1
_OTHER_TRACK = -2  # a track whose id is no number that a pixel can hold
_MAX_PIXELS = 1 << 27


def write(content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext) -> None:
    """See `datumaro.formats.mot.mots.Mots.write`."""
    require_images(content, "MOTS")
    names = content.label_names
    if len(names) > _MOST_LABELS and paint_plan.has_masks(content):
        raise UnsupportedContentError(
            f"{len(names)} labels; the masks of MOTS hold at most {_MOST_LABELS}"
        )
    subsets = content.subset_names()
    for subset in subsets:
        check_subset_name(subset)
        if subset in (IMAGES, MASKS):
            raise UnsupportedContentError(
                f"subset {subset!r}: MOTS has a folder of that name; rename the subset"
            )
    files = FileWriter(folder)
    text = label_lines.text(names, LABELS)
    for place in [f"{subset}/" for subset in subsets] or [""]:
        files.save(f"{place}{MASKS}/{LABELS}", text)
    if options.save_dataset_meta:
        dataset_meta.save(content.categories, folder, context)
    images = ImageJobs(folder, options, context)
    _Writer(files, len(names), context).write(content, images)
    images.save()


class _Writer:
    def __init__(self, files: FileWriter, n_labels: int, context: WriteContext) -> None:
        self.files, self.n_labels, self.context = files, n_labels, context

    def write(self, content: Content, images: ImageJobs) -> None:
        """Write masks; note the images."""
        with MaskPainters(self.paint, self.context) as painters:
            for rows, item in each_item(content, self.context.progress, "Writing MOTS"):
                item_id, subset = rows.ids[item], rows.subsets[item]
                join_inside(self.files.folder, f"{subset}/{item_id}", what="item id")
                name = f"{subset}/{MASKS}/{item_id}.png"
                masks = self.masks(rows, item)
                if masks:
                    painters.add(name, masks)
                else:  # so that the item is there
                    self.files.save(name, _nothing(rows.size(item)))
                images.add(rows, item, f"{subset}/{IMAGES}")

    def masks(self, rows: ChunkRows, item: int) -> list[MaskToPaint]:
        """An item's masks with a label; their groups are their tracks."""
        masks: list[MaskToPaint] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            label = rows.labels[row]
            if rows.types[row] != _MASK or label < 0:
                continue
            if label >= self.n_labels:
                self.context.lost(UNDECLARED, 1, f"item {rows.ids[item]!r}")
                continue
            track = json_text.decode(rows.ann_attributes[row]).get("track_id")
            number = _NO_TRACK
            if isinstance(track, int) and not isinstance(track, bool) and 0 <= track < OF_CLASS:
                number = track
            elif track is not None:
                number = _OTHER_TRACK
            masks.append(MaskToPaint(*rows.mask(row), rows.z_orders[row], number, label))
        return masks

    def paint(self, name: str, masks: list[MaskToPaint]) -> list[str]:
        """Write a mask file; runs in a worker. Returns what was lost."""
        fitting, losses = of_one_size(masks)
        order = paint_order(name, fitting)
        losses += [COVERED] * order.n_covered
        tracks, given = _tracks(fitting)
        losses += given
        values = [(mask.cls + 1) * OF_CLASS + t for mask, t in zip(fitting, tracks, strict=True)]
        losses += [MERGED] * (len(values) - len(set(values)))
        self.files.save(name, index_masks.encode(order.values([0, *values]), None))
        return losses


def _tracks(masks: list[MaskToPaint]) -> tuple[list[int], list[str]]:
    """(each mask's track, what was lost).

    A mask without one gets 0, or a free one where its label has several.
    """
    taken = {(mask.cls, mask.group) for mask in masks}
    free: dict[int, int] = {}
    tracks: list[int] = []
    losses: list[str] = []
    for mask in masks:
        if mask.group >= 0:
            tracks.append(mask.group)
            continue
        number = free.get(mask.cls, 0)
        while (mask.cls, number) in taken:
            number += 1
        free[mask.cls] = number + 1
        tracks.append(min(number, OF_CLASS - 1))
        if mask.group == _OTHER_TRACK:
            losses.append(f"ids of tracks that are no numbers below {OF_CLASS}: they get one")
        elif number:
            losses.append("masks without a track, of a label that has several: they get one")
    return tracks, losses


@lru_cache(maxsize=64)
def _nothing(size: tuple[int, int]) -> bytes:
    """A mask file of no masks; of one pixel where the size of the image is not known."""
    height, width = size if 0 < size[0] * size[1] <= _MAX_PIXELS else (1, 1)
    return index_masks.encode(np.zeros((height, width), np.int32), None)
