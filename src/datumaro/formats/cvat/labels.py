"""The labels that a file's ``<meta>`` declares, with the types of their attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats.cvat.meta import Node
from datumaro.formats.xml_files import escape_text
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    MaskCategories,
    RgbColor,
    colormap_of,
    labels_of,
)
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk

_HEX = frozenset("0123456789abcdefABCDEF")

XML_ATTRIBUTES = frozenset({"occluded"})
"""Attributes that annotations of all labels have: they stand in the tag of a shape."""

TRACK_ATTRIBUTES = frozenset({"track_id", "keyframe", "outside"})
"""What a track says of its shapes."""


@dataclass
class Labels:
    """Labels by name.

    Attributes
    ----------
    names : in the order of their indices.
    numbers : {label's index: names of its attributes that are numbers}.
    index : {name: index}.
    parts : {(skeleton's name, name of its part): index}.
    """

    names: list[str] = field(default_factory=list[str])
    parents: list[str] = field(default_factory=list[str])
    attributes: list[set[str]] = field(default_factory=list[set[str]])
    colors: dict[int, RgbColor] = field(default_factory=dict[int, RgbColor])
    numbers: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
    index: dict[str, int] = field(default_factory=dict[str, int])
    parts: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    _in_file: set[int] = field(default_factory=set[int])

    def begin_file(self) -> None:
        """The labels of another file follow: those that are known already are the same."""
        self._in_file = set()

    def add(self, node: Node, path: str) -> None:
        """Add the label that a ``<label>`` declares.

        A part of a skeleton whose name another label has is called ``<skeleton>/<name>``.

        Raises
        ------
        MalformedFileError
            It has no name, or that of another.
        """
        name, parent = node.find("name"), node.find("parent")
        if not name:
            raise MalformedFileError(path, f"line {node.line}", "a label without a name", "<name>")
        whole = name
        number = self.parts.get((parent, name))
        if number is None:
            taken = parent and self.index.get(name) in self._in_file
            whole = f"{parent}/{name}" if taken else name
            number = self.index.setdefault(whole, len(self.names))
        if number in self._in_file:
            found = f"label {name[:80]!r} a second time"
            raise MalformedFileError(path, f"line {node.line}", found, "each label once")
        self._in_file.add(number)
        if number == len(self.names):
            self.names.append(whole)
            self.parents.append(parent)
            self.attributes.append(set())
        if parent:
            self.parts[parent, name] = number
        numbers: set[str] = set()
        for group in node.children:
            for attribute in group.children if group.tag == "attributes" else ():
                key = attribute.find("name")
                self.attributes[number].add(key)
                if attribute.find("input_type").strip() == "number":
                    numbers.add(key)
        if numbers:
            self.numbers[number] = frozenset(numbers) | self.numbers.get(number, frozenset())
        color = node.find("color").strip()
        if len(color) == 7 and color[0] == "#" and _HEX.issuperset(color[1:]):
            r, g, b = bytes.fromhex(color[1:])
            self.colors[number] = r, g, b

    def categories(self) -> dict[AnnotationType, Categories]:
        """The same as categories; colours, if any label has one."""
        labels = LabelCategories(attributes=set(XML_ATTRIBUTES))
        for name, parent, attributes in zip(self.names, self.parents, self.attributes, strict=True):
            labels.add(name, parent, attributes)
        made: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        if self.colors:
            made[AnnotationType.mask] = MaskCategories(dict(self.colors))
        return made


# --- writing --------------------------------------------------------------------------------------


class Declared:
    """The labels of a data set that is written.

    Parameters
    ----------
    any_attribute : whether attributes that the labels do not declare are written, and declared.
    use_track : whether shapes with a track_id are written in tracks, which say it for them.

    Attributes
    ----------
    names : of the labels, by index.

    Raises
    ------
    UnsupportedContentError
        A label has no name.
    """

    def __init__(
        self,
        categories: Mapping[AnnotationType, Categories],
        chunks: Iterable[Chunk],
        *,
        any_attribute: bool,
        use_track: bool,
    ) -> None:
        labels = labels_of(categories)
        self._colors = colormap_of(categories)
        self.names = [label.name for label in labels]
        if "" in self.names:
            raise UnsupportedContentError("a label has no name, and CVAT's labels have one")
        self._parents = [label.parent for label in labels]
        # {attribute: what its values are}: "" where there is none
        self._types: list[dict[str, str]] = [
            dict.fromkeys(sorted((label.attributes | labels.attributes) - XML_ATTRIBUTES), "")
            for label in labels
        ]
        self._any = any_attribute
        self._use_track = use_track
        for chunk in chunks:
            self._look_at(chunk)

    def allows(self, label: int, name: str) -> bool:
        """Whether an attribute may be written of an annotation of a label."""
        return self._any or (0 <= label < len(self.names) and name in self._types[label])

    def _look_at(self, chunk: Chunk) -> None:
        """Find what the attributes of a chunk's annotations are."""
        encoded = chunk.annotations.column("attributes").dictionary_encode()
        texts: list[str] = encoded.dictionary.to_pylist()
        labels = schema.label_values(chunk.annotations.column("label")).astype(np.int64)
        pairs: list[int] = np.unique(labels * len(texts) + encoded.indices.to_numpy()).tolist()
        for pair in pairs:
            label, text = divmod(pair, len(texts))
            if not 0 <= label < len(self.names) or not texts[text]:
                continue
            types = self._types[label]
            attributes = json_text.decode(texts[text])
            in_track = self._use_track and track_of(attributes) is not None
            for name, value in attributes.items():
                if name in XML_ATTRIBUTES and isinstance(value, bool):
                    continue
                if in_track and name in TRACK_ATTRIBUTES:
                    continue
                if self._any or name in types:
                    kind = _kind(value)
                    types[name] = kind if types.get(name) in ("", None, kind) else "text"

    def text(self, indent: str) -> str:
        """``<labels>``."""
        lines = [f"{indent}<labels>\n"]
        for index, name in enumerate(self.names):
            lines.append(f"{indent}  <label>\n{indent}    <name>{escape_text(name)}</name>\n")
            if index in self._colors:
                r, g, b = self._colors[index]
                lines.append(f"{indent}    <color>#{r:02x}{g:02x}{b:02x}</color>\n")
            lines.append(f"{indent}    <attributes>\n")
            for attribute, kind in self._types[index].items():
                lines.append(_attribute(attribute, kind or "text", f"{indent}      "))
            lines.append(f"{indent}    </attributes>\n")
            if self._parents[index]:
                lines.append(f"{indent}    <parent>{escape_text(self._parents[index])}</parent>\n")
            lines.append(f"{indent}  </label>\n")
        return "".join([*lines, f"{indent}</labels>\n"])


def track_of(attributes: Mapping[str, Any]) -> int | None:
    """The track that an annotation is of, by its attributes; None for none."""
    number = attributes.get("track_id")
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return number if 0 <= number < 10**18 else None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "checkbox"
    return "number" if isinstance(value, int | float) else "text"


_VALUES = {"checkbox": "false\ntrue", "number": "", "text": ""}


def _attribute(name: str, kind: str, indent: str) -> str:
    default = "false" if kind == "checkbox" else ""
    return (
        f"{indent}<attribute>\n{indent}  <name>{escape_text(name)}</name>\n"
        f"{indent}  <mutable>False</mutable>\n{indent}  <input_type>{kind}</input_type>\n"
        f"{indent}  <default_value>{default}</default_value>\n"
        f"{indent}  <values>{_VALUES[kind]}</values>\n{indent}</attribute>\n"
    )
