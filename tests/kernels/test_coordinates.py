"""Coordinates as bits: to the bit and back, as the specification says, and nothing believed."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from coordinate_bits import CODES, numbers_of
from datumaro.kernels import coordinate_decoding, coordinate_encoding
from datumaro.model.annotation import AnnotationType as Kind

_hundredths = st.integers(-(2**24) + 1, 2**24 - 1).map(lambda n: float(np.float32(n / 100)))
_values = st.one_of(
    st.integers(-100_000, 100_000).map(lambda n: float(np.float32(n / 100))),
    _hundredths,
    st.floats(width=32),
)
_lists = st.one_of(
    st.lists(_values, max_size=9),
    st.lists(st.sampled_from([0.0, 1.5, 300.25]), max_size=40),
    st.lists(st.sampled_from([-160_000.0, 160_000.0, 0.25]), max_size=40),
)
_annotations = st.tuples(
    st.sampled_from([Kind.polygon, Kind.bbox, Kind.label]), st.integers(0, 2), _lists
)
_items = st.lists(st.lists(_annotations, max_size=4), max_size=4)


def arrays(items):
    """(offsets, types, ids, point offsets, points) of items given as (type, id, points)."""
    rows = [row for item in items for row in item]
    offsets = np.cumsum([0, *map(len, items)], dtype=np.int64)
    at = np.cumsum([0, *(len(points) for _, _, points in rows)], dtype=np.int64)
    points = np.array([value for _, _, values in rows for value in values], np.float32)
    types = np.array([kind for kind, _, _ in rows], np.uint8)
    ids = np.array([number for _, number, _ in rows], np.int64)
    return offsets, types, ids, at, points


def encoded(items):
    """What `encode` gives."""
    return coordinate_encoding.encode(*arrays(items))


def round_trip(items):
    """(Counts, bytes, boxes), after they were seen to give everything back."""
    offsets, types, ids, at, points = arrays(items)
    boxes, counts, ends, data, doubled = encoded(items)
    code, _, back_at, back, back_doubled = coordinate_decoding.decode(
        offsets, types, ids, counts, boxes, ends, data
    )
    assert code == 0
    assert back_at.tolist() == at.tolist()
    assert back.tobytes() == points.tobytes()
    assert back_doubled.tolist() == doubled.tolist()
    return counts.tolist(), data, boxes.tolist()


@given(_items)
def test_every_bit_comes_back(items):
    round_trip(items)


@given(st.lists(st.lists(st.integers(-50_000, 50_000), min_size=3, max_size=6), min_size=1))
def test_a_box_around_its_polygons_takes_nothing(polygons):
    drawn = [[float(np.float32(v / 100)) for v in p + p] for p in polygons]
    xs = [v for p in drawn for v in p[0::2]]
    ys = [v for p in drawn for v in p[1::2]]
    item = [(Kind.polygon, 7, p) for p in drawn]
    item.append((Kind.bbox, 7, [min(xs), min(ys), max(xs), max(ys)]))
    counts, _, boxes = round_trip([item])
    assert (counts[-1], boxes[-1]) == (0, 1)


_side = st.sampled_from([0, 1, 32_765, 32_766, 32_767, 32_768, 65_535, 65_536])


@given(
    st.lists(st.tuples(_side, _side), min_size=1, max_size=40),
    st.tuples(st.integers(-8_000_000, 8_000_000), st.integers(-8_000_000, 8_000_000)),
    st.sampled_from([32_766, 32_767, 65_536]),
)
def test_polygons_as_wide_as_16_bits_hold(corners, first, widest):
    numbers = [min(side, widest) + first[j] for corner in corners for j, side in enumerate(corner)]
    points = [float(np.float32(h / 100)) for h in numbers]
    box = [min(points[0::2]), min(points[1::2]), max(points[0::2]), max(points[1::2])]
    item = [(Kind.polygon, 7, points), (Kind.bbox, 7, box)]
    counts, data, boxes = round_trip([item, item])
    assert (counts[1], boxes[1]) == (0, 1)
    if counts[0] > 0:
        assert numbers_of(data[: len(data) // 2], [(True, counts[0])]) == [numbers]


@pytest.mark.parametrize("side", [32_766, 32_767])
@pytest.mark.parametrize("n", [2, 1022, 1023, 1024, 1025])
def test_polygons_of_about_as_many_points_as_there_are_weights(n, side):
    corners = ([0, 0], [side, 0], [side, side], [0, side], [side, 0], [0, 0])
    numbers = [number for k in range(n) for number in corners[k % 6]]
    item = [(Kind.polygon, 0, [float(np.float32(h / 100)) for h in numbers])]
    assert round_trip([item])[0] == [2 * n]
    _, _, _, data, doubled = encoded([item])
    assert numbers_of(data, [(True, 2 * n)]) == [numbers]
    x, y = numbers[0::2], numbers[1::2]
    assert doubled.tolist() == [abs(sum(x[k] * (y[(k + 1) % n] - y[k - 1]) for k in range(n)))]


def test_a_box_around_several_polygons_some_of_them_float32():
    polygon = (Kind.polygon, 7, [0.0, 0.5, 4.0, 0.25, 4.0, 4.0])
    point, none = (Kind.polygon, 7, [9.0]), (Kind.polygon, 7, [])
    finer = (Kind.polygon, 7, [-0.001, 1.0, 8.0, 2.0])
    box = (Kind.bbox, 7, [0.0, 0.25, 4.0, 4.0])
    wider = (Kind.bbox, 7, [float(np.float32(-0.001)), 0.25, 8.0, 4.0])
    assert round_trip([[polygon, point, none, box]])[0] == [6, 1, 0, 0]
    assert round_trip([[polygon, finer, wider], [none, polygon, box]])[0] == [6, -4, 0, 0, 6, 0]
    assert round_trip([[finer, (Kind.label, 7, []), polygon, box]])[0] == [-4, 0, 6, 0]


def test_a_box_of_another_id_or_item_is_told():
    polygon = (Kind.polygon, 7, [0.0, 0.0, 4.0, 0.0, 4.0, 4.0])
    other = (Kind.bbox, 8, [0.0, 0.0, 4.0, 4.0])
    same = (Kind.bbox, 7, [0.0, 0.0, 4.0, 4.0])
    assert round_trip([[polygon, other]])[0] == [6, 4]
    assert round_trip([[polygon], [same]])[0] == [6, 4]
    assert round_trip([[polygon, same, same]])[0] == [6, 0, 4]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, 0.001, 1e30])
def test_what_hundredths_cannot_give_back_is_kept_as_it_is(value):
    counts, data, _ = round_trip([[(Kind.polyline, 0, [1.0, value])]])
    assert counts == [-2]
    assert data.tobytes() == np.array([1.0, value], ">f4").tobytes()


def test_numbers_that_stay_take_seven_bits():
    _, data, _ = round_trip([[(Kind.polyline, 0, [5.0, 7.0] * 100)]])
    assert len(data) < 180


def test_large_items_get_the_room_that_they_need():
    far = [-160_000.0, 160_000.0] * 3000
    round_trip(
        [[(Kind.polyline, 0, [0.0, 0.0])], [(Kind.polyline, 0, far)], [(Kind.points, 1, far)]]
    )


ESCAPE = next(int(code.ljust(8, "0"), 2).to_bytes() for code, n in CODES.items() if n == 31)

# --- as docs/storage.md says it -----------------------------------------------------------------


_wide = st.one_of(st.integers(0, 64_000), st.integers(-16_000_000, 16_000_000))


@given(st.lists(st.tuples(st.booleans(), st.lists(_wide, min_size=1, max_size=14)), max_size=4))
def test_a_reader_made_of_the_specification_reads_the_same(annotations):
    item = [
        (
            Kind.polygon if polygon else Kind.polyline,
            0,
            [float(np.float32(h / 100)) for h in numbers],
        )
        for polygon, numbers in annotations
    ]
    kept = [row for row in item if encoded([[row]])[1][0] > 0]  # far out, not all are hundredths
    data = encoded([kept])[3]
    found = numbers_of(data, [(kind == Kind.polygon, len(points)) for kind, _, points in kept])
    for h, (_, _, points) in zip(found, kept, strict=True):
        assert [float(np.float32(value / 100)) for value in h] == points


def test_items_of_all_lengths_are_read_beside_each_other():
    random = np.random.default_rng(5)
    items = []
    for n_annotations in [0, 1, 30, 0, 2, 0, 0, 7, 1, 3, 1]:
        item = []
        for _ in range(n_annotations):
            n = int(random.choice([1, 2, 5, 8, 40, 41, 600]))
            spread = random.choice([1, 300, 60_000])
            h = np.cumsum(random.integers(-spread, spread + 1, n)).clip(-16_000_000, 16_000_000)
            kind = Kind.polygon if random.random() < 0.7 else Kind.polyline
            item.append((kind, 0, [float(np.float32(v / 100)) for v in h.tolist()]))
        items.append(item)
    items.append([(Kind.polygon, 0, [1.0, 2.0, 2.5, 4.0] * 1200)])  # weights beyond their table
    round_trip(items)
    _, counts, ends, data, _ = encoded(items)
    row = 0
    for begin, end, item in zip(ends[:-1], ends[1:], items, strict=True):
        kinds = [
            (kind == Kind.polygon, int(n))
            for (kind, _, _), n in zip(item, counts[row:], strict=False)
        ]
        found = numbers_of(data[begin:end], kinds)
        row += len(item)
        for h, (_, _, points) in zip(found, item, strict=True):
            assert [float(np.float32(value / 100)) for value in h] == points


def test_float32_numbers_come_first():
    item = [(Kind.polygon, 0, [1.0, 2.0, 3.0, 4.0, 1.0]), (Kind.points, 0, [0.001, 7.0])]
    found = numbers_of(encoded([item])[3], [(True, 5), (False, -2)])
    assert found[0] == [100, 200, 300, 400, 100]
    assert found[1] == np.array([0.001, 7.0], np.float32).view(np.uint32).tolist()


def test_the_code_is_complete():
    assert sum(2.0**-length for length in coordinate_encoding.CODE_LENGTHS) == 1


# --- hostile input ------------------------------------------------------------------------------


def decode(counts, data=b"", kinds=None, boxes=None):
    n = len(counts)
    return coordinate_decoding.decode(
        np.array([0, n]), np.array(kinds or [Kind.polyline] * n, np.uint8), np.zeros(n, np.int64),
        np.array(counts, np.int32), np.array(boxes or [0] * n, np.uint8),
        np.array([0, len(data)]), np.frombuffer(data, np.uint8),
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (([5], b"\0"), "more coordinates"),
        (([2], b"\xff"), "more coordinates"),
        (([0], b"\0"), "fewer coordinates"),
        (([1], b"\0" * 9), "fewer coordinates"),
        (([2**31 - 1, 2**31 - 1], b"\0"), "more coordinates"),
        (([-1], b"\0\0\0"), "more coordinates"),
        (([-(2**31)], b"\0\0\0\0"), "count"),
        (([4], b"", [Kind.bbox], [1]), "without numbers"),
        (([0, 0], b"", [Kind.polygon, Kind.bbox], [0, 1]), "without numbers"),
        (([0, 0], b"", [Kind.polygon, Kind.polygon], [0, 1]), "without numbers"),
        (([1], ESCAPE + b"\0" * 8), "beyond"),
        (([1], ESCAPE + b"\0\0\0\1" + b"\xff" * 5), "beyond"),
        (([2], ESCAPE * 2 + b"\xff" * 14), "fewer coordinates"),
    ],
)
def test_bits_that_lie(given, found):
    assert found in coordinate_decoding.CODES[decode(*given)][0]


def test_the_first_wrong_item_is_told():
    long, wrong = [(Kind.polyline, 0, [1.0, 2.0] * 200)], [(Kind.polyline, 0, [1.0, 2.0])]
    offsets, types, ids, _, _ = arrays([wrong, long, wrong, wrong, long])
    boxes, counts, ends, data, _ = encoded([wrong, long, wrong, wrong, long])
    counts[1] = 398  # found after what is wrong with those that are read beside it
    counts[2] = counts[3] = 1
    found = coordinate_decoding.decode(offsets, types, ids, counts, boxes, ends, data)
    assert found[:2] == (2, 1)


@given(st.binary(max_size=40), st.lists(st.integers(-3, 60), max_size=4))
def test_any_bits_are_numbers_or_an_error(data, counts):
    assert decode(counts, data, [Kind.polygon] * len(counts)) in {0, *coordinate_decoding.CODES}


@given(st.binary(min_size=1, max_size=9), st.integers(0, 2**32), st.integers(1, 3000))
def test_damaged_bits_are_numbers_or_an_error(damage, place, n):
    items = [[(Kind.polygon, 0, [3.0, 700.25, 5.5, 1.0] * k)] for k in (n // 9 + 1, n, 5, 1)]
    offsets, types, ids, _, _ = arrays(items)
    boxes, counts, ends, data, _ = encoded(items)
    data = data.copy()
    at = place % len(data)
    data[at : at + len(damage)] = np.frombuffer(damage, np.uint8)[: len(data) - at]
    found = coordinate_decoding.decode(offsets, types, ids, counts, boxes, ends, data)
    assert found[0] in {0, *coordinate_decoding.CODES}
    assert found[0] or np.abs(found[3]).max() <= 167_772.16


@pytest.mark.parametrize("ends", [[0, 5], [3, 0], [-1, 1], [0], []])
def test_offsets_that_lie(ends):
    with pytest.raises(ValueError, match=r"offsets|lengths"):
        coordinate_decoding.decode(
            np.array([0, 1]), np.array([4], np.uint8), np.zeros(1, np.int64),
            np.array([2], np.int32), np.zeros(1, np.uint8), np.array(ends, np.int64),
            np.zeros(2, np.uint8),
        )  # fmt: skip


def test_no_offsets_at_all():
    with pytest.raises(ValueError, match="offsets"):
        coordinate_decoding.decode(
            np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int64),
            np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(1, np.int64),
            np.zeros(0, np.uint8),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("which", "given"),
    [
        (0, []), (0, [1, 2]), (0, [0, 1]), (0, [0, 3]), (0, [0, 3, 2]), (2, [7]),
        (3, []), (3, [0, 2]), (3, [-1, 2, 4]), (3, [0, 5, 4]), (3, [0, 2, 5]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_encoded(which, given):
    row = (Kind.polyline, 7, [1.0, 2.0])
    parts = [*arrays([[row, row]])]
    parts[which] = np.array(given, np.int64)
    with pytest.raises(ValueError, match=r"offsets|lengths"):
        coordinate_encoding.encode(*parts)
