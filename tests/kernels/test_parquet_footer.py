"""Parquet footers, written by hand in Thrift's compact protocol and by Arrow."""

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.parquet_footer import footer
from parquet_encodings import varint, zigzag

I32, I64, BINARY, LIST, MAP, STRUCT = 5, 6, 8, 9, 11, 12


def text(value):
    return varint(len(value)) + value


def listed(kind, values):
    head = bytes([len(values) << 4 | kind]) if len(values) < 15 else bytes([0xF0 | kind])
    return head + (varint(len(values)) if len(values) >= 15 else b"") + b"".join(values)


def struct(*fields):
    """A struct of (number, type, bytes) with rising numbers."""
    found, last = b"", 0
    for number, kind, value in fields:
        step = number - last
        head = bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + zigzag(number)
        found, last = found + head + value, number
    return found + b"\0"


def pair(key, value):
    return struct((1, BINARY, text(key)), (2, BINARY, text(value)))


def told(rows=7, pairs=(), *more):
    fields = [(1, I32, zigzag(2)), (3, I64, zigzag(rows)), *more]
    return struct(*sorted([*fields, (5, LIST, listed(STRUCT, [pair(*p) for p in pairs]))]))


def by_arrow(metadata=None, rows=5, **options):
    """The footer of a file that Arrow wrote."""
    columns = {"a": list(range(rows)), "b": [[{"c": f"{i}"}] * i for i in range(rows)]}
    table, file = pa.table(columns), io.BytesIO()
    size = options.pop("row_group_size", None)
    with pq.ParquetWriter(file, table.schema, store_schema=False, **options) as writer:
        writer.write_table(table, row_group_size=size)
        writer.add_key_value_metadata(metadata or {})
    data = file.getvalue()
    length = int.from_bytes(data[-8:-4], "little")
    return data[-8 - length : -8]


# --- what is told -------------------------------------------------------------------------------


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.tuples(st.binary(min_size=1, max_size=5), st.binary(max_size=300)), max_size=20),
)
def test_rows_and_metadata_come_back(rows, pairs):
    assert footer(told(rows, pairs)) == (rows, dict(pairs))


def test_as_arrow_writes_it():
    metadata = {b"datumaro": b"{}", "ü".encode(): b"\0" * 1000}
    for options in ({}, {"row_group_size": 1}, {"write_page_index": True}):
        assert footer(by_arrow(metadata, **options)) == (5, metadata)


def test_what_is_not_known_is_passed_over():
    unknown = [
        (6, BINARY, text(b"somebody")),
        (40, 1, b""),  # true
        (41, 3, b"\x80"),  # a byte
        (42, 7, b"\0" * 8),  # a double
        (43, 13, b"\0" * 16),  # a UUID
        (44, LIST, listed(1, [b"\1", b"\2"])),  # truths
        (45, MAP, varint(2) + bytes([BINARY << 4 | I32]) + (text(b"k") + zigzag(-3)) * 2),
        (46, MAP, varint(0)),
        (1000, STRUCT, struct((1, STRUCT, struct()), (2, LIST, listed(I64, [zigzag(9)] * 20)))),
    ]
    assert footer(told(7, [(b"a", b"b")], *unknown)) == (7, {b"a": b"b"})
    odd = struct((1, BINARY, text(b"a")), (2, BINARY, text(b"b")), (7, I32, zigzag(1)))
    data = struct((3, I64, zigzag(7)), (5, LIST, listed(STRUCT, [odd])))
    assert footer(data) == (7, {b"a": b"b"})


def test_a_key_twice_and_a_key_without_a_value():
    assert footer(told(0, [(b"a", b"1"), (b"a", b"2")])) == (0, {b"a": b"2"})
    bare = listed(STRUCT, [struct((1, BINARY, text(b"a")))])
    assert footer(struct((3, I64, zigzag(1)), (5, LIST, bare))) == (1, {b"a": b""})


@pytest.mark.parametrize("field", [(8, STRUCT, struct()), (9, BINARY, text(b"key"))])
def test_encrypted_and_signed_files_are_for_who_has_the_key(field):
    assert footer(told(7, [(b"a", b"b")], field)) is None


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [told(7, [(b"a", b"b" * 20)]), by_arrow({b"a": b"b"})])
def test_a_cut_footer(whole):
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="the end within a value"):
            footer(whole[:end])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the end"),
        (struct(), "no number of rows"),
        (told(-1), "no number of rows"),
        (struct((3, I32, zigzag(7))), "another type"),
        (struct((3, I64, b"\xff" * 10)), "more than 64 bits"),
        (struct((3, I64, zigzag(7)), (5, BINARY, text(b"a"))), "another type"),
        (struct((3, I64, zigzag(7)), (5, LIST, listed(I32, [b"\0"]))), "another type"),
        (struct((5, LIST, listed(STRUCT, [struct((2, BINARY, text(b"v")))]))), "another type"),
        (struct((5, LIST, listed(STRUCT, [struct((1, I32, b"\0"))]))), "another type"),
        (struct((4, 14, b"")), "another type"),
        (b"\x10", "another type"),
        (struct((4, BINARY, varint(2**63))), "the end"),
        (struct((4, LIST, b"\xf1" + varint(2**62))), "the end"),
        (struct((4, MAP, varint(2**62) + b"\x11")), "the end"),
        (bytes([I32]) + zigzag(40000) + b"\0\0", "beyond 16 bits"),
        (bytes([0x40 | STRUCT]) + b"\x1c" * 10**6, "too deep"),
        (bytes([0x40 | LIST]) + b"\x19" * 10**6, "too deep"),
    ],
)
def test_what_is_no_footer(data, message):
    with pytest.raises(ValueError, match=message):
        footer(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_told(data):
    try:
        found = footer(data)
    except ValueError:
        return
    assert found is None or found[0] >= 0


def test_changed_bytes_are_refused_or_told_as_arrow_tells_them():
    whole, drawn = by_arrow({b"datumaro": b"{}" * 9, b"b": b"c"}), random.Random(1)
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(drawn.randint(1, 3)):
            data[drawn.randrange(len(data))] = drawn.randrange(256)
        try:
            found = footer(bytes(data))
        except ValueError:
            continue
        file = b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1"
        try:
            other = pq.read_metadata(io.BytesIO(file))
        except (OSError, pa.ArrowException, UnicodeDecodeError):
            continue  # it looks at more of it
        assert found is None or found == (other.num_rows, other.metadata or {})


def test_a_list_that_says_it_is_long_ends_with_the_bytes():
    data = bytes([0x40 | LIST]) + b"\xf1" + varint(2**40) + b"\1" * 100
    with pytest.raises(ValueError, match="the end"):
        footer(data)
