"""Run lengths: as pycocotools writes and reads them, and safe where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from datumaro.model import run_lengths

shapes = array_shapes(min_dims=2, max_dims=2, max_side=20)
images = arrays(np.uint8, shapes, elements=st.integers(0, 1))


@given(images)
def test_masks_come_back(image: Any) -> None:
    rle = run_lengths.encode(image)
    assert np.array_equal(run_lengths.decode(rle), image)
    assert run_lengths.area(rle) == coco_mask.area(rle) == image.sum()
    assert run_lengths.bounds(rle) == coco_mask.toBbox(rle).astype(int).tolist()
    assert run_lengths.lengths(rle).sum() == image.size


@given(st.integers(1, 3000), st.integers(1, 3000), st.randoms(use_true_random=False))
def test_long_runs_and_steps_down(height: int, width: int, random: Any) -> None:
    cuts = sorted(random.sample(range(height * width), min(30, height * width)))
    counts = np.diff([0, *cuts, height * width]).tolist()
    rle = run_lengths.compressed({"counts": counts, "size": [height, width]})
    assert run_lengths.lengths(rle).tolist() == counts
    assert run_lengths.area(rle) == coco_mask.area(rle) == sum(counts[1::2])


@given(st.binary(max_size=12), st.integers(0, 40), st.integers(0, 40))
def test_damage_is_an_error(counts: bytes, height: int, width: int) -> None:
    rle = {"counts": counts, "size": [height, width]}
    try:
        image = run_lengths.decode(rle)
    except ValueError:
        for read in (run_lengths.area, run_lengths.bounds):
            with pytest.raises(ValueError):
                read(rle)
    else:
        assert image.shape == (height, width)
        assert run_lengths.area(rle) == image.sum()


@pytest.mark.parametrize(
    "rle",
    [
        {"counts": b"P", "size": [4, 4]},  # a group that promises another
        {"counts": b"PPPPPPPPPPPPPP0", "size": [4, 4]},  # a number of 15 groups
        {"counts": b"\xff", "size": [4, 4]},
        {"counts": b"\0", "size": [4, 4]},
        {"counts": b"O", "size": [4, 4]},  # -1
        {"counts": b"4", "size": [-2, -2]},
        {"counts": b"", "size": [2, 2]},
        {"counts": b"oooooo?" * 1000, "size": [4, 4]},
    ],
)
def test_damaged_texts(rle: Any) -> None:
    for read in (run_lengths.decode, run_lengths.area, run_lengths.bounds):
        with pytest.raises(ValueError):
            read(rle)


def test_masks_of_no_pixels() -> None:
    for size in ([0, 0], [0, 5], [5, 0]):
        rle = {"counts": b"", "size": size}
        assert run_lengths.decode(rle).shape == tuple(size)
        assert run_lengths.area(rle) == 0 and run_lengths.bounds(rle) == [0, 0, 0, 0]
        assert run_lengths.decode(run_lengths.encode(np.zeros(size))).shape == tuple(size)


def test_a_mask_that_would_fill_the_memory_is_refused() -> None:
    side = 1 << 16
    rle = run_lengths.compressed({"counts": [side * side - 1, 1], "size": [side, side]})
    assert run_lengths.area(rle) == 1 and run_lengths.bounds(rle) == [side - 1, side - 1, 1, 1]
    with pytest.raises(ValueError, match="too large"):
        run_lengths.decode(rle)
