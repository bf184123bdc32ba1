"""Rows whose parts are not those of their types."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.annotation_parts import bad_parts

PAIRS, FOUR, NONE, SEEN = 1, 2, 3, 4
COORDINATES = np.zeros(256, np.int64)
COORDINATES[[PAIRS, FOUR, NONE, SEEN]] = -1, 4, 0, -1

Row = tuple[int, int, list[int]]  # type, coordinates, visibilities

good_rows = st.one_of(
    st.tuples(st.just(PAIRS), st.integers(0, 5).map(lambda n: 2 * n), st.just(list[int]())),
    st.tuples(st.just(FOUR), st.just(4), st.just(list[int]())),
    st.tuples(st.just(NONE), st.just(0), st.just(list[int]())),
    st.lists(st.integers(0, 2), max_size=4).map(lambda seen: (SEEN, 2 * len(seen), seen)),
)
bad_rows = st.sampled_from(
    [
        (PAIRS, 3, []), (PAIRS, 2, [1]), (FOUR, 5, []), (FOUR, 0, []), (NONE, 2, []),
        (SEEN, 4, [1]), (SEEN, 2, [1, 1]), (SEEN, 2, [3]), (SEEN, 3, [1]), (200, 1, []),
    ]
)  # fmt: skip


def found(rows: list[Row], skipped: int = 0) -> int:
    """The first bad row, in columns whose first values belong to no row."""
    seen = [9] * skipped + [value for _, _, values in rows for value in values]
    return bad_parts(
        np.array([kind for kind, _, _ in rows], np.uint8),
        np.cumsum([skipped, *(n for _, n, _ in rows)]),
        np.cumsum([skipped, *(len(values) for _, _, values in rows)]),
        np.array(seen, np.uint8),
        COORDINATES,
        SEEN,
    )


@given(st.lists(good_rows), st.integers(0, 3))
def test_good_rows(rows: list[Row], skipped: int):
    assert found(rows, skipped) == -1


@given(st.lists(good_rows), bad_rows, st.lists(good_rows | bad_rows), st.integers(0, 3))
def test_the_first_bad_row(before: list[Row], bad: Row, after: list[Row], skipped: int):
    assert found([*before, bad, *after], skipped) == len(before)


@pytest.mark.parametrize(
    ("points", "ends", "seen"), [([0], [0, 1], 1), ([0, 2], [0], 1), ([0, 2], [0, 2], 1)]
)
def test_lengths_that_do_not_agree(points: list[int], ends: list[int], seen: int):
    with pytest.raises(ValueError, match="do not agree"):
        bad_parts(
            np.array([SEEN], np.uint8), np.array(points), np.array(ends),
            np.zeros(seen, np.uint8), COORDINATES, SEEN,
        )  # fmt: skip
