"""Growing columns of items and annotations, for readers that take values one after another."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import InvalidAnnotationError
from datumaro.model.annotation import NO_OBJECT_ID, AnnotationType
from datumaro.model.media import MediaElement, MediaType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_LABEL, _BBOX, _POINTS, _MASK, _CAPTION, _CUBOID_3D, _SKELETON = (
    int(kind)
    for kind in (
        AnnotationType.label,
        AnnotationType.bbox,
        AnnotationType.points,
        AnnotationType.mask,
        AnnotationType.caption,
        AnnotationType.cuboid_3d,
        AnnotationType.skeleton,
    )
)
_INT32, _INT64 = 2**31 - 1, 2**63 - 1


class ChunkColumns:
    """Items and their annotations. Add an item's annotations, then it.

    In all methods ``label`` is an index into the label categories, or `schema.NO_LABEL` for none;
    ``number`` the annotation's id; ``attributes`` a JSON object as bytes, empty for none.
    Coordinates are pixels; they are rounded to hundredths.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._subsets: dict[str, int] = {}
        self._codes = array("i")
        self._media = array("B")
        self._paths: list[str] = []
        self._heights, self._widths = array("i"), array("i")
        self._item_attributes: list[bytes] = []
        self._media_extras: dict[int, str] = {}
        self._in_memory: dict[int, MediaElement] = {}
        self._ends = array("q", [0])
        self._types, self._labels = array("B"), array("i")
        self._ann_ids, self._groups = array("q"), array("q")
        self._object_ids: dict[int, int] = {}
        self._z_orders: dict[int, int] = {}
        self._attributes: list[bytes] = []
        self._points, self._point_ends = array("d"), array("q", [0])
        self._masks: dict[int, tuple[bytes, int, int]] = {}
        self._visibility: dict[int, bytes] = {}
        self._captions: dict[int, bytes] = {}
        self._extras: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._ids)

    # --- annotations --------------------------------------------------------------------------

    def add_label(
        self, label: int, attributes: bytes = b"", *, number: int = 0, group: int = 0
    ) -> None:
        """Append a label annotation."""
        self._row(_LABEL, number, group, label, attributes)

    def add_box(
        self,
        number: int,
        group: int,
        label: int,
        box: tuple[float, float, float, float],
        attributes: bytes,
    ) -> None:
        """Append a box: x1, y1, x2, y2."""
        self._points.extend(box)
        self._row(_BBOX, number, group, label, attributes)

    def add_shape(
        self,
        kind: AnnotationType,
        points: Iterable[float],
        label: int,
        attributes: bytes = b"",
        *,
        number: int = 0,
        group: int = 0,
    ) -> None:
        """Append a box, polygon, polyline, ellipse, rotated box or cuboid.

        Parameters
        ----------
        points : its numbers, in the order of `schema.ANNOTATIONS`. Those of 3D cuboids are kept as
            doubles, as `Cuboid3d` keeps them.
        """
        self._points.extend(points)
        self._row(int(kind), number, group, label, attributes)

    def add_points(
        self,
        points: Iterable[float],
        visibility: bytes,
        label: int,
        attributes: bytes = b"",
        *,
        number: int = 0,
        group: int = 0,
    ) -> None:
        """Append points: x, y, …; ``visibility`` has a byte for each (0, 1, 2)."""
        self._visibility[len(self._types)] = visibility
        self._points.extend(points)
        self._row(_POINTS, number, group, label, attributes)

    def add_mask(
        self,
        rle: bytes,
        shape: tuple[int, int],
        label: int,
        attributes: bytes = b"",
        *,
        number: int = 0,
        group: int = 0,
    ) -> None:
        """Append a mask: compressed COCO run lengths, and (height, width) in pixels."""
        self._masks[len(self._types)] = (rle, *shape)
        self._row(_MASK, number, group, label, attributes)

    def add_caption(
        self, text: str, attributes: bytes = b"", *, number: int = 0, group: int = 0
    ) -> None:
        """Append a caption."""
        self._captions[len(self._types)] = text.encode()
        self._row(_CAPTION, number, group, schema.NO_LABEL, attributes)

    def add_cuboid(
        self,
        corners: list[float],
        label: int,
        attributes: bytes = b"",
        *,
        number: int = 0,
        group: int = 0,
    ) -> None:
        """Append a 2D cuboid: x, y of its eight corners, which are not rounded."""
        self._extras[len(self._types)] = json_text.encode({"points": corners})
        self.add_shape(
            AnnotationType.cuboid_2d, corners, label, attributes, number=number, group=group
        )

    def add_skeleton(
        self,
        elements: list[dict[str, Any]],
        label: int,
        attributes: bytes = b"",
        *,
        number: int = 0,
        group: int = 0,
    ) -> None:
        """Append a skeleton; ``elements`` are the fields of its `Points`, of one point each."""
        self._extras[len(self._types)] = json_text.encode({"elements": elements})
        self._row(_SKELETON, number, group, label, attributes)

    def add_shapes(
        self,
        kinds: Array,
        labels: Array,
        groups: Array,
        z_orders: Array,
        ends: Array,
        points: Array,
        attributes: list[bytes],
    ) -> int:
        """Append labels, boxes, polygons, polylines and points that can be seen.

        Parameters
        ----------
        kinds, labels, groups, z_orders : uint8, int32, int64, int32 [n].
        ends : int64 [n], where the coordinates of each end, in ``points`` (float64).

        Returns
        -------
        How many annotations there were before.
        """
        before, n_points = len(self._types), len(self._points)
        self._types.frombytes(kinds.tobytes())
        self._ann_ids.frombytes(bytes(8 * len(kinds)))
        self._groups.frombytes(groups.tobytes())
        self._labels.frombytes(labels.tobytes())
        self._attributes += attributes
        self._points.frombytes(points.tobytes())
        self._point_ends.frombytes((ends + n_points).tobytes())
        for row in np.flatnonzero(z_orders).tolist():
            self._z_orders[before + row] = int(z_orders[row])
        sizes = np.diff(ends, prepend=0)
        for row in np.flatnonzero(kinds == _POINTS).tolist():
            self._visibility[before + row] = b"\2" * (int(sizes[row]) // 2)
        return before

    def set_z_order(self, z_order: int) -> None:
        """Give the last annotation its place among those that lie over each other."""
        self._z_orders[len(self._types) - 1] = z_order

    def set_object_id(self, object_id: int) -> None:
        """Give the last annotation the number of its object through time."""
        self._object_ids[len(self._types) - 1] = object_id

    def _row(self, kind: int, number: int, group: int, label: int, attributes: bytes) -> None:
        if not (-_INT64 <= number <= _INT64 and -_INT64 <= group <= _INT64):
            raise InvalidAnnotationError(
                f"id {number}, group {group}: expected numbers of at most 64 bits"
            )
        self._types.append(kind)
        self._ann_ids.append(number)
        self._groups.append(group)
        self._labels.append(label)
        self._attributes.append(attributes)
        self._point_ends.append(len(self._points))

    # --- items --------------------------------------------------------------------------------

    def add_item(
        self,
        item_id: str,
        subset: str,
        path: str,
        height: int = 0,
        width: int = 0,
        attributes: bytes = b"",
        *,
        media: MediaType = MediaType.IMAGE,
        media_extra: str = "",
        in_memory: MediaElement | None = None,
        end: int = -1,
    ) -> None:
        """Append an item, with the annotations that were added since the last one.

        Several items may be appended after the annotations of all of them.

        Parameters
        ----------
        path : its medium; without one the item has no media.
        height, width : in pixels; zeros when not known.
        media_extra : see `schema.ITEMS`.
        in_memory : its medium, instead of a path, when columns cannot tell it.
        end : how many annotations there are up to its last one (-1: all that were added).
        """
        if not (0 <= height <= _INT32 and 0 <= width <= _INT32):
            raise InvalidAnnotationError(
                f"item {item_id!r}: {height} x {width} pixels; expected at most {_INT32}"
            )
        if in_memory is not None:
            self._in_memory[len(self._ids)] = in_memory
        if media_extra:
            self._media_extras[len(self._ids)] = media_extra
        self._codes.append(self._subsets.setdefault(subset, len(self._subsets)))
        kind = media if path else MediaType.NONE
        self._media.append(kind if in_memory is None else in_memory.type)
        self._ids.append(item_id)
        self._paths.append(path)
        self._heights.append(height)
        self._widths.append(width)
        self._item_attributes.append(attributes)
        self._ends.append(len(self._types) if end < 0 else end)

    # --- columns ------------------------------------------------------------------------------

    def finish(self) -> Chunk:
        """All that was added, as a chunk."""
        text = pa.large_string()
        subsets = pa.array(list(self._subsets) or ["default"], text)
        codes = schema.primitive(np.frombuffer(self._codes, np.int32), pa.int32())
        items = {
            "id": pa.array(self._ids, text),
            "subset": pa.DictionaryArray.from_arrays(codes, subsets),
            "attributes": _joined(self._item_attributes, text),
            "media_type": schema.primitive(np.frombuffer(self._media, np.uint8), pa.uint8()),
            "path": pa.array(self._paths, text),
            "height": schema.primitive(np.frombuffer(self._heights, np.int32), pa.int32()),
            "width": schema.primitive(np.frombuffer(self._widths, np.int32), pa.int32()),
        }
        if self._media_extras:
            extras = [self._media_extras.get(row, "") for row in range(len(self))]
            items["media_extra"] = pa.array(extras, text)
        return Chunk(
            schema.item_batch(len(self), items),
            self._annotations(),
            np.frombuffer(self._ends, np.int64),
            self._in_memory,
        )

    def _annotations(self) -> pa.RecordBatch:
        n = len(self._types)
        kinds = {field.name: field.type for field in schema.ANNOTATIONS}
        exact = np.frombuffer(self._points, np.float64).round(2)
        points = exact.astype(np.float32)
        columns = {
            "type": schema.primitive(np.frombuffer(self._types, np.uint8), pa.uint8()),
            "id": schema.primitive(np.frombuffer(self._ann_ids, np.int64), pa.int64()),
            "group": schema.primitive(np.frombuffer(self._groups, np.int64), pa.int64()),
            "label": schema.labels(np.frombuffer(self._labels, np.int32)),
            "attributes": _joined(self._attributes, kinds["attributes"]),
            "points": schema.lists(
                np.frombuffer(self._point_ends, np.int64), points, kinds["points"]
            ),
        }
        if self._masks:
            heights, widths = np.zeros(n, np.int32), np.zeros(n, np.int32)
            for row, (_, height, width) in self._masks.items():
                heights[row], widths[row] = height, width
            rles = {row: rle for row, (rle, _, _) in self._masks.items()}
            columns["rle"] = _sparse(rles, n, kinds["rle"])
            columns["mask_height"] = schema.primitive(heights, pa.int32())
            columns["mask_width"] = schema.primitive(widths, pa.int32())
        if self._visibility:
            ends, data = _bytes([self._visibility.get(row, b"") for row in range(n)])
            columns["visibility"] = schema.lists(
                ends, np.frombuffer(data, np.uint8), kinds["visibility"]
            )
        if self._captions:
            columns["text"] = _sparse(self._captions, n, kinds["text"])
        extras = self._extras
        if _CUBOID_3D in self._types:
            extras = extras | self._inexact_cuboids(exact, points)
        if extras:
            columns["extra"] = _sparse(extras, n, kinds["extra"])
        for name, values, missing in (
            ("z_order", self._z_orders, 0),
            ("object_id", self._object_ids, NO_OBJECT_ID),
        ):
            if values:
                column = np.full(n, missing, np.int32)
                column[list(values)] = list(values.values())
                columns[name] = schema.primitive(column, pa.int32())
        return schema.annotation_batch(n, columns)

    def _inexact_cuboids(self, exact: schema.Array, points: schema.Array) -> dict[int, bytes]:
        """The numbers of 3D cuboids that float32 cannot give back, by row: see `schema`."""
        ends = np.frombuffer(self._point_ends, np.int64)
        places = np.flatnonzero(points.astype(np.float64).round(2) != exact)
        rows = np.unique(np.searchsorted(ends, places, "right") - 1)
        return {
            row: json_text.encode({"points": exact[ends[row] : ends[row + 1]].tolist()})
            for row in rows.tolist()
            if self._types[row] == _CUBOID_3D
        }


def _sparse(values: dict[int, bytes], n: int, kind: pa.DataType) -> pa.Array:
    """A column of ``n`` texts of which most are empty."""
    return _joined([values.get(row, b"") for row in range(n)], kind)


def _joined(values: list[bytes], kind: pa.DataType) -> pa.Array:
    return schema.texts(*_bytes(values), kind)


def _bytes(values: list[bytes]) -> tuple[schema.Array, bytes]:
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(value) for value in values], out=ends[1:])
    return ends, b"".join(values)
