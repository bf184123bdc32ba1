"""``datum sample``."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: str) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*.*")}


def test_a_data_set_with_pictures(datum):
    done = datum("sample", "made", "--count", "4")
    assert (done.code, done.out) == (0, "")
    assert "4 images to made" in done.err
    assert sum(name.endswith((".jpg", ".png")) for name in files("made")) == 4
    assert "length: 4\n" in datum("info", "made").out


def test_without_pictures(datum):
    assert datum("sample", "made", "--count", "30", "--no-images").code == 0
    assert all(name.endswith(".json") for name in files("made"))
    assert "length: 30\n" in datum("info", "made").out


def test_a_seed_makes_the_same_again(datum):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        datum("sample", name, "--count", "3", "--seed", seed)
    assert files("a") == files("b") != files("c")


def test_a_folder_that_holds_something_is_not_overwritten_unasked(datum):
    Path("made").mkdir()
    Path("made/note.txt").write_text("mine")
    refused = datum("sample", "made", "--count", "2")
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert list(files("made")) == ["note.txt"]

    assert datum("sample", "made", "--count", "2", "--overwrite").code == 0
    assert Path("made/note.txt").read_text() == "mine"


def test_a_wrong_count(datum):
    assert datum("sample", "made", "--count", "-1").code == 2
