"""Writing panoptic segmentation: masks painted into one PNG image for each image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from datumaro.errors import DatasetExportError
from datumaro.formats import png
from datumaro.formats.base import WriteContext
from datumaro.formats.coco.images import ImageTable
from datumaro.formats.coco.panoptic import MAX_ID
from datumaro.formats.index_masks import Array
from datumaro.formats.mask_painting import COVERED, MaskToPaint, instance_numbers, paint_order
from datumaro.formats.rows import ChunkRows
from datumaro.kernels.pixels import look_up
from datumaro.kernels.rle import bounds_of_numbers
from datumaro.paths import join_inside
from datumaro.table import json_text
from datumaro.table.chunk import Chunk

_THREADS = min(8, os.cpu_count() or 1)
_BATCH = 64


@dataclass(frozen=True)
class _Picture:
    """An image's masks, in the order of their z orders.

    Attributes
    ----------
    png : the file to write; file_name, as it is told in ``annotations``.
    segments : what ``segments_info`` tells of each mask but its place.
    """

    item: str
    image_id: int
    png: str
    file_name: str
    masks: list[MaskToPaint]
    segments: list[dict[str, Any]]


class PanopticWriter:
    """Writes the PNG images of a subset.

    Parameters
    ----------
    folder : theirs.
    category_ids : of the labels.
    reindex : whether segments get ids anew; otherwise a mask's id, or its group, is its segment's.
    attributes : whether the masks' attributes are written.
    """

    def __init__(
        self,
        folder: Path,
        category_ids: list[int],
        context: WriteContext,
        *,
        reindex: bool,
        attributes: bool,
    ) -> None:
        self.folder = folder
        self.category_ids = category_ids
        self.context = context
        self.reindex = reindex
        self.attributes = attributes

    def write(self, chunk: Chunk, images: ImageTable, chosen: Array) -> Iterator[bytes]:
        """Write the images of a chunk; the texts of ``annotations``, a comma at the end of each.

        Parameters
        ----------
        chosen : the rows of the annotations to write, int64, rising.
        """
        if not len(chosen):
            return
        rows = ChunkRows(chunk)
        items = np.searchsorted(chunk.offsets, chosen, side="right") - 1
        ids = images.ids.tolist()
        first = np.flatnonzero(np.diff(items, prepend=-1)).tolist()
        with ThreadPoolExecutor(_THREADS) as threads:
            for begin in range(0, len(first), _BATCH):
                bounds = [*first[begin : begin + _BATCH + 1], len(chosen)][: _BATCH + 1]
                batch: list[_Picture] = []
                for a, b in pairwise(bounds):
                    item = int(items[a])
                    batch.append(self.picture(rows, item, ids[item], chosen[a:b].tolist()))
                for text, losses in threads.map(_paint, batch):
                    for what, n in losses.items():
                        self.context.lost(what, n)
                    yield text

    def picture(self, rows: ChunkRows, item: int, image_id: int, chosen: list[int]) -> _Picture:
        """What to write of an item."""
        item_id = rows.ids[item]
        name = f"{item_id}.png"
        path = join_inside(self.folder, name, what="item id")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        chosen = sorted(chosen, key=lambda row: rows.z_orders[row])
        own = [0 if self.reindex else rows.ann_ids[row] or rows.groups[row] for row in chosen]
        masks: list[MaskToPaint] = []
        segments: list[dict[str, Any]] = []
        for row, number in zip(chosen, instance_numbers(own, MAX_ID), strict=True):
            label = rows.labels[row]
            if label >= len(self.category_ids):
                raise DatasetExportError(f"item {item_id!r}: label {label} is not declared")
            masks.append(MaskToPaint(*rows.mask(row), rows.z_orders[row], number, label))
            attributes = json_text.decode(rows.ann_attributes[row])
            crowd = attributes.pop("is_crowd", False) is True
            segment: dict[str, Any] = {
                "id": number,
                "category_id": self.category_ids[label] if label >= 0 else 0,
                "iscrowd": int(crowd),
            }
            if attributes and self.attributes:
                segment["attributes"] = attributes
            segments.append(segment)
        return _Picture(item_id, image_id, path, name, masks, segments)


def _paint(picture: _Picture) -> tuple[bytes, Counter[str]]:
    """Write a PNG image; its text in ``annotations``, and what was lost."""
    losses: Counter[str] = Counter()
    size = picture.masks[0].height, picture.masks[0].width
    fitting = [i for i, m in enumerate(picture.masks) if (m.height, m.width) == size]
    losses["masks of another size than their item's first"] += len(picture.masks) - len(fitting)
    masks = [picture.masks[i] for i in fitting]
    order = paint_order(picture.item, masks)
    losses[COVERED] += order.n_covered
    bounds: list[list[int]] = bounds_of_numbers(order.pixels, len(masks)).tolist()
    entries: list[dict[str, Any]] = []
    numbers = np.zeros(len(masks) + 1, np.int32)
    for place, (index, mask) in enumerate(zip(fitting, masks, strict=True)):
        visible, whole = int(order.seen[place + 1]), int(order.areas[place])
        if whole and not visible:
            continue
        numbers[place + 1] = mask.group
        entries.append({**picture.segments[index], "area": visible, "bbox": bounds[place + 1]})
    shown = np.empty(order.pixels.shape, np.int32)
    look_up(order.pixels, numbers, shown)
    Path(picture.png).write_bytes(png.encode_colors(shown))
    told = {
        "image_id": picture.image_id,
        "file_name": picture.file_name,
        "segments_info": entries,
    }
    return msgspec.json.encode(told) + b",", losses
