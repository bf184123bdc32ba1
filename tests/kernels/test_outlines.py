"""Masks of polygons and outlines of masks: beside pycocotools, and back again."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pycocotools import mask as coco_mask

from datumaro.kernels.outlines import (
    DAMAGED,
    TOO_LARGE,
    mask_bounds,
    mask_outlines,
    polygon_masks,
    resized_masks,
)
from datumaro.model import run_lengths

coordinates = st.one_of(
    st.integers(-12, 60).map(float),
    st.integers(-60, 300).map(lambda n: n / 5),
    st.floats(-10, 60, width=32),
    st.sampled_from([-2000.0, 3000.0, 0.1, 0.3, 0.5, 19.5, 20.0]),
)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def int32(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def drawn(points: list[float], height: int, width: int) -> bytes:
    """A polygon's run lengths."""
    values = np.array(points, np.float64)
    spans = np.array([0], np.int64), np.array([len(values)], np.int64)
    offsets, text, states = polygon_masks(values, *spans, int32(height), int32(width))
    assert offsets.tolist() == [0, len(text)] and states.tolist() == [0]
    return text


def by_coco(points: list[float], height: int, width: int) -> bytes:
    found: Any = coco_mask.frPyObjects([points], height, width)
    return found[0]["counts"]


@settings(max_examples=500)
@given(polygons, sizes)
def test_polygons_are_drawn_as_pycocotools_draws_them(corners, size):
    points = [float(number) for corner in corners for number in corner]
    assert drawn(points, *size) == by_coco(points, *size)


@pytest.mark.parametrize(
    "points",
    [
        [0, 0, 6, 0, 6, 5, 0, 5],
        [1.25, 1.5, 3, 1.5, 3, 3.75],
        [2, 2, 2, 2, 2, 2],  # no area
        [0, 0, 100, 100, 0, 100],  # beyond the image
        [-50, -50, -40, -50, -40, -40],  # outside
        [0, 0, 5, 5, 5, 0, 0, 5],  # crosses itself
        [0.1, 0.1, 0.2, 0.1, 0.2, 0.2],  # within a pixel
    ],
)
def test_some_polygons(points: list[float]):
    assert drawn(points, 6, 8) == by_coco([float(p) for p in points], 6, 8)


def test_many_polygons_at_once():
    values = np.array([0, 0, 4, 0, 4, 4, 9, 9, 9, 0, 0, 3, 0, 3, 5], np.float64)
    starts, ends = np.array([0, 6, 8], np.int64), np.array([6, 6, 14], np.int64)
    offsets, text, _ = polygon_masks(values, starts, ends, int32(4, 5, 6), int32(7, 3, 6))
    parts = [text[a:b] for a, b in itertools.pairwise(offsets)]
    assert parts[0] == drawn([0, 0, 4, 0, 4, 4], 4, 7)
    assert parts[1] == run_lengths.encode(np.zeros((5, 3), bool))["counts"]
    assert parts[2] == drawn([9, 0, 0, 3, 0, 3], 6, 6)


def test_coordinates_that_pycocotools_crashes_on():
    """They are somewhere outside."""
    assert drawn([-1e9, 0, 1e12, 0, 1e30, 9, -1e9, 9], 5, 5) == drawn(
        [-9, 0, 9, 0, 9, 9, -9, 9], 5, 5
    )
    assert drawn([float("nan"), 0, 4, 0, 4, 4], 4, 4) is not None
    assert drawn([float("inf"), 0, -float("inf"), 0, 4, 4], 4, 4) is not None


def test_a_polygon_that_would_fill_the_memory():
    zigzag = np.array([[0, 0], [2**21, 1]] * 200, np.float64).ravel()
    spans = np.array([0], np.int64), np.array([len(zigzag)], np.int64)
    _, text, states = polygon_masks(zigzag, *spans, int32(1), int32(2**21))
    assert states.tolist() == [TOO_LARGE] and text == b""


