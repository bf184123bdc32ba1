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
from datumaro.kernels import (
    areas as area_codes,
    coordinate_decoding,
    dictionary,
    id_patterns,
    mask_sizes,
    nullable,
)
from datumaro.kernels.records import bad_object
from datumaro.model.annotation import NO_OBJECT_ID, AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.schema import Array

TYPE_NAMES = pa.array([kind.name for kind in AnnotationType], pa.large_string())
TYPES = np.array(list(AnnotationType), np.uint8)
MEDIA_NAMES = pa.array([kind.name.lower() for kind in MediaType], pa.large_string())
MEDIA = np.array(list(MediaType), np.uint8)

_MISSING = {"object_id": NO_OBJECT_ID, "z_order": 0, "n_coordinates": 0}
_ALL_BUT_SIGN = np.int64(2**63 - 1)


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
        return self._json("attributes", self._with_patterns("attributes"))

    def media(self) -> dict[str, pa.Array]:
        """``media_type`` as numbers; ``path``, ``height``, ``width``, ``media_extra``, blank."""
        n = self.n
        columns: dict[str, pa.Array] = {}
        for name in ("path", "media_extra"):
            column = (
                self._with_patterns(name)
                if name == "path"
                else self._column(name, ITEM_COLUMNS[name])
            )
            columns[name] = schema.blank(pa.large_string(), n) if column is None else _texts(column)
        self._json("media_extra", columns["media_extra"])
        for name in ("height", "width"):
            column = self._column(name, ITEM_COLUMNS[name])
            sizes = np.zeros(n, np.int32) if column is None else _filled(column, 0)
            if n and sizes.min() < 0:
                raise self._wrong(name, "a negative number", "pixels")
            columns[name] = schema.primitive(sizes, pa.int32())
        kinds = np.zeros(n, np.uint8)
        named = self._column("media_type", ITEM_COLUMNS["media_type"])
        if named is not None:
            kinds = self._numbers("media_type", named, MEDIA_NAMES, MEDIA)
        columns["media_type"] = schema.primitive(kinds, pa.uint8())
        return columns

    def _with_patterns(self, name: str) -> pa.Array | None:
        """A column of texts; where one is null, what its pattern and the item's id make."""
        texts = self._column(name, ITEM_COLUMNS[name])
        patterns = self._column(f"{name}_pattern", ITEM_COLUMNS[f"{name}_pattern"])
        if patterns is None or patterns.null_count == len(patterns):
            return texts
        bad, ends, data = id_patterns.decode(
            *schema.list_parts(self.ids()), *schema.list_parts(_texts(patterns))
        )
        if bad >= 0:
            found = repr(patterns[bad].as_py())[:80]
            expected = f"at most {id_patterns.MOST_MARKS} marks"
            raise self._wrong(f"{name}_pattern: row {bad}", found, expected)
        told = schema.texts(ends, data, pa.large_string())
        if texts is None or texts.null_count == len(texts):
            return told
        return pc.coalesce(texts, told)

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
        types, attributes = self._types(), self._attributes()
        numbers = {name: self._number(name, missing) for name, missing in _MISSING.items()}
        fields = {name: self._field(name) for name in ("visibility", "rle", "text", "extra")}
        texts = {name: _texts(column) for name, column in fields.items() if column is not None}
        numbers |= self._mask_sizes(texts.get("rle"))
        label = self._field("label")
        group = self._field("group")
        self._json("annotations.extra", texts.get("extra"))
        area_bits = self._field("area_bits")
        counts = numbers.pop("n_coordinates")
        counts = np.zeros(self.m, np.int32) if counts is None else counts
        boxes = (types == AnnotationType.bbox) & (counts == 0)  # bounds of polygons
        columns: dict[str, pa.Array] = {"type": schema.primitive(types, pa.uint8())}
        ids = numbers["id"] = self._ids_of_annotations(boxes)
        for name, values in numbers.items():
            if values is not None:
                kind = schema.ANNOTATIONS.field(name).type
                columns[name] = schema.primitive(np.ascontiguousarray(values), kind)
        id_values = np.zeros(self.m, np.int64) if ids is None else ids
        groups = id_values
        if group is not None:
            groups = _values(group)
            if group.null_count:
                groups = nullable.filled_from(groups, *_validity(group), id_values)
        columns["group"] = schema.primitive(groups, pa.int64())
        if label is not None:
            if self.m and _values(label).min() == schema.NO_LABEL:  # which stands for null
                label = schema.labels(_filled(label, schema.NO_LABEL))
            columns["label"] = label
        if attributes is not None:
            columns["attributes"] = attributes
        columns |= texts
        if "visibility" in texts:
            ends, values = schema.list_parts(texts["visibility"])
            kind = schema.ANNOTATIONS.field("visibility").type
            columns["visibility"] = schema.lists(ends, values, kind)
        columns["points"], doubled = self._points(types, id_values, counts, boxes)
        if area_bits is not None:
            areas = area_codes.decode(
                self.offsets, types, id_values, doubled, _values(area_bits), *_validity(area_bits)
            )
            columns["area"] = schema.primitive(areas, pa.float64())
        return schema.annotation_batch(self.m, columns)

    def types_and_labels(self) -> tuple[Array, Array]:
        """(AnnotationType numbers, labels with NO_LABEL for none), of these two columns alone."""
        label = self._field("label")
        none = np.full(self.m, schema.NO_LABEL, np.int32)
        return self._types(), none if label is None else _filled(label, schema.NO_LABEL)

    def _types(self) -> Array:
        """Numbers of the annotations' types."""
        found = self._dictionary("type")
        if found is None or found[0].null_count:
            wrong = "no field" if found is None else "a null"
            raise self._wrong("annotations.type", wrong, "a name")
        index, names = found
        known = self._numbers("annotations.type", names, TYPE_NAMES, TYPES)
        bad, types = dictionary.numbers(_values(index), *_validity(index), known, 0)
        self._check_index("annotations.type", bad)
        return types

    def _attributes(self) -> pa.Array | None:
        """JSON objects, "" for none."""
        found = self._dictionary("attributes")
        if found is None:
            return None
        index, names = found
        self._json("annotations.attributes", names)
        ends, data = schema.list_parts(names)
        bad, ends, data = dictionary.texts(_values(index), *_validity(index), ends, data)
        self._check_index("annotations.attributes", bad)
        return schema.texts(ends, data, pa.large_string())

    def _dictionary(self, field: str) -> tuple[pa.Array, pa.Array] | None:
        """A field of texts that repeat: the index of each, int32, and the texts."""
        column = self._fields.get(field)
        if column is None:
            return None
        place = f"annotations.{field}"
        if not pa.types.is_dictionary(column.type):
            column = self._cast(place, column, pa.large_string()).dictionary_encode()
        texts = self._cast(place, column.dictionary, pa.large_string())
        if texts.null_count:
            raise self._wrong(place, "a null among its texts", "texts")
        return self._cast(place, column.indices, pa.int32()), _texts(texts)

    def _check_index(self, place: str, bad: int) -> None:
        if bad >= 0:
            raise self._wrong(f"{place}: row {bad}", "an index beyond its texts", "one of them")

    def _ids_of_annotations(self, boxes: Array) -> Array | None:
        """Ids; a box that is the bounds of polygons may have theirs."""
        column = self._field("id")
        if column is None:
            return None
        if not column.null_count:
            return _values(column)
        # no item begins with such a box: where coordinates are decoded it is seen
        return nullable.filled_before(_values(column), *_validity(column), boxes.view(np.uint8), 0)

    def _number(self, name: str, missing: int) -> Array | None:
        column = self._field(name)
        return None if column is None else _filled(column, missing)

    def _mask_sizes(self, rle: pa.Array | None) -> dict[str, Array | None]:
        """Heights and widths of masks: the items', where they are not told."""
        found: dict[str, Array | None] = {}
        ends = None if rle is None else schema.list_parts(rle)[0]
        for name in ("height", "width"):
            own = self._field(f"mask_{name}")
            sizes: Array | None = None
            if ends is not None:
                column = self._column(name, ITEM_COLUMNS[name])
                of_item = np.zeros(self.n, np.int32) if column is None else _filled(column, 0)
                sizes = mask_sizes.of_items(self.offsets, ends, of_item)
            if own is not None and sizes is not None and own.null_count:
                sizes = nullable.filled_from(_values(own), *_validity(own), sizes)
            elif own is not None:
                sizes = _filled(own, 0)
            found[f"mask_{name}"] = sizes
        return found

    def _points(
        self, types: Array, ids: Array, counts: Array | None, boxes: Array
    ) -> tuple[pa.Array, Array]:
        coded = self._column("coordinates", ITEM_COLUMNS["coordinates"])
        coded = schema.blank(pa.large_binary(), self.n) if coded is None else _texts(coded)
        ends, data = schema.list_parts(coded)
        counts = np.zeros(self.m, np.int32) if counts is None else counts
        code, item, at, points, doubled = coordinate_decoding.decode(
            self.offsets, types, ids, counts, boxes.view(np.uint8), ends, data
        )
        if code:
            found, expected = coordinate_decoding.CODES[code]
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
    if column.offset:
        column = pa.concat_arrays([column.slice(0, 0), column])
    if not column.null_count:
        return column
    offsets, data = schema.list_parts(column)
    if nullable.nulls_are_empty(offsets, *_validity(column)):  # as Arrow's Parquet reader has them
        return schema.texts(offsets, data, column.type)
    return column.fill_null("" if pa.types.is_large_string(column.type) else b"")


def _values(column: pa.Array) -> Array:
    """The numbers of a column; those of nulls are any."""
    width = np.dtype(column.type.to_pandas_dtype())
    memory = column.buffers()[1]
    if not len(column) or memory is None:
        return np.zeros(len(column), width)
    return np.frombuffer(memory, width, len(column), width.itemsize * column.offset)


def _validity(column: pa.Array) -> tuple[Array | None, int]:
    """(The validity bits of a column, None if it has no nulls; the number of its first)."""
    bits = column.buffers()[0] if column.null_count else None
    return None if bits is None else np.frombuffer(bits, np.uint8), column.offset


def _filled(column: pa.Array, missing: int) -> Array:
    """The numbers of an int32 or int64 column, ``missing`` for null."""
    if not column.null_count:
        return _values(column)
    return nullable.filled(_values(column), *_validity(column), missing)
