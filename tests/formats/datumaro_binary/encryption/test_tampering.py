"""Changes of encrypted data sets are noticed."""

from __future__ import annotations

import importlib.util
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.crypto import Cipher
from datumaro.errors import DamagedTokenError, DatasetImportError
from datumaro.formats.datumaro_binary import writing
from datumaro.model.media import Image
from formats.datumaro_binary.encryption.encrypted_files import (
    BINARY,
    KEY,
    dataset,
    images,
    pixels,
    read,
)

ROOT = Path(__file__).resolve().parents[4]


def look_at_all(folder: Path) -> None:
    for item in read(folder):
        _ = item.annotations, item.media.data


def damaged(data: bytes, at: int, how: str) -> bytes:
    if how == "changed":
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    return (
        data[:at]
        + (b"" if how == "removed" else data[at : at + 1])
        + data[at + (how == "removed") :]
    )


@pytest.mark.parametrize("how", ["changed", "removed", "inserted"])
@pytest.mark.parametrize("name", ["annotations/train.datum", "images/train/b.png"])
def test_any_byte_that_is_changed_is_noticed_and_the_file_named(
    encrypted: Path, name: str, how: str
):
    path = encrypted / name
    whole = path.read_bytes()
    for at in range(0, len(whole), 7 if "datum" in name else 1):
        path.write_bytes(damaged(whole, at, how))
        with pytest.raises(DatasetImportError) as caught:
            look_at_all(encrypted)
        assert path.name in str(caught.value)
    path.write_bytes(whole)
    look_at_all(encrypted)


def exchange(a: Path, b: Path) -> None:
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


def assert_noticed(folder: Path, match: str) -> None:
    with pytest.raises(DamagedTokenError, match=match) as caught:
        look_at_all(folder)
    assert str(folder) in str(caught.value)


def test_exchanged_media_are_noticed(encrypted: Path):
    exchange(encrypted / "images/train/a.png", encrypted / "images/train/b.png")
    assert_noticed(encrypted, r"a\.png.*exchanged")


def test_exchanged_subsets_are_noticed(encrypted: Path):
    exchange(encrypted / "annotations/train.datum", encrypted / "annotations/val.datum")
    assert_noticed(encrypted, r"was written as subset")


def test_removed_and_added_subsets_are_noticed(encrypted: Path, tmp_path: Path):
    val = encrypted / "annotations/val.datum"
    data = val.read_bytes()
    val.unlink()
    assert_noticed(encrypted, "the file of subset 'val' was removed")
    dataset(*images("z", subset="val")).export(tmp_path / "other", BINARY, encryption_key=KEY)
    shutil.copy(tmp_path / "other/annotations/val.datum", val)
    assert_noticed(encrypted, "val.datum: it is not of the export")
    val.write_bytes(data)
    dataset(*images("z", subset="more")).export(tmp_path / "more", BINARY)
    shutil.copy(tmp_path / "more/annotations/more.datum", encrypted / "annotations")
    assert_noticed(encrypted, "more.datum: the file is not encrypted")


def test_one_file_may_be_read_alone(encrypted: Path):
    assert len(read(encrypted / "annotations/val.datum")) == 1


def test_media_of_another_export_are_noticed(encrypted: Path, tmp_path: Path):
    dataset().export(tmp_path / "other", BINARY, save_media=True, encryption_key=KEY)
    shutil.copy(tmp_path / "other/images/train/a.png", encrypted / "images/train/a.png")
    assert_noticed(encrypted, r"a\.png")


def test_plain_media_in_place_of_encrypted_are_noticed(encrypted: Path):
    Image.from_numpy(data=pixels(99)).save(encrypted / "images/train/a.png")
    assert_noticed(encrypted, r"a\.png.*not an encryption token")


def parts_of(data: bytes) -> tuple[list[bytes], bytes]:
    """The parts after the signature, and the rest from the blobs on."""
    parts, at = [], 25
    for _ in range(6):
        size = int.from_bytes(data[at : at + 4], "little")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return parts, data[at:]


def joined(parts: list[bytes], rest: bytes) -> bytes:
    sized = (len(part).to_bytes(4, "little") + part for part in parts)
    return b"signature:datumaro_binary" + b"".join(sized) + rest


