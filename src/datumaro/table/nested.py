"""Columns as one table with a row for each item, as data tools want them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import MalformedFileError
from datumaro.kernels.records import bad_object
from datumaro.model.annotation import NO_OBJECT_ID, AnnotationType
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk, item_of
from datumaro.table.schema import Array

ANNOTATIONS = "annotations"
_TEXT = pa.large_string()
_TYPES = [kind.name for kind in AnnotationType]
_MEDIA = [kind.name.lower() for kind in MediaType]


def _annotation_fields() -> list[pa.Field]:
    fields: list[pa.Field] = []
    for field in schema.ANNOTATIONS:
        fields.append(pa.field("type", _TEXT, False) if field.name == "type" else field)
        if field.name == "label":
            fields.append(pa.field("label_name", _TEXT))
    return fields


_ANNOTATION = pa.struct(_annotation_fields())
_NAMED = ("subset", "media_type")
ITEMS = pa.schema(
    [
        *(
            pa.field(field.name, _TEXT if field.name in _NAMED else field.type, False)
            for field in schema.ITEMS
        ),
        pa.field(ANNOTATIONS, pa.large_list(pa.field("item", _ANNOTATION, False)), False),
    ]
)
"""`table.schema.ITEMS` and, in a list of structs, `table.schema.ANNOTATIONS`; subsets, labels and
the types of media and annotations are there as plain texts, which every tool takes."""

WHERE = "the Arrow table"


# --- there ------------------------------------------------------------------------------------


def nested(chunks: Sequence[Chunk], labels: Sequence[str] = ()) -> pa.Table:
    """A table of `ITEMS` over the chunks' memory; only names are made anew.

    Parameters
    ----------
    labels : the labels' names. Other labels have none.
    """
    names = pa.array(list(labels), _TEXT)
    return pa.Table.from_batches([_batch(chunk, names) for chunk in chunks], ITEMS)


def _batch(chunk: Chunk, labels: pa.Array) -> pa.RecordBatch:
    annotations = chunk.annotations
    parts = {name: annotations.column(name) for name in annotations.schema.names}
    parts["type"] = _named(parts["type"], _TYPES)
    parts["label_name"] = _label_names(parts["label"], labels)
    struct = pa.StructArray.from_arrays(
        [parts[field.name] for field in _ANNOTATION], fields=list(_ANNOTATION)
    )
    kind = ITEMS.field(ANNOTATIONS).type
    offsets = schema.buffer(chunk.offsets)
    columns = {name: chunk.items.column(name) for name in chunk.items.schema.names}
    columns["subset"] = columns["subset"].dictionary_decode()
    columns["media_type"] = _named(columns["media_type"], _MEDIA)
    columns[ANNOTATIONS] = pa.Array.from_buffers(
        kind, len(chunk), [None, offsets], 0, children=[struct]
    )
    return pa.RecordBatch.from_arrays([columns[field.name] for field in ITEMS], schema=ITEMS)


def _named(numbers: pa.Array, names: list[str]) -> pa.Array:
    """Numbers, which count from 0 without gaps, as their names."""
    return pa.array(names, _TEXT).take(numbers)


def _label_names(labels: pa.Array, names: pa.Array) -> pa.Array:
    """The names of labels; null for those that have none."""
    values = schema.label_values(labels)
    unknown = (values < 0) | (values >= len(names))
    return names.take(pa.array(np.where(unknown, 0, values), mask=unknown))


# --- and back ---------------------------------------------------------------------------------


class NestedReader:
    """A batch of a table like `ITEMS` to a chunk; columns of the same types are not copied.

    Texts, lists and numbers of other widths are taken, columns in any order, nulls for "nothing".
    Columns that are missing are blank, but for ``id``, ``annotations`` and the annotations'
    ``type``; those that are not known are left out.

    Parameters
    ----------
    place : what to call the batch in messages.
    labels : the labels' names; None when there are no label categories.
    """

    def __init__(self, batch: pa.RecordBatch, place: str, labels: Sequence[str] | None) -> None:
        self._batch, self._place, self._labels = batch, place, labels
        self._ids = pa.array([], _TEXT)
        self._offsets: Array = np.zeros(1, np.int64)

    def chunk(self) -> Chunk:
        """The chunk.

        Raises
        ------
        MalformedFileError
            A column is missing, of another kind, or holds what it must not.
        """
        items = self._items()
        ids = self._ids = items["id"]
        nested = self._part(ANNOTATIONS)
        if nested is None or not _is_list(nested.type):
            found = "no column" if nested is None else str(nested.type)
            raise self._wrong(ANNOTATIONS, found, "a list of structs for each item")
        if nested.null_count:
            item = ids[int(pc.index(nested.is_null(), True).as_py())].as_py()
            raise self._wrong(f"item {item!r}: {ANNOTATIONS}", "null", "a list, perhaps empty")
        if pa.types.is_null(nested.type.value_type) and not len(nested.flatten()):
            none = np.zeros(len(ids) + 1, np.int64)  # tools may not know what is in no list
            items = schema.item_batch(len(ids), items)
            return Chunk(items, schema.annotation_batch(0, {}), none)
        if not pa.types.is_struct(nested.type.value_type):
            raise self._wrong(ANNOTATIONS, str(nested.type)[:80], "a list of structs for each item")
        ends: Array = np.zeros(1, np.int64)
        if len(nested):
            ends = nested.offsets.to_numpy().astype(np.int64, copy=False)
        first, last = int(ends[0]), int(ends[-1])
        struct = nested.values.slice(first, last - first)
        self._offsets = ends - first if first else ends
        if struct.null_count:
            where = self._item(int(pc.index(struct.is_null(), True).as_py()))
            raise self._wrong(f"{where}: {ANNOTATIONS}", "a null among them", "annotations")
        parts = cast("list[pa.Array]", struct.flatten())  # of a struct: a list
        fields = {field.name: part for field, part in zip(struct.type, parts, strict=True)}
        annotations = self._annotations(len(struct), fields)
        return Chunk(schema.item_batch(len(ids), items), annotations, self._offsets)

    def _items(self) -> dict[str, pa.Array]:
        given = {name: self._part(name) for name in schema.ITEMS.names}
        ids = given["id"]
        if ids is None or ids.null_count:
            raise self._wrong("id", "no column" if ids is None else "a null", "an id for each item")
        columns = {"id": self._texts("id", ids)}
        subset = given["subset"]
        if subset is not None:
            names = self._cast("subset", subset, _TEXT).fill_null(DEFAULT_SUBSET_NAME)
            columns["subset"] = names.dictionary_encode()
        for name in ("attributes", "media_extra", "path"):
            column = given[name]
            if column is not None:
                columns[name] = self._texts(name, column)
                if name != "path":
                    self._objects(name, columns[name])
        for name in ("height", "width"):
            column = given[name]
            if column is not None:
                columns[name] = self._numbers(name, column, schema.ITEMS.field(name).type, 0)
        kinds = given["media_type"]
        if kinds is not None:
            columns["media_type"] = self._of_names("media_type", kinds, _MEDIA)
        return columns

    def _annotations(self, n: int, fields: dict[str, pa.Array]) -> pa.RecordBatch:
        columns: dict[str, pa.Array] = {}
        types = fields.get("type")
        if types is None or types.null_count:
            found = "no field" if types is None else "a null"
            raise self._wrong(f"{ANNOTATIONS}.type", found, "a name")
        columns["type"] = self._of_names(f"{ANNOTATIONS}.type", types, _TYPES)
        blank = {"object_id": NO_OBJECT_ID, "area": float("nan")}
        for field in schema.ANNOTATIONS:
            name, kind = field.name, field.type
            column, place = fields.get(name), f"{ANNOTATIONS}.{name}"
            if column is None or name in ("type", "label"):
                continue
            if name == "group" and column.null_count and "id" in columns:
                column = pc.coalesce(column, columns["id"])
            if pa.types.is_large_list(kind):
                columns[name] = self._lists(place, column, kind)
            elif pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
                columns[name] = self._texts(place, column, kind)
            else:
                columns[name] = self._numbers(place, column, kind, blank.get(name, 0))
        for name in ("attributes", "extra"):
            if name in columns:
                self._objects(f"{ANNOTATIONS}.{name}", columns[name])
        if "group" not in fields and "id" in columns:
            columns["group"] = columns["id"]
        columns["label"] = self._label(n, fields.get("label"), fields.get("label_name"))
        return schema.annotation_batch(n, columns)

    def _label(self, n: int, number: pa.Array | None, name: pa.Array | None) -> pa.Array:
        """Labels by their numbers, or by their names where there are no numbers."""
        place = f"{ANNOTATIONS}.label"
        numbers = pa.nulls(n, pa.int32())
        if number is not None:
            numbers = self._cast(place, number, pa.int32())
        if name is None or self._labels is None:
            return numbers
        known = pa.array(list(self._labels), _TEXT)
        name = self._cast(f"{place}_name", name, _TEXT)
        if number is None:
            numbers = pc.index_in(name, known)
        same = pc.equal(_label_names(numbers, known), name).fill_null(False)
        wrong = pc.and_(name.is_valid(), pc.invert(same))
        if pc.any(wrong).as_py():
            row = int(pc.index(wrong, True).as_py())
            text = repr(name[row].as_py())
            expected = f"one of {', '.join(self._labels)[:200] or 'none'}"
            if number is not None:
                text = f"{text} beside label {numbers[row].as_py()}"
                expected = "the name of that label; leave one of the two fields out"
            raise self._wrong(f"{self._item(row)}: {place}_name", text, expected)
        return numbers

    # --- one column ---------------------------------------------------------------------------

    def _wrong(self, place: str, found: str, expected: str) -> MalformedFileError:
        return MalformedFileError(WHERE, f"{self._place}: {place}", found, expected)

    def _item(self, row: int) -> str:
        """The item of an annotation row, for messages."""
        return f"item {self._ids[item_of(self._offsets, row)].as_py()!r}"

    def _part(self, name: str) -> pa.Array | None:
        index = self._batch.schema.get_field_index(name)
        return None if index < 0 else self._batch.column(index)

    def _cast(self, place: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
        try:
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            column = column if column.type == kind else column.cast(kind)
            if pa.types.is_large_string(kind):
                column.validate(full=True)  # that it is UTF-8
        except pa.ArrowException as error:
            raise self._wrong(place, f"{column.type}: {error}", str(kind)) from error
        return column

    def _texts(self, place: str, column: pa.Array, kind: pa.DataType = _TEXT) -> pa.Array:
        column = self._cast(place, column, kind)
        if column.null_count:
            column = column.fill_null("" if pa.types.is_large_string(kind) else b"")
        return column

    def _numbers(self, place: str, column: pa.Array, kind: pa.DataType, nothing: float) -> pa.Array:
        column = self._cast(place, column, kind)
        column = column.fill_null(nothing) if column.null_count else column
        if place in ("height", "width") and len(column) and column.to_numpy().min() < 0:
            raise self._wrong(place, "a negative number", "pixels")
        return column

    def _of_names(self, place: str, column: pa.Array, names: list[str]) -> pa.Array:
        """Names as numbers; null as 0."""
        column = self._cast(place, column, _TEXT)
        found = pc.index_in(column, pa.array(names, _TEXT))
        unknown = pc.and_(found.is_null(), column.is_valid())
        if pc.any(unknown).as_py():
            row = int(pc.index(unknown, True).as_py())
            raise self._wrong(place, repr(column[row].as_py())[:80], f"one of {', '.join(names)}")
        return schema.primitive(found.fill_null(0).to_numpy().astype(np.uint8), pa.uint8())

    def _lists(self, place: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
        if column.type == kind and not column.null_count:
            return column
        if pa.types.is_null(column.type):
            return schema.blank(kind, len(column))
        if not _is_list(column.type):
            raise self._wrong(place, str(column.type), str(kind))
        lengths: Array = pc.list_value_length(column).fill_null(0).to_numpy()
        offsets = np.zeros(len(column) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        values = self._cast(place, column.flatten(), kind.value_type)
        if values.null_count:
            raise self._wrong(place, "a null in a list", "numbers")
        return schema.lists(offsets, values.to_numpy(zero_copy_only=False), kind)

    def _objects(self, place: str, column: pa.Array) -> None:
        row = bad_object(*schema.list_parts(column))
        if row >= 0:
            raise self._wrong(f"{place}: row {row}", column[row].as_py()[:80], "a JSON object")


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_large_list(kind) or pa.types.is_list(kind)
