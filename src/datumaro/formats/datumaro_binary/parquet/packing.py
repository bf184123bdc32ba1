"""Columns of a chunk as a Parquet file has them: nothing told that others tell.

`columns` is the reverse; docs/storage.md says what is in the columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.formats.datumaro_binary.parquet.columns import (
    MEDIA,
    MEDIA_NAMES,
    TYPE_NAMES,
    TYPES,
    of_masks,
    rows_of_masks,
)
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATION_FIELDS,
    ANNOTATIONS,
    ITEM_COLUMNS,
)
from datumaro.kernels import (
    areas as area_codes,
    coordinate_encoding,
    dictionary,
    id_patterns,
    label_counts,
    nullable,
)
from datumaro.model.annotation import NO_OBJECT_ID
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_NEVER_NULL = ("id", "coordinates")
_TEXT_FIELDS = ("attributes", "visibility", "rle", "text", "extra")
_NAMES = pa.dictionary(pa.int32(), pa.large_string())
# Arrow is given these as numbers, and need not compare texts.
_WRITTEN_AS: dict[str, pa.DataType] = {"type": _NAMES, "attributes": _NAMES}


def file_schema(pieces: Iterable[tuple[Chunk, dict[str, pa.Array]]]) -> pa.Schema:
    """The schema of a file of chunks with their media, in which nothing but nulls is left out."""
    items, annotations = set[str](), set[str]()
    for chunk, media in pieces:
        own, its_annotations = present(chunk, media)
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


def record_batch(
    table: dict[str, pa.Array], annotations: dict[str, pa.Array], offsets: Array, kind: Any
) -> pa.RecordBatch:
    """A batch of ``kind`` (of `file_schema`); columns that are missing become nulls."""
    n, m = len(offsets) - 1, int(offsets[-1])
    element = kind.field(ANNOTATIONS).type.value_type
    parts = [
        annotations[field.name] if field.name in annotations else pa.nulls(m, field.type)
        for field in element
    ]
    struct = pa.StructArray.from_arrays(parts, fields=list(element))
    nested = pa.Array.from_buffers(
        kind.field(ANNOTATIONS).type, n, [None, schema.buffer(offsets)], 0, children=[struct]
    )
    arrays = [
        nested
        if field.name == ANNOTATIONS
        else table[field.name]
        if field.name in table
        else pa.nulls(n, field.type)
        for field in kind
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=kind)


def present(chunk: Chunk, media: dict[str, pa.Array]) -> tuple[set[str], set[str]]:
    """(Columns, fields of annotations) that are not null throughout, or may not be."""
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
    told = {"group": ids} | _mask_sizes(chunk.offsets, annotations, media)
    fields |= {
        name
        for name, values in told.items()
        if nullable.are_others(annotations.column(name).to_numpy(), values)
    }
    texts = {name: annotations.column(name) for name in _TEXT_FIELDS}
    fields |= {name for name, column in texts.items() if schema.has_bytes(column)}
    if annotations.column("label").null_count < len(annotations):
        fields.add("label")
    if not np.isnan(annotations.column("area").to_numpy()).all():
        fields.add("area_bits")
    if schema.has_bytes(annotations.column("points")):
        fields.add("n_coordinates")
    return items, fields


def item_columns(chunk: Chunk, media: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """An item's own columns; ``media`` are those of `media_out.MediaWriter.told`."""
    kinds = media["media_type"].to_numpy()
    none = pa.array(kinds == MediaType.NONE)
    columns: dict[str, pa.Array] = {"id": chunk.items.column("id")}
    for name, texts in (("attributes", chunk.items.column("attributes")), ("path", media["path"])):
        columns[name], columns[f"{name}_pattern"] = _with_patterns(texts, columns["id"])
    index = np.searchsorted(MEDIA, kinds)
    names = MEDIA_NAMES.take(pa.array(index))
    columns["media_type"] = pc.if_else(none, pa.nulls(len(chunk), pa.large_string()), names)
    columns["media_extra"] = _none_where_empty(media["media_extra"])
    for name in ("height", "width"):
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
    return pc.if_else(pa.array(stated & ~marked), texts, pa.scalar(None, kind)), patterns


def annotation_columns(
    chunk: Chunk, media: dict[str, pa.Array]
) -> tuple[pa.Array, dict[str, pa.Array], Array]:
    """(The items' coordinates, the fields of their annotations, each item's annotations).

    Boxes that polygons before them tell have no coordinates, and no id of their own.
    """
    annotations, offsets = chunk.annotations, chunk.offsets
    types = annotations.column("type").to_numpy()
    ids = annotations.column("id").to_numpy()
    at, points = schema.list_parts(annotations.column("points"))
    boxes, counts, ends, data, doubled = coordinate_encoding.encode(offsets, types, ids, at, points)
    areas = annotations.column("area").to_numpy()
    area_bits, untold = area_codes.encode(offsets, types, ids, doubled, areas)
    sizes = _mask_sizes(offsets, annotations, media)
    fields: dict[str, pa.Array] = {
        "type": _type_names(types),
        "label": annotations.column("label"),
        "id": _masked(annotations.column("id"), *nullable.validity(boxes, 1)),
        "group": _none_where_equal(annotations.column("group"), ids),
        "object_id": _none_where(annotations.column("object_id"), NO_OBJECT_ID),
        "z_order": _none_where(annotations.column("z_order"), 0),
        "attributes": _encoded(annotations.column("attributes")),
        "area_bits": _masked(
            schema.primitive(area_bits, pa.int64()), *nullable.validity(untold, 1)
        ),
        "n_coordinates": _none_where(schema.primitive(counts, pa.int32()), 0),
        "visibility": _bytes_of(annotations.column("visibility")),
        **{name: _none_where_equal(annotations.column(name), of) for name, of in sizes.items()},
    }
    for name in ("rle", "text", "extra"):
        fields[name] = _none_where_empty(annotations.column(name))
    return schema.texts(ends, data, pa.large_binary()), fields, offsets


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


def _mask_sizes(
    offsets: Array, annotations: pa.RecordBatch, media: dict[str, pa.Array]
) -> dict[str, Array]:
    """What masks' heights and widths are without being told: those of their items' media."""
    masks = rows_of_masks(schema.list_parts(annotations.column("rle"))[0])
    return {
        f"mask_{name}": of_masks(offsets, masks, media[name].to_numpy())
        for name in ("height", "width")
    }


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
