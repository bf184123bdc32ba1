"""Darknet's layout: ``obj.data`` names the lists of images, and the names of the classes."""

from __future__ import annotations

import os
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, MalformedFileError
from datumaro.formats import image_sizes
from datumaro.formats.files import levels, stem_of
from datumaro.formats.yolo import class_names
from datumaro.formats.yolo.layout import (
    Entry,
    Layout,
    only,
    read_list,
    read_text,
    unique_ids,
)
from datumaro.paths import escapes, join_inside

RESERVED = frozenset({"backup", "classes", "names"})
PREFIX = "data/"

_USUAL_SUBSETS = frozenset({"train", "valid", "val", "test"})
_MAX_BYTES = 1 << 20


def find(path: Path) -> Path | None:
    """The ``.data`` file at, in or up to three levels below ``path``."""
    if path.is_file():
        return path if path.suffix == ".data" else None
    for level in levels(path, dots=True):
        found = [folder / name for folder in level for name in data_files(folder)]
        if found:
            return only(found, path)
    return None


def explain(path: Path) -> None:
    """Say what is wrong with a ``.data`` file in the folder that names no classes, if there is one.

    Raises
    ------
    MalformedFileError
    """
    for file in sorted(path.glob("*.data")) if path.is_dir() else ():
        raise MalformedFileError(file, "", "no line 'names = …'", "the names of the classes")


def data_files(folder: Path) -> list[str]:
    """Names of the ``.data`` files in a folder that name classes."""
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.name.endswith(".data") and e.is_file())
    return [name for name in names if names_classes(_head(folder / name))]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def names_classes(head: bytes) -> bool:
    """Whether a ``.data`` file, of which this is the begin, names classes."""
    return any(line.partition(b"=")[0].strip() == b"names" for line in head.splitlines())


def load(data_file: Path, *, allow_external: bool) -> Layout:
    """The data set that a ``.data`` file is about.

    Raises
    ------
    DatasetNotFoundError, MalformedFileError
        A file that it names is not there, or is damaged.
    PathOutsideDatasetError
        An image lies outside the data set's folder.
    """
    root = data_file.parent
    values = _values(data_file)
    if "names" not in values:
        raise MalformedFileError(data_file, "", "no line 'names = …'", "the names of the classes")
    names_file = _named(root, values["names"], data_file, "names", allow_external)
    names = class_names.load(names_file)
    subsets: dict[str, list[Entry]] = {}
    for subset, value in values.items():
        # darknet's own files have other keys, too: eval = coco
        if subset in _USUAL_SUBSETS or (subset not in RESERVED and value.endswith(".txt")):
            file = _named(root, value, data_file, subset, allow_external)
            subsets[subset] = entries(root, file, allow_external)
    return Layout(root, names, names_file, subsets, image_sizes.load(root))


def _values(data_file: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    text = read_text(data_file, _MAX_BYTES, "lines 'key = value'")
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise MalformedFileError(data_file, f"line {number}", line[:80], "key = value")
        values[key.strip()] = value.strip()
    return values


def _named(root: Path, value: str, data_file: Path, key: str, allow_external: bool) -> Path:
    """The file that a line names: below the folder, without ``data/`` or with it."""
    value = value.replace("\\", "/")
    inside = [part for part in (value.removeprefix(PREFIX), value) if not escapes(part)]
    for part in inside:
        if (root / part).is_file():
            return root / part
    if not inside:
        what = f"{key} in {data_file}"
        return Path(join_inside(root, value, what=what, allow_external=allow_external))
    raise DatasetNotFoundError(f"{data_file}: {key}: no file {value!r} beside it")


def entries(root: Path, file: Path, allow_external: bool) -> list[Entry]:
    """The items of a list: their ids are the paths without ``data/`` and without a first folder."""
    paths = [path.removeprefix("./").removeprefix(PREFIX) for path in read_list(file)]
    ids = [stem_of(path.partition("/")[2] if "/" in path else path) for path in paths]
    base = f"{root}/"
    items: list[Entry] = []
    for item_id, path in zip(unique_ids(ids, paths), paths, strict=True):
        if escapes(path):
            image = join_inside(
                root, path, what=f"an image in {file}", allow_external=allow_external
            )
            item_id = item_id.lstrip("/").replace("../", "")
        else:
            image = base + path
        items.append(Entry(item_id, image, stem_of(image) + ".txt"))
    return items
