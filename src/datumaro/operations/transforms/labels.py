"""Which labels there are, and which of them annotations have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetError, InvalidOptionError
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    LabelCategory,
    LabelGroup,
    MaskCategories,
    PointsCategories,
    free_colors,
)
from datumaro.operations.transforms import columns
from datumaro.operations.transforms.base import ColumnTransform, TransformContext, TransformOptions
from datumaro.operations.transforms.pairs import as_pairs, pair
from datumaro.options import option
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import NO_LABEL, Array

T = TypeVar("T")

# --- the change -----------------------------------------------------------------------------------


@dataclass
class LabelChange:
    """What becomes of a data set's labels.

    Attributes
    ----------
    labels : the new ones.
    targets : the new index of each old label, or None: its annotations are removed.
    keeps_unlabelled : whether annotations without a label stay.
    """

    labels: LabelCategories
    targets: list[int | None]
    keeps_unlabelled: bool = True
    generates_colors: bool = field(default=False, kw_only=True)

    def apply(self, content: Content) -> Content:
        """The content with the new labels."""
        categories = dict(content.categories)
        categories[AnnotationType.label] = self.labels
        for kind, change in (
            (AnnotationType.mask, self._mask_categories),
            (AnnotationType.points, self._points_categories),
        ):
            if kind in categories:
                categories[kind] = change(categories[kind])
        return replace(columns.changed_chunks(content, self._changed), categories=categories)

    def _moved(self, items: Mapping[int, T]) -> dict[int, T]:
        """What is kept by label, by the new labels; of several the first."""
        moved: dict[int, T] = {}
        for old, new in enumerate(self.targets):
            if new is not None and old in items:
                moved.setdefault(new, items[old])
        return moved

    def _mask_categories(self, categories: Categories) -> Categories:
        if not isinstance(categories, MaskCategories):
            return categories
        colormap = self._moved(categories.colormap)
        if self.generates_colors:
            free = free_colors(colormap.values())
            for index in range(len(self.labels)):
                if index not in colormap:
                    colormap[index] = next(free)
        return MaskCategories(dict(sorted(colormap.items())), attributes=categories.attributes)

    def _points_categories(self, categories: Categories) -> Categories:
        if not isinstance(categories, PointsCategories):
            return categories
        return PointsCategories(
            self._moved(categories.items), attributes=set(categories.attributes)
        )

    # --- annotations --------------------------------------------------------------------------

    def _changed(self, chunk: Chunk) -> Chunk:
        labels = schema.label_values(chunk.annotations.column("label"))
        none = labels == NO_LABEL
        if bool(((labels < 0) & ~none | (labels >= len(self.targets))).any()):
            row = int(np.argmax((labels < 0) & ~none | (labels >= len(self.targets))))
            raise DatasetError(
                f"{columns.item_name(chunk, row)} has an annotation of label {labels[row]}; "
                f"the data set has {len(self.targets)} labels"
            )
        table = np.array([NO_LABEL if t is None else t for t in self.targets] + [0], np.int32)
        new = np.where(none, NO_LABEL, table[np.where(none, len(self.targets), labels)])
        stays = np.where(none, self.keeps_unlabelled, new != NO_LABEL)
        chunk = self._changed_skeletons(chunk, stays)
        chunk = columns.with_annotations(chunk, label=schema.labels(new.astype(np.int32)))
        return chunk if stays.all() else columns.annotations_at(chunk, np.flatnonzero(stays))

    def _changed_skeletons(self, chunk: Chunk, stays: Array) -> Chunk:
        """The chunk with the labels of skeletons' points changed."""
        kinds: Array = chunk.annotations.column("type").to_numpy()
        rows = np.flatnonzero((kinds == AnnotationType.skeleton) & stays)
        if not len(rows):
            return chunk
        column = chunk.annotations.column("extra")
        texts: list[str] = []
        numbers: list[int] = rows.tolist()
        for row in numbers:
            extra = json_text.decode(column[row].as_py())
            elements: list[dict[str, Any]] = []
            for element in extra["elements"]:
                label: int | None = element.get("label")
                if label is not None:
                    label = self.targets[label] if 0 <= label < len(self.targets) else None
                    if label is None:
                        continue
                    element["label"] = label
                elements.append(element)
            texts.append(json_text.encode({**extra, "elements": elements}).decode())
        new = pa.array(texts, pa.large_string())
        return columns.with_annotations(
            chunk, extra=columns.lists(chunk.annotations, "extra", rows, new)
        )


