"""Where things are in a data set's folder, and which of the two storages a file is of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datumaro.formats.base import Folder
from datumaro.remote.path import as_remote

SIGNATURE = b"signature:datumaro_binary"
PARQUET = (b"PAR1", b"PARE")  # how files of the other storage begin, encrypted ones last
ANNOTATIONS = "annotations"
IMAGES, POINT_CLOUDS, VIDEOS = "images", "point_clouds", "videos"
SUFFIX = ".datum"
KEYS = "encryption.keys"  # beside encrypted files of Parquet
KEY_FILE = "secret_key.txt"
"""The file in a data set's folder that its key is written to, when nothing else was said."""

_DEPTH = 3


@dataclass(frozen=True)
class Source:
    """A `.datum` file and the folder that media paths start from."""

    path: Path
    root: Path

    @property
    def subset(self) -> str:
        return self.path.stem


def find_sources(folder: Folder) -> list[Source]:
    """The `.datum` files of a data set: the path itself, or ``annotations/*.datum`` below it.

    The outermost folders (up to three levels down, but none at URLs) that have any count.
    """
    if folder.is_file:
        path = folder.path
        if path.suffix != SUFFIX:
            return []
        return [
            Source(path, path.parent.parent if path.parent.name == ANNOTATIONS else path.parent)
        ]
    level = [""]
    for _ in range(1 if as_remote(folder.path) else _DEPTH + 1):
        found = [source for relative in level for source in _sources_in(folder, relative)]
        if found:
            return found
        level = [f"{relative}{name}/" for relative in level for name in folder.folders(relative)]
    return []


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet files do."""
    with path.open("rb", buffering=0) as file:
        return file.read(4) in PARQUET


def is_encrypted(path: Path) -> bool:
    """Whether a file begins as encrypted Parquet files do."""
    with path.open("rb", buffering=0) as file:
        return file.read(4) == PARQUET[1]


def _sources_in(folder: Folder, relative: str) -> Iterator[Source]:
    # at a URL it is listed at once: a request less, and not every store lists folders
    if as_remote(folder.path) or ANNOTATIONS in folder.folders(relative):
        inner = f"{relative}{ANNOTATIONS}"
        for name in folder.files(inner):
            if name.endswith(SUFFIX) and name != SUFFIX:
                yield Source(folder.path / inner / name, folder.path / relative)


def has_signature(head: bytes) -> bool:
    """Whether a file that begins so is of this format."""
    return head.startswith(SIGNATURE)
