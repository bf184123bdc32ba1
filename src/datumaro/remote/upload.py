"""Exporting to a URL: a whole local data set is put there, so that no reader sees half of it.

First comes a file that keeps other exports away (`claim`), then one that says that an export is
under way (`steady.MARK`), then media, then the annotation files, and last those two go. When this
fails and nothing was there before, what was uploaded is removed. A data set that was there before
cannot be brought back: the mark stays, which keeps readers from what is there, and the error says
what that is. The mark of a process that was killed stays, too, and so does its claim.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from datumaro.errors import DatasetExportError, RemoteStorageError
from datumaro.progress import ProgressReporter
from datumaro.remote.claim import Claim, refuse_others
from datumaro.remote.failures import failure
from datumaro.remote.path import RemotePath
from datumaro.remote.steady import MARK, owned_folders
from datumaro.workers import Workers, batched

log = logging.getLogger("datumaro")

_PIECE = 8 << 20  # bytes of a file that are read and sent at once
_AT_A_TIME = 8  # uploads, at least: they wait for the network
_FILES = 16  # that a worker takes at a time


@contextlib.contextmanager
def uploaded(
    target: RemotePath,
    owned: Sequence[str],
    gone: Collection[str],
    progress: ProgressReporter,
    workers: Workers,
) -> Generator[Path]:
    """Give a fresh local folder to write a data set into, and put it at a URL at the end.

    Parameters
    ----------
    owned : glob patterns of annotation files, relative to the folder. Those of a data set that is
        there already are gone with it; all other files that the new one does not have stay.
    gone : files that are gone with it, too: paths relative to it.

    Raises
    ------
    DatasetExportError, RemoteStorageError
        It could not be put there, or another export to it is under way. The message tells what is
        there now.
    """
    if target.is_file():
        raise DatasetExportError(f"{target}: it is a file; a data set needs a folder")
    _check_bucket(target)
    refuse_others(target)  # before the work is done, if it is known by now
    with tempfile.TemporaryDirectory(prefix="datumaro-") as name:
        yield Path(name)
        _Upload(Path(name), RemotePath(target.connection, target.key), owned, workers).run(
            gone, progress
        )


def _check_bucket(target: RemotePath) -> None:
    """See that the bucket is there, before anything is written."""
    if not target.connection.is_object_store or target.exists():
        return
    if not RemotePath(target.connection, "").exists():
        name = target.connection.authority
        raise DatasetExportError(f"{target}: there is no bucket {name!r}; make it first")


@dataclass
class _Upload:
    """One upload.

    Attributes
    ----------
    done : the files that are there, or of which a part may be.
    was_marked : an earlier export has left its mark: what is there is none of a piece.
    is_replaced : files of the data set that was there may be gone.
    """

    folder: Path
    target: RemotePath
    owned: Sequence[str]
    workers: Workers
    done: list[str] = field(default_factory=list[str])
    was_marked: bool = False
    is_replaced: bool = False

    def run(self, gone: Collection[str], progress: ProgressReporter) -> None:
        files = _files_below(self.folder)
        last = [name for name in files if self._is_owned(name)]
        names = set(files)
        media = sorted(names - set(last))
        is_free = self.target.is_empty()
        claim = self._claimed()
        try:
            old = self._old()
            # another export may have ended between the two looks
            is_new = is_free and not old and not self.was_marked
            total = len(files)
            progress.start(total, desc="Uploading")
            try:
                self._put_mark()
                self._put_all(media, progress)
                self._check([], claim)
                self.is_replaced = bool(old)
                self._remove_all([name for name in old if name not in names])
                self._put_all(last, progress)
                self._check(last, claim)
                self._remove_all([name for name in gone if name not in names])
                self._remove(MARK)
            except BaseException as error:
                left = self._clear() if is_new and not claim.is_lost else self._left(total)
                if not isinstance(error, Exception):
                    if left:
                        log.error("%s: %s", self.target, left)
                    raise
                raise self._failed(error, left) from error
            finally:
                progress.finish()
        finally:
            claim.release()

    def _claimed(self) -> Claim:
        """The folder, for this export alone."""
        claim = Claim(self.target)
        try:
            self._make_folder("")
            claim.take()
        except RemoteStorageError as error:
            raise RemoteStorageError(f"{error}. Nothing was changed at {self.target}") from None
        return claim

    # --- files -------------------------------------------------------------------------------

    def _is_owned(self, name: str) -> bool:
        path = PurePosixPath(name)
        return any(
            path.match(pattern) and name.count("/") == pattern.count("/") for pattern in self.owned
        )

    def _old(self) -> list[str]:
        """The annotation files that are there."""
        found: list[str] = []
        for folder in owned_folders(self.owned):
            names = (self.target / folder).names()[0]
            found += [f"{folder}/{name}" if folder else name for name in names]
        self.was_marked = MARK in found
        if self.was_marked:
            log.warning("%s: an earlier export was broken off: it is replaced", self.target)
        return [name for name in found if self._is_owned(name)]

    def _put_mark(self) -> None:
        self.done.append(MARK)
        with (
            (self.target / MARK).told(),
            self._filesystem.open_output_stream((self.target / MARK).place) as out,
        ):
            out.write(b"A data set is being exported to this folder. At its end this file goes.\n")

    def _put_all(self, names: Sequence[str], progress: ProgressReporter) -> None:
        for folder in sorted({name.rpartition("/")[0] for name in names} - {""}):
            self._make_folder(folder)
        for _ in self._each(self._put, names):
            progress.report_status(len(self.done) - 1)

    def _put(self, name: str) -> None:
        """Upload a file; large ones go in parts. Runs in a worker."""
        place = self.target / name
        self.done.append(name)
        with (
            place.told(),
            (self.folder / name).open("rb", buffering=0) as source,
            self._filesystem.open_output_stream(place.place) as out,
        ):
            while data := source.read(_PIECE):
                out.write(data)

    def _make_folder(self, relative: str) -> None:
        if not self.target.connection.is_object_store:
            folder = self.target / relative
            with folder.told():
                self._filesystem.create_dir(folder.place, recursive=True)

    def _remove_all(self, names: Sequence[str]) -> None:
        for _ in self._each(self._remove, names):
            pass

    def _remove(self, name: str) -> None:
        """Remove a file, if it is there. Runs in a worker."""
        place = self.target / name
        with place.told(), contextlib.suppress(FileNotFoundError):
            self._filesystem.delete_file(place.place)

    def _each(self, function: Callable[[str], None], names: Sequence[str]) -> Iterator[None]:
        """Call a function with each name, by the workers; with none, here."""
        wanted = self.workers.num_workers or self.workers.executor
        at_a_time = Workers(max(self.workers.num_workers, _AT_A_TIME) if wanted else 0)
        batches = batched(names, max(1, min(_FILES, len(names) // _AT_A_TIME)))
        with at_a_time.map(function, batches) as results:
            yield from results

    def _check(self, names: Sequence[str], claim: Claim) -> None:
        """See that annotation files are there as they were written, and nobody else writes."""
        sizes: dict[str, int] = {}
        for folder in owned_folders(self.owned) if names else [""]:
            infos = (self.target / folder).infos()
            if not folder:
                claim.check(infos)
            sizes.update((f"{folder}/{i.base_name}".lstrip("/"), i.size) for i in infos)
        for name in names:
            expected, found = (self.folder / name).stat().st_size, sizes.get(name)
            if found != expected:
                raise RemoteStorageError(
                    f"{self.target / name}: {found or 'no'} bytes are there after the upload of "
                    f"{expected}; try again"
                )

    @property
    def _filesystem(self) -> Any:
        return self.target.connection.filesystem

    # --- failure -----------------------------------------------------------------------------

    def _failed(self, error: Exception, left: str) -> Exception:
        told = failure(error, str(self.target), self.target.connection)
        text = self.target.connection.scrubbed(str(told or error))
        kind = RemoteStorageError if told is not None else DatasetExportError
        return kind(f"{text}. {left or 'What had been uploaded was removed.'}")

    def _clear(self) -> str:
        """Remove what was uploaded; what is left, in words."""
        left = [name for name in self.done if name != MARK]
        try:
            while left:
                self._remove(left[-1])
                left.pop()
            self._remove(MARK)
        except OSError:  # the rest would be waited for in vain
            left = left or [MARK]
        if left:
            return (
                f"{len(left)} uploaded files could not be removed again, below {self.target}: "
                f"remove the folder. It is not read while the file {MARK} is there"
            )
        with contextlib.suppress(OSError):  # empty folders that the removal has left
            for name in self.target.names()[1]:
                folder = self.target / name
                if not any(info.is_file for info in folder.infos(recursive=True)):
                    self._filesystem.delete_dir(folder.place)
        return ""

    def _left(self, total: int) -> str:
        n = sum(name != MARK for name in self.done)
        if not (n or self.was_marked or self.is_replaced):
            with contextlib.suppress(OSError):  # it may be what failed
                self._remove(MARK)
                return "The data set there is as it was."
        return (
            f"At {self.target} a data set was being replaced: {n} of {total} files are uploaded, "
            f"and files of the old one may be among the rest. It is not read while the file {MARK} "
            "is there: export again, or remove the folder"
        )


def _files_below(folder: Path) -> list[str]:
    """All files of a tree, relative to it with ``/``, sorted."""
    found: list[str] = []
    for here, _, names in os.walk(folder):
        relative = Path(here).relative_to(folder).as_posix()
        found += [name if relative == "." else f"{relative}/{name}" for name in names]
    return sorted(found)
