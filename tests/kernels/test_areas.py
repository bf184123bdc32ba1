"""Areas as differences to those of polygons."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import areas
from datumaro.model.annotation import AnnotationType as Kind

_rows = st.tuples(
    st.sampled_from([Kind.polygon, Kind.bbox]),
    st.integers(0, 2),
    st.integers(0, 2**62),
    st.one_of(st.floats(), st.sampled_from([float("nan"), 0.0, -0.0, 4.5])),
)


def columns(items):
    """(offsets, types, ids, doubled, areas) of items given as rows of the last four."""
    rows = [row for item in items for row in item]
    kinds = [np.uint8, np.int64, np.int64, np.float64]
    values = list(zip(*rows, strict=True)) or [[]] * 4
    offsets = np.cumsum([0, *map(len, items)], dtype=np.int64)
    return offsets, *(np.array(v, kind) for v, kind in zip(values, kinds, strict=True))


@given(st.lists(st.lists(_rows, max_size=6), max_size=4), st.integers(0, 9))
def test_every_bit_comes_back_but_a_nan_s(items, first):
    offsets, types, ids, doubled, stated = columns(items)
    coded, untold = areas.encode(offsets, types, ids, doubled, stated)
    told = np.concatenate([np.zeros(first, np.uint8), untold == 0])
    coded[untold != 0] = 99  # what stands there counts for nothing
    valid = np.packbits(told, bitorder="little")
    back = areas.decode(offsets, types, ids, doubled, coded, valid, first)
    assert np.array_equal(back, stated, equal_nan=True)
    assert np.signbit(back[back == 0]).tolist() == np.signbit(stated[stated == 0]).tolist()


def coded(*rows):
    """The codes of one item's annotations, None for those that need not be told."""
    found, untold = areas.encode(*columns([rows]))
    return [None if nothing else int(code) for code, nothing in zip(found, untold, strict=True)]


def test_the_area_of_all_polygons_of_an_object_is_nothing_to_tell():
    square, triangle = (Kind.polygon, 5, 80_000), (Kind.polygon, 5, 10_000)
    assert coded((*square, 4.5), (*triangle, 4.5), (Kind.polygon, 6, 10_000, 0.5)) == [0, None, 0]


def test_a_box_ends_the_object():
    assert coded(
        (Kind.polygon, 5, 80_000, 4.0), (Kind.bbox, 5, 0, 4.0), (Kind.polygon, 5, 10_000, 0.5)
    ) == [0, None, 0]


def test_last_digits_are_small_numbers():
    assert coded((Kind.polygon, 5, 80_000, np.nextafter(4.0, 5))) == [2]
    assert coded((Kind.polygon, 5, 80_000, np.nextafter(4.0, 3))) == [1]


def test_none_is_not_told():
    nan = float("nan")
    assert coded((Kind.polygon, 5, 80_000, nan), (Kind.bbox, 5, 0, nan)) == [None, None]


def test_what_does_not_fit_is_refused():
    offsets, types, ids, doubled, stated = columns([[(Kind.bbox, 0, 0, 1.0)] * 3])
    valid = np.zeros(0, np.uint8)
    with pytest.raises(ValueError, match="validity bits"):
        areas.decode(offsets, types, ids, doubled, ids, valid, 0)
    with pytest.raises(ValueError, match="lengths"):
        areas.decode(offsets, types, ids[:2], doubled, ids, None, 0)
    with pytest.raises(ValueError, match="lengths"):
        areas.encode(offsets, types, ids, doubled, stated[:1])
    with pytest.raises(ValueError, match="rise"):
        areas.encode(np.array([0, 5, 3]), types, ids, doubled, stated)
