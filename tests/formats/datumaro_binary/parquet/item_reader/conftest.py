"""Fixtures for the tests of `ItemReader`."""

import pytest

from datumaro.formats.datumaro_binary.parquet import row_groups
from formats.datumaro_binary.parquet.item_reader.item_files import export


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return export(tmp_path_factory.mktemp("items"), shard_size=5)


@pytest.fixture
def groups_read(monkeypatch, groups_read):
    """The row groups that are read by Arrow, as all are then."""
    monkeypatch.setattr(row_groups.StoredFile, "pages", lambda *_: None)
    return groups_read
