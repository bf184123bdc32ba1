"""Annotations with a shape: lines, polygons, boxes, ellipses, cuboids.

Key points and skeletons of them are in `datumaro.model.key_points`; they go by this name, too. What
all have in common is in `datumaro.model.shape`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from datumaro.model.annotation import Annotation, AnnotationType
from datumaro.model.key_points import Points, Skeleton, Visibility
from datumaro.model.shape import Shape, check_count, iou, rounded, rounded_doubles


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
        check_count(4, points, "box")

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
        check_count(5, points, "rotated box")

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
        check_count(4, points, "ellipse")

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


class Cuboid2D(Shape):
    """A cuboid drawn in the image by its eight corners (x, y); coordinates are kept unrounded."""

    __slots__ = ()
    _type = AnnotationType.cuboid_2d

    def __init__(self, points: Iterable[tuple[float, float]], **common: Any) -> None:
        given: Any = points  # which only `_checked` looks at
        super().__init__(given, **common)

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
        check_count(9, points, "cuboid")

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


__all__ = [
    "Annotation", "Bbox", "Cuboid2D", "Cuboid3d", "Ellipse", "Points", "PolyLine", "Polygon",
    "RotatedBbox", "Shape", "Skeleton", "Visibility", "iou", "rounded",
]  # fmt: skip
