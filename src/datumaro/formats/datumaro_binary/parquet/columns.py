"""Columns of a chunk to those of a Parquet file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import MalformedFileError
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATION_FIELDS,
    ANNOTATIONS,
    ITEM_COLUMNS,
    PLANE_COLUMNS,
)
from datumaro.kernels import coordinates
from datumaro.kernels.records import bad_object
from datumaro.model.annotation import NO_OBJECT_ID, AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_TYPE_NAMES = pa.array([kind.name for kind in AnnotationType], pa.large_string())
_TYPES = np.array(list(AnnotationType), np.uint8)
_MEDIA_NAMES = pa.array([kind.name.lower() for kind in MediaType], pa.large_string())
_MEDIA = np.array(list(MediaType), np.uint8)
_JSON_FIELDS = ("attributes", "extra")


# --- writing ----------------------------------------------------------------------------------


def file_schema(tables: list[dict[str, pa.Array]], annotations: list[dict[str, pa.Array]]) -> Any:
    """The schema of a file in which nothing but nulls is left out.

    Parameters
    ----------
    tables, annotations : the columns and annotation fields of all chunks of the file; those that
        are null throughout are missing in them.
    """
    named = {name for table in tables for name in table}
    fields = [
        pa.field(name, kind, nullable=name != "id")
        for name, kind in ITEM_COLUMNS.items()
        if name in named or name == "id"
    ]
    fields += [pa.field(name, pa.large_binary()) for name in PLANE_COLUMNS if name in named]
    there = {name for part in annotations for name in part} | {"type"}
    parts = [
        pa.field(name, kind, nullable=name != "type")
        for name, kind in ANNOTATION_FIELDS.items()
        if name in there
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


def item_columns(chunk: Chunk, media: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """An item's own columns; ``media`` are those of `media_out.MediaWriter.told`."""
    kinds = media["media_type"].to_numpy()
    none = pa.array(kinds == MediaType.NONE)
    columns: dict[str, pa.Array] = {"id": chunk.items.column("id")}
    columns["attributes"] = _none_where_empty(chunk.items.column("attributes"))
    index = np.searchsorted(_MEDIA, kinds)
    names = _MEDIA_NAMES.take(pa.array(index))
    columns["media_type"] = pc.if_else(none, pa.nulls(len(chunk), pa.large_string()), names)
    for name in ("path", "media_extra"):
        columns[name] = _none_where_empty(media[name])
    for name in ("height", "width"):
        columns[name] = _none_where(media[name], 0)
    return _not_null(columns)


def annotation_columns(
    annotations: pa.RecordBatch, offsets: Array
) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """(The planes of the items' coordinates, the fields of their annotations)."""
    types = annotations.column("type").to_numpy()
    ids = annotations.column("id").to_numpy()
    at, points = schema.list_parts(annotations.column("points"))
    counts, exact, starts, n_planes, coded = coordinates.encode(offsets, types, ids, at, points)
    planes: dict[str, pa.Array] = {}
    for number, name in enumerate(PLANE_COLUMNS):
        ends, data = coordinates.plane(starts, n_planes, coded, number)
        if len(data):
            planes[name] = _none_where_empty(schema.texts(ends, data, pa.large_binary()))
    fields: dict[str, pa.Array] = {
        "type": _TYPE_NAMES.take(pa.array(np.searchsorted(_TYPES, types))),
        "label": annotations.column("label"),
        "id": annotations.column("id"),
        "group": _none_where_equal(annotations.column("group"), ids),
        "object_id": _none_where(annotations.column("object_id"), NO_OBJECT_ID),
        "z_order": _none_where(annotations.column("z_order"), 0),
        "area": _stated_once(annotations.column("area").to_numpy(), ids, offsets),
        "coordinates": pa.array(counts, mask=counts == 0),
        "exact_points": _exact_points(exact, at, points),
        "visibility": _bytes_of(annotations.column("visibility")),
        "mask_height": _none_where(annotations.column("mask_height"), 0),
        "mask_width": _none_where(annotations.column("mask_width"), 0),
    }
    for name in ("attributes", "rle", "text", "extra"):
        fields[name] = _none_where_empty(annotations.column(name))
    return planes, _not_null(fields)


