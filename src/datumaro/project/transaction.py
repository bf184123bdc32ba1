"""Changes of a project: one command at a time, each as a whole or not at all.

**The lock** is held on an open file, so that it ends with the process, however that ends. Commands
that change something hold it alone; those that only read share it.

**A transaction** makes new folders and files in ``tmp``. When they are whole, it writes down in the
*journal* what will be moved where, moves it, and removes the journal. A process that dies before
the journal is there has changed nothing; one that dies later is completed by the next command.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from datumaro.errors import ProjectError
from datumaro.project.layout import Layout, name_problem

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("datumaro")


@contextlib.contextmanager
def locked(layout: Layout, *, shared: bool = False) -> Generator[int | None]:
    """Hold the project's lock, waiting for it; what a dead command left is completed or removed.

    Parameters
    ----------
    shared : for commands that only read.

    Yields
    ------
    The lock's file descriptor: a child process that inherits it holds the lock, too. None where
    there are no such locks (Windows, some network file systems).

    Raises
    ------
    ProjectError
        The project's folder cannot be written to, or what was left cannot be completed.
    """
    lock = _open(layout, shared)
    try:
        _wait(lock, shared)
        if shared and layout.journal.exists():
            _wait(lock, False)
            _tidy(layout)
            _wait(lock, True)
        elif not shared:
            _tidy(layout)
        yield lock
    finally:
        if lock is not None:
            os.close(lock)


def _open(layout: Layout, shared: bool) -> int | None:
    if sys.platform == "win32":
        return None
    try:
        return os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if not shared:
            raise ProjectError(
                f"cannot change the project {layout.root}: {layout.lock}: {error.strerror}"
            ) from error
    with contextlib.suppress(OSError):  # the project is on a medium that cannot be written
        return os.open(layout.lock, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _wait(lock: int | None, shared: bool) -> None:
    if lock is None or sys.platform == "win32":
        return
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("waiting for another command that uses the project")
        fcntl.flock(lock, how)
    except OSError as error:
        log.debug("no locks here: %s", error)


def _tidy(layout: Layout) -> None:
    """Complete what a dead command has begun to move, and remove what it has left."""
    if layout.journal.exists():
        log.info("completing a change of the project that was interrupted")
        _move(layout)
    if os.path.lexists(layout.temporary):
        _remove(layout.temporary)


class Transaction:
    """Changes that are made together. Whoever makes one holds the lock.

    As a context: what is in ``folder`` is removed at the end; without `commit` nothing has changed.

    Attributes
    ----------
    folder : where new files and folders are made.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.folder = layout.temporary / secrets.token_hex(8)
        self._moves: list[tuple[str | None, str]] = []

    def __enter__(self) -> Transaction:
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise ProjectError(f"cannot change the project: {self.folder}: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if not self._layout.journal.exists():
            _remove(self._layout.temporary)

    def replace(self, place: Path, new: Path | None) -> None:
        """Let `commit` put ``new``, a file or folder in ``folder``, in a place.

        Parameters
        ----------
        place : a source's folder, the configuration, or the history's HEAD.
        new : None removes what is there.
        """
        self._moves.append(
            (None if new is None else new.name, place.relative_to(self._layout.root).as_posix())
        )

    def write(self, place: Path, text: str) -> None:
        """Let `commit` replace a file by one with that text."""
        new = self.folder / f"text-{len(self._moves)}"
        new.write_text(text, encoding="utf-8", newline="\n")
        self.replace(place, new)

    def commit(self) -> None:
        """Put everything in its place.

        Raises
        ------
        ProjectError
            A place cannot be replaced, and nothing has changed.
        """
        for _, place in self._moves:
            path = self._layout.root / place
            if not path.is_symlink() and path.is_mount():
                raise ProjectError(
                    f"{path} cannot be replaced: another file system is mounted there; "
                    "import its data instead"
                )
        journal = self.folder / "journal"
        journal.write_text(json.dumps({"folder": self.folder.name, "moves": self._moves}))
        journal.replace(self._layout.journal)
        _move(self._layout)


def _move(layout: Layout) -> None:
    """Do what the journal says, from where it was left."""
    name, moves = _read_journal(layout)
    folder = layout.temporary / name
    try:
        for number, (new, relative) in enumerate(moves):
            place, old = layout.root / relative, folder / f"old-{number}"
            source = None if new is None else folder / new
            if source is not None and not os.path.lexists(source):
                continue  # it is there already
            if os.path.lexists(place) and not os.path.lexists(old):
                if source is not None and source.is_file() and place.is_file():
                    source.replace(place)
                    continue
                place.rename(old)
            if source is not None:
                source.rename(place)
        layout.journal.unlink()
    except OSError as error:
        raise ProjectError(
            f"the change of the project is not complete, since {error.filename} cannot be moved "
            f"({error.strerror}); the next command completes it when that is possible"
        ) from error


def _read_journal(layout: Layout) -> tuple[str, list[tuple[str | None, str]]]:
    """The folder's name and the moves, checked: a project may come from strangers."""
    try:
        read: Any = json.loads(layout.journal.read_bytes())
        folder, moves = read["folder"], [(new, place) for new, place in read["moves"]]
        names = [folder, *(new for new, _ in moves if new is not None)]
        if not all(isinstance(name, str) and name_problem(name) is None for name in names):
            raise ValueError("a name in it is none")
        if not all(_is_place(layout, place) for _, place in moves):
            raise ValueError("a place in it is none of the project")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProjectError(
            f"{layout.journal} is damaged ({error}); remove it, then look at "
            "`datum project status`: a change may be half done"
        ) from error
    return folder, cast(list[tuple[str | None, str]], moves)


def _is_place(layout: Layout, relative: str) -> bool:
    """Whether a path is that of a part of the project, or a source's folder."""
    parts = (
        layout.config, layout.history, layout.history / "HEAD", layout.cache, layout.index,
        layout.revisions,
    )  # fmt: skip
    name = relative.rpartition("/")[2]
    if relative in (name, f"{layout.index.relative_to(layout.root).as_posix()}/{name}"):
        return name_problem(name) is None
    return layout.root / relative in parts


def _remove(folder: Path) -> None:
    """Remove a tree. A failure is logged: the project itself is in order."""
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        log.warning("%s could not be removed: %s", folder, error)
