"""Fixtures for the tests of formats."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def groups_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The row groups of Parquet files that are read: their files' names and numbers."""
    from datumaro.formats.datumaro_binary.parquet import reading

    found: list[tuple[str, int]] = []
    whole = reading.Group.read

    def noted(group: reading.Group):
        found.append((Path(group.path).stem, group.number))
        return whole(group)

    monkeypatch.setattr(reading.Group, "read", noted)
    return found
