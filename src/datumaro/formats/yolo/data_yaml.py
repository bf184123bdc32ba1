"""``data.yaml``: the names of the classes, and where the images of each subset are.

Definition: https://docs.ultralytics.com/datasets/detect/#ultralytics-yolo-format
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.formats.files import read_file
from datumaro.formats.yaml_files import parse_yaml, print_yaml
from datumaro.formats.yolo import class_names
from datumaro.formats.yolo.layout import Pose
from datumaro.model.categories import PointsCategory

FILE = "data.yaml"
USUAL_SUBSETS = ("train", "val", "test")

_MAX_BYTES = 1 << 24
_MAX_CLASSES = 1 << 20
_MAX_KEY_POINTS = 1 << 12
# keys that never are subsets
RESERVED = frozenset(
    {
        "path", "nc", "names", "download", "kpt_shape", "kpt_names", "kpt_padded", "flip_idx",
        "skeleton", "channels", "roboflow", "license", "version", "description", "author", "date",
        "url", "task", "stride", "imgsz", "batch", "backup", "classes", "kpt_label", "info",
        "yaml_file",
    }
)  # fmt: skip


@dataclass(frozen=True)
class DataYaml:
    """What the file says.

    Attributes
    ----------
    file : the file.
    base : its ``path``, as written; "" for none.
    names : of the classes.
    subsets : where the images of each are, as written.
    pose : key points, if it has a ``kpt_shape``.
    """

    file: Path
    base: str
    names: list[str]
    subsets: dict[str, list[str]]
    pose: Pose | None


def looks_like(head: bytes) -> bool:
    """Whether a file's begin is that of a data set's description."""
    keys = {line.partition(b":")[0] for line in head.splitlines() if b":" in line}
    keys = {key.strip(b"\"' \xef\xbb\xbf") for key in keys if not key.startswith((b" ", b"\t"))}
    if head.lstrip().startswith(b"{"):
        return b"names" in head
    return bool(keys & {b"names", b"nc"})


def is_yaml(name: str) -> bool:
    """Whether a file's name is that of YAML."""
    return name.endswith((".yaml", ".yml"))


def file_in(folder: Path) -> Path | None:
    """The description in a folder: ``data.yaml``, or else the only YAML file that looks like one.

    Raises
    ------
    DatasetNotFoundError
        There are several.
    """
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if is_yaml(entry.name) and entry.is_file())
    if FILE in names:
        names = [FILE]
    found = [folder / name for name in names if looks_like(_head(folder / name))]
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        raise DatasetNotFoundError(f"{folder}: describes several data sets ({listed}): name one")
    return found[0] if found else None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)


def load(path: Path) -> DataYaml:
    """Read the file.

    Raises
    ------
    MalformedFileError
        It is damaged; the message names the line or the key.
    """
    data = read_file(os.fspath(path), _MAX_BYTES)
    if data is None:
        raise DatasetNotFoundError(f"{path}: no such file")
    if len(data) > _MAX_BYTES:
        raise MalformedFileError(path, "", f"more than {_MAX_BYTES} bytes", "a smaller file")
    values = parse_yaml(data, path)
    base = values.get("path") or ""
    if not isinstance(base, str):
        raise MalformedFileError(path, "path", repr(base)[:80], "a folder")
    names = _names(values, path)
    subsets: dict[str, list[str]] = {}
    for key, value in values.items():
        if key not in RESERVED and (places := _places(key, value, path)):
            subsets[key] = places
    return DataYaml(path, base, names, subsets, _pose(values, names, path))


def _places(key: str, value: Any, path: Path) -> list[str]:
    found = _listed(value)
    if all(isinstance(place, str) for place in found):
        return [place for place in found if place]
    if key in USUAL_SUBSETS:
        raise MalformedFileError(path, key, _shown(value), "a folder or list, or several")
    return []


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _names(values: dict[str, Any], path: Path) -> list[str]:
    found = values.get("names")
    if found is None or found == "":
        count = _number(values.get("nc"), path, "nc", _MAX_CLASSES)
        return [f"class_{number}" for number in range(count)]  # as Ultralytics calls them
    if isinstance(found, dict):
        named = cast("dict[str, Any]", found)
        by_number = {
            _number(key, path, f"names.{key[:40]}", _MAX_CLASSES): name
            for key, name in named.items()
        }
        for number in range(len(named)):
            if number not in by_number:
                raise MalformedFileError(
                    path, "names", f"no name of class {number}", f"numbers 0 to {len(named) - 1}"
                )
        found = [by_number[number] for number in range(len(named))]
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list):
        raise MalformedFileError(path, "names", repr(found)[:80], "a list or a mapping")
    names = cast("list[Any]", found)
    for number, name in enumerate(names):
        if not isinstance(name, str):
            raise MalformedFileError(path, f"names[{number}]", repr(name)[:80], "a name")
    return class_names.checked([name.strip() for name in names], path, "names[{}]")


