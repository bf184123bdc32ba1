"""Parquet files of our own writer, beside those that Arrow writes of the same columns."""

import io
from pathlib import Path

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.errors import DatasetExportError, UnsupportedContentError
from datumaro.formats.datumaro_binary.parquet import column_chunks, column_values
from datumaro.formats.datumaro_binary.parquet.column_chunks import Storage, encode
from datumaro.formats.datumaro_binary.parquet.column_values import (
    DELTAS,
    DICTIONARY,
    SPLIT,
    TEXTS,
)
from datumaro.formats.datumaro_binary.parquet.plain_file import write_file
from datumaro.testing.strategies import datasets

NAMES = pa.dictionary(pa.int32(), pa.large_string())
FIELDS = [
    pa.field("name", NAMES, nullable=False),
    pa.field("word", NAMES),
    pa.field("small", pa.int32()),
    pa.field("large", pa.int64()),
    pa.field("sure", pa.int64(), nullable=False),
    pa.field("text", pa.large_string()),
    pa.field("bytes", pa.large_binary()),
]
KIND = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("number", pa.int32()),
        pa.field("bytes", pa.large_binary(), nullable=False),
        pa.field(
            "many",
            pa.large_list(pa.field("element", pa.struct(FIELDS), nullable=False)),
            nullable=False,
        ),
    ]
)
NESTED = "many.list.element."
STORAGE = {
    "id": Storage(TEXTS, 1, has_statistics=True),
    "text": Storage(DICTIONARY, 3),
    "number": Storage(DICTIONARY, 1),
    "bytes": Storage(TEXTS, None),
    NESTED + "name": Storage(DICTIONARY, 1),
    NESTED + "word": Storage(DICTIONARY, None),
    NESTED + "small": Storage(SPLIT, 1),
    NESTED + "large": Storage(DELTAS, 1),
    NESTED + "sure": Storage(SPLIT, None),
    NESTED + "text": Storage(TEXTS, 1),
    NESTED + "bytes": Storage(TEXTS, 1),
}


def optional(values):
    return st.one_of(st.none(), values)


WORDS = st.sampled_from(["", "a", "猫", "long " * 30])
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ELEMENTS = st.fixed_dictionaries(
    {
        "name": WORDS,
        "word": optional(WORDS),
        "small": optional(st.integers(-(2**31), 2**31 - 1)),
        "large": optional(st.integers(-(2**63), 2**63 - 1)),
        "sure": st.integers(-3, 3),
        "text": optional(TEXT),
        "bytes": optional(st.binary(max_size=20)),
    }
)
ROWS = st.fixed_dictionaries(
    {
        "id": TEXT,
        "text": optional(WORDS),
        "number": optional(st.integers(0, 5)),
        "bytes": st.binary(max_size=50),
        "many": st.lists(ELEMENTS, max_size=4),
    }
)


def batch_of(rows):
    return pa.RecordBatch.from_pylist(rows, schema=KIND)


def some(n=300):
    """Rows with lists of none to four elements."""
    return [
        {
            "id": f"{i:05}",
            "text": None if i % 3 else f"text {i % 7}",
            "number": i % 11 or None,
            "bytes": bytes([i % 256]) * (i % 90),
            "many": [
                {
                    "name": "ab"[k % 2],
                    "word": None if i % 2 else str(i % 5),
                    "small": k or None,
                    "large": i * 10**12 - k if k else None,
                    "sure": i,
                    "text": f"{i} {k}" if k > 1 else None,
                    "bytes": b"b" * (i % 30),
                }
                for k in range(i % 5)
            ],
        }
        for i in range(n)
    ]


def ours(path, batches, kind=KIND, storage=STORAGE, metadata=None):
    write_file(path, kind, [encode(batch, storage) for batch in batches], metadata or {})
    return path


def read(source):
    """A file as Arrow reads it, and its schema as Parquet has it."""
    file = pq.ParquetFile(source, page_checksum_verification=True)
    table = file.read()
    table.validate(full=True)
    return table.replace_schema_metadata(None), file.schema


