"""Which items an `ItemReader` has: places, names, parts, keys."""

import pickle

import numpy as np
import pytest

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import MissingKeyError, WrongKeyError
from datumaro.formats.datumaro_binary.parquet import item_reader
from formats.datumaro_binary.parquet.item_reader.item_files import (
    KEY,
    dataset,
    export,
    files,
    ids,
    read,
    seen,
)

# --- which items ----------------------------------------------------------------------------------


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


# --- encryption -----------------------------------------------------------------------------------


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
