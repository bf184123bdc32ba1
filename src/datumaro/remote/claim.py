"""Keeping exports to one URL apart.

Object stores have no locks, and what reaches them here has no writes on condition. But what was put
is in every listing from then on. So each export puts a file of its own beside the data set, and
lists the folder after that: of two, the later sees the other's file, and is refused. Where both see
both, the one whose name comes first waits until the other has withdrawn. Nothing is written by an
export whose file has not been the only one in a listing.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import secrets
import socket
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from datumaro.errors import DatasetExportError, RemoteStorageError
from datumaro.remote.path import RemotePath
from datumaro.remote.tools import removing

log = logging.getLogger("datumaro")

PREFIX = "export-claim-"
"""What the names of the files begin with; hexadecimal digits follow."""

_PATIENCE, _POLL = 10.0, 0.1  # seconds: until others have withdrawn
_OWNER = 200  # characters that are shown of what a file says


class Claim:
    """A folder at a URL, claimed by one export.

    Attributes
    ----------
    name : of its file, in the folder.
    is_lost : the file was removed by somebody else.
    """

    def __init__(self, folder: RemotePath) -> None:
        self._folder = folder
        self.name = PREFIX + secrets.token_hex(6)
        self.is_lost = False

    @property
    def _file(self) -> RemotePath:
        return self._folder / self.name

    def take(self) -> None:
        """Put the file, and see that it is the only one.

        Raises
        ------
        DatasetExportError
            Another export has the folder: who, since when, and what to do if that one is dead.
        RemoteStorageError
            The file cannot be put.
        """
        refuse_others(self._folder)
        try:
            with (
                self._file.told(),
                self._folder.connection.filesystem.open_output_stream(self._file.place) as out,
            ):
                out.write(_owner().encode())
            self._wait()
        except BaseException:
            self.release()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            infos = self._folder.infos()
            self.check(infos)
            others = [info for info in _claims(infos) if info.base_name != self.name]
            if not others:
                return
            first = min(info.base_name for info in others)
            if first < self.name or time.monotonic() > end:
                raise _refusal(self._folder, others)
            time.sleep(_POLL)

    def check(self, infos: Iterable[Any]) -> None:
        """See that the file is in a listing of the folder.

        That others are, too, means nothing: they are about to withdraw.

        Raises
        ------
        RemoteStorageError
            It is not: somebody took this export for a dead one.
        """
        if all(info.base_name != self.name for info in _claims(infos)):
            self.is_lost = True
            raise RemoteStorageError(
                f"{self._file}: somebody has removed this file, by which this export kept others "
                f"from {self._folder}: see that no other export runs, and export again"
            )

    def release(self) -> None:
        """Remove the file. That it cannot be is logged: what was exported is in order."""
        try:
            with self._file.told(), contextlib.suppress(FileNotFoundError):
                self._folder.connection.filesystem.delete_file(self._file.place)
        except OSError as error:
            log.warning(
                "%s could not be removed (%s); exports to that folder are refused as long as it "
                "is there; remove it: %s",
                self._file, error, removing(self._file),
            )  # fmt: skip


def refuse_others(folder: RemotePath) -> None:
    """See that no export has the folder.

    Raises
    ------
    DatasetExportError
        One has it.
    """
    if others := _claims(folder.infos()):
        raise _refusal(folder, others)


def _claims(infos: Iterable[Any]) -> list[Any]:
    return [info for info in infos if info.is_file and info.base_name.startswith(PREFIX)]


def _refusal(folder: RemotePath, others: list[Any]) -> DatasetExportError:
    info = min(others, key=lambda info: info.base_name)
    file = folder / info.base_name
    try:
        text = file.read_range(0, _OWNER).decode(errors="replace")
    except OSError:  # it is gone, or may not be read
        text = ""
    owner = "".join(c for c in text.partition("\n")[0] if c.isprintable()) or "somebody"
    since = f" since {info.mtime.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if info.mtime else ""
    return DatasetExportError(
        f"{folder}: another export to it is under way, by {owner}{since}. Wait for its end. If it "
        f"has died, remove its file, and export again: {removing(file)} (--overwrite does not)"
    )


def _owner() -> str:
    """Who exports, on one line."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in containers
        user = "somebody"
    now = datetime.now(UTC)
    return (
        f"{user}@{socket.gethostname()}, process {os.getpid()}\n"
        f"exports a data set to this folder, since {now:%Y-%m-%d %H:%M:%S} UTC. "
        "At its end this file goes.\n"
    )
