"""Records of `.datum` files, built by hand from the format's description, to columns and back."""

import struct
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from datumaro.kernels import records
from datumaro.kernels.record_print import Records

NO_LABEL = -(2**31)
NONE = np.zeros(0, np.uint8)


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def floats(*values):
    return struct.pack(f"<I{len(values)}f", len(values), *values)


def image(path="a.jpg", height=10, width=20):
    return struct.pack("<I", 2) + text(path) + struct.pack("<ii", height, width)


def item(annotations=(), media=b"\0\0\0\0", item_id="1", subset="train", attributes=""):
    head = text(item_id) + text(subset) + media + text(attributes)
    return head + struct.pack("<I", len(annotations)) + b"".join(annotations)


def annotation(kind, tail, id=0, group=0, object_id=-1, attributes=""):
    return struct.pack("<Bqqi", kind, id, group, object_id) + text(attributes) + tail


BBOX = annotation(6, struct.pack("<ii", 1, 2) + floats(1.5, 2.25, 4.84, 6))
ALL_KINDS = [
    annotation(1, struct.pack("<i", 1), id=5, group=-3, object_id=9, attributes='{"a":[1]}'),
    annotation(2, struct.pack("<iiii", 0, 2, 2, 3) + text(b"231")),
    annotation(3, struct.pack("<ii", 1, 0) + floats(1, 2, 3, 4) + struct.pack("<III", 2, 0, 2)),
    annotation(4, struct.pack("<ii", 2**31 - 1, -1) + floats(0, 0, 1, 0, 1, 1)),
    annotation(5, struct.pack("<ii", 2, 0) + floats()),
    BBOX,
    annotation(7, text("hé")),
    annotation(8, struct.pack("<i", 2**31 - 1) + floats(*(0.125 * i for i in range(9)))),
    annotation(11, struct.pack("<ii", 0, 0) + floats(1, 2, 3, 4)),
    annotation(16, struct.pack("<ii", 2**31 - 1, 3) + floats(*(1.125 * i for i in range(16)))),
]


def read(data, bounds=None, folder=b"root/"):
    buffer = np.frombuffer(bytes(data), np.uint8)
    bounds = [0, len(data)] if bounds is None else bounds
    prefix = np.frombuffer(folder, np.uint8)
    return records.read_records(buffer, np.array(bounds, np.int64), prefix, NONE, NONE)


def columns(data, bounds=None):
    code, at, value, found = read(data, bounds)
    assert code == 0, (at, records.message(code, value))
    return found


def lists(found, offsets, values):
    return [found[values][a:b].tolist() for a, b in pairwise(found[offsets])]


def refused(data):
    """(offset, what was found) of a damaged blob."""
    code, at, value, found = read(data)
    assert code != 0 and not found
    return at, records.message(code, value, data[at : at + 40])[0]


def test_every_kind_of_annotation():
    found = columns(item(ALL_KINDS, attributes='{"k":1}'))
    assert found["type"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 11, 16]
    assert found["label"].tolist() == [1, 0, 1, NO_LABEL, 2, 1, NO_LABEL, NO_LABEL, 0, NO_LABEL]
    assert found["z_order"].tolist() == [0, 2, 0, -1, 0, 2, 0, 0, 0, 3]
    assert (found["id"][0], found["group"][0], found["object_id"][0]) == (5, -3, 9)
    points = lists(found, "point_offsets", "points")
    assert points[2] == [1, 2, 3, 4]
    assert points[4] == points[6] == []
    assert points[5] == [1.5, 2.25, np.float32(4.84), 6]
    assert points[9][1] == 1.125, "cuboids are not rounded"
    assert lists(found, "visibility_offsets", "visibility")[2] == [0, 2]
    assert (found["mask_height"][1], found["mask_width"][1]) == (2, 3)
    assert found["rle"].tobytes() == b"231"
    assert found["text"].tobytes().decode() == "hé"
    assert found["attributes"].tobytes() == b'{"a":[1]}'
    assert found["item_attributes"].tobytes() == b'{"k":1}'


