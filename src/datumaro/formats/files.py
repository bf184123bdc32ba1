"""Finding and reading the files of a data set."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from datumaro.model.image_codec import IMAGE_EXTENSIONS

_READ_BYTES = 1 << 14  # most annotations are smaller: one call


def walk(folder: str, prefix: str = "") -> Iterator[str]:
    """Files below a folder, relative to it, with ``/``; links to folders are not followed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from walk(entry.path, f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name
    except (FileNotFoundError, NotADirectoryError):
        return


class FileIndex:
    """Files below a folder by their path without extension. Listed once, when first asked.

    Several threads may ask.
    """

    def __init__(self, folder: Path, extensions: frozenset[str]) -> None:
        self.folder = os.fspath(folder)
        self._extensions = extensions
        self._by_stem: dict[str, str] | None = None
        self._names: set[str] = set()
        self._lock = threading.Lock()

    def _listed(self) -> dict[str, str]:
        if self._by_stem is None:
            with self._lock:
                if self._by_stem is None:
                    self._names = set(walk(self.folder))
                    by_stem: dict[str, str] = {}
                    for name in sorted(self._names, reverse=True):
                        stem, ext = os.path.splitext(name)  # noqa: PTH122 - a str
                        if ext.lower() in self._extensions:
                            by_stem[stem] = name
                    self._by_stem = by_stem  # whole: other threads do not wait to see it
        return self._by_stem

    def find(self, stem: str) -> str | None:
        """The file of that stem, relative to the folder; of several the first by name."""
        return self._listed().get(stem)

    def __contains__(self, name: str) -> bool:
        self._listed()
        return name in self._names


def read_file(path: str, limit: int) -> bytes | None:
    """A file's content, of a longer one ``limit`` + 1 bytes; None when there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = os.read(descriptor, _READ_BYTES)
        if len(data) < _READ_BYTES:
            return data
        parts = [data]
        left = limit + 1 - len(data)
        while left > 0 and (data := os.read(descriptor, min(left, 1 << 20))):
            parts.append(data)
            left -= len(data)
        return b"".join(parts)
    finally:
        os.close(descriptor)


# --- images --------------------------------------------------------------------------------------


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS  # noqa: PTH122 - a str


def images_below(folder: str, prefix: str = "") -> list[str]:
    """Images in a folder and the folders in it, relative to it with ``/``, sorted.

    Names that begin with a dot, and links to folders, are passed over.
    """
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                names += images_below(entry.path, f"{prefix}{entry.name}/")
            elif is_image(entry.name):
                names.append(prefix + entry.name)
    names.sort()
    return names


def item_ids(names: list[str]) -> list[str]:
    """The id of each image; see `ImageDir`."""
    ids = [os.path.splitext(name)[0] for name in names]  # noqa: PTH122 - a str
    if len(set(ids)) == len(ids):
        return ids
    taken: set[str] = set()
    for index, item_id in enumerate(ids):
        if item_id in taken:
            ids[index] = names[index]
        taken.add(ids[index])
    return ids
