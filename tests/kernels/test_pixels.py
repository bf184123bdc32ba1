"""Runs of equal pixels, their masks, and values for indices: as plain NumPy finds them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from datumaro.kernels.pixels import find_runs, look_up
from datumaro.kernels.rle import encode_values

KINDS = st.sampled_from([np.uint8, np.uint16, np.int32, np.int64])
SHAPES = st.one_of(
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12),
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=30, max_side=70),
)


@st.composite
def images(draw: st.DrawFn) -> np.ndarray:
    """Images with stretches of equal pixels, and some of noise."""
    height, width = draw(SHAPES)
    kind = draw(KINDS)
    top = np.iinfo(kind).max
    some = st.one_of(st.integers(0, 3), st.integers(int(np.iinfo(kind).min), int(top)))
    values = np.array(draw(st.lists(some, min_size=1, max_size=5)), kind)
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    each = draw(st.sampled_from([1, 3, 9, 40]))
    n = height * width
    flat = np.repeat(random.choice(values, n // each + 1), each)[:n]
    return np.ascontiguousarray(flat.reshape(width, height).T)


@given(images())
def test_runs_are_those_that_numpy_finds(image: np.ndarray):
    flat = image.ravel("F").astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]])[: len(flat)])
    values, indices, found = find_runs(image)
    assert values.tolist() == np.unique(flat).tolist()
    assert found.tolist() == starts.tolist()
    assert values[indices].tolist() == flat[starts].tolist()


def test_many_values():
    image = np.random.default_rng(1).permutation(60_000).astype(np.int32).reshape(200, 300)
    values, indices, starts = find_runs(image)
    assert values.tolist() == list(range(60_000))
    assert starts.tolist() == list(range(60_000))
    assert indices.tolist() == image.ravel("F").tolist()


@given(images(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_masks_of_values_are_those_of_coco(image: np.ndarray, random, n_masks: int):
    values, indices, starts = find_runs(image)
    mask_of = np.array([random.randrange(-1, n_masks) for _ in values], np.int64)
    offsets, text = encode_values(indices, starts, mask_of, n_masks, image.size)
    for mask in range(n_masks):
        pixels = np.isin(image, values[mask_of == mask])
        wanted = coco_mask.encode(np.asfortranarray(pixels, np.uint8))["counts"]
        if image.size:
            assert text[offsets[mask] : offsets[mask + 1]] == wanted


@pytest.mark.parametrize(
    "values, starts, mask_of, n_masks, n_pixels",
    [
        ([0, 1], [0], [0, 0], 1, 4),  # a value without a run
        ([0, 2], [0, 1], [0, 0], 1, 4),  # a value that is none
        ([0, -1], [0, 1], [0, 0], 1, 4),
        ([0, 1], [0, 1], [0, 1], 1, 4),  # a mask that is none
        ([0, 1], [2, 1], [0, 0], 1, 4),  # runs that fall
        ([0, 1], [-1, 1], [0, 0], 1, 4),
        ([0, 1], [0, 5], [0, 0], 1, 4),  # beyond the image
        ([0], [0], [0], -1, 4),
        ([0], [0], [0], 1, 1 << 32),
        ([0], [0], [0], 1, -1),
    ],
)
def test_runs_that_contradict_each_other(
    values: list[int], starts: list[int], mask_of: list[int], n_masks: int, n_pixels: int
):
    columns = (np.array(column, np.int64) for column in (values, starts, mask_of))
    with pytest.raises(ValueError, match="fit"):
        encode_values(*columns, n_masks, n_pixels)


SMALL = st.sampled_from([np.uint8, np.uint16, np.int32])


@given(images(), SMALL, SMALL)
def test_values_for_indices(image: np.ndarray, of_indices: type, kind: type):
    indices = (image.astype(np.int64) % 7).astype(of_indices)
    values = np.array([3, 200, 0, 7, 1, 255, 2], kind)
    out = np.empty(image.shape, kind)
    look_up(indices, values, out)
    assert np.array_equal(out, values[indices])


@pytest.mark.parametrize("index", [-1, 2, 2**31 - 1, -(2**31)])
def test_an_index_without_a_value(index: int):
    out = np.zeros((1, 2), np.uint8)
    with pytest.raises(ValueError, match="without a value"):
        look_up(np.array([[0, index]], np.int32), np.array([1, 2], np.uint8), out)
    with pytest.raises(ValueError, match="differ in size"):
        look_up(np.zeros((2, 1), np.int32), np.array([1, 2], np.uint8), out)
