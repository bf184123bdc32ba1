"""COCO's categories, and the labels and key points that they are here.

A category has an id of its own; labels are numbered from 0 in the order of those ids. Categories of
several files are one where their names are the same, whatever ids the files give them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Annotated, Any, cast

import msgspec

from datumaro.errors import InvalidOptionError, MalformedFileError
from datumaro.formats import json_files
from datumaro.formats.dataset_meta import FILE, DatasetMeta
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    MaskCategories,
    PointsCategories,
)

MAX_KEPT_ID = 100_000
"""The largest category id that can be kept as a label's index: gaps are filled with labels."""


Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Category(msgspec.Struct, rename={"parent": "supercategory"}):
    """An entry of ``categories``."""

    id: Id
    name: str
    parent: str | None = None
    keypoints: list[str] | None = None
    skeleton: list[tuple[Id, Id]] | None = None
    isthing: int | bool | None = None


def parse(raw: bytes, path: object) -> list[Category]:
    """Read the value of ``categories``, sorted by id.

    Raises
    ------
    MalformedFileError
        Wrong types, or an id or a name that occurs twice.
    """
    categories = json_files.decode(raw, list[Category], path, "$.categories", "an array")
    for key in ("id", "name"):
        first: dict[object, int] = {}
        for index, category in enumerate(categories):
            value = getattr(category, key)
            if first.setdefault(value, index) != index:
                raise MalformedFileError(
                    path,
                    f"$.categories[{index}].{key}",
                    f"{value!r}, which $.categories[{first[value]}] has too",
                    f"a {key} of its own for each category",
                )
    return sorted(categories, key=lambda category: category.id)


class Labels:
    """The labels of a data set, gathered from its files' categories."""

    def __init__(
        self,
        files: Iterable[tuple[object, list[Category]]],
        *,
        keep_ids: bool,
        meta: DatasetMeta | None = None,
    ) -> None:
        """Gather them.

        Parameters
        ----------
        files : (path, categories).
        keep_ids : a category's id is its label's index.
        meta : has the labels: the i-th is that of the category id i + 1, whatever its name.

        Raises
        ------
        MalformedFileError
            ``keep_ids``, and ids contradict each other, are negative or too large; or ``meta`` has
            no label for an id.
        InvalidOptionError
            ``keep_ids`` and ``meta``, which contradict each other.
        """
        self.meta = meta
        if meta is not None and keep_ids:
            raise InvalidOptionError(
                f"keep_original_category_ids makes labels of the category ids, and {FILE} in the "
                "data set says that label 0 is that of id 1: leave out the option, or the file"
            )
        by_name: dict[str, Category] = {}
        for path, categories in files:
            if meta is not None:
                _check_ids(categories, len(meta.labels), path)
            taken = {category.id: category.name for category in by_name.values()}
            for category in categories:
                known = by_name.setdefault(category.name, category)
                if not known.keypoints and not known.skeleton:
                    known.keypoints, known.skeleton = category.keypoints, category.skeleton
                known.isthing = known.isthing or category.isthing
                if keep_ids and (
                    known.id != category.id
                    or taken.get(category.id, category.name) != category.name
                    or not 0 <= category.id <= MAX_KEPT_ID
                ):
                    raise MalformedFileError(
                        path,
                        "$.categories",
                        f"id {category.id} for {category.name!r}",
                        f"ids from 0 to {MAX_KEPT_ID}, the same in all files, to keep them",
                    )
        self.categories = sorted(by_name.values(), key=lambda category: category.id)
        if keep_ids and self.categories:
            named = {category.id: category for category in self.categories}
            self.categories = [
                named.get(i) or Category(i, f"class-{i}") for i in range(self.categories[-1].id + 1)
            ]
        self.index = {category.name: i for i, category in enumerate(self.categories)}

    def index_of(self, category: Category) -> int:
        """The index of a category's label."""
        return self.index[category.name] if self.meta is None else category.id - 1

    def things(self) -> list[str]:
        """Names of the categories whose objects can be counted, as panoptic files say."""
        return [category.name for category in self.categories if category.isthing]

    def model(self) -> dict[AnnotationType, Categories]:
        """The categories as a data set has them; empty without any."""
        if self.meta is not None:
            return self._model_of_meta(self.meta)
        if not self.categories:
            return {}
        labels = LabelCategories()
        points = PointsCategories()
        for index, category in enumerate(self.categories):
            labels.add(category.name, category.parent)
            if category.keypoints or category.skeleton:
                points.add(index, category.keypoints, category.skeleton)
        model: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        if len(points):
            model[AnnotationType.points] = points
        return model

    def _model_of_meta(self, meta: DatasetMeta) -> dict[AnnotationType, Categories]:
        of_label = {self.index_of(category): category for category in self.categories}
        labels = LabelCategories()
        points = PointsCategories()
        for index, name in enumerate(meta.labels):
            category = of_label.get(index)
            labels.add(name, category.parent if category else None)
            if category and (category.keypoints or category.skeleton):
                points.add(index, category.keypoints, category.skeleton)
        model: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        if len(points):
            model[AnnotationType.points] = points
        if meta.colors:
            model[AnnotationType.mask] = MaskCategories(meta.colors)
        return model

    def own_ids(self) -> dict[str, int]:
        """The categories' ids by name, unless they are 1, 2, 3, …: what the writer gives anyway."""
        if self.meta is not None:
            return {}
        ids = {category.name: category.id for category in self.categories}
        return {} if list(ids.values()) == list(range(1, len(ids) + 1)) else ids


def _check_ids(categories: list[Category], n_labels: int, path: object) -> None:
    for category in categories:
        if not 1 <= category.id <= n_labels:
            raise MalformedFileError(
                path,
                "$.categories",
                f"id {category.id} for {category.name!r}",
                f"ids from 1 to {n_labels}, one for each label of {FILE} beside it",
            )


def category_ids(labels: LabelCategories, own: dict[str, Any]) -> list[int]:
    """The category id of each label, rising with the labels: the ids that they had, else 1, 2, 3, …

    0 is never given: readers take it for "no category".
    """
    ids: list[int] = []
    for label in labels:
        known = own.get(label.name)
        ids.append(known if isinstance(known, int) else (ids[-1] + 1 if ids else 1))
    rising = all(a < b for a, b in pairwise(ids))
    if own and rising and min(ids, default=1) > 0 and max(ids, default=1) < 2**31:
        return ids
    return list(range(1, len(labels) + 1))


def to_json(
    categories: dict[AnnotationType, Categories],
    ids: list[int],
    *,
    keypoints: bool = False,
    things: Collection[str] | None = None,
) -> bytes:
    """The text of ``categories``.

    Parameters
    ----------
    keypoints : whether each has its key points and skeleton.
    things : names of those whose objects can be counted; each says then whether it is one.
    """
    labels = cast(LabelCategories, categories.get(AnnotationType.label) or LabelCategories())
    points = cast(PointsCategories, categories.get(AnnotationType.points) or PointsCategories())
    entries: list[dict[str, Any]] = []
    for index, label in enumerate(labels):
        entry: dict[str, Any] = {
            "id": ids[index],
            "name": label.name,
            "supercategory": label.parent,
        }
        if keypoints:
            known = points.items.get(index)
            entry["keypoints"] = known.labels if known else []
            entry["skeleton"] = sorted(known.joints) if known else []
        if things is not None:
            entry["isthing"] = int(label.name in things)
        entries.append(entry)
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
