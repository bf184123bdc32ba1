"""A row group's columns to those of a chunk, all checked.

`packing` is the reverse; docs/storage.md says what is in the columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import MalformedFileError
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATION_FIELDS,
    ITEM_COLUMNS,
)
from datumaro.kernels import coordinates
from datumaro.kernels.records import bad_object
from datumaro.model.annotation import NO_OBJECT_ID, AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.schema import Array

WITH_BOX = 255
"""The type of a polygon after which comes the box of its bounds."""

TYPE_NAMES = pa.array([*(kind.name for kind in AnnotationType), "polygon_bbox"], pa.large_string())
TYPES = np.array([*AnnotationType, WITH_BOX], np.uint8)
MEDIA_NAMES = pa.array([kind.name.lower() for kind in MediaType], pa.large_string())
MEDIA = np.array(list(MediaType), np.uint8)

_MISSING = {"id": 0, "object_id": NO_OBJECT_ID, "z_order": 0, "n_coordinates": 0}
_ALL_BUT_SIGN = np.int64(2**63 - 1)
_MOST_PATTERNS = 16  # of a row group, that are each tried on all rows at once


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
            if name == "path":
                column = self._paths(column)
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
            kinds = self._numbers("media_type", named, MEDIA_NAMES, MEDIA)
        columns["media_type"] = schema.primitive(kinds, pa.uint8())
        return columns

    def _paths(self, paths: pa.Array | None) -> pa.Array | None:
        """Paths; those told by a pattern have the item's id where that has U+0000."""
        patterns = self._column("path_pattern", ITEM_COLUMNS["path_pattern"])
        if patterns is None or patterns.null_count == len(patterns):
            return paths
        ids = self.ids()
        kinds: list[str] = patterns.dictionary_encode().dictionary.to_pylist()
        for kind in kinds:
            if kind.count("\0") != 1:  # many would make much of little
                raise self._wrong("path_pattern", repr(kind)[:80], "U+0000 once")
        if len(kinds) > _MOST_PATTERNS:
            pairs = zip(patterns.to_pylist(), ids.to_pylist(), strict=True)
            found = [pattern and pattern.replace("\0", name) for pattern, name in pairs]
            filled = pa.array(found, pa.large_string())
        else:
            filled = pa.nulls(len(ids), pa.large_string())
            for kind in kinds:
                like = pc.equal(patterns, pa.scalar(kind, pa.large_string()))
                filled = pc.if_else(pc.fill_null(like, False), with_ids(kind, ids), filled)
        untold = paths is None or paths.null_count == len(paths)
        return filled if untold else pc.coalesce(paths, filled)

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
        """The annotations, but for a check that their parts are those of their types.

        Boxes that polygons tell get their rows, and `offsets` count them then.
        """
        types, names = self._types(), self._names("attributes")
        numbers = {name: self._number(name, missing) for name, missing in _MISSING.items()}
        texts = {name: self._field(name) for name in ("visibility", "rle", "text", "extra")}
        numbers |= self._mask_sizes(texts["rle"])
        label = self._field("label")
        labels = None if label is None else schema.label_values(label)
        group = self._field("group")
        self._json("annotations.extra", texts["extra"])
        bits = self._field("area_bits")
        stated = None if bits is None else bits.is_valid().to_numpy(zero_copy_only=False)
        area_bits = None if bits is None else _filled(bits, 0).to_numpy()
        groups = None if group is None else _filled(group, 0).to_numpy()
        grouped = None if group is None else group.is_valid().to_numpy(zero_copy_only=False)
        boxes = np.zeros(self.m, np.uint8)
        rows: Array | None = None
        followed = types == WITH_BOX
        if followed.any():
            types[followed] = AnnotationType.polygon
            self.offsets, rows, boxes = coordinates.with_boxes(
                self.offsets, followed.view(np.uint8)
            )
            self.m = len(rows)
            types = types[rows]
            types[boxes != 0] = AnnotationType.bbox
            names = None if names is None else (names[0][rows], names[1])
            numbers = {n: None if v is None else v[rows] for n, v in numbers.items()}
            labels = None if labels is None else labels[rows]
            groups = None if groups is None else groups[rows]
            grouped = None if grouped is None else grouped[rows]
            area_bits = None if area_bits is None else area_bits[rows]
            stated = None if stated is None else stated[rows] & (boxes == 0)
            for name in ("mask_height", "mask_width"):
                _set_zero(numbers[name], boxes)
        columns: dict[str, pa.Array] = {"type": schema.primitive(types, pa.uint8())}
        counts = numbers.pop("n_coordinates")
        ids = numbers["id"]
        for name, values in numbers.items():
            if values is not None:
                kind = schema.ANNOTATIONS.field(name).type
                columns[name] = schema.primitive(np.ascontiguousarray(values), kind)
        id_values = np.zeros(self.m, np.int64) if ids is None else ids
        if groups is not None and grouped is not None:
            groups = np.where(grouped, groups, id_values)
        columns["group"] = schema.primitive(id_values if groups is None else groups, pa.int64())
        if labels is not None:
            columns["label"] = schema.labels(labels)
        if names is not None:
            columns["attributes"] = names[1].take(pa.array(names[0]))
        for name, column in texts.items():
            if column is not None:
                columns[name] = _unfolded(_texts(column), rows, boxes)
        if "visibility" in columns:
            ends, values = schema.list_parts(columns["visibility"])
            kind = schema.ANNOTATIONS.field("visibility").type
            columns["visibility"] = schema.lists(ends, values, kind)
        columns["points"], doubled = self._points(types, id_values, counts, boxes)
        if area_bits is not None and stated is not None:
            computed = coordinates.areas_of_polygons(self.offsets, types, id_values, doubled)
            area_bits = (area_bits >> 1 & _ALL_BUT_SIGN) ^ -(area_bits & 1)
            area = (area_bits + computed.view(np.int64)).view(np.float64)
            area[~stated] = np.nan
            begins = stated | begins_of(id_values, self.offsets)
            last = np.maximum.accumulate(np.where(begins, np.arange(self.m), 0))
            columns["area"] = schema.primitive(area[last], pa.float64())
        return schema.annotation_batch(self.m, columns)

    def _types(self) -> Array:
        """Numbers of the annotations' types."""
        names = self._names("type")
        if names is None or (self.m and names[0].max() == len(names[1]) - 1):
            found = "no field" if names is None else "a null"
            raise self._wrong("annotations.type", found, "a name")
        return self._numbers("annotations.type", names[1][:-1], TYPE_NAMES, TYPES)[names[0]]

    def _names(self, field: str) -> tuple[Array, pa.Array] | None:
        """A field of texts that repeat: the index of each, and the texts; "" is the last."""
        column = self._fields.get(field)
        if column is None:
            return None
        place = f"annotations.{field}"
        if not pa.types.is_dictionary(column.type):
            column = self._cast(place, column, pa.large_string()).dictionary_encode()
        texts = self._cast(place, column.dictionary, pa.large_string())
        if texts.null_count:
            raise self._wrong(place, "a null among its texts", "texts")
        texts = pa.concat_arrays([texts, pa.array([""], pa.large_string())])
        if field != "type":
            self._json(place, texts)
        index = _filled(column.indices, len(texts) - 1).to_numpy().astype(np.int64)
        if len(index) and not 0 <= index.min() <= index.max() < len(texts):
            raise self._wrong(place, "an index beyond its texts", "one of them")
        return index, texts

    def _number(self, name: str, missing: int) -> Array | None:
        column = self._field(name)
        return None if column is None else _filled(column, missing).to_numpy()

    def _mask_sizes(self, rle: pa.Array | None) -> dict[str, Array | None]:
        """Heights and widths of masks: the items', where they are not told."""
        found: dict[str, Array | None] = {}
        for name in ("height", "width"):
            own = self._field(f"mask_{name}")
            sizes: Array | None = None
            if rle is not None:
                column = self._column(name, ITEM_COLUMNS[name])
                of_item = (
                    np.zeros(self.n, np.int32) if column is None else _filled(column, 0).to_numpy()
                )
                sizes = of_masks(self.offsets, schema.list_parts(_texts(rle))[0], of_item)
            if own is not None and sizes is not None and own.null_count:
                sizes = pc.coalesce(own, pa.array(sizes)).to_numpy()
            elif own is not None:
                sizes = _filled(own, 0).to_numpy()
            found[f"mask_{name}"] = sizes
        return found

    def _points(
        self, types: Array, ids: Array, counts: Array | None, boxes: Array
    ) -> tuple[pa.Array, Array]:
        coded = self._column("coordinates", ITEM_COLUMNS["coordinates"])
        coded = schema.blank(pa.large_binary(), self.n) if coded is None else _texts(coded)
        ends, data = schema.list_parts(coded)
        counts = np.zeros(self.m, np.int32) if counts is None else counts
        code, item, at, points, doubled = coordinates.decode(
            self.offsets, types, ids, counts, boxes, ends, data
        )
        if code:
            found, expected = coordinates.CODES[code]
            raise self._wrong(f"item {self.ids()[item].as_py()!r}: coordinates", found, expected)
        return schema.lists(at, points, schema.ANNOTATIONS.field("points").type), doubled

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


