"""Whether other packages bring formats, seen without `importlib.metadata`."""

import sys
import zipfile
from pathlib import Path

import pytest

from datumaro.formats.entry_points import GROUP, entry_points, may_be_any

TEXT = f"[console_scripts]\na = b:c\n\n[{GROUP}]\ntoy = toy:Toy\n"


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder that packages are looked for in."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(tmp_path)])
    return tmp_path


def put(folder: Path, text: str = TEXT) -> None:
    folder.mkdir(parents=True)
    (folder / "entry_points.txt").write_text(text)


def test_nobody_brings_any(path: Path) -> None:
    put(path / "a-1.dist-info", "[console_scripts]\na = b:c\n")
    (path / "b-1.dist-info").mkdir()
    (path / "c-1.egg-info").write_text("Metadata-Version: 1.0")
    put(path / "datumaro.formats")  # no package
    assert not may_be_any(GROUP)


@pytest.mark.parametrize("name", ["a-1.dist-info", "A-1.DIST-INFO", "a-1.egg-info"])
def test_somebody_brings_some(path: Path, name: str) -> None:
    put(path / name)
    assert may_be_any(GROUP)


def test_eggs_and_archives(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path / "a.egg" / "EGG-INFO")
    monkeypatch.setattr(sys, "path", [str(path / "a.egg")])
    assert may_be_any(GROUP)
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        archive.writestr("readme", "")
    monkeypatch.setattr(sys, "path", [str(path / "a.zip")])
    assert may_be_any(GROUP)  # who knows


def test_the_current_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path / "a-1.dist-info")
    monkeypatch.chdir(path)
    monkeypatch.setattr(sys, "path", [""])
    assert may_be_any(GROUP)


def test_a_finder_of_its_own_kind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        def find_distributions(self) -> None: ...

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert may_be_any(GROUP)


def test_those_that_are_there(path: Path) -> None:
    put(path / "a-1.dist-info")
    (path / "a-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: a\nVersion: 1\n")
    entry_points.cache_clear()
    try:
        assert entry_points()["toy"].value == "toy:Toy"
    finally:
        entry_points.cache_clear()
