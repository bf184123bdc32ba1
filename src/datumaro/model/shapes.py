"""Annotations with a shape: boxes, polygons, points, cuboids, skeletons.

Coordinates are pixels. As documented, shapes keep them as float32 rounded to hundredths, so that
they carry float32's noise: 0.1 becomes 0.10000000149011612.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from datumaro.model.annotation import (
    COORDINATE_ROUNDING_DIGITS,
    Annotation,
    AnnotationType,
    ExtraAnnotation,
    LabelledAnnotation,
)


def rounded(points: npt.ArrayLike) -> list[float]:
    """Coordinates as shapes keep them: flat, float32, rounded to hundredths."""
    flat = np.asarray(points, np.float32).ravel()
    return flat.round(COORDINATE_ROUNDING_DIGITS).tolist()


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes given as x, y, width, height."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def rounded_doubles(points: npt.ArrayLike) -> list[float]:
    """Coordinates as 3D cuboids keep them: flat, float64, rounded to hundredths."""
    return np.asarray(points, np.float64).ravel().round(COORDINATE_ROUNDING_DIGITS).tolist()


class Shape(LabelledAnnotation):
    """Base of shapes.

    Parameters
    ----------
    points : flat coordinates; what they mean is the subclass's matter.
    label : index into LabelCategories, or None.
    z_order : higher ones lie on top.
    """

    __slots__ = ("_area", "_points", "_z_order")
    _fields: ClassVar[tuple[str, ...]] = ("points", "label", "z_order")
    _points: list[float] | None
    # the stated area and the coordinates that it is stated for
    _area: tuple[float, tuple[Any, ...]] | None

    def __init__(
        self,
        points: npt.ArrayLike,
        *,
        label: int | None = None,
        z_order: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(label=label, **common)
        self._z_order = int(z_order or 0)
        self._area = None
        self._points = self._checked(points)

    def _checked(self, points: npt.ArrayLike) -> list[float]:
        values = rounded(points)
        self.check_points(values)
        return values

    def check_points(self, points: list[Any]) -> None:
        """Raise ValueError when ``points`` are not as many as the shape has."""

    def _load(self) -> None:
        super()._load()
        self._z_order = self._source.z_orders[self._row]
        self._area = self._area_of_points()
        if self._points is None:
            self._points = self._source.points(self._row)

    def _area_of_points(self) -> tuple[float, tuple[Any, ...]] | None:
        row = self._row
        if row < 0:
            return self._area
        area = self._source.area(row)
        return None if area is None else (area, tuple(self._source.stored_points(row)))

    @property
    def z_order(self) -> int:
        row = self._row
        return self._z_order if row < 0 else self._source.z_orders[row]

    @z_order.setter
    def z_order(self, value: int) -> None:
        self._own()
        self._z_order = int(value)

    @property
    def stated_area(self) -> float | None:
        """The area in square pixels that the source states (COCO), None when it states none.

        It holds for the coordinates that it was stated with: changed ones have none.
        """
        if self._row >= 0:
            return self._source.area(self._row)
        area = self._area
        return area[0] if area is not None and area[1] == tuple(self.points) else None

    @property
    def points(self) -> list[float]:
        if self._points is None:
            self._points = self._source.points(self._row)
        return self._points

    @points.setter
    def points(self, value: npt.ArrayLike) -> None:
        points = self._checked(value)
        self._own()
        self._points = points

    def wrap(self, **changes: Any) -> Self:
        """A copy with some fields changed; ``points`` too where the constructor has other names."""
        points = None if "points" in self._fields else changes.pop("points", None)
        copy = super().wrap(**changes)
        if points is not None:
            copy.points = points
        copy._area = self._area_of_points()
        return copy

    def get_area(self) -> float:
        """Area in square pixels."""
        raise NotImplementedError

    def get_bbox(self) -> list[float]:
        """x, y, width, height of the bounds."""
        points = self.points
        if not points:
            return [0.0, 0.0, 0.0, 0.0]
        xs, ys = points[0::2], points[1::2]
        x, y = min(xs), min(ys)
        return [x, y, max(xs) - x, max(ys) - y]


class PolyLine(Shape):
    """A line through points x, y, …"""

    __slots__ = ()
    _type = AnnotationType.polyline

    def as_polygon(self) -> list[float]:
        """The points."""
        return self.points[:]

    def get_area(self) -> float:
        return 0.0


class Polygon(Shape):
    """A closed line through at least three points x, y, …"""

    __slots__ = ()
    _type = AnnotationType.polygon

    def check_points(self, points: list[Any]) -> None:
        if len(points) % 2 or len(points) < 6:
            raise ValueError(f"a polygon of {len(points)} coordinates; expected pairs, 6 at least")

    def as_polygon(self) -> list[float]:
        """The points."""
        return self.points[:]

    def get_area(self) -> float:
        x = np.array(self.points[0::2])
        y = np.array(self.points[1::2])
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


class Bbox(Shape):
    """A box with sides along the axes; ``points`` are its corners x1, y1, x2, y2."""

    __slots__ = ()
    _type = AnnotationType.bbox
    _fields = ("x", "y", "w", "h", "label", "z_order")

    def __init__(self, x: float, y: float, w: float, h: float, **common: Any) -> None:
        common.pop("points", None)
        super().__init__([x, y, x + w, y + h], **common)

    def check_points(self, points: list[Any]) -> None:
        _exactly(4, points, "box")

    @property
    def x(self) -> float:
        return self.points[0]

    @property
    def y(self) -> float:
        return self.points[1]

    @property
    def w(self) -> float:
        points = self.points
        return points[2] - points[0]

    @property
    def h(self) -> float:
        points = self.points
        return points[3] - points[1]

    def get_area(self) -> float:
        return self.w * self.h

    def get_bbox(self) -> list[float]:
        return [self.x, self.y, self.w, self.h]

    def as_polygon(self) -> list[float]:
        """The four corners."""
        x1, y1, x2, y2 = self.points
        return [x1, y1, x2, y1, x2, y2, x1, y2]

    def iou(self, other: Shape) -> float:
        """Intersection over union with another shape's bounds."""
        return iou(self.get_bbox(), other.get_bbox())


