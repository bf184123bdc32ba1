"""The elements of images and tracks as annotations.

Coordinates are pixels, from the top left corner of the image's first pixel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from datumaro.errors import InvalidAnnotationError
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.cvat import masks
from datumaro.formats.cvat.labels import Labels
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema

_MOST = 1e9  # pixels
_CACHED = 1 << 16
_INT32 = 2**31

_ATTRIBUTE = re.compile(r'<attribute name="([^"]*)">([^<]*)</attribute>')

CORNERS = ("tl1", "tr1", "br1", "bl1", "tl2", "tr2", "br2", "bl2")
"""CVAT's names of a cuboid's corners, in the order of ours: those in front, then those behind."""

Given = dict[str, str]


@dataclass
class Shape:
    """A shape or tag.

    Attributes
    ----------
    tag : box, polygon, …
    given : what stands in its tag.
    label : its label's name; "" for none.
    attributes : names and values.
    elements : of a skeleton: its points.
    track : the number of its track; -1 without one.
    size : height and width of its image; zeros when not known.
    """

    tag: str
    given: Given
    label: str
    attributes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    elements: list[Shape] = field(default_factory=list["Shape"])
    track: int = -1
    size: tuple[int, int] = (0, 0)


class ShapeReader:
    """Appends shapes to columns."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._attributes: dict[tuple[Any, ...], bytes] = {}

    def add(self, columns: ChunkColumns, shape: Shape) -> None:
        """Append a shape.

        Raises
        ------
        InvalidAnnotationError
            It is damaged, or (`UndeclaredLabel`) its label is not declared. Nothing was appended.
        """
        add = _KINDS.get(shape.tag)
        if add is None and shape.tag != "skeleton":
            known = ", ".join([*_KINDS, "skeleton"])
            raise InvalidAnnotationError(f"<{shape.tag[:40]}>; expected one of {known}")
        given = shape.given
        label = self._label(shape)
        z_order = _integer(given, "z_order", 0) if "z_order" in given else 0
        if not -_INT32 < z_order < _INT32:
            raise InvalidAnnotationError(f"z_order {z_order}; expected a number of 32 bits")
        common = _Common(
            label,
            self._attributes_of(shape, label),
            _integer(given, "group_id", 0) if "group_id" in given else 0,
            max(shape.track, 0),
        )
        if add is None:
            elements = [self._element(element, shape.label) for element in shape.elements]
            columns.add_skeleton(
                elements, label, common.attributes, number=common.number, group=common.group
            )
        else:
            add(columns, shape, common)
        if z_order:
            columns.set_z_order(z_order)

    def _label(self, shape: Shape) -> int:
        name = shape.label
        if not name:
            return schema.NO_LABEL
        label = self._labels.index.get(name)
        if label is None:
            label = self._labels.index.get(name.strip())
        if label is None:
            raise UndeclaredLabel(name)
        return label

    def _attributes_of(self, shape: Shape, label: int) -> bytes:
        given = shape.given
        key = (
            label, shape.track, shape.tag == "tag", given.get("occluded"),
            given.get("outside"), given.get("keyframe"), given.get("rotation"),
            *shape.attributes,
        )  # fmt: skip
        found = self._attributes.get(key)
        if found is None:
            if len(self._attributes) >= _CACHED:
                self._attributes.clear()
            found = self._attributes[key] = json_text.encode(self._decoded(shape, label))
        return found

    def usual(self, label: int, is_tag: bool, occluded: bool, inner: bytes) -> bytes | None:
        """The attributes of a usual shape of an image; see `datumaro.kernels.cvat_xml.scan`.

        None for what is not to be understood so.
        """
        key = label, is_tag, occluded, inner
        found = self._attributes.get(key)
        if found is None:
            try:
                text = inner.decode()
            except UnicodeDecodeError:
                return None
            if len(self._attributes) >= _CACHED:
                self._attributes.clear()
            shape = Shape(
                "tag" if is_tag else "box", {"occluded": "1"} if occluded else {}, "",
                _ATTRIBUTE.findall(text),
            )  # fmt: skip
            found = self._attributes[key] = json_text.encode(self._decoded(shape, label))
        return found

    def _decoded(self, shape: Shape, label: int) -> dict[str, Any]:
        given = shape.given
        made: dict[str, Any] = {}
        if shape.tag != "tag":
            made["occluded"] = _flag(given, "occluded")
        if shape.track >= 0:
            made["track_id"] = shape.track
            made["keyframe"] = _flag(given, "keyframe")
            made["outside"] = _flag(given, "outside")
        elif shape.tag != "tag" and _flag(given, "outside"):
            made["outside"] = True
        if shape.tag == "ellipse" and (degrees := _optional(given, "rotation")):
            made["rotation"] = degrees
        numbers = self._labels.numbers.get(label, frozenset())
        for name, text in shape.attributes:
            made[name] = _value(text, number=name in numbers)
        return made

    def _element(self, shape: Shape, skeleton: str) -> dict[str, Any]:
        """The fields of a skeleton's point."""
        points = _points(shape, 1)
        if len(points) != 2:
            raise InvalidAnnotationError(f"{len(points) // 2} points in a skeleton's; expected one")
        number = self._labels.parts.get((skeleton, shape.label))
        label = self._label(shape) if number is None else number
        given = shape.given
        visibility = 0 if _flag(given, "outside") else 1 if _flag(given, "occluded") else 2
        made: dict[str, Any] = {"points": points, "visibility": [visibility]}
        if label != schema.NO_LABEL:
            made["label"] = label
        numbers = self._labels.numbers.get(label, frozenset())
        attributes = {n: _value(text, number=n in numbers) for n, text in shape.attributes}
        return made | ({"attributes": attributes} if attributes else {})


