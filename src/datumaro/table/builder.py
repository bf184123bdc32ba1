"""Objects to columns: items and annotations become a `Chunk`.

Annotations that still look at columns are not made into objects on the way: an untouched item's
annotation rows are taken over as they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import AnnotationTypeError, DatasetError
from datumaro.model.annotation import Annotation, AnnotationType, Caption, ExtraAnnotation
from datumaro.model.item import DatasetItem
from datumaro.model.masks import Mask
from datumaro.model.media import MediaElement
from datumaro.model.shape import Shape, rounded_doubles
from datumaro.model.shapes import Cuboid2D, Cuboid3d, Points
from datumaro.table import json_text, media_columns, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import NO_LABEL

_T = AnnotationType
_SHAPES = {
    _T.polygon, _T.polyline, _T.bbox, _T.points, _T.ellipse, _T.rotated_bbox, _T.cuboid_2d,
    _T.cuboid_3d,
}  # fmt: skip


class _Texts:
    """A growing string or binary column."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.offsets = array("q", [0])

    def add(self, text: bytes) -> None:
        self.data += text
        self.offsets.append(len(self.data))

    def cut(self, n: int) -> None:
        """Drop the rows from ``n`` on."""
        del self.offsets[n + 1 :]
        del self.data[self.offsets[n] :]

    def column(self, kind: pa.DataType) -> pa.Array:
        return schema.texts(np.frombuffer(self.offsets, np.int64), bytes(self.data), kind)


class _Lists:
    """A growing list column of floats or small integers."""

    def __init__(self, typecode: str) -> None:
        self.values: array[Any] = array(typecode)
        self.offsets = array("q", [0])

    def add(self, values: Iterable[Any]) -> None:
        self.values.extend(values)
        self.offsets.append(len(self.values))

    def cut(self, n: int) -> None:
        """Drop the rows from ``n`` on."""
        del self.offsets[n + 1 :]
        del self.values[self.offsets[n] :]

    def column(self, values: schema.Array, kind: pa.DataType) -> pa.Array:
        return schema.lists(np.frombuffer(self.offsets, np.int64), values, kind)


