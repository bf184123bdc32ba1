"""``PATH:FORMAT``."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.cli.inputs import split_target


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("data", ("data", None)),
        ("data:voc", ("data", "voc")),
        ("a:b/data", ("a:b/data", None)),
        ("a:b/data:voc", ("a:b/data", "voc")),
        ("C:\\data", ("C:\\data", None)),
        ("C:\\data:voc", ("C:\\data", "voc")),
        ("data:", ("data:", None)),
        (":voc", (":voc", None)),
    ],
)
def test_parts(target: str, expected: tuple[str, str | None]):
    assert split_target(target) == expected


def test_a_path_that_exists_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data:voc").mkdir()
    assert split_target("data:voc") == ("data:voc", None)
