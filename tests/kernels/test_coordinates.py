"""Coordinates as differences in hundredths: to the bit and back, and nothing believed."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import coordinates
from datumaro.model.annotation import AnnotationType as Kind

_hundredths = st.integers(-(2**29) + 1, 2**29 - 1).map(lambda n: float(np.float32(n / 100)))
_values = st.one_of(
    st.integers(-100_000, 100_000).map(lambda n: float(np.float32(n / 100))),
    _hundredths,
    st.floats(width=32),
)
_annotations = st.tuples(
    st.sampled_from([Kind.polygon, Kind.bbox, Kind.label]),
    st.integers(0, 2),
    st.lists(_values, max_size=8),
)


def arrays(items):
    """(offsets, types, ids, point offsets, points) of items given as (type, id, points)."""
    rows = [row for item in items for row in item]
    offsets = np.cumsum([0, *map(len, items)], dtype=np.int64)
    at = np.cumsum([0, *(len(points) for _, _, points in rows)], dtype=np.int64)
    points = np.array([value for _, _, values in rows for value in values], np.float32)
    types = np.array([kind for kind, _, _ in rows], np.uint8)
    ids = np.array([number for _, number, _ in rows], np.int64)
    return offsets, types, ids, at, points


def planes_of(starts, n_planes, coded):
    return [coordinates.plane(starts, n_planes, coded, number) for number in range(4)]


def round_trip(items):
    offsets, types, ids, at, points = arrays(items)
    counts, exact, starts, n_planes, coded = coordinates.encode(offsets, types, ids, at, points)
    raw = [
        points[at[row] : at[row + 1]].tobytes() if exact[row] else b"" for row in range(len(types))
    ]
    exact_at = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    exact_bytes = np.frombuffer(b"".join(raw), np.uint8)
    planes = planes_of(starts, n_planes, coded)
    code, _, back_at, back = coordinates.decode(
        offsets, types, ids, counts, exact_at, exact_bytes, planes
    )
    assert code == 0
    assert back_at.tolist() == at.tolist()
    assert back.tobytes() == points.tobytes()
    return counts, exact, planes


@given(st.lists(st.lists(_annotations, max_size=4), max_size=4))
def test_every_bit_comes_back(items):
    round_trip(items)


@given(st.lists(st.lists(st.integers(-50_000, 50_000), min_size=3, max_size=6), min_size=1))
def test_a_box_around_its_polygons_takes_nothing(polygons):
    drawn = [[float(np.float32(v / 100)) for v in p + p] for p in polygons]
    xs = [v for p in drawn for v in p[0::2]]
    ys = [v for p in drawn for v in p[1::2]]
    item = [(Kind.polygon, 7, p) for p in drawn]
    item.append((Kind.bbox, 7, [min(xs), min(ys), max(xs), max(ys)]))
    counts, _, _ = round_trip([item])
    assert counts[-1] == coordinates.IS_BOUNDS


def test_a_box_of_another_id_or_item_is_told():
    polygon = (Kind.polygon, 7, [0.0, 0.0, 4.0, 0.0, 4.0, 4.0])
    other = (Kind.bbox, 8, [0.0, 0.0, 4.0, 4.0])
    same = (Kind.bbox, 7, [0.0, 0.0, 4.0, 4.0])
    assert round_trip([[polygon, other]])[0].tolist() == [6, 4]
    assert round_trip([[polygon], [same]])[0].tolist() == [6, 4]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, 0.001, 1e30])
def test_what_hundredths_cannot_give_back_is_kept_as_it_is(value):
    counts, exact, _ = round_trip([[(Kind.polyline, 0, [1.0, value])]])
    assert (counts.tolist(), exact.tolist()) == ([0], [1])


def test_small_differences_take_one_plane():
    _, _, planes = round_trip([[(Kind.polyline, 0, [0.1, 0.2, 0.3, 0.4])]])
    assert [len(data) for _, data in planes] == [4, 0, 0, 0]
    _, _, planes = round_trip([[(Kind.polyline, 0, [300.0, 0.2, 300.1, 0.4])]])
    assert [len(data) for _, data in planes] == [4, 4, 0, 0]


# --- hostile input ------------------------------------------------------------------------------


def decode(counts, low, kinds=None, high=(), exact=b""):
    n = len(counts)
    empty = (np.array([0, 0]), np.zeros(0, np.uint8))
    planes = [(np.array([0, len(p)]), np.array(p, np.uint8)) for p in (low, high)]
    types = np.array(kinds or [Kind.polyline] * n, np.uint8)
    exact_at = np.array([0, *[len(exact)] * n], np.int64)
    return coordinates.decode(
        np.array([0, n]), types, np.zeros(n, np.int64), np.array(counts, np.int32), exact_at,
        np.frombuffer(exact, np.uint8), [*planes, empty, empty],
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (([3], [1, 1]), "more coordinates"),
        (([1], [1, 1]), "fewer coordinates"),
        (([2**31 - 1, 2**31 - 1], [1]), "more coordinates"),
        (([-2], []), "negative"),
        (([-1], []), "without polygons"),
        (([-1], [], [Kind.bbox]), "without polygons"),
        (([2], [1, 1], None, [1]), "different lengths"),
        (([1], [1], None, [], b"\0\0\0\0"), "fewer coordinates"),
    ],
)
def test_counts_that_lie(given, found):
    code = decode(*given)
    assert found in coordinates.CODES[code][0]


def test_sums_stay_within_what_differences_can_be():
    n = 4
    plane = (np.array([0, n]), np.full(n, 0xFE, np.uint8))
    top = (np.array([0, n]), np.full(n, 0x7F, np.uint8))
    code = coordinates.decode(
        np.array([0, 1]), np.array([Kind.polyline], np.uint8), np.zeros(1, np.int64),
        np.array([n], np.int32), np.zeros(2, np.int64), np.zeros(0, np.uint8),
        [plane, plane, plane, top],
    )[0]  # fmt: skip
    assert "beyond" in coordinates.CODES[code][0]


@pytest.mark.parametrize("offsets", [[0, 5], [3, 0], [-1, 1], [0]])
def test_offsets_that_lie(offsets):
    plane = (np.array(offsets), np.zeros(2, np.uint8))
    empty = (np.array([0, 0]), np.zeros(0, np.uint8))
    with pytest.raises(ValueError, match=r"offsets|lengths"):
        coordinates.decode(
            np.array([0, 1]), np.array([4], np.uint8), np.zeros(1, np.int64),
            np.array([2], np.int32), np.zeros(2, np.int64), np.zeros(0, np.uint8),
            [plane, empty, empty, empty],
        )  # fmt: skip
