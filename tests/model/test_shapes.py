"""Shapes: coordinates and their rounding, boxes, areas."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

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
    Visibility,
    iou,
    rounded,
)

coordinates = st.floats(-1e7, 1e7, width=32)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (0.1, 0.10000000149011612),
        (1.005, 1.0),
        (123456.789, 123456.7890625),
        (-2.345, -2.3399999141693115),
        (7, 7.0),
    ],
)
def test_coordinates_are_float32_in_hundredths(given_: float, kept: float) -> None:
    assert rounded([given_]) == [kept]
    assert PolyLine([given_, 0]).points == [kept, 0.0]


@given(st.lists(coordinates, max_size=20))
def test_rounding_twice_changes_nothing(values: list[float]) -> None:
    once = rounded(values)
    assert rounded(once) == once


@given(coordinates, coordinates, st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_wrapped_box_is_the_same(x: float, y: float, w: float, h: float) -> None:
    box = Bbox(x, y, w, h)
    assert box.wrap() == box
    assert box.wrap(label=3).points == box.points


def test_arrays_and_pairs_are_taken_as_coordinates() -> None:
    assert Polygon(np.array([[1, 2], [3, 4], [5, 6]])).points == [1, 2, 3, 4, 5, 6]
    assert Polygon([(1, 2), (3, 4), (5, 6)]) == Polygon([1, 2, 3, 4, 5, 6])


def test_box() -> None:
    box = Bbox(1, 2, 3, 4, label=5, z_order=6)
    assert box.points == [1, 2, 4, 6]
    assert (box.x, box.y, box.w, box.h) == (1, 2, 3, 4)
    assert box.get_bbox() == [1, 2, 3, 4] and box.get_area() == 12
    assert box.as_polygon() == [1, 2, 4, 2, 4, 6, 1, 6]
    assert (box.label, box.z_order) == (5, 6)
    assert Bbox(0, 0, 0.3, 1).w == 0.30000001192092896


def test_a_box_is_wrapped_by_sides_or_points() -> None:
    box = Bbox(1, 2, 3, 4, label=2, id=3, attributes={"a": 1})
    assert box.wrap(x=5) == Bbox(5, 2, 3, 4, label=2, id=3, attributes={"a": 1})
    assert box.wrap(points=[0, 0, 1, 1]).points == [0, 0, 1, 1]
    assert Ellipse(1, 2, 3, 4).wrap(points=[0, 0, 1, 1]).points == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Bbox(0, 0, 4, 2), 1.0),
        (Bbox(2, 0, 4, 2), 1 / 3),
        (Bbox(20, 0, 4, 2), 0.0),
        (Bbox(4, 0, 4, 2), 0.0),
        (Polygon([0, 0, 4, 0, 4, 2]), 1.0),
    ],
)
def test_intersection_over_union(other: Any, expected: float) -> None:
    box = Bbox(0, 0, 4, 2)
    assert box.iou(other) == pytest.approx(expected)
    assert iou(other.get_bbox(), box.get_bbox()) == pytest.approx(expected)


@given(
    st.tuples(coordinates, coordinates, st.floats(0.01, 1e4), st.floats(0.01, 1e4)),
    st.tuples(coordinates, coordinates, st.floats(0.01, 1e4), st.floats(0.01, 1e4)),
)
def test_iou_is_symmetric_and_a_share(a: Any, b: Any) -> None:
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1 + 1e-5  # far from the origin, sides are rounded


def test_polygon_area_and_bounds() -> None:
    square = Polygon([0, 0, 2, 0, 2, 2, 0, 2])
    assert square.get_area() == 4 and square.get_bbox() == [0, 0, 2, 2]
    assert Polygon([0, 2, 2, 2, 2, 0, 0, 0]).get_area() == 4  # the other way round
    assert PolyLine([0, 0, 2, 0, 2, 2]).get_area() == 0
    assert PolyLine([]).get_bbox() == [0, 0, 0, 0]


def test_polygons_are_equal_when_their_points_are() -> None:
    """Not by area, as in the published package, where any superset is equal."""
    square, more = Polygon([0, 0, 2, 0, 2, 2, 0, 2]), Polygon([0, 0, 4, 0, 4, 4, 0, 4])
    assert square != more and more != square
    assert square == Polygon([0, 0, 2, 0, 2, 2, 0, 2])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Polygon([1, 2, 3, 4]),
        lambda: Polygon([1, 2, 3, 4, 5]),
        lambda: Points([1, 2, 3]),
        lambda: Points([1, 2], [1, 1]),
        lambda: Points([1, 2], [3]),
        lambda: Cuboid2D([(1, 2)] * 7),
        lambda: Cuboid2D([(1, 2, 3)] * 8),
        lambda: Cuboid3d([1, 2]),
        lambda: Cuboid3d([1, 2, 3, 4], [0, 0]),
    ],
)
def test_wrong_numbers_of_coordinates_are_refused(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


def test_a_refused_change_changes_nothing() -> None:
    polygon = Polygon([1, 2, 3, 4, 5, 6])
    with pytest.raises(ValueError):
        polygon.points = [1, 2]
    box = Bbox(1, 2, 3, 4)
    with pytest.raises(ValueError):
        box.points = [1, 2, 3]
    points = Points([1, 2], [1])
    with pytest.raises(ValueError):
        points.visibility = [7]
    assert polygon.points == [1, 2, 3, 4, 5, 6]
    assert box.points == [1, 2, 4, 6] and points.visibility == [1]


def test_rotated_box() -> None:
    box = RotatedBbox.from_rectangle([(0, 0), (4, 0), (4, 2), (0, 2)], label=1)
    assert box == RotatedBbox(2, 1, 4, 2, 0, label=1)
    turned = RotatedBbox(5, 5, 4, 2, 30)
    assert turned.points == [5, 5, 4, 2, 30]
    corners = turned.as_polygon()
    assert corners[0] == pytest.approx((3.7679491924311224, 3.1339745962155616))
    assert turned.get_bbox() == pytest.approx(
        [2.767949192431123, 3.1339745962155616, 4.4641016151377535, 3.7320508075688767]
    )
    again = RotatedBbox.from_rectangle(corners)
    assert again.points == pytest.approx(turned.points, abs=0.01)
    assert turned.wrap(r=60).r == 60 and turned.get_area() == 8


def test_ellipse() -> None:
    ellipse = Ellipse(0, 0, 4, 2)
    assert (ellipse.c_x, ellipse.c_y, ellipse.w, ellipse.h) == (2, 1, 4, 2)
    assert ellipse.get_area() == pytest.approx(math.pi * 2)
    outline = Polygon(ellipse.as_polygon())
    assert outline.get_area() == pytest.approx(ellipse.get_area(), rel=1e-3)
    assert outline.get_bbox() == pytest.approx(ellipse.get_bbox(), abs=0.01)
    assert len(ellipse.as_polygon(num_points=8)) == 16


def test_points() -> None:
    points = Points([1, 2, 3, 8, 0, 0], [1, 2, 0], label=3)
    assert points.visibility == [Visibility.hidden, Visibility.visible, Visibility.absent]
    assert all(isinstance(v, Visibility) for v in points.visibility)
    assert points.get_bbox() == [1, 2, 2, 6], "absent points have no place"
    assert points.get_area() == 0
    assert Points([1, 2]).visibility == [Visibility.visible]
    assert Points([1, 2], [0]).get_bbox() == [0, 0, 0, 0]
    assert Points([1, 2], [1]) != Points([1, 2], [2])


def test_flat_cuboid_keeps_its_numbers() -> None:
    corners = [(i / 3, i * 1.23456789) for i in range(8)]
    cuboid = Cuboid2D(corners)
    assert cuboid.points == corners
    assert cuboid.get_bbox() == [0, 0, corners[7][0], corners[7][1]]


def test_cuboid_in_space() -> None:
    cuboid = Cuboid3d([1.005, 2, 3], scale=[4, 5, 6.789])
    assert cuboid.position == [round(1.005, 2), 2, 3]
    assert cuboid.rotation == [0, 0, 0] and cuboid.scale == [4, 5, 6.79]
    cuboid.rotation = [0.1, 0.2, 0.3]
    assert cuboid.rotation == [0.1, 0.2, 0.3]  # doubles: no float32 noise
    with pytest.raises(ValueError):
        cuboid.position = [1, 2]
    assert Cuboid3d(np.array([1, 2, 3]), np.zeros(3), np.array([0, 0, 0])).scale == [0, 0, 0]


def test_skeleton() -> None:
    skeleton = Skeleton([Points([1, 2], [2], label=4), Points([9, 9], [0], label=5)], label=1)
    assert skeleton.get_bbox() == [1, 2, 0, 0]
    assert [e.label for e in skeleton.elements] == [4, 5]
    other = copy.deepcopy(skeleton)
    other.elements[0].points[0] = 5
    assert other != skeleton
    skeleton.elements = skeleton.elements[:1]
    assert len(skeleton.elements) == 1 and skeleton.label == 1
