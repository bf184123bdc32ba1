"""Other keys for encrypted Parquet storage: `datum key rotate`."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.cli.main import main
from datumaro.errors import WrongKeyError
from datumaro.formats.datumaro_binary.parquet import rotation
from formats.datumaro_binary.parquet.encryption.encrypted_parquet import (
    KEY,
    KEYS,
    OTHER,
    dataset,
    export,
    files,
    other_recipients,
    read,
    told,
)


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