def assert_like_arrows(path, batches, kind=KIND):
    memory = io.BytesIO()
    with pq.ParquetWriter(memory, kind, store_schema=False) as writer:
        for batch in batches:
            writer.write_batch(batch)
    table, schema = read(path)
    expected, its_schema = read(memory)
    assert schema.equals(its_schema)
    assert table.schema.equals(expected.schema)  # with what may be null
    assert table.equals(expected)
    words = [f"{name}" for name in column_paths(kind) if name in DICTIONARIES]
    again = pq.read_table(path, read_dictionary=words)  # as our reader asks for them
    assert again.to_pylist() == expected.to_pylist()


DICTIONARIES = {
    *(NESTED + name for name in ("name", "word")),
    *(f"annotations.list.element.{name}" for name in ("type", "attributes")),
}


def column_paths(kind):
    for told in kind:
        if pa.types.is_large_list(told.type):
            yield from (f"{told.name}.list.element.{part.name}" for part in told.type.value_type)
        else:
            yield told.name


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.parquet"


@pytest.fixture
def small_pages(monkeypatch):
    pages_of_size(monkeypatch, 60)


def pages_of_size(monkeypatch, size):
    for name in ("_PAGE", "_UNCOMPRESSED_PAGE"):
        monkeypatch.setattr(column_chunks, name, size)


def pages_of(path, group=0):
    """How many pages of data each column has, by their headers."""
    from datumaro.formats.datumaro_binary.parquet.footer import plain_footer
    from datumaro.kernels.parquet_footer import column_places
    from datumaro.kernels.parquet_pages import page_header

    data, found = path.read_bytes(), []
    for *_, stored, at, words in column_places(plain_footer(path), group):
        begin = at if words < 0 else words
        place, pages = begin, []
        while place < begin + stored:
            kind, _, size, *_, length = page_header(data[place : place + 100])
            pages.append(kind)
            place += length + size
        assert place == begin + stored
        found.append(pages.count(0))
    return found


# --- what is read back --------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.lists(st.lists(ROWS, min_size=1, max_size=12), max_size=3))
def test_it_is_as_arrow_would_write_it(tmp_path_factory, groups):
    path = tmp_path_factory.mktemp("any") / "file"
    batches = [batch_of(rows) for rows in groups]
    assert_like_arrows(ours(path, batches), batches)


@settings(max_examples=30)
@given(st.lists(ROWS, min_size=1, max_size=25), st.integers(1, 200))
def test_of_many_pages(tmp_path_factory, rows, size):
    path = tmp_path_factory.mktemp("pages") / "file"
    with pytest.MonkeyPatch.context() as patch:
        pages_of_size(patch, size)
        ours(path, [batch_of(rows)])
    assert_like_arrows(path, [batch_of(rows)])


@settings(max_examples=15)
@given(datasets(max_items=6), st.booleans())
def test_any_data_set(tmp_path_factory, made, small):
    written, folder = [], tmp_path_factory.mktemp("made")

    def keep(batch, storage):
        written.append(batch)
        return encode(batch, storage)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_chunks, "encode", keep)
        if small:
            pages_of_size(patch, 100)
        made.export(folder, "datumaro_binary", storage="parquet", shard_size=2)
    for path in (folder / "annotations").glob("*.datum"):
        ids = pq.read_table(path)["id"].to_pylist()
        batches = [b for b in written if ids and b.column("id").to_pylist() == ids]
        if ids:
            assert_like_arrows(path, batches[:1], batches[0].schema)


def test_groups_of_which_a_column_is_null(path):
    nothing = [{**row, "text": None, "number": None, "many": []} for row in some(20)]
    nulls = dict.fromkeys(["word", "small", "large", "text", "bytes"])
    empty = [{**row, "many": [{**part, **nulls} for part in row["many"]]} for row in some(20)]
    batches = [batch_of(rows) for rows in (nothing, some(30), empty)]
    assert_like_arrows(ours(path, batches), batches)


def test_parts_of_columns(path):
    """Columns that share the memory of longer ones."""
    whole = batch_of(some())
    parts = [whole.slice(13, 100), whole.slice(299, 1), whole.slice(1, 8)]
    assert_like_arrows(ours(path, parts), parts)


