"""Finding the files of a data set."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from datumaro.formats import files
from datumaro.formats.files import FileIndex, images_by_stem, levels, stem_of


def test_a_thread_that_asks_while_another_lists_gets_the_whole_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    listing, asked = threading.Event(), threading.Event()

    def slow_walk(folder: str) -> Iterator[str]:
        listing.set()
        asked.wait(0.2)
        yield "a.png"

    monkeypatch.setattr(files, "walk", slow_walk)
    index = FileIndex(tmp_path, frozenset({".png"}))

    def second() -> str | None:
        listing.wait()
        return index.find("a")

    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(index.find, "a"), threads.submit(second)]
    assert [answer.result() for answer in answers] == ["a.png", "a.png"]


def test_levels_of_folders(tmp_path: Path):
    (tmp_path / "b/c/d/e").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    (tmp_path / ".x").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "b", target_is_directory=True)

    def names(*, dots: bool) -> list[list[str]]:
        found = levels(tmp_path, dots=dots)
        return [[path.relative_to(tmp_path).as_posix() for path in level] for level in found]

    assert names(dots=False) == [["."], ["a", "b"], ["b/c"], ["b/c/d"]]
    assert names(dots=True) == [["."], [".x", "a", "b"], ["b/c"], ["b/c/d"]]
    assert not any(levels(tmp_path / "file")) and not any(levels(tmp_path / "nothing"))


def test_images_by_stem(tmp_path: Path):
    for name in ("b/c.jpg", "a.png", "a.jpg", "a.txt", ".d.png", "b/.e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert images_by_stem(tmp_path) == {"a": f"{tmp_path}/a.jpg", "b/c": f"{tmp_path}/b/c.jpg"}
    assert images_by_stem(tmp_path / "a.png") == images_by_stem(tmp_path / "no") == {}


@given(st.text("ab./\\"))
def test_a_stem_is_what_stands_before_the_extension(name: str):
    assert stem_of(name) == os.path.splitext(name)[0]  # noqa: PTH122 - what it stands for
