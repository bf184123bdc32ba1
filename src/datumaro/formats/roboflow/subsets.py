"""Roboflow's folders: one for each subset, with its annotations and images in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, UnsupportedContentError
from datumaro.formats.base import Folder, Rejected
from datumaro.paths import check_subset_name
from datumaro.table.chunk import Content

_SEARCH_DEPTH = 3


def find(path: Path, is_subset: Callable[[Path], bool], what: str) -> dict[str, Path]:
    """{subset: its folder}, by name: the folder itself, or the folders in it, or those in these, …

    Of the folders three levels deep those of the first level that has some.

    Raises
    ------
    DatasetNotFoundError
        There are none; ``what`` says what was looked for.
    """
    level = [path] if path.is_dir() else []
    for _ in range(_SEARCH_DEPTH + 1):
        found = [folder for folder in level if is_subset(folder)]
        if found:
            if len({folder.parent for folder in found}) > 1:
                parents = ", ".join(sorted({os.fspath(folder.parent) for folder in found}))
                raise DatasetNotFoundError(f"{path}: holds several data sets ({parents}): name one")
            return {folder.absolute().name: folder for folder in found}
        level = [Path(inner) for folder in level for inner in _folders(folder)]
    raise DatasetNotFoundError(f"{path}: no folder with {what}")


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def detect_file(folder: Folder, name: str) -> str:
    """The path, relative to ``folder``, of the first file of that name in it or the folders in it.

    Raises
    ------
    Rejected
        There is none.
    """
    if folder.is_file:
        if folder.path.name == name:
            return ""
        raise Rejected(f"a file that is not called {name}")
    for inner in ["", *folder.folders()]:
        if name in folder.files(inner):
            return f"{inner}/{name}" if inner else name
    raise Rejected(f"no {name} in the folder or the folders in it")


def check_names(content: Content) -> None:
    """Refuse subsets that cannot be folders.

    Raises
    ------
    UnsupportedContentError, PathSeparatorInSubsetNameError
    """
    for name in content.subset_names():
        check_subset_name(name)
        if name in (".", ".."):
            raise UnsupportedContentError(f"subset {name!r} cannot be a folder; rename it")
