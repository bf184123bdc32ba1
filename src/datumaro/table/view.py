"""Columns to objects: items and annotations that look at a chunk's rows.

A `Page` is a stretch of a chunk's items with the plain Python lists that objects read from; each
list is made when the first object asks for it. Objects hold the page and their row; a page goes
when its last object does. The page remembers items' lists and annotations weakly: what is alive of
a row is found again, so that there are never two objects of which one misses the other's changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from operator import call
from typing import Any, Protocol
from weakref import ref

from datumaro.kernels.lists import FloatLists
from datumaro.model.annotation import (
    Annotation,
    Annotations,
    AnnotationType,
    Caption,
    FeatureVector,
    HashKey,
    Label,
    Tabular,
)
from datumaro.model.image_annotation import DepthAnnotation, SuperResolutionAnnotation
from datumaro.model.item import DatasetItem, row_item
from datumaro.model.masks import RleMask
from datumaro.model.shapes import (
    Bbox,
    Cuboid2D,
    Cuboid3d,
    Ellipse,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
    rounded_doubles,
)
from datumaro.model.tracked import TrackedDict, TrackedList, changed_part
from datumaro.table import json_text, media_columns, schema
from datumaro.table.chunk import Chunk

CLASSES: dict[int, type[Annotation]] = {
    kind._type: kind  # pyright: ignore[reportPrivateUsage]
    for kind in (
        Bbox, Caption, Cuboid2D, Cuboid3d, DepthAnnotation, Ellipse, FeatureVector, HashKey, Label,
        Points, PolyLine, Polygon, RleMask, RotatedBbox, Skeleton, SuperResolutionAnnotation,
        Tabular,
    )
}  # fmt: skip


class Owner(Protocol):
    """Who is told of changes: rows count within the whole chunk."""

    def take_item(self, chunk: int, row: int) -> DatasetItem: ...


class ChunkArrays:
    """A chunk's columns as NumPy arrays over the same memory, each made when it is needed."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.offsets = chunk.offsets

    def numbers(self, name: str) -> schema.Array:
        """A column of numbers of the annotations."""
        column = self.chunk.annotations.column(name)
        return schema.label_values(column) if name == "label" else column.to_numpy()

    def _parts(self, name: str) -> tuple[memoryview, memoryview]:
        # memoryviews give plain numbers, and faster than arrays do one at a time
        offsets, values = schema.list_parts(self.chunk.annotations.column(name))
        return offsets.data, values.data

    @cached_property
    def points(self) -> FloatLists:
        return FloatLists(*schema.list_parts(self.chunk.annotations.column("points")))

    @cached_property
    def visibility(self) -> tuple[memoryview, memoryview]:
        return self._parts("visibility")

    @cached_property
    def attributes(self) -> tuple[memoryview, memoryview]:
        return self._parts("attributes")

    @cached_property
    def area(self) -> schema.Array:
        return self.numbers("area")