def blobs_of(parts: list[bytes], rest: bytes) -> tuple[list[bytes], bytes]:
    sizes = np.frombuffer(Cipher(KEY).decrypt(parts[5]), "<i4")[1:]
    ends = np.cumsum([0, *sizes])
    return [rest[a:b] for a, b in pairwise(ends)], rest[ends[-1] :]


@pytest.fixture
def many_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of blobs of one size."""
    monkeypatch.setattr(writing, "BLOB_SIZE", 1)
    dataset(*(dm.DatasetItem(str(i), subset="s") for i in range(5))).export(
        tmp_path, BINARY, encryption_key=KEY
    )
    return tmp_path / "annotations/s.datum"


def test_exchanged_blobs_are_noticed(many_blobs: Path):
    parts, rest = parts_of(many_blobs.read_bytes())
    blobs, extension = blobs_of(parts, rest)
    assert len(blobs) == 5
    blobs[1], blobs[3] = blobs[3], blobs[1]
    many_blobs.write_bytes(joined(parts, b"".join(blobs) + extension))
    assert_noticed(many_blobs.parent.parent, "s.datum: blob 1: it is whole, but not what was")


def test_parts_of_another_file_are_noticed(many_blobs: Path, tmp_path: Path):
    source = dm.Dataset.from_iterable(
        [dm.DatasetItem(str(i), subset="s") for i in range(5)], categories=["other"]
    )
    source.export(tmp_path / "other", BINARY, encryption_key=KEY)
    mine, rest = parts_of(many_blobs.read_bytes())
    theirs, other_rest = parts_of((tmp_path / "other/annotations/s.datum").read_bytes())
    for part in (2, 3, 5):  # infos, categories, sizes of blobs
        parts = [*mine]
        parts[part] = theirs[part]
        many_blobs.write_bytes(joined(parts, rest))
        assert_noticed(tmp_path, "s.datum: parts of it are whole but not what was written here")
    extension = blobs_of(mine, rest)[1]
    assert extension.startswith(b"datumaro:extension")
    for other in (b"", blobs_of(theirs, other_rest)[1]):
        many_blobs.write_bytes(joined(mine, rest[: -len(extension)] + other))
        assert_noticed(tmp_path, "its extension is not that which was written here")


def test_a_changed_version_header_is_noticed(encrypted: Path):
    path = encrypted / "annotations/val.datum"
    data = path.read_bytes()
    for new in (b'"media_encryptiom":true', b'"media_encryption":fals'):
        path.write_bytes(data.replace(b'"media_encryption":true', new))
        with pytest.raises(DatasetImportError, match=r"val\.datum"):
            look_at_all(encrypted)
    parts, rest = parts_of(data)
    text = b'{"dm_format_version":"1.0","media_encryption":false}'
    parts[0] = len(text).to_bytes(4, "little") + text
    path.write_bytes(joined(parts, rest))
    assert_noticed(encrypted, "val.datum: its version header was changed")


def test_records_that_are_wrong_before_encryption_are_told_by_blob(many_blobs: Path):
    parts, rest = parts_of(many_blobs.read_bytes())
    blobs, _ = blobs_of(parts, rest)
    record = bytearray(Cipher(KEY).decrypt(blobs[0]))
    record[0] = 200  # the length of the id
    token = Cipher(KEY).encrypt(bytes(record))
    header = Cipher(KEY).encrypt(b'\x10\0\0\0{"media_type":2}')  # as the published package has it
    parts[4] = header
    many_blobs.write_bytes(joined(parts, token + b"".join(blobs[1:])))
    with pytest.raises(DatasetImportError, match=r"s\.datum: blob 0, decrypted, byte 0"):
        read(many_blobs.parent.parent)


@pytest.mark.parametrize("storage", ["records", "parquet"])
def test_changes_of_all_kinds_of_files_are_noticed(tmp_path: Path, storage: str):
    spec = importlib.util.spec_from_file_location("tamper", ROOT / "bench" / "tamper.py")
    assert spec is not None and spec.loader is not None
    tamper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tamper)
    noticed, unnoticed = tamper.run(96, 5, tmp_path, storage)
    assert not unnoticed
    assert (noticed.total(), len(noticed)) == (96, 16)