def _set_zero(values: Array | None, where: Array) -> None:
    if values is not None:
        values[where != 0] = 0


def _unfolded(column: pa.Array, rows: Array | None, boxes: Array) -> pa.Array:
    """Texts or bytes with an empty one for each box; ``rows`` as `with_boxes` gives them."""
    if rows is None:
        return column
    at, data = schema.list_parts(column)
    ends = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(np.where(boxes != 0, 0, np.diff(at)[rows]), out=ends[1:])
    return schema.texts(ends, data, column.type)


def begins_of(ids: Array, offsets: Array) -> Array:
    """Which annotations have another id than the one before in their item, or are its first."""
    begins = np.ones(len(ids), bool)
    begins[1:] = ids[1:] != ids[:-1]
    begins[offsets[:-1][np.diff(offsets) > 0]] = True
    return begins


def of_masks(offsets: Array, rle_ends: Array, sizes: Array) -> Array:
    """The size of each annotation's item where it has run lengths, 0 elsewhere."""
    found = np.zeros(len(rle_ends) - 1, sizes.dtype)
    if rle_ends[0] != rle_ends[-1]:
        rows = np.flatnonzero(np.diff(rle_ends))
        found[rows] = sizes[np.searchsorted(offsets, rows, "right") - 1]
    return found


def with_ids(pattern: str, ids: pa.Array) -> pa.Array:
    """The pattern with each id in place of its U+0000."""
    before, _, after = (pa.scalar(part, pa.large_string()) for part in pattern.partition("\0"))
    return pc.binary_join_element_wise(before, ids, after, pa.scalar("", pa.large_string()))