class AnnotationBuilder:
    """Annotation objects to a batch of annotation rows."""

    def __init__(self) -> None:
        self._types, self._z_orders, self._labels = array("B"), array("i"), array("i")
        self._ids, self._groups, self._object_ids = array("q"), array("q"), array("i")
        self._heights, self._widths, self._areas = array("i"), array("i"), array("d")
        self._attributes, self._rles, self._texts, self._extras = (_Texts() for _ in range(4))
        self._points, self._visibility = _Lists("f"), _Lists("B")
        self._unrounded: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._types)

    def add(self, annotation: Annotation, item: DatasetItem) -> None:
        """Append a row; ``item`` is for error messages.

        Raises
        ------
        DatasetError
            A value does not fit its column: a number too large, an attribute unknown to JSON.
        """
        try:
            self._add(annotation)
        except (OverflowError, TypeError, ValueError) as error:
            raise DatasetError(
                f"item {item.id!r} of subset {item.subset!r}: {type(annotation).__name__} "
                f"(id {getattr(annotation, 'id', None)}): {error}"
            ) from error

    def cut(self, n: int) -> None:
        """Drop the rows from ``n`` on."""
        for texts in (self._attributes, self._rles, self._texts, self._extras):
            texts.cut(n)
        self._points.cut(n)
        self._visibility.cut(n)
        for numbers in (
            self._types, self._z_orders, self._labels, self._ids, self._groups, self._object_ids,
            self._heights, self._widths, self._areas,
        ):  # fmt: skip
            del numbers[n:]
        last = len(self._points.values)
        self._unrounded = [span for span in self._unrounded if span[1] <= last]

    def _add(self, annotation: Annotation) -> None:
        if not isinstance(annotation, Annotation):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("expected an Annotation")
        kind = annotation.type
        # everything that may fail first, so that a failure leaves no half row
        attributes = json_text.encode(annotation.attributes)
        label = getattr(annotation, "label", None)
        label = NO_LABEL if label is None else _int32(label, "label")
        z_order = _int32(getattr(annotation, "z_order", 0), "z_order")
        object_id = _int32(annotation.object_id, "object_id")
        ann_id, group = _int64(annotation.id, "id"), _int64(annotation.group, "group")
        points: Any = ()
        visibility: Any = ()
        rle, height, width, text, extra, area = b"", 0, 0, b"", b"", None
        if isinstance(annotation, Shape) and kind in _SHAPES:
            points = annotation.points
            annotation.check_points(points)  # they may have been changed in place
            area = annotation.stated_area
            if isinstance(annotation, Points):
                visibility = annotation.visibility
                if 2 * len(visibility) != len(points):
                    raise ValueError(
                        f"{len(visibility)} visibilities for {len(points)} coordinates"
                    )
            elif isinstance(annotation, (Cuboid2D, Cuboid3d)):
                points, extra = _cuboid(annotation)
        elif isinstance(annotation, Mask):
            run_lengths = annotation.rle
            rle = run_lengths["counts"]
            height, width = (_int32(n, "a mask's side") for n in run_lengths["size"])
            area = annotation.stated_area
        elif isinstance(annotation, Caption):
            text = annotation.caption.encode()
        elif isinstance(annotation, ExtraAnnotation):
            extra = json_text.encode(annotation.extra())
        elif kind != _T.label:
            raise AnnotationTypeError(f"annotations of kind {kind.name} cannot be kept in columns")

        points, visibility = array("f", points), array("B", visibility)
        begin = len(self._points.values)
        self._points.add(points)
        if isinstance(annotation, (Cuboid2D, Cuboid3d)):
            self._unrounded.append((begin, len(self._points.values)))
        self._visibility.add(visibility)
        self._types.append(kind)
        self._ids.append(ann_id)
        self._groups.append(group)
        self._object_ids.append(object_id)
        self._labels.append(label)
        self._z_orders.append(z_order)
        self._attributes.add(attributes)
        self._heights.append(height)
        self._widths.append(width)
        self._rles.add(rle)
        self._texts.add(text)
        self._extras.add(extra)
        self._areas.append(float("nan") if area is None else area)

    def finish(self) -> pa.RecordBatch:
        """The rows."""
        raw = np.frombuffer(self._points.values, np.float32)
        points = raw.round(2)
        for begin, end in self._unrounded:
            points[begin:end] = raw[begin:end]
        kinds = {f.name: f.type for f in schema.ANNOTATIONS}
        plain = {
            "type": np.frombuffer(self._types, np.uint8),
            "id": np.frombuffer(self._ids, np.int64),
            "group": np.frombuffer(self._groups, np.int64),
            "object_id": np.frombuffer(self._object_ids, np.int32),
            "z_order": np.frombuffer(self._z_orders, np.int32),
            "mask_height": np.frombuffer(self._heights, np.int32),
            "mask_width": np.frombuffer(self._widths, np.int32),
            "area": np.frombuffer(self._areas, np.float64),
        }
        columns = {name: schema.primitive(values, kinds[name]) for name, values in plain.items()}
        columns["label"] = schema.labels(np.frombuffer(self._labels, np.int32))
        columns["points"] = self._points.column(points, kinds["points"])
        columns["visibility"] = self._visibility.column(
            np.frombuffer(self._visibility.values, np.uint8), kinds["visibility"]
        )
        columns["attributes"] = self._attributes.column(kinds["attributes"])
        columns["rle"] = self._rles.column(kinds["rle"])
        columns["text"] = self._texts.column(kinds["text"])
        columns["extra"] = self._extras.column(kinds["extra"])
        return schema.annotation_batch(len(self), columns)


class _ItemRow:
    """An item's values as columns take them; DatasetError where one cannot."""

    def __init__(self, item: DatasetItem) -> None:
        what = "id"
        try:
            self.id = item.id.encode()
            what = "subset"
            item.subset.encode()
            what = "attributes"
            self.attributes = json_text.encode(item.attributes)
            what = "media"
            self.media = media_columns.describe(item.media)
            self.path = self.media.path.encode()
            extra = self.media.extra
            self.extra = extra.encode() if isinstance(extra, str) else extra
            _int32(self.media.height, "height")
            _int32(self.media.width, "width")
        except (TypeError, OverflowError, UnicodeEncodeError) as error:
            raise DatasetError(
                f"item {item.id!r} of subset {item.subset!r}: {what}: {error}"
            ) from error


