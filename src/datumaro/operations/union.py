"""Several data sets as one.

Labels are the same where their names are; their numbers are changed on columns. An item that is in
several data sets, by id and subset, becomes one (`union_items`) when nothing contradicts that: its
media must be the same, as far as they are there to compare. It has the annotations of all; those
that are equal in all fields are kept once (`union_annotations`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from datumaro.dataset import Dataset
from datumaro.errors import MergeError
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    LabelGroup,
    MaskCategories,
    PointsCategories,
    RgbColor,
    TabularCategories,
    generate_colormap,
    stated_labels,
)
from datumaro.operations.relabel import relabelled
from datumaro.operations.union_items import joined
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

log = logging.getLogger("datumaro")


def union(datasets: Mapping[str, Dataset]) -> Dataset:
    """One data set of several, by name; columns that need no change are shared.

    Raises
    ------
    MergeError
        They contradict each other: kinds of media, key points or columns of tables differ, or items
        of one name have different media or attributes. The message says what to do.
    """
    contents = {name: dataset.content() for name, dataset in datasets.items()}
    if len(contents) == 1:
        (dataset,) = datasets.values()
        return dataset
    filled = {name: content for name, content in contents.items() if len(content)} or contents
    first, media_type = next((name, content.media_type) for name, content in filled.items())
    for name, content in filled.items():
        if content.media_type != media_type:
            raise MergeError(
                f"the media of {first!r} are {_words(media_type)}, those of {name!r} "
                f"{_words(content.media_type)}; take them one by one"
            )
    categories, numbers = _categories(contents)
    parts: list[list[Chunk]] = []
    for name, content in contents.items():
        mapped = numbers[name]
        unchanged = np.array_equal(mapped, np.arange(len(mapped)))
        parts.append(
            content.chunks if unchanged else [relabelled(c, mapped) for c in content.chunks]
        )
    infos = _infos(contents)
    return Dataset(Content(joined(list(contents), parts), categories, infos, media_type))


def _words(kind: Any) -> str:
    return kind.name.lower().replace("_", " ") + "s"


# --- categories ----------------------------------------------------------------------------------


def _categories(
    contents: Mapping[str, Content],
) -> tuple[dict[AnnotationType, Categories], dict[str, schema.Array]]:
    """The categories of all, and the number that each label of each gets."""
    merged: dict[AnnotationType, Categories] = {}
    numbers: dict[str, schema.Array] = {}
    for name, content in contents.items():
        labels = stated_labels(content.categories)
        numbers[name] = np.zeros(0, np.int32)
        if labels is not None:
            known = merged.setdefault(AnnotationType.label, LabelCategories())
            assert isinstance(known, LabelCategories)
            numbers[name] = _labels(known, labels, name)
    some = AnnotationType.label in merged
    for name, content in contents.items():
        if some and AnnotationType.label not in content.categories and _uses_labels(content):
            raise MergeError(
                f"{name!r} has annotations with label numbers and no labels, others have labels; "
                "it cannot be told what its numbers mean: take it alone"
            )
        for kind, categories in content.categories.items():
            if kind != AnnotationType.label:
                _other(merged, kind, categories, numbers[name], name)
    return merged, numbers


def _uses_labels(content: Content) -> bool:
    columns = [chunk.annotations.column("label") for chunk in content.chunks]
    return any(column.null_count < len(column) for column in columns)


def _labels(known: LabelCategories, labels: LabelCategories, name: str) -> schema.Array:
    known.attributes |= labels.attributes
    numbers = np.zeros(len(labels), np.int32)
    for index, label in enumerate(labels):
        number, same = known.find(label.name)
        if number is None or same is None:
            number = known.add(label.name, label.parent, label.attributes)
        else:
            same.attributes |= label.attributes
            if label.parent and same.parent and label.parent != same.parent:
                log.warning(
                    "label %r has the parent %r, and in %r %r: the first is kept",
                    label.name, same.parent, name, label.parent,
                )  # fmt: skip
            same.parent = same.parent or label.parent
        numbers[index] = number
    for group in labels.label_groups:
        _group(known, group, name)
    return numbers


def _group(known: LabelCategories, group: LabelGroup, name: str) -> None:
    same = next((g for g in known.label_groups if g.name == group.name), None)
    if same is None:
        known.add_label_group(group.name, group.labels, group.group_type)
        return
    if same.group_type != group.group_type:
        log.warning(
            "label group %r is %s, and in %r %s: the first is kept",
            group.name, same.group_type.to_str(), name, group.group_type.to_str(),
        )  # fmt: skip
    same.labels.extend(label for label in group.labels if label not in same.labels)


def _other(
    merged: dict[AnnotationType, Categories],
    kind: AnnotationType,
    categories: Categories,
    numbers: schema.Array,
    name: str,
) -> None:
    """Add categories of another kind than labels."""
    if isinstance(categories, MaskCategories):
        known = merged.setdefault(kind, MaskCategories())
        assert isinstance(known, MaskCategories)
        _colors(known, categories, numbers)
    elif isinstance(categories, PointsCategories):
        known = merged.setdefault(kind, PointsCategories())
        assert isinstance(known, PointsCategories)
        for index, points in categories.items.items():
            number = _number(index, numbers)
            if known.items.setdefault(number, points) != points:
                raise MergeError(
                    f"label {number} has other key points in {name!r} than before; take it alone"
                )
    elif isinstance(categories, TabularCategories):
        known = merged.setdefault(kind, TabularCategories())
        assert isinstance(known, TabularCategories)
        for column in categories:
            _, same = known.find(column.name)
            if same is None:
                known.add(column.name, column.dtype, column.labels)
            elif same.dtype != column.dtype:
                raise MergeError(
                    f"column {column.name!r} is {same.dtype}, and in {name!r} {column.dtype}; "
                    "take it alone"
                )
            else:
                same.labels |= column.labels
    else:
        known = merged.setdefault(kind, categories)
        if known != categories:
            raise MergeError(f"the categories {kind.name} of {name!r} are others; take it alone")
    known.attributes |= categories.attributes


def _number(index: int, numbers: schema.Array) -> int:
    return int(numbers[index]) if 0 <= index < len(numbers) else index


def _colors(known: MaskCategories, categories: MaskCategories, numbers: schema.Array) -> None:
    """Add colours: a label keeps the one that it has, and no two get the same."""
    taken: set[RgbColor] = set(known.colormap.values())
    for index, color in categories.colormap.items():
        number = _number(index, numbers)
        if number in known.colormap:
            continue
        if color in taken:
            color = next(c for c in generate_colormap(len(taken) + 2).values() if c not in taken)
        known.colormap[number] = color
        taken.add(color)


def _infos(contents: Mapping[str, Content]) -> dict[str, Any]:
    infos: dict[str, Any] = {}
    for name, content in contents.items():
        for key, value in content.infos.items():
            if infos.setdefault(key, value) != value:
                log.warning("info %r of %r is another than before: the first is kept", key, name)
    return infos
