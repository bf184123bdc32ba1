"""Keys of encrypted data sets: where they are written, and where they are read from."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    DatumaroError,
    EncryptionError,
    EncryptionKeyError,
    MissingKeyError,
    SuperfluousKeyError,
    UnknownOptionError,
    WrongKeyError,
)
from datumaro.model.media import Image
from formats.datumaro_binary.encryption.encrypted_files import (
    BINARY,
    KEY,
    OTHER,
    brightness,
    dataset,
    plain_files,
    read,
)

# --- the key: where it is written -----------------------------------------------------------------


def test_a_fresh_key_is_written_into_the_data_set_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    dataset().export(tmp_path, BINARY, save_media=True, encryption=True)
    path = tmp_path / "secret_key.txt"
    key = path.read_text()
    assert len(path.read_bytes()) == 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (record,) = [r for r in caplog.records if "key" in r.getMessage()]
    assert record.levelno == logging.WARNING
    assert "secret_key.txt" in record.getMessage() and "Move it" in record.getMessage()
    assert key[6:] not in caplog.text
    with pytest.raises(MissingKeyError, match=r"--key-file FILE .such as .*secret_key\.txt"):
        read(tmp_path, encryption_key=None)
    assert len(read(tmp_path, encryption_key=None, key_file=path)) == 3


def test_a_key_file_is_written_outside(tmp_path: Path):
    path = tmp_path / "my.key"
    dataset().export(tmp_path / "out", BINARY, key_file=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (tmp_path / "out/secret_key.txt").exists()
    assert len(read(tmp_path / "out", encryption_key=path.read_text())) == 3


def test_the_key_in_an_existing_file_is_used(tmp_path: Path):
    path = tmp_path / "my.key"
    path.write_text(KEY)
    dataset().export(tmp_path / "out", BINARY, key_file=path)
    assert len(read(tmp_path / "out")) == 3
    with pytest.raises(EncryptionKeyError, match="holds another key than the one given"):
        dataset().export(tmp_path / "out", BINARY, key_file=path, encryption_key=OTHER)
    path.write_text("something else")
    with pytest.raises(EncryptionKeyError, match="holds no key"):
        dataset().export(tmp_path / "out", BINARY, key_file=path)
    assert path.read_text() == "something else"


def test_a_failed_export_leaves_no_key_file(tmp_path: Path):
    broken = Image.from_bytes(data=b"no image", ext=".jpg")
    source = dataset(dm.DatasetItem("x", media=broken))
    with pytest.raises(DatasetExportError):
        source.export(tmp_path / "out", BINARY, key_file=tmp_path / "k", save_media=True,
                      image_ext=".png")  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"encryption_key": "datum-short"}, EncryptionKeyError, "has 11 characters"),
        ({"encryption_key": ""}, EncryptionKeyError, "does not begin so"),
        ({"no_media_encryption": True}, EncryptionError, "nothing is to be encrypted"),
        ({"encryption": True, "compatible_with": "1.13"}, EncryptionError, "since 1.12"),
        ({"key_file": "no/such/folder/key"}, EncryptionKeyError, "cannot be written: No such"),
    ],
)
def test_options_that_contradict_write_nothing(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        dataset().export(tmp_path / "out", BINARY, **options)
    assert list(tmp_path.iterdir()) == []


# --- the key: where it is read from ---------------------------------------------------------------


def test_the_environment_may_have_the_key(encrypted: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", KEY)
    assert len(read(encrypted, encryption_key=None)) == 3
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", OTHER)
    with pytest.raises(WrongKeyError):
        read(encrypted, encryption_key=None)
    assert len(read(encrypted)) == 3, "what is given comes first"
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", "x")
    with pytest.raises(EncryptionKeyError, match="variable DATUMARO_ENCRYPTION_KEY: the"):
        read(encrypted, encryption_key=None)
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", "")
    with pytest.raises(MissingKeyError):
        read(encrypted, encryption_key=None)


def test_a_key_in_the_environment_is_no_matter_for_plain_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", "anything")
    dataset().export(tmp_path, BINARY)
    assert len(read(tmp_path, encryption_key=None)) == 3


def test_wrong_missing_superfluous_and_malformed_keys_are_told_apart(
    encrypted: Path, tmp_path: Path
):
    dataset().export(tmp_path / "plain", BINARY)
    cases: list[tuple[Path, dict[str, Any], type[DatumaroError]]] = [
        (encrypted, {"encryption_key": None}, MissingKeyError),
        (encrypted, {"encryption_key": OTHER}, WrongKeyError),
        (encrypted, {"encryption_key": KEY[:-1]}, EncryptionKeyError),
        (encrypted, {"key_file": "also"}, EncryptionKeyError),
        (encrypted, {"encryption_key": None, "key_file": "nowhere"}, EncryptionKeyError),
        (tmp_path / "plain", {}, SuperfluousKeyError),
    ]
    for folder, options, error in cases:
        with pytest.raises(error) as caught:
            read(folder, **options)
        assert type(caught.value) is error
        shown = repr(caught.value) + str(caught.value)
        assert KEY[6:] not in shown and OTHER[6:] not in shown
        if error is not EncryptionKeyError:
            assert isinstance(caught.value, DatasetImportError)
            assert ".datum: " in shown


def test_formats_without_encryption_have_no_key(tmp_path: Path):
    with pytest.raises(UnknownOptionError) as caught:
        dataset().export(tmp_path / "out", "coco", encryption_key=KEY)
    assert KEY[6:] not in str(caught.value)


def test_a_data_set_keeps_its_key_hidden_and_uses_it(encrypted: Path, tmp_path: Path):
    back = read(encrypted)
    assert KEY[6:] not in f"{back!r} {back.options!r} {back.get('a', 'train')!r}"
    back.get("a", "train").annotations[0].label = None
    back.save()
    again = read(encrypted)
    assert again.get("a", "train").annotations[0].label is None
    assert [brightness(item) for item in again] == [0, 10, 0]
    assert not plain_files(encrypted)
    assert not (encrypted / "secret_key.txt").exists()


def test_options_do_not_show_the_key():
    from datumaro.formats.datumaro_binary.format import (
        DatumaroBinaryReadOptions,
        DatumaroBinaryWriteOptions,
    )

    for kind in (DatumaroBinaryReadOptions, DatumaroBinaryWriteOptions):
        assert KEY[6:] not in repr(kind(encryption_key=KEY))
