"""Areas on columns, against the plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from datumaro.dataset import Dataset
from datumaro.model.annotation import Annotation
from datumaro.model.item import DatasetItem
from datumaro.model.masks import Mask, RleMask
from datumaro.model.shapes import Bbox, Ellipse, Points, Polygon
from datumaro.operations.areas import areas, rle_areas


def areas_of(*annotations: Annotation) -> list[float]:
    content = Dataset.from_iterable([DatasetItem("a", annotations=list(annotations))]).content()
    return np.concatenate([areas(chunk.annotations) for chunk in content.chunks]).tolist()


def rle_area(counts: bytes) -> float:
    data = np.frombuffer(counts, np.uint8)
    return rle_areas(data, np.array([0]), np.array([len(data)])).tolist()[0]


def test_boxes_are_width_times_height():
    assert areas_of(Bbox(10, 20, 3.5, 4.5), Bbox(0, 0, 0, 4)) == [15.75, 0]


def test_polygons_are_measured_without_a_pixel_grid():
    assert areas_of(Polygon([0, 0, 4, 0, 4, 4.5])) == [9]
    # clockwise, and far from the origin
    assert areas_of(Polygon([90000, 90000, 90000, 90002, 90003, 90002, 90003, 90000])) == [6]


@given(st.lists(st.lists(st.floats(-1000, 1000, width=32), min_size=6, max_size=20), max_size=6))
def test_polygons_of_any_shape(shapes: list[list[float]]):
    polygons = [Polygon(points[: len(points) // 2 * 2]) for points in shapes]
    assert areas_of(*polygons) == pytest.approx([p.get_area() for p in polygons], abs=0.01)


def test_masks_are_counted_in_pixels():
    image = np.array([[0, 1], [1, 1]])
    assert areas_of(Mask(image), RleMask(coco_mask.encode(np.asfortranarray(image, np.uint8)))) == [
        3,
        3,
    ]


def test_kinds_without_an_area_have_none():
    found = areas_of(Points([1, 2, 3, 4]), Bbox(0, 0, 2, 2), Ellipse(0, 0, 4, 4))
    assert np.isnan(found[0]) and found[1] == 4 and np.isnan(found[2])


def test_each_annotation_of_a_mixture_has_its_own():
    square, triangle = Polygon([0, 0, 2, 0, 2, 2, 0, 2]), Polygon([0, 0, 2, 0, 2, 2])
    full = Mask(np.ones((3, 5)))
    assert areas_of(square, full, triangle, Bbox(0, 0, 1, 7), full, square) == [4, 15, 2, 7, 15, 4]


@given(st.lists(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=30),
                              elements=st.integers(0, 1)), max_size=5))  # fmt: skip
def test_run_lengths_of_any_masks(images: list[np.ndarray]):
    counts = [coco_mask.encode(np.asfortranarray(image))["counts"] for image in images]
    data = np.frombuffer(b"".join(counts), np.uint8)
    lengths = np.array([len(c) for c in counts], np.int64)

    found = rle_areas(data, np.cumsum(lengths) - lengths, lengths)

    assert found.tolist() == [int(image.sum()) for image in images]


def test_long_runs():
    image = np.zeros((5000, 4000), np.uint8, order="F")
    image[:, 1000:3500] = 1
    assert rle_area(coco_mask.encode(image)["counts"]) == 5000 * 2500


@pytest.mark.parametrize(
    "counts",
    [
        b"0\x7f",  # no character of a run length
        b"0 ",
        b"0P",  # the number goes on, the text does not
        b"0" + b"o" * 200 + b"0",  # a number of 1000 bits
    ],
)
def test_run_lengths_that_are_none_have_no_area(counts: bytes):
    assert np.isnan(rle_area(counts))


def test_broken_run_lengths_do_not_touch_their_neighbours():
    good = coco_mask.encode(np.ones((2, 3), np.uint8, order="F"))["counts"]
    data = np.frombuffer(b"0P" + good, np.uint8)

    found = rle_areas(data, np.array([0, 2]), np.array([2, len(good)]))

    assert np.isnan(found[0]) and found[1] == 6


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_have_an_area_or_none(texts: list[bytes]):
    data = np.frombuffer(b"".join(texts), np.uint8)
    lengths = np.array([len(t) for t in texts], np.int64)

    found = rle_areas(data, np.cumsum(lengths) - lengths, lengths)

    assert all(np.isnan(a) or a >= 0 for a in found.tolist())
    assert len(found) == len(texts)
