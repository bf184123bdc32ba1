"""Single rows from the pages of a row group, beside what Arrow makes of the whole."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import DatumaroError, MalformedFileError
from datumaro.formats.datumaro_binary.parquet import (
    column_chunks,
    pages,
    reading,
    row_groups,
    stored,
)
from datumaro.formats.datumaro_binary.parquet.footer import plain_footer
from datumaro.formats.datumaro_binary.parquet.pages import GroupPages
from datumaro.formats.datumaro_binary.parquet.reading import Group, OpenedFile
from datumaro.formats.datumaro_binary.parquet.stored import StoredColumns
from datumaro.testing.strategies import datasets
from mixed_items import dataset


def export(folder, made=None, **options):
    (made or dataset()).export(folder, "datumaro_binary", storage="parquet", **options)
    return folder


def file_in(folder) -> Path:
    (path,) = (folder / "annotations").glob("*.datum")
    return path


def group_of(path, number=0):
    opened = OpenedFile(path)
    stored = StoredColumns(plain_footer(path), opened.footer, opened.columns)
    return GroupPages(path, stored.places(number))


def by_arrow(path, number=0):
    opened = OpenedFile(path)
    rows = opened.footer.row_group(number).num_rows
    return Group(path, number, opened.columns, opened.footer, 0, rows).read().to_pylist()


def plain(value):
    """A row, or what is in it, without what is null."""
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items() if v is not None}
    return [plain(v) for v in value] if isinstance(value, list) else value


def assert_same_rows(path, number=0):
    expected = [plain(row) for row in by_arrow(path, number)]
    for keep in (False, True):
        found = group_of(path, number)
        for row in random.Random(1).sample(range(len(expected)), len(expected)):
            assert [plain(r) for r in found.rows([row], keep).to_pylist()] == [expected[row]]
        assert (found.nbytes > 0) is keep
    rows = list(range(len(expected)))[::-2]
    assert [plain(r) for r in found.rows(rows).to_pylist()] == [expected[row] for row in rows]


def written_again(path, table=None, **options):
    """The file as another writer makes it."""
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    told.pop("columns")
    table = pq.read_table(path) if table is None else table
    with pq.ParquetWriter(path, table.schema, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"datumaro": json.dumps(told)})
    return path


@pytest.fixture
def path(tmp_path):
    return file_in(export(tmp_path))


@pytest.fixture
def arrow_is_not_asked(monkeypatch):
    def read(_):
        raise AssertionError("a row group was read")

    monkeypatch.setattr(reading.Group, "read", read)


# --- what is told -------------------------------------------------------------------------------


def test_each_row_is_as_arrow_reads_it(path):
    assert_same_rows(path)


@settings(max_examples=25)
@given(datasets(max_items=6))
def test_of_whatever_is_written(tmp_path_factory, made):
    folder = export(tmp_path_factory.mktemp("pages"), made)
    for path in (folder / "annotations").glob("*.datum"):
        if pq.read_metadata(path).num_rows:
            assert_same_rows(path)


@pytest.mark.parametrize("size", [1, 40, 300])
def test_of_small_pages(tmp_path, monkeypatch, size, arrow_is_not_asked):
    """Some begin within a row."""
    for name in ("_PAGE", "_UNCOMPRESSED_PAGE"):
        monkeypatch.setattr(column_chunks, name, size)
    reader = dm.ItemReader(export(tmp_path))
    made = list(dataset())
    for k in random.Random(1).sample(range(len(made)), 20):
        found = reader[k]
        assert (found.annotations, found.attributes) == (made[k].annotations, made[k].attributes)


SMALL = {"data_page_size": 100, "write_batch_size": 1}
ELEMENT = "annotations.list.element."


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"compression": "none", "write_page_checksum": True},
        {"compression": "zstd", "write_page_checksum": True, "write_page_index": True},
        {"compression": "zstd", "use_dictionary": False},
        {"compression": "zstd", "use_dictionary": False, "use_byte_stream_split": False},
        {"compression": "none", "dictionary_pagesize_limit": 20},
        {"compression": "zstd", "write_page_index": True, **SMALL},
        {"compression": "zstd", **SMALL},  # rows go on from page to page
        {
            "compression": "zstd",
            "use_dictionary": False,
            "column_encoding": {
                "id": "DELTA_LENGTH_BYTE_ARRAY",
                "width": "DELTA_BINARY_PACKED",
                "height": "BYTE_STREAM_SPLIT",
                f"{ELEMENT}id": "BYTE_STREAM_SPLIT",
                f"{ELEMENT}label": "DELTA_BINARY_PACKED",
            },
        },
    ],
)
def test_of_other_writers(path, options):
    assert_same_rows(written_again(path, store_schema=False, **options))


def test_pages_of_a_column_that_begin_elsewhere(path, arrow_is_not_asked):
    expected = list(dataset())
    written_again(path, store_schema=False, compression="zstd", write_page_index=True, **SMALL)
    reader = dm.ItemReader(path.parent.parent)
    assert [reader[k].annotations for k in range(20)] == [i.annotations for i in expected[:20]]


def test_the_levels_of_large_pages_are_looked_at_first(path, monkeypatch):
    monkeypatch.setattr(pages, "_LARGE", 0)
    assert_same_rows(path)
    monkeypatch.setattr(pages, "_BEGINNING", 3)  # too short
    assert_same_rows(path)


def test_large_columns_are_read_page_by_page(path, monkeypatch):
    monkeypatch.setattr(pages, "_SMALL", 10)
    assert_same_rows(path)


def test_a_reader_needs_no_row_group_for_a_few_items(tmp_path, arrow_is_not_asked):
    reader = dm.ItemReader(export(tmp_path, shard_size=13), rows="3:38")
    assert len(reader) == 35
    items = list(dataset())[3:38]
    assert [i.id for i in reader.take([34, 0, 20])] == [items[k].id for k in (34, 0, 20)]
    assert reader[17].annotations == items[17].annotations


def test_and_then_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(row_groups, "_FEW", 3)
    reader = dm.ItemReader(export(tmp_path))
    for k in (5, 9, 3, 7, 8):
        assert reader[k] == dm.Dataset.import_from(tmp_path)[k]
    assert reader._recent.peek(0)._chunk is not None
    assert reader._recent.peek(0)._pages is None


def test_what_is_kept_is_counted(tmp_path):
    reader = dm.ItemReader(export(tmp_path))
    sizes = []
    for k in range(3):
        _ = reader[k]
        sizes.append(reader._recent.nbytes)
    assert sizes[0] == 0 < sizes[1] <= sizes[2] < 10_000


# --- what Arrow must read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "snappy"},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "zstd", "column_encoding": {"id": "DELTA_BYTE_ARRAY"},
         "use_dictionary": False},
    ],
)  # fmt: skip
def test_columns_that_are_stored_otherwise(path, options):
    written_again(path, store_schema=False, **options)
    with pytest.raises(ValueError, match=r"otherwise|too many values|another encoding"):
        group_of(path).rows([0])
    reader = dm.ItemReader(path)
    assert [reader[k].id for k in range(40)] == [item.id for item in dataset()]


def with_column(table, name, values):
    index = table.schema.get_field_index(name)
    return table.set_column(index, pa.field(name, values.type), values)


def test_columns_of_another_type(path):
    table = pq.read_table(path)
    written_again(path, with_column(table, "id", pa.array(range(40))), compression="zstd")
    with pytest.raises(ValueError, match="another kind of column id"):
        group_of(path)
    assert dm.ItemReader(path)[3].id == "3"


def test_annotations_that_may_be_null(path):
    table = pq.read_table(path)
    values = table["annotations"].combine_chunks()
    written_again(path, with_column(table, "annotations", values), compression="zstd")
    with pytest.raises(ValueError, match="may be null"):
        group_of(path)
    assert dm.ItemReader(path)[3].annotations == dataset()[3].annotations


@pytest.mark.parametrize("values", [[5] * 40, [[5]] * 40])
def test_annotations_that_are_none(path, values):
    table = pq.read_table(path)
    written_again(path, with_column(table, "annotations", pa.array(values)), compression="zstd")
    with pytest.raises(ValueError, match="no lists of structs"):
        group_of(path)
    with pytest.raises(MalformedFileError, match="no list of structs"):
        dm.ItemReader(path)[3]


def test_encrypted_ones(tmp_path):
    key = generate_key()
    reader = dm.ItemReader(export(tmp_path, encryption_key=key), encryption_key=key)
    assert reader[3].annotations == dataset()[3].annotations


# --- what is wrong ------------------------------------------------------------------------------


def test_a_row_that_there_is_not(path):
    with pytest.raises(ValueError, match="fewer values than rows"):
        group_of(path).rows([40])


def test_a_changed_page_is_noticed(path):
    whole = path.read_bytes()
    at = whole.index(b"\xb5\x2f\xfd") + 20  # in a zstd frame
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ValueError, match="checksum"):
        group_of(path).rows([0])
    with pytest.raises(MalformedFileError, match=r"default\.datum: row group 0"):
        dm.ItemReader(path)[0]


def test_changed_bytes_are_noticed_or_harmless(path):
    whole, drawn = path.read_bytes(), random.Random(3)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(drawn.randint(1, 3)):
            data[drawn.randrange(4, len(whole) - 8)] = drawn.choice([0, 1, 127, 255, 3])
        path.write_bytes(data)
        try:
            found = group_of(path)
            for row in drawn.sample(range(40), 3):
                found.rows([row])
        except (ValueError, KeyError, OSError, pa.ArrowException, DatumaroError):
            continue


@pytest.mark.parametrize("where", ["begin", "stored", "data"])
def test_places_outside_the_file(path, monkeypatch, where):
    places = stored.column_places

    def moved(footer, number):
        change = {"begin": (3, 4), "stored": (10**12, 4), "data": (-5, 4)}[where]
        stored, at = {"begin": (0, 1), "stored": (1, 0), "data": (1, 0)}[where]
        found = []
        for kind, codec, values, size, data, words in places(footer, number):
            size = change[0] if stored else size
            found.append((kind, codec, values, size, change[0] if at else data, words))
        return found

    monkeypatch.setattr(stored, "column_places", moved)
    with pytest.raises(ValueError, match=r"outside|the end of the file|another kind|no header"):
        group_of(path).rows([0])
    assert dm.ItemReader(path)[3].id == "003"


def test_a_row_group_of_fewer_columns(path, monkeypatch):
    places = stored.column_places
    monkeypatch.setattr(stored, "column_places", lambda footer, number: places(footer, number)[:3])
    with pytest.raises(ValueError, match="fewer columns"):
        group_of(path)
    assert dm.ItemReader(path)[3].id == "003"


@given(st.integers(0, 5), st.binary(max_size=80))
def test_columns_of_footers_that_are_none(group, data):
    with pytest.raises(ValueError):
        stored.column_places(data, group)