def test_what_is_written_is_what_was_read():
    media = [
        image(),
        image("b.jpg", -1583, -1597),
        struct.pack("<I", 0),
        struct.pack("<I", 4) + text("v.avi") + struct.pack("<I", 7),
        struct.pack("<I", 5) + text("v.avi") + struct.pack("<III", 1, 0, 2**32 - 1),
        struct.pack("<I", 6) + text("p.pcd") + struct.pack("<I", 1) + image("e.jpg"),
    ]
    blob = b"".join(item(ALL_KINDS, m, f"é{i}", "s") for i, m in enumerate(media))
    code, _, _, found = read(blob, folder=b"")
    assert code == 0
    writer = Records(found, np.frombuffer(b"s", np.uint8))
    out = np.zeros(len(blob), np.uint8)
    assert writer.sizes().sum() == len(blob)
    assert writer.write(0, len(media), out) == len(blob)
    assert out.tobytes() == blob
    with pytest.raises(ValueError, match="too small"):
        writer.write(0, len(media), out[1:])


def test_2d_cuboids_have_two_numbers():
    tail = struct.pack("<ii", 0, 0) + floats(*range(16))
    assert columns(item([annotation(15, tail), annotation(16, tail)]))["type"].tolist() == [16, 16]


def test_a_label_keeps_the_number_that_means_none_elsewhere():
    found = columns(item([annotation(1, struct.pack("<i", 2**31 - 1))]))
    assert found["label"].tolist() == [2**31 - 1]


def test_an_empty_object_is_no_attributes():
    assert "item_attributes" not in columns(item(attributes="{}"))


def test_relative_paths_get_their_folder():
    paths = ["a.jpg", "/x/a.jpg", "C:/a.jpg", "../a.jpg", "/NOT/A/REAL/PATH", "", "\\a"]
    found = columns(b"".join(item(media=image(p)) for p in paths))
    texts = [bytes(p).decode() for p in lists(found, "path_offsets", "paths")]
    assert texts == ["root/a.jpg", "/x/a.jpg", "C:/a.jpg", "root/../a.jpg", "", "", "\\a"]
    a, n, s = records.PATH_ABSOLUTE, records.PATH_NONE, records.PATH_SUSPECT
    assert found["path_flags"].tolist() == [0, a, a, s, n, n, a]


def test_a_mask_of_no_pixels_has_a_size():
    found = columns(item([annotation(2, struct.pack("<iiii", 0, 0, 0, 5) + text(b""))]))
    assert (found["mask_height"].tolist(), found["mask_width"].tolist()) == ([0], [5])


@given(
    st.lists(
        st.floats(-(2.0**100), 2.0**100, width=32),
        max_size=40,
    )
)
@example([0.125, -0.125, 41943.04, 41943.05, -41943.045, 83886.07, 1e30, -0.001])
def test_coordinates_are_rounded_as_numpy_does(values):
    values = values[: len(values) // 2 * 2]
    found = columns(item([annotation(5, struct.pack("<ii", 0, 0) + floats(*values)), BBOX]))
    expected = np.array(values, np.float32).round(2)
    assert found["points"][: len(values)].tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("damage", "at", "found"),
    [
        (item(media=struct.pack("<I", 3)), 14, "media type 3"),
        (item(media=image(height=-1)), 27, "an image side of -1 pixels"),
        (item(media=image(height=5, width=0)), 27, "an image side of 0 pixels"),
        (item(item_id=b"\xff"), 4, "the bytes"),
        (item(item_id=b"\xed\xa0\x80"), 4, "the bytes"),
        (item(attributes="[1]"), 22, "attributes '[1]"),
        (item(attributes='{"a":1'), 22, 'attributes \'{"a":1'),
        (item(attributes='{"a":1}x'), 22, 'attributes \'{"a":1}x'),
        (item(attributes='{"a":NaN}'), 22, 'attributes \'{"a":NaN}'),
        (item([annotation(9, b"")]), 26, "annotation type 9"),
        (item([annotation(0, b"")]), 26, "annotation type 0"),
        (item([annotation(17, b"")]), 26, "annotation type 17"),
        (item([annotation(1, struct.pack("<i", NO_LABEL))]), 51, f"label {NO_LABEL}"),
        (item([annotation(6, struct.pack("<ii", 0, 0) + floats(1, 2, 3))]), 59, "3 coordinates"),
        (item([annotation(4, struct.pack("<ii", 0, 0) + floats(1, 2, 3))]), 59, "3 coordinates"),
        (
            item([annotation(3, struct.pack("<ii", 0, 0) + floats(1, 2) + struct.pack("<I", 0))]),
            71,
            "0 visibilities",
        ),
        (
            item(
                [annotation(3, struct.pack("<ii", 0, 0) + floats(1, 2) + struct.pack("<II", 1, 3))]
            ),
            75,
            "visibility 3",
        ),
        (
            item([annotation(2, struct.pack("<iiii", 0, 0, -2, 3) + text(b"6"))]),
            59,
            "a mask side of -2 pixels",
        ),
        (
            item([annotation(2, struct.pack("<iiii", 0, 0, 2, 3) + text(b"5"))]),
            71,
            "a mask whose run lengths cover 5 pixels",
        ),
        (
            item([annotation(2, struct.pack("<iiii", 0, 0, 2, 3) + text(b"9"))]),
            71,
            "a mask without valid run lengths",
        ),
        (item()[:-1], 22, "the blob ends before the 4 bytes"),
        (item() + b"\1", 26, "the blob ends before the 4 bytes"),
    ],
)
def test_damage_is_found_where_it_is(damage, at, found):
    where, what = refused(damage)
    assert what.startswith(found)
    assert where == at