def _renamed_groups(groups: list[LabelGroup], names: Mapping[str, str | None]) -> list[LabelGroup]:
    """The groups with other names of labels, without labels that are gone and empty groups."""
    renamed: list[LabelGroup] = []
    for group in groups:
        labels = [new for old in group.labels if (new := names.get(old, old)) is not None]
        if labels:
            renamed.append(LabelGroup(group.name, list(dict.fromkeys(labels)), group.group_type))
    return renamed


# --- other names ----------------------------------------------------------------------------------

KEEP, DELETE = "keep", "delete"


@dataclass(frozen=True, kw_only=True)
class RemapLabelsOptions(TransformOptions):
    """Options of `RemapLabels`."""

    mapping: Mapping[str, str] | Iterable[tuple[str, str]] = option(
        (),
        "a label and its new name; without a new name (OLD:) its annotations are removed",
        parse=pair,
        metavar="OLD:NEW",
        short="-l",
        flag="--label",
        many=True,
    )
    default: str = option(
        KEEP,
        "what becomes of labels that are not named: keep them, or delete them with their "
        "annotations, and those without a label",
        choices=(KEEP, DELETE),
    )

    def __post_init__(self) -> None:
        for old, new in as_pairs(self.mapping, "remap_labels", "mapping"):
            if not isinstance(new, str):
                raise InvalidOptionError(
                    f'remap_labels: the new name of {old!r} is {new!r}; expected a text, "" to '
                    "remove the label"
                )


class RemapLabels(ColumnTransform):
    """Rename labels, make several one, remove some.

    The labels keep their order; several that become one stand where the first of them stood, and
    have its parent, attributes, colour and key points.
    """

    name = "remap_labels"
    title = "rename, merge or remove labels"
    options = RemapLabelsOptions
    example = "-l cat:animal -l dog:animal -l car: --default keep"

    def apply(
        self, content: Content, options: RemapLabelsOptions, context: TransformContext
    ) -> Content:
        old = content.labels
        mapping: dict[str, str] = dict(as_pairs(options.mapping, self.name, "mapping"))
        unknown = [name for name in mapping if name not in old]
        context.lost(
            "labels that are named are not in the data set", len(unknown), ", ".join(unknown[:5])
        )
        names: dict[str, str | None] = {}
        for label in old:
            new_name = mapping.get(label.name, label.name if options.default == KEEP else "")
            names[label.name] = new_name or None
        new = LabelCategories(attributes=set(old.attributes))
        for label in old:
            name = names[label.name]
            if name is not None and name not in new:
                new.add(name, names.get(label.parent, label.parent), label.attributes)
        for label in new:
            if label.parent not in new or label.parent == label.name:
                label.parent = ""
        new.label_groups = _renamed_groups(old.label_groups, names)
        targets = [None if (n := names[label.name]) is None else new.find(n)[0] for label in old]
        return LabelChange(new, targets, options.default == KEEP).apply(content)


# --- other labels ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ProjectLabelsOptions(TransformOptions):
    """Options of `ProjectLabels`."""

    dst_labels: Iterable[Any] = option(
        help="a label that there shall be; their order counts",
        metavar="NAME",
        short="-l",
        flag="--label",
        many=True,
    )


class ProjectLabels(ColumnTransform):
    """Give the data set other labels: those named, in that order.

    Annotations of other labels are removed; those without a label stay. Labels that the data set
    has keep their parents, attributes and key points, and their colours; when there are colours,
    new labels get some.
    """

    name = "project_labels"
    title = "take other labels, and only their annotations"
    options = ProjectLabelsOptions
    example = "-l person -l car"

    def apply(
        self, content: Content, options: ProjectLabelsOptions, context: TransformContext
    ) -> Content:
        old = content.labels
        new = _wanted(options.dst_labels, old)
        targets = [new.find(label.name)[0] for label in old]
        return LabelChange(new, targets, generates_colors=True).apply(content)


def _wanted(given: Any, old: LabelCategories) -> LabelCategories:
    if isinstance(given, LabelCategories):
        return given
    if isinstance(given, str):
        raise InvalidOptionError(
            f"project_labels: dst_labels is {given!r}; expected several labels"
        )
    try:
        new = LabelCategories.from_iterable(
            [_known(old, label) if isinstance(label, str) else label for label in given]
        )
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"project_labels: {error}") from error
    new.attributes = set(old.attributes)
    for label in new:
        if label.parent not in new:
            label.parent = ""
    gone = {label.name: None for label in old if label.name not in new}
    new.label_groups = _renamed_groups(old.label_groups, gone)
    return new


def _known(old: LabelCategories, name: str) -> tuple[str, str, set[str]]:
    known = old.find(name)[1] or LabelCategory(name)
    return name, known.parent, known.attributes
