"""What all commands share: help, messages, exit codes, signals."""

from __future__ import annotations

import json
import logging
import os
import pkgutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datumaro.cli import commands
from datumaro.cli.commands import format as format_command

COMMANDS = [module.name for module in pkgutil.iter_modules(commands.__path__)]


def test_help_lists_the_commands_and_exit_codes(datum):
    done = datum("--help")
    assert (done.code, done.err) == (0, "")
    for name in COMMANDS:
        assert f"\n    {name} " in done.out
    assert "exit codes:" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(datum, command: str):
    done = datum(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "\nexamples:\n  datum " + command in done.out
    assert "--quiet" in done.out
    assert all(len(line) <= 100 for line in done.out.splitlines())


def test_no_command_is_an_error_that_shows_the_help(datum):
    done = datum()
    assert done.code == 1
    assert done.out.startswith("usage: datum")


@pytest.mark.parametrize(
    "argv",
    [["nonsense"], ["--nonsense"], ["info", "--loglevel", "loud"], ["info", "a", "b"]],
)
def test_a_wrong_command_line(datum, argv: list[str]):
    done = datum(*argv)
    assert (done.code, done.out) == (2, "")
    assert "usage: datum" in done.err


def test_only_some_commands_take_format_options(datum):
    done = datum("info", "--", "--save-media")
    assert done.code == 2
    assert 'the command info takes no format options after "--"' in done.err


def test_the_version(datum):
    done = datum("--version")
    assert done.code == 0
    assert done.out.strip()


@pytest.mark.parametrize(
    "argv", [["--loglevel", "ERROR", "format"], ["format", "--loglevel", "error"]]
)
def test_the_level_may_stand_anywhere(datum, argv: list[str]):
    assert "toy_broken" not in datum(*argv).err  # a warning
    assert "toy_broken" in datum("format").err


def test_logging_is_left_as_it_was(datum):
    log = logging.getLogger("datumaro")
    before = (log.level, list(log.handlers))
    datum("--loglevel", "debug", "format")
    assert (log.level, log.handlers) == before


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.json"), 1, "x.json: No such file"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (MemoryError(), 1, "memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "ZeroDivisionError: division by zero. This is a bug",
        ),
    ],
)
def test_errors_are_one_line(
    datum, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
):
    def fail() -> None:
        raise error

    monkeypatch.setattr(format_command, "_names", fail)
    done = datum("format")
    assert done.code == code
    assert done.err.startswith("datum: error: ") and message in done.err
    assert done.err.count("\n") == 1


def test_debugging_shows_the_traceback(datum, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(format_command, "_names", lambda: 1 / 0)
    done = datum("format", "--loglevel", "debug")
    assert done.code == 1
    assert "Traceback" in done.err and "ZeroDivisionError" in done.err


# --- in a process of its own ------------------------------------------------------------------


def test_a_process(datum_process, toy: Path):
    process = datum_process(["convert", "-i", "toy", "-f", "toy", "-o", "out"])
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "wrote 3 items" in err
    assert len(json.loads(Path("out/toy.json").read_text())["items"]) == 3

    process = datum_process(["convert", "-i", "nowhere", "-f", "toy"])
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err == "datum: error: nowhere: no such file or folder\n"


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_export_leaves_nothing(datum_process, toy: Path, sent: int, code: int):
    argv = ["convert", "-i", "toy", "-f", "toy", "-o", "out", "--", "--delay", "60"]
    process = datum_process(argv)
    until = time.monotonic() + 30
    while len(list(toy.parent.rglob("toy.json"))) < 2:  # the input's, and the half-written one
        assert time.monotonic() < until and process.poll() is None, "the export did not begin"
        time.sleep(0.02)

    process.send_signal(sent)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert [path.name for path in toy.parent.iterdir()] == ["toy"]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_reader_that_goes_away(datum_process, toy: Path):
    process = datum_process(["format"])
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(30) in (0, 1)
    assert "Traceback" not in err and "BrokenPipe" not in err


def test_help_loads_nothing_that_takes_time():
    code = (
        "import sys; from datumaro.cli.main import main; main(['convert', '--help']); "
        "heavy = {'numpy', 'pyarrow', 'rich', 'lxml', 'PIL', 'msgspec', 'orjson'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_dashes_alone_show_the_help(datum):
    assert datum("--").out.startswith("usage: datum")
