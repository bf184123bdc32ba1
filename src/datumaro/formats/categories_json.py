"""Categories as JSON, as the `datumaro` and `datumaro_binary` formats both store them.

An object with a key for each kind of annotation that has categories::

    "label":   {"labels": [{"name", "parent", "attributes": [...]}],
                "label_groups": [{"name", "group_type", "labels": [...]}], "attributes": [...]}
    "mask":    {"colormap": [{"label_id", "r", "g", "b"}]}
    "points":  {"items": [{"label_id", "labels": [...], "joints": [[a, b]], "positions": [...]}]}
    "tabular": {"items": [{"name", "dtype", "labels": [...]}]}

The published package knows the first three. It ignores ``tabular``, and the ``attributes`` that
``mask``, ``points`` and ``tabular`` get here when they have any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats.base import log
from datumaro.formats.json_errors import explained, shown
from datumaro.model.categories import (
    Categories,
    GroupType,
    LabelCategories,
    LabelCategory,
    LabelGroup,
    MaskCategories,
    PointsCategories,
    PointsCategory,
    TabularCategories,
)
from datumaro.model.kinds import AnnotationType

# --- categories -> JSON -----------------------------------------------------------------------


def categories_to_json(categories: Mapping[AnnotationType, Categories]) -> dict[str, Any]:
    """Turn categories into the object that files store.

    Raises
    ------
    UnsupportedContentError
        Categories of a class that does not belong to the kind of annotation they stand under.
    """
    return {kind.name: _to_json(kind, value) for kind, value in categories.items()}


def _to_json(kind: AnnotationType, value: Categories) -> dict[str, Any]:
    if kind == AnnotationType.label and isinstance(value, LabelCategories):
        return {
            "labels": [_label_to_json(item) for item in value.items],
            "label_groups": [_group_to_json(group) for group in value.label_groups],
            "attributes": sorted(value.attributes),
        }
    if kind == AnnotationType.mask and isinstance(value, MaskCategories):
        colormap = [
            {"label_id": int(index), "r": int(r), "g": int(g), "b": int(b)}
            for index, (r, g, b) in value.colormap.items()
        ]
        return {"colormap": colormap} | _own_attributes(value)
    if kind == AnnotationType.points and isinstance(value, PointsCategories):
        items = [_points_to_json(index, item) for index, item in value.items.items()]
        return {"items": items} | _own_attributes(value)
    if kind == AnnotationType.tabular and isinstance(value, TabularCategories):
        columns = [
            {
                "name": column.name,
                "dtype": column.dtype.__name__
                if isinstance(column.dtype, type)
                else str(column.dtype),
                "labels": sorted(column.labels, key=lambda label: (isinstance(label, str), label)),
            }
            for column in value.items
        ]
        return {"items": columns} | _own_attributes(value)
    raise UnsupportedContentError(
        f"{type(value).__name__} stand as the categories of {kind.name} annotations; files hold "
        "LabelCategories for label, MaskCategories for mask, PointsCategories for points, "
        "TabularCategories for tabular"
    )


def _own_attributes(value: Categories) -> dict[str, list[str]]:
    return {"attributes": sorted(value.attributes)} if value.attributes else {}


def _label_to_json(item: LabelCategory) -> dict[str, Any]:
    return {"name": item.name, "parent": item.parent, "attributes": sorted(item.attributes)}


def _group_to_json(group: LabelGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "group_type": group.group_type.to_str(),
        "labels": list(group.labels),
    }


def _points_to_json(label_id: int, item: PointsCategory) -> dict[str, Any]:
    return {
        "label_id": int(label_id),
        "labels": list(item.labels),
        "joints": sorted([int(a), int(b)] for a, b in item.joints),
        "positions": [float(position) for position in item.positions],
    }


# --- JSON -> categories -----------------------------------------------------------------------


class _Label(msgspec.Struct):
    name: str
    parent: str | None = ""
    attributes: list[str] = []


class _Group(msgspec.Struct):
    name: str
    labels: list[str]
    group_type: str = "exclusive"


class _Labels(msgspec.Struct):
    labels: list[_Label]
    label_groups: list[_Group] = []
    attributes: list[str] = []


_Channel = Annotated[int, msgspec.Meta(ge=0, le=255)]


class _Color(msgspec.Struct):
    label_id: int
    r: _Channel
    g: _Channel
    b: _Channel


class _Mask(msgspec.Struct):
    colormap: list[_Color]
    attributes: list[str] = []


class _PointsItem(msgspec.Struct):
    label_id: int
    labels: list[str] = []
    joints: list[tuple[int, int]] = []
    positions: list[float] = []


class _Points(msgspec.Struct):
    items: list[_PointsItem]
    attributes: list[str] = []


class _Column(msgspec.Struct):
    name: str
    dtype: str
    labels: list[str | int] = []


class _Tabular(msgspec.Struct):
    items: list[_Column]
    attributes: list[str] = []


_DTYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


def categories_from_json(
    value: object, path: object, place: str = "$.categories"
) -> dict[AnnotationType, Categories]:
    """Turn the object that a file stores back into categories.

    Kinds that are not known here are left out, with a warning; empty ones (``"mask": {}``) are
    ignored.

    Parameters
    ----------
    value : the object, as any JSON parser gives it.
    path, place : the file, and where in it the object stands; for errors.

    Raises
    ------
    MalformedFileError
        It is not such an object; the message names the member.
    """
    if not isinstance(value, dict):
        raise MalformedFileError(path, place, shown(value), "an object")
    members = cast("dict[str, object]", value)
    categories: dict[AnnotationType, Categories] = {}
    for name in sorted(members.keys() - _READERS):
        if members[name]:
            log.warning(
                "%s: %s.%s: categories of a kind that is not known here; they are left out",
                path, place, name,
            )  # fmt: skip
    for name, read in _READERS.items():
        if members.get(name):
            try:
                categories[AnnotationType[name]] = read(members[name])
            except msgspec.ValidationError as error:
                where, found, expected = explained(error, members[name])
                raise MalformedFileError(path, f"{place}.{name}{where}", found, expected) from error
            except ValueError as error:
                expected = "categories that agree with each other"
                raise MalformedFileError(path, f"{place}.{name}", str(error), expected) from error
    return categories


def _read_label(value: object) -> LabelCategories:
    raw = msgspec.convert(value, _Labels)
    categories = LabelCategories(attributes=set(raw.attributes))
    for item in raw.labels:
        categories.add(item.name, item.parent, item.attributes)
    for group in raw.label_groups:
        categories.add_label_group(group.name, group.labels, GroupType.from_str(group.group_type))
    return categories


def _read_mask(value: object) -> MaskCategories:
    raw = msgspec.convert(value, _Mask)
    colormap = {color.label_id: (color.r, color.g, color.b) for color in raw.colormap}
    return MaskCategories(colormap, attributes=set(raw.attributes))


def _read_points(value: object) -> PointsCategories:
    raw = msgspec.convert(value, _Points)
    categories = PointsCategories(attributes=set(raw.attributes))
    for item in raw.items:
        categories.add(item.label_id, item.labels, item.joints, item.positions)
    return categories


def _read_tabular(value: object) -> TabularCategories:
    raw = msgspec.convert(value, _Tabular)
    categories = TabularCategories(attributes=set(raw.attributes))
    for column in raw.items:
        categories.add(column.name, _DTYPES.get(column.dtype, column.dtype), column.labels)
    return categories


_READERS = {
    "label": _read_label,
    "mask": _read_mask,
    "points": _read_points,
    "tabular": _read_tabular,
}