class RotatedBbox(Shape):
    """A turned box; ``points`` are its centre cx, cy, its width, its height and degrees."""

    __slots__ = ()
    _type = AnnotationType.rotated_bbox
    _fields = ("cx", "cy", "w", "h", "r", "label", "z_order")

    def __init__(self, cx: float, cy: float, w: float, h: float, r: float, **common: Any) -> None:
        common.pop("points", None)
        super().__init__([cx, cy, w, h, r], **common)

    def check_points(self, points: list[Any]) -> None:
        _exactly(5, points, "rotated box")

    @classmethod
    def from_rectangle(cls, points: Sequence[tuple[float, float]], **common: Any) -> RotatedBbox:
        """Make it of the four corners of a rectangle, in order."""
        (x1, y1), (x2, y2), (x3, y3), _ = points
        width, height = math.hypot(x2 - x1, y2 - y1), math.hypot(x3 - x2, y3 - y2)
        degrees = math.degrees(math.atan2(y2 - y1, x2 - x1))
        cx, cy = (sum(p[i] for p in points) / 4 for i in (0, 1))
        return cls(cx, cy, width, height, degrees, **common)

    @property
    def cx(self) -> float:
        return self.points[0]

    @property
    def cy(self) -> float:
        return self.points[1]

    @property
    def w(self) -> float:
        return self.points[2]

    @property
    def h(self) -> float:
        return self.points[3]

    @property
    def r(self) -> float:
        return self.points[4]

    def as_polygon(self) -> list[tuple[float, float]]:
        """The four corners, clockwise on the screen from the top left of the unturned box."""
        cx, cy, w, h, r = self.points
        cos, sin = math.cos(math.radians(r)), math.sin(math.radians(r))
        corners = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
        return [(cx + dx * cos - dy * sin, cy + dx * sin + dy * cos) for dx, dy in corners]

    def get_area(self) -> float:
        return self.w * self.h

    def get_bbox(self) -> list[float]:
        xs, ys = zip(*self.as_polygon(), strict=True)
        return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


