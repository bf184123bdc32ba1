"""Whole row groups, decoded here: as Arrow reads them."""

import json
import logging
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import DatumaroError, MalformedFileError
from datumaro.formats.datumaro_binary.parquet import groups, reading, stored
from datumaro.formats.datumaro_binary.parquet.reading import Group, OpenedFile
from datumaro.testing.strategies import datasets
from mixed_items import dataset

ELEMENT = "annotations.list.element."


def export(folder, made=None, **options):
    (dataset() if made is None else made).export(
        folder, "datumaro_binary", storage="parquet", **options
    )
    return folder


def files_in(folder) -> list[Path]:
    return sorted((folder / "annotations").glob("*.datum"))


def rows_of(opened, number):
    return opened.footer.row_group(number).num_rows


def decoded(path, number=0, columns=None):
    """What is decoded here."""
    opened = OpenedFile(path)
    group = opened.group(number, 0, rows_of(opened, number), columns)
    assert group.stored is not None
    return group.stored.read()


def by_arrow(path, number=0):
    opened = OpenedFile(path)
    return Group(path, number, opened.columns, opened.footer, 0, rows_of(opened, number)).read()


def assert_same_column(found, expected, whole=True):
    found.validate(full=whole)
    assert found.null_count == expected.null_count
    assert (found.buffers()[0] is None) is (found.null_count == 0)
    assert found.equals(expected if expected.type == found.type else expected.cast(found.type))


def assert_same(found, expected, whole=True):
    """That both are the same; not ``whole``: texts may be no UTF-8."""
    assert found.schema.names == expected.schema.names
    for name in expected.schema.names:
        own, other = found.column(name), expected.column(name)
        assert found.schema.field(name).nullable == expected.schema.field(name).nullable
        if name != "annotations":
            assert_same_column(own, other, whole)
            continue
        assert pa.types.is_large_list(own.type)
        assert own.offsets.equals(other.offsets.cast(pa.int64()))
        assert {field.name for field in own.type.value_type} == {
            field.name for field in other.type.value_type
        }
        for field in other.type.value_type:
            index = own.type.value_type.get_field_index(field.name)
            assert own.type.value_type.field(index).nullable == field.nullable
            column, kind = own.values.field(index), other.values.field(index).type
            assert pa.types.is_dictionary(column.type) == pa.types.is_dictionary(kind)
            assert_same_column(column, other.values.field(index), whole)


def assert_same_groups(path):
    for number in range(pq.read_metadata(path).num_row_groups):
        assert_same(decoded(path, number), by_arrow(path, number))


def written_again(path, table=None, told=None, **options):
    """The file as another writer makes it."""
    told = told or pq.read_metadata(path).metadata
    table = pq.read_table(path) if table is None else table
    row_group_size = options.pop("row_group_size", None)
    with pq.ParquetWriter(path, table.schema, **options) as writer:
        writer.write_table(table, row_group_size=row_group_size)
        writer.add_key_value_metadata(told)
    return path


@pytest.fixture
def path(tmp_path):
    (path,) = files_in(export(tmp_path))
    return path


@pytest.fixture
def arrow_is_not_asked(monkeypatch):
    def read(_):
        raise AssertionError("Arrow reads a row group")

    monkeypatch.setattr(Group, "_by_arrow", read)


@pytest.fixture
def why_arrow(caplog):
    """Why Arrow was asked."""
    caplog.set_level(logging.DEBUG, "datumaro")
    return lambda: [r.getMessage() for r in caplog.records if "Arrow reads it" in r.getMessage()]


# --- what is told -------------------------------------------------------------------------------


def test_a_row_group_is_as_arrow_reads_it(path):
    assert_same_groups(path)
    batch = decoded(path)
    assert batch.schema.field("id").type == pa.large_string()
    assert batch.schema.field("coordinates").type == pa.large_binary()
    annotations = batch.schema.field("annotations").type.value_type
    names = pa.dictionary(pa.int32(), pa.large_string())
    assert [annotations.field(name).type for name in ("type", "attributes")] == [names, names]


