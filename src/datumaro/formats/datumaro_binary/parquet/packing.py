"""Columns of a chunk as a Parquet file has them: nothing told that others tell.

`columns` is the reverse; docs/storage.md says what is in the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.formats.datumaro_binary.parquet.columns import (
    MEDIA,
    MEDIA_NAMES,
    TYPE_NAMES,
    TYPES,
)
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATION_FIELDS,
    ANNOTATIONS,
    COORDINATES,
    ITEM_COLUMNS,
)
from datumaro.kernels import (
    areas as area_codes,
    coordinate_encoding,
    dictionary,
    id_patterns,
    label_counts,
    mask_sizes,
    nullable,
)
from datumaro.model.annotation import NO_OBJECT_ID
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

Present = tuple[set[str], set[str]]
"""Names of columns, and of fields of annotations."""

_NEVER_NULL = ("id", "coordinates")
_TEXT_FIELDS = ("attributes", "visibility", "rle", "text", "extra")
_NAMES = pa.dictionary(pa.int32(), pa.large_string())
# Arrow is given these as numbers, and need not compare texts.
_WRITTEN_AS: dict[str, pa.DataType] = {"type": _NAMES, "attributes": _NAMES}


def file_schema(pieces: Iterable[Present]) -> pa.Schema:
    """The schema of a file of pieces of which `present` has told what they have."""
    items, annotations = set[str](), set[str]()
    for own, its_annotations in pieces:
        items |= own
        annotations |= its_annotations
    fields = [
        pa.field(name, kind, nullable=name not in _NEVER_NULL)
        for name, kind in ITEM_COLUMNS.items()
        if name in items or name in _NEVER_NULL
    ]
    parts = [
        pa.field(name, _WRITTEN_AS.get(name, kind), nullable=name != "type")
        for name, kind in ANNOTATION_FIELDS.items()
        if name in annotations or name == "type"
    ]
    element = pa.field("element", pa.struct(parts), nullable=False)
    fields.append(pa.field(ANNOTATIONS, pa.large_list(element), nullable=False))
    return pa.schema(fields)


def paths_of(kind: pa.Schema) -> list[str]:
    """The paths of a file's columns in Parquet's schema."""
    element: Any = kind.field(ANNOTATIONS).type.value_field
    fields = [f"{ANNOTATIONS}.list.{element.name}.{field.name}" for field in element.type]
    return [name for name in kind.names if name != ANNOTATIONS] + fields


def record_batch(chunk: Chunk, media: dict[str, pa.Array], kind: pa.Schema) -> pa.RecordBatch:
    """A chunk as a batch of ``kind`` (of `file_schema`).

    Boxes that polygons before them tell have no coordinates, and no id of their own.

    Parameters
    ----------
    media : its columns of `media_out.MediaWriter.told`.
    """
    element: Any = kind.field(ANNOTATIONS).type.value_type
    coordinates, fields = _annotation_columns(chunk, media, [field.name for field in element])
    struct = pa.StructArray.from_arrays(fields, fields=list(element))
    offsets = schema.buffer(chunk.offsets)
    of_lists: Any = kind.field(ANNOTATIONS).type
    columns = _item_columns(chunk, media, kind.names) | {COORDINATES: coordinates}
    columns[ANNOTATIONS] = pa.Array.from_buffers(
        of_lists, len(chunk), [None, offsets], 0, children=[struct]
    )
    return pa.RecordBatch.from_arrays([columns[name] for name in kind.names], schema=kind)


def present(chunk: Chunk, media: dict[str, pa.Array]) -> Present:
    """What of a chunk is not null throughout, or may not be; ``media`` as `record_batch`."""
    kinds = media["media_type"].to_numpy()
    items = {"media_type"} if (kinds != MediaType.NONE).any() else set[str]()
    texts = {"attributes": chunk.items.column("attributes")}
    texts |= {name: media[name] for name in ("path", "media_extra")}
    items |= {name for name, column in texts.items() if schema.has_bytes(column)}
    items |= {f"{name}_pattern" for name in ("attributes", "path") if name in items}
    items |= {name for name in ("height", "width") if media[name].to_numpy().any()}
    annotations = chunk.annotations
    ids = annotations.column("id").to_numpy()
    blank = {"id": 0, "object_id": NO_OBJECT_ID, "z_order": 0}
    fields = {
        name
        for name, value in blank.items()
        if nullable.has_another(annotations.column(name).to_numpy(), value)
    }
    if nullable.are_others(annotations.column("group").to_numpy(), ids):
        fields.add("group")
    for name in ("mask_height", "mask_width"):
        told = annotations.column(name).to_numpy()
        if not mask_sizes.are_of_items(told, *_masks(chunk, media, name)):
            fields.add(name)
    texts = {name: annotations.column(name) for name in _TEXT_FIELDS}
    fields |= {name for name, column in texts.items() if schema.has_bytes(column)}
    if annotations.column("label").null_count < len(annotations):
        fields.add("label")
    if nullable.has_number(annotations.column("area").to_numpy()):
        fields.add("area_bits")
    if schema.has_bytes(annotations.column("points")):
        fields.add("n_coordinates")
    return items, fields


def _item_columns(
    chunk: Chunk, media: dict[str, pa.Array], names: Sequence[str]
) -> dict[str, pa.Array]:
    """Those of the items' own columns that are named, and perhaps more."""
    ids = chunk.items.column("id")
    columns: dict[str, pa.Array] = {"id": ids}
    for name, texts in (("attributes", chunk.items.column("attributes")), ("path", media["path"])):
        if name in names:
            columns[name], columns[f"{name}_pattern"] = _with_patterns(texts, ids)
    if "media_type" in names:
        kinds = media["media_type"].to_numpy()
        found = MEDIA_NAMES.take(pa.array(np.searchsorted(MEDIA, kinds)))
        none = pa.array(kinds == MediaType.NONE)
        columns["media_type"] = pc.if_else(none, pa.nulls(len(chunk), pa.large_string()), found)
    if "media_extra" in names:
        columns["media_extra"] = _none_where_empty(media["media_extra"])
    for name in ("height", "width"):
        if name in names:
            columns[name] = _none_where(media[name], 0)
    return columns


