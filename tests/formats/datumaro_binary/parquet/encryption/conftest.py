"""Fixtures of encrypted Parquet storage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from formats.datumaro_binary.parquet.encryption.encrypted_parquet import export


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("made") / "out")


@pytest.fixture
def encrypted(made: Path, tmp_path: Path) -> Path:
    """Four shards and four images, encrypted with KEY, to be tampered with."""
    shutil.copytree(made, tmp_path / "encrypted")
    return tmp_path / "encrypted"