def _number(text: Any, path: Path, place: str, limit: int) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 9:
        if int(text) <= limit:
            return int(text)
        raise MalformedFileError(path, place, text, f"at most {limit}")
    found = "nothing" if text is None else repr(text)[:80]
    expected = "the number of classes, or 'names'" if place == "nc" else "a number"
    raise MalformedFileError(path, place, found, expected)


def _numbers(value: Any, path: Path, key: str) -> list[int]:
    if not isinstance(value, list):
        raise MalformedFileError(path, key, _shown(value), "a list of numbers")
    texts = cast("list[Any]", value)
    return [_number(text, path, f"{key}[{i}]", _MAX_KEY_POINTS) for i, text in enumerate(texts)]


def _pose(values: dict[str, Any], names: list[str], path: Path) -> Pose | None:
    if "kpt_shape" not in values:
        return None
    shape = _numbers(values["kpt_shape"], path, "kpt_shape")
    if len(shape) != 2 or shape[1] not in (2, 3):
        raise MalformedFileError(
            path, "kpt_shape", repr(values["kpt_shape"])[:80], "[number of key points, 2 or 3]"
        )
    flip: Any = values.get("flip_idx") or []
    order = _numbers(flip, path, "flip_idx")
    if order and sorted(order) != list(range(shape[0])):
        raise MalformedFileError(
            path, "flip_idx", _shown(flip), f"each of 0 to {shape[0] - 1} once"
        )
    found: Any = values.get("kpt_names") or {}
    if not isinstance(found, dict):
        raise MalformedFileError(path, "kpt_names", repr(found)[:80], "names by class")
    named: dict[int, PointsCategory] = {}
    for key, value in cast("dict[str, Any]", found).items():
        place = f"kpt_names.{key[:40]}"
        number = _number(key, path, place, _MAX_CLASSES)
        points = _listed(value)
        if number >= len(names) or not all(isinstance(p, str) for p in points):
            raise MalformedFileError(path, place, _shown(value), "a class, and a list of names")
        if len(points) > shape[0]:
            raise MalformedFileError(
                path, place, f"{len(points)} names", f"at most {shape[0]}, as kpt_shape says"
            )
        named[number] = PointsCategory(points)
    for number, joints in _joints(values, path).items():
        if number not in named:
            raise MalformedFileError(
                path, "skeleton", f"class {number}", "a class that kpt_names has, too"
            )
        named[number].joints = joints
    padded = values.get("kpt_padded") == "true"
    return Pose(shape[0], shape[1], tuple(order), named, padded)


def _joints(values: dict[str, Any], path: Path) -> dict[int, set[tuple[int, int]]]:
    """Which key points lines connect, by class: Datumaro's own."""
    found: Any = values.get("skeleton") or {}
    made: dict[int, set[tuple[int, int]]] = {}
    if isinstance(found, dict):
        for key, pairs in cast("dict[str, Any]", found).items():
            place = f"skeleton.{key[:40]}"
            number = _number(key, path, place, _MAX_CLASSES)
            joints = [_numbers(pair, path, place) for pair in _listed(pairs)]
            if any(len(joint) != 2 for joint in joints):
                raise MalformedFileError(path, place, _shown(pairs), "pairs of key points")
            made[number] = {(a, b) for a, b in joints}
    return made


def text(names: list[str], subsets: dict[str, str], pose: Pose | None = None) -> str:
    """The file's text.

    Parameters
    ----------
    subsets : where the images of each are.
    """
    value: dict[str, Any] = {**subsets}
    if pose is not None:
        value["kpt_shape"] = [pose.count, pose.dims]
        if pose.flip:
            value["flip_idx"] = list(pose.flip)
        if pose.names:
            value["kpt_names"] = {index: found.labels for index, found in pose.names.items()}
        joints = {i: [list(j) for j in sorted(c.joints)] for i, c in pose.names.items() if c.joints}
        if joints:
            value["skeleton"] = joints
        if pose.padded:
            value["kpt_padded"] = True
    value["names"] = dict(enumerate(names))
    return print_yaml(value)