@settings(max_examples=40)
@given(datasets(max_items=6))
def test_whatever_is_written_is_decoded_here(tmp_path_factory, made):
    folder = export(tmp_path_factory.mktemp("groups"), made)
    for path in files_in(folder):
        assert_same_groups(path)


@pytest.mark.parametrize(
    "made",
    [
        dm.Dataset.from_iterable([]),
        dm.Dataset.from_iterable([dm.DatasetItem(str(i)) for i in range(9)]),
        dm.Dataset.from_iterable(
            [dm.DatasetItem("a", annotations=[dm.Caption("")]), dm.DatasetItem("b")]
        ),
    ],
)
def test_files_of_little(tmp_path, made):
    for path in files_in(export(tmp_path, made)):
        assert_same_groups(path)
    assert list(dm.Dataset.import_from(tmp_path)) == list(made)


def test_columns_of_nulls(path):
    table = pq.read_table(path)
    nulls = {"path": pa.string(), "height": pa.int32(), "media_extra": pa.string()}
    for name, kind in nulls.items():
        index = table.schema.get_field_index(name)
        column = pa.nulls(40, kind)
        table = (
            table.append_column(name, column)
            if index < 0
            else table.set_column(index, name, column)
        )
    for use_dictionary in (True, False):
        written_again(
            path, table, compression="zstd", store_schema=False, use_dictionary=use_dictionary
        )
        assert_same_groups(path)


SMALL = {"data_page_size": 100, "write_batch_size": 1}


OTHER_WRITERS = [
    {"compression": "zstd", "write_page_checksum": True},
    {"compression": "none", "write_page_index": True},
    {"compression": "zstd", "row_group_size": 7},
    {"compression": "zstd", "use_dictionary": False},
    {"compression": "zstd", "use_dictionary": False, "use_byte_stream_split": False},
    {"compression": "none", "dictionary_pagesize_limit": 20, **SMALL},
    {"compression": "zstd", "write_page_index": True, **SMALL},
    {"compression": "zstd", **SMALL},  # rows go on from page to page
    {
        "compression": "none",
        "use_dictionary": False,
        "column_encoding": {
            "id": "DELTA_LENGTH_BYTE_ARRAY",
            "coordinates": "DELTA_LENGTH_BYTE_ARRAY",
            "width": "DELTA_BINARY_PACKED",
            "height": "BYTE_STREAM_SPLIT",
            f"{ELEMENT}id": "BYTE_STREAM_SPLIT",
            f"{ELEMENT}group": "DELTA_BINARY_PACKED",
            f"{ELEMENT}label": "DELTA_BINARY_PACKED",
        },
        **SMALL,
    },
]


@pytest.mark.parametrize("options", OTHER_WRITERS)
def test_of_other_writers(path, options, arrow_is_not_asked):
    expected = list(dataset())
    table = pq.read_table(path)
    for name in ("height", "width"):
        table = table.append_column(name, pa.array([None, 5, 7, 5] * 10, pa.int32()))
    written_again(path, table, store_schema=False, **options)
    assert [i.annotations for i in dm.Dataset.import_from(path)] == [
        i.annotations for i in expected
    ]


@pytest.mark.parametrize("options", OTHER_WRITERS)
def test_of_other_writers_as_arrow_reads_it(path, options):
    assert_same_groups(written_again(path, store_schema=False, **options))


def test_dictionaries_that_become_too_large(tmp_path):
    """Arrow's writer gives them up, and what comes after is written as it is."""
    made = dm.Dataset.from_iterable(
        dm.DatasetItem(f"{i}", annotations=[dm.Caption(f"{i} " + "-" * 1000), dm.Label(0)])
        for i in range(1500)
    )
    (path,) = files_in(export(tmp_path, made))
    path = written_again(path, store_schema=False, compression="zstd", write_statistics=False)
    own = OpenedFile(path).group(0, 0, 1500).stored
    assert own is not None
    (pages,) = [chunk.pages for chunk in own._chunks() if chunk.column.name == "text"]
    assert {(page.is_dictionary, page.encoding) for page in pages} == {
        (True, 0), (False, 8), (False, 0)
    }  # fmt: skip
    assert_same_groups(path)


