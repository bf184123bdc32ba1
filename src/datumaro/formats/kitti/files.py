"""Where a KITTI data set keeps its files, and finding them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from datumaro.formats import label_colors
from datumaro.formats.files import find_root, folders, walk
from datumaro.model.image_codec import IMAGE_EXTENSIONS

IMAGES, BOXES, MASKS = "image_2", "label_2", "instance"
CLASSES, COLORS = "semantic", "semantic_rgb"


@dataclass(frozen=True)
class Task:
    """What a format of the family reads and writes.

    Attributes
    ----------
    name : the format's.
    """

    name: str
    boxes: bool
    masks: bool

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that have its annotations."""
        return (BOXES,) * self.boxes + (MASKS,) * self.masks


ALL = Task("kitti", boxes=True, masks=True)
DETECTION = Task("kitti_detection", boxes=True, masks=False)
SEGMENTATION = Task("kitti_segmentation", boxes=False, masks=True)


@dataclass(frozen=True)
class SubsetFiles:
    """The files of a subset, each by its item's id.

    Attributes
    ----------
    images, boxes, masks : {item id: path}.
    """

    images: dict[str, str]
    boxes: dict[str, str]
    masks: dict[str, str]

    def ids(self) -> list[str]:
        """Ids of all items, sorted."""
        return sorted(self.images.keys() | self.boxes.keys() | self.masks.keys())


def find(path: Path, task: Task) -> tuple[Path, list[str]]:
    """(the folder that has the subsets' folders, the subsets).

    Parameters
    ----------
    path : that folder, one up to three levels around it, or a subset's.

    Raises
    ------
    DatasetNotFoundError
        There is none, or there are several.
    """
    path = path.absolute()
    if _has(path, task.folders):
        return path.parent, [path.name]
    expected = f"no {' or '.join(task.folders)} in a subset's folder"
    root = find_root(path, lambda folder: _is_root(folder, task), expected)
    return root, [name for name in folders(root) if _has(root / name, (*task.folders, IMAGES))]


def _is_root(folder: Path, task: Task) -> bool:
    subsets = [folder / name for name in folders(folder)]
    if label_colors.is_declared(folder) or any(_has(s, task.folders) for s in subsets):
        return True
    # images alone, without annotations of any task
    return any(_has(s, (IMAGES,)) for s in subsets) and not any(
        _has(s, (BOXES, MASKS)) for s in subsets
    )


def _has(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_dir() for name in names)


def list_subset(root: Path, subset: str, task: Task) -> SubsetFiles:
    """List the files of a subset."""
    return SubsetFiles(
        _by_id(root / subset / IMAGES),
        _by_id(root / subset / BOXES, ".txt") if task.boxes else {},
        _by_id(root / subset / MASKS, ".png") if task.masks else {},
    )


def _by_id(folder: Path, extension: str = "") -> dict[str, str]:
    """{path without extension: path} of the files below a folder; images, if no other is given."""
    wanted = frozenset({extension}) if extension else IMAGE_EXTENSIONS
    found: dict[str, str] = {}
    start = os.fspath(folder)
    for name in sorted(walk(start), reverse=True):  # of several the first counts
        stem, dot, ext = name.rpartition(".")
        if f"{dot}{ext}".lower() in wanted:
            found[stem] = f"{start}/{name}"
    return found