class Builder:
    """Items to a chunk."""

    def __init__(self) -> None:
        self._annotations = AnnotationBuilder()
        self._ids, self._attributes, self._paths, self._extras = (_Texts() for _ in range(4))
        self._subsets: dict[str, int] = {}
        self._codes, self._media_types = array("i"), array("B")
        self._heights, self._widths = array("i"), array("i")
        self._media: dict[int, MediaElement] = {}
        # each item's annotation rows: (begin, end) in the built ones, or in a borrowed batch
        self._borrowed: list[pa.RecordBatch] = []
        self._spans: list[tuple[int, int, int]] = []

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, item: DatasetItem, rows: tuple[pa.RecordBatch, int, int] | None = None) -> None:
        """Append an item.

        Parameters
        ----------
        rows : the item's annotations as rows ``begin:end`` of a batch, instead of its objects.

        Raises
        ------
        DatasetError
            A value does not fit its column; the message names the item. Nothing was added.
        """
        row = _ItemRow(item)
        if rows is None:
            begin = len(self._annotations)
            try:
                for annotation in item.annotations:
                    self._annotations.add(annotation, item)
            except DatasetError:
                self._annotations.cut(begin)
                raise
            self._spans.append((-1, begin, len(self._annotations)))
        else:
            batch, begin, end = rows
            if not self._borrowed or self._borrowed[-1] is not batch:
                self._borrowed.append(batch)
            self._spans.append((len(self._borrowed) - 1, begin, end))
        told = row.media
        if told.in_memory is not None:
            self._media[len(self)] = told.in_memory
        self._ids.add(row.id)
        self._attributes.add(row.attributes)
        self._media_types.append(told.kind)
        self._heights.append(told.height)
        self._widths.append(told.width)
        self._paths.add(row.path)
        self._extras.add(row.extra)
        self._codes.append(self._subsets.setdefault(item.subset, len(self._subsets)))

    def finish(self) -> Chunk:
        """The chunk."""
        n = len(self)
        names = pa.array(list(self._subsets) or ["default"], pa.large_string())
        codes = schema.primitive(np.frombuffer(self._codes, np.int32), pa.int32())
        columns = {
            "id": self._ids.column(pa.large_string()),
            "subset": pa.DictionaryArray.from_arrays(codes, names),
            "attributes": self._attributes.column(pa.large_string()),
            "media_type": schema.primitive(np.frombuffer(self._media_types, np.uint8), pa.uint8()),
            "path": self._paths.column(pa.large_string()),
            "height": schema.primitive(np.frombuffer(self._heights, np.int32), pa.int32()),
            "width": schema.primitive(np.frombuffer(self._widths, np.int32), pa.int32()),
            "media_extra": self._extras.column(pa.large_string()),
        }
        spans = np.array(self._spans, np.int64).reshape(-1, 3)
        counts = spans[:, 2] - spans[:, 1]
        offsets = np.zeros(n + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return Chunk(
            schema.item_batch(n, columns),
            self._annotation_rows(spans, counts),
            offsets,
            self._media,
        )

    def _annotation_rows(self, spans: schema.Array, counts: schema.Array) -> pa.RecordBatch:
        built = self._annotations.finish()
        if not self._borrowed:
            return built
        batches = [built, *self._borrowed]
        bases = np.cumsum([0, *map(len, batches)])[:-1]
        begins = bases[spans[:, 0] + 1] + spans[:, 1]
        first = np.cumsum(counts) - counts
        rows = np.arange(int(counts.sum()))
        rows += np.repeat(begins - first, counts)
        return concat(batches, schema.ANNOTATIONS).take(pa.array(rows))


def concat(batches: list[pa.RecordBatch], kind: pa.Schema) -> pa.RecordBatch:
    """Batches one after another as one, copied."""
    table = pa.Table.from_batches(batches, kind).unify_dictionaries().combine_chunks()
    found = table.to_batches()
    return found[0] if found else batches[0]


def build(items: Iterable[DatasetItem]) -> Chunk:
    """One chunk of items."""
    builder = Builder()
    for item in items:
        builder.add(item)
    return builder.finish()


def _cuboid(annotation: Cuboid2D | Cuboid3d) -> tuple[schema.Array, bytes]:
    """A cuboid's numbers as float32, and as JSON where float32 cannot give them back."""
    exact = np.asarray(annotation.points, np.float64).ravel()
    short = exact.astype(np.float32)
    back = [float(v) for v in short]
    if isinstance(annotation, Cuboid3d):
        back = rounded_doubles(back)
    same = np.array_equal(exact, back, equal_nan=True)
    return short, b"" if same else json_text.encode({"points": exact.tolist()})


def _int32(value: int, name: str) -> int:
    if not -(2**31) < value < 2**31:
        raise OverflowError(f"{name} {value} does not fit 32 bits")
    return int(value)


def _int64(value: int, name: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise OverflowError(f"{name} {value} does not fit 64 bits")
    return int(value)
