"""Keys, passphrases and services of keys of encrypted Parquet storage."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from datumaro.cli.main import main
from datumaro.errors import (
    EncryptionError,
    EncryptionKeyError,
    MalformedFileError,
    MissingKeyError,
    SuperfluousKeyError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary.parquet import master_keys
from formats.datumaro_binary.parquet.encryption.encrypted_parquet import (
    BINARY,
    KEY,
    KEYS,
    OTHER,
    SERVICE,
    Service,
    dataset,
    export,
    read,
    told,
)


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


# --- on the command line --------------------------------------------------------------------------


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
