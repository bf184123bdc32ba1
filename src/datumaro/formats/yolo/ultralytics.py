"""Ultralytics' layout: ``data.yaml``, images below ``images``, label files below ``labels``."""

from __future__ import annotations

import logging
import os
import posixpath
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, PathOutsideDatasetError
from datumaro.formats import image_sizes
from datumaro.formats.files import images_below, levels, stem_of, walk
from datumaro.formats.yolo import data_yaml
from datumaro.formats.yolo.data_yaml import DataYaml
from datumaro.formats.yolo.layout import (
    Entry,
    Layout,
    only,
    read_list,
    unique_ids,
)
from datumaro.paths import escapes

log = logging.getLogger("datumaro")

IMAGES, LABELS = "images", "labels"
_CLASSES = "classes"  # a list of names that annotation tools put beside label files


def find(path: Path) -> Path | None:
    """The YAML file at, in or up to three levels below ``path`` that describes a data set."""
    if path.is_file():
        return path if data_yaml.is_yaml(path.name) else None
    for level in levels(path, dots=True):
        files = [data_yaml.file_in(folder) for folder in level]
        found = [file for file in files if file is not None]
        if found:
            return only(found, path)
    return None


def load(file: Path, *, allow_external: bool) -> Layout:
    """The data set that a YAML file describes.

    Raises
    ------
    DatasetNotFoundError
        Nothing of what it names is there.
    MalformedFileError
        It, or a list of images, is damaged.
    PathOutsideDatasetError
        It leads outside its folder.
    """
    described = data_yaml.load(file)
    finder = _Finder(described, allow_external)
    subsets: dict[str, list[Entry]] = {}
    missing: list[str] = []
    for subset, places in described.subsets.items():
        found = [path for place in places if (path := finder.locate(place)) is not None]
        if found:
            subsets[subset] = finder.entries(subset, found)
        elif subset in data_yaml.USUAL_SUBSETS:
            missing += [f"{subset}: {place}" for place in places]
    if missing and not subsets:
        raise DatasetNotFoundError(
            f"{file}: no images where it says: {', '.join(missing)}; expected folders or lists of "
            f"images in {finder.root} (elsewhere: import it with allow_external_media)"
        )
    if missing:
        log.warning("%s: left out what is not there: %s", file, ", ".join(missing))
    root = file.parent
    return Layout(root, described.names, file, subsets, image_sizes.load(root), described.pose)


class _Finder:
    """Finds the files that a description names."""

    def __init__(self, described: DataYaml, allow_external: bool) -> None:
        self.file, self.allow_external = described.file, allow_external
        self.root = os.fspath(described.file.parent)
        self.bases = [""]
        base = described.base.replace("\\", "/")
        if base and (allow_external or not escapes(base)):
            self.bases.insert(0, base)

    def locate(self, place: str) -> str | None:
        """The folder or list of a subset; None when there is none."""
        place = place.replace("\\", "/")
        below = place
        while below.startswith(("./", "../")):
            below = below.partition("/")[2]
        # Roboflow writes ../train/images for a folder beside the file
        joined = [posixpath.normpath(posixpath.join(base, place)) for base in self.bases]
        for path in [*joined, below]:
            if self.allow_external or not escapes(path):
                whole = posixpath.join(self.root, path)
                if os.path.exists(whole):  # noqa: PTH110 - a str
                    return whole
        if escapes(place) and Path(self.root, place).exists():
            raise self.outside(place, self.file)
        return None

    def outside(self, place: str, file: object) -> PathOutsideDatasetError:
        """The error of a path that leads outside."""
        return PathOutsideDatasetError(
            f"{file}: {place!r} leads outside {self.root!r}; "
            "if the data set is trusted, import it with allow_external_media"
        )

    def entries(self, subset: str, places: list[str]) -> list[Entry]:
        """The items of a subset, in the order of its folders and lists."""
        ids: list[str] = []
        images: list[str] = []
        labels: list[str] = []
        for place in places:
            if os.path.isdir(place):  # noqa: PTH112 - a str
                names, files, bare = self.in_folder(place)
                ids += names + bare
                images += files + [""] * len(bare)
                labels += [self.label_path(file) for file in files]
                labels += [self.label_path(f"{place}/{name}.jpg") for name in bare]
            else:
                names, files = self.in_list(subset, place)
                ids += names
                images += files
                labels += map(self.label_path, files)
        files = (image or label for image, label in zip(images, labels, strict=True))
        made = unique_ids(ids, (self.relative(file).lstrip("/") for file in files))
        return [Entry(*parts) for parts in zip(made, images, labels, strict=True)]

    def in_folder(self, folder: str) -> tuple[list[str], list[str], list[str]]:
        """(ids, images, ids of label files without an image) of a folder of images."""
        names = images_below(folder)
        ids = [stem_of(name) for name in names]
        label_folder = posixpath.dirname(self.label_path(f"{folder}/a.jpg"))
        known = {*ids, _CLASSES}
        found = sorted(walk(label_folder)) if label_folder != folder else []
        bare = [
            stem_of(name) for name in found if name.endswith(".txt") and stem_of(name) not in known
        ]
        return ids, [f"{folder}/{name}" for name in names], bare

    def in_list(self, subset: str, file: str) -> tuple[list[str], list[str]]:
        """(ids, images) of a list of images."""
        paths = read_list(file)
        folder = posixpath.dirname(file)
        images: list[str] = []
        inside: list[str] = []
        for path in paths:
            own = path.removeprefix("./")
            if escapes(own) and not self.allow_external:
                raise self.outside(path, file)
            images.append(posixpath.join(folder, own))
            inside.append(f"/{own}".partition(f"/{IMAGES}/")[2] or own)
        first = {path.partition("/")[0] if "/" in path else "" for path in inside}
        ids: list[str] = []
        for path in inside:
            head, slash, tail = path.partition("/")
            ids.append(stem_of(tail if slash and (head == subset or len(first) == 1) else path))
        return [item_id.lstrip("/") for item_id in ids], images

    def relative(self, path: str) -> str:
        """A path relative to the data set's folder, if it is in it."""
        return path.removeprefix(f"{self.root}/")

    def label_path(self, image: str) -> str:
        """An image's label file: in ``labels`` where the image is in ``images``, else beside it."""
        path = self.relative(image)
        root = image[: len(image) - len(path)]
        before, found, after = f"/{path}".rpartition(f"/{IMAGES}/")
        return root + stem_of(f"{before}/{LABELS}/{after}"[1:] if found else path) + ".txt"
