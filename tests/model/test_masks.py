"""Masks: arrays and run lengths of the same pixels."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from datumaro.model.masks import CompiledMask, ExtractedMask, Mask, RleMask
from datumaro.model.run_lengths import compressed, encode

images = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(images)
def test_masks_of_the_same_pixels_are_equal_whatever_holds_them(image: Any) -> None:
    mask = Mask(image, label=1)
    run_lengths = RleMask(encode(image), label=1)
    extracted = ExtractedMask(np.where(image, 7, 3), 7, label=1)
    for one in (mask, run_lengths, extracted):
        assert one.get_area() == np.count_nonzero(image)
        assert one.get_bbox() == mask.get_bbox()
        assert (one.image == image).all()
        for other in (mask, run_lengths, extracted):
            assert one == other
    assert mask != mask.wrap(label=2) and run_lengths != run_lengths.wrap(label=2)
    assert run_lengths != run_lengths.wrap(z_order=2)
    flipped = image.copy()
    flipped[0, 0] = ~flipped[0, 0]
    assert mask != Mask(flipped, label=1) and Mask(flipped, label=1) != run_lengths


@given(images)
def test_uncompressed_run_lengths(image: Any) -> None:
    column_major = image.T.ravel()
    edges = np.flatnonzero(np.diff(column_major.astype(int))) + 1
    counts = np.diff([0, *edges, len(column_major)]).tolist()
    if column_major[0]:
        counts.insert(0, 0)
    assert RleMask({"counts": counts, "size": list(image.shape)}) == Mask(image)


def test_counts_as_text_and_bytes_are_the_same() -> None:
    rle = encode(np.eye(4))
    text = {"counts": rle["counts"].decode(), "size": [4, 4]}
    assert compressed(text) == compressed(rle) == rle


@pytest.mark.parametrize("counts", [[1, 2], [1, 2, 3, 4], [-1, 5], []])
def test_counts_that_do_not_add_up_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="2 x 2"):
        RleMask({"counts": counts, "size": [2, 2]})


def test_bounds_count_the_last_pixel() -> None:
    image = np.zeros((5, 6))
    assert Mask(image).get_bbox() == [0, 0, 0, 0]
    image[2, 3] = 1
    assert Mask(image).get_bbox() == [3, 2, 1, 1] == RleMask(encode(image)).get_bbox()
    image[4, 5] = 1
    assert Mask(image).get_bbox() == [3, 2, 3, 3]


def test_pixels_are_cast_to_bool_but_a_functions_are_not() -> None:
    assert Mask(np.array([[0, 3]])).image.tolist() == [[False, True]]
    calls: list[int] = []

    def make() -> Any:
        calls.append(1)
        return np.array([[0, 3]])

    lazy = Mask(make)
    assert not calls
    assert lazy.image.tolist() == [[0, 3]]
    assert lazy.get_area() == 1 and lazy == Mask(np.array([[0, 1]]))
    assert RleMask(lambda: {"counts": [1, 1], "size": [1, 2]}) == lazy


def test_pixels_can_be_changed() -> None:
    for mask in (
        Mask(np.zeros((2, 2))),
        RleMask(encode(np.zeros((2, 2)))),
        ExtractedMask(np.zeros((2, 2)), 1),
    ):
        mask.image = np.eye(2)
        assert mask == Mask(np.eye(2)) and mask.get_area() == 2
        assert mask.wrap() == mask


def test_painted_masks() -> None:
    mask = Mask(np.eye(2), label=2)
    assert mask.as_class_mask().tolist() == [[2, 0], [0, 2]]
    assert mask.as_class_mask(9, ignore_index=1).tolist() == [[9, 1], [1, 9]]
    assert mask.as_instance_mask(300).dtype == np.uint16
    assert mask.as_instance_mask(5, dtype=np.int64).dtype == np.int64
    assert mask.paint({2: (1, 2, 3)})[0].tolist() == [[1, 2, 3], [0, 0, 0]]


def test_copies() -> None:
    extracted = ExtractedMask(np.array([[1, 2]]), 2, label=1, id=3)
    for twin in (pickle.loads(pickle.dumps(extracted)), copy.deepcopy(extracted)):
        assert twin == extracted
        twin.index = 1
        assert twin != extracted


def test_attributes_of_masks_may_be_arrays() -> None:
    one, other = (Mask(np.eye(2), attributes={"a": np.arange(n)}) for n in (3, 4))
    assert one != other and one == one.wrap()


def test_compiled_mask() -> None:
    upper = Mask(np.array([[1, 1, 0, 0]]), label=2, z_order=1)
    lower = Mask(np.array([[0, 1, 1, 0]]), label=3)
    compiled = CompiledMask.from_instance_masks([upper, lower])
    assert compiled.class_mask is not None and compiled.instance_mask is not None
    assert compiled.class_mask.tolist() == [[2, 2, 3, 0]]
    assert compiled.instance_mask.tolist() == [[1, 1, 2, 0]]
    assert compiled.instance_count == 2
    assert compiled.get_instance_labels() == {1: 2, 2: 3}
    assert compiled.extract(2).tolist() == [[False, False, True, False]]
    assert compiled.lazy_extract(1)().tolist() == [[True, True, False, False]]


def test_compiled_mask_of_given_numbers_and_labels() -> None:
    compiled = CompiledMask.from_instance_masks(
        [Mask(np.array([[1, 0]])), Mask(np.array([[0, 1]]))], [300, 7], [1, 0]
    )
    assert compiled.get_instance_labels() == {300: 1, 7: 0}


def test_compiled_mask_of_nothing() -> None:
    with pytest.raises(ValueError):
        CompiledMask.from_instance_masks([])
    with pytest.raises(ValueError):
        CompiledMask().extract(1)
    assert CompiledMask().instance_count == 0


def test_lazy_compiled_mask() -> None:
    compiled = CompiledMask(lambda: np.array([[4, 0]]), lambda: np.array([[2, 0]]))
    assert compiled.get_instance_labels() == {2: 4}


@given(st.integers(0, 5))
def test_an_index_mask_may_be_made_when_needed(index: int) -> None:
    mask = ExtractedMask(lambda: np.arange(6).reshape(2, 3), index)
    assert mask.get_area() == 1
