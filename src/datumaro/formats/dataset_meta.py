"""``dataset_meta.json``: a data set's labels and colours, in a file of their own.

Beside a data set's other files, in almost any format, it takes the place of the labels that the
format itself states. It is Datumaro's; see docs/formats/dataset_meta.md. A JSON object::

    "labels":              names, in the order of their indices
    "label_map":           {"<i>": name}; without "labels" these are the labels
    "segmentation_colors": [[r, g, b] or null]; the i-th is that of "<i>" in "label_map"
    "background_label":    "<i>"
    "parts", "actions":    {"<index of a label>": [names]}; PASCAL VOC's
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from datumaro.errors import MalformedFileError
from datumaro.formats import json_files
from datumaro.formats.base import ReadContext, WriteContext, WriteOptions
from datumaro.formats.files import read_file
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    MaskCategories,
    RgbColor,
    colormap_of,
    labels_of,
)
from datumaro.model.kinds import AnnotationType
from datumaro.options import option

FILE = "dataset_meta.json"
BLACK: RgbColor = (0, 0, 0)

_MAX_BYTES = 1 << 26


@dataclass(frozen=True, kw_only=True)
class MetaWriteOptions(WriteOptions):
    """Options of an export that can write the file."""

    save_dataset_meta: bool = option(
        False, f"write labels and colours to {FILE}, too, which imports of most formats look for"
    )


@dataclass
class DatasetMeta:
    """What the file says.

    Attributes
    ----------
    labels : names, each once.
    colors : by label index; labels without one are missing.
    background : the index of the label of pixels that are no object's, or None.
    parts, actions : names by label index, as PASCAL VOC has them.
    """

    labels: list[str]
    colors: dict[int, RgbColor] = field(default_factory=dict[int, RgbColor])
    background: int | None = None
    parts: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    actions: dict[int, list[str]] = field(default_factory=dict[int, list[str]])

    def categories(
        self, own: Mapping[AnnotationType, Categories]
    ) -> dict[AnnotationType, Categories]:
        """``own``, which the format states, with the labels and colours that the file states.

        A label of the same name keeps its parent and attributes. Other kinds stay as they are:
        what in them goes by label indices must be meant for the labels of the file.
        """
        before = labels_of(own)
        labels = LabelCategories(attributes=set(before.attributes))
        for name in self.labels:
            known = before.find(name)[1]
            parent = known.parent if known and known.parent in self.labels else ""
            labels.add(name, parent, known.attributes if known else None)
        made = {**own, AnnotationType.label: labels}
        if self.colors:
            made[AnnotationType.mask] = MaskCategories(self.colors)
        return made


# --- reading ------------------------------------------------------------------------------------


_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class _File(msgspec.Struct):
    labels: list[str] = []
    label_map: dict[str, str] = {}
    segmentation_colors: list[tuple[_Byte, _Byte, _Byte] | None] = []
    background_label: str | int | None = None
    parts: dict[str, list[str]] = {}
    actions: dict[str, list[str]] = {}


def find(folder: Path, context: ReadContext | None = None) -> DatasetMeta | None:
    """What the file in a data set's folder says; None when there is none.

    A data set that is read with it is saved with it, too: ``context`` is told.

    Raises
    ------
    MalformedFileError
        It is damaged; the message names the JSON path.
    """
    path = folder / FILE
    data = read_file(str(path), _MAX_BYTES)
    if data is None:
        return None
    if context is not None:
        context.keep["save_dataset_meta"] = True
    return parse(data, path)


def overridden(
    own: Mapping[AnnotationType, Categories], folder: Path, context: ReadContext
) -> dict[AnnotationType, Categories]:
    """The categories that a format states, overridden by the file in the data set's folder, if any.

    For formats whose annotations go by label indices. Others, whose annotations name their labels,
    ask `find` before they read them.
    """
    meta = find(folder, context)
    return dict(own) if meta is None else meta.categories(own)


def parse(data: bytes, path: object) -> DatasetMeta:
    """Read the file's content; ``path`` is for messages.

    Raises
    ------
    MalformedFileError
        It is not JSON, has wrong types, names a label twice, or an index that no label has.
    """
    if len(data) > _MAX_BYTES:
        found = f"more than {_MAX_BYTES} bytes"
        raise MalformedFileError(path, f"byte {_MAX_BYTES}", found, "a smaller file")
    file = json_files.decode(data.removeprefix(b"\xef\xbb\xbf"), _File, path)
    labels = _labels(file, path)
    index = {name: i for i, name in enumerate(labels)}
    of_key = {key: index[name] for key, name in file.label_map.items()}
    if not of_key:  # the colours are those of the labels
        of_key = {str(i): i for i in range(len(labels))}
    meta = DatasetMeta(labels, _colors(file, of_key, path))
    if file.background_label is not None:
        key = str(file.background_label)
        if key not in of_key:
            raise MalformedFileError(
                path, "$.background_label", repr(key)[:80], "a key of label_map"
            )
        meta.background = of_key[key]
    for name, given, target in (
        ("parts", file.parts, meta.parts),
        ("actions", file.actions, meta.actions),
    ):
        for key, names in given.items():
            place = f"$.{name}.{key[:40]}"
            number = _number(key, path, place)
            if number >= len(labels):
                raise MalformedFileError(path, place, f"label index {number}", _upto(labels))
            if "" in names:
                raise MalformedFileError(path, place, "an empty name", "names")
            if names:
                target[number] = list(dict.fromkeys(names))
    return meta


def _labels(file: _File, path: object) -> list[str]:
    """The labels: those listed, then those that only ``label_map`` has."""
    keys = {key: _number(key, path, f"$.label_map.{key[:40]}") for key in file.label_map}
    in_map = list(file.label_map)
    if sorted(keys.values()) == list(range(len(keys))):  # indices: their order counts
        in_map.sort(key=keys.__getitem__)
    named = [(f"$.labels[{i}]", name) for i, name in enumerate(file.labels)]
    places = dict[str, str]()
    for place, name in named:
        if not name or name in places:
            found = f"{name[:80]!r} is {places[name]} too" if name else "an empty name"
            raise MalformedFileError(path, place, found, "labels' names, each once")
        places[name] = place
    seen: set[str] = set()
    for key in in_map:
        name, place = file.label_map[key], f"$.label_map.{key[:40]}"
        if not name or name in seen:
            found = f"{name[:80]!r} is there twice" if name else "an empty name"
            raise MalformedFileError(path, place, found, "labels' names, each once")
        seen.add(name)
        places.setdefault(name, place)
    return list(places)


def _colors(file: _File, of_key: dict[str, int], path: object) -> dict[int, RgbColor]:
    """The colours by label index."""
    colors = file.segmentation_colors
    # A key is the place of its colour. The published package writes gaps in the keys where labels
    # have no colour, but none in the colours: then the k-th colour is that of the k-th key.
    places = [int(key) for key in of_key]
    if any(place >= len(colors) for place in places):
        places = list(range(len(of_key)))
    if len(colors) > max(places, default=-1) + 1:
        raise MalformedFileError(
            path, "$.segmentation_colors", f"{len(colors)} colours", f"at most {len(of_key)}"
        )
    found: dict[int, RgbColor] = {}
    for label, place in zip(of_key.values(), places, strict=True):
        color = colors[place] if place < len(colors) else None
        if color is not None:
            found[label] = color
    return dict(sorted(found.items()))


def _number(key: str, path: object, place: str) -> int:
    if key.isascii() and key.isdigit() and len(key) < 9:
        return int(key)
    raise MalformedFileError(path, place, f"the key {key[:40]!r}", "an index, such as 0")


def _upto(labels: list[str]) -> str:
    return f"0 to {len(labels) - 1}" if labels else "none: there are no labels"


# --- writing ------------------------------------------------------------------------------------


def save(
    categories: Mapping[AnnotationType, Categories], folder: Path, context: WriteContext
) -> None:
    """Write the labels and colours of a data set; without labels, nothing.

    Parameters
    ----------
    context : is told of colours that no label has.
    """
    labels = labels_of(categories)
    if not len(labels):
        return
    colormap = colormap_of(categories)
    known = {index: color for index, color in colormap.items() if 0 <= index < len(labels)}
    context.lost("mask colours of no label", len(colormap) - len(known))
    black = [index for index, color in known.items() if color == BLACK]
    write(DatasetMeta([label.name for label in labels], known, black[0] if black else None), folder)


def write(meta: DatasetMeta, folder: Path) -> None:
    """Write the file. ``parts`` and ``actions`` are in it when any label has some.

    All labels are in ``label_map``, and those without a colour have null: so no reader can take a
    colour for that of another label.
    """
    content: dict[str, Any] = {"labels": meta.labels}
    if meta.colors:
        content["label_map"] = {str(i): name for i, name in enumerate(meta.labels)}
        content["segmentation_colors"] = [meta.colors.get(i) for i in range(len(meta.labels))]
        if meta.background is not None:
            content["background_label"] = str(meta.background)
    if meta.parts or meta.actions:  # readers of VOC want both, for all labels
        for key, of_label in (("parts", meta.parts), ("actions", meta.actions)):
            content[key] = {str(i): of_label.get(i, []) for i in range(len(meta.labels))}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / FILE).write_text(text + "\n", "utf-8", newline="\n")
