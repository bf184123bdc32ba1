"""Columns of a data set as one table with a row for each item, as data tools want them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk

_NAME = pa.dictionary(pa.int8(), pa.large_string())
_TYPES = [kind.name for kind in AnnotationType]
_MEDIA = [kind.name.lower() for kind in MediaType]

_ANNOTATION = pa.struct(
    [
        pa.field(field.name, _NAME if field.name == "type" else field.type, field.nullable)
        for field in schema.ANNOTATIONS
    ]
)
ITEMS = pa.schema(
    [
        *(
            pa.field(field.name, _NAME if field.name == "media_type" else field.type, False)
            for field in schema.ITEMS
        ),
        pa.field("annotations", pa.large_list(pa.field("item", _ANNOTATION, False)), False),
    ]
)
"""`table.schema.ITEMS` and, in a list of structs, `table.schema.ANNOTATIONS`; the numbers of media
and annotation types are their names."""


def nested(chunks: Sequence[Chunk]) -> pa.Table:
    """A table of `ITEMS` over the chunks' memory; only the types' names are made anew."""
    return pa.Table.from_batches([_batch(chunk) for chunk in chunks], ITEMS)


def _batch(chunk: Chunk) -> pa.RecordBatch:
    parts = [
        _named(column, _TYPES) if name == "type" else column
        for name, column in _columns(chunk.annotations)
    ]
    struct = pa.StructArray.from_arrays(parts, fields=list(_ANNOTATION))
    offsets = schema.buffer(chunk.offsets)
    kind = ITEMS.field("annotations").type
    lists = pa.Array.from_buffers(kind, len(chunk), [None, offsets], 0, children=[struct])
    items = [
        _named(column, _MEDIA) if name == "media_type" else column
        for name, column in _columns(chunk.items)
    ]
    return pa.RecordBatch.from_arrays([*items, lists], schema=ITEMS)


def _columns(batch: pa.RecordBatch) -> list[tuple[str, pa.Array]]:
    return list(zip(batch.schema.names, batch.columns, strict=True))


def _named(numbers: pa.Array, names: list[str]) -> pa.Array:
    """Numbers, which count from 0 without gaps, as their names."""
    codes = numbers.cast(pa.int8())
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.large_string()))
