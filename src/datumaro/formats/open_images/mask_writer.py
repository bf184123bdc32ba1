"""Writing the masks of Open Images: a PNG file and a row for each."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image as PILImage

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.open_images.annotation_rows import AnnotationRows
from datumaro.formats.open_images.tables import MASK_CORNERS
from datumaro.model import run_lengths
from datumaro.table.schema import Array

NO_BOX_ID = "00000000"
_THREADS = min(8, os.cpu_count() or 1)
_BATCH = 256
_MAX_NAME = 200
_TEXT = pa.large_string()


@dataclass(frozen=True)
class _File:
    item: str
    path: str
    rle: bytes
    height: int
    width: int


class MaskWriter:
    """Writes the masks of a subset into a folder."""

    def __init__(self, folder: Path, context: WriteContext) -> None:
        self.folder, self.context = folder, context
        self._taken: set[str] = set()

    def write(
        self, rows: AnnotationRows, masks: Array, boxes: Array, shares: Array, labels: list[str],
        sizes: Array,
    ) -> dict[str, pa.Array]:  # fmt: skip
        """Write the files of masks; the columns of their table.

        Parameters
        ----------
        masks : the rows to write, int64.
        boxes, shares : the boxes that were written, int64 [n], and their corners, [n, 4].
        sizes : of the images, int32 [n_items, 2].

        Raises
        ------
        UnsupportedContentError
            A mask is damaged.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        ids: list[str] = rows.chunk.items.column("id").to_pylist()
        table = rows.chunk.annotations
        groups: Array = table.column("group").to_numpy()
        items: list[int] = rows.items[masks].tolist()
        codes: list[int] = rows.codes[masks].tolist()
        told = [rows.told[code] for code in codes]
        label_of: list[int] = rows.labels[masks].tolist()
        names = [labels[label] for label in label_of]
        box_ids = [one.box_id or NO_BOX_ID for one in told]
        paths = [
            self._free(ids[item], name, box_id)
            for item, name, box_id in zip(items, names, box_ids, strict=True)
        ]
        heights: Array = table.column("mask_height").to_numpy()[masks]
        widths: Array = table.column("mask_width").to_numpy()[masks]
        of_item = sizes[rows.items[masks]]
        other = (of_item[:, 0] > 0) & ((of_item[:, 0] != heights) | (of_item[:, 1] != widths))
        rows.lost("sizes of masks that are not their image's", masks[other])
        rles: list[bytes] = table.column("rle").take(pa.array(masks)).to_pylist()
        files = [
            _File(ids[item], f"{self.folder}/{path}", rle, height, width)
            for item, path, rle, height, width in zip(
                items, paths, rles, heights.tolist(), widths.tolist(), strict=True
            )
        ]
        with ThreadPoolExecutor(_THREADS) as threads:
            for begin in range(0, len(files), _BATCH):
                list(threads.map(_save, files[begin : begin + _BATCH]))
        corners = _corners(rows, masks, boxes, shares, groups)
        missing = np.isnan(corners)
        ious = [one.iou for one in told]
        return {
            "MaskPath": pa.array(paths, _TEXT),
            "ImageID": pa.array([ids[item] for item in items], _TEXT),
            "LabelName": pa.array(names, _TEXT),
            "BoxID": pa.array(box_ids, _TEXT),
            "PredictedIoU": pa.array(ious, pa.float64()),
        } | {
            name: pa.array(corners[:, place], mask=missing[:, place])
            for place, name in enumerate(MASK_CORNERS)
        }

    def _free(self, item_id: str, label: str, box_id: str) -> str:
        """A name for a mask's file that no other one has."""
        parts = (item_id.replace(" ", "-"), label, box_id)
        stem = "_".join("".join(c for c in part if c.isalnum() or c in "-.") for part in parts)
        stem = stem.lstrip(".")[-_MAX_NAME:]
        name, number = f"{stem}.png", 1
        while name in self._taken:
            number += 1
            name = f"{stem}_{number}.png"
        self._taken.add(name)
        return name


def _corners(
    rows: AnnotationRows, masks: Array, boxes: Array, shares: Array, groups: Array
) -> Array:
    """The corners of the boxes that have the masks' items, labels and groups; NaN without one."""
    wanted = {
        (item, label, group): place
        for place, (item, label, group) in enumerate(
            zip(
                rows.items[boxes].tolist(),
                rows.labels[boxes].tolist(),
                groups[boxes].tolist(),
                strict=True,
            )
        )
        if group
    }
    found = np.full((len(masks), 4), np.nan)
    keys = zip(
        rows.items[masks].tolist(), rows.labels[masks].tolist(), groups[masks].tolist(), strict=True
    )
    for row, key in enumerate(keys):
        if (place := wanted.get(key)) is not None:
            found[row] = shares[place]
    return found


def _save(file: _File) -> None:
    try:
        pixels = run_lengths.decode({"counts": file.rle, "size": [file.height, file.width]})
    except ValueError as error:
        raise UnsupportedContentError(f"item {file.item!r}: a mask is damaged: {error}") from error
    out = io.BytesIO()
    PILImage.fromarray(np.ascontiguousarray(pixels).astype(bool)).save(out, "PNG")
    Path(file.path).write_bytes(out.getvalue())
