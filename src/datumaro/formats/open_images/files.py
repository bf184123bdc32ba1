"""Where an Open Images data set keeps its files, and finding them."""

from __future__ import annotations

import csv
import os
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.formats import json_files
from datumaro.formats.files import read_text

ANNOTATIONS, IMAGES, MASKS = "annotations", "images", "masks"
CLASSES = ("class-descriptions.csv", "class-descriptions-boxable.csv",
           "oidv6-class-descriptions.csv")  # fmt: skip
HIERARCHY = "bbox_labels_600_hierarchy.json"
ALL_IMAGES = "image_ids_and_rotation.csv"

INFOS = "open_images"
"""The key of a data set's infos under which the labels' names for people are kept."""

FLAGS = {
    "IsOccluded": "occluded",
    "IsTruncated": "truncated",
    "IsGroupOf": "is_group_of",
    "IsDepiction": "is_depiction",
    "IsInside": "is_inside",
}
"""Columns of the table of boxes, and the attributes that they are."""

_MAX_HIERARCHY = 1 << 26
_MAX_CLASSES = 1 << 28
_VERSION = re.compile(r"oidv\d+-")
# how the names of lists of images end, behind the subset's
_IMAGE_LISTS = (
    "-images-with-rotation.csv",
    "-images-boxable-with-rotation.csv",
    "-images-with-labels-with-rotation.csv",
)
_TABLES = {
    "labels": ("-annotations-human-imagelabels.csv", "-annotations-human-imagelabels-boxable.csv"),
    "boxes": ("-annotations-bbox.csv",),
    "masks": ("-annotations-object-segmentation.csv",),
}


@dataclass
class Files:
    """The files of a data set.

    Attributes
    ----------
    root : the folder that has ``images`` and ``masks``.
    folder : that of the annotations.
    classes : has the labels.
    images : (subset, or "" when the file tells it; list of images).
    tables : {"labels", "boxes", "masks": (subset, table)}.
    """

    root: Path
    folder: Path
    classes: Path
    images: list[tuple[str, Path]] = field(default_factory=list[tuple[str, Path]])
    tables: dict[str, list[tuple[str, Path]]] = field(
        default_factory=dict[str, list[tuple[str, Path]]]
    )


def find(path: Path) -> Files:
    """The files at a path: the data set's folder, or that of its annotations.

    Raises
    ------
    DatasetNotFoundError
        There is no list of classes.
    """
    for folder in (path / ANNOTATIONS, path):
        names = _names(folder)
        classes = next((name for name in CLASSES if name in names), None)
        if classes is None:
            continue
        is_inside = folder is path and path.absolute().name == ANNOTATIONS
        files = Files(path.absolute().parent if is_inside else path, folder, folder / classes)
        if ALL_IMAGES in names:
            files.images.append(("", folder / ALL_IMAGES))
        files.images += _matching(folder, names, _IMAGE_LISTS)
        for kind, endings in _TABLES.items():
            found: dict[str, Path] = {}
            for subset, file in _matching(folder, names, endings):
                found.setdefault(subset, file)  # a table of all labels goes before a part of it
            files.tables[kind] = list(found.items())
        return files
    raise DatasetNotFoundError(
        f"{path}: no list of classes ({', '.join(CLASSES)}) in it or in {ANNOTATIONS}"
    )


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _matching(
    folder: Path, names: Iterable[str], endings: tuple[str, ...]
) -> list[tuple[str, Path]]:
    """(Subset, file) of the files whose names end so; of the first ending first."""
    found: list[tuple[str, Path]] = []
    for ending in endings:
        for name in names:
            subset = _VERSION.sub("", name.removesuffix(ending))
            if name.endswith(ending) and subset:
                found.append((subset, folder / name))
    return found


def is_table(name: str) -> bool:
    """Whether a file's name is that of a list of images or of a table of annotations."""
    endings = (*_IMAGE_LISTS, *(ending for group in _TABLES.values() for ending in group))
    return name == ALL_IMAGES or name.endswith(endings)


# --- labels ---------------------------------------------------------------------------------------


def read_classes(path: Path) -> dict[str, str]:
    """{label: the name that people read}.

    Raises
    ------
    MalformedFileError
        A line is none, or a label occurs twice.
    """
    classes: dict[str, str] = {}
    lines = read_text(path, _MAX_CLASSES).split("\n")
    reader = csv.reader(line + "\n" for line in lines)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise MalformedFileError(
                path, f"line {reader.line_num}", str(error), "a label and its name"
            ) from error
        if row is None:
            return classes
        if not row or (reader.line_num == 1 and row[0] == "LabelName"):
            continue
        label, name = row[0], row[1] if len(row) > 1 else row[0]
        if not label or label in classes:
            found = f"label {label[:80]!r}" + (" again" if label else "")
            raise MalformedFileError(path, f"line {reader.line_num}", found, "labels that differ")
        classes[label] = name


def read_parents(path: Path) -> dict[str, str]:
    """{label: its parent} of the hierarchy, {} without the file; the root is no parent."""
    if not path.is_file():
        return {}
    data = json_files.content(path, _MAX_HIERARCHY)
    root: Any = json_files.decode(data, object, path, expected="a tree of labels")
    parents: dict[str, str] = {}
    waiting: deque[tuple[str, Any]] = deque([("", root)])
    is_root = True
    while waiting:
        parent, node = waiting.popleft()
        if not isinstance(node, dict) or not isinstance(cast(Any, node).get("LabelName"), str):
            raise MalformedFileError(path, "$", f"{node!r}"[:80], "an object with LabelName")
        children: Any = cast(dict[str, Any], node).get("Subcategory", [])
        if not isinstance(children, list):
            raise MalformedFileError(path, "$", f"{children!r}"[:80], "a list as Subcategory")
        name: str = cast(dict[str, Any], node)["LabelName"]
        if parent:
            parents.setdefault(name, parent)
        waiting += [("" if is_root else name, child) for child in cast(list[Any], children)]
        is_root = False
    return parents
