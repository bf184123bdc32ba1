"""What an `ItemReader` reads, and how much of it is kept."""

from pathlib import Path

import pyarrow as pa
import pytest

import datumaro as dm
from formats.datumaro_binary.parquet.item_reader.item_files import files, ids, read


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