def _not_null(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return {
        name: column
        for name, column in columns.items()
        if column.null_count < len(column) or name in ("id", "type")
    }


def _none_where_empty(column: pa.Array) -> pa.Array:
    return _masked(column, np.diff(schema.list_parts(column)[0]) == 0)


def _none_where(column: pa.Array, value: int) -> pa.Array:
    return _masked(column, column.to_numpy() == value)


def _none_where_equal(column: pa.Array, other: Array) -> pa.Array:
    return _masked(column, column.to_numpy() == other)


def _masked(column: pa.Array, nulls: Array) -> pa.Array:
    """A column with nulls where told, its memory shared."""
    if not nulls.any():
        return column
    valid = schema.buffer(np.packbits(~nulls, bitorder="little"))
    if column.offset:
        column = pa.concat_arrays([column])
        if column.offset:
            return pc.if_else(pa.array(nulls), pa.nulls(len(column), column.type), column)
    count = int(np.count_nonzero(nulls))
    return pa.Array.from_buffers(column.type, len(column), [valid, *column.buffers()[1:]], count)


def _stated_once(areas: Array, ids: Array, offsets: Array) -> pa.Array:
    """Areas; null where they are those of the annotation before, of the same item and id."""
    same = np.zeros(len(areas), bool)
    if len(areas):
        same[1:] = (ids[1:] == ids[:-1]) & (areas[1:].view(np.int64) == areas[:-1].view(np.int64))
        starts = offsets[:-1][np.diff(offsets) > 0]
        same[starts] = np.isnan(areas[starts])
    return pa.array(areas, mask=same)


def _exact_points(exact: Array, at: Array, points: Array) -> pa.Array:
    lengths = np.where(exact != 0, np.diff(at), 0) * 4
    ends = np.zeros(len(exact) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    rows = np.flatnonzero(exact)
    data = [points[at[row] : at[row + 1]].tobytes() for row in rows.tolist()]
    return _none_where_empty(schema.texts(ends, b"".join(data), pa.large_binary()))


def _bytes_of(lists: pa.Array) -> pa.Array:
    offsets, values = schema.list_parts(lists)
    return _none_where_empty(schema.texts(offsets, values, pa.large_binary()))


# --- reading ----------------------------------------------------------------------------------


class TableReader:
    """A row group's columns to those of `table.schema`, all checked.

    Parameters
    ----------
    path, place : the file and the part of it, for messages.

    Raises
    ------
    MalformedFileError
        A column is of another kind, or holds what it must not.
    """

    def __init__(self, path: Path, place: str, batch: pa.RecordBatch) -> None:
        self._path, self._place = path, place
        self._batch = batch
        nested = self._column("annotations", None)
        if nested is None or not _is_list_of_structs(nested.type):
            raise self._wrong("annotations", "no list of structs", "one for each item")
        if nested.null_count:
            raise self._wrong("annotations", "a null", "a list, perhaps empty")
        n = len(nested)
        offsets = (
            np.frombuffer(
                nested.buffers()[1],
                np.int64 if pa.types.is_large_list(nested.type) else np.int32,
                n + 1,
                (8 if pa.types.is_large_list(nested.type) else 4) * nested.offset,
            ).astype(np.int64)
            if n
            else np.zeros(1, np.int64)
        )
        struct = nested.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
        if struct.null_count:
            raise self._wrong("annotations", "a null among them", "annotations")
        parts = cast("list[pa.Array]", struct.flatten())  # of a struct: a list
        self._fields = {
            field.name: column for field, column in zip(struct.type, parts, strict=True)
        }
        self.offsets: Array = offsets - offsets[0]
        self.n, self.m = n, len(struct)

    def _wrong(self, column: str, found: str, expected: str) -> MalformedFileError:
        return MalformedFileError(self._path, f"{self._place}: {column}", found, expected)

    def _column(self, name: str, kind: pa.DataType | None) -> pa.Array | None:
        index = self._batch.schema.get_field_index(name)
        if index < 0:
            return None
        column = self._batch.column(index)
        return column if kind is None else self._cast(name, column, kind)

    def _field(self, name: str) -> pa.Array | None:
        column = self._fields.get(name)
        if column is None:
            return None
        return self._cast(f"annotations.{name}", column, ANNOTATION_FIELDS[name])

    def _cast(self, name: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
        try:
            column = column if column.type == kind else column.cast(kind)
            if pa.types.is_large_string(kind):
                column.validate(full=True)  # that it is UTF-8: Parquet files may hold anything
        except pa.ArrowException as error:
            raise self._wrong(name, f"{column.type}: {error}", str(kind)) from error
        return column

    # --- items --------------------------------------------------------------------------------

    def ids(self) -> pa.Array:
        """The items' ids."""
        ids = self._column("id", ITEM_COLUMNS["id"])
        if ids is None or ids.null_count:
            raise self._wrong("id", "no column" if ids is None else "a null", "an id for each item")
        return _texts(ids)

    def item_attributes(self) -> pa.Array:
        """JSON objects, "" for none."""
        return self._json("attributes", self._column("attributes", ITEM_COLUMNS["attributes"]))

    def media(self) -> dict[str, pa.Array]:
        """``media_type`` as numbers; ``path``, ``height``, ``width``, ``media_extra``, blank."""
        n = self.n
        columns: dict[str, pa.Array] = {}
        for name in ("path", "media_extra"):
            column = self._column(name, ITEM_COLUMNS[name])
            columns[name] = schema.blank(pa.large_string(), n) if column is None else _texts(column)
        self._json("media_extra", columns["media_extra"])
        for name in ("height", "width"):
            column = self._column(name, ITEM_COLUMNS[name])
            columns[name] = schema.blank(pa.int32(), n) if column is None else _filled(column, 0)
            if n and columns[name].to_numpy().min() < 0:
                raise self._wrong(name, "a negative number", "pixels")
        kinds = np.zeros(n, np.uint8)
        named = self._column("media_type", ITEM_COLUMNS["media_type"])
        if named is not None:
            kinds = self._numbers("media_type", named, _MEDIA_NAMES, _MEDIA)
        columns["media_type"] = schema.primitive(kinds, pa.uint8())
        return columns

    def _numbers(self, name: str, column: pa.Array, names: pa.Array, numbers: Array) -> Array:
        """Names as numbers; null as 0."""
        found = pc.index_in(column, names)
        unknown = pc.and_(found.is_null(), column.is_valid())
        if pc.any(unknown).as_py():
            row = int(pc.index(unknown, True).as_py())
            known = ", ".join(names.to_pylist())
            raise self._wrong(name, repr(column[row].as_py())[:80], f"one of {known}")
        index = found.fill_null(-1).to_numpy()
        return np.where(index < 0, np.uint8(0), numbers[index]).astype(np.uint8)

    # --- annotations --------------------------------------------------------------------------

    def annotations(self) -> pa.RecordBatch:
        """The annotations, but for a check that their parts are those of their types."""
        m = self.m
        names = self._field("type")
        if names is None or names.null_count:
            found = "no field" if names is None else "a null"
            raise self._wrong("annotations.type", found, "a name")
        types = self._numbers("annotations.type", names, _TYPE_NAMES, _TYPES)
        columns: dict[str, pa.Array] = {"type": schema.primitive(types, pa.uint8())}
        ids = _number_column(self._field("id"), 0)
        id_values = np.zeros(m, np.int64) if ids is None else ids.to_numpy()
        if ids is not None:
            columns["id"] = ids
        label = self._field("label")
        if label is not None:
            columns["label"] = schema.labels(schema.label_values(label))
        group = self._field("group")
        if group is None:
            columns["group"] = schema.primitive(id_values, pa.int64())
        else:
            columns["group"] = (
                pc.coalesce(group, pa.array(id_values)) if group.null_count else group
            )
        for name, missing in (("object_id", NO_OBJECT_ID), ("z_order", 0)):
            column = _number_column(self._field(name), missing)
            if column is not None:
                columns[name] = column
        for name in ("mask_height", "mask_width"):
            column = _number_column(self._field(name), 0)
            if column is not None:
                columns[name] = column
        for name in ("attributes", "rle", "text", "extra"):
            column = self._field(name)
            if column is not None:
                columns[name] = _texts(column)
        for name in _JSON_FIELDS:
            if name in columns:
                self._json(f"annotations.{name}", columns[name])
        visibility = self._field("visibility")
        if visibility is not None:
            ends, values = schema.list_parts(_texts(visibility))
            columns["visibility"] = schema.lists(
                ends, values, schema.ANNOTATIONS.field("visibility").type
            )
        area = self._field("area")
        if area is not None:
            columns["area"] = self._areas(area, id_values)
        columns["points"] = self._points(types, id_values)
        return schema.annotation_batch(m, columns)

    def _areas(self, area: pa.Array, ids: Array) -> pa.Array:
        """Areas, those that are not stated taken from the annotation before."""
        stated = area.is_valid().to_numpy(zero_copy_only=False)
        values = area.fill_null(float("nan")).to_numpy()
        begins = np.ones(self.m, bool)
        begins[1:] = ids[1:] != ids[:-1]
        begins[self.offsets[:-1][np.diff(self.offsets) > 0]] = True
        last = np.maximum.accumulate(np.where(stated | begins, np.arange(self.m), 0))
        return schema.primitive(np.ascontiguousarray(values[last]), pa.float64())

    def _points(self, types: Array, ids: Array) -> pa.Array:
        n, m = self.n, self.m
        counts = _number_column(self._field("coordinates"), 0)
        exact = self._field("exact_points")
        blank = schema.blank(pa.large_binary(), n)
        planes = [self._column(name, pa.large_binary()) for name in PLANE_COLUMNS]
        exact_at, exact_data = schema.list_parts(
            schema.blank(pa.large_binary(), m) if exact is None else _texts(exact)
        )
        if (np.diff(exact_at) % 4).any():
            raise self._wrong("annotations.exact_points", "bytes", "float32 numbers of 4 bytes")
        parts = [schema.list_parts(blank if p is None else _texts(p)) for p in planes]
        number = np.zeros(m, np.int32) if counts is None else counts.to_numpy()
        code, item, at, points = coordinates.decode(
            self.offsets, types, ids, number, exact_at, exact_data, parts
        )
        if code:
            found, expected = coordinates.CODES[code]
            raise self._wrong(f"item {self.ids()[item].as_py()!r}: coordinates", found, expected)
        return schema.lists(at, points, schema.ANNOTATIONS.field("points").type)

    def _json(self, name: str, column: pa.Array | None) -> pa.Array:
        if column is None:
            return schema.blank(pa.large_string(), self.n)
        column = _texts(column)
        row = bad_object(*schema.list_parts(column))
        if row >= 0:
            raise self._wrong(f"{name}: row {row}", column[row].as_py()[:80], "a JSON object")
        return column


def _is_list_of_structs(kind: pa.DataType) -> bool:
    is_list = pa.types.is_large_list(kind) or pa.types.is_list(kind)
    return is_list and pa.types.is_struct(kind.value_type)


def _texts(column: pa.Array) -> pa.Array:
    """Texts or bytes with "" for null, whose offsets begin at 0."""
    if column.null_count:
        column = column.fill_null("" if pa.types.is_large_string(column.type) else b"")
    if column.offset:
        column = pa.concat_arrays([column.slice(0, 0), column])
    return column


def _filled(column: pa.Array, missing: int) -> pa.Array:
    return column.fill_null(missing) if column.null_count else column


def _number_column(column: pa.Array | None, missing: int) -> pa.Array | None:
    return None if column is None else _filled(column, missing)
