"""Progress reports."""

from __future__ import annotations

import pytest

from datumaro.progress import NullProgressReporter, ProgressReporter, SimpleProgressReporter


class Told(ProgressReporter):
    def __init__(self) -> None:
        self.calls: list[object] = []

    def start(self, total: int, *, desc: str | None = None) -> None:
        self.calls.append((total, desc))

    def report_status(self, progress: int) -> None:
        self.calls.append(progress)

    def finish(self) -> None:
        self.calls.append("done")


def test_things_are_reported_as_they_are_done() -> None:
    told = Told()
    assert list(told.iter([5, 6], desc="things")) == [5, 6]
    assert told.calls == [(2, "things"), 1, 2, "done"]
    told = Told()
    assert list(told.iter(iter("ab"), total=7)) == ["a", "b"]
    assert told.calls[0] == (7, None)
    told = Told()
    assert list(told.iter(iter("a"))) == ["a"] and told.calls[0] == (0, None)


def test_work_that_stops_is_finished() -> None:
    told = Told()
    things = told.iter([1, 2, 3])
    next(things)
    things.close()
    assert told.calls[-1] == "done"


def test_each_tenth_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(SimpleProgressReporter().iter(range(100), desc="reading"))) == 100
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "reading 001/100 (  1.00%)" and lines[1] == "reading 011/100 ( 11.00%)"
    assert len(lines) == 10
    list(SimpleProgressReporter(period=0.5).iter(iter("ab")))
    assert len(capsys.readouterr().out.splitlines()) == 1, "a total that is not known is 0"


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(NullProgressReporter().iter("ab")) == ["a", "b"]
    assert capsys.readouterr().out == ""
