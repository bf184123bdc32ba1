"""Writing ``Annotations/<id>.xml``: text put together from pieces that most objects share."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from datumaro.formats.voc.label_map import COMMON_ATTRIBUTES, LabelMap
from datumaro.formats.xml_files import escape_text as escape
from datumaro.table import json_text

_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_MAX_SHARED = 1 << 16

_SOURCE = (
    "  <source>\n    <database>Unknown</database>\n    <annotation>Unknown</annotation>\n"
    "    <image>Unknown</image>\n  </source>\n"
)


def number(value: float) -> str:
    """A coordinate as the shortest decimals; whole ones without a point, as many tools expect."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


class Shared(NamedTuple):
    """The texts of an object that depend on its label and attributes alone.

    ``before`` stands before the box, ``after`` behind it and the parts. ``n_actions`` counts the
    actions in them, ``lost`` the attributes that are not, ``missing`` the label's actions of which
    the object does not say whether it does them.
    """

    before: str
    after: str
    n_actions: int
    lost: int
    missing: int


@dataclass(frozen=True)
class Style:
    """What of an object is written.

    Attributes
    ----------
    actions : {label's name: attributes that are its actions}.
    free_attributes : whether other attributes are written.
    """

    actions: Mapping[str, Collection[str]]
    free_attributes: bool


class ObjectTexts:
    """Makes the texts of objects."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._shared: dict[tuple[str, str], Shared] = {}
        self._no_actions: set[tuple[str, str]] = set()

    def declare(self, label_map: LabelMap) -> list[tuple[str, str]]:
        """Take out of a label map what turned out to be no action: not true or false, or no tag.

        A reader would add the missing actions of a label to all of its objects, as false.

        Returns
        -------
        What was taken out: (label's name, attribute's name).
        """
        taken: list[tuple[str, str]] = []
        for entry in label_map.entries:
            declared, entry.actions = entry.actions, []
            for action in declared:
                known = action in COMMON_ATTRIBUTES or action in ("pose", "point")
                if (entry.name, action) in self._no_actions:
                    taken.append((entry.name, action))
                elif not known:
                    entry.actions.append(action)
        return taken

    def shared(self, name: str, attributes: str) -> Shared:
        """The texts of an object of a label's name with attributes (a JSON object, or empty)."""
        key = (name, attributes)
        found = self._shared.get(key)
        if found is None:
            if len(self._shared) >= _MAX_SHARED:
                self._shared.clear()
            found = self._shared[key] = self._make(name, json_text.decode(attributes))
        return found

    def _make(self, name: str, attributes: dict[str, Any]) -> Shared:
        flags: dict[str, str] = {"truncated": "0", "occluded": "0", "difficult": "0"}
        pose = point = ""
        actions: list[str] = []
        free: list[str] = []
        lost = 0
        declared = self._style.actions.get(name, ())
        for key, value in attributes.items():
            is_flag = isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))
            if key in COMMON_ATTRIBUTES and is_flag:
                flags[key] = str(int(value))
            elif key == "pose" and isinstance(value, str) and value:
                pose = f"    <pose>{escape(value)}</pose>\n"
            elif key == "point" and (corner := _point(value)) is not None:
                x, y = map(number, corner)
                point = f"    <point>\n      <x>{x}</x>\n      <y>{y}</y>\n    </point>\n"
            elif key in declared and isinstance(value, bool) and _NAME.fullmatch(key):
                actions.append(f"      <{key}>{int(value)}</{key}>\n")
            elif self._style.free_attributes and key:
                self._no_actions.add((name, key))
                text = value if isinstance(value, str) else str(value)
                free.append(
                    f"      <attribute>\n        <name>{escape(key)}</name>\n"
                    f"        <value>{escape(text)}</value>\n      </attribute>\n"
                )
            else:
                lost += 1
        before = f"  <object>\n    <name>{escape(name)}</name>\n{pose}" + "".join(
            f"    <{flag}>{value}</{flag}>\n" for flag, value in flags.items()
        )
        after = point
        if actions:
            after += f"    <actions>\n{''.join(sorted(actions))}    </actions>\n"
        if free:
            after += f"    <attributes>\n{''.join(free)}    </attributes>\n"
        known = {*attributes, *COMMON_ATTRIBUTES, "pose", "point"}
        missing = sum(action not in known for action in declared)
        return Shared(before, after + "  </object>\n", len(actions), lost, missing)


def _point(value: Any) -> tuple[float, float] | None:
    """The x and y of a list of two numbers; None for all else."""
    values = cast("list[Any]", value) if isinstance(value, list) else []
    if len(values) != 2 or not all(type(v) in (int, float) for v in values):
        return None
    return values[0], values[1]


def box(corners: Sequence[float], indent: str = "    ") -> str:
    """``<bndbox>`` of xmin, ymin, xmax, ymax."""
    x1, y1, x2, y2 = map(number, corners)
    return (
        f"{indent}<bndbox>\n{indent}  <xmin>{x1}</xmin>\n{indent}  <ymin>{y1}</ymin>\n"
        f"{indent}  <xmax>{x2}</xmax>\n{indent}  <ymax>{y2}</ymax>\n{indent}</bndbox>\n"
    )


def part(name: str, corners: Sequence[float]) -> str:
    """A part of an object."""
    return f"    <part>\n      <name>{escape(name)}</name>\n{box(corners, '      ')}    </part>\n"


def image(
    item_id: str, filename: str, size: tuple[int, int], *, segmented: bool, objects: str
) -> str:
    """A whole file. ``size`` is height and width in pixels, zeros when not known."""
    # the challenge's ids begin with their year; an id without one has no folder
    folder = item_id.partition("_")[0] if "_" in item_id else ""
    height, width = size
    sides = (
        # the number of channels is not known without decoding; the challenge's images have 3
        f"  <size>\n    <width>{width}</width>\n    <height>{height}</height>\n"
        "    <depth>3</depth>\n  </size>\n"
        if height > 0 and width > 0
        else ""
    )
    return (
        f"<annotation>\n  <folder>{escape(folder)}</folder>\n"
        f"  <filename>{escape(filename)}</filename>\n{_SOURCE}{sides}"
        f"  <segmented>{int(segmented)}</segmented>\n{objects}</annotation>\n"
    )
