"""The masks of an Open Images data set: PNG files that are not zero where an object is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats import index_masks
from datumaro.formats.base import ReadContext
from datumaro.formats.files import read_file
from datumaro.formats.open_images.files import MASKS
from datumaro.formats.open_images.tables import Boxes, Mask
from datumaro.paths import join_inside
from datumaro.table import json_text
from datumaro.table.schema import Array

_THREADS = min(8, os.cpu_count() or 1)
_BATCH = 256
_MAX_BYTES = 1 << 28
_CLOSE = 1e-6  # corners of a mask's box that differ less are those of a box


@dataclass(frozen=True)
class DecodedMask:
    """A mask as columns have it."""

    item: int
    label: int
    group: int
    rle: bytes
    height: int
    width: int
    attributes: bytes


def decode(
    masks: Sequence[Mask],
    sizes: Array,
    boxes: Boxes,
    groups: Array,
    root: Path,
    context: ReadContext,
) -> list[DecodedMask]:
    """Read the files of masks.

    Parameters
    ----------
    sizes : int32 [n_items, 2], heights and widths of the images, zeros where not known: then a mask
        has the size of its file.
    groups : int64, of the boxes; a mask has that of its box.
    root : has the folder ``masks``.

    Raises
    ------
    DatasetImportError
        A file is missing or damaged; see `ReadContext.problem`.
    """
    box_of = _box_index({mask.item for mask in masks}, boxes)
    found: list[DecodedMask] = []
    context.progress.start(len(masks), desc="Reading masks")
    with ThreadPoolExecutor(_THREADS) as threads:
        for begin in range(0, len(masks), _BATCH):
            batch = masks[begin : begin + _BATCH]
            wanted: list[list[int]] = sizes[[mask.item for mask in batch]].tolist()
            shapes = [(height, width) for height, width in wanted]
            results = threads.map(_decode, batch, shapes, repeat(root))
            for mask, result in zip(batch, results, strict=True):
                if isinstance(result, DatasetImportError):
                    context.problem(result)
                    continue
                rle, shape = result
                box = _box(mask, box_of, boxes)
                group = 0 if box is None else int(groups[box])
                found.append(
                    DecodedMask(mask.item, mask.label, group, rle, *shape, _attributes(mask))
                )
            context.progress.report_status(begin + len(batch))
    context.progress.finish()
    return found


def _attributes(mask: Mask) -> bytes:
    attributes: dict[str, str | float] = {"box_id": mask.box_id} if mask.box_id else {}
    if not np.isnan(mask.iou):
        attributes["predicted_iou"] = mask.iou
    return json_text.encode(attributes)


def _decode(
    mask: Mask, size: tuple[int, int], root: Path
) -> tuple[bytes, tuple[int, int]] | DatasetImportError:
    folder = root / MASKS / mask.subset
    path = join_inside(folder, mask.path, what=f"MaskPath in the masks of {mask.subset}")
    try:
        data = read_file(path, _MAX_BYTES)
        if data is None:
            raise MalformedFileError(path, "", "there is no such file", "a mask")
        if len(data) > _MAX_BYTES:
            raise MalformedFileError(path, "", f"more than {_MAX_BYTES} bytes", "a mask")
        expected = size if all(size) else None
        pixels = index_masks.decode(data, path, expected).codes != 0
        if expected is not None and pixels.shape != expected:
            pixels = pixels[_nearest(pixels.shape[0], size[0])[:, None],
                            _nearest(pixels.shape[1], size[1])]  # fmt: skip
        masks = index_masks.masks_of(pixels)
        height, width = pixels.shape
        rle = masks.get(1)
        return rle if rle is not None else index_masks.empty_mask(height * width), (height, width)
    except OSError as error:
        return MalformedFileError(path, "", error.strerror or str(error), "a mask")
    except DatasetImportError as error:
        return error


def _nearest(before: int, after: int) -> Array:
    """The rows (or columns) of an image that are those of it in another size."""
    return np.minimum(np.arange(after) * before // after, before - 1)


# --- the boxes of masks ---------------------------------------------------------------------------

_BoxIndex = dict[tuple[int, int], list[int]]


def _box_index(items: set[int], boxes: Boxes) -> _BoxIndex:
    """{(item, label): its boxes}, of some items."""
    index: _BoxIndex = {}
    if items:
        rows = np.flatnonzero(np.isin(boxes.items, np.fromiter(items, np.int64, len(items))))
        pairs = zip(boxes.items[rows].tolist(), boxes.labels[rows].tolist(), strict=True)
        for row, pair in zip(rows.tolist(), pairs, strict=True):
            index.setdefault(pair, []).append(row)
    return index


def _box(mask: Mask, index: _BoxIndex, boxes: Boxes) -> int | None:
    """The box that a mask's row tells the corners of."""
    for row in index.get((mask.item, mask.label), ()):
        if (np.abs(boxes.corners[row] - mask.corners) <= _CLOSE).all():  # of NaN it is false
            return row
    return None
