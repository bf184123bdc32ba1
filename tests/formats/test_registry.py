"""The list of formats."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from datumaro.errors import UnknownFormatError
from datumaro.formats import entry_points, registry
from datumaro.formats.base import Format, ReadOptions, WriteOptions


class Toy(Format):
    name = "toy"
    title = "a toy"
    writes = False


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that brings a format."""
    points = [EntryPoint("toy", f"{__name__}:Toy", entry_points.GROUP)]
    monkeypatch.setattr(entry_points, "may_be_any", lambda _group: True)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: points)
    entry_points.entry_points.cache_clear()
    yield
    entry_points.entry_points.cache_clear()
    registry.get.cache_clear()


def test_every_format_is_what_its_name_says() -> None:
    for name in registry.names():
        found = registry.get(name)
        assert found.name == name and found.title
        assert found.reads or found.writes
        assert issubclass(found.read_options, ReadOptions)
        assert issubclass(found.write_options, WriteOptions)
        assert registry.get(name) is found


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(UnknownFormatError, match=r"'cocoo'; did you mean .*coco"):
        registry.get("cocoo")
    with pytest.raises(UnknownFormatError, match=r"'%%%'; known: .*datumaro.*voc"):
        registry.get("%%%")


def test_other_packages_bring_formats(third_party: None) -> None:
    assert "toy" in registry.names() and isinstance(registry.get("toy"), Toy)
    assert "toy" in registry.readable() and "toy" not in registry.writable()
    assert "coco" in registry.writable()