class Ellipse(Shape):
    """An ellipse along the axes; ``points`` are the corners x1, y1, x2, y2 of its box."""

    __slots__ = ()
    _type = AnnotationType.ellipse
    _fields = ("x1", "y1", "x2", "y2", "label", "z_order")

    def __init__(self, x1: float, y1: float, x2: float, y2: float, **common: Any) -> None:
        common.pop("points", None)
        super().__init__([x1, y1, x2, y2], **common)

    def check_points(self, points: list[Any]) -> None:
        _exactly(4, points, "ellipse")

    @property
    def x1(self) -> float:
        return self.points[0]

    @property
    def y1(self) -> float:
        return self.points[1]

    @property
    def x2(self) -> float:
        return self.points[2]

    @property
    def y2(self) -> float:
        return self.points[3]

    @property
    def w(self) -> float:
        return self.x2 - self.x1

    @property
    def h(self) -> float:
        return self.y2 - self.y1

    @property
    def c_x(self) -> float:
        return (self.x1 + self.x2) / 2

    @property
    def c_y(self) -> float:
        return (self.y1 + self.y2) / 2

    def get_area(self) -> float:
        return math.pi / 4 * self.w * self.h

    def get_bbox(self) -> list[float]:
        return [self.x1, self.y1, self.w, self.h]

    def as_polygon(self, num_points: int = 720) -> list[float]:
        """``num_points`` points on the ellipse, as x, y, …"""
        angle = np.linspace(0, 2 * np.pi, num_points, endpoint=False)
        x = self.c_x + self.w / 2 * np.cos(angle)
        y = self.c_y + self.h / 2 * np.sin(angle)
        return np.stack([x, y], 1).ravel().tolist()


class Visibility(IntEnum):
    """Whether a key point is seen."""

    absent = 0
    hidden = 1
    visible = 2


