"""Roboflow's folders: one for each subset, with its annotations and images in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, UnsupportedContentError
from datumaro.formats.appearing_labels import AppearingLabels, sort_labels
from datumaro.formats.base import Folder, Rejected
from datumaro.formats.files import levels
from datumaro.formats.image_media import require_images
from datumaro.paths import check_subset_name
from datumaro.progress import ProgressReporter
from datumaro.table.chunk import Chunk, Content


def find(path: Path, is_subset: Callable[[Path], bool], what: str) -> dict[str, Path]:
    """{subset: its folder}, by name: the folder itself, or the folders in it, or those in these, …

    Of the folders three levels deep those of the first level that has some.

    Raises
    ------
    DatasetNotFoundError
        There are none; ``what`` says what was looked for.
    """
    for level in levels(path, dots=True):
        found = [folder for folder in level if is_subset(folder)]
        if found:
            if len({folder.parent for folder in found}) > 1:
                parents = ", ".join(sorted({os.fspath(folder.parent) for folder in found}))
                raise DatasetNotFoundError(f"{path}: holds several data sets ({parents}): name one")
            return {folder.absolute().name: folder for folder in found}
    raise DatasetNotFoundError(f"{path}: no folder with {what}")


def find_files(path: Path, name: str) -> dict[str, Path]:
    """The same, of folders with a file of a name; ``path`` may be one of these files."""
    folder = path.parent if path.name == name else path
    return find(folder, lambda inner: (inner / name).is_file(), name)


def is_one_of(path: Path, found: dict[str, Path]) -> bool:
    """Whether a path is that of one subset, or of a file in it: a part of the data set."""
    return path in found.values() or (path.is_file() and path.parent in found.values())


def read(
    found: dict[str, Path],
    chunk_of: Callable[[Path, AppearingLabels], Chunk],
    progress: ProgressReporter,
    desc: str,
) -> Content:
    """All subsets, their labels in the order of their names.

    Parameters
    ----------
    chunk_of : reads a subset's folder, and adds its labels.
    """
    labels = AppearingLabels()
    folders = progress.iter(found.values(), total=len(found), desc=desc)
    chunks, categories = sort_labels([chunk_of(folder, labels) for folder in folders], labels)
    return Content(chunks, categories)


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


def check(content: Content) -> None:
    """Refuse media that are no images, and subsets that cannot be folders.

    Raises
    ------
    MediaTypeError, UnsupportedContentError, PathSeparatorInSubsetNameError
    """
    for name in content.subset_names():
        check_subset_name(name)
        if name in (".", ".."):
            raise UnsupportedContentError(f"subset {name!r} cannot be a folder; rename it")
    require_images(content, "Roboflow's format")