def test_some_columns(path):
    whole = decoded(path)
    batch = decoded(path, columns=["id"])
    assert batch.schema.names == ["id"]
    assert batch.column("id").equals(whole.column("id"))
    batch = decoded(path, columns=[f"{ELEMENT}label", "width"])
    assert batch.schema.names == ["annotations"]
    assert batch.column("annotations").offsets.equals(whole.column("annotations").offsets)


def test_all_ways_of_reading_do_without_arrow(tmp_path, arrow_is_not_asked):
    export(tmp_path, shard_size=17)
    expected = list(dataset())
    assert list(dm.Dataset.import_from(tmp_path)) == expected
    found = dm.Dataset.import_from(tmp_path, "datumaro_binary", rows="3:21")
    assert [item.id for item in found] == [item.id for item in expected[3:21]]
    assert [item.id for item in dm.ItemReader(tmp_path)[0:40]] == [item.id for item in expected]
    assert dm.ItemReader(tmp_path)["007", "default"].annotations == expected[7].annotations


def test_counting_does_without_arrow(path, arrow_is_not_asked):
    expected = dm.summarize(path.parent.parent)
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    del told["counts"]
    written_again(path, told={"datumaro": json.dumps(told)}, compression="zstd", store_schema=False)
    assert dm.summarize(path.parent.parent) == expected


def test_workers_may_be_threads_or_processes(path):
    opened = OpenedFile(path)
    group = opened.group(0, 5, 30)
    whole = decoded(path).slice(5, 25)
    assert pickle.loads(pickle.dumps(group)).read().equals(whole)
    with ThreadPoolExecutor(4) as threads:
        for batch in threads.map(lambda _: group.read(), range(40)):
            assert batch.equals(whole)


def test_the_footer_is_read_once(path, monkeypatch):
    written_again(path, compression="zstd", store_schema=False, row_group_size=9)
    read, asked = reading.plain_footer, []
    monkeypatch.setattr(reading, "plain_footer", lambda p: asked.append(p) or read(p))
    assert len(list(dm.Dataset.import_from(path))) == 40
    assert asked == [path]


# --- what Arrow must read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"compression": "snappy"}, "stored otherwise"),
        ({"compression": "zstd", "data_page_version": "2.0"}, "another kind|too many values"),
        (
            {"column_encoding": {"id": "DELTA_BYTE_ARRAY"}, "use_dictionary": False,
             "compression": "none"},
            "another encoding",
        ),
    ],
)  # fmt: skip
def test_columns_that_are_stored_otherwise(path, options, why, why_arrow):
    written_again(path, store_schema=False, **options)
    with pytest.raises(ValueError, match=why):
        decoded(path)
    assert list(dm.Dataset.import_from(path)) == list(dataset())
    assert len(why_arrow()) == 1
    assert "row group 0: Arrow reads it" in why_arrow()[0]


def test_columns_of_another_type(path, why_arrow):
    table = pq.read_table(path)
    index = table.schema.get_field_index("id")
    written_again(path, table.set_column(index, pa.field("id", pa.int64()), pa.array(range(40))))
    assert OpenedFile(path).group(0, 0, 40).stored is None
    assert [item.id for item in dm.Dataset.import_from(path)] == [str(i) for i in range(40)]
    assert "another kind of column id" in why_arrow()[0]


def test_encrypted_files(tmp_path):
    key = generate_key()
    export(tmp_path, encryption_key=key)
    found = dm.Dataset.import_from(tmp_path, encryption_key=key)
    assert [item.annotations for item in found] == [item.annotations for item in dataset()]


# --- what is wrong ------------------------------------------------------------------------------


def test_a_changed_page_is_noticed(path):
    whole = path.read_bytes()
    at = whole.index(b"\xb5\x2f\xfd") + 20  # in a zstd frame
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ValueError, match="checksum"):
        decoded(path)
    with pytest.raises(MalformedFileError, match=r"default\.datum.*row group 0"):
        dm.Dataset.import_from(path).init_cache()


