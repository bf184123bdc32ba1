"""A loose layout: ``obj.names``, label files below ``labels`` or ``annotations``, images anywhere.

``labels/train/1.txt`` is of item 1 of subset train, whose image is one of ``images/train/1.jpg``,
``train/images/1.jpg``, ``train/1.jpg``, ``pictures/train/1.png``, …
"""

from __future__ import annotations

import os
from pathlib import Path

from datumaro.formats import image_sizes
from datumaro.formats.files import images_below, levels, stem_of, walk
from datumaro.formats.yolo import class_names
from datumaro.formats.yolo.layout import Entry, Layout, only
from datumaro.model.item import DEFAULT_SUBSET_NAME

NAMES_FILE = "obj.names"
LABEL_FOLDERS = ("labels", "annotations")
_IMAGES = "images"


def find(path: Path) -> Path | None:
    """The folder with ``obj.names`` and label files at or up to three levels below ``path``."""
    if path.is_file():
        return path.parent if path.name == NAMES_FILE and label_folder(path.parent) else None
    for level in levels(path, dots=True):
        found = [
            folder for folder in level if (folder / NAMES_FILE).is_file() and label_folder(folder)
        ]
        if found:
            return only(found, path)
    return None


def label_folder(root: Path) -> Path | None:
    """The folder of the label files."""
    return next((root / name for name in LABEL_FOLDERS if (root / name).is_dir()), None)


def load(root: Path) -> Layout:
    """The data set in a folder. Images without a label file are items without annotations."""
    names = class_names.load(root / NAMES_FILE)
    folder = os.fspath(label_folder(root) or root / LABEL_FOLDERS[0])
    labels = {stem_of(name): name for name in walk(folder) if name.endswith(".txt")}
    images = images_below(os.fspath(root))
    by_key: dict[str, str] = {}
    by_tail: dict[str, str] = {}
    for image in images:
        by_key.setdefault(_key(image), image)
        by_tail.setdefault("/".join(_key(image).split("/")[-2:]), image)
        by_tail.setdefault(_key(image).rpartition("/")[2], image)
    found: dict[str, str] = {}
    for key in labels:
        image = by_key.get(key) or by_tail.get(key)
        if image is None and key.count("/") > 1:
            image = by_tail.get("/".join(key.split("/")[-2:]))
        found[key] = image or ""
    used = set(found.values())
    for image in images:
        if image not in used:
            found.setdefault(_key(image), image)
    subsets: dict[str, list[Entry]] = {}
    for key, image in sorted(found.items()):
        subset, slash, item_id = key.partition("/")
        if not slash:
            subset, item_id = DEFAULT_SUBSET_NAME, key
        path = f"{root}/{image}" if image else ""
        entry = Entry(item_id, path, f"{folder}/{labels.get(key, key + '.txt')}")
        subsets.setdefault(subset, []).append(entry)
    return Layout(root, names, root / NAMES_FILE, subsets, image_sizes.load(root))


def _key(image: str) -> str:
    """An image's path without extension and without folders that are called ``images``."""
    parts = stem_of(image).split("/")
    return "/".join([*(part for part in parts[:-1] if part != _IMAGES), parts[-1]])
