"""Writing many small files into a new folder."""

from __future__ import annotations

import os
from pathlib import Path

from datumaro.paths import escapes, join_inside


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
        if escapes(name):
            join_inside(self.folder, name, what="file")
        path = f"{self.folder}/{name}"
        parent = name.rpartition("/")[0]
        if parent not in self._folders:
            os.makedirs(f"{self.folder}/{parent}", exist_ok=True)  # noqa: PTH103 - a str
            self._folders.add(parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)
