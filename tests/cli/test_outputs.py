"""Names of output files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.cli.errors import CliError
from datumaro.cli.outputs import check_output_folder, next_free_name


def test_the_name_itself_while_it_is_free(tmp_path: Path):
    assert next_free_name("out", folder=tmp_path) == "out"
    assert next_free_name("out", ".json", tmp_path) == "out.json"


def test_numbers_go_on_after_the_highest(tmp_path: Path):
    for name in ("out", "out.1", "out.7", "out.x", "out.3.json", "output.9"):
        (tmp_path / name).touch()
    assert next_free_name("out", folder=tmp_path) == "out.8"
    assert next_free_name("out", ".json", tmp_path) == "out.json"
    (tmp_path / "out.json").touch()
    assert next_free_name("out", ".json", tmp_path) == "out.4.json"


def test_names_are_no_patterns(tmp_path: Path):
    (tmp_path / "a+b").touch()
    (tmp_path / "a+b.1").touch()
    assert next_free_name("a+b", folder=tmp_path) == "a+b.2"


def test_an_output_beside_or_inside_the_source_is_fine(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    check_output_folder(tmp_path / "out", overwrite=False, source=source)
    check_output_folder(source / "out", overwrite=False, source=source)


def test_links_do_not_hide_the_source(tmp_path: Path):
    (tmp_path / "source").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "source")
    with pytest.raises(CliError, match="overwritten while it is read"):
        check_output_folder(tmp_path / "link", overwrite=True, source=tmp_path / "source")