def test_bytes_under_nulls_are_left_out(path):
    kind = pa.schema([pa.field("text", pa.large_string())])
    texts = pa.array(["one", "two", "three"] * 40, pa.large_string())
    valid = pa.py_buffer(np.packbits([1, 0, 1] * 40, bitorder="little"))
    column = pa.Array.from_buffers(texts.type, 120, [valid, *texts.buffers()[1:]])
    batch = pa.RecordBatch.from_arrays([column], schema=kind)
    ours(path, [batch], kind, {"text": Storage(TEXTS, None)})
    assert_like_arrows(path, [batch], kind)
    assert b"two" not in path.read_bytes()


def test_words_that_do_not_repeat(path, monkeypatch):
    monkeypatch.setattr(column_values, "_DICTIONARY_MOST", 50)
    rows = [
        {
            **row,
            "text": f"{i}",
            "number": i,
            "many": [{**p, "name": f"{i}", "word": f"{i}"} for p in row["many"]],
        }
        for i, row in enumerate(some())
    ]
    assert_like_arrows(ours(path, [batch_of(rows)]), [batch_of(rows)])
    columns = pq.read_metadata(path).row_group(0)
    assert not any(columns.column(i).has_dictionary_page for i in range(columns.num_columns))


def test_words_that_repeat(path):
    ours(path, [batch_of(some())])
    columns = [pq.read_metadata(path).row_group(0).column(i) for i in range(len(STORAGE))]
    found = {column.path_in_schema for column in columns if column.has_dictionary_page}
    assert found == {"text", "number", NESTED + "name", NESTED + "word"}


def test_no_rows_at_all(path):
    assert_like_arrows(ours(path, []), [])


# --- pages --------------------------------------------------------------------------------------


def test_pages_begin_with_a_row(path, small_pages):
    ours(path, [batch_of(some())])
    assert all(n > 3 for n in pages_of(path))
    assert_like_arrows(path, [batch_of(some())])


def test_a_row_that_is_too_large_for_a_page_has_several(path, small_pages):
    rows = some(12)
    rows[4]["many"] = [part for row in some(200) for part in row["many"]]
    rows[7]["many"] = [{**rows[2]["many"][0], "bytes": b"large" * 100}]
    batch = batch_of(rows)
    assert_like_arrows(ours(path, [batch]), [batch])
    part = batch.slice(3, 7)
    assert_like_arrows(ours(path, [part]), [part])


@pytest.mark.parametrize(("level", "pages"), [(1, 4), (None, 16)])
def test_pages_have_a_mebibyte_or_a_quarter(path, level, pages):
    kind = pa.schema([pa.field("bytes", pa.large_binary(), nullable=False)])
    batch = pa.RecordBatch.from_arrays([pa.array([b"x" * 1000] * 4000, kind[0].type)], schema=kind)
    ours(path, [batch], kind, {"bytes": Storage(TEXTS, level)})
    assert pages_of(path) == [pages]


@pytest.mark.parametrize("where", ["bytes", NESTED + "bytes"])
def test_what_is_too_large_for_parquet_is_named(monkeypatch, small_pages, where):
    monkeypatch.setattr(column_chunks, "_MOST", 1000)
    rows = some(20)
    large = rows[4] if where == "bytes" else rows[4]["many"][2]
    large["bytes"] = b"x" * 1001
    with pytest.raises(UnsupportedContentError, match=f"of {where}, of which .* 10.. bytes"):
        encode(batch_of(rows), STORAGE)


def test_items_of_such_a_value_are_named(tmp_path, monkeypatch, small_pages):
    monkeypatch.setattr(column_chunks, "_MOST", 1000)
    items = [dm.DatasetItem(f"{i}", annotations=[dm.Caption("x" * 200 * i)]) for i in range(9)]
    made = dm.Dataset.from_iterable(items)
    with pytest.raises(UnsupportedContentError, match=r"items '0' to '8': values of .*\.text"):
        made.export(tmp_path / "out", "datumaro_binary", storage="parquet")
    assert not (tmp_path / "out").exists()


# --- the footer ---------------------------------------------------------------------------------


def test_what_the_footer_says(path):
    ours(path, [batch_of(some(20)), batch_of(some(7))], metadata={b"key": "välue".encode()})
    told = pq.read_metadata(path)
    assert (told.num_rows, told.num_row_groups, told.format_version) == (27, 2, "2.6")
    assert told.created_by.startswith("datumaro version ")
    assert told.metadata == {b"key": "välue".encode()}
    assert told.serialized_size + 8 < path.stat().st_size
    end = 4
    for number in range(2):
        group = told.row_group(number)
        columns = [group.column(i) for i in range(group.num_columns)]
        for column in columns:
            at = column.dictionary_page_offset or column.data_page_offset
            assert at == end
            end += column.total_compressed_size
        assert group.total_byte_size == sum(c.total_uncompressed_size for c in columns)
    assert end == path.stat().st_size - told.serialized_size - 8


