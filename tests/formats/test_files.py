"""Finding the files of a data set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datumaro.formats import files
from datumaro.formats.files import FileIndex


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
