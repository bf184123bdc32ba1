"""The JSON files of a Supervisely project of point clouds, and where they lie.

Definition: https://docs.supervisely.com/customization-and-integration/00_ann_format_navi
(point clouds).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from datumaro.formats import json_files
from datumaro.formats.files import stem_of

META, KEYS = "meta.json", "key_id_map.json"
ANNOTATIONS, CLOUDS, PICTURES = "ann", "pointcloud", "related_images"
FIRST = "ds0"
"""The folder of the default subset; others have their subsets' names."""

CUBOID = "cuboid_3d"
CLOUD_EXTENSIONS = frozenset({".pcd", ".bin"})

_MAX_BYTES = 1 << 28

T = TypeVar("T")


class Class(msgspec.Struct):
    """A label."""

    title: str


class TagMeta(msgspec.Struct):
    """A tag that objects or frames may have.

    ``classes`` are the labels whose objects may; without any, all may.
    """

    name: str
    applicable_type: str = "all"
    classes: list[str] = []


class Meta(msgspec.Struct):
    """``meta.json``."""

    classes: list[Class]
    tags: list[TagMeta] = []
    projectType: str = ""


class Keys(msgspec.Struct):
    """``key_id_map.json``: the numbers of what the other files call by keys."""

    objects: dict[str, int]
    figures: dict[str, int]
    videos: dict[str, int]


class Tag(msgspec.Struct):
    """A tag's value on an object or a frame."""

    name: str
    value: str | int | float | bool | None = None


class Object(msgspec.Struct):
    """An object, which may be in many frames."""

    key: str
    classTitle: str
    tags: list[Tag] = []


class Vector(msgspec.Struct):
    """Three numbers: metres, or radians."""

    x: float
    y: float
    z: float


class Geometry(msgspec.Struct):
    """A cuboid."""

    position: Vector
    rotation: Vector
    dimensions: Vector


class Figure(msgspec.Struct):
    """Where an object is in a frame. ``geometry`` is one of ``geometryType``."""

    objectKey: str
    geometryType: str
    geometry: msgspec.Raw
    key: str = ""


class Cuboid(msgspec.Struct):
    """A figure that is a cuboid."""

    objectKey: str
    geometryType: Literal["cuboid_3d"]
    geometry: Geometry
    key: str = ""


class Frame(msgspec.Struct):
    """``ann/<name>.json``, of which all figures are cuboids."""

    objects: list[Object]
    figures: list[Cuboid]
    key: str = ""
    description: str = ""
    tags: list[Tag] = []


class AnyFrame(msgspec.Struct):
    """``ann/<name>.json``."""

    objects: list[Object]
    figures: list[Figure]
    key: str = ""
    description: str = ""
    tags: list[Tag] = []


def load(path: str | os.PathLike[str], kind: type[T]) -> T:
    """Read a JSON file.

    Raises
    ------
    MalformedFileError
        It is not there, no JSON, or has other types; the message names the JSON path.
    """
    return json_files.decode(json_files.content(path, _MAX_BYTES), kind, path)


def load_frame(path: str) -> Frame | AnyFrame:
    """Read an annotation file. Raises as `load` does."""
    data = json_files.content(path, _MAX_BYTES)
    try:
        return msgspec.json.decode(data, type=Frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return json_files.decode(data, AnyFrame, path)  # which says what is wrong, if it is


def is_project(folder: Path) -> bool:
    """Whether a folder has the files of a project."""
    return (folder / META).is_file() and any(
        (entry / ANNOTATIONS).is_dir() for entry in folder.iterdir()
    )


def item_id(cloud: str) -> str:
    """The id of the item of a point cloud's file."""
    stem = stem_of(cloud)
    return stem if cloud[len(stem) :].lower() in CLOUD_EXTENSIONS else cloud


def pictures_folder(cloud: str) -> str:
    """The folder of the pictures that belong to a point cloud's file."""
    stem, _, extension = cloud.rpartition(".")
    return f"{stem}_{extension}" if stem else cloud


def value_of(tag: Tag) -> Any:
    """A tag's value; the words true and false stand for what they say."""
    return tag.value == "true" if tag.value in ("true", "false") else tag.value