def test_statistics_of_ids_alone(path):
    ours(path, [batch_of(some(20))])
    group = pq.read_metadata(path).row_group(0)
    (told,) = [c.statistics for c in map(group.column, range(group.num_columns)) if c.statistics]
    assert (told.min, told.max, told.null_count) == ("00000", "00019", 0)


IDS = ["z", "é", "～", "猫", "😀", "", "a\x7f"]


def test_ids_are_in_the_order_of_their_bytes(path):
    """U+FF5E is before U+1F600, though not in UTF-16; all that is not ASCII is after z."""
    rows = [{**row, "id": id_} for row, id_ in zip(some(), IDS, strict=False)]
    ours(path, [batch_of(rows[i : i + 2]) for i in range(0, len(rows), 2)])
    told = pq.read_metadata(path)
    for number in range(told.num_row_groups):
        statistics = told.row_group(number).column(0).statistics
        own = sorted(IDS[2 * number : 2 * number + 2], key=str.encode)
        assert [statistics.min, statistics.max] == [own[0], own[-1]]
    for id_ in IDS:
        query = f"SELECT count(*) FROM read_parquet('{path}') WHERE id = ?"
        assert duckdb.execute(query, [id_]).fetchall() == [(1,)]
        found = polars.scan_parquet(path).filter(polars.col("id") == id_).collect()
        assert len(found) == 1
        assert pq.read_table(path, filters=[("id", "==", id_)]).num_rows == 1
    query = f"SELECT id FROM read_parquet('{path}') WHERE id > 'é' ORDER BY id"
    assert [id_ for (id_,) in duckdb.execute(query).fetchall()] == ["猫", "～", "😀"]


def test_long_ids_have_no_statistics(path):
    ours(path, [batch_of([{**some(2)[1], "id": "x" * 5000}])])
    statistics = pq.read_metadata(path).row_group(0).column(0).statistics
    assert statistics is None or not statistics.has_min_max


# --- other engines ------------------------------------------------------------------------------


@pytest.fixture
def large(path, small_pages):
    rows = some()
    rows[4]["many"] = [part for row in some(200) for part in row["many"]]
    ours(path, [batch_of(rows[:200]), batch_of(rows[200:])])
    return path, rows


def test_duckdb(large):
    path, rows = large
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table()
    assert found.to_pylist() == rows


def test_polars(large):
    path, rows = large
    assert polars.read_parquet(path).to_dicts() == rows


def test_pandas(large):
    path, rows = large
    found = pandas.read_parquet(path)
    assert [list(many) for many in found["many"]] == [row["many"] for row in rows]
    assert found["bytes"].tolist() == [row["bytes"] for row in rows]


# --- when it fails ------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk():
    with pytest.raises(OSError, match="No space left"):
        ours(Path("/dev/full"), [batch_of(some())])


def test_what_the_groups_raise_is_raised_and_the_file_is_none(path):
    def groups():
        yield encode(batch_of(some()), STORAGE)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, KIND, groups(), {})
    with pytest.raises(pa.ArrowInvalid):
        pq.read_metadata(path)


def test_an_export_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    made = dm.Dataset.from_iterable([dm.DatasetItem(f"{i}") for i in range(9)])
    made.export(tmp_path / "out", "datumaro_binary", storage="parquet")
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(column_chunks, "encode", full)
    with pytest.raises(DatasetExportError, match="No space left"):
        made.export(tmp_path / "out", "datumaro_binary", storage="parquet")
    assert before == {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("column", range(len(STORAGE)))
def test_a_changed_byte_is_found(path, column):
    ours(path, [batch_of(some())])
    told = pq.read_metadata(path).row_group(0).column(column)
    data = bytearray(path.read_bytes())
    begin = told.dictionary_page_offset or told.data_page_offset
    data[begin + told.total_compressed_size - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"CRC|crc"):
        read(path)
