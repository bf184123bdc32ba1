"""Run lengths of several masks: encoded together, and painted."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pycocotools import mask as coco_mask

from datumaro.kernels.rle import (
    bounds_of_numbers,
    decode,
    encode_groups,
    lengths,
    measure,
    paint,
    paint_all,
)

NOTHING = np.zeros(0, np.int64)


def groups(*masks: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(begins, ends, first) of masks that are each a list of runs."""
    runs = np.array([run for mask in masks for run in mask], np.int64).reshape(-1, 2)
    first = np.cumsum([0, *map(len, masks)])
    return runs[:, 0].copy(), runs[:, 1].copy(), first


def encoded(n_pixels: int, *masks: list[tuple[int, int]]) -> list[bytes]:
    offsets, text = encode_groups(*groups(*masks), n_pixels)
    return [text[a:b] for a, b in pairwise(offsets.tolist())]


def of_coco(pixels: list[int]) -> bytes:
    return coco_mask.encode(np.array([pixels], np.uint8).T.copy(order="F"))["counts"]


def test_masks_are_encoded_as_coco_does():
    found = encoded(6, [(0, 2), (4, 6)], [(1, 3)], [], [(0, 6)], [(1, 2), (2, 4)])
    wanted = [[1, 1, 0, 0, 1, 1], [0, 1, 1, 0, 0, 0], [0] * 6, [1] * 6, [0, 1, 1, 1, 0, 0]]
    assert found == [of_coco(pixels) for pixels in wanted]


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.integers(-5, 5))
def test_what_was_encoded_is_painted(pixels: list[bool], value: int):
    changes = np.flatnonzero(np.diff(np.concatenate([[0], np.array(pixels, int), [0]])))
    (rle,) = encoded(len(pixels), list(zip(changes[::2], changes[1::2], strict=True)))
    assert rle == of_coco(pixels)
    canvas = np.full(len(pixels), 9, np.int32)
    assert paint(canvas, rle, value) == sum(pixels)
    assert canvas.tolist() == [value if inside else 9 for inside in pixels]


@pytest.mark.parametrize(
    "runs, n_pixels",
    [([(0, 7)], 6), ([(3, 4), (2, 5)], 6), ([(2, 1)], 6), ([(-1, 1)], 6), ([(0, 1)], 1 << 32)],
)
def test_runs_that_contradict_each_other(runs: list[tuple[int, int]], n_pixels: int):
    with pytest.raises(ValueError, match="fit"):
        encoded(n_pixels, runs)


@pytest.mark.parametrize("first", [[1, 1], [0, 2], [0, 5, 1], [0, 0]])
def test_masks_that_do_not_cover_the_runs(first: list[int]):
    begins, ends, _ = groups([(0, 1)])
    with pytest.raises(ValueError, match="fit"):
        encode_groups(begins, ends, np.array(first), 6)
    with pytest.raises(ValueError, match="fit"):
        encode_groups(begins, NOTHING, np.array([0, 1]), 6)


@pytest.mark.parametrize("rle", [b"", b"\xff", b"7", b"\x30", b"P", of_coco([0, 1, 1, 0, 0, 1, 0])])
def test_a_mask_that_does_not_fit_paints_nothing(rle: bytes):
    canvas = np.zeros(6, np.int32)
    assert paint(canvas, rle, 1) == -1
    assert not canvas.any()


@given(st.integers(0, 40), st.integers(0, 70), st.integers(0, 5), st.integers(0, 1 << 32))
def test_masks_lie_over_each_other(height: int, width: int, n: int, seed: int):
    random = np.random.default_rng(seed)
    masks = random.random((n, height, width)) < random.random((n, 1, 1))
    rles = [
        coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"] if mask.size else b"0"
        for mask in masks
    ]
    wanted = np.zeros((height, width), np.int32)
    for number, mask in enumerate(masks, 1):
        wanted[mask] = number
    order, areas, seen = paint_all(rles, height, width)
    assert np.array_equal(order, wanted)
    assert areas.tolist() == masks.sum((1, 2)).tolist()
    assert seen.tolist() == np.bincount(wanted.ravel(), minlength=n + 1).tolist()


@pytest.mark.parametrize("n, kind", [(255, "u1"), (256, "u2"), (65_535, "u2"), (65_536, "i4")])
def test_as_many_masks_as_their_numbers_hold(n: int, kind: str):
    order, areas, seen = paint_all([of_coco([1, 0])] * (n - 1) + [of_coco([0, 1])], 2, 1)
    assert order.dtype == kind
    assert order.tolist() == [[n - 1], [n]]
    assert areas.tolist() == [1] * n
    assert (seen > 0).nonzero()[0].tolist() == [n - 1, n]


def test_masks_that_do_not_fit_are_left_out():
    whole, other = of_coco([1] * 6), of_coco([1] * 7)
    order, areas, seen = paint_all([whole, other, b"\xff", b""], 2, 3)
    assert order.tolist() == [[1] * 3] * 2
    assert areas.tolist() == [6, -1, -1, -1]
    assert seen.tolist() == [0, 6, 0, 0, 0]
    with pytest.raises(ValueError, match="size"):
        paint_all([whole], -2, -3)
    with pytest.raises(TypeError):
        paint_all([whole, "6"], 2, 3)
    with pytest.raises(TypeError):
        paint_all([None], 2, 3)


# --- one mask -------------------------------------------------------------------------------------


@given(st.integers(0, 9), st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_mask_is_decoded_and_measured(height: int, width: int, random: Any):
    pixels = np.array([random.random() < 0.3 for _ in range(height * width)], np.uint8)
    (rle,) = encoded(len(pixels), [(i, i + 1) for i in np.flatnonzero(pixels).tolist()])
    decoded, runs = decode(rle, len(pixels)), lengths(rle, len(pixels))
    assert decoded is not None and runs is not None
    assert decoded.tolist() == pixels.tolist()
    assert np.repeat(np.arange(len(runs)) % 2, runs).tolist() == pixels.tolist()
    ys, xs = np.nonzero(pixels.reshape(width, height).T)
    box = (
        [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1] if len(xs) else []
    )
    assert measure(rle, height, width) == (len(xs), box or [0, 0, 0, 0])


@given(st.binary(max_size=12), st.integers(-2, 40))
def test_any_text(rle: bytes, n_pixels: int):
    runs, pixels = lengths(rle, n_pixels), decode(rle, n_pixels)
    assert (runs is None) == (pixels is None) == (measure(rle, n_pixels, 1) is None)
    assert runs is None or (runs.sum() == n_pixels and len(runs) <= len(rle))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_bounds_of_numbers(kind: type):
    image = np.array([[0, 1, 1, 0], [2, 1, 0, 2], [0, 0, 0, 0]], kind)
    assert bounds_of_numbers(image, 3).tolist() == [
        [0, 0, 4, 3], [1, 0, 2, 2], [0, 1, 4, 1], [0, 0, 0, 0],
    ]  # fmt: skip
    assert bounds_of_numbers(np.zeros((0, 4), kind), 1).tolist() == [[0] * 4] * 2
    with pytest.raises(ValueError, match="beyond"):
        bounds_of_numbers(image, 1)
