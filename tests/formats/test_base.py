"""The contract of formats: options, folders, problems and losses."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

from datumaro.errors import DatasetImportError, UnknownOptionError
from datumaro.formats.base import (
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.options import make_options, option


@dataclass(frozen=True, kw_only=True)
class ToyOptions(WriteOptions):
    crop: bool = option(False, "cut what is outside")
    mode: str = option("fast", "how", choices=("fast", "small"))


def test_options_of_keywords() -> None:
    options = make_options(ToyOptions, {"save_media": True, "mode": "small"}, "toy")
    assert options == ToyOptions(save_media=True, mode="small")
    assert make_options(ToyOptions, {}, "toy").image_ext is None
    with pytest.raises(FrozenInstanceError):
        options.crop = True


def test_an_unknown_option_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(
        UnknownOptionError,
        match=r"toy has no option 'corp'.*crop, image_ext, mode, num_workers, save_media",
    ):
        make_options(ToyOptions, {"corp": True}, "toy")


def test_a_word_that_is_no_choice_is_an_error() -> None:
    with pytest.raises(UnknownOptionError, match=r"'mode' is 'slow'; expected one of fast, small"):
        make_options(ToyOptions, {"mode": "slow"}, "toy")


def test_folders_list_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"0123456789")
    (tmp_path / "a.txt").touch()
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    folder = Folder(tmp_path)
    assert folder.files() == ["a.txt", "b.txt"] and folder.folders() == ["sub"]
    assert folder.folders("sub") == ["deep"] and folder.files("sub") == []
    assert folder.files("nothing") == [] and folder.folders("b.txt") == []
    assert folder.head("b.txt", 4) == b"0123" and not folder.is_file
    (tmp_path / "late.txt").touch()
    assert folder.files() == ["a.txt", "b.txt"], "listed once, for all formats"
    file = Folder(tmp_path / "b.txt")
    assert file.is_file and file.head("") == b"0123456789" and file.files() == []


def test_a_problem_is_raised_or_remembered() -> None:
    with pytest.raises(DatasetImportError, match="bad"):
        ReadContext().problem(DatasetImportError("bad"))
    context = ReadContext(on_error="skip")
    for i in range(250):
        context.problem(DatasetImportError(str(i)))
    assert context.n_problems == 250
    assert [str(problem) for problem in context.problems] == [str(i) for i in range(100)]


def test_losses_are_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    context = WriteContext()
    context.report("toy")
    assert not caplog.records
    context.lost("captions", 2, "item a")
    context.lost("captions", 3, "item b")
    context.lost("masks", 0, "item c")
    context.lost("colours")
    with caplog.at_level(logging.WARNING):
        context.report("toy")
    assert [record.getMessage() for record in caplog.records] == [
        "toy cannot hold 5 captions (first: item a), 1 colours: left out"
    ]


def test_a_format_that_says_nothing_is_not_detected(tmp_path: Path) -> None:
    with pytest.raises(Rejected):
        Format().detect(Folder(tmp_path))
    with pytest.raises(NotImplementedError):
        Format().read(tmp_path, None, ReadContext())