class UndeclaredLabel(InvalidAnnotationError):
    """A label that the file does not declare."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"label {name[:80]!r}; expected one that <labels> declares")


def _value(text: str, *, number: bool) -> Any:
    """An attribute's value."""
    if text in ("true", "false"):
        return text == "true"
    if number:
        try:
            return int(text)
        except ValueError:
            pass
        try:
            found = float(text)
        except ValueError:
            return text
        return found if math.isfinite(found) else text
    return text


# --- what stands in a tag -------------------------------------------------------------------------


def _flag(given: Given, name: str) -> bool:
    text = given.get(name, "0")
    if text in ("0", "1"):
        return text == "1"
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise InvalidAnnotationError(f"{name}={text[:40]!r}; expected 0 or 1")


def _integer(given: Given, name: str, default: int | None = None) -> int:
    text = given.get(name)
    if text is None and default is not None:
        return default
    try:
        return int(text or "")
    except ValueError:
        found = "nothing" if text is None else repr(text[:40])
        raise InvalidAnnotationError(f"{name}: {found}; expected an integer") from None


def _number(given: Given, name: str) -> float:
    try:
        value = float(given[name])
    except KeyError:
        raise InvalidAnnotationError(f"no {name}; expected a number of pixels") from None
    except ValueError:
        value = math.nan
    if not -_MOST < value < _MOST:
        raise InvalidAnnotationError(f"{name}={given[name][:40]!r}; expected a number of pixels")
    return value


def _optional(given: Given, name: str) -> float:
    return _number(given, name) if name in given else 0.0


def _points(shape: Shape, least: int) -> list[float]:
    """``x,y;x,y;…``"""
    text = shape.given.get("points", "")
    try:
        values = list(map(float, text.replace(";", ",").split(",")))
    except ValueError:
        values = []
    n = text.count(";") + 1
    if len(values) != 2 * n or n < least or not sum(map(abs, values)) < _MOST * n:
        few = f", {least} at least" if least > 1 else ""
        raise InvalidAnnotationError(f"points={text[:40]!r}; expected x,y;x,y;…{few}")
    return values


# --- kinds ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Common:
    """What all kinds have."""

    label: int
    attributes: bytes
    group: int
    number: int


def _box(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
    given = shape.given
    x1, y1 = _number(given, "xtl"), _number(given, "ytl")
    x2, y2 = _number(given, "xbr"), _number(given, "ybr")
    if "rotation" in given:
        turned = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, _number(given, "rotation"))
        columns.add_shape(
            AnnotationType.rotated_bbox, turned, common.label, common.attributes,
            number=common.number, group=common.group,
        )  # fmt: skip
        return
    columns.add_box(common.number, common.group, common.label, (x1, y1, x2, y2), common.attributes)


def _line(kind: AnnotationType, least: int) -> Callable[[ChunkColumns, Shape, _Common], None]:
    def add(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
        columns.add_shape(
            kind, _points(shape, least), common.label, common.attributes,
            number=common.number, group=common.group,
        )  # fmt: skip

    return add


def _key_points(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
    points = _points(shape, 1)
    columns.add_points(
        points, b"\2" * (len(points) // 2), common.label, common.attributes,
        number=common.number, group=common.group,
    )  # fmt: skip


def _ellipse(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
    cx, cy, rx, ry = (_number(shape.given, name) for name in ("cx", "cy", "rx", "ry"))
    columns.add_shape(
        AnnotationType.ellipse, (cx - rx, cy - ry, cx + rx, cy + ry), common.label,
        common.attributes, number=common.number, group=common.group,
    )  # fmt: skip


def _cuboid(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
    corners = [_number(shape.given, axis + name) for name in CORNERS for axis in "xy"]
    columns.add_cuboid(
        corners, common.label, common.attributes, number=common.number, group=common.group
    )


def _mask(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
    left, top, width, height = (
        _integer(shape.given, name) for name in ("left", "top", "width", "height")
    )
    if not all(shape.size):
        raise InvalidAnnotationError("a mask in an image without width and height")
    try:
        rle = masks.decode(shape.given.get("rle", ""), (left, top, width, height), shape.size)
    except (ValueError, OverflowError) as error:
        raise InvalidAnnotationError(f"{error}; expected the run lengths of a mask") from None
    columns.add_mask(
        rle, shape.size, common.label, common.attributes,
        number=common.number, group=common.group,
    )  # fmt: skip


def _tag(columns: ChunkColumns, shape: Shape, common: _Common) -> None:
    if common.label == schema.NO_LABEL:
        raise InvalidAnnotationError("a tag without a label")
    columns.add_label(common.label, common.attributes, number=common.number, group=common.group)


_KINDS: dict[str, Callable[[ChunkColumns, Shape, _Common], None]] = {
    "box": _box,
    "polygon": _line(AnnotationType.polygon, 3),
    "polyline": _line(AnnotationType.polyline, 1),
    "points": _key_points,
    "mask": _mask,
    "tag": _tag,
    "ellipse": _ellipse,
    "cuboid": _cuboid,
}
