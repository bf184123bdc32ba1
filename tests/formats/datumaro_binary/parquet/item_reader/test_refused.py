"""What an `ItemReader` cannot read: nothing there, changed files, damage."""

import dataclasses
import inspect
import json
import pickle
import random
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidOptionError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
)
from datumaro.formats.datumaro_binary.format import DatumaroBinaryReadOptions
from datumaro.formats.datumaro_binary.parquet import row_groups
from formats.datumaro_binary.parquet.item_reader.item_files import dataset, export, files, read


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