def test_spans_that_lie():
    values, zero = np.zeros(6), np.array([0], np.int64)
    for starts, ends in ((zero, zero + 7), (zero - 1, zero), (zero + 3, zero), (zero, zero[:0])):
        with pytest.raises(ValueError, match="do not fit"):
            polygon_masks(values, starts, ends, int32(1), int32(1))
        for function in (mask_bounds, mask_outlines):
            with pytest.raises(ValueError, match="do not fit"):
                function(np.zeros(6, np.uint8), starts, ends, int32(1), int32(1))


# --- masks ----------------------------------------------------------------------------------------


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(sizes)
    cells = draw(st.binary(min_size=height * width, max_size=height * width))
    bits = np.frombuffer(cells, np.uint8).reshape(height, width)
    return bits < draw(st.sampled_from([1, 60, 128, 200, 256]))


def packed(*images: np.ndarray) -> tuple[np.ndarray, ...]:
    """Masks as the kernels take them."""
    texts = [run_lengths.encode(image)["counts"] for image in images]
    lengths = np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    data = np.frombuffer(b"".join(texts), np.uint8)
    return (
        data,
        starts,
        ends,
        int32(*(i.shape[0] for i in images)),
        int32(*(i.shape[1] for i in images)),
    )


def outlines(*images: np.ndarray) -> tuple[list[list[list[float]]], list[int]]:
    """The polygons of each mask, and its number of holes."""
    points, offsets, first, holes = mask_outlines(*packed(*images))
    found = [points[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    return [found[a:b] for a, b in itertools.pairwise(first)], holes.tolist()


@given(st.lists(masks(), max_size=3))
def test_bounds(images):
    boxes, states = mask_bounds(*packed(*images))
    for image, box, state in zip(images, boxes.tolist(), states.tolist(), strict=True):
        rows, columns = np.nonzero(image)
        assert state == bool(len(rows))
        if state:
            assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def trace(mask: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The outlines of a mask's parts, and of its holes: slow, and easy to follow."""
    inside = np.pad(mask.astype(bool), 1)
    # edges run with the inside on their right: from corner (y, x) in one of four directions
    steps = {
        (0, 1): inside[1:, 1:] & ~inside[:-1, 1:],  # right: inside below, outside above
        (1, 0): inside[1:, :-1] & ~inside[1:, 1:],  # down: inside to the left
        (0, -1): inside[:-1, :-1] & ~inside[1:, :-1],  # left: inside above
        (-1, 0): inside[:-1, 1:] & ~inside[:-1, :-1],  # up: inside to the right
    }
    order: list[tuple[int, int]] = list(steps)
    edges: dict[tuple[int, int], list[int]] = {}
    for direction, present in enumerate(steps.values()):
        for y, x in np.argwhere(present).tolist():
            edges.setdefault((y, x), []).append(direction)
    outer: list[np.ndarray] = []
    inner: list[np.ndarray] = []
    while edges:
        start = y, x = next(iter(edges))
        direction = edges[start][0]
        corners: list[int] = []
        area, previous = 0, -1
        while True:
            ways = edges[y, x]
            ways.remove(direction)
            if not ways:
                del edges[y, x]
            if direction != previous:
                corners += (x, y)
            down, right = order[direction]
            area += x * down - y * right
            y, x, previous = y + down, x + right, direction
            ways = edges.get((y, x), [])
            # where two parts touch at a corner, turn right: stay with this one
            turned = (previous + 1) % 4
            if (y, x) == start and turned not in ways:
                break
            direction = turned if turned in ways else ways[0]
        (outer if area > 0 else inner).append(np.array(corners, np.float32))
    return outer, inner


@settings(max_examples=300)
@given(masks())
def test_outlines_without_holes_give_the_mask_back(image):
    (found,), (holes,) = outlines(image)
    height, width = image.shape
    drawn_masks = [
        run_lengths.decode({"counts": drawn(polygon, height, width), "size": [height, width]})
        for polygon in found
    ]
    back = sum(drawn_masks, np.zeros((height, width), np.uint8))
    outer, inner = trace(image)
    assert sorted(map(tuple, found)) == sorted(tuple(polygon.tolist()) for polygon in outer)
    assert holes == len(inner)
    assert (back[image] >= 1).all()
    if not holes:
        assert (back == image).all()


def test_the_outline_of_a_box():
    image = np.zeros((5, 6), bool)
    image[1:3, 2:5] = True
    assert outlines(image) == ([[[2.0, 1.0, 5.0, 1.0, 5.0, 3.0, 2.0, 3.0]]], [0])


def test_parts_that_touch_at_a_corner_are_apart():
    image = np.eye(2, dtype=bool)
    (found,), _ = outlines(image)
    assert found == [[0, 0, 1, 0, 1, 1, 0, 1], [1, 1, 2, 1, 2, 2, 1, 2]]


def test_a_hole():
    image = np.ones((3, 3), bool)
    image[1, 1] = False
    assert outlines(image) == ([[[0, 0, 3, 0, 3, 3, 0, 3]]], [1])


def test_no_pixels():
    assert outlines(np.zeros((3, 4), bool), np.zeros((0, 0), bool)) == ([[], []], [0, 0])


DAMAGE = [b"", b"~~~", b"0", b"\xff", b"99", b"01", b"PPPPPPPPPPPP"]


@pytest.mark.parametrize("text", DAMAGE)
def test_damaged_masks(text: bytes):
    data = np.frombuffer(text, np.uint8)
    spans = np.array([0], np.int64), np.array([len(text)], np.int64)
    size = int32(3), int32(3)
    assert mask_bounds(data, *spans, *size)[1].tolist() == [DAMAGED]
    points, offsets, first, holes = mask_outlines(data, *spans, *size)
    assert (len(points), len(offsets), first.tolist(), holes.tolist()) == (0, 1, [0, 0], [DAMAGED])
    _, new, states = resized_masks(data, *spans, *size, *size)
    assert (new, states.tolist()) == (b"", [DAMAGED])


def test_masks_that_would_fill_the_memory():
    side = 1 << 15
    full: Any = coco_mask.frPyObjects([[0, 0, side, 0, side, side, 0, side]], side, side)
    data = np.frombuffer(full[0]["counts"], np.uint8)
    spans = np.array([0], np.int64), np.array([len(data)], np.int64)
    size = int32(side), int32(side)
    assert mask_outlines(data, *spans, *size)[3].tolist() == [TOO_LARGE]
    assert resized_masks(data, *spans, *size, int32(1), int32(1))[2].tolist() == [TOO_LARGE]
    assert mask_bounds(data, *spans, *size)[0].tolist() == [[0, 0, side, side]]


@given(masks(), sizes)
def test_another_size(image, size):
    offsets, text, states = resized_masks(*packed(image), int32(size[0]), int32(size[1]))
    assert states.tolist() == [0] and offsets.tolist() == [0, len(text)]
    found = run_lengths.decode({"counts": text, "size": list(size)})
    rows = (2 * np.arange(size[0]) + 1) * image.shape[0] // (2 * size[0])
    columns = (2 * np.arange(size[1]) + 1) * image.shape[1] // (2 * size[1])
    assert (found == image[rows][:, columns]).all()
    assert text == run_lengths.encode(found)["counts"]


def test_enlarged_and_back():
    image = np.random.default_rng(0).random((7, 9)) < 0.5
    _, text, _ = resized_masks(*packed(image), int32(21), int32(27))
    large = run_lengths.decode({"counts": text, "size": [21, 27]})
    assert (large == np.kron(image, np.ones((3, 3)))).all()
    _, text, _ = resized_masks(*packed(large), int32(7), int32(9))
    assert (run_lengths.decode({"counts": text, "size": [7, 9]}) == image).all()
