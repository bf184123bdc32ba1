"""What records cannot hold: a section after the last blob, which other readers do not look at.

The section is ``datumaro:extension``, u32 version, u64 length, u32 CRC-32 of what follows, and as
many bytes: u32 parts, each STR name, u64 length and its bytes. The parts are tables (tables.py)

- ``annotations``: those that have no record at all (rotated boxes, skeletons, …), with their item
  and their place among its annotations;
- ``details``: a row for each annotation that has a record: its stated area, and exact coordinates;
- ``media``: those that a record tells in part or not at all, with their item;

and ``dataset``, JSON with the kind of media that the data set has when the header cannot say it.
Items are counted from 0 through the file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetImportError
from datumaro.formats.datumaro_binary import tables
from datumaro.formats.datumaro_binary.layout import Cipher, PartReader
from datumaro.kernels.records import bad_mask, bad_object
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

MAGIC = b"datumaro:extension"
VERSION = 1
_HEAD = struct.Struct("<IQI")

_ITEM, _PLACE = "item", "place"
_ANNOTATIONS: dict[str, pa.DataType] = {
    _ITEM: pa.int64(),
    _PLACE: pa.int64(),
    **{f.name: f.type for f in schema.ANNOTATIONS},
}
_DETAILS: dict[str, pa.DataType] = {
    name: schema.ANNOTATIONS.field(name).type for name in ("area", "extra")
}
_MEDIA_COLUMNS = ("media_type", "path", "height", "width", "media_extra")
_MEDIA: dict[str, pa.DataType] = {
    _ITEM: pa.int64(),
    **{name: schema.ITEMS.field(name).type for name in _MEDIA_COLUMNS},
}


@dataclass(frozen=True)
class MediaRow:
    """The media of one item, as `table.schema.ITEMS` has it but with the path that the file has."""

    item: int
    media_type: int
    path: str
    height: int
    width: int
    media_extra: str


@dataclass
class Extension:
    """What an extension section holds.

    Attributes
    ----------
    items, places : int64, for each row of ``annotations`` the item and its place in it.
    annotations : rows of schema.ANNOTATIONS, by item and place.
    details : a column by name, with a row for each annotation that has a record; or none.
    media : by item.
    media_type : of the data set, when not that of the header.
    """

    items: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    places: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    annotations: pa.RecordBatch = field(default_factory=lambda: schema.annotation_batch(0, {}))
    details: dict[str, pa.Array] = field(default_factory=dict[str, pa.Array])
    details_rows: int = 0
    media: list[MediaRow] = field(default_factory=list[MediaRow])
    media_type: MediaType | None = None

    def __bool__(self) -> bool:
        return bool(len(self.items) or self.details or self.media or self.media_type is not None)


# --- writing ----------------------------------------------------------------------------------


def encode(extension: Extension, cipher: Cipher) -> bytes:
    """The section; empty when there is nothing to say."""
    if not extension:
        return b""
    parts: dict[str, bytes] = {}
    if len(extension.items):
        columns = [
            (_ITEM, schema.primitive(extension.items, pa.int64())),
            (_PLACE, schema.primitive(extension.places, pa.int64())),
            *((name, extension.annotations.column(name)) for name in schema.ANNOTATIONS.names),
        ]
        parts["annotations"] = tables.encode(len(extension.items), columns)
    if extension.details:
        parts["details"] = tables.encode(extension.details_rows, extension.details.items())
    if extension.media:
        columns = [
            (name, pa.array([getattr(row, name) for row in extension.media], kind))
            for name, kind in _MEDIA.items()
        ]
        parts["media"] = tables.encode(len(extension.media), columns)
    if extension.media_type is not None:
        parts["dataset"] = json_text.encode({"media_type": int(extension.media_type)})
    pieces = [struct.pack("<I", len(parts))]
    for name, data in parts.items():
        pieces += [struct.pack("<I", len(name)), name.encode(), struct.pack("<Q", len(data)), data]
    payload = cipher.seal(b"".join(pieces))
    return MAGIC + _HEAD.pack(VERSION, len(payload), zlib.crc32(payload)) + payload


# --- reading ----------------------------------------------------------------------------------


def read(reader: PartReader, cipher: Cipher) -> Extension:
    """Read the section, which begins where the reader is and ends the file.

    Raises
    ------
    MalformedFileError
        It is damaged, or something else stands there.
    DatasetImportError
        It is of a version that is not known here.
    """
    begin, left = reader.at, reader.size - reader.at
    if not left:
        return Extension()
    magic = reader.take(min(left, len(MAGIC)), "the extension's signature")
    if magic != MAGIC:
        raise reader.bad(begin, f"{left} bytes after the last blob", "none, or an extension")
    version, length, checksum = _HEAD.unpack(reader.take(_HEAD.size, "the extension's head"))
    if version != VERSION:
        raise DatasetImportError(
            f"{reader.path}: byte {begin}: extension version {version}; expected {VERSION}. "
            "A newer version of datumaro may be able to read the file."
        )
    if length != reader.size - reader.at:
        raise reader.bad(
            begin,
            f"an extension of {length} bytes",
            f"{reader.size - reader.at}, to the file's end",
        )
    stored = reader.take(length, "the extension")
    if zlib.crc32(stored) != checksum:
        raise reader.bad(begin, "a damaged extension: its checksum is another")
    payload = cipher.open(np.frombuffer(stored, np.uint8))
    try:
        return _decode(payload.data)
    except (tables.DamagedTable, struct.error, ValueError, RecursionError) as error:
        raise reader.bad(begin, f"a damaged extension: {error}") from error


def _decode(payload: memoryview) -> Extension:
    extension = Extension()
    (count,) = struct.unpack_from("<I", payload)
    at = 4
    seen: set[str] = set()
    for _ in range(count):
        (n,) = struct.unpack_from("<I", payload, at)
        name = bytes(payload[at + 4 : at + 4 + n]).decode("ascii")
        at += 4 + n
        (n,) = struct.unpack_from("<Q", payload, at)
        at += 8
        data = payload[at : at + n]
        at += n
        if len(data) != n or name in seen:
            raise tables.DamagedTable(f"part {name!r} of {n} bytes")
        seen.add(name)
        if name == "annotations":
            _read_annotations(extension, data)
        elif name == "details":
            extension.details_rows, extension.details = tables.decode(data, _DETAILS)
            _check_objects(extension.details, "extra")
        elif name == "media":
            _read_media(extension, data)
        elif name == "dataset":
            media_type = json_text.decode(bytes(data)).get("media_type")
            extension.media_type = MediaType(media_type)
        else:
            raise tables.DamagedTable(f"part {name!r}")
    if at != len(payload):
        raise tables.DamagedTable(f"{len(payload) - at} bytes after the last part")
    return extension


# What the column ``extra`` must have for objects to be made of it.
_EXTRAS: dict[AnnotationType, tuple[str, type]] = {
    AnnotationType.skeleton: ("elements", list),
    AnnotationType.hash_key: ("values", list),
    AnnotationType.feature_vector: ("values", list),
    AnnotationType.tabular: ("values", dict),
    AnnotationType.depth_annotation: ("image", dict),
    AnnotationType.super_resolution_annotation: ("image", dict),
}


def _read_annotations(extension: Extension, data: memoryview) -> None:
    rows, columns = tables.decode(data, _ANNOTATIONS)
    blank = schema.blank(pa.int64(), rows)
    extension.items = columns.pop(_ITEM, blank).to_numpy()
    extension.places = columns.pop(_PLACE, blank).to_numpy()
    _check_objects(columns, "attributes")
    _check_objects(columns, "extra")
    batch = extension.annotations = schema.annotation_batch(rows, columns)
    ahead = np.diff(extension.items)
    if rows and (
        extension.items[0] < 0
        or extension.places.min() < 0
        or (ahead < 0).any()
        or (np.diff(extension.places)[ahead == 0] <= 0).any()
    ):
        raise tables.DamagedTable("annotations that are not in order")
    types = batch.column("type").to_numpy()
    if rows and (types.max() > max(AnnotationType) or types.min() == 0):
        raise tables.DamagedTable("an unknown annotation type")
    row = misshapen(batch)
    if row is not None:
        raise tables.DamagedTable(f"annotation {row} has parts that do not fit its type")
    for kind, (name, expected) in _EXTRAS.items():
        for row in np.flatnonzero(types == kind).tolist():
            extra = json_text.decode(batch.column("extra")[row].as_py())
            if not isinstance(extra.get(name), expected):
                raise tables.DamagedTable(f"annotation {row} without {name}")


def _read_media(extension: Extension, data: memoryview) -> None:
    rows, columns = tables.decode(data, _MEDIA)
    _check_objects(columns, "media_extra")
    values = {
        name: columns[name].to_pylist() if name in columns else schema.blank(kind, rows).to_pylist()
        for name, kind in _MEDIA.items()
    }
    extension.media = [MediaRow(*row) for row in zip(*values.values(), strict=True)]
    for row, following in zip(extension.media, extension.media[1:], strict=False):
        if row.item >= following.item:
            raise tables.DamagedTable("media that are not in order")
    for row in extension.media:
        MediaType(row.media_type)
        if row.item < 0 or row.height < 0 or row.width < 0:
            raise tables.DamagedTable("a negative number of a media")


def _check_objects(columns: dict[str, pa.Array], name: str) -> None:
    if name in columns and (row := bad_object(*schema.list_parts(columns[name]))) >= 0:
        raise tables.DamagedTable(f"row {row} of column {name!r} is not a JSON object")


# --- shapes -----------------------------------------------------------------------------------

# How many numbers each type has, or -1 for pairs of any number.
_COORDINATES: dict[AnnotationType, int] = {
    AnnotationType.points: -1,
    AnnotationType.polygon: -1,
    AnnotationType.polyline: -1,
    AnnotationType.bbox: 4,
    AnnotationType.ellipse: 4,
    AnnotationType.rotated_bbox: 5,
    AnnotationType.cuboid_3d: 9,
    AnnotationType.cuboid_2d: 16,
}


def misshapen(annotations: pa.RecordBatch) -> int | None:
    """The first row whose parts are not those of its type: coordinates, visibility, run lengths.

    A file with it could not be read again.
    """
    types = annotations.column("type").to_numpy()
    coordinates = np.diff(schema.list_parts(annotations.column("points"))[0])
    seen_at, visibility = schema.list_parts(annotations.column("visibility"))
    seen = np.diff(seen_at)
    expected = np.zeros(256, np.int64)
    for kind, count in _COORDINATES.items():
        expected[kind] = count
    wanted = expected[types]
    wrong = np.where(wanted < 0, coordinates & 1, coordinates - wanted) != 0
    wrong |= seen != np.where(types == AnnotationType.points, coordinates >> 1, 0)
    visibility = visibility[seen_at[0] : seen_at[-1]]
    if len(visibility) and visibility.max() > 2:
        first: int = np.flatnonzero(visibility > 2)[0]
        wrong[int(np.searchsorted(seen_at - seen_at[0], first, "right")) - 1] = True
    masks = np.flatnonzero(types == AnnotationType.mask)
    if len(masks):
        picked = annotations.take(pa.array(masks))
        row = bad_mask(
            picked.column("mask_height").to_numpy(),
            picked.column("mask_width").to_numpy(),
            *schema.list_parts(picked.column("rle")),
        )
        if row >= 0:
            wrong[masks[row]] = True
    for row in misshapen_extra(annotations):
        wrong[row] = True
    found = np.flatnonzero(wrong)
    return int(found[0]) if len(found) else None


def misshapen_extra(annotations: pa.RecordBatch) -> list[int]:
    """The rows of cuboids whose exact coordinates are not as many numbers as they have."""
    types = annotations.column("type").to_numpy()
    extra = annotations.column("extra")
    cuboid = (types == AnnotationType.cuboid_2d) | (types == AnnotationType.cuboid_3d)
    rows = np.flatnonzero(cuboid & (np.diff(schema.list_parts(extra)[0]) > 0)).tolist()
    return [
        row
        for row in rows
        if not _are_numbers(
            json_text.decode(extra[row].as_py()).get("points"), _COORDINATES[types[row]]
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
        if not isinstance(image, dict) or not isinstance(image.get("path", ""), str):  # pyright: ignore[reportUnknownMemberType]
            raise tables.DamagedTable(f"image {image!r} of annotation {row}")
        if "path" in image:
            change(row, image)  # pyright: ignore[reportUnknownArgumentType]
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
        raise tables.DamagedTable(f"annotation {places[beyond[0]]} of an item that has fewer")
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