class Page:
    """Items ``begin:end`` of a chunk, as objects look at them. See model.tracked.RowSource."""

    def __init__(self, arrays: ChunkArrays, owner: Owner, index: int, begin: int, end: int) -> None:
        self._arrays, self._owner, self._index = arrays, owner, index
        self._begin, self.end = begin, end
        self._first = int(arrays.offsets[begin])
        self._last = int(arrays.offsets[end])
        # what was handed out, by row of the item
        self._lists: dict[int, ref[Annotations]] = {}
        self._objects: dict[int, list[ref[Annotation]]] = {}
        # items whose annotations were made last and before; a loop still holds some of the last's
        self._latest = self._earlier = -1

    # --- annotations -------------------------------------------------------------------------

    types: list[int]
    ids: list[int]
    groups: list[int]
    object_ids: list[int]
    labels: list[int | None]
    z_orders: list[int]

    def __getattr__(self, name: str) -> Any:
        """Make a list when it is asked for the first time."""
        if name not in _NUMBERS:
            raise AttributeError(name)
        values: Any = self._arrays.numbers(_NUMBERS[name])[self._first : self._last].tolist()
        if name == "labels" and schema.NO_LABEL in values:
            values = [None if v == schema.NO_LABEL else v for v in values]
        setattr(self, name, values)
        return values

    def attributes(self, row: int) -> dict[str, Any]:
        offsets, data = self._arrays.attributes
        at = self._first + row
        return self._dict(row, json_text.decode(data[offsets[at] : offsets[at + 1]]), "_attributes")

    def values(self, row: int) -> dict[str, Any]:
        return self._dict(row, self.extra(row)["values"], "_value")

    def _dict(self, row: int, decoded: dict[str, Any], slot: str) -> TrackedDict:
        made = TrackedDict(decoded).track(self, row, slot)
        if not json_text.is_flat(made):
            # what lies deeper may change unseen: the data set keeps the annotation from here on
            self.annotation_changed(row)
        return made

    def stored_points(self, row: int) -> list[Any]:
        """An annotation's coordinates as they are in the columns."""
        points: list[Any] = self._arrays.points.row(self._first + row)
        kind = self.types[row]
        if kind in _CUBOIDS:
            exact = self.extra(row).get("points")
            if exact:
                points = exact
            elif kind == AnnotationType.cuboid_3d:
                points = rounded_doubles(points)
            if kind == AnnotationType.cuboid_2d:
                points = list(zip(points[0::2], points[1::2], strict=True))
        return points

    def points(self, row: int) -> list[Any]:
        if self.types[row] in _CUBOIDS:
            points = TrackedList(self.stored_points(row))
        else:  # as there, without the call: every shape comes by here
            points = self._arrays.points.row(self._first + row, TrackedList)
        points._source, points._row, points._slot = self, row, "_points"  # pyright: ignore[reportPrivateUsage]
        return points

    def visibility(self, row: int) -> list[int]:
        offsets, values = self._arrays.visibility
        at = self._first + row
        seen: list[int] = values[offsets[at] : offsets[at + 1]].tolist()
        return TrackedList(map(Points.Visibility, seen)).track(self, row, "_visibility")

    def mask(self, row: int) -> tuple[bytes, int, int]:
        annotations = self._arrays.chunk.annotations
        at = self._first + row
        height, width = (annotations.column(n)[at].as_py() for n in ("mask_height", "mask_width"))
        return annotations.column("rle")[at].as_py(), height, width

    def text(self, row: int) -> str:
        return self._arrays.chunk.annotations.column("text")[self._first + row].as_py()

    def extra(self, row: int) -> dict[str, Any]:
        column = self._arrays.chunk.annotations.column("extra")
        return json_text.decode(column[self._first + row].as_py())

    def area(self, row: int) -> float | None:
        area = float(self._arrays.area[self._first + row])
        return None if area != area else area

    def annotation_changed(self, row: int) -> None:
        """An annotation is being changed: the data set keeps it, as a part of its item."""
        self._kept_annotation(row)

    def part_changed(self, row: int, part: Any, change: Callable[[Any], Any]) -> None:
        """A list or dict of an annotation was changed: the annotation has its own values now."""
        annotation = self._kept_annotation(row)
        if annotation is not None:
            changed_part(annotation, part, change)
            annotation._own()  # pyright: ignore[reportPrivateUsage]

    def _kept_annotation(self, row: int) -> Annotation | None:
        """The row's annotation, kept by its item and that by the data set; None when removed."""
        at = self._first + row
        item_row = int(self._arrays.offsets.searchsorted(at, "right")) - 1
        item = self._owner.take_item(self._index, item_row)
        _ = item.annotations  # holds what is alive of the annotations; makes the others
        objects = self._objects.get(item_row - self._begin)
        return objects[at - int(self._arrays.offsets[item_row])]() if objects else None

    # --- items -------------------------------------------------------------------------------

    def item(self, row: int) -> DatasetItem:
        """The object of the item at a row of the page, made anew."""
        return row_item(self, row)

    def _strings(self, name: str) -> list[str]:
        return (
            self._arrays.chunk.items.column(name)
            .slice(self._begin, self.end - self._begin)
            .to_pylist()
        )

    @property
    def item_ids(self) -> list[str]:
        return self._item_ids

    @cached_property
    def _item_ids(self) -> list[str]:
        return self._strings("id")

    @property
    def subsets(self) -> list[str]:
        return self._subsets

    @cached_property
    def _subsets(self) -> list[str]:
        codes, names = self._arrays.chunk.subset_codes()
        return [names[code] for code in codes[self._begin : self.end].tolist()]

    @cached_property
    def _item_attributes(self) -> list[str]:
        return self._strings("attributes")

    @cached_property
    def _media(self) -> list[media_columns.Told]:
        return media_columns.read(self._arrays.chunk, self._begin, self.end)

    def item_attributes(self, row: int) -> dict[str, Any]:
        value = TrackedDict(json_text.decode(self._item_attributes[row]))
        if not json_text.is_flat(value):
            self.item_changed(row)
        return value.track(self, row, "_attributes", of_item=True)

    def media(self, row: int) -> Any:
        return media_columns.media_object(self._media[row])

    def annotations(self, row: int) -> list[Annotation]:
        known = self._lists.get(row)
        if known is not None:
            kept = known()
            if kept is not None:
                return kept
        self._forget(self._earlier)
        self._earlier, self._latest = self._latest, row
        offsets = self._arrays.offsets
        at = self._begin + row
        begin, end = int(offsets[at]) - self._first, int(offsets[at + 1]) - self._first
        new, made = object.__new__, list[Annotation]()
        for each, kind in enumerate(self.types[begin:end], begin):
            class_, has_points, has_visibility = _MADE[kind]
            annotation: Any = new(class_)
            annotation._source = self
            annotation._row = each
            annotation._attributes = None
            if has_points:
                annotation._points = None
                if has_visibility:
                    annotation._visibility = None
            made.append(annotation)
        for place, object_ in enumerate(self._objects.get(row, ())):
            alive = object_()
            if alive is not None:
                made[place] = alive
        kept = Annotations(made).track(self, row)
        self._lists[row] = ref(kept)
        self._objects[row] = list(map(ref, made))
        return kept

    def _forget(self, row: int) -> None:
        """Drop what is known of an item's annotations when none of them is alive."""
        objects = self._objects.get(row)
        if objects is not None and self._lists[row]() is None and not any(map(call, objects)):
            del self._objects[row], self._lists[row]

    def item_changed(self, row: int) -> None:
        """An item is being changed: the data set keeps it."""
        self._owner.take_item(self._index, self._begin + row)

    def item_part_changed(self, row: int, part: Any, change: Callable[[Any], Any]) -> None:
        """An item's list or dict was changed: the data set keeps the item, and that its part."""
        changed_part(self._owner.take_item(self._index, self._begin + row), part, change)

    def annotation_rows(self, row: int) -> tuple[Any, int, int]:
        """The annotation rows behind an item: (batch, begin, end)."""
        at = self._begin + row
        offsets = self._arrays.offsets
        return self._arrays.chunk.annotations, int(offsets[at]), int(offsets[at + 1])


_NUMBERS = {
    "types": "type",
    "ids": "id",
    "groups": "group",
    "object_ids": "object_id",
    "labels": "label",
    "z_orders": "z_order",
}
_CUBOIDS = frozenset((int(AnnotationType.cuboid_2d), int(AnnotationType.cuboid_3d)))
_WITH_POINTS = frozenset(
    (
        AnnotationType.polygon, AnnotationType.polyline, AnnotationType.bbox, AnnotationType.points,
        AnnotationType.ellipse, AnnotationType.rotated_bbox, AnnotationType.cuboid_2d,
        AnnotationType.cuboid_3d,
    )
)  # fmt: skip
# what an annotation of each kind is made with: its class, whether it has points, and visibility
_MADE: dict[int, tuple[type[Annotation], bool, bool]] = {
    kind: (class_, kind in _WITH_POINTS, kind == AnnotationType.points)
    for kind, class_ in CLASSES.items()
}
