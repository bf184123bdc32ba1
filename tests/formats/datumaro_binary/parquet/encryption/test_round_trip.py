"""Encrypted Parquet storage: what goes through it, and that nothing is readable meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq
import pytest

import datumaro as dm
from datumaro.testing import FormatConformance
from formats.datumaro_binary.parquet.encryption.encrypted_parquet import (
    BINARY,
    KEY,
    KEYS,
    SHARDS,
    dataset,
    export,
    files,
    read,
    told,
)


def test_it_comes_back(encrypted: Path):
    assert told(read(encrypted)) == told(dataset())
    assert read(encrypted).get("1", "train").media.is_encrypted


def test_a_shard_is_read_alone(encrypted: Path):
    back = read(encrypted / SHARDS[1])
    assert [item.id for item in back] == ["1"]
    assert int(back.get("1", "train").media.data[0, 0, 0]) == 10


class TestConformance(FormatConformance):
    """All kinds of annotations and media go through it."""

    format = BINARY
    write_options: ClassVar = {"storage": "parquet", "shard_size": 2, "encryption_key": KEY}
    read_options: ClassVar = {"encryption_key": KEY}
    max_examples = 10


def test_nothing_is_readable_without_the_key(encrypted: Path):
    found = files(encrypted)
    assert sorted(found) == sorted(
        [
            *SHARDS,
            "annotations/val.datum",
            KEYS,
            "annotations/train.media",
            "annotations/val.media",
            *(f"images/train/{n}.png" for n in range(3)),
            "images/val/3.png",
        ]
    )
    for name, data in found.items():
        assert b"secret" not in data and b"coordinates" not in data and b"PNG" not in data, name
        if name.startswith("images"):
            assert data.startswith(b"datum\0\x01"), name
    for call in (pq.read_schema, pq.read_metadata, pq.read_table, pq.ParquetFile):
        with pytest.raises(OSError, match="decrypt"):
            call(encrypted / SHARDS[0])


def test_annotations_alone_may_be_encrypted(tmp_path: Path):
    folder = export(tmp_path / "out", no_media_encryption=True)
    assert (folder / "images/train/1.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "annotations/train.media").exists()
    assert told(read(folder)) == told(dataset())
    assert not read(folder).get("1", "train").media.is_encrypted


def test_an_empty_data_set(tmp_path: Path):
    folder = export(tmp_path / "out", dm.Dataset.from_iterable([]))
    assert len(read(folder)) == 0


def test_workers_open_it_too(encrypted: Path):
    assert told(read(encrypted, num_workers=2)) == told(dataset())


def test_a_saved_data_set_stays_encrypted(encrypted: Path):
    back = read(encrypted)
    back.put(dm.DatasetItem("x", subset="val", media=back.get("3", "val").media))
    back.save()
    assert b"secret" not in (encrypted / "annotations/val-00000-of-00002.datum").read_bytes()
    assert len(read(encrypted)) == 5


def test_an_export_over_it_leaves_nothing_of_it(encrypted: Path):
    export(encrypted, encryption_key=None, shard_size=0)
    left = {name for name in files(encrypted) if name.startswith("annotations")}
    assert left == {"annotations/train.datum", "annotations/val.datum"}
    assert told(dm.Dataset.import_from(encrypted, BINARY)) == told(dataset())
