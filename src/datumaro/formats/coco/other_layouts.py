"""COCO instances whose files lie elsewhere than COCO's: MMDetection's and Roboflow's layouts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.formats.coco.layout import (
    ANNOTATIONS,
    COCO_PLACES,
    IMAGES,
    AnnotationFile,
    Places,
    Task,
    found_tasks,
    name_parts,
)
from datumaro.formats.files import is_image, levels

ROBOFLOW_FILE = "_annotations.coco.json"

MMDET_PLACES = Places(COCO_PLACES.annotations, "{subset}/", "{subset}/", (ANNOTATIONS,))
ROBOFLOW_PLACES = Places(f"{{subset}}/{ROBOFLOW_FILE}", "{subset}/", "{subset}/")


# --- MMDetection ----------------------------------------------------------------------------------


def with_subset_folders(files: list[AnnotationFile]) -> list[AnnotationFile]:
    """The files, the images of each in the folder of its subset, where there is one."""
    found: list[AnnotationFile] = []
    for file in files:
        folder = file.root / file.subset
        found.append(replace(file, images=folder) if folder.is_dir() else file)
    return found


def detect_mmdet(folder: Folder) -> Confidence:
    """Instances alone, and images in a subset's folder."""
    if folder.is_file:
        raise Rejected(f"a file; expected a folder with {ANNOTATIONS}/instances_<subset>.json")
    found = found_tasks(folder)
    if found != {Task.INSTANCES.value}:
        what = f"files of {', '.join(sorted(found))}" if found else "no annotation file"
        raise Rejected(f"{what}; expected {ANNOTATIONS}/instances_<subset>.json alone")
    if IMAGES in folder.folders():
        raise Rejected(f"it has a folder {IMAGES}: COCO's own layout (coco_instances)")
    subsets = [
        parts[1]
        for name in folder.files(ANNOTATIONS)
        if (parts := name_parts(name.removesuffix(".json"))) and name.endswith(".json")
    ]
    for subset in subsets:
        if subset in folder.folders() and any(map(is_image, folder.files(subset))):
            return Confidence.MEDIUM
    raise Rejected(f"no images in a folder named as a subset ({', '.join(subsets) or 'none'})")


# --- Roboflow -------------------------------------------------------------------------------------


def find_roboflow(path: Path) -> list[AnnotationFile]:
    """The annotation files at a path: one, or those of its subsets' folders.

    Raises
    ------
    DatasetNotFoundError
        There is none.
    """
    if path.is_file():
        return [_roboflow_file(path)]
    for level in levels(path, dots=True):
        found = [folder for folder in level if (folder / ROBOFLOW_FILE).is_file()]
        if len({folder.name for folder in found}) < len(found):
            names = ", ".join(str(folder) for folder in found[:4])
            raise DatasetNotFoundError(f"{path}: holds several data sets ({names}): name one")
        if found:
            return [_roboflow_file(folder / ROBOFLOW_FILE) for folder in found]
    raise DatasetNotFoundError(f"{path}: no annotation file <subset>/{ROBOFLOW_FILE}")


def _roboflow_file(path: Path) -> AnnotationFile:
    folder = path.absolute().parent
    return AnnotationFile(path, Task.INSTANCES, folder.name or "default", folder)


def detect_roboflow(folder: Folder) -> Confidence:
    """``_annotations.coco.json`` in the folder, or in one in it."""
    if folder.is_file:
        if folder.path.name == ROBOFLOW_FILE:
            return Confidence.MEDIUM
        raise Rejected(f"a file that is no {ROBOFLOW_FILE}")
    for place in ("", *folder.folders()):
        if ROBOFLOW_FILE in folder.files(place):
            return Confidence.MEDIUM
    raise Rejected(f"no annotation file <subset>/{ROBOFLOW_FILE}")