class Points(Shape):
    """Key points x, y, …, each with its visibility (visible when not given)."""

    __slots__ = ("_visibility",)
    _type = AnnotationType.points
    _fields = ("points", "visibility", "label", "z_order")
    Visibility = Visibility
    _visibility: list[Visibility] | None

    def __init__(
        self,
        points: npt.ArrayLike,
        visibility: Iterable[int] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(points, **common)
        count = len(self.points) // 2
        if visibility is None:
            self._visibility = [Visibility.visible] * count
        else:
            self._visibility = [Visibility(v) for v in visibility]
        if len(self._visibility) != count:
            raise ValueError(f"{len(self._visibility)} visibilities for {count} points")

    def check_points(self, points: list[Any]) -> None:
        if len(points) % 2:
            raise ValueError(f"points of {len(points)} coordinates; expected pairs")

    def _load(self) -> None:
        super()._load()
        if self._visibility is None:
            self._visibility = self._source.visibility(self._row)

    @property
    def visibility(self) -> list[Visibility]:
        if self._visibility is None:
            self._visibility = self._source.visibility(self._row)
        return self._visibility

    @visibility.setter
    def visibility(self, value: Iterable[int]) -> None:
        visibility = [Visibility(v) for v in value]
        self._own()
        self._visibility = visibility

    def get_area(self) -> float:
        return 0.0

    def get_bbox(self) -> list[float]:
        points = self.points
        seen = [i for i, v in enumerate(self.visibility) if v != Visibility.absent]
        if not seen:
            return [0.0, 0.0, 0.0, 0.0]
        xs, ys = [points[2 * i] for i in seen], [points[2 * i + 1] for i in seen]
        return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


class Cuboid2D(Shape):
    """A cuboid drawn in the image by its eight corners (x, y); coordinates are kept unrounded."""

    __slots__ = ()
    _type = AnnotationType.cuboid_2d

    def __init__(self, points: Iterable[tuple[float, float]], **common: Any) -> None:
        super().__init__(points, **common)  # pyright: ignore[reportArgumentType]

    def _checked(self, points: Any) -> Any:
        pairs = [(float(x), float(y)) for x, y in points]
        self.check_points(pairs)
        return pairs

    def check_points(self, points: list[Any]) -> None:
        if len(points) != 8 or any(len(corner) != 2 for corner in points):
            raise ValueError(f"a 2D cuboid of {len(points)} corners; expected 8 pairs x, y")

    def get_area(self) -> float:
        _, _, w, h = self.get_bbox()
        return w * h

    def get_bbox(self) -> list[float]:
        pairs: Any = self.points
        xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
        return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


class Cuboid3d(Shape):
    """A cuboid in space: position, rotation (radians about x, y, z) and scale, three numbers each.

    Numbers are doubles rounded to hundredths.
    """

    __slots__ = ()
    _type = AnnotationType.cuboid_3d
    _fields = ("position", "rotation", "scale", "label")

    def __init__(
        self,
        position: Sequence[float],
        rotation: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        *,
        label: int | None = None,
        **common: Any,
    ) -> None:
        common.pop("points", None)
        rotation = (0, 0, 0) if rotation is None else rotation
        scale = (1, 1, 1) if scale is None else scale
        if not len(position) == len(rotation) == len(scale) == 3:
            raise ValueError("a cuboid's position, rotation and scale are three numbers each")
        numbers = [*position, *rotation, *scale]
        super().__init__(numbers, label=label, **common)

    def _checked(self, points: Any) -> list[float]:
        values = rounded_doubles(points)
        self.check_points(values)
        return values

    def check_points(self, points: list[Any]) -> None:
        _exactly(9, points, "cuboid")

    def _part(self, begin: int, value: Sequence[float]) -> None:
        if len(value) != 3:
            raise ValueError(f"{len(value)} numbers; expected 3")
        points = list(self.points)
        points[begin : begin + 3] = value
        self.points = points

    @property
    def position(self) -> list[float]:
        return self.points[0:3]

    @position.setter
    def position(self, value: Sequence[float]) -> None:
        self._part(0, value)

    @property
    def rotation(self) -> list[float]:
        return self.points[3:6]

    @rotation.setter
    def rotation(self, value: Sequence[float]) -> None:
        self._part(3, value)

    @property
    def scale(self) -> list[float]:
        return self.points[6:9]

    @scale.setter
    def scale(self, value: Sequence[float]) -> None:
        self._part(6, value)

    def get_area(self) -> float:
        return 0.0

    def get_bbox(self) -> list[float]:
        raise NotImplementedError("a 3D cuboid has no box in the image")


class Skeleton(ExtraAnnotation):
    """Key points of one object, each a Points annotation of one point with its own label."""

    __slots__ = ()
    _type = AnnotationType.skeleton
    _fields = ("elements", "label", "z_order")

    def __init__(
        self,
        elements: Iterable[Points],
        *,
        z_order: int = 0,
        label: int | None = None,
        **common: Any,
    ) -> None:
        super().__init__(label=label, **common)
        self._value = (tuple(elements), int(z_order))

    @property
    def elements(self) -> tuple[Points, ...]:
        """The key points; a tuple: set a new one to add or remove some."""
        self._own()  # they may be changed in place
        return self._value[0]

    @elements.setter
    def elements(self, value: Iterable[Points]) -> None:
        self._set_value((tuple(value), self.z_order))

    @property
    def z_order(self) -> int:
        return self._get_value()[1]

    @z_order.setter
    def z_order(self, value: int) -> None:
        self._set_value((self.elements, int(value)))

    def _decode(self, extra: dict[str, Any]) -> Any:
        stored: list[dict[str, Any]] = extra["elements"]
        elements = [Points(**element) for element in stored]
        return tuple(elements), self._source.z_orders[self._row]

    def extra(self) -> dict[str, Any]:
        return {"elements": [_plain(e) for e in self.elements]}

    def get_area(self) -> float:
        return 0.0

    def get_bbox(self) -> list[float]:
        """x, y, width, height of the bounds of the points that are not absent."""
        boxes = [e.get_bbox() for e in self.elements if any(e.visibility)]
        if not boxes:
            return [0.0, 0.0, 0.0, 0.0]
        x, y = min(b[0] for b in boxes), min(b[1] for b in boxes)
        return [x, y, max(b[0] + b[2] for b in boxes) - x, max(b[1] + b[3] for b in boxes) - y]


def _plain(points: Points) -> dict[str, Any]:
    fields = points.as_dict()
    fields["points"] = list(points.points)
    fields["visibility"] = [int(v) for v in points.visibility]
    return {name: value for name, value in fields.items() if value is not None}


def _exactly(count: int, values: list[Any], what: str) -> None:
    if len(values) != count:
        raise ValueError(f"a {what} of {len(values)} numbers; expected {count}")


__all__ = [
    "Annotation", "Bbox", "Cuboid2D", "Cuboid3d", "Ellipse", "Points", "PolyLine", "Polygon",
    "RotatedBbox", "Shape", "Skeleton", "Visibility", "iou", "rounded",
]  # fmt: skip
