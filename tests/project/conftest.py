"""Fixtures for the tests of projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.project.project import Project


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without configuration, and without keys."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("DATUMARO_ENCRYPTION_KEY", "DATUMARO_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(home: None, tmp_path: Path) -> Project:
    return Project.create(tmp_path / "project")
