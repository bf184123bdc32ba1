"""The files of a source as they are now."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.project.file_list import FileList, Index, Stored
from datumaro.project.file_tree import File, walk, without_keys
from datumaro.project.object_store import ObjectStore, file_hash
from datumaro.workers import Workers, batched

log = logging.getLogger("datumaro")

_BATCH = 64  # files that a worker takes at a time
_SILENT = NullProgressReporter()


class WorkingCopy:
    """The folder of a source.

    Parameters
    ----------
    folder : where its files are.
    index : the file of what is known of them.
    allow_external : whether links that lead outside are followed.
    """

    def __init__(self, folder: Path, index: Path, *, allow_external: bool = False) -> None:
        self.folder = folder
        self._index = Index(index)
        self._allow_external = allow_external

    @property
    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.folder.is_dir()

    def look(self) -> tuple[list[File], list[File]]:
        """The files, and those that are left alone since they hold an encryption key."""
        return without_keys(list(walk(self.folder, allow_external=self._allow_external)))

    def is_as_imported(self) -> bool:
        """Whether nothing was changed since the files were last looked at as a whole."""
        return self._index.is_as_seen(self.look()[0])

    def remember(self) -> None:
        """Remember the files as they are, without hashing them."""
        stamp = self._index.now()
        self._index.write(((file, None) for file in self.look()[0]), stamp)

    def remember_as(self, known: FileList) -> None:
        """Remember the files of a folder that was just made of a list."""
        stamp = self._index.now()
        files = self.look()[0]
        self._index.write(((file, known[file.path].hash) for file in files), stamp)

    def files(
        self,
        store: ObjectStore | None = None,
        *,
        progress: ProgressReporter = _SILENT,
        workers: Workers | None = None,
    ) -> FileList:
        """The files and the hashes of their contents.

        Parameters
        ----------
        store : keep all contents in it.

        Raises
        ------
        ProjectError
            A file cannot be read, or be stored.
        """
        stamp = self._index.now()
        files, keys = self.look()
        if keys and store is not None:
            log.warning(
                "%s holds an encryption key and is not stored; keep it elsewhere", keys[0].where
            )
        there = store.hashes() if store is not None else set[str]()
        hashes: list[tuple[File, str]] = []
        waiting: list[File] = []
        for file in files:
            name = self._index.hash(file)
            if name is None or (store is not None and name not in there):
                waiting.append(file)
            else:
                hashes.append((file, name))
        if waiting:
            add = _hash if store is None else _adder(store, there)
            progress.start(len(waiting), desc="Hashing files" if store is None else "Storing files")
            try:
                with (workers or Workers()).map(add, batched(waiting, _BATCH)) as added:
                    for done, result in enumerate(added, 1):
                        hashes.append(result)
                        progress.report_status(done)
            finally:
                progress.finish()
        if waiting or len(files) != len(self._index):
            self._index.write(hashes, stamp)
        return {file.path: Stored(file.size, name) for file, name in hashes}


def _hash(file: File) -> tuple[File, str]:
    return file, file_hash(file.where)


def _adder(store: ObjectStore, there: set[str]) -> Callable[[File], tuple[File, str]]:
    def add(file: File) -> tuple[File, str]:
        name, now = store.add(file, there)
        there.add(name)
        return now, name

    return add