def _with_patterns(texts: pa.Array, ids: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(Texts, and patterns with marks in place of the item's id), either for each item."""
    kind = pa.large_string()
    ends, data = id_patterns.encode(*schema.list_parts(ids), *schema.list_parts(texts))
    stated, marked = np.diff(schema.list_parts(texts)[0]) > 0, np.diff(ends) > 0
    if 2 * np.count_nonzero(marked) <= np.count_nonzero(stated):  # ids by chance
        return _none_where_empty(texts), pa.nulls(len(texts), kind)
    patterns = _none_where_empty(schema.texts(ends, data, kind))
    if np.array_equal(stated, marked):
        return pa.nulls(len(texts), kind), patterns
    return pc.if_else(pa.array(stated & ~marked), texts, pa.scalar(None, kind)), patterns


def _annotation_columns(
    chunk: Chunk, media: dict[str, pa.Array], names: Sequence[str]
) -> tuple[pa.Array, list[pa.Array]]:
    """(The items' coordinates, the named fields of their annotations)."""
    annotations, offsets = chunk.annotations, chunk.offsets
    types = annotations.column("type").to_numpy()
    ids = annotations.column("id").to_numpy()
    at, points = schema.list_parts(annotations.column("points"))
    boxes, counts, ends, data, doubled = coordinate_encoding.encode(offsets, types, ids, at, points)

    def area_bits() -> pa.Array:
        areas = annotations.column("area").to_numpy()
        bits, untold = area_codes.encode(offsets, types, ids, doubled, areas)
        return _masked(schema.primitive(bits, pa.int64()), *nullable.validity(untold, 1))

    def field(name: str) -> pa.Array:
        if name == "type":
            return _type_names(types)
        if name == "n_coordinates":
            return _none_where(schema.primitive(counts, pa.int32()), 0)
        if name == "area_bits":
            return area_bits()
        column = annotations.column(name)
        match name:
            case "label":
                return column
            case "id":
                return _masked(column, *nullable.validity(boxes, 1))
            case "group":
                return _none_where_equal(column, ids)
            case "object_id":
                return _none_where(column, NO_OBJECT_ID)
            case "z_order":
                return _none_where(column, 0)
            case "attributes":
                return _encoded(column)
            case "visibility":
                return _bytes_of(column)
            case "mask_height" | "mask_width":
                own = mask_sizes.of_items(*_masks(chunk, media, name))
                return _none_where_equal(column, own)
            case _:  # texts and bytes
                return _none_where_empty(column)

    return schema.texts(ends, data, pa.large_binary()), [field(name) for name in names]


def _type_names(types: Array) -> pa.Array:
    """The names of types, of which only those that occur are in the dictionary."""
    there = label_counts.occurring(types)
    places = np.zeros(256, np.int32)
    places[there] = np.arange(len(there))
    names = TYPE_NAMES.take(pa.array(np.searchsorted(TYPES, there)))
    index = schema.primitive(dictionary.indices(types, places), pa.int32())
    return pa.DictionaryArray.from_arrays(index, names)


def _encoded(texts: pa.Array) -> pa.DictionaryArray:
    """Texts by a dictionary, null for empty ones. Those of neighbours are often the same."""
    runs = dictionary.runs(*schema.list_parts(texts))
    found = _none_where_empty(texts.take(pa.array(runs[:-1]))).dictionary_encode()
    codes = np.repeat(found.indices.fill_null(-1).to_numpy(), np.diff(runs))
    index = _none_where(schema.primitive(codes, pa.int32()), -1)
    return pa.DictionaryArray.from_arrays(index, found.dictionary)


def _masks(chunk: Chunk, media: dict[str, pa.Array], name: str) -> tuple[Array, Array, Array]:
    """Of what ``mask_height`` or ``mask_width`` is taken without being told (see `mask_sizes`)."""
    ends = schema.list_parts(chunk.annotations.column("rle"))[0]
    return chunk.offsets, ends, media[name.removeprefix("mask_")].to_numpy()


def _none_where_empty(column: pa.Array) -> pa.Array:
    return _masked(column, *nullable.validity_of_texts(schema.list_parts(column)[0]))


def _none_where(column: pa.Array, value: int) -> pa.Array:
    return _masked(column, *nullable.validity(column.to_numpy(), value))


def _none_where_equal(column: pa.Array, other: Array) -> pa.Array:
    return _masked(column, *nullable.validity_of_others(column.to_numpy(), other))


def _masked(column: pa.Array, count: int, valid: Array) -> pa.Array:
    """A column without nulls with ``count`` of them, as validity bits tell, its memory shared."""
    if not count:
        return column
    bits = schema.buffer(valid)
    _, values, *data = column.buffers()
    width = 64 if data else column.type.bit_width  # of texts: that of their offsets
    values = values.slice(column.offset * width // 8)
    return pa.Array.from_buffers(column.type, len(column), [bits, values, *data], count)


def _bytes_of(lists: pa.Array) -> pa.Array:
    offsets, values = schema.list_parts(lists)
    return _none_where_empty(schema.texts(offsets, values, pa.large_binary()))
