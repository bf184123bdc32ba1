"""Sizes of masks that are those of their items' images."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import mask_sizes

_items = st.lists(st.tuples(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 2), max_size=5)))


def arrays(items):
    """(offsets, ends of run lengths, sizes) of items given as (size, bytes of run lengths)."""
    offsets = np.cumsum([0, *(len(rle) for _, rle in items)], dtype=np.int64)
    ends = np.cumsum([3, *(n for _, rle in items for n in rle)], dtype=np.int64)
    return offsets, ends, np.array([size for size, _ in items], np.int32)


@given(_items)
def test_masks_have_the_sizes_of_their_items(items):
    expected = [size if n else 0 for size, rle in items for n in rle]
    found = mask_sizes.of_items(*arrays(items))
    assert found.tolist() == expected
    assert mask_sizes.are_of_items(found, *arrays(items))


@given(_items, st.integers(0), st.integers(1, 2**31 - 1))
def test_any_other_size_is_seen(items, place, difference):
    told = mask_sizes.of_items(*arrays(items))
    if len(told):
        told[place % len(told)] ^= difference
        assert not mask_sizes.are_of_items(told, *arrays(items))


@pytest.mark.parametrize("which", range(4))
def test_what_does_not_fit_is_refused(which):
    given = [np.zeros(3, np.int32), *arrays([(7, [1]), (9, [0, 2])])]
    given[which] = np.append(given[which], given[which][-1:])
    with pytest.raises(ValueError, match="different lengths"):
        mask_sizes.are_of_items(*given)


@pytest.mark.parametrize("offsets", [[0, 4, 3], [0, -1, 3], [1, 2, 3], [0, 2, 4], [0, 3], []])
def test_offsets_that_lie(offsets):
    _, ends, sizes = arrays([(7, [1]), (9, [0, 2])])
    with pytest.raises(ValueError, match=r"rise|outside|different lengths"):
        mask_sizes.of_items(np.array(offsets, np.int64), ends, sizes)
