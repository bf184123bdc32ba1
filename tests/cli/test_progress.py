"""The progress bar: on a terminal only, and only when it takes a while."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from datumaro.cli import progress
from datumaro.cli.progress import TerminalProgress, progress_reporter
from datumaro.progress import NullProgressReporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Make standard error a terminal (in the test itself: before it, pytest takes it back)."""

    def use() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(progress, "_STEP_DELAY", 0.0)
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    return use


def test_items_rate_and_time_left(show: Callable[[], Terminal]):
    terminal = show()
    reporter = TerminalProgress(delay=0)
    reporter.start(1000, desc="reading")
    reporter.report_status(250)
    reporter.finish()
    assert "reading" in terminal.getvalue()
    assert "250/1000" in terminal.getvalue()
    assert "/s" in terminal.getvalue()


def test_an_unknown_total(show: Callable[[], Terminal]):
    terminal = show()
    reporter = TerminalProgress(delay=0)
    assert list(reporter.iter(iter("abc"), desc="[b]looking[/b]")) == ["a", "b", "c"]
    assert "[b]looking[/b]" in terminal.getvalue()


def test_short_work_shows_nothing(show: Callable[[], Terminal]):
    terminal = show()
    reporter = TerminalProgress(delay=100)
    assert list(reporter.iter([1, 2, 3])) == [1, 2, 3]
    assert terminal.getvalue() == ""


def test_a_step_begun_before_the_last_was_finished_takes_its_place(show: Callable[[], Terminal]):
    terminal = show()
    reporter = TerminalProgress(delay=0)
    reporter.start(10, desc="first")
    reporter.report_status(1)
    reporter.start(20, desc="second")
    reporter.report_status(5)
    reporter.finish()
    assert "5/20" in terminal.getvalue()


def test_an_error_takes_the_bar_away(show: Callable[[], Terminal]):
    terminal = show()
    with pytest.raises(ValueError), progress_reporter(quiet=False) as reporter:
        assert isinstance(reporter, TerminalProgress)
        reporter._appears = 0
        reporter.start(2)
        reporter.report_status(1)
        raise ValueError
    assert reporter._bar is None
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is cleared


def test_nothing_when_quiet_or_piped(show: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch):
    show()
    with progress_reporter(quiet=True) as reporter:
        assert isinstance(reporter, NullProgressReporter)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_reporter(quiet=False) as reporter:
        assert isinstance(reporter, NullProgressReporter)
