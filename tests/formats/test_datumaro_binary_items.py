"""Reading single items of the Parquet storage: `ItemReader`."""

import dataclasses
import inspect
import json
import operator
import pickle
import random
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidOptionError,
    MalformedFileError,
    MissingKeyError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary.format import DatumaroBinaryReadOptions
from datumaro.formats.datumaro_binary.parquet import item_reader, row_groups, writing
from datumaro.formats.datumaro_binary.parquet.recent import Recent
from datumaro.testing.strategies import datasets

KEY = generate_key()


def dataset(n=11, subsets=("train", "val")):
    items = [
        dm.DatasetItem(
            f"{i}",
            subset=subset,
            media=dm.Image.from_numpy(np.full((4, 6, 3), 10 * (i % 20), np.uint8), ext=".png"),
            annotations=[dm.Polygon([i, 0, i + 4.25, 0, i, 8], label=0), dm.Caption(f"{i}")],
            attributes={"n": i},
        )
        for subset in subsets
        for i in range(n)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat"], infos={"by": "me"})


def export(folder, made=None, **options):
    """In row groups of two items."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROW_GROUP", 2)
        made = made or dataset()
        made.export(folder, "datumaro_binary", storage="parquet", save_media=True, **options)
    return folder


def read(folder, **options):
    return dm.Dataset.import_from(folder, "datumaro_binary", **options)


def files(folder):
    return sorted((folder / "annotations").glob("*.datum"))


def ids(items):
    return [(item.subset, item.id) for item in items]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return export(tmp_path_factory.mktemp("items"), shard_size=5)


@pytest.fixture
def groups_read(monkeypatch, groups_read):
    """The row groups that are read by Arrow, as all are then."""
    monkeypatch.setattr(row_groups.StoredFile, "pages", lambda *_: None)
    return groups_read


# --- a training loop ----------------------------------------------------------------------------


@pytest.mark.parametrize("few", [0, 1, 8])
@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
@pytest.mark.parametrize("paged", [True, False])
def test_in_any_order_they_are_the_data_sets_items(folder, monkeypatch, few, cache_bytes, paged):
    monkeypatch.setattr(row_groups, "_FEW", few)
    if not paged:
        monkeypatch.setattr(row_groups.StoredFile, "pages", lambda *_: None)
    expected = list(read(folder))
    reader = dm.ItemReader(folder, cache_bytes=cache_bytes)
    assert len(reader) == len(expected) == 22
    shuffled = random.Random(7)
    for _ in range(3):
        for k in shuffled.sample(range(22), 22):
            assert reader[k] == expected[k]


def looked_at(reader, k):
    """What a worker makes of an item: all of it, and its picture."""
    item = reader[k]
    return item.id, item.subset, [a.type.name for a in item.annotations], int(item.media.data.sum())


def seen(dataset):
    return [looked_at(dataset, k) for k in range(len(dataset))]


def test_another_process_reads_them(folder):
    reader = dm.ItemReader(folder)
    assert reader[3].id == "3"
    order = random.Random(7).sample(range(22), 22)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(operator.getitem, [reader] * 22, order, chunksize=6))
    assert found == [reader[k] for k in order]


def test_a_forked_process_reads_them_while_a_thread_of_its_parent_does(folder):
    reader = dm.ItemReader(folder, cache_bytes=0)
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            _ = reader[random.randrange(22)]

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        with get_context("fork").Pool(2) as pool:
            found = pool.starmap_async(looked_at, [(reader, k) for k in range(22)]).get(60)
    finally:
        stop.set()
        thread.join()
    assert found == seen(read(folder))


def test_locks_that_were_held_at_a_fork_do_not_matter(folder, monkeypatch):
    reader = dm.ItemReader(folder)
    assert reader[0].id == "0"
    reader._recent._lock.acquire()
    reader._naming.acquire()
    monkeypatch.setattr(item_reader.os, "getpid", lambda: -1)  # as the child sees it
    assert reader[1].id == "1"
    assert reader.get("1", "val").subset == "val"


def test_several_threads_read_them(folder):
    reader = dm.ItemReader(folder, cache_bytes=20_000)
    expected = list(read(folder))
    order = [k for seed in range(4) for k in random.Random(seed).sample(range(22), 22)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reader.__getitem__, order))
    assert found == [expected[k] for k in order]


@settings(max_examples=10)
@given(datasets(max_items=6), st.randoms(use_true_random=False))
def test_all_that_there_is_is_read(tmp_path_factory, made, shuffled):
    where = export(tmp_path_factory.mktemp("items"), made)
    expected = list(read(where))
    reader = dm.ItemReader(where)
    for k in shuffled.sample(range(len(expected)), len(expected)):
        assert reader[k] == expected[k]
        assert reader[expected[k].id, expected[k].subset] == expected[k]
    assert list(reader) == expected


# --- which items --------------------------------------------------------------------------------


def test_places_count_as_those_of_a_list(folder):
    reader, expected = dm.ItemReader(folder), list(read(folder))
    assert reader[-1] == expected[-1] and reader[-22] == expected[0]
    assert reader[np.int64(4)] == expected[4]
    for part in (slice(3, 9), slice(None, None, -5), slice(20, 99), slice(4, 4), slice(-3, None)):
        assert reader[part] == expected[part]
    assert reader.take([21, 0, 21, -22]) == [expected[k] for k in (21, 0, 21, 0)]
    assert reader.take([]) == []


@pytest.mark.parametrize("k", [22, -23, 10**30])
def test_a_place_beyond_the_last(folder, k):
    with pytest.raises(IndexError, match=rf"item {k} of 22"):
        dm.ItemReader(folder)[k]


@pytest.mark.parametrize("k", ["3", 1.0, None])
def test_what_is_no_place(folder, k):
    with pytest.raises(TypeError):
        dm.ItemReader(folder)[k]


def test_an_item_by_its_name(folder, groups_read):
    reader = dm.ItemReader(folder)
    assert ids([reader["4", "val"], reader.get(4, "train")]) == [("val", "4"), ("train", "4")]
    n = len(groups_read)
    assert reader.get("44", "val") is None and reader.get("4") is None
    assert len(groups_read) == n  # the names are known
    with pytest.raises(KeyError, match=r"no item of id and subset \('44', 'val'\)"):
        reader["44", "val"]


def test_names_of_the_same_hash(folder, monkeypatch):
    monkeypatch.setattr(item_reader, "hash", lambda name: 5, raising=False)
    reader = dm.ItemReader(folder)
    assert ids([reader["7", "val"]]) == [("val", "7")]
    assert reader.get("44", "val") is None


@pytest.mark.parametrize(
    "options", [{"rows": "3:8"}, {"shard": "1/3"}, {"rows": "4:", "shard": "0/2"}, {"rows": "99:"}]
)
def test_a_part_as_an_import_has_it(folder, options):
    reader, expected = dm.ItemReader(folder, **options), list(read(folder, **options))
    assert [reader[k] for k in range(len(reader))] == expected == list(reader)
    for item in expected:
        assert reader[item.id, item.subset] == item
    assert reader.get("0", "nowhere") is None


def test_a_single_file(folder):
    path = files(folder)[1]
    assert list(dm.ItemReader(path)) == list(read(path))


def test_the_whole_is_told_without_reading_any(folder, groups_read):
    reader, made = dm.ItemReader(folder), dataset()
    assert (reader.infos(), reader.categories()) == (made.infos(), made.categories())
    assert reader.media_type() is dm.Image
    assert reader.subsets() == {"train": range(11), "val": range(11, 22)}
    assert [len(group) for group in reader.row_groups()] == [2, 2, 1, 2, 2, 1, 1] * 2
    assert [k for group in reader.row_groups() for k in group] == list(range(22))
    assert "22 items" in repr(reader)
    assert groups_read == []


def test_nothing_to_read(tmp_path):
    reader = dm.ItemReader(export(tmp_path, dm.Dataset.from_iterable([], categories=["cat"])))
    assert (len(reader), list(reader), reader[:], reader.get("a")) == (0, [], [], None)
    with pytest.raises(IndexError):
        reader[0]


# --- what is read and kept ----------------------------------------------------------------------


def test_only_the_row_group_of_an_item_is_read_and_neighbours_cost_nothing(folder, groups_read):
    reader = dm.ItemReader(folder)
    for _ in range(3):
        assert ids([reader[7], reader[8]]) == [("train", "7"), ("train", "8")]
    assert groups_read == [("train-00001-of-00003", 1)]


def test_of_several_each_row_group_is_read_once(folder, groups_read):
    reader = dm.ItemReader(folder, cache_bytes=0)
    assert [item.id for item in reader.take([0, 5, 1, 6])] == ["0", "5", "1", "6"]
    assert groups_read == [("train-00000-of-00003", 0), ("train-00001-of-00003", 0)]


def test_what_was_asked_for_longest_ago_is_dropped(folder, groups_read):
    reader = dm.ItemReader(folder)
    _ = reader[0]
    most = 3 * reader._recent.nbytes
    reader, n = dm.ItemReader(folder, cache_bytes=most), len(groups_read)
    for k in range(22):
        _ = reader[k]
        assert reader._recent.nbytes <= most
    assert len(groups_read) - n == 14
    _ = reader[21], reader[0]
    assert len(groups_read) - n == 15


def test_iterating_keeps_nothing(folder, groups_read):
    reader = dm.ItemReader(folder)
    _ = reader[0]
    assert len(list(reader)) == 22
    assert len(reader._recent) == 1
    assert len(groups_read) == 14


def test_items_are_the_callers_own(folder):
    reader = dm.ItemReader(folder)
    for get in (lambda: reader[3], lambda: reader[3:5][0], lambda: list(reader)[3]):
        item = get()
        item.annotations[0].points[0] = 99.0
        item.attributes["n"] = 5
        item.annotations.pop()
        assert (len(item.annotations), item.attributes["n"]) == (1, 5)
        assert get() == read(folder)[3]


def test_an_item_does_not_hold_its_row_group(tmp_path):
    made = dm.Dataset.from_iterable(
        [dm.DatasetItem(f"{i}", annotations=[dm.Caption("x" * 100_000)]) for i in range(20)]
    )
    made.export(tmp_path, "datumaro_binary", storage="parquet")
    before = pa.total_allocated_bytes()
    reader = dm.ItemReader(tmp_path)
    kept = [reader[k] for k in range(20)]
    del reader
    few = kept[3::10]
    del kept
    assert len(few) == 2 and pa.total_allocated_bytes() - before < 500_000


def test_no_file_stays_open(folder):
    def opened():
        return {p.resolve() for p in Path("/proc/self/fd").iterdir() if p.exists()}

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("there is no /proc")
    reader = dm.ItemReader(folder)
    _ = reader[0]
    assert not opened() & {path.resolve() for path in files(folder)}


def test_recent_keeps_the_last_however_large():
    made = []
    recent = Recent(10)

    def make(key):
        made.append(key)
        return np.zeros(key, np.uint8)

    for key in (4, 5, 4, 30, 4):
        recent.get(key, make)
    assert made == [4, 5, 30, 4]
    assert (len(recent), recent.nbytes) == (1, 4)


def test_recent_makes_anew_what_could_not_be_made():
    recent = Recent(10)

    def fail(key):
        raise OSError("no")

    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            recent.get(1, fail)
    assert len(recent) == 0
    assert len(recent.get(1, np.zeros)) == 1


# --- encryption ---------------------------------------------------------------------------------


def test_an_encrypted_data_set(tmp_path, monkeypatch):
    export(tmp_path, encryption_key=KEY)
    reader = pickle.loads(pickle.dumps(dm.ItemReader(tmp_path, encryption_key=KEY)))
    expected = read(tmp_path, encryption_key=KEY)
    assert seen(reader) == seen(expected)
    with pytest.raises(WrongKeyError):
        dm.ItemReader(tmp_path, encryption_key=generate_key())
    with pytest.raises(MissingKeyError):
        dm.ItemReader(tmp_path)
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", KEY)
    assert dm.ItemReader(tmp_path)[3] == expected[3]


def test_a_key_file_opens_it(tmp_path):
    export(tmp_path / "set", key_file=str(tmp_path / "key"))
    assert dm.ItemReader(tmp_path / "set", key_file=str(tmp_path / "key"))[3].id == "3"


# --- what cannot be read ------------------------------------------------------------------------


def test_it_takes_what_the_import_takes():
    """All but the workers: each with the same default, and none of the import's forgotten."""
    taken = inspect.signature(dm.ItemReader).parameters
    options = {field.name: field.default for field in dataclasses.fields(DatumaroBinaryReadOptions)}
    del options["num_workers"]
    assert {name: taken[name].default for name in options} == options
    assert taken.keys() - options.keys() == {"path", "cache_bytes", "storage_options"}


def test_where_nothing_lies(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        dm.ItemReader(tmp_path / "nowhere")
    with pytest.raises(DatasetNotFoundError, match=r"no annotations/\*\.datum"):
        dm.ItemReader(tmp_path)


def test_records(tmp_path):
    dataset().export(tmp_path, "datumaro_binary")
    with pytest.raises(DatasetImportError, match=r"train\.datum.*storage='parquet'"):
        dm.ItemReader(tmp_path)


def test_a_part_that_is_none(folder):
    with pytest.raises(InvalidOptionError, match="rows is"):
        dm.ItemReader(folder, rows="5")


def test_a_missing_shard(tmp_path):
    export(tmp_path, shard_size=5)
    files(tmp_path)[1].unlink()
    with pytest.raises(DatasetImportError, match=r"train-00001-of-00003\.datum"):
        dm.ItemReader(tmp_path)


def other_data_set(folder):
    export(folder, dataset(30), shard_size=5)


def other_file(folder):
    other = export(folder.parent / "other", dataset(5), shard_size=5)
    for path in files(other):
        shutil.copy(path, folder / "annotations" / f"{path.stem}-00000-of-00003.datum")


def cut_file(folder):
    for path in files(folder):
        path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize("change", [other_data_set, other_file, cut_file])
@pytest.mark.parametrize("pickled", [False, True])
def test_a_file_that_is_changed_after_it_was_opened(tmp_path, monkeypatch, change, pickled):
    monkeypatch.setattr(row_groups, "_FEW", 0)
    where = export(tmp_path / "set", shard_size=5)
    reader = dm.ItemReader(where)
    first = reader[0]
    change(where)
    if pickled:
        reader = pickle.loads(pickle.dumps(reader))
        with pytest.raises(DatasetImportError):
            reader[0]
    else:
        assert reader[0] == first  # it is kept
    with pytest.raises(DatasetImportError, match="was changed, replaced or removed"):
        reader[4]


def write(folder, table, **metadata):
    """A table in place of the data set's only file."""
    (path,) = files(folder)
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    told.pop("columns")
    told = metadata.get("change", lambda told: told)(json.dumps(told).encode())
    table = table.replace_schema_metadata({b"datumaro": told})
    pq.write_table(table, path, row_group_size=2)


@pytest.fixture
def one_file(tmp_path):
    return export(tmp_path, dataset(5, ["train"]))


def table_of(folder):
    return pq.read_table(files(folder)[0])


def with_column(table, name, values):
    index = table.schema.get_field_index(name)
    return table.set_column(index, pa.field(name, values.type), values)


def test_damage_is_found_where_it_is_read(one_file):
    table = table_of(one_file)
    paths = table["path"].to_pylist()
    write(one_file, with_column(table, "path", pa.array([*paths[:4], "../../etc/passwd"])))
    reader = dm.ItemReader(one_file)
    assert [reader[k].id for k in range(4)] == ["0", "1", "2", "3"]
    for _ in range(2):
        with pytest.raises(PathOutsideDatasetError, match="'4'"):
            reader[4]
    with pytest.raises(PathOutsideDatasetError):
        list(reader)


@pytest.mark.parametrize("id", ["../x", "/etc/passwd", ""])
def test_ids_that_lead_elsewhere(one_file, id):
    write(one_file, with_column(table_of(one_file), "id", pa.array(["0", "1", "2", "3", id])))
    reader = dm.ItemReader(one_file)
    assert reader[3].id == "3"
    with pytest.raises((DatasetImportError, PathOutsideDatasetError)):
        reader[4]


def test_labels_that_are_not_declared(one_file):
    table = table_of(one_file).to_pylist()
    table[2]["annotations"][0]["label"] = 7
    write(one_file, pa.Table.from_pylist(table, table_of(one_file).schema))
    reader = dm.ItemReader(one_file)
    assert reader[3].id == "3"
    with pytest.raises(UndeclaredLabelError, match="label 7"):
        reader[2]


@pytest.mark.parametrize(
    "values",
    [pa.array([0, 1, 2, 3, 4]), pa.array(["0", "1", "2", None, "4"]),
     pa.array([b"0", b"1", b"2", b"\xff", b"4"], pa.binary())],
)  # fmt: skip
def test_ids_that_are_none(one_file, values):
    write(one_file, with_column(table_of(one_file), "id", values))
    reader = dm.ItemReader(one_file)
    if not pa.types.is_integer(values.type):
        with pytest.raises(MalformedFileError, match=r"train\.datum: row group 1: id"):
            reader.get("4", "train")
        with pytest.raises(MalformedFileError, match="id"):
            reader[3]
    else:
        assert reader[3].id == "3"  # numbers convert


def test_no_column_of_ids(one_file):
    write(one_file, table_of(one_file).drop_columns(["id"]))
    reader = dm.ItemReader(one_file)
    with pytest.raises(MalformedFileError, match="id"):
        reader[0]
    with pytest.raises(MalformedFileError, match="id"):
        reader.get("0", "train")


def test_every_changed_byte_is_noticed_or_harmless(one_file):
    (path,) = files(one_file)
    whole = path.read_bytes()
    expected = list(read(one_file))
    for at in random.Random(5).sample(range(len(whole)), 60):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        try:
            found = dm.ItemReader(path)
            items = [found[k] for k in range(len(found))]
        except dm.errors.DatumaroError:
            continue
        assert len(items) == len(expected)
