"""``datum convert``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def read(folder: str | Path) -> dict:
    return json.loads((Path(folder) / "toy.json").read_text())


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_it_converts_and_says_so_on_standard_error(datum, toy: Path):
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out")

    assert (done.code, done.out) == (0, "")
    assert "detected format: toy" in done.err
    assert "wrote 3 items to out" in done.err
    assert [row["id"] for row in read("out")["items"]] == ["a", "b", "c"]
    assert read("out")["labels"] == ["cat", "dog"]


def test_quiet_says_nothing(datum, toy: Path):
    for flags in (("-q", "convert"), ("convert", "--quiet")):
        done = datum(*flags, "-i", toy, "-f", "toy", "-o", f"out-{flags[0]}")
        assert (done.code, done.out, done.err) == (0, "", "")


def test_the_input_is_the_current_folder_and_the_output_named_after_it(
    datum, toy: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(toy)
    for name in ("toy-toy_twin", "toy-toy_twin.1", "toy-toy_twin.2"):
        assert datum("convert", "-if", "toy", "-f", "toy_twin").code == 0
        assert len(read(name)["items"]) == 3


def test_format_options_follow_the_dashes(datum, toy: Path):
    done = datum(
        "convert", "-if", "toy", "-i", toy, "-f", "toy", "-o", "out",
        "--", "--sort", "no", "--case=upper", "-n", "2", "--save-media",
    )  # fmt: skip

    assert done.code == 0
    assert [row["id"] for row in read("out")["items"]] == ["B", "A", "C"]
    assert (Path("out") / "toy.json").read_text().startswith('{\n  "labels"')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--case", "lower"], "invalid choice: 'lower'"),
        (["--indent", "much"], "invalid int value: 'much'"),
        (["--sort", "perhaps"], "'perhaps' is neither yes nor no"),
        (["--sort"], "expected one argument"),
    ],
)
def test_wrong_format_options(datum, toy: Path, options: list[str], message: str):
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out", "--", *options)

    assert done.code == 2
    assert message in done.err
    assert not Path("out").exists()


def test_the_help_of_a_format_needs_no_data_set(datum, toy: Path):
    done = datum("convert", "-i", "nowhere", "-f", "toy", "--", "-h")

    assert (done.code, done.err) == (0, "")
    assert "boxes in one JSON file" in done.out
    assert "--save-media" in done.out and "copy the media files" in done.out
    assert "--sort yes|no" in done.out and "(default: yes)" in done.out
    assert "{keep,upper}" in done.out and "100% optional" in done.out


def test_import_options(datum, toy: Path):
    flags = ["--import-option", "limit=2", "--import-option", "prefix=x="]
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out", *flags)

    assert done.code == 0
    assert [row["id"] for row in read("out")["items"]] == ["x=a", "x=b"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("limit", "expected NAME=VALUE"),
        ("limit=many", "--import-option limit: invalid literal"),
        ("speed=1", "it has: allow_external_media, limit, prefix"),
        ("allow_external_media=perhaps", "neither yes nor no"),
    ],
)
def test_wrong_import_options(datum, toy: Path, option: str, message: str):
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out", "--import-option", option)
    assert done.code == 1
    assert message in done.err
    assert "Traceback" not in done.err


def test_an_unknown_format(datum, toy: Path):
    done = datum("convert", "-i", toy, "-f", "tyo", "-o", "out")
    assert done.code == 1
    assert done.err == "datum: error: no format 'tyo'; did you mean toy?\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-f", "toy_read_only"], "can be read but not written"),
        (["-if", "toy_write_only", "-f", "toy"], "can be written but not read"),
    ],
)
def test_one_way_formats(datum, toy: Path, flags: list[str], message: str):
    done = datum("convert", "-i", toy, "-o", "out", *flags)
    assert done.code == 1
    assert message in done.err


@pytest.mark.parametrize("flags", [[], ["-if", "toy"]])
def test_an_input_that_is_not_there(datum, toy: Path, flags: list[str]):
    done = datum("convert", "-i", "nowhere", "-f", "toy", "-o", "out", *flags)
    assert done.code == 1
    assert done.err == "datum: error: nowhere: no such file or folder\n"
    assert not Path("out").exists()


def test_an_input_of_no_known_format(datum, toy: Path):
    Path("empty").mkdir()
    done = datum("convert", "-i", "empty", "-f", "toy", "-o", "out")
    assert done.code == 1
    assert "empty: no known format matches" in done.err and "--show-rejections" in done.err


def test_an_ambiguous_input_is_a_matter_of_usage(datum, toy: Path):
    (toy / "twin").touch()
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out")
    assert done.code == 2
    assert "toy, toy_twin" in done.err and "-if" in done.err

    assert datum("convert", "-if", "toy", "-i", toy, "-f", "toy", "-o", "out").code == 0


def test_a_damaged_input_tells_file_and_place(datum, toy: Path):
    (toy / "toy.json").write_text("{")
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out")
    assert done.code == 1
    assert f"{toy / 'toy.json'}: byte 0" in done.err
    assert "Traceback" not in done.err
    assert not Path("out").exists()


def test_a_broken_annotation_stops_or_is_skipped(datum, toy: Path):
    rows = [{"id": "a", "subset": "s", "boxes": [[0, 0, -1, 1, 0], [0, 0, 1, 1, 0]]}]
    (toy / "toy.json").write_text(json.dumps({"labels": ["cat"], "items": rows}))

    stopped = datum("convert", "-i", toy, "-f", "toy", "-o", "out")
    assert (stopped.code, Path("out").exists()) == (1, False)
    assert "item a: width -1" in stopped.err

    skipped = datum("convert", "-i", toy, "-f", "toy", "-o", "out", "--on-error", "skip")
    assert skipped.code == 0
    assert "datum: warning:" in skipped.err and "1 items or annotations left out" in skipped.err
    assert read("out")["items"][0]["boxes"] == [[0, 0, 1, 1, 0]]


def test_a_folder_that_holds_something_is_not_overwritten_unasked(datum, toy: Path):
    out = Path("out")
    out.mkdir()
    assert datum("convert", "-i", toy, "-f", "toy", "-o", "out").code == 0  # it was empty

    (out / "toy.json").write_text("old")
    refused = datum("convert", "-i", toy, "-f", "toy", "-o", "out")
    assert refused.code == 1
    assert "out: exists and is not empty" in refused.err and "--overwrite" in refused.err
    assert (out / "toy.json").read_text() == "old"

    assert datum("convert", "-i", toy, "-f", "toy", "-o", "out", "--overwrite").code == 0
    assert len(read("out")["items"]) == 3


def test_an_output_that_is_a_file(datum, toy: Path):
    Path("out").touch()
    done = datum("convert", "-i", toy, "-f", "toy", "-o", "out", "--overwrite")
    assert done.code == 1
    assert "out: is a file" in done.err


@pytest.mark.parametrize("output", ["toy", ".", "toy/../toy"])
def test_the_data_set_that_is_read_is_not_overwritten(datum, toy: Path, output: str):
    before = (toy / "toy.json").read_text()
    done = datum("convert", "-i", toy, "-f", "toy", "-o", output, "--overwrite")
    assert done.code == 1
    assert "would be overwritten while it is read" in done.err
    assert (toy / "toy.json").read_text() == before


def test_a_failed_export_leaves_the_old_data_set_and_nothing_else(datum, toy: Path):
    datum("convert", "-i", toy, "-f", "toy", "-o", "out")
    before = (Path("out") / "toy.json").read_text()

    done = datum("convert", "-i", toy, "-f", "toy_buggy", "-o", "out", "--overwrite")

    assert done.code == 1
    assert "KeyError: 'oops'" in done.err and "bug" in done.err and "--loglevel debug" in done.err
    assert "Traceback" not in done.err
    assert (Path("out") / "toy.json").read_text() == before
    assert names_in(Path()) == {"toy", "out"}


def test_a_full_disk_tells_which_folder(datum, toy: Path):
    done = datum("convert", "-i", toy, "-f", "toy_full", "-o", "out")
    assert done.code == 1
    assert "datum: error: out: cannot be written: No space left on device" in done.err


def test_an_inner_folder_is_read_where_it_is(datum, toy: Path):
    Path("wrapped").mkdir()
    toy.rename("wrapped/inner")
    done = datum("convert", "-i", "wrapped", "-f", "toy", "-o", "out")
    assert done.code == 0
    assert "detected format: toy, in wrapped/inner" in done.err
    assert len(read("out")["items"]) == 3


def test_a_format_whose_package_is_missing(datum, toy: Path):
    done = datum("convert", "-i", toy, "-f", "toy_broken")
    assert done.code == 1
    assert "cannot be loaded: No module named 'no_such_module'" in done.err
    assert "bug" not in done.err


def test_missing_required_flags(datum):
    done = datum("convert")
    assert done.code == 2
    assert "-f/--output-format" in done.err
