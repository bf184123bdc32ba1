"""TFRecord's framing, `tf.train.Example` and label maps: the codec alone."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from datumaro.errors import MalformedFileError
from datumaro.formats.tfrecord import label_map
from datumaro.formats.tfrecord.example import Example, encode
from datumaro.formats.tfrecord.framing import masked_crc, read_records, write_record
from datumaro.kernels.tfrecord import crc32c

FEATURES = st.dictionaries(
    st.text(max_size=8),
    st.lists(st.binary(max_size=20), max_size=4)
    | st.lists(st.floats(width=32, allow_nan=False), max_size=4)
    | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    max_size=5,
)


def file_of(records: list[bytes]) -> bytes:
    out = io.BytesIO()
    for record in records:
        write_record(out, record)
    return out.getvalue()


def write(folder: Path, *records: bytes) -> Path:
    path = folder / "a.tfrecord"
    path.write_bytes(file_of(list(records)))
    return path


# --- check sums -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "crc"),
    [  # RFC 3720, B.4
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_known_check_sums(data: bytes, crc: int):
    assert crc32c(data) == crc


@given(data=st.binary(max_size=100), begin=st.integers(0, 7))
def test_check_sums_bit_by_bit(data: bytes, begin: int):
    crc = 0xFFFFFFFF
    for byte in data[begin:]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(memoryview(data)[begin:]) == crc ^ 0xFFFFFFFF


# --- framing --------------------------------------------------------------------------------------


@given(records=st.lists(st.binary(max_size=300), max_size=5))
def test_records_come_back(tmp_path_factory: pytest.TempPathFactory, records: list[bytes]):
    path = write(tmp_path_factory.mktemp("records"), *records)
    content = path.read_bytes()
    found = list(read_records(path))
    assert [record.data for record in found] == records
    assert [content[r.at : r.at + len(r.data)] for r in found] == records


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d[:-1], "byte 19: a record of 3 bytes; expected at most 2"),
        (lambda d: d[:25], "byte 19: 6 bytes; expected the 12 bytes that begin a record"),
        (lambda d: d[:19] + b"\1" + d[20:], "byte 19: a length with another check sum; expected"),
        (lambda d: d[:-5] + b"x" + d[-4:], "byte 31: data with another check sum; expected the r"),
        (lambda d: d[:-1] + b"\0", "byte 31: data with another check sum"),
        (
            lambda d: d + struct.pack("<QI", 2**63, masked_crc(struct.pack("<Q", 2**63))),
            "byte 38: a record of 9223372036854775808 bytes; expected at most 0",
        ),
    ],
)
def test_damaged_framing(tmp_path: Path, change, says: str):
    path = write(tmp_path, b"one", b"two")
    path.write_bytes(change(path.read_bytes()))
    found = read_records(path)
    assert next(found).data == b"one"
    with pytest.raises(MalformedFileError, match=rf"a\.tfrecord: {says}"):
        list(found)


def test_an_empty_file_has_no_records(tmp_path: Path):
    assert list(read_records(write(tmp_path))) == []


# --- examples -------------------------------------------------------------------------------------


@given(features=FEATURES)
def test_examples_come_back(features: dict[str, list]):
    example = Example(encode(features))
    assert example.names() == sorted(features)
    for name, values in features.items():
        if values and isinstance(values[0], bytes):
            assert example.byte_strings(name) == values
            assert example.numbers(name) == example.integers(name) == []
        elif values and isinstance(values[0], float):
            assert example.numbers(name) == values
            assert example.byte_strings(name) == example.integers(name) == []
        else:
            assert example.integers(name) == values


@given(data=st.binary(max_size=100))
def test_any_bytes_are_an_example_or_not(data: bytes):
    try:
        example = Example(data)
    except ValueError as error:
        at, found = error.args
        assert 0 <= at <= len(data) and found
        return
    for name in example.names():
        for begin, end in example.spans(name):
            assert 0 <= begin <= end <= len(data)


@given(features=FEATURES, place=st.randoms(use_true_random=False))
def test_damaged_examples_are_read_or_refused(features: dict[str, list], place: random.Random):
    data = bytearray(encode(features))
    for _ in range(3):
        if data:
            data[place.randrange(len(data))] = place.randrange(256)
    test_any_bytes_are_an_example_or_not.hypothesis.inner_test(bytes(data))
    del data[place.randrange(len(data) + 1) :]
    test_any_bytes_are_an_example_or_not.hypothesis.inner_test(bytes(data))


def field(number: int, data: bytes, wire: int = 2) -> bytes:
    head = bytes((number << 3 | wire,))
    return head + bytes((len(data),)) + data if wire == 2 else head + data


def with_feature(feature: bytes) -> bytes:
    return field(1, field(1, field(1, b"a") + field(2, feature)))


def test_numbers_that_are_not_packed_and_fields_that_are_not_known():
    one = struct.pack("<f", 1.5)
    floats = field(1, one, 5) + field(1, one * 2) + field(7, b"later") + field(9, b"\x05", 0)
    assert Example(with_feature(field(2, floats))).numbers("a") == [1.5, 1.5, 1.5]
    integers = field(1, b"\x05", 0) + field(1, b"\x01\x02") + field(8, b"\0" * 8, 1)
    assert Example(with_feature(field(3, integers))).integers("a") == [5, 1, 2]
    both = field(1, field(1, b"x")) + field(3, field(1, b"\x07")) + field(3, field(1, b"\x08"))
    assert Example(with_feature(both)).integers("a") == [7, 8]  # the last kind, joined
    twice = with_feature(field(3, field(1, b"\x01"))) + with_feature(field(3, field(1, b"\x02")))
    assert Example(twice).integers("a") == [2]
    assert "a" in Example(with_feature(b"")) and Example(with_feature(b"")).integers("a") == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x0a", "a number that goes on beyond the end"),
        (b"\x0a\x05\x00", "5 bytes, where 1 are left"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "bytes, where 0 are left"),
        (b"\xff" * 10 + b"\x01", "a number of more than 64 bits"),
        (b"\x0b\x00", "a field of the unknown kind 3"),
        (b"\x0d\x00", "a number that goes on beyond the end"),
        (with_feature(field(2, field(1, b"abc"))), "3 bytes of floats"),
        (with_feature(field(2, field(1, b"\1", 0))), "an integer instead of a float"),
        (with_feature(field(3, field(1, b"1234", 5))), "a float instead of an integer"),
        (with_feature(field(1, field(1, b"\1", 0))), "a number instead of bytes"),
    ],
)
def test_wrong_examples(data: bytes, says: str):
    with pytest.raises(ValueError, match=r"^") as error:
        Example(data)
    at, found = error.value.args
    assert says in found and 0 <= at <= len(data)


def test_numbers_that_do_not_fit():
    for values in ([2**63], [-(2**63) - 1], [1e300]):
        with pytest.raises(OverflowError):
            encode({"a": values})


# --- label maps -----------------------------------------------------------------------------------


@given(
    labels=st.dictionaries(
        st.integers(0, 2**31 - 1),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        max_size=5,
    ).filter(lambda d: len(set(d.values())) == len(d))
)
def test_label_maps_come_back(labels: dict[int, str]):
    for text in (label_map.text(labels), label_map.roboflow_text(labels)):
        assert label_map.parse(text, "x") == dict(sorted(labels.items()))


def test_names_stay_as_they_are_where_they_can():
    """There are readers that know no escapes."""
    assert 'name: "dogs\' home"\n' in label_map.text({1: "dogs' home"})
    assert "name: 'a \"q\"'\n" in label_map.text({1: 'a "q"'})
    assert "name: 'a\tb'\n" in label_map.text({1: "a\tb"})
    assert label_map.roboflow_text({1: "it's"}) == (
        'item {\n    name: "it\'s",\n    id: 1,\n    display_name: "it\'s"\n}\n'
    )


@pytest.mark.parametrize("end", ["", ",", " ; "])
@pytest.mark.parametrize("name", ["it's", "dogs' home", "dogs'", "'n'", "back\\slash", "a 'b' c"])
def test_names_that_were_written_without_escapes(name: str, end: str):
    text = f"item {{\n\tid: 1\n\tname: '{name}'{end}\n}}\n\nitem {{\n\tid: 2\n\tname: 'b'\n}}\n"
    assert label_map.parse(text, "x") == {1: name, 2: "b"}


@pytest.mark.parametrize("part", ["'' \"", "'' a: ''+a: "])
def test_a_long_line_of_quotes_is_read_to_its_end(part: str):
    """Each of them might be the name's last."""
    with pytest.raises(MalformedFileError, match="the end of the file"):
        label_map.parse("item { name: " + part * 5000, "x")


