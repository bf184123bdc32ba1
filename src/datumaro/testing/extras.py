"""Data sets with one thing more than a format can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from datumaro.dataset import Dataset
from datumaro.formats.capabilities import EVERYTHING, PLURALS, Capabilities
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories, MaskCategories, PointsCategories
from datumaro.model.item import DatasetItem
from datumaro.model.masks import Mask
from datumaro.testing.samples import SIZE, id_maker, labels_of, sample
from datumaro.testing.strategies import takes_id

_OTHER_IDS = ("ü ~ö", "a\nb")

Change = Callable[[Dataset], object]


def extras(holds: Capabilities) -> dict[str, Dataset]:
    """Data sets that the format holds but for one thing, by the name of that."""
    found: dict[str, Dataset] = {}

    def add(name: str, change: Change) -> None:
        dataset = sample(holds, 2)
        change(dataset)
        found[name] = dataset

    for kind in AnnotationType:
        if kind not in holds.annotations and kind in _MADE:
            wider = replace(holds, annotations={**holds.annotations, kind: EVERYTHING})
            more = sample(wider, 2)
            if any(a.type is kind for item in more for a in item.annotations):
                found[PLURALS[kind]] = more
    for kind, held in holds.annotations.items():
        if kind not in _MADE:
            continue
        name = PLURALS[kind]
        if held.attributes == "none":
            add(f"attributes of {name}", _with(kind, _attribute))
        if held.attributes != "json":
            add(f"lists as attributes of {name}", _with(kind, _list_attribute))
        if held.ids is not True:
            add(f"ids of {name}", _with(kind, lambda a: setattr(a, "id", 77)))
        if not held.object_ids:
            add(f"object ids of {name}", _with(kind, lambda a: setattr(a, "object_id", 7)))
        if not held.z_order and kind in _ORDERED:
            add(f"z orders of {name}", _with(kind, lambda a: setattr(a, "z_order", 3)))
        if held.groups in ("none", "some"):
            add(f"groups of {name}", _grouped(kind))
        if held.label in ("some", "required") and kind is not AnnotationType.label:
            add(f"{name} without a label", _with(kind, lambda a: setattr(a, "label", None)))
        if held.label != "none" and holds.labels != "none" and kind is not AnnotationType.caption:
            add(f"{name} of a label that is not declared", _with(kind, _undeclared))
        if held.most is not None:
            add(f"more than {held.most} {name}", _more(kind, held.most))
    masks = holds.annotations.get(AnnotationType.mask)
    if masks is not None and not masks.overlap:
        add("masks that overlap", _overlapping)
    if masks is not None and masks.merged:
        add("several masks of one label", _same_label)
    for name, change in _of_the_whole(holds).items():
        add(name, change)
    return found


_MADE = frozenset(
    {
        AnnotationType.label, AnnotationType.bbox, AnnotationType.mask, AnnotationType.polygon,
        AnnotationType.polyline, AnnotationType.points, AnnotationType.ellipse,
        AnnotationType.rotated_bbox, AnnotationType.cuboid_2d, AnnotationType.cuboid_3d,
        AnnotationType.caption, AnnotationType.skeleton,
    }
)  # fmt: skip
_ORDERED = _MADE - {AnnotationType.label, AnnotationType.caption, AnnotationType.cuboid_3d}

_OTHER_PLACE = np.zeros(SIZE, bool)
_OTHER_PLACE[10:12, 0:2] = True


def _first(dataset: Dataset) -> DatasetItem:
    return next(iter(dataset))


def _with(kind: AnnotationType, change: Callable[[Any], None]) -> Change:
    """Change the first annotation of a kind."""

    def changed(dataset: Dataset) -> None:
        for annotation in _first(dataset).annotations:
            if annotation.type is kind:
                change(annotation)

    return changed


def _attribute(annotation: Any) -> None:
    annotation.attributes = {**annotation.attributes, "free note": "here"}


def _list_attribute(annotation: Any) -> None:
    annotation.attributes = {**annotation.attributes, "free list": [1, {"two": None}]}


def _undeclared(annotation: Any) -> None:
    annotation.label = 77


def _grouped(kind: AnnotationType) -> Change:
    """Put all annotations of the first item in a group, and one of the kind more."""

    def changed(dataset: Dataset) -> None:
        item = _first(dataset)
        one = next(a for a in item.annotations if a.type is kind)
        more = one.wrap(id=one.id and 78)
        if isinstance(more, Mask):
            more.image = _OTHER_PLACE
        item.annotations = [*item.annotations, more]
        for annotation in item.annotations:
            annotation.group = 5

    return changed


def _more(kind: AnnotationType, most: int) -> Change:
    def changed(dataset: Dataset) -> None:
        item = _first(dataset)
        one = next(a for a in item.annotations if a.type is kind)
        n = len(dataset.get_label_cat_names())
        more = [
            one.wrap(label=(i + 1) % n) if n > 1 and hasattr(one, "label") else one.wrap()
            for i in range(most)
        ]
        item.annotations = [*item.annotations, *more]

    return changed


def _overlapping(dataset: Dataset) -> None:
    item = _first(dataset)
    mine = next(a for a in item.annotations if isinstance(a, Mask))
    label = (mine.label or 0) + 1 if len(dataset.get_label_cat_names()) > 1 else mine.label
    image = np.zeros(SIZE, bool)
    image[1:7, 4:10] = True
    item.annotations = [*item.annotations, mine.wrap(image=image, label=label, id=mine.id and 78)]


def _same_label(dataset: Dataset) -> None:
    item = _first(dataset)
    mine = next(a for a in item.annotations if isinstance(a, Mask))
    item.annotations = [*item.annotations, mine.wrap(image=_OTHER_PLACE, id=mine.id and 78)]


def _of_the_whole(holds: Capabilities) -> dict[str, Change]:
    """What is not of a kind of annotations."""
    found: dict[str, Change] = {}
    if holds.item_attributes in ("none", "flags"):
        found["attributes of items"] = lambda d: _first(d).attributes.update(weather="sun")
    if holds.item_attributes != "json":
        found["lists as attributes of items"] = lambda d: _first(d).attributes.update(w=[1, None])
    if holds.subsets is not True:
        found["names of subsets"] = _renamed("some other subset")
    if not holds.nested_ids:
        found["ids with folders"] = _with_id(f"folder/{id_maker(holds)(0)}")
    other_ids = [item_id for item_id in _OTHER_IDS if not takes_id(holds, item_id)]
    if other_ids:
        found["ids of another form"] = _with_id(other_ids[0])
    if holds.infos is not True:
        found["infos"] = lambda d: d.infos().update(author="somebody")
    if holds.media_needed:
        found["items without media"] = lambda d: setattr(_first(d), "media", None)
    if holds.annotations_needed:
        found["items without annotations"] = lambda d: setattr(_first(d), "annotations", [])
    labels = holds.labels != "none"
    if holds.labels == "none" or holds.label_names:
        found["labels of other names"] = lambda d: _labels(d).add("no such label")
    elif holds.label_pattern:
        found["labels of odd names"] = lambda d: _labels(d).add("no such\tlabel,/:<>\" '\n")
    if labels and holds.label_parents is not True:
        found["parents of labels"] = lambda d: setattr(_labels(d).items[-1], "parent", "animal")
    if labels and holds.label_attributes is not True:
        found["attributes of labels"] = lambda d: _labels(d).items[0].attributes.add("age")
    if labels and not holds.label_groups:
        found["groups of labels"] = lambda d: _labels(d).add_label_group("some", labels_of(holds))
    if not holds.colors:
        found["colours of labels"] = lambda d: d.categories().update(
            {AnnotationType.mask: MaskCategories({0: (3, 5, 7)})}
        )
    if holds.key_points is not True:
        found["names of key points"] = lambda d: d.categories().update(
            {
                AnnotationType.points: PointsCategories.from_iterable(
                    [(0, ["nose", "tail"], {(1, 2)})]
                )
            }
        )
    return found


def _labels(dataset: Dataset) -> LabelCategories:
    labels = dataset.categories().setdefault(AnnotationType.label, LabelCategories())
    assert isinstance(labels, LabelCategories)
    return labels


def _renamed(subset: str) -> Change:
    def changed(dataset: Dataset) -> None:
        _first(dataset).subset = subset

    return changed


def _with_id(item_id: str) -> Change:
    def changed(dataset: Dataset) -> None:
        _first(dataset).id = item_id

    return changed
