"""The elements of items' XML: what there is, where, and its text; column by column.

::

    item
      id, subset
      image                     of image media
        height, width           pixels, or "unknown"
        has_data                1 or 0
        path                    of media that have one
      annotation                each
        id, type
        <attribute>             each
        group
        label, label_id         "" and "None" without a label; not of kinds that have none
        x, y, w, h, area        of a bbox
        x1, y1, x2, y2, area    of an ellipse
        cx, cy, w, h, r, area   of a rotated_bbox
        caption                 of a caption
        bbox                    of polygon, polyline, points, cuboid_2d, skeleton
          x, y, w, h, area
        point                   each, of the same
          x, y, visible         the last of points and skeletons alone
        position, rotation, scale   of a cuboid_3d
          x, y, z
        values                  of a tabular annotation
          <column>              each

The kinds that the published package knows have the elements that they have there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.key_points import Visibility
from datumaro.model.media import Image, MediaType
from datumaro.model.shape import rounded_doubles
from datumaro.operations.bounds import bounds
from datumaro.operations.filtering.values import Leaf, Numbers, Words, element_name
from datumaro.table import json_text, media_columns, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

CONTAINERS = frozenset(
    (
        "item", "image", "annotation", "bbox", "point", "position", "rotation", "scale", "values",
    )
)  # fmt: skip
BOX_LEAVES = ("x", "y", "w", "h", "area")
IMAGE_LEAVES = ("height", "width", "has_data", "path")
AXES_3D = ("position", "rotation", "scale")

_LABELLED = (
    Kind.label, Kind.mask, Kind.polygon, Kind.polyline, Kind.bbox, Kind.points, Kind.ellipse,
    Kind.rotated_bbox, Kind.cuboid_2d, Kind.cuboid_3d, Kind.skeleton,
)  # fmt: skip
_OWN_LEAVES: dict[Kind, tuple[str, ...]] = {
    Kind.bbox: ("x", "y", "w", "h", "area"),
    Kind.ellipse: ("x1", "y1", "x2", "y2", "area"),
    Kind.rotated_bbox: ("cx", "cy", "w", "h", "r", "area"),
    Kind.caption: ("caption",),
}
_BOXED = (Kind.polygon, Kind.polyline, Kind.points, Kind.cuboid_2d, Kind.skeleton)
_BY_POINTS = (Kind.cuboid_2d, Kind.skeleton)
_IMAGES = (
    MediaType.IMAGE, MediaType.BYTE_IMAGE, MediaType.VIDEO_FRAME, MediaType.ROI_IMAGE,
    MediaType.MOSAIC_IMAGE,
)  # fmt: skip


# --- a block --------------------------------------------------------------------------------------


class Block:
    """Some items, and their elements."""

    def __init__(self, chunk: Chunk, labels: list[str]) -> None:
        self.chunk = chunk
        self.n_items, self.n_annotations = len(chunk), len(chunk.annotations)
        self._labels = labels
        self.kinds: Array = chunk.annotations.column("type").to_numpy()

    @cached_property
    def item_of(self) -> Array:
        """Each annotation's item, int64."""
        return np.repeat(np.arange(self.n_items), np.diff(self.chunk.offsets))

    # --- items --------------------------------------------------------------------------------

    def item_leaf(self, name: str) -> Leaf | None:
        """A leaf of items; None when they have none of that name."""
        rows = np.arange(self.n_items)
        if name == "id":
            return Leaf(rows, Words(rows, self.chunk.items.column("id").to_pylist()))
        if name == "subset":
            return Leaf(rows, Words(*self.chunk.subset_codes()))
        return None

    @cached_property
    def images(self) -> Array:
        """The items that have an ``image``, int64."""
        kinds: Array = self.chunk.items.column("media_type").to_numpy()
        named = np.array([bool(path) for path in self.chunk.items.column("path").to_pylist()], bool)
        held = np.zeros(self.n_items, bool)
        held[list(self.chunk.media)] = True
        return np.flatnonzero(np.isin(kinds, np.array(_IMAGES, np.uint8)) & (named | held))

    @cached_property
    def _image_objects(self) -> list[Image]:
        told = media_columns.read(self.chunk, 0, self.n_items)
        rows: list[int] = self.images.tolist()
        found = (media_columns.media_object(told[row]) for row in rows)
        return [image for image in found if isinstance(image, Image)]

    def image_leaf(self, name: str) -> Leaf | None:
        """A leaf of ``image``; its owners are items."""
        rows = self.images
        if name in ("height", "width"):
            sides: list[int] = self.chunk.items.column(name).to_numpy()[rows].tolist()
            if 0 in sides:
                place = ("height", "width").index(name)
                sizes = [image.size for image in self._image_objects]
                sides = [size[place] if size else 0 for size in sizes]
            texts = [str(side) if side > 0 else "unknown" for side in sides]
            return Leaf(rows, _words(texts))
        if name == "has_data":
            return Leaf(rows, Numbers(np.array([i.has_data for i in self._image_objects], int)))
        if name == "path":
            paths: list[str] = [getattr(i, "path", None) or "" for i in self._image_objects]
            some = np.flatnonzero([bool(path) for path in paths])
            return Leaf(rows[some], _words([path for path in paths if path]))
        return None

    # --- annotations --------------------------------------------------------------------------

    def annotation_leaves(self, name: str) -> list[Leaf]:
        """The leaves of that name, in the document's order: several where an attribute has it."""
        own, attribute = self.own_leaves(name), self._attribute_leaf(name)
        if attribute is None:
            return own
        return [*own, attribute] if name in ("id", "type") else [attribute, *own]

    def _rows(self, *kinds: Kind) -> Array:
        return np.flatnonzero(np.isin(self.kinds, np.array(kinds, np.uint8)))

    def own_leaves(self, name: str) -> list[Leaf]:
        """The leaves of that name that are no attributes."""
        every = np.arange(self.n_annotations)
        if name in ("id", "group"):
            return [Leaf(every, Numbers(self.chunk.annotations.column(name).to_numpy()))]
        if name == "type":
            names = [""] * (max(Kind) + 1)
            for kind in Kind:
                names[kind] = kind.name
            return [Leaf(every, Words(self.kinds, names))]
        if name in ("label", "label_id"):
            rows = self._rows(*_LABELLED)
            codes = schema.label_values(self.chunk.annotations.column("label"))[rows]
            known = (codes >= 0) & (codes < len(self._labels))
            if name == "label":
                names = [*self._labels, ""]
                return [Leaf(rows, Words(np.where(known, codes, len(self._labels)), names))]
            found, inverse = np.unique(codes, return_inverse=True)
            names = ["None" if v == schema.NO_LABEL else str(v) for v in found.tolist()]
            return [Leaf(rows, Words(inverse, names))]
        return [
            self._shape_leaf(kind, name)
            for kind, names in _OWN_LEAVES.items()
            if name in names and (self.kinds == kind).any()
        ]

    def _shape_leaf(self, kind: Kind, name: str) -> Leaf:
        rows = self._rows(kind)
        if kind == Kind.caption:
            texts: list[str] = self.chunk.annotations.column("text").to_pylist()
            return Leaf(rows, _words([texts[row] for row in rows.tolist()]))
        offsets, points = self._points
        place = offsets[rows]
        numbers = [points[place + i].astype(np.float64) for i in range(4)]
        if kind == Kind.rotated_bbox:
            turned = {"cx": 0, "cy": 1, "w": 2, "h": 3}
            if name == "r":
                return Leaf(rows, Numbers(points[place + 4].astype(np.float64)))
            if name == "area":
                return Leaf(rows, Numbers(numbers[2] * numbers[3]))
            return Leaf(rows, Numbers(numbers[turned[name]]))
        x1, y1, x2, y2 = numbers
        w, h = x2 - x1, y2 - y1
        area = math.pi / 4 * w * h if kind == Kind.ellipse else w * h
        values = {"x": x1, "y": y1, "w": w, "h": h, "area": area}
        values |= {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
        return Leaf(rows, Numbers(values[name]))

    @cached_property
    def _points(self) -> tuple[Array, Array]:
        return schema.list_parts(self.chunk.annotations.column("points"))

    # --- attributes ---------------------------------------------------------------------------

    @cached_property
    def _attribute_texts(self) -> tuple[Array, list[dict[str, Any]]]:
        """(each annotation's attributes as a place in the list, the different ones)."""
        column = self.chunk.annotations.column("attributes").dictionary_encode()
        texts: list[str] = column.dictionary.to_pylist()
        return column.indices.to_numpy(), [json_text.decode(text) for text in texts]

    def attributes(self) -> tuple[Array, list[list[tuple[str, str]]]]:
        """(each annotation's attributes as a place in the list, the different ones as elements).

        An element is a name and a text.
        """
        codes, found = self._attribute_texts
        return codes, [[(element_name(k), str(v)) for k, v in d.items()] for d in found]

    def _attribute_leaf(self, name: str) -> Leaf | None:
        """The attributes whose element has a name."""
        if not self.has_attribute(name):
            return None
        codes, found = self.attributes()
        of_text = [[text for key, text in pairs if key == name] for pairs in found]
        counts = np.array([len(texts) for texts in of_text], np.int64)
        if not counts.any():
            return None
        names: dict[str, int] = {}
        flat = np.array(
            [names.setdefault(text, len(names)) for texts in of_text for text in texts], np.int64
        )
        first = np.cumsum(counts) - counts
        owners = np.repeat(np.arange(len(codes)), counts[codes])
        place = spread(first[codes], counts[codes])
        return Leaf(owners, Words(flat[place], list(names)))

    def has_attribute(self, name: str) -> bool:
        """False when surely no attribute's element has the name, without reading them all."""
        offsets, data = schema.list_parts(self.chunk.annotations.column("attributes"))
        if not self.n_annotations or offsets[0] == offsets[-1]:
            return False
        if not name.isascii() or name.startswith("_") or "-" in name:
            return True  # it may stand for another
        text = data[offsets[0] : offsets[-1]].tobytes()
        return f'"{name}"'.encode() in text or b"\\u" in text

    # --- within annotations -------------------------------------------------------------------

    @cached_property
    def _skeletons(self) -> dict[int, list[dict[str, Any]]]:
        rows: list[int] = self._rows(Kind.skeleton).tolist()
        extra = self.chunk.annotations.column("extra")
        return {row: json_text.decode(extra[row].as_py())["elements"] for row in rows}

    def points_of(self, row: int) -> Iterator[tuple[float, float, str]]:
        """The ``point`` elements of an annotation: x, y, and its visibility or ""."""
        kind = self.kinds[row]
        if kind == Kind.skeleton:
            for element in self._skeletons[row]:
                seen = Visibility(element["visibility"][0]).name
                yield element["points"][0], element["points"][1], seen
            return
        if kind not in _BOXED:
            return
        numbers = self._exact(row)
        seen = [""] * (len(numbers) // 2)
        if kind == Kind.points:
            column = self.chunk.annotations.column("visibility")
            seen = [Visibility(v).name for v in column[row].as_py()]
        yield from zip(numbers[0::2], numbers[1::2], seen, strict=True)

    def _exact(self, row: int) -> list[float]:
        """An annotation's coordinates."""
        offsets, points = self._points
        numbers: list[float] = points[offsets[row] : offsets[row + 1]].tolist()
        if self.kinds[row] in (Kind.cuboid_2d, Kind.cuboid_3d):
            extra = json_text.decode(self.chunk.annotations.column("extra")[row].as_py())
            if self.kinds[row] == Kind.cuboid_3d:
                numbers = rounded_doubles(numbers)
            numbers = extra.get("points") or numbers
        return numbers

    @cached_property
    def boxes(self) -> tuple[Array, dict[str, Array]]:
        """(the annotations that have a ``bbox``, its leaves)."""
        rows = self._rows(*_BOXED)
        found = np.nan_to_num(bounds(self.chunk.annotations.take(pa.array(rows)))).T
        for place in np.flatnonzero(np.isin(self.kinds[rows], _BY_POINTS)).tolist():
            seen = [p for p in self.points_of(int(rows[place])) if p[2] != "absent"]
            if seen:
                xs, ys, _ = zip(*seen, strict=True)
                found[:, place] = min(xs), min(ys), max(xs), max(ys)
        x1, y1, x2, y2 = found
        w, h = x2 - x1, y2 - y1
        return rows, {"x": x1, "y": y1, "w": w, "h": h, "area": w * h}

    def box_leaf(self, name: str) -> Leaf | None:
        """A leaf of ``bbox``; its owners are annotations."""
        rows, leaves = self.boxes
        return Leaf(rows, Numbers(leaves[name])) if name in leaves else None

    def cuboids(self) -> Iterator[tuple[int, Mapping[str, list[float]]]]:
        """Each 3D cuboid's row, and its numbers by element."""
        for row in self._rows(Kind.cuboid_3d).tolist():
            numbers = self._exact(row)
            yield row, {name: numbers[3 * i : 3 * i + 3] for i, name in enumerate(AXES_3D)}

    def tables(self) -> Iterator[tuple[int, list[tuple[str, str]]]]:
        """Each tabular annotation's row, and its values as elements."""
        extra = self.chunk.annotations.column("extra")
        rows: list[int] = self._rows(Kind.tabular).tolist()
        for row in rows:
            values = json_text.decode(extra[row].as_py())["values"]
            yield row, [(element_name(k), str(v)) for k, v in values.items()]


def _words(texts: list[str]) -> Words:
    return Words(np.arange(len(texts)), texts)


def spread(begins: Array, counts: Array) -> Array:
    """The numbers ``begins[i], begins[i] + 1, …``, ``counts[i]`` of them for each i, int64."""
    first = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + np.repeat(begins - first, counts)


def blocks(chunk: Chunk, labels: list[str], annotations: int) -> Iterator[Block]:
    """A chunk in blocks of about so many annotations, or items."""
    weights = chunk.offsets + np.arange(len(chunk) + 1)
    steps = np.arange(0, int(weights[-1]), annotations)
    bounds = np.unique([*np.searchsorted(weights, steps), len(chunk)]).tolist()
    for begin, end in pairwise(bounds):
        yield Block(chunk.slice(begin, end), labels)
