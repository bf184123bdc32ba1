"""The files of a data set's folder: walking over them, and copying them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from datumaro.copying import copy_file
from datumaro.errors import PathOutsideDatasetError, ProjectError
from datumaro.keys import holds_key
from datumaro.progress import ProgressReporter
from datumaro.workers import Workers, batched

_BATCH = 64  # files that a worker takes at a time
_MOST_WAYS = 100  # by which links may lead to a folder: few links make very many ways


class File(NamedTuple):
    """A file as it was seen.

    Attributes
    ----------
    path : relative to the folder, with ``/``.
    where : the path to open.
    size : in bytes.
    mtime, ctime : when content and inode were changed, in nanoseconds.
    inode : its number in the file system.
    """

    path: str
    where: str
    size: int
    mtime: int
    ctime: int
    inode: int


def seen(path: str, where: str, status: os.stat_result) -> File:
    """A file, as its status tells."""
    return File(path, where, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def walk(folder: Path, *, allow_external: bool = False) -> Iterator[File]:
    """All files in a folder and the folders in it. Links are followed.

    Parameters
    ----------
    allow_external : also follow links that lead outside the folder.

    Raises
    ------
    PathOutsideDatasetError
        A link leads outside.
    ProjectError
        A link leads nowhere or in a circle, or something is neither a file nor a folder.
    """
    root = os.path.realpath(folder)
    reached: Counter[tuple[int, int]] = Counter()
    waiting: list[tuple[str, str, tuple[tuple[int, int], ...]]] = [("", root, (_number(root),))]
    while waiting:
        prefix, where, above = waiting.pop()
        reached[above[-1]] += 1
        if reached[above[-1]] > _MOST_WAYS or above[-1] in above[:-1]:
            raise ProjectError(f"{where}: links lead to it in a circle, or by very many ways")
        with os.scandir(where) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_symlink():
                    _check_link(entry.path, root, allow_external)
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield seen(path, entry.path, status)
                elif stat.S_ISDIR(status.st_mode):
                    waiting.append((path + "/", entry.path, (*above, _number(entry.path))))
                else:
                    raise ProjectError(
                        f"{entry.path} is neither a file nor a folder; remove it, or move it away"
                    )


def _check_link(link: str, root: str, allow_external: bool) -> None:
    target = os.path.realpath(link)
    if not os.path.exists(target):  # noqa: PTH110 - a str
        raise ProjectError(f"{link}: the link leads nowhere; remove it, or let it lead to a file")
    if not allow_external and os.path.commonpath([root, target]) != root:
        raise PathOutsideDatasetError(
            f"{link}: the link leads outside {root!r}; if the data are trusted, allow it with "
            "allow_external_media"
        )


def _number(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - a str
    return status.st_dev, status.st_ino


def without_keys(files: list[File]) -> tuple[list[File], list[File]]:
    """The files, and those among them that hold an encryption key: they are never stored."""
    keys = [file for file in files if holds_key(file.where, file.size)]
    if not keys:
        return files, []
    secret = {file.path for file in keys}
    return [file for file in files if file.path not in secret], keys


def copy_tree(
    files: list[File], target: Path, *, link: bool, workers: Workers, progress: ProgressReporter
) -> None:
    """Copy files, with the times of their changes, to a folder that is made.

    Parameters
    ----------
    link : make hard links instead.

    Raises
    ------
    ProjectError
        A file cannot be copied, or not be linked.
    """
    target.mkdir()
    for folder in sorted({os.path.dirname(file.path) for file in files}):  # noqa: PTH120 - a str
        (target / folder).mkdir(parents=True, exist_ok=True)

    def place(file: File) -> None:
        new = os.path.join(target, file.path)  # noqa: PTH118 - a str
        try:
            if link:
                os.link(file.where, new)
                return
            if not copy_file(file.where, new):
                raise FileNotFoundError(None, "it has been removed", file.where)
            os.utime(new, ns=(file.mtime, file.mtime))
        except OSError as error:
            hint = "; leave out --link to copy" if link else ""
            raise ProjectError(
                f"{file.where} cannot be {'linked' if link else 'copied'} to {target.parent}: "
                f"{error.strerror or error}{hint}"
            ) from error

    progress.start(len(files), desc="Linking files" if link else "Copying files")
    try:
        with workers.map(place, batched(files, _BATCH)) as placed:
            for done, _ in enumerate(placed, 1):
                progress.report_status(done)
    finally:
        progress.finish()
