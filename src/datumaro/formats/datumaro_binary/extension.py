"""What records cannot hold: a section after the last blob, which other readers do not look at.

The section is ``datumaro:extension``, u32 version, u64 length, u32 CRC-32 of what follows, and as
many bytes: u32 parts, each STR name, u64 length and its bytes. The parts are tables (tables.py)

- ``annotations``: those that have no record at all (rotated boxes, skeletons, …), with their item
  and their place among its annotations;
- ``details``: a row for each annotation that has a record: its stated area, and exact coordinates;
- ``media``: those that a record tells in part or not at all, with their item;

``dataset``, JSON with the kind of media that the data set has when the header cannot say it, and in
encrypted files ``manifest`` (manifest.py). There the bytes are one token, the CRC-32 the token's.
Items are counted from 0 through the file.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datumaro.formats.datumaro_binary import manifest as mf, tables
from datumaro.formats.datumaro_binary.ciphers import Cipher
from datumaro.formats.datumaro_binary.layout import PartReader
from datumaro.formats.datumaro_binary.parting import misshapen
from datumaro.kernels.records import bad_object
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import json_text, schema
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
    manifest : of an encrypted file.
    """

    items: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    places: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    annotations: pa.RecordBatch = field(default_factory=lambda: schema.annotation_batch(0, {}))
    details: dict[str, pa.Array] = field(default_factory=dict[str, pa.Array])
    details_rows: int = 0
    media: list[MediaRow] = field(default_factory=list[MediaRow])
    media_type: MediaType | None = None
    manifest: mf.Manifest | None = None

    def __bool__(self) -> bool:
        told = self.media_type is not None or self.manifest is not None
        return bool(len(self.items) or self.details or self.media or told)


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
    if extension.manifest is not None:
        parts["manifest"] = extension.manifest.encode()
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
        It is damaged, of a version that is not known here, or something else stands there.
    """
    begin, left = reader.at, reader.size - reader.at
    if not left:
        return Extension()
    magic = reader.take(min(left, len(MAGIC)), "the extension's signature")
    if magic != MAGIC:
        raise reader.bad(begin, f"{left} bytes after the last blob", "none, or an extension")
    version, length, checksum = _HEAD.unpack(reader.take(_HEAD.size, "the extension's head"))
    if version != VERSION:
        raise reader.bad(
            begin + len(MAGIC),
            f"extension version {version}",
            f"{VERSION}; a newer version of datumaro may be able to read the file",
        )
    if length != reader.size - reader.at:
        raise reader.bad(
            begin + len(MAGIC) + 4,
            f"an extension of {length} bytes",
            f"{reader.size - reader.at}, to the file's end",
        )
    stored = reader.take(length, "the extension")
    if zlib.crc32(stored) != checksum:
        raise reader.bad(
            begin + len(MAGIC) + 12,
            f"a damaged extension: its checksum is {zlib.crc32(stored)}",
            f"{checksum}, the checksum of what was written",
        )
    place = f"{reader.path}: byte {begin}: the extension"
    payload = cipher.open(stored, place)
    try:
        return _decode(payload.data)
    except (tables.DamagedTable, struct.error, ValueError, RecursionError) as error:
        found = f"a damaged extension: {error}"
        raise reader.bad(begin, found, "parts and tables as they were written") from error


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
        elif name == "manifest":
            extension.manifest = mf.decode(data)
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