@pytest.mark.parametrize("lie", [2**31 - 1, 2**31, 2**32 - 1])
def test_lengths_and_counts_that_lie_cost_nothing(lie):
    count = struct.pack("<I", lie)
    blobs = [
        count + b"x" * 50,
        item()[:-4] + count,
        item([annotation(5, struct.pack("<ii", 0, 0) + count)]),
        item([annotation(2, struct.pack("<iiii", 0, 0, 2**31 - 1, 2**31 - 1) + count)]),
        item(media=struct.pack("<I", 6) + text("p") + count),
    ]
    tracemalloc.start()
    for blob in blobs:
        assert refused(blob)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_records_do_not_reach_into_the_next_blob():
    blob = item([BBOX])
    assert len(columns(blob + blob, [0, len(blob), 2 * len(blob)])["media_type"]) == 2
    code, at, value, _ = read(blob + blob, [0, len(blob) - 4, 2 * len(blob)])
    assert "the blob ends" in records.message(code, value)[0]
    assert at < len(blob)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    code, at, value, found = read(data)
    assert 0 <= at <= len(data)
    assert bool(found) == (code == 0)
    if code:
        assert all(isinstance(part, str) for part in records.message(code, value))


@given(st.data())
def test_damaged_records_are_read_or_refused(data):
    blob = bytearray(item(ALL_KINDS, image(), attributes='{"k":1}'))
    at = data.draw(st.integers(0, len(blob) - 4))
    blob[at : at + 4] = struct.pack("<I", data.draw(st.integers(0, 2**32 - 1)))
    code, where, _, found = read(blob)
    assert where <= len(blob)
    if code == 0 and len(found["media_type"]):
        Records(found, NONE).sizes()


def test_bounds_outside_the_data_are_a_mistake_of_the_caller():
    for bounds in ([0, 30], [-1, 4], [4, 2], []):
        with pytest.raises(ValueError, match="bounds"):
            read(b"\0" * 20, bounds)


def test_columns_that_do_not_fit_are_a_mistake_of_the_caller():
    found = columns(item([BBOX]))
    for name, wrong in (
        ("label", np.zeros(2, np.int32)),
        ("offsets", np.array([0, 2])),
        ("point_offsets", np.array([4, 0])),
        ("id", np.zeros(1, np.float64)),
    ):
        with pytest.raises(ValueError, match=r"column|dtype"):
            Records(found | {name: wrong}, NONE)


def test_texts_are_checked_to_be_objects():
    def bad(*texts):
        offsets = np.cumsum([0, *map(len, texts)])
        return records.bad_object(offsets, np.frombuffer("".join(texts).encode(), np.uint8))

    assert bad("", '{"a":1}', "{}") == -1
    assert bad("", '{"a":1}', "[]") == 2


def test_masks_are_checked_to_be_whole():
    def bad(height, width, rle):
        sizes = np.array([[height], [width]], np.int32)
        ends, data = np.array([0, len(rle)]), np.frombuffer(rle, np.uint8)
        assert records.bad_mask(np.zeros(0, np.int64), *sizes, ends, data) == -1
        return records.bad_mask(np.zeros(1, np.int64), *sizes, ends, data)

    assert bad(2, 3, b"231") == -1
    assert bad(2, 3, b"23") == 0
    assert bad(-2, -3, b"231") == 0
