"""Key points: points that may be hidden or absent, and skeletons of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import numpy.typing as npt

from datumaro.model.annotation import AnnotationType, ExtraAnnotation
from datumaro.model.shape import Shape


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
