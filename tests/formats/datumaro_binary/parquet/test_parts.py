"""Reading a part of the Parquet storage: some files, some items."""

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.errors import DatasetError, DatasetImportError, InvalidOptionError
from datumaro.formats.datumaro_binary.parquet import writing
from datumaro.formats.datumaro_binary.parquet.parts import Part, groups_between, part_of
from datumaro.testing.strategies import datasets


def dataset(n=7, subsets=("train",)):
    items = [
        dm.DatasetItem(
            f"{i}",
            subset=subset,
            annotations=[dm.Polygon([i, 0, i + 4.25, 0, i, 8], label=0), dm.Caption(f"{i}")],
        )
        for subset in subsets
        for i in range(n)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat"], infos={"by": "me"})


def export(folder, made, **options):
    made.export(folder, "datumaro_binary", storage="parquet", **options)
    return folder


def read(folder, **options):
    return dm.Dataset.import_from(folder, "datumaro_binary", **options)


def ids(made):
    return [(item.subset, item.id) for item in made]


@pytest.fixture
def groups_of_two(monkeypatch):
    monkeypatch.setattr(writing, "ROW_GROUP", 2)


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "begin", "end"),
    [("2:5", 2, 5), (":3", 0, 3), ("4:", 4, 7), (":", 0, 7), ("6:99", 6, 7), ("7:9", 7, 7),
     ("3:3", 3, 3), ("0:1", 0, 1)],
)  # fmt: skip
@pytest.mark.parametrize("shard_size", [0, 3])
def test_rows_are_items_of_each_subset(tmp_path, groups_of_two, rows, begin, end, shard_size):
    made = dataset(subsets=("train", "val"))
    export(tmp_path, made, shard_size=shard_size)
    back = read(tmp_path, rows=rows)
    expected = [item for item in made if begin <= int(item.id) < end]
    assert list(back) == expected
    assert (back.infos(), back.get_label_cat_names()) == ({"by": "me"}, ["cat"])


@settings(max_examples=30)
@given(datasets(max_items=6), st.data())
def test_rows_of_all_that_there_is(tmp_path_factory, made, data):
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROW_GROUP", 2)
        export(folder, made, save_media=True)
    whole = read(folder)
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    expected = [i for subset in whole.subsets().values() for i in list(subset)[begin:end]]
    assert list(read(folder, rows=f"{begin}:{end}")) == expected


def test_only_the_row_groups_are_read_that_are_needed(tmp_path, groups_of_two, groups_read):
    export(tmp_path, dataset(12), shard_size=6)
    assert len(read(tmp_path, rows="5:8", num_workers=0)) == 3
    assert groups_read == [("train-00000-of-00002", 2), ("train-00001-of-00002", 0)]
    groups_read.clear()
    assert len(read(tmp_path, rows="20:")) == 0
    assert groups_read == []


def test_rows_of_one_file_are_counted_in_it(tmp_path):
    export(tmp_path, dataset(7), shard_size=3)
    path = tmp_path / "annotations" / "train-00001-of-00003.datum"
    assert [item.id for item in read(path, rows="1:")] == ["4", "5"]


# --- shards -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_workers_share_the_files(tmp_path, n):
    made = dataset(subsets=("train", "val"))
    export(tmp_path, made, shard_size=3)
    parts = [read(tmp_path, shard=f"{i}/{n}") for i in range(n)]
    found = [key for part in parts for key in ids(part)]
    assert sorted(found) == sorted(ids(made))
    assert all(part.get_label_cat_names() == ["cat"] for part in parts)
    assert all(part.media_type() is dm.Image for part in parts)


def test_every_nth_file_is_read(tmp_path):
    export(tmp_path, dataset(8), shard_size=2)
    back = read(tmp_path, shard="1/3")
    assert [item.id for item in back] == ["2", "3"]
    assert [item.id for item in read(tmp_path, shard="0/3")] == ["0", "1", "6", "7"]


def test_rows_of_a_shard_are_counted_through_the_subset(tmp_path):
    export(tmp_path, dataset(8), shard_size=2)
    assert [item.id for item in read(tmp_path, shard="1/2", rows="3:7")] == ["3", "6"]


def test_a_missing_shard_is_found_though_another_is_asked_for(tmp_path):
    export(tmp_path, dataset(8), shard_size=2)
    (tmp_path / "annotations" / "train-00001-of-00004.datum").unlink()
    with pytest.raises(DatasetImportError, match=r"train-00001-of-00004\.datum"):
        read(tmp_path, shard="0/2")


# --- what a part may not do ---------------------------------------------------------------------


def test_a_part_is_not_saved_in_the_place_of_the_whole(tmp_path):
    export(tmp_path, dataset())
    part = read(tmp_path, rows="0:2")
    assert not part.is_bound
    with pytest.raises(DatasetError, match="bound to no folder"):
        part.save()
    assert read(tmp_path, rows=":").is_bound
    assert len(read(tmp_path)) == 7


@pytest.mark.parametrize(
    "options",
    [
        {"shard": "1/1"}, {"shard": "0/0"}, {"shard": "2"}, {"shard": "-1/2"}, {"shard": ""},
        {"shard": "a/b"}, {"shard": "0/2/3"}, {"shard": "٠/٢"}, {"rows": "5"}, {"rows": "5:2"},
        {"rows": "-3:"}, {"rows": ""}, {"rows": "1:2:3"}, {"rows": "a:b"}, {"rows": "1.5:2"},
        {"shard": 3}, {"rows": (0, 3)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("storage", ["parquet", "records"])
def test_parts_that_there_are_not(tmp_path, options, storage):
    dataset().export(tmp_path, "datumaro_binary", storage=storage)
    ((name, value),) = options.items()
    with pytest.raises(InvalidOptionError, match=f"{name} is .*expected ") as info:
        read(tmp_path, **options)
    assert repr(value) in str(info.value)


@pytest.mark.parametrize("options", [{"shard": "0/2"}, {"rows": "0:2"}])
def test_records_are_read_whole(tmp_path, options):
    dataset().export(tmp_path, "datumaro_binary")
    with pytest.raises(InvalidOptionError, match=r"options of parquet storage.*storage parquet"):
        read(tmp_path, **options)


# --- the arithmetic -----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 30), st.integers(0, 30))
def test_groups_hold_the_rows(sizes, begin, end):
    rows = [(group, row) for group, size in enumerate(sizes) for row in range(size)]
    found = [
        (group, row)
        for group, low, high in groups_between(sizes, begin, end)
        for row in range(low, high)
    ]
    assert found == rows[begin:end]


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 30), st.integers(0, 30))
def test_files_hold_the_rows(sizes, begin, end):
    part, first, found = Part(begin=begin, end=max(begin, end)), 0, []
    for size in sizes:
        low, high = part.within(first, size)
        found += range(first + low, first + high)
        first += size
    assert found == list(range(sum(sizes)))[begin : max(begin, end)]


def test_nothing_said_is_the_whole():
    assert part_of(None, None).is_whole
    assert part_of("0/1", ":").is_whole
    assert not part_of("0/2", None).is_whole


def test_the_file_has_the_groups_that_the_test_means(tmp_path, groups_of_two):
    path = export(tmp_path, dataset(7)) / "annotations" / "train.datum"
    assert pq.ParquetFile(path).metadata.num_row_groups == 4
