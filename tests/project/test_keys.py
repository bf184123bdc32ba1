"""Keys of a project's encrypted sources, which it never keeps."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    MissingKeyError,
    ProjectConfigError,
    ProjectError,
    SuperfluousKeyError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary.parquet import master_keys
from datumaro.project.building import Access
from datumaro.project.project import Project
from project.project_files import files, labelled

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "my.key"


@pytest.fixture
def encrypted(project: Project, tmp_path: Path, key_file: Path) -> Project:
    """A project with an encrypted source and a plain one."""
    key_file.parent.mkdir()
    data = labelled(tmp_path / "secret", "datumaro_binary", encryption=True)
    (data / "secret_key.txt").rename(key_file)
    shutil.copy(key_file, data / "a key.txt")
    project.import_source(data, "datumaro_binary", name="secret", key_file=str(key_file))
    project.import_source(labelled(tmp_path / "plain", "datumaro_binary", ids="34"))
    return project


def test_keys_are_given_at_use(encrypted: Project, key_file: Path, monkeypatch):
    key = key_file.read_text()

    with pytest.raises(MissingKeyError):
        encrypted.dataset()
    assert len(encrypted.dataset("source-1")) == 2
    for access in (Access(key_file=str(key_file)), Access(encryption_key=key)):
        assert len(encrypted.dataset(access=access)) == 4
        assert key not in repr(access)
    with pytest.raises(SuperfluousKeyError):
        encrypted.dataset("source-1", access=Access(encryption_key=key))
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", key)
    assert len(encrypted.dataset()) == 4


@pytest.fixture
def locked(encrypted: Project, tmp_path: Path, monkeypatch) -> Project:
    """The same with Parquet storage besides: a source of a passphrase, and one of a service."""
    cheap = master_keys.Scrypt
    monkeypatch.setattr(master_keys, "Scrypt", lambda salt, *_: cheap(salt, 32, 2, 8, 1))
    (tmp_path / "words.txt").write_text("correct horse\n")
    ways = {
        "words": {"passphrase": "correct horse"},
        "service": {"kms": Service(), "kms_key": "a"},
    }
    for number, (name, way) in enumerate(ways.items()):
        data = labelled(tmp_path / name, "datumaro_binary", ids="5678"[2 * number :][:2])
        dataset = dm.Dataset.import_from(data, "datumaro_binary")
        target = tmp_path / f"{name} encrypted"
        dataset.export(target, "datumaro_binary", storage="parquet", **way)
        way = {key: value for key, value in way.items() if key != "kms_key"}
        encrypted.import_source(target, "datumaro_binary", name=name, **way)
    return encrypted


class Service:
    """A key management service that makes light of it."""

    def wrap(self, key_id: str, key: bytes) -> bytes:
        return key[::-1]

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        return wrapped[::-1]


def test_each_source_is_opened_with_what_is_its_own(
    locked: Project, key_file: Path, tmp_path: Path, monkeypatch
):
    words = str(tmp_path / "words.txt")
    everything = Access(key_file=str(key_file), passphrase_file=words, kms=Service())
    assert len(locked.dataset(access=everything)) == 8
    assert len(locked.dataset("words", access=Access(passphrase="correct horse"))) == 2
    assert len(locked.dataset("service", access=everything)) == 2
    service = f"{__name__}:Service"
    assert len(locked.dataset("service", access=Access(kms=service))) == 2
    with pytest.raises(MissingKeyError, match="--passphrase-file"):
        locked.dataset("words")
    with pytest.raises(MissingKeyError, match="--kms MODULE:NAME"):
        locked.dataset("service")
    with pytest.raises(WrongKeyError, match="the passphrase is not the one"):
        locked.dataset("words", access=Access(passphrase="battery"))
    with pytest.raises(WrongKeyError, match="a passphrase was given"):
        locked.dataset("service", access=Access(passphrase="correct horse"))
    with pytest.raises(WrongKeyError, match="know keys alone"):
        locked.dataset("secret", access=Access(passphrase="correct horse"))
    with pytest.raises(SuperfluousKeyError):
        locked.dataset("source-1", access=everything)
    monkeypatch.setenv("DATUMARO_PASSPHRASE", "correct horse")
    assert len(locked.dataset("words")) == 2
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", key_file.read_text())
    assert len(locked.dataset(access=Access(kms=Service()))) == 8
    assert "correct" not in repr(Access(passphrase="correct horse"))


def test_the_configuration_may_name_passphrase_files(locked: Project):
    path = locked.path / ".datumaro" / "project.yml"
    text = path.read_text()
    named = text.replace("  words:\n", "  words:\n    options: {passphrase_file: ../words.txt}\n")
    assert named != text
    path.write_text(named)
    assert len(locked.dataset("words")) == 2
    assert len(locked.dataset("words", access=Access(passphrase="correct horse"))) == 2


def test_no_passphrase_is_written_anywhere(locked: Project, tmp_path: Path, caplog):
    access = Access(passphrase="correct horse")
    locked.commit("encrypted")
    locked.export(tmp_path / "out", "coco", source="words", access=access)
    locked.transform("reindex", source="words", access=access)
    locked.commit("more")
    path = locked.path / ".datumaro" / "project.yml"
    for way in ("passphrase:", "kms:", "horse"):
        assert way not in path.read_text()
    assert b"correct horse" not in b"".join(files(locked.path).values())
    assert "correct horse" not in caplog.text
    path.write_text(
        path.read_text().replace("  words:\n", "  words:\n    options: {passphrase: secret}\n")
    )
    with pytest.raises(ProjectConfigError, match=r"never in the configuration.*--passphrase-file"):
        locked.dataset("words")


def test_a_wrong_key_is_told(encrypted: Project, tmp_path: Path):
    labelled(tmp_path / "other", "datumaro_binary", encryption=True)

    with pytest.raises(WrongKeyError):
        encrypted.dataset(access=Access(key_file=str(tmp_path / "other" / "secret_key.txt")))


def test_the_configuration_may_name_key_files(encrypted: Project):
    path = encrypted.path / ".datumaro" / "project.yml"
    text = path.read_text()
    path.write_text(
        text.replace("  source-1:", "    options: {key_file: ../keys/my.key}\n  source-1:")
    )

    assert len(encrypted.dataset()) == 4


def test_no_key_is_written_anywhere(encrypted: Project, key_file: Path, tmp_path: Path, caplog):
    key = key_file.read_text().strip()
    (encrypted.path / "secret" / "late_key.txt").write_text(key + "\n")
    encrypted.commit("with a key beside")
    encrypted.export(
        tmp_path / "out", "datumaro_binary", access=Access(encryption_key=key), save_media=True
    )
    (encrypted.path / "secret" / "note.txt").write_text("changed")
    encrypted.checkout(force=True)
    with pytest.raises(ProjectError, match="looks like an encryption key"):
        encrypted.commit(f"the key is {key}", allow_empty=True)

    late = encrypted.path / "secret" / "late_key.txt"
    assert late.exists()  # left alone
    late.unlink()
    written = b"".join(files(encrypted.path).values())
    assert key.encode() not in written and key[6:-2].encode() not in written
    import subprocess

    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        env=os.environ | {"GIT_DIR": str(encrypted.path / ".datumaro" / "history")},
        capture_output=True,
        check=True,
    ).stdout
    assert b"secret" in objects and key.encode() not in objects
    assert key not in caplog.text
