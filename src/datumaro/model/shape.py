"""What annotations with a shape have in common.

Coordinates are pixels. As documented, shapes keep them as float32 rounded to hundredths, so that
they carry float32's noise: 0.1 becomes 0.10000000149011612.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from datumaro.model.annotation import COORDINATE_ROUNDING_DIGITS, OrderedAnnotation


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


class Shape(OrderedAnnotation):
    """Base of shapes.

    Parameters
    ----------
    points : flat coordinates; what they mean is the subclass's matter.
    label : index into LabelCategories, or None.
    z_order : higher ones lie on top.
    """

    __slots__ = ("_area", "_points")
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


def check_count(count: int, values: list[Any], what: str) -> None:
    """Raise ValueError when a shape's numbers are not as many as it has."""
    if len(values) != count:
        raise ValueError(f"a {what} of {len(values)} numbers; expected {count}")
