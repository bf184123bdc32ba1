"""Changes of encrypted Parquet storage are noticed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.errors import DamagedTokenError, DatumaroError, MalformedFileError
from datumaro.formats.datumaro_binary.parquet import key_file
from formats.datumaro_binary.parquet.encryption.encrypted_parquet import (
    KEYS,
    SHARDS,
    dataset,
    export,
    files,
    other_recipients,
    read,
    told,
)


def removed(folder: Path) -> str:
    (folder / SHARDS[1]).unlink()
    return SHARDS[1]


def swapped(folder: Path) -> str:
    one, two = (folder / SHARDS[n] for n in (0, 1))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return SHARDS[0]


def repeated(folder: Path) -> str:
    shutil.copy(folder / SHARDS[0], folder / SHARDS[2])
    return SHARDS[2]


def added(folder: Path) -> str:
    shutil.copy(folder / SHARDS[0], folder / "annotations/extra.datum")
    return "annotations/extra.datum"


def renamed(folder: Path) -> str:
    (folder / "annotations/val.datum").rename(folder / "annotations/test.datum")
    return "annotations/test.datum"


def foreign(folder: Path) -> str:
    other = export(folder.parent / "other", dataset("x"))
    shutil.copy(other / SHARDS[1], folder / SHARDS[1])
    return SHARDS[1]


def plain(folder: Path) -> str:
    other = export(folder.parent / "other", encryption_key=None)
    shutil.copy(other / SHARDS[1], folder / SHARDS[1])
    return SHARDS[1]


def foreign_keys(folder: Path) -> str:
    other = export(folder.parent / "other", dataset("x"))
    shutil.copy(other / KEYS, folder / KEYS)
    return "annotations/"


def no_keys(folder: Path) -> str:
    (folder / KEYS).unlink()
    return KEYS


def no_media_seals(folder: Path) -> str:
    (folder / "annotations/train.media").unlink()
    return "annotations/train.media"


def other_media_seals(folder: Path) -> str:
    shutil.copy(folder / "annotations/val.media", folder / "annotations/train.media")
    return "annotations/train.media"


@pytest.mark.parametrize(
    "tamper",
    [
        removed,
        swapped,
        repeated,
        added,
        renamed,
        foreign,
        plain,
        foreign_keys,
        no_keys,
        no_media_seals,
        other_media_seals,
        other_recipients,
    ],
    ids=lambda tamper: tamper.__name__,
)
def test_tampering_is_noticed_and_named(encrypted: Path, tamper: Callable[[Path], str]):
    name = tamper(encrypted)
    with pytest.raises(DamagedTokenError, match=re.escape(name)):
        read(encrypted)


def test_plain_files_in_place_of_all_are_noticed(encrypted: Path, tmp_path: Path):
    other = export(tmp_path / "other", encryption_key=None)
    for name in (*SHARDS, "annotations/val.datum"):
        shutil.copy(other / name, encrypted / name)
    with pytest.raises(DamagedTokenError, match="not encrypted"):
        read(encrypted, encryption_key=None)


def test_the_footers_say_the_same_as_the_key_file(encrypted: Path, monkeypatch: Any):
    swapped(encrypted)
    expected = json.loads((encrypted / KEYS).read_bytes().split(b"\n")[0])["files"]
    monkeypatch.setattr(key_file, "footer_digest", lambda path: expected[path.stem])
    with pytest.raises(DamagedTokenError, match=r"00000-of.*its footer says.*'train-00001"):
        read(encrypted)


def test_media_in_another_place_are_noticed(encrypted: Path):
    one, two = (encrypted / f"images/train/{n}.png" for n in (0, 1))
    shutil.copy(two, one)
    back = read(encrypted)
    assert back.get("1", "train").media.data is not None
    with pytest.raises(DamagedTokenError, match=re.escape(str(one))):
        _ = back.get("0", "train").media.data


def whole(folder: Path) -> list[Any]:
    return told(read(folder))


@settings(max_examples=200)
@given(data=st.data())
def test_a_changed_byte_anywhere_is_noticed(made: Path, data: st.DataObject):
    originals = files(made)
    name = data.draw(st.sampled_from(sorted(originals)))
    at = data.draw(st.integers(0, len(originals[name]) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(originals[name])
    changed[at] ^= flip
    (made / name).write_bytes(changed)
    try:
        with pytest.raises(DatumaroError) as caught:
            whole(made)
        assert str(made) in str(caught.value)
    finally:
        (made / name).write_bytes(originals[name])


@pytest.mark.parametrize("bit", [0, 7])
def test_a_changed_bit_at_each_place_of_a_file_is_noticed(tmp_path: Path, bit: int):
    items = [dm.DatasetItem("1")]
    folder = export(tmp_path / "out", dm.Dataset.from_iterable(items), save_media=False)
    path = folder / "annotations/default.datum"
    original = path.read_bytes()
    for at in range(bit % 3, len(original), 3):
        changed = bytearray(original)
        changed[at] ^= 1 << bit
        path.write_bytes(changed)
        with pytest.raises(DatumaroError, match=re.escape(str(folder))):
            read(folder)


@pytest.mark.parametrize("cut", [0, 3, 8, 100, 2000])
def test_cut_files_are_noticed(encrypted: Path, cut: int):
    path = encrypted / SHARDS[0]
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatumaroError, match=re.escape(str(encrypted))):
        read(encrypted)


def test_too_many_recipients_are_refused(tmp_path: Path):
    folder = export(tmp_path / "out")
    line, seal, _ = (folder / KEYS).read_bytes().split(b"\n")
    told = json.loads(line)
    told["recipients"] *= key_file.MOST_RECIPIENTS + 1
    (folder / KEYS).write_bytes(json.dumps(told).encode() + b"\n" + seal + b"\n")
    with pytest.raises(MalformedFileError, match="65 recipients"):
        read(folder)