def test_what_label_maps_may_look_like():
    text = """
    # a comment
    item { name: "cat", id: 3 }
    item: < id: 1; display_name: 'two' " words" >
    item {
      id: 2  name: '/m/01\\'\\x41\\101\\n\\u00e9'  # a comment
      keypoints { id: 1 label: "nose { " lists: [1, {a: 2}] }
      frequency: COMMON
    },
    """
    assert label_map.parse(text, "x") == {1: "two words", 2: "/m/01'AA\né", 3: "cat"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nitem {\n id: 1\n name: 'a'\n", "line 5: the end of the file; expected a field's name"),
        ("item { id: 1 name: 'a }", 'line 1: "\'a }"; expected a label map'),
        ("items { id: 1 }", "line 1: 'items'; expected 'item'"),
        ("item id: 1", "line 1: 'id'; expected '{'"),
        ("item { id 1 name: 'a' }", "line 1: '1'; expected ':'"),
        ("item { id: -1 name: 'a' }", "line 1: id -1; expected an id from 0 on"),
        ("item { id: 99999999999 name: 'a' }", "expected an id from 0 on"),
        ("item { name: 'a' }", "an item without an id"),
        ("item { id: 1 }", "an item without a name"),
        ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "id 1 a second time; expected each"),
        ("item { id: 1 name: 'a' } item { id: 2 name: 'a' }", "name 'a' a second time"),
        ("item { id: 1 name: '\\xff' }", "expected UTF-8 text"),
        ("item { id: 1 a " + "{ b " * 30, "expected at most 20 blocks within each other"),
        ("item { id: 1 a { b: 1", "the end of the file; expected '}'"),
        ("{}", "line 1: '{'; expected 'item'"),
    ],
)
def test_wrong_label_maps(text: str, says: str):
    with pytest.raises(MalformedFileError) as error:
        label_map.parse(text, "map.pbtxt")
    assert says in str(error.value) and "map.pbtxt" in str(error.value)


@given(text=st.text(st.sampled_from("item{}<>[]:,;'\"\\ id1name#\n-"), max_size=60))
def test_any_text_is_a_label_map_or_not(text: str):
    try:
        label_map.parse(text, "x")
    except MalformedFileError as error:
        assert error.place.startswith("line ")
