"""Encrypted data sets: annotations and images come back, and nothing is readable meanwhile."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import MissingKeyError, WrongKeyError
from datumaro.formats.datumaro_binary import writing
from formats.datumaro_binary.encryption.encrypted_files import (
    BINARY,
    KEY,
    OTHER,
    brightness,
    dataset,
    files,
    read,
)


def test_nothing_is_readable_without_the_key(encrypted: Path):
    found = files(encrypted)
    assert set(found) == {
        "annotations/train.datum",
        "annotations/val.datum",
        "images/train/a.png",
        "images/train/b.png",
        "images/val/c.png",
    }
    for name, data in found.items():
        assert b"box of" not in data and b'"cat"' not in data and b"\x89PNG" not in data, name


def test_annotations_and_images_come_back(encrypted: Path):
    back = read(encrypted)
    assert [(item.id, item.subset, brightness(item)) for item in back] == [
        ("a", "train", 0),
        ("b", "train", 10),
        ("c", "val", 0),
    ]
    item = back.get("b", "train")
    assert item.annotations == [dm.Bbox(1, 2, 3, 4, label=0, attributes={"secret": "box of b"})]
    assert item.media.bytes.startswith(b"\x89PNG")
    assert item.media.is_encrypted
    assert item.media.path == str(encrypted / "images/train/b.png")
    assert item.media.from_self(size=None).size == (4, 6)
    assert not (encrypted / "secret_key.txt").exists(), "the caller has the key"


def test_media_are_opened_when_they_are_looked_at(encrypted: Path):
    item = read(encrypted).get("a", "train")
    (encrypted / "images/train/a.png").unlink()
    assert not item.media.has_data
    assert item.media.data is None


def test_an_item_keeps_what_opens_its_media_wherever_it_goes(encrypted: Path):
    back = read(encrypted)
    moved = dm.Dataset.from_iterable([back.get("b", "train").wrap(id="x")], categories=["cat"])
    moved.put(back.get("a", "train"))
    assert [brightness(item) for item in moved] == [10, 0]
    assert [brightness(item) for item in dm.Dataset(moved.content())] == [10, 0]
    assert [brightness(item) for item in back.get_subset("train").as_dataset()] == [0, 10]
    assert [brightness(item) for item in back.select(lambda item: item.id == "b")] == [10]
    back.remove("a", "train")
    back.get("b", "train").attributes["changed"] = 1
    assert [brightness(item) for item in back.clone()] == [10, 0]
    assert brightness(pickle.loads(pickle.dumps(back.get("b", "train")))) == 10


@pytest.mark.parametrize("format_name", ["coco", "datumaro", "voc", BINARY])
def test_other_formats_get_plain_media(encrypted: Path, tmp_path: Path, format_name: str):
    out = tmp_path / "out"
    read(encrypted).export(out, format_name, save_media=True)
    pictures = {name: data for name, data in files(out).items() if name.endswith("png")}
    assert len(pictures) == 3
    assert all(data.startswith(b"\x89PNG") for data in pictures.values())
    back = dm.Dataset.import_from(out, format_name)
    assert sorted(brightness(item) for item in back) == [0, 0, 10]


def test_image_dir_gets_plain_media(encrypted: Path, tmp_path: Path):
    read(encrypted).export(tmp_path / "out", "image_dir", save_media=True)
    assert brightness(dm.Dataset.import_from(tmp_path / "out", "image_dir").get("b")) == 10


def test_encoding_anew_decrypts_first(encrypted: Path, tmp_path: Path):
    read(encrypted).export(tmp_path / "out", "coco", save_media=True, image_ext=".bmp")
    assert all(data[:2] == b"BM" for n, data in files(tmp_path / "out").items() if "bmp" in n)


def test_an_encrypted_data_set_is_encrypted_anew_with_another_key(encrypted: Path, tmp_path: Path):
    out = tmp_path / "out"
    read(encrypted).export(out, BINARY, save_media=True, encryption_key=OTHER)
    assert [brightness(item) for item in read(out, encryption_key=OTHER)] == [0, 10, 0]
    with pytest.raises(WrongKeyError):
        read(out)


def test_without_media_the_files_stay_and_it_is_said(
    encrypted: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    read(encrypted).export(tmp_path / "out", "datumaro")
    assert "3 media are in encrypted files" in caplog.text


def test_annotations_alone_may_be_encrypted(tmp_path: Path):
    dataset().export(
        tmp_path, BINARY, save_media=True, encryption_key=KEY, no_media_encryption=True
    )
    assert (tmp_path / "images/train/a.png").read_bytes().startswith(b"\x89PNG")
    back = read(tmp_path)
    assert [brightness(item) for item in back] == [0, 10, 0]
    assert not back.get("a", "train").media.is_encrypted
    with pytest.raises(MissingKeyError):
        read(tmp_path, encryption_key=None)


def test_blobs_of_many_items_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "BLOB_SIZE", 300)
    source = dataset(*(dm.DatasetItem(str(i), attributes={"n": i}) for i in range(100)))
    source.export(tmp_path, BINARY, encryption_key=KEY)
    assert [item.attributes["n"] for item in read(tmp_path)] == list(range(100))


def test_an_empty_data_set(tmp_path: Path):
    dm.Dataset.from_iterable([]).export(tmp_path, BINARY, encryption=True, save_media=True)
    assert len(read(tmp_path, encryption_key=None, key_file=tmp_path / "secret_key.txt")) == 0
