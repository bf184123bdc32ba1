"""What of annotations has a record, what fits its type, and putting together what was parted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa

from datumaro.formats.datumaro_binary.tables import DamagedTable
from datumaro.kernels.annotation_parts import bad_parts
from datumaro.kernels.records import bad_mask
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

# --- shapes -----------------------------------------------------------------------------------

# How many numbers each type has, or -1 for pairs of any number.
_COORDINATES = np.zeros(256, np.int64)
_COORDINATES[[AnnotationType.points, AnnotationType.polygon, AnnotationType.polyline]] = -1
_COORDINATES[[AnnotationType.bbox, AnnotationType.ellipse]] = 4
_COORDINATES[AnnotationType.rotated_bbox] = 5
_COORDINATES[AnnotationType.cuboid_3d] = 9
_COORDINATES[AnnotationType.cuboid_2d] = 16


def misshapen(annotations: pa.RecordBatch) -> int | None:
    """The first row whose parts are not those of its type: coordinates, visibility, run lengths.

    A file with it could not be read again.
    """
    types = annotations.column("type").to_numpy()
    found: list[int] = misshapen_extra(annotations)
    row = bad_parts(
        types,
        schema.list_parts(annotations.column("points"))[0],
        *schema.list_parts(annotations.column("visibility")),
        _COORDINATES,
        AnnotationType.points,
    )
    if row >= 0:
        found.append(row)
    masks = np.flatnonzero(types == AnnotationType.mask)
    if len(masks):
        row = bad_mask(
            masks,
            annotations.column("mask_height").to_numpy(),
            annotations.column("mask_width").to_numpy(),
            *schema.list_parts(annotations.column("rle")),
        )
        if row >= 0:
            found.append(row)
    return min(found, default=None)


def misshapen_extra(annotations: pa.RecordBatch) -> list[int]:
    """The rows of cuboids whose exact coordinates are not as many numbers as they have."""
    types = annotations.column("type").to_numpy()
    extra = annotations.column("extra")
    if not schema.has_bytes(extra):
        return []
    cuboid = (types == AnnotationType.cuboid_2d) | (types == AnnotationType.cuboid_3d)
    rows = np.flatnonzero(cuboid & (np.diff(schema.list_parts(extra)[0]) > 0)).tolist()
    return [
        row
        for row in rows
        if not _are_numbers(
            json_text.decode(extra[row].as_py()).get("points"), int(_COORDINATES[types[row]])
        )
    ]


def _are_numbers(values: Any, count: int) -> bool:
    try:
        return len(msgspec.convert(values, list[float])) == count
    except msgspec.ValidationError:
        return False


# --- annotations that are images -----------------------------------------------------------------

_IMAGES = (AnnotationType.depth_annotation, AnnotationType.super_resolution_annotation)


def with_images(
    annotations: pa.RecordBatch, change: Callable[[int, dict[str, Any]], None]
) -> pa.RecordBatch:
    """The annotations after ``change(row, image)`` has seen each image in a file.

    Parameters
    ----------
    change : is given the row and ``{"path": …, …}``, to change in place.

    Raises
    ------
    DamagedTable
        An image annotation's ``extra`` is not what it should be.
    """
    types = annotations.column("type").to_numpy()
    rows = np.flatnonzero(np.isin(types, _IMAGES)).tolist()
    if not rows:
        return annotations
    texts: list[str] = annotations.column("extra").to_pylist()
    for row in rows:
        extra = json_text.decode(texts[row])
        image: Any = extra.get("image")
        known = cast(dict[str, Any], image) if isinstance(image, dict) else {"path": None}
        if not isinstance(known.get("path", ""), str):
            raise DamagedTable(f"image {image!r} of annotation {row}")
        if "path" in known:
            change(row, known)
            texts[row] = json_text.encode(extra).decode()
    index = annotations.schema.get_field_index("extra")
    column = pa.array(texts, pa.large_string())
    return annotations.set_column(index, schema.ANNOTATIONS.field("extra"), column)


# --- putting them back ------------------------------------------------------------------------


def merge_annotations(
    chunk: Chunk, items: Array, places: Array, annotations: pa.RecordBatch
) -> Chunk:
    """A chunk with more annotations, each at its place among its item's.

    Parameters
    ----------
    items, places : int64, rising: the row in ``chunk``, and the place in the merged item.

    Raises
    ------
    DamagedTable
        A place is beyond the item's last.
    """
    n_items = len(chunk)
    more = np.zeros(n_items + 1, np.int64)
    np.cumsum(np.bincount(items, minlength=n_items), out=more[1:])
    offsets = chunk.offsets + more
    at = offsets[items] + places
    beyond = np.flatnonzero(at >= offsets[items + 1])
    if len(beyond):
        raise DamagedTable(f"annotation {places[beyond[0]]} of an item that has fewer")
    n_held, n = len(chunk.annotations), int(offsets[-1])
    order = np.empty(n, np.int64)
    held = np.ones(n, bool)
    held[at] = False
    order[at] = np.arange(n_held, n)
    order[held] = np.arange(n_held)
    whole = pa.concat_batches([chunk.annotations, annotations]).take(pa.array(order))
    return Chunk(chunk.items, whole, offsets, chunk.media)


def add_details(chunk: Chunk, details: dict[str, pa.Array]) -> Chunk:
    """A chunk with columns of details in place of blank ones."""
    annotations = chunk.annotations
    for name, column in details.items():
        index = annotations.schema.get_field_index(name)
        annotations = annotations.set_column(index, schema.ANNOTATIONS.field(name), column)
    return Chunk(chunk.items, annotations, chunk.offsets, chunk.media)


def split_annotations(chunk: Chunk) -> tuple[Chunk, Array, Array, pa.RecordBatch]:
    """The reverse of `merge_annotations`: what has records, and the rest with items and places."""
    held = has_record(chunk.annotations)
    if held.all():
        return chunk, np.zeros(0, np.int64), np.zeros(0, np.int64), chunk.annotations.slice(0, 0)
    rest = np.flatnonzero(~held)
    items = np.searchsorted(chunk.offsets, rest, "right") - 1
    places = rest - chunk.offsets[items]
    kept = np.zeros(len(held) + 1, np.int64)
    np.cumsum(held, out=kept[1:])
    left = Chunk(
        chunk.items, chunk.annotations.filter(pa.array(held)), kept[chunk.offsets], chunk.media
    )
    return left, items, places, chunk.annotations.take(pa.array(rest))


# Types with records, as the published package has them.
_RECORD_TYPES = (*range(AnnotationType.label, AnnotationType.cuboid_3d + 1), 11, 16)
_FILE_NO_LABEL = 2**31 - 1


def has_record(annotations: pa.RecordBatch) -> Array:
    """Which annotations a record can hold so that every reader gets them back (bool [n])."""
    types = annotations.column("type").to_numpy()
    label = schema.label_values(annotations.column("label"))
    known = np.zeros(256, bool)
    known[list(_RECORD_TYPES)] = True
    held = known[types]
    is_label, is_caption = types == AnnotationType.label, types == AnnotationType.caption
    # "None" has no place in a Label, and takes the place of one number in all others
    held &= label != np.where(is_label, schema.NO_LABEL, _FILE_NO_LABEL)
    held &= ~is_caption | (label == schema.NO_LABEL)
    z_order = annotations.column("z_order").to_numpy()
    if z_order.any():
        held &= (z_order == 0) | ~(is_label | is_caption | (types == AnnotationType.cuboid_3d))
    # the published reader refuses polygons of fewer than three points
    coordinates = np.diff(schema.list_parts(annotations.column("points"))[0])
    held &= (types != AnnotationType.polygon) | (coordinates >= 6)
    return held


def details_of(annotations: pa.RecordBatch) -> dict[str, pa.Array]:
    """The columns of details that are not blank."""
    details: dict[str, pa.Array] = {}
    area = annotations.column("area")
    if not np.isnan(area.to_numpy()).all():
        details["area"] = area
    extra = annotations.column("extra")
    offsets: Any = schema.list_parts(extra)[0]
    if offsets[-1] > offsets[0]:
        details["extra"] = extra
    return details
