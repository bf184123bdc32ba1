"""Writing many small files into a new folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from datumaro.kernels.files import write
from datumaro.paths import escapes, join_inside

_BATCH_FILES = 1024


class FileWriter:
    """Writes files below a folder, and makes the folders that they lie in.

    Attributes
    ----------
    folder : exists; nothing is written outside it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = os.fspath(folder)
        self._folders = {""}

    def save(self, name: str, data: bytes) -> None:
        """Write a file; ``name`` is relative to the folder, with ``/``.

        Raises
        ------
        PathOutsideDatasetError
            It leads outside.
        """
        path = self._path(name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)

    def save_parts(self, names: Sequence[str], text: bytes, ends: Sequence[int]) -> None:
        """Write many files, each a part of a text.

        Parameters
        ----------
        names : as in `save`.
        ends : where each part begins, and the last one ends.

        Raises
        ------
        PathOutsideDatasetError
            A name leads outside.
        """
        for begin in range(0, len(names), _BATCH_FILES):
            batch = names[begin : begin + _BATCH_FILES]
            starts = ends[begin : begin + len(batch) + 1]
            paths = [self._path(name) for name in batch]
            places = list(pairwise(starts))
            for at, done in enumerate(write(paths, text, places, [b""] * len(paths))):
                if not done:  # it is there already, or something is wrong: what, is told here
                    self.save(batch[at], text[starts[at] : starts[at + 1]])

    def save_all(self, names: Sequence[str], texts: Sequence[bytes]) -> None:
        """Write many files, as `save` does; all of them are in memory once more."""
        self.save_parts(names, b"".join(texts), [0, *accumulate(map(len, texts))])

    def _path(self, name: str) -> str:
        """A file's path, in a folder that exists."""
        if escapes(name):  # asked first: this is done for all files
            join_inside(self.folder, name, what="file")
        parent = name.rpartition("/")[0]
        if parent not in self._folders:
            os.makedirs(f"{self.folder}/{parent}", exist_ok=True)  # noqa: PTH103 - a str
            self._folders.add(parent)
        return f"{self.folder}/{name}"
