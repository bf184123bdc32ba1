"""Where a PASCAL VOC data set keeps its files, and finding them."""

from __future__ import annotations

import os
from pathlib import Path

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.files import levels
from datumaro.formats.voc.tasks import Task

ANNOTATIONS, IMAGES, IMAGE_SETS = "Annotations", "JPEGImages", "ImageSets"
CLASS_MASKS, INSTANCE_MASKS = "SegmentationClass", "SegmentationObject"


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
    for level in levels(path, dots=True):
        found = [folder for folder in level if list_names(folder, task)]
        if len(found) == 1:
            return found[0], None
        if found:
            names = ", ".join(folder.name for folder in found)
            raise DatasetNotFoundError(f"{path}: holds several data sets ({names}): name one")
    sets = " or ".join(f"{IMAGE_SETS}/{name}" for name in task.sets)
    raise DatasetNotFoundError(f"{path}: no lists of items (.txt) in {sets}")


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
