"""Counts in the metadata of the Parquet storage, and counting without them."""

import contextlib
import json
import logging
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import DatasetImportError, MalformedFileError, MissingKeyError
from datumaro.formats.datumaro_binary.parquet import reading, writing
from datumaro.formats.detection import detect, detect_one
from datumaro.testing.strategies import datasets


def dataset(subsets=("train", "val")):
    items = [
        dm.DatasetItem(
            f"{i}",
            subset=subset,
            annotations=[dm.Bbox(i, 0, 4, 8, label=i % 2), dm.Caption(f"{i}")] * (i % 3),
        )
        for subset in subsets
        for i in range(7)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog", "emu"], infos={"by": "me"})


def export(folder, made=None, **options):
    (made or dataset()).export(folder, "datumaro_binary", storage="parquet", **options)
    return folder


def files(folder):
    return sorted((folder / "annotations").glob("*.datum"))


def with_metadata(path: Path, change):
    """Write a file again with other metadata, as other tools do."""
    table = pq.read_table(path)
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    change(told)
    table = table.replace_schema_metadata({b"datumaro": json.dumps(told).encode()})
    pq.write_table(table, path, row_group_size=3)


def without_counts(told):
    del told["counts"]


@pytest.fixture
def columns_read(monkeypatch):
    """The columns of the row groups that are read."""
    found = []
    whole = reading.Group.read

    def noted(group):
        found.append([name.rpartition(".")[2] for name in group.columns])
        return whole(group)

    monkeypatch.setattr(reading.Group, "read", noted)
    return found


# --- what is told -------------------------------------------------------------------------------


@pytest.mark.parametrize("shard_size", [0, 3])
def test_the_files_tell_and_nothing_is_read(tmp_path, columns_read, shard_size):
    export(tmp_path, shard_size=shard_size)
    assert dm.summarize(tmp_path) == dm.summarize(dataset())
    assert columns_read == []


@pytest.mark.parametrize("shard_size", [0, 3])
def test_where_they_do_not_two_columns_are_read(tmp_path, columns_read, shard_size):
    export(tmp_path, shard_size=shard_size)
    for path in files(tmp_path):
        with_metadata(path, without_counts)
    assert dm.summarize(tmp_path) == dm.summarize(dataset())
    assert {name for columns in columns_read for name in columns} == {"type", "label"}


@settings(max_examples=20)
@given(datasets(max_items=6))
def test_all_that_there_is_is_counted_alike(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("counts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROW_GROUP", 2)
        export(folder, made)
    expected = dm.summarize(dm.Dataset.import_from(folder, "datumaro_binary"))
    assert dm.summarize(folder, "datumaro_binary") == expected
    for path in files(folder):
        with_metadata(path, without_counts)
    assert dm.summarize(folder, "datumaro_binary") == expected


def test_neither_numpy_nor_arrow_nor_ciphers_are_loaded(tmp_path):
    export(tmp_path)
    code = (
        "import sys; from datumaro.cli.main import main; "
        "assert main(['info', sys.argv[1], '--label-counts']) == 0; "
        "print(*{'numpy', 'pyarrow', 'cryptography', 'PIL', 'rich', 'importlib.metadata', "
        "'datumaro.cli.commands.convert'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "length: 14" in done.stdout
    assert done.stderr.split("\n", 1)[1].strip() == ""  # after the format that was detected


def test_a_part_is_counted_by_reading_it(tmp_path):
    export(tmp_path)
    assert dm.summarize(tmp_path, rows="2:4").total.items == 4


def test_a_single_file(tmp_path):
    export(tmp_path, shard_size=3)
    assert dm.summarize(files(tmp_path)[1], "datumaro_binary").total.items == 3


def test_an_empty_data_set(tmp_path):
    export(tmp_path, dm.Dataset.from_iterable([], categories=["cat"]))
    found = dm.summarize(tmp_path)
    assert (found.total.items, found.subsets, found.label_counts()) == (0, {}, {"cat": 0})


def test_counts_are_inside_the_encryption(tmp_path):
    key = generate_key()
    export(tmp_path, encryption_key=key)
    with pytest.raises(MissingKeyError):
        dm.summarize(tmp_path)
    assert dm.summarize(tmp_path, encryption_key=key) == dm.summarize(dataset())
    assert b"counts" not in files(tmp_path)[0].read_bytes()


# --- what is wrong ------------------------------------------------------------------------------


def change_label(told):
    told["counts"]["annotations"]["bbox"]["1"] += 1


def change_unannotated(told):
    told["counts"]["unannotated"] = 0


def add_kind(told):
    told["counts"]["annotations"]["polygon"] = {"": 3}


def remove_kinds(told):
    told["counts"]["annotations"] = {}


@pytest.mark.parametrize(
    ("change", "found", "expected"),
    [
        (change_label, "4 bbox annotations with label 1", "3 bbox annotations with label 1"),
        (change_unannotated, "0 items without annotations", "3 items without annotations"),
        (add_kind, "3 polygon annotations with no label", "0 polygon annotations with no label"),
        (remove_kinds, "0 bbox annotations with label 0", "3 bbox annotations with label 0"),
    ],
)
def test_counts_that_are_not_those_of_the_file(tmp_path, caplog, change, found, expected):
    export(tmp_path)
    with_metadata(files(tmp_path)[0], change)
    with pytest.raises(MalformedFileError, match=r"train\.datum.*counts") as info:
        dm.Dataset.import_from(tmp_path)
    assert found in str(info.value) and expected in str(info.value)
    with caplog.at_level(logging.WARNING, "datumaro"):
        back = dm.Dataset.import_from(tmp_path, error_policy="skip")
    assert list(back) == list(dataset())
    assert found in caplog.text
    assert len(dm.Dataset.import_from(tmp_path, rows="0:2")) == 4  # nothing is known of a part


@pytest.mark.parametrize(
    "counts",
    [
        5, [], {}, {"unannotated": 1}, {"unannotated": -1, "annotations": {}},
        {"unannotated": 0, "annotations": {"bbox": 3}},
        {"unannotated": 0, "annotations": {"bbox": {"0": -3}}},
        {"unannotated": 0, "annotations": {"bbox": {"cat": 3}}},
        {"unannotated": 0, "annotations": {"hexagon": {"": 3}}},
    ],
)  # fmt: skip
def test_counts_that_are_none(tmp_path, counts):
    export(tmp_path)
    with_metadata(files(tmp_path)[0], lambda told: told.update(counts=counts))
    for read in (dm.Dataset.import_from, dm.summarize):
        with pytest.raises(MalformedFileError, match=r"train\.datum: metadata 'datumaro'"):
            read(tmp_path)


def test_a_missing_shard_is_found(tmp_path):
    export(tmp_path, shard_size=3)
    files(tmp_path)[1].unlink()
    with pytest.raises(DatasetImportError, match=r"train-00001-of-00003\.datum"):
        dm.summarize(tmp_path)


@pytest.mark.parametrize("keep", [0, 3, 4, 11, 12, -9, -8, -1])
def test_a_cut_file(tmp_path, keep):
    path = files(export(tmp_path))[0]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DatasetImportError, match=r"train\.datum"):
        dm.summarize(tmp_path, "datumaro_binary")


def test_a_length_beyond_the_file(tmp_path):
    path = files(export(tmp_path))[0]
    path.write_bytes(path.read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1")
    with pytest.raises(MalformedFileError, match=r"train\.datum: footer.*a whole Parquet file"):
        dm.summarize(tmp_path)


def test_damaged_footers_are_refused_or_told(tmp_path):
    path = files(export(tmp_path, dataset(("train",))))[0]
    whole, drawn = path.read_bytes(), random.Random(1)
    begin = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for _ in range(150):
        data = bytearray(whole)
        data[drawn.randrange(begin, len(whole))] ^= 1 << drawn.randrange(8)
        path.write_bytes(data)
        with contextlib.suppress(DatasetImportError):
            dm.summarize(tmp_path, "datumaro_binary")


def test_another_number_of_rows_than_it_says(tmp_path):
    export(tmp_path)
    with_metadata(files(tmp_path)[0], lambda told: told.update(items=6))
    with pytest.raises(MalformedFileError, match=r"train\.datum: footer.*7 rows.*6, as it says"):
        dm.summarize(tmp_path)


# --- detection ----------------------------------------------------------------------------------


@pytest.fixture
def others_asked(monkeypatch):
    """Whether all formats were asked."""
    asked = []
    monkeypatch.setattr(
        "datumaro.formats.detection.detect",
        lambda path, depth: asked.append(path) or detect(path, depth),
    )
    return asked


@pytest.mark.parametrize("storage", ["records", "parquet"])
def test_no_other_format_is_asked_of_a_folder_of_these_files(tmp_path, others_asked, storage):
    dataset().export(tmp_path, "datumaro_binary", storage=storage, save_media=True)
    assert detect_one(tmp_path) == ("datumaro_binary", tmp_path)
    assert others_asked == []
    assert detect(tmp_path).formats == ["datumaro_binary"]


@pytest.mark.parametrize("name", ["labels.txt", "annotations/notes.json", "annotations/x.datum"])
def test_all_are_asked_where_anything_else_lies(tmp_path, others_asked, name):
    export(tmp_path)
    (tmp_path / name).write_text("x")
    with contextlib.suppress(dm.errors.DatumaroError):
        detect_one(tmp_path)
    assert others_asked == [tmp_path]
