"""The store of contents: each once, read-only, independent of its file, checked when used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from datumaro.errors import MissingObjectError, ProjectError
from datumaro.project import object_store
from datumaro.project.file_tree import File, walk
from datumaro.project.object_store import ObjectStore, file_hash


@pytest.fixture(params=["small", "large"])
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> File:
    """A file that is read at once, or copied before it is hashed."""
    if request.param == "large":
        monkeypatch.setattr(object_store, "_IN_MEMORY", 3)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"content")
    (file,) = walk(tmp_path / "data")
    return file


NAME = hashlib.sha256(b"content").hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    (tmp_path / "tmp").mkdir()
    return ObjectStore(tmp_path / "cache", tmp_path / "tmp")


def test_a_content_is_kept_by_its_hash(store: ObjectStore, data: File, tmp_path: Path):
    name, seen = store.add(data, set())
    store.settle()

    assert name == NAME == file_hash(data.where) and seen == data
    assert store.hashes() == {NAME}
    kept = tmp_path / "cache" / NAME[:2] / NAME[2:]
    assert kept.read_bytes() == b"content" and kept.stat().st_mode & 0o222 == 0
    assert not list((tmp_path / "tmp").iterdir())


def test_what_is_there_is_not_kept_again(store: ObjectStore, data: File, tmp_path: Path):
    assert store.add(data, {NAME})[0] == NAME

    assert store.hashes() == set() and not list((tmp_path / "tmp").iterdir())


def test_a_change_of_the_file_does_not_change_the_object(
    store: ObjectStore, data: File, tmp_path: Path
):
    store.add(data, set())
    with Path(data.where).open("r+b") as file:
        file.write(b"C")

    store.restore(NAME, 7, str(tmp_path / "back"))

    assert (tmp_path / "back").read_bytes() == b"content"


@pytest.mark.parametrize("link", [False, True])
def test_an_object_that_is_gone_or_damaged_is_told(
    store: ObjectStore, data: File, tmp_path: Path, link: bool
):
    with pytest.raises(MissingObjectError, match="not there"):
        store.restore(NAME, 7, str(tmp_path / "back"), link=link)

    store.add(data, set())
    kept = tmp_path / "cache" / NAME[:2] / NAME[2:]
    kept.chmod(0o644)
    kept.write_bytes(b"coXtent")
    with pytest.raises(MissingObjectError, match="damaged"):
        store.restore(NAME, 7, str(tmp_path / "back"), link=link)


def test_links_are_for_reading(store: ObjectStore, data: File, tmp_path: Path):
    store.add(data, set())

    store.restore(NAME, 7, str(tmp_path / "back"), link=True)

    assert (tmp_path / "back").stat().st_mode & 0o222 == 0
    assert (tmp_path / "back").samefile(tmp_path / "cache" / NAME[:2] / NAME[2:])


def test_a_file_that_cannot_be_read_is_told(store: ObjectStore, data: File):
    Path(data.where).unlink()

    with pytest.raises(ProjectError, match="cannot be read"):
        store.add(data, set())


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_many_objects_are_written_out_at_once(
    store: ObjectStore, data: File, monkeypatch: pytest.MonkeyPatch, platform: str
):
    monkeypatch.setattr(object_store.sys, "platform", platform)
    monkeypatch.setattr(object_store, "_MANY", 0)
    calls: list[str] = []
    monkeypatch.setattr(object_store.os, "sync", lambda: calls.append("all file systems"))
    monkeypatch.setattr(object_store.os, "fsync", lambda _: calls.append("a file"))
    store.add(data, set())

    store.settle()
    assert calls == ([] if platform == "linux" else ["all file systems"])
    assert store.hashes() == {NAME}
