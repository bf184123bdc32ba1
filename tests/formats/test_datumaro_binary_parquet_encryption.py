"""Encrypted Parquet storage: what goes through it, its keys, and what is noticed of changes."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.cli.main import main
from datumaro.crypto import generate_key
from datumaro.errors import (
    DamagedTokenError,
    DatumaroError,
    EncryptionError,
    EncryptionKeyError,
    MalformedFileError,
    MissingKeyError,
    SuperfluousKeyError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary.parquet import key_file, master_keys, rotation
from datumaro.model.media import Image
from datumaro.testing import FormatConformance

KEY = generate_key()
OTHER = generate_key()
BINARY = "datumaro_binary"
KEYS = "annotations/encryption.keys"
SHARDS = [f"annotations/train-{n:05}-of-00003.datum" for n in range(3)]


def dataset(mark: str = "") -> dm.Dataset:
    """Three items with pictures in one subset, one in another."""
    items = [
        dm.DatasetItem(
            f"{mark}{n}",
            subset="val" if n == 3 else "train",
            media=Image.from_numpy(data=np.full((4, 6, 3), 10 * n, np.uint8), ext=".png"),
            annotations=[dm.Bbox(1, 2, 3, 4, label=0, attributes={"secret": f"box of {n}"})],
        )
        for n in range(4)
    ]
    return dm.Dataset.from_iterable(items, categories=["a secret cat"], media_type=Image)


def export(folder: Path, data: dm.Dataset | None = None, **options: Any) -> Path:
    given = {"save_media": True, "storage": "parquet", "shard_size": 1, "encryption_key": KEY}
    (data or dataset()).export(folder, BINARY, **(given | options))
    return folder


def read(folder: Path, **options: Any) -> dm.Dataset:
    data = dm.Dataset.import_from(folder, BINARY, **({"encryption_key": KEY} | options))
    data.init_cache()
    return data


def told(data: dm.Dataset) -> list[Any]:
    return sorted(
        (item.id, item.subset, item.annotations, int(item.media.data[0, 0, 0])) for item in data
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Service:
    """A key management service of two keys."""

    def __init__(self) -> None:
        self.keys = {"first": os.urandom(32), "second": os.urandom(32)}
        self.unwrapped = 0

    def wrap(self, key_id: str, key: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + AESGCM(self.keys[key_id]).encrypt(nonce, key, None)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        self.unwrapped += 1
        return AESGCM(self.keys[key_id]).decrypt(wrapped[:12], wrapped[12:], None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("made") / "out")


@pytest.fixture
def encrypted(made: Path, tmp_path: Path) -> Path:
    """Four shards and four images, encrypted with KEY, to be tampered with."""
    shutil.copytree(made, tmp_path / "encrypted")
    return tmp_path / "encrypted"


# --- what goes through --------------------------------------------------------------------------


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


# --- keys ---------------------------------------------------------------------------------------


def test_a_fresh_key_is_written_beside_the_data(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    folder = export(tmp_path / "out", encryption=True, encryption_key=None)
    path = folder / "secret_key.txt"
    assert path.read_text()[6:] not in caplog.text
    assert told(read(folder, encryption_key=None, key_file=path)) == told(dataset())


def test_the_key_may_be_in_the_environment(encrypted: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", KEY)
    assert told(read(encrypted, encryption_key=None)) == told(dataset())


def test_of_a_key_and_a_passphrase_in_the_environment_the_right_one_counts(
    encrypted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cheap = master_keys.Scrypt
    monkeypatch.setattr(master_keys, "Scrypt", lambda salt, *_: cheap(salt, 32, 2, 8, 1))
    words = export(tmp_path / "words", encryption_key=None, passphrase="correct horse")
    both = export(tmp_path / "both", passphrase="another")
    monkeypatch.setenv("DATUMARO_PASSPHRASE", "correct horse")
    assert told(read(words, encryption_key=None)) == told(dataset())
    with pytest.raises(MissingKeyError, match="its key is needed"):
        read(encrypted, encryption_key=None)
    with pytest.raises(WrongKeyError, match="the passphrase is not the one"):
        read(both, encryption_key=None)
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", KEY)
    for folder in (words, both, encrypted):
        assert told(read(folder, encryption_key=None)) == told(dataset())
    monkeypatch.setenv("DATUMARO_PASSPHRASE", "")
    with pytest.raises(WrongKeyError, match="a key was given"):
        read(words, encryption_key=None)


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"encryption_key": None}, MissingKeyError, "its key is needed"),
        ({"encryption_key": OTHER}, WrongKeyError, "not the one"),
        ({"encryption_key": "datum-short"}, EncryptionKeyError, "characters"),
        ({"key_file": "nothing.txt"}, EncryptionKeyError, "both"),
        ({"passphrase": "x"}, EncryptionKeyError, "give one"),
        ({"encryption_key": None, "passphrase": "x"}, WrongKeyError, "encrypted with a key"),
        ({"encryption_key": None, "passphrase": ""}, EncryptionKeyError, "empty"),
        ({"encryption_key": None, "kms": "no.such:thing"}, EncryptionKeyError, "no"),
        ({"encryption_key": None, "kms": object()}, EncryptionKeyError, "wrap"),
    ],
)
def test_wrong_keys_are_told_apart(
    encrypted: Path, options: dict[str, Any], kind: type[Exception], match: str
):
    with pytest.raises(kind, match=match) as caught:
        read(encrypted, **options)
    assert KEY[6:] not in str(caught.value) and OTHER[6:] not in str(caught.value)


def test_a_key_for_plain_files_is_superfluous(tmp_path: Path):
    folder = export(tmp_path / "out", encryption_key=None)
    with pytest.raises(SuperfluousKeyError, match="leave it out"):
        read(folder)


@pytest.mark.parametrize(
    "options",
    [
        {"encryption_key": "datum-short"},
        {"encryption_key": None, "passphrase": ""},
        {"encryption_key": None, "passphrase_file": "/no/such/file"},
        {"encryption_key": None, "kms": Service()},
        {"encryption_key": None, "kms_key": "first"},
        {"encryption_key": None, "no_media_encryption": True},
        {"storage": "records", "shard_size": 0, "encryption_key": None, "passphrase": "x"},
    ],
)
def test_nothing_is_written_with_keys_that_are_none(tmp_path: Path, options: dict[str, Any]):
    with pytest.raises(EncryptionError):
        export(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_records_know_no_passphrases(tmp_path: Path):
    dataset().export(tmp_path / "out", BINARY)
    with pytest.raises(EncryptionKeyError, match="storage records know keys alone"):
        read(tmp_path / "out", encryption_key=None, passphrase="x")


def test_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "passphrase.txt"
    path.write_text("grüße\n")
    folder = export(tmp_path / "out", encryption_key=None, passphrase_file=path)
    assert told(read(folder, encryption_key=None, passphrase="grüße")) == told(dataset())
    with pytest.raises(WrongKeyError, match="the passphrase is not the one"):
        read(folder, encryption_key=None, passphrase="grüsse")
    with pytest.raises(MissingKeyError, match="passphrase_file"):
        read(folder, encryption_key=None)
    recipient = json.loads((folder / KEYS).read_bytes().split(b"\n")[0])["recipients"][0]
    assert (recipient["kind"], recipient["scrypt"]["n"]) == ("passphrase", 1 << 17)


@pytest.mark.parametrize(
    "change", [{"n": 1 << 30}, {"n": 1}, {"n": 1000}, {"r": 0}, {"p": 1 << 20}, {"salt": "AAAA"}]
)
def test_hostile_scrypt_parameters_are_refused(tmp_path: Path, change: dict[str, Any]):
    told: dict[str, Any] = {"salt": base64.b64encode(bytes(16)).decode()} | change
    parameters = master_keys.ScryptParameters(**told)
    recipient = master_keys.Recipient("passphrase", "", "", parameters)
    with pytest.raises(MalformedFileError, match="scrypt with"):
        master_keys.PassphraseMaster("x").unwrap(recipient, bytes(60), "0" * 32, "file")


SERVICE = Service()


def test_a_key_management_service(tmp_path: Path):
    folder = export(tmp_path / "out", encryption_key=None, kms=SERVICE, kms_key="second")
    SERVICE.unwrapped = 0
    assert told(read(folder, encryption_key=None, kms=SERVICE)) == told(dataset())
    assert SERVICE.unwrapped == 1, "it is asked once for all files"
    assert told(read(folder, encryption_key=None, kms=f"{__name__}:SERVICE")) == told(dataset())
    with pytest.raises(InvalidTag):  # what the service itself raises
        other = Service()
        read(folder, encryption_key=None, kms=other)


def test_several_keys_open_it(tmp_path: Path):
    folder = export(tmp_path / "out", passphrase="a word", kms=SERVICE, kms_key="first")
    for way in ({"encryption_key": KEY}, {"passphrase": "a word"}, {"kms": SERVICE}):
        assert told(read(folder, **({"encryption_key": None} | way))) == told(dataset())


# --- what is noticed ----------------------------------------------------------------------------


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


def other_recipients(folder: Path) -> str:
    """One whose wrapping is authentic, in a list that was changed."""
    line, seal, _ = (folder / KEYS).read_bytes().split(b"\n")
    told = json.loads(line)
    told["recipients"] *= 2
    (folder / KEYS).write_bytes(json.dumps(told).encode() + b"\n" + seal + b"\n")
    return KEYS


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


# --- other keys -----------------------------------------------------------------------------------


def test_other_keys_need_no_other_data(encrypted: Path, capsys: pytest.CaptureFixture[str]):
    before = files(encrypted)
    words, key, new = (encrypted.parent / name for name in ("words.txt", "old.key", "new.key"))
    words.write_text("correct horse")
    key.write_text(KEY)
    command = ["key", "rotate", str(encrypted), "--key-file", str(key)]
    assert main([*command, "--new-key-file", str(new), "--new-passphrase-file", str(words)]) == 0
    after = files(encrypted)
    assert {name for name in after if after[name] != before.get(name)} == {KEYS}
    assert before.keys() == after.keys()
    for way in ({"key_file": new}, {"passphrase": "correct horse"}):
        assert told(read(encrypted, **({"encryption_key": None} | way))) == told(dataset())
    with pytest.raises(WrongKeyError):
        read(encrypted)
    capsys.readouterr()
    assert main(["key", "show-recipients", str(encrypted)]) == 0
    said = capsys.readouterr().out.split()
    assert (said[0], said[1], said[3:]) == (str(encrypted / KEYS), "key", ["passphrase"])
    assert len(said[2]) == 16


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (["--new-key-file", "new.key"], 1, "its key is needed"),
        (["--key-file", "other.key", "--new-key-file", "new.key"], 1, "not the one"),
        (["--key-file", "old.key"], 2, "no new key"),
        (["--key-file", "old.key", "--new-kms-key", "x"], 2, "no new key"),
        (["--key-file", "old.key", "--new-passphrase-file", "none"], 1, "passphrase file 'none'"),
    ],
)
def test_a_failed_rotation_changes_nothing(
    encrypted: Path,
    words: list[str],
    code: int,
    match: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(encrypted.parent)
    Path("old.key").write_text(KEY)
    Path("other.key").write_text(OTHER)
    before = files(encrypted.parent)
    assert main(["key", "rotate", "encrypted", *words]) == code
    assert match in capsys.readouterr().err
    assert files(encrypted.parent) == before


def test_a_changed_key_file_is_not_rotated(encrypted: Path, capsys: pytest.CaptureFixture[str]):
    other_recipients(encrypted)
    key = encrypted.parent / "old.key"
    key.write_text(KEY)
    new = encrypted.parent / "new.key"
    words = ["--key-file", str(key), "--new-key-file", str(new)]
    assert main(["key", "rotate", str(encrypted), *words]) == 1
    assert "it was changed" in capsys.readouterr().err
    assert not new.exists()


def test_a_rotation_that_fails_in_the_middle_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("one", "two"):
        export(tmp_path / "sets" / name)
    before = files(tmp_path)
    replace, calls = rotation._replace, list[Path]()

    def fails_once(file: Path, data: bytes) -> None:
        calls.append(file)
        if len(calls) == 2:
            raise OSError("the disk is gone")
        replace(file, data)

    monkeypatch.setattr(rotation, "_replace", fails_once)
    old = rotation.GivenKey(encryption_key=KEY)
    new = rotation.GivenKey(key_file=str(tmp_path / "new.key"))
    with pytest.raises(OSError, match="the disk is gone"):
        rotation.rotate(tmp_path / "sets", old, new)
    assert len(calls) == 3
    assert files(tmp_path) == before
    rotation.rotate(tmp_path / "sets", old, new)
    assert files(tmp_path) != before


def test_too_many_recipients_are_refused(tmp_path: Path):
    folder = export(tmp_path / "out")
    line, seal, _ = (folder / KEYS).read_bytes().split(b"\n")
    told = json.loads(line)
    told["recipients"] *= key_file.MOST_RECIPIENTS + 1
    (folder / KEYS).write_bytes(json.dumps(told).encode() + b"\n" + seal + b"\n")
    with pytest.raises(MalformedFileError, match="65 recipients"):
        read(folder)


def test_records_have_no_recipients(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    dataset().export(tmp_path, BINARY, encryption_key=KEY)
    assert main(["key", "show-recipients", str(tmp_path)]) == 1
    assert "by an export" in capsys.readouterr().err


def test_passphrases_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("correct horse\n")
    assert main(["-q", "sample", "made", "--count", "3"]) == 0
    words = ["-q", "convert", "-i", "made", "-f", BINARY, "-o", "OUT", "--", "--save-media"]
    assert main([*words, "--storage", "parquet", "--passphrase-file", "words.txt"]) == 0
    assert not Path("OUT/secret_key.txt").exists()
    words = ["-q", "convert", "-i", "OUT", "-f", "coco", "-o", "OUT2"]
    assert main([*words, "--import-option", "passphrase_file=words.txt", "--", "--save-media"]) == 0
    assert main(["-q", "convert", "-i", "OUT", "-f", "coco", "-o", "OUT3"]) == 1
    assert not Path("OUT3").exists()


# --- by the documentation alone -----------------------------------------------------------------


def test_a_reader_made_by_the_documentation(encrypted: Path):
    """What docs/storage.md says is enough, with pyarrow and cryptography alone."""

    def derived(secret: bytes, purpose: str) -> bytes:
        name = f"datumaro_binary 2.0 {purpose}".encode()
        return HKDF(hashes.SHA256(), 32, None, name).derive(secret)

    def opened(key: bytes, data: bytes, place: bytes) -> bytes:
        return AESGCM(key).decrypt(data[:12], data[12:], place)

    keys = json.loads((encrypted / KEYS).read_bytes().split(b"\n")[0])
    master = base64.urlsafe_b64decode(KEY.removeprefix("datum-"))
    wrapped = base64.b64decode(keys["recipients"][0]["wrapped"])
    export_key = opened(derived(master, "wrap"), wrapped, keys["export"].encode())

    class Client(pe.KmsClient):
        def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
            assert master_key_identifier == "export"
            data = base64.b64decode(wrapped_key)
            return opened(derived(export_key, "files"), data, b"export")

    factory = pe.CryptoFactory(lambda _: Client())
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig())
    table = pq.read_table(encrypted / SHARDS[1], decryption_properties=properties)
    assert table.column("id").to_pylist() == ["1"]
    footer = pq.read_metadata(encrypted / SHARDS[1], decryption_properties=properties).metadata
    manifest = json.loads(footer[b"datumaro.encryption"])
    assert (manifest["export"], manifest["file"]) == (keys["export"], Path(SHARDS[1]).stem)
    assert set(manifest["files"]) == set(keys["files"])

    sealed = (encrypted / "annotations/train.media").read_bytes()
    listed = json.loads(opened(derived(export_key, "media seals"), sealed, b"train"))
    assert (listed["export"], listed["subset"]) == (keys["export"], "train")
    assert sorted(listed["media"]) == [f"images/train/{n}.png" for n in range(3)]
    for name, seal in listed["media"].items():
        stored = (encrypted / name).read_bytes()
        header, body = stored[:32], stored[32:]
        assert base64.b64decode(seal) == header[8:] + (len(body) - 16).to_bytes(8, "big")
        info = f"datumaro_binary 2.0 media file {name}".encode()
        key = HKDF(hashes.SHA256(), 32, header, info).derive(derived(export_key, "media"))
        assert AESGCM(key).decrypt(bytes(11) + b"\1", body, None).startswith(b"\x89PNG")


def test_data_keys_have_256_bits(encrypted: Path):
    data = (encrypted / SHARDS[0]).read_bytes()
    material = json.loads(re.search(rb'\{"keyMaterialType".*?\}', data)[0])
    assert material["doubleWrapping"] is False
    assert len(base64.b64decode(material["wrappedDEK"])) == 12 + 32 + 16
