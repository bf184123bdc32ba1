"""The lock that dies with its process, and changes that are whole or not there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from datumaro.errors import ProjectError
from datumaro.project import transaction
from datumaro.project.layout import Layout
from datumaro.project.transaction import Transaction, locked


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "project")
    layout.folder.mkdir(parents=True)
    layout.config.write_text("before")
    old = layout.source("photos")
    old.mkdir()
    (old / "a.txt").write_text("old")
    return layout


def change(layout: Layout) -> Transaction:
    """A transaction that replaces the source and the configuration, and removes another source."""
    layout.source("gone").mkdir(exist_ok=True)
    made = Transaction(layout)
    made.folder.mkdir(parents=True)
    (made.folder / "photos").mkdir()
    (made.folder / "photos" / "b.txt").write_text("new")
    made.replace(layout.source("photos"), made.folder / "photos")
    made.replace(layout.source("gone"), None)
    made.write(layout.config, "after")
    return made


def state(layout: Layout) -> tuple[list[str], str, bool]:
    names = sorted(path.name for path in layout.source("photos").iterdir())
    return names, layout.config.read_text(), layout.source("gone").exists()


BEFORE = (["a.txt"], "before", True)
AFTER = (["b.txt"], "after", False)


def test_a_change_is_made_as_a_whole(layout: Layout):
    with locked(layout), Transaction(layout):
        change(layout).commit()

    assert state(layout) == AFTER
    assert not layout.temporary.exists() and not layout.journal.exists()


def test_without_commit_nothing_changes(layout: Layout):
    with pytest.raises(RuntimeError), locked(layout), Transaction(layout):
        change(layout)
        raise RuntimeError

    assert state(layout) == BEFORE
    assert not layout.temporary.exists()


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", range(12))
def test_killed_at_any_step_the_next_command_completes_it_or_nothing_has_changed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, step: int
):
    steps = 0

    def killing(method):
        def call(self, *args, **kwargs):
            nonlocal steps
            steps += 1
            if steps == step + 1:
                raise Killed
            return method(self, *args, **kwargs)

        return call

    made = change(layout)
    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "unlink", "write_text"):
            patch.setattr(Path, name, killing(getattr(Path, name)))
        try:
            made.commit()
            ended = True
        except Killed:
            ended = False
    journal = layout.journal.exists()

    with locked(layout, shared=True):
        pass

    assert state(layout) == (AFTER if journal or ended else BEFORE)
    with locked(layout):
        assert not layout.temporary.exists()


def test_a_reader_completes_what_was_left(layout: Layout):
    made = change(layout)
    entry = {"folder": made.folder.name, "moves": made._moves}
    layout.journal.write_text(json.dumps(entry))

    with locked(layout, shared=True):
        assert state(layout) == AFTER


@pytest.mark.parametrize(
    "journal",
    [
        "",
        "[]",
        "null",
        '{"folder": "../..", "moves": []}',
        '{"folder": "x", "moves": [["../../no-such-folder", "photos"]]}',
        '{"folder": "x", "moves": [[null, "../outside"]]}',
        '{"folder": "x", "moves": [[null, "/no-such-folder"]]}',
        '{"folder": "x", "moves": [[null, ".datumaro/index/.."]]}',
        '{"folder": "x", "moves": [[null, "photos/a.txt"]]}',
        '{"folder": "x", "moves": [[null, 3]]}',
        '{"folder": "x", "moves": [3]}',
        "[" * 100_000,
    ],
)
def test_a_journal_from_strangers_moves_nothing_elsewhere(layout: Layout, journal: str):
    outside = layout.root.parent / "outside"
    outside.mkdir()
    layout.journal.write_text(journal)

    with pytest.raises(ProjectError, match="journal is damaged"), locked(layout):
        pass

    assert outside.exists() and layout.source("photos").exists()


def test_links_in_the_place_of_temporary_folders_are_not_followed(layout: Layout, tmp_path: Path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    layout.temporary.symlink_to(precious)

    with locked(layout), Transaction(layout):
        pass

    assert (precious / "file").exists()


def test_what_is_mounted_cannot_be_replaced(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "photos")

    with pytest.raises(ProjectError, match="mounted"), locked(layout), Transaction(layout):
        change(layout).commit()

    assert state(layout) == BEFORE


# --- the lock ------------------------------------------------------------------------------------


def test_writers_wait_for_each_other(layout: Layout):
    order: list[str] = []
    inside = threading.Event()

    def second():
        inside.wait()
        with locked(layout):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(layout):
        inside.set()
        thread.join(0.1)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_readers_share(layout: Layout):
    with locked(layout, shared=True), locked(layout, shared=True):
        pass


def test_waiting_is_told(layout: Layout, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "datumaro")
    holding, done = threading.Event(), threading.Event()

    def hold():
        with locked(layout):
            holding.set()
            while "waiting for another command" not in caplog.text:
                done.wait(0.01)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    with locked(layout, shared=True):
        pass
    thread.join()

    assert caplog.text.count("waiting") == 1


_HOLD = """
import sys, time
from pathlib import Path
from datumaro.project.layout import Layout
from datumaro.project.transaction import locked
with locked(Layout(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_leaves_no_lock(layout: Layout):
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(layout.root)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        process.kill()

    with locked(layout):
        pass


def test_a_project_that_cannot_be_written_can_be_read(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    def refuse(path, flags, mode=0o777):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(transaction.os, "open", refuse)

    with locked(layout, shared=True):
        pass
    with pytest.raises(ProjectError, match="Permission denied"), locked(layout):
        pass
