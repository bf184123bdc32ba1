"""The JSON files of Mapillary Vistas, and where its other files lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from datumaro.formats import json_files
from datumaro.formats.files import folders, images_by_stem, stem_of, walk

VERSIONS = ("v2.0", "v1.2")  # the newer first
NEWEST = VERSIONS[0]
IMAGES, INSTANCES, PANOPTIC, POLYGONS = "images", "instances", "panoptic", "polygons"
LABELS = "labels"
PANOPTIC_FILES = {"v1.2": "panoptic_2018.json", "v2.0": "panoptic_2020.json"}

OF_LABEL = 256  # the values that a label has in masks of instances
VOID = "void--unlabeled"
UNSEGMENTED = 255
"""The number that pixels of `VOID` have where there is no mask, not even one of that label. It is
Datumaro's; the published data sets have no such pixels."""

MAX_SEGMENT = (1 << 24) - 1
MAX_PIXELS = 1e9
_MAX_BYTES = 1 << 30
T = TypeVar("T")

Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
Side = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class ConfigLabel(msgspec.Struct):
    """A label in the configuration."""

    name: str
    color: tuple[Byte, Byte, Byte] | None = None


class Config(msgspec.Struct):
    """``config_<version>.json``."""

    labels: list[ConfigLabel]


class Segment(msgspec.Struct):
    """An entry of ``segments_info``."""

    id: int
    category_id: int | None = None
    iscrowd: int | bool = 0


class ImageSegments(msgspec.Struct):
    """The segments of an image, and the file that shows them."""

    image_id: int | str
    file_name: str
    segments_info: list[Segment]


class Category(msgspec.Struct):
    """A category."""

    id: int
    name: str
    supercategory: str = ""
    color: tuple[Byte, Byte, Byte] | None = None


class PanopticImage(msgspec.Struct):
    """An image."""

    id: int | str
    file_name: str
    width: Side = 0
    height: Side = 0


class Panoptic(msgspec.Struct):
    """``panoptic/panoptic_<year>.json``."""

    annotations: list[ImageSegments]
    categories: list[Category]
    images: list[PanopticImage] = []


class PolygonObject(msgspec.Struct):
    """An object, as a polygon."""

    label: str
    polygon: list[list[float]]
    id: int = 0


class Polygons(msgspec.Struct):
    """``polygons/<id>.json``."""

    objects: list[PolygonObject]


def load(path: str | os.PathLike[str], kind: type[T]) -> T:
    """Read a JSON file.

    Raises
    ------
    MalformedFileError
        It is missing, damaged, or has wrong types; the message names the JSON path.
    """
    return json_files.decode(json_files.content(path, _MAX_BYTES), kind, path)


# --- folders --------------------------------------------------------------------------------------


def config_file(version: str) -> str:
    """The name of the file of a version's labels."""
    return f"config_{version}.json"


def has_task(subset: Path, version: str, task: str) -> bool:
    """Whether a subset's folder has the files of a task in a version."""
    if task == PANOPTIC:
        return (subset / version / PANOPTIC / PANOPTIC_FILES[version]).is_file()
    return (subset / version / task).is_dir()


def is_subset(folder: Path) -> bool:
    """Whether a folder is that of a subset."""
    return any(has_task(folder, v, task) for v in VERSIONS for task in (INSTANCES, PANOPTIC))


def is_root(folder: Path) -> bool:
    """Whether a folder has folders of subsets, or the labels of a data set without items."""
    return any((folder / config_file(version)).is_file() for version in VERSIONS) or any(
        is_subset(folder / name) for name in folders(folder)
    )


def images_of(subset: Path) -> dict[str, str]:
    """{id: path} of a subset's images."""
    return images_by_stem(subset / IMAGES)


def instances_of(subset: Path, version: str) -> dict[str, str]:
    """{id: path} of a subset's masks of instances."""
    start = os.fspath(subset / version / INSTANCES)
    return {stem_of(name): f"{start}/{name}" for name in walk(start) if name.endswith(".png")}