def moved(monkeypatch, **changes):
    """Let footers tell other places of columns."""
    places = stored.column_places

    def changed(footer, number):
        return [stored.Place(*place)._replace(**changes) for place in places(footer, number)]

    monkeypatch.setattr(stored, "column_places", changed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": 3}, "outside"),
        ({"data": -5, "words": 0}, "outside"),
        ({"stored": -1}, "outside"),
        ({"stored": 10**12}, "than the file has"),
        ({"data": 10**9, "words": 0, "stored": 5}, "the end of the file"),
        ({"stored": 0}, "another number"),
        ({"values": 39}, "another number"),
        ({"values": -1}, "fewer values"),
        ({"kind": 5}, "another type"),
        ({"codec": 1}, "otherwise"),
        ({"codec": 0}, "of another size"),
    ],
)
def test_footers_that_tell_otherwise(path, monkeypatch, changes, message):
    moved(monkeypatch, **changes)
    with pytest.raises(ValueError, match=message):
        decoded(path)
    assert list(dm.Dataset.import_from(path)) == list(dataset())


def test_few_bytes_that_stand_for_very_many_nulls(path, monkeypatch):
    moved(monkeypatch, values=2**30)
    with pytest.raises(
        MalformedFileError, match=r"row group 0: \d{12} bytes; .*at most 2147483648"
    ):
        dm.Dataset.import_from(path).init_cache()


def test_row_groups_that_are_larger_than_they_say(path):
    opened = OpenedFile(path)
    own = opened.group(0, 0, 40).stored
    assert own is not None
    for size in (0, 300):
        with pytest.raises(ValueError, match="more bytes than the row group says"):
            groups.StoredGroup(path, own.columns, own.rows, size).read()
    for rows in (39, 41):
        with pytest.raises(ValueError, match="another number of values than of rows"):
            groups.StoredGroup(path, own.columns, rows, own.size).read()
    nested = [(column, place) for column, place in own.columns if column.nested]
    with pytest.raises(ValueError, match="another number of lists than of rows"):
        groups.StoredGroup(path, nested, 39, own.size).read()
    with pytest.raises(ValueError, match="another number of lists than of rows"):
        groups.StoredGroup(path, [], 40, own.size).read()


def test_columns_of_very_many_pages(path, monkeypatch, why_arrow):
    written_again(path, compression="zstd", store_schema=False, **SMALL)
    monkeypatch.setattr(groups, "MOST_PAGES", 3)
    assert list(dm.Dataset.import_from(path)) == list(dataset())
    assert "too many pages" in why_arrow()[0]


def test_files_that_become_shorter(path):
    own = OpenedFile(path).group(0, 0, 40)
    path.write_bytes(path.read_bytes()[:200])
    assert own.stored is not None
    with pytest.raises(ValueError, match=r"than the file has|the end of the file"):
        own.stored.read()
    with pytest.raises(MalformedFileError, match="row group 0"):
        own.read()
    path.unlink()
    with pytest.raises(MalformedFileError, match="No such file"):
        own.read()


def outcome(read):
    try:
        return read()
    except (DatumaroError, OSError):
        return None


@pytest.mark.parametrize("checked", [True, False])
def test_changed_bytes_are_noticed_or_read_as_arrow_does(path, checked):
    if not checked:  # no checksums: what is damaged is decoded
        written_again(path, compression="none", store_schema=False, use_dictionary=["path"])
    whole, drawn, own = path.read_bytes(), random.Random(7), 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(drawn.randint(1, 2)):
            data[drawn.randrange(4, len(whole) - 8)] = drawn.choice([0, 1, 127, 255, 3])
        path.write_bytes(data)
        opened = outcome(lambda: OpenedFile(path))
        if opened is None or not opened.footer.num_row_groups:
            continue
        group = opened.group(0, 0, rows_of(opened, 0))
        found, expected = outcome(group._decoded), outcome(group._by_arrow)
        if found is not None:
            own += 1
            assert expected is not None
            assert_same(found, expected, whole=checked)
    assert own > 20


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_cut_files_with_a_footer(path, share):
    """The footer is there, but what it tells of is not."""
    data = path.read_bytes()
    size = int.from_bytes(data[-8:-4], "little") + 8
    path.write_bytes(data[: int((len(data) - size) * share)] + data[-size:])
    with pytest.raises(MalformedFileError, match="row group 0"):
        dm.Dataset.import_from(path).init_cache()
