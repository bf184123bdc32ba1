"""Polygons into masks and masks into polygons, where the user wants one kind only.

Masks follow pycocotools. Polygons follow the edges of the pixels, so that pycocotools makes the
same mask of them, but for holes, which COCO's polygons cannot have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pycocotools import mask as coco_mask

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.kernels.outlines import TOO_LARGE, mask_outlines
from datumaro.model.annotation import AnnotationType
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import ANNOTATIONS, Array


def convert(chunk: Chunk, heights: Array, widths: Array, mode: str, context: WriteContext) -> Chunk:
    """The chunk with its polygons as masks (mode ``mask``), or the reverse (``polygons``).

    ``heights`` and ``widths`` are the images'; polygons in images of unknown size stay. Any other
    mode leaves all as it is.
    """
    kinds: Array = chunk.annotations.column("type").to_numpy()
    if mode == "mask" and (kinds == AnnotationType.polygon).any():
        return _to_masks(chunk, kinds, heights, widths)
    if mode == "polygons" and (kinds == AnnotationType.mask).any():
        return _to_polygons(chunk, kinds, context)
    return chunk


def _to_masks(chunk: Chunk, kinds: Array, heights: Array, widths: Array) -> Chunk:
    """One mask for the polygons of each item, group and label."""
    rows = chunk.annotations
    groups: list[int] = rows.column("group").to_pylist()
    labels: list[int | None] = rows.column("label").to_pylist()
    point_offsets, points = schema.list_parts(rows.column("points"))
    objects: dict[tuple[int, ...], list[int]] = {}
    polygons = np.flatnonzero(kinds == AnnotationType.polygon)
    items = np.searchsorted(chunk.offsets, polygons, side="right") - 1
    for row, item in zip(polygons.tolist(), items.tolist(), strict=True):
        if heights[item] > 0 and widths[item] > 0:
            label = labels[row]
            alone = row if groups[row] == 0 else -1
            key = (item, groups[row], alone, -1 if label is None else label)
            objects.setdefault(key, []).append(row)
    masks: dict[int, Any] = {}
    keep = np.ones(len(kinds), np.int64)
    for (item, *_), parts in objects.items():
        outlines = [points[point_offsets[r] : point_offsets[r + 1]].tolist() for r in parts]
        made: Any = coco_mask.frPyObjects(outlines, int(heights[item]), int(widths[item]))
        masks[parts[0]] = coco_mask.merge(made)
        keep[parts[1:]] = 0
    source = np.repeat(np.arange(len(keep)), keep)
    new: list[Any] = [masks.get(row) for row in source.tolist()]
    batch = rows.take(pa.array(source))
    changed = np.array([mask is not None for mask in new], bool)
    sizes = np.array([mask["size"] if mask else (0, 0) for mask in new], np.int32).reshape(-1, 2)
    old_rle: list[bytes] = batch.column("rle").to_pylist()
    rle = [m["counts"] if m else old for m, old in zip(new, old_rle, strict=True)]
    columns = {
        "type": np.where(changed, np.uint8(AnnotationType.mask), batch.column("type").to_numpy()),
        "mask_height": np.where(changed, sizes[:, 0], batch.column("mask_height").to_numpy()),
        "mask_width": np.where(changed, sizes[:, 1], batch.column("mask_width").to_numpy()),
    }
    lists = [
        np.zeros(0, np.float32) if gone else points[point_offsets[r] : point_offsets[r + 1]]
        for r, gone in zip(source.tolist(), changed.tolist(), strict=True)
    ]
    return _replaced(chunk, batch, keep, columns, lists, rle)


def _to_polygons(chunk: Chunk, kinds: Array, context: WriteContext) -> Chunk:
    """The outlines of each mask, a polygon each."""
    rows = chunk.annotations
    point_offsets, points = schema.list_parts(rows.column("points"))
    starts, data = schema.list_parts(rows.column("rle"))
    masks = np.flatnonzero(kinds == AnnotationType.mask)
    sides = (rows.column(f"mask_{side}").to_numpy()[masks] for side in ("height", "width"))
    corners, ends, first, holes = mask_outlines(data, starts[masks], starts[masks + 1], *sides)
    bad = np.flatnonzero(holes < 0)
    if len(bad):
        why = "it is too large" if holes[bad[0]] == TOO_LARGE else "its run lengths are damaged"
        raise UnsupportedContentError(f"a mask cannot become polygons: {why}")
    outlines = {
        row: [corners[ends[k] : ends[k + 1]] for k in range(first[i], first[i + 1])]
        for i, row in enumerate(masks.tolist())
    }
    keep = np.ones(len(kinds), np.int64)
    keep[masks] = np.diff(first)
    context.lost("holes of masks", int(holes.sum()))
    context.lost("masks without pixels", int((keep == 0).sum()))
    source = np.repeat(np.arange(len(keep)), keep)
    batch = rows.take(pa.array(source))
    old = {row: iter(parts) for row, parts in outlines.items()}
    lists = [
        next(old[r]) if r in old else points[point_offsets[r] : point_offsets[r + 1]]
        for r in source.tolist()
    ]
    was_mask = kinds[source] == AnnotationType.mask
    columns = {
        "type": np.where(was_mask, np.uint8(AnnotationType.polygon), kinds[source]),
        "mask_height": np.zeros(len(source), np.int32),
        "mask_width": np.zeros(len(source), np.int32),
    }
    return _replaced(chunk, batch, keep, columns, lists, [b""] * len(source))


def _replaced(
    chunk: Chunk,
    batch: pa.RecordBatch,
    keep: Array,
    columns: dict[str, Array],
    lists: list[Array],
    rle: list[bytes],
) -> Chunk:
    """The chunk with other annotations: row i of the old ones is ``keep[i]`` rows of the new."""
    ends = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=ends[1:])
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(points) for points in lists], out=offsets[1:])
    values = np.concatenate(lists) if lists else np.zeros(0, np.float32)
    new: dict[str, pa.Array] = {name: batch.column(name) for name in ANNOTATIONS.names}
    for name, array in columns.items():
        new[name] = schema.primitive(array, ANNOTATIONS.field(name).type)
    new["points"] = schema.lists(
        offsets, values.astype(np.float32), ANNOTATIONS.field("points").type
    )
    new["rle"] = pa.array(rle, pa.large_binary())
    return Chunk(
        chunk.items,
        schema.annotation_batch(len(lists), new),
        ends[chunk.offsets],
        chunk.media,
    )
