"""Rotated boxes and their corners."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from datumaro.formats.rotated_boxes import boxes_of, corners_of
from datumaro.model.shapes import RotatedBbox

SIDES = st.floats(0.5, 1000)
BOXES = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), SIDES, SIDES, st.floats(-179, 179))


@given(st.lists(BOXES, min_size=1, max_size=5))
def test_corners_are_those_of_each_box_and_give_it_again(boxes: list[tuple[float, ...]]):
    corners = corners_of(np.array(boxes))
    for box, found in zip(boxes, corners, strict=True):
        # whose numbers are hundredths
        assert np.allclose(found, RotatedBbox(*np.float32(box)).as_polygon(), atol=0.1)
    assert np.allclose(boxes_of(corners), boxes, atol=1e-6)


def test_corners_of_no_rectangle_give_the_mean_sides():
    trapezium = np.array([[[0.0, 0], [10, 0], [8, 4], [2, 4]]])
    assert boxes_of(trapezium).tolist() == [[5, 2, 8, 4, 0]]


def test_none():
    assert boxes_of(np.zeros((0, 4, 2))).shape == (0, 5)
    assert corners_of(np.zeros((0, 5))).shape == (0, 4, 2)
