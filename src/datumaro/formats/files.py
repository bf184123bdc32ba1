"""Finding and reading the files of a data set."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.model.kinds import IMAGE_EXTENSIONS
from datumaro.paths import split_extension

_READ_BYTES = 1 << 14  # most annotations are smaller: one call
_MAX_TEXT_BYTES = 1 << 30
_SEARCH_DEPTH = 3


def find_root(path: Path, is_root: Callable[[Path], bool], expected: str) -> Path:
    """The data set's folder: ``path``, or the only one of its kind up to three levels below it.

    Parameters
    ----------
    is_root : whether a folder is one.
    expected : what a folder must have, for the error.

    Raises
    ------
    DatasetNotFoundError
        There is none, or there are several.
    """
    for level in levels(path):
        found = [folder for folder in level if is_root(folder)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(os.path.relpath(folder, path) for folder in found[:5])
            raise DatasetNotFoundError(f"{path}: holds several data sets ({names}): name one")
    raise DatasetNotFoundError(f"{path}: {expected}")


def levels(path: Path, *, dots: bool = False) -> Iterator[list[Path]]:
    """The folder, the folders in it, the folders in these, …: three levels deep.

    Parameters
    ----------
    dots : also folders whose names begin with a dot, as subsets' may.
    """
    level = [path] if path.is_dir() else []
    yield level
    for _ in range(_SEARCH_DEPTH):
        level = [folder / name for folder in level for name in folders(folder, dots=dots)]
        yield level


def folders(folder: str | os.PathLike[str], *, dots: bool = False) -> list[str]:
    """Names of the folders in a folder, sorted; links are none.

    Those that begin with a dot are passed over, unless ``dots`` are asked for.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and (dots or entry.name[0] != ".")
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


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
                        stem = stem_of(name)
                        if name[len(stem) :].lower() in self._extensions:
                            by_stem[stem] = name
                    self._by_stem = by_stem  # whole: other threads do not wait to see it
        return self._by_stem

    def find(self, stem: str) -> str | None:
        """The file of that stem, relative to the folder; of several the first by name."""
        return self._listed().get(stem)

    def stems(self) -> list[str]:
        """All paths without extension, sorted."""
        return sorted(self._listed())

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


def read_text(path: str | os.PathLike[str], limit: int = _MAX_TEXT_BYTES) -> str:
    """A text file's content, with ``\\n`` at the ends of lines.

    Raises
    ------
    MalformedFileError
        It is missing, longer than ``limit`` bytes, or no UTF-8.
    """
    data = read_file(os.fspath(path), limit)
    if data is None:
        raise MalformedFileError(path, "", "no such file", "a text file")
    if len(data) > limit:
        raise MalformedFileError(path, "", f"more than {limit} bytes", "a smaller file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedFileError(path, f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


# --- images --------------------------------------------------------------------------------------


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image."""
    return name[len(stem_of(name)) :].lower() in IMAGE_EXTENSIONS


def stem_of(name: str) -> str:
    """A path without its extension, as `os.path.splitext` does it, but in a third of the time."""
    dot = name.rfind(".")
    if dot <= 0 or name[dot - 1] in "./" or "/" in name[dot:]:
        return split_extension(name)[0]
    return name[:dot]


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


def images_by_stem(folder: str | os.PathLike[str]) -> dict[str, str]:
    """{path without extension: path with ``folder``} of the images below a folder.

    Of several with one stem the first by name counts. None where there is no such folder.
    """
    start = os.fspath(folder)
    names = images_below(start) if os.path.isdir(start) else []  # noqa: PTH112 - a str
    return {stem_of(name): f"{start}/{name}" for name in reversed(names)}


def item_ids(names: list[str]) -> list[str]:
    """The id of each image; see `ImageDir`."""
    ids = [stem_of(name) for name in names]
    if len(set(ids)) == len(ids):
        return ids
    taken: set[str] = set()
    for index, item_id in enumerate(ids):
        if item_id in taken:
            ids[index] = names[index]
        taken.add(ids[index])
    return ids
