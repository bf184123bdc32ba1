"""Where a PASCAL VOC data set keeps its files, and finding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.voc.tasks import Task

ANNOTATIONS, IMAGES, IMAGE_SETS = "Annotations", "JPEGImages", "ImageSets"
CLASS_MASKS, INSTANCE_MASKS = "SegmentationClass", "SegmentationObject"

_SEARCH_DEPTH = 3
_READ_BYTES = 1 << 14  # most annotations are smaller: one call


def find_root(path: Path, task: Task) -> tuple[Path, Path | None]:
    """(the folder that has ``ImageSets``, the list that was asked for or None).

    Parameters
    ----------
    path : that folder, one up to three levels around it, or a list in ``ImageSets``.

    Raises
    ------
    DatasetNotFoundError
        There is none, or there are several.
    """
    if path.is_file():
        absolute = path.absolute()
        if path.suffix == ".txt" and absolute.parent.parent.name == IMAGE_SETS:
            return absolute.parent.parent.parent, path
        raise DatasetNotFoundError(f"{path}: not a list (.txt) in a folder of {IMAGE_SETS}")
    level = [path]
    for _ in range(_SEARCH_DEPTH + 1):
        found = [folder for folder in level if list_names(folder, task)]
        if len(found) == 1:
            return found[0], None
        if found:
            names = ", ".join(folder.name for folder in found)
            raise DatasetNotFoundError(f"{path}: holds several data sets ({names}): name one")
        level = [Path(inner) for folder in level for inner in _folders(folder)]
    sets = " or ".join(f"{IMAGE_SETS}/{name}" for name in task.sets)
    raise DatasetNotFoundError(f"{path}: no lists of items (.txt) in {sets}")


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def list_names(root: Path, task: Task) -> dict[str, list[str]]:
    """{folder of ``ImageSets``: names of its lists}, in the task's order; no empty ones."""
    found: dict[str, list[str]] = {}
    for name in task.sets:
        try:
            with os.scandir(root / IMAGE_SETS / name) as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith(".txt"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        if names:
            found[name] = names
    return found


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
    """Files below a folder by their path without extension. Listed once, when first asked."""

    def __init__(self, folder: Path, extensions: frozenset[str]) -> None:
        self.folder = os.fspath(folder)
        self._extensions = extensions
        self._by_stem: dict[str, str] | None = None
        self._names: set[str] = set()

    def _listed(self) -> dict[str, str]:
        if self._by_stem is None:
            self._by_stem = {}
            self._names = set(walk(self.folder))
            for name in sorted(self._names, reverse=True):
                stem, ext = os.path.splitext(name)  # noqa: PTH122 - a str
                if ext.lower() in self._extensions:
                    self._by_stem[stem] = name
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
