"""Which types occur, and how often each label with each of them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import label_counts

NONE = -(2**31)


@given(st.lists(st.tuples(st.integers(0, 255), st.one_of(st.just(NONE), st.integers(0, 9)))))
def test_counts(pairs):
    types = np.array([kind for kind, _ in pairs], np.uint8)
    labels = np.array([label for _, label in pairs], np.int32)
    there, table = label_counts.count(types, labels, NONE, 4)
    assert there.tolist() == sorted({kind for kind, _ in pairs})
    found = {
        (there[row], place - 1 if place else NONE): table[row, place]
        for row, place in np.argwhere(table).tolist()
    }
    assert found == Counter(pairs)


@given(st.lists(st.one_of(st.just(NONE), st.integers(NONE, 2**31 - 1))))
def test_bounds(labels):
    stated = [label for label in labels if label != NONE]
    expected = min([0, *stated]), max([-1, *stated])
    assert label_counts.bounds(np.array(labels, np.int32), NONE) == expected


@given(st.lists(st.integers(0, 255)))
def test_what_types_occur(types):
    assert label_counts.occurring(np.array(types, np.uint8)).tolist() == sorted({*types})


@pytest.mark.parametrize(("bits", "most"), [(0, 0), (3, 7), (12, 4095)])
def test_labels_of_all_bits_are_counted(bits, most):
    labels = np.array([most, NONE, 0], np.int32)
    if bits == 0:
        labels[0] = NONE
    there, table = label_counts.count(np.full(3, 255, np.uint8), labels, NONE, bits)
    assert there.tolist() == [255]
    assert table[0, [0, 1, -1]].tolist() == ([2, 1, 1] if bits == 0 else [1, 1, 1])


@pytest.mark.parametrize("label", [8, -1, -4, NONE + 1, 2**31 - 1])
def test_labels_of_more_bits_are_not_counted(label):
    labels = np.array([3, NONE, label], np.int32)
    assert label_counts.count(np.zeros(3, np.uint8), labels, NONE, 3) is None
    assert label_counts.count(np.zeros(2, np.uint8), labels[:2], NONE, 3)[1].sum() == 2


def test_what_does_not_fit_is_refused():
    for types, bits in ((3, 0), (2, -1), (2, 31)):
        with pytest.raises(ValueError, match="different lengths"):
            label_counts.count(np.zeros(types, np.uint8), np.zeros(2, np.int32), NONE, bits)
