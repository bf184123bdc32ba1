"""Nothing that is changed in place is lost: data sets against plain lists of values.

The machine reads, changes, keeps and drops items, annotations, lists and dicts of a data set in any
order, and does the same to plain values. Both must tell the same at any time, through objects and
through columns.
"""

from __future__ import annotations

import gc
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from datumaro.dataset import Dataset
from datumaro.model.annotation import Annotations, Caption, Label
from datumaro.model.item import DatasetItem
from datumaro.model.shapes import Bbox, Points
from datumaro.table.chunk import Content

Key = tuple[str, str]
Values = dict[str, Any]

ids = st.sampled_from(["a", "b", "c", "d", "e"])
subsets = st.sampled_from(["default", "train"])
keys = st.tuples(ids, subsets)
numbers = st.integers(-50, 50)
which = st.integers(0, 20)


def an_annotation(kind: int, number: int) -> Any:
    common: Values = {"id": number, "attributes": some_attributes(number)}
    if kind == 0:
        return Label(abs(number), **common)
    if kind == 1:
        return Bbox(number, 1, 5, 6, label=2, **common)
    if kind == 2:
        return Points([1, 2, number, 4], [0, 2], **common)
    return Caption(f"caption {number}", **common)


def some_attributes(number: int) -> Values:
    """Mostly flat ones: items whose attributes have depth are kept when they are looked at."""
    return {"n": number, "deep": {"list": [number]}} if number > 40 else {"n": number}


def told(annotation: Any) -> Values:
    """An annotation as plain values."""
    values = {name: getattr(annotation, name) for name in ("id", "group", "object_id")}
    values["kind"] = type(annotation).__name__
    values["attributes"] = plain(annotation.attributes)
    for name in ("label", "points", "visibility", "caption"):
        if hasattr(annotation, name):
            values[name] = plain(getattr(annotation, name))
    return values


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def told_item(item: DatasetItem) -> Values:
    return {
        "attributes": plain(item.attributes),
        "annotations": [told(annotation) for annotation in item.annotations],
    }


class KeptChanges(RuleBasedStateMachine):
    """The model: ``{(id, subset): {"attributes", "annotations": [values]}}``, in order.

    What is kept of the data set (items, annotations, parts) is kept beside the model's own, so that
    both sides have the same identities.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[Key, Values] = {}
        self.items: list[tuple[Any, Values]] = []
        self.lists: list[tuple[Any, list[Values]]] = []
        self.annotations: list[tuple[Any, Values]] = []
        self.parts: list[tuple[Any, Any]] = []

    @initialize(
        content=st.dictionaries(
            keys,
            st.tuples(numbers, st.lists(st.tuples(st.integers(0, 3), numbers), max_size=4)),
            max_size=6,
        ),
        cuts=st.integers(1, 3),
    )
    def begin(self, content: dict[Key, Any], cuts: int) -> None:
        items: list[DatasetItem] = []
        for (item_id, subset), (number, kinds) in content.items():
            annotations = [an_annotation(*kind) for kind in kinds]
            item = DatasetItem(
                item_id,
                subset=subset,
                annotations=annotations,
                attributes=some_attributes(number),
            )
            items.append(item)
            self.model[item_id, subset] = told_item(item)
        whole = Dataset.from_iterable(items).content()
        chunks = [
            chunk.slice(begin, min(begin + cuts, len(chunk)))
            for chunk in whole.chunks
            for begin in range(0, len(chunk), cuts)
        ]
        self.dataset = Dataset(Content(chunks))

    # --- looking and keeping -----------------------------------------------------------------

    @rule(key=keys, keep=st.booleans())
    def get(self, key: Key, keep: bool) -> None:
        item = self.dataset.get(*key)
        assert (item is None) == (key not in self.model)
        if item is not None and keep:
            self.items.append((item, self.model[key]))

    @rule(what=st.sampled_from(["items", "lists", "annotations", "points", "attributes"]))
    def scan_and_keep(self, what: str) -> None:
        """As ``[a for item in ds for a in item.annotations]`` does."""
        for item, values in zip(self.dataset, list(self.model.values()), strict=True):
            if what == "items":
                self.items.append((item, values))
            elif what == "lists":
                self.lists.append((item.annotations, values["annotations"]))
            for annotation, each in zip(item.annotations, values["annotations"], strict=True):
                if what == "annotations":
                    self.annotations.append((annotation, each))
                elif what == "points" and "points" in each:
                    self.parts.append((annotation.points, each["points"]))
                elif what == "attributes":
                    self.parts.append((annotation.attributes, each["attributes"]))

    @rule(n=which)
    def keep_annotation_of_kept_item(self, n: int) -> None:
        if self.items:
            item, values = self.items[n % len(self.items)]
            self.lists.append((item.annotations, values["annotations"]))
            self.parts.append((item.attributes, values["attributes"]))

    @rule(n=which)
    def keep_attributes_of_kept_annotation(self, n: int) -> None:
        if self.annotations:
            annotation, values = self.annotations[n % len(self.annotations)]
            self.parts.append((annotation.attributes, values["attributes"]))

    @rule(n=which, what=st.sampled_from(["items", "lists", "annotations", "parts", "all"]))
    def drop(self, n: int, what: str) -> None:
        for name in ("items", "lists", "annotations", "parts") if what == "all" else (what,):
            kept: list[Any] = getattr(self, name)
            del kept[n % (len(kept) + 1) :]
        if n == 0:
            gc.collect()

    # --- changing in place -------------------------------------------------------------------

    def an_item(self, n: int, key: Key) -> tuple[Any, Values] | None:
        """A kept item, or one that is asked for anew and dropped after the change."""
        if n % 2 and self.items:
            return self.items[n % len(self.items)]
        return (self.dataset.get(*key), self.model[key]) if key in self.model else None

    def a_list(self, n: int, key: Key) -> tuple[Any, list[Values]] | None:
        if n % 3 == 0 and self.lists:
            return self.lists[n % len(self.lists)]
        found = self.an_item(n, key)
        return (found[0].annotations, found[1]["annotations"]) if found else None

    def one_annotation(self, n: int, key: Key) -> tuple[Any, Values] | None:
        if n % 5 == 0 and self.annotations:
            return self.annotations[n % len(self.annotations)]
        found = self.a_list(n, key)
        return (
            (found[0][n % len(found[0])], found[1][n % len(found[1])])
            if found and found[1]
            else None
        )

    @rule(n=which, key=keys, number=numbers)
    def set_fields(self, n: int, key: Key, number: int) -> None:
        found = self.one_annotation(n, key)
        if found:
            annotation, values = found
            annotation.group = values["group"] = number
            if n % 2 and "label" in values:
                annotation.label = values["label"] = number

    @rule(n=which, key=keys, number=numbers)
    def set_a_coordinate(self, n: int, key: Key, number: int) -> None:
        found = self.one_annotation(n, key)
        if found and "points" in found[1]:
            found[0].points[n % 4] = number
            found[1]["points"][n % 4] = number

    @rule(n=which, key=keys, number=numbers)
    def set_all_coordinates(self, n: int, key: Key, number: int) -> None:
        found = self.one_annotation(n, key)
        if found and "points" in found[1]:
            found[0].points = [number] * 4
            found[1]["points"] = [number] * 4

    @rule(n=which, key=keys)
    def set_visibility(self, n: int, key: Key) -> None:
        found = self.one_annotation(n, key)
        if found and "visibility" in found[1]:
            found[0].visibility[n % 2] = found[1]["visibility"][n % 2] = Points.Visibility(n % 3)

    @rule(n=which, key=keys, number=numbers)
    def set_an_attribute(self, n: int, key: Key, number: int) -> None:
        found = self.one_annotation(n, key)
        if found:
            found[0].attributes["new"] = found[1]["attributes"]["new"] = number

    @rule(n=which, key=keys, number=numbers)
    def append_deep(self, n: int, key: Key, number: int) -> None:
        found = self.one_annotation(n, key)
        if found and "deep" in found[1]["attributes"]:
            found[0].attributes["deep"]["list"].append(number)
            found[1]["attributes"]["deep"]["list"].append(number)

    @rule(n=which, key=keys, number=numbers)
    def set_an_items_attribute(self, n: int, key: Key, number: int) -> None:
        found = self.an_item(n, key)
        if found:
            attributes, values = found[0].attributes, found[1]["attributes"]
            attributes["new"] = values["new"] = number
            if "deep" in values:
                attributes["deep"]["list"].append(number)
                values["deep"]["list"].append(number)

    @rule(n=which, key=keys, kind=st.integers(0, 3), number=numbers)
    def append(self, n: int, key: Key, kind: int, number: int) -> None:
        found = self.a_list(n, key)
        if found:
            annotation = an_annotation(kind, number)
            found[0].append(annotation)
            found[1].append(told(annotation))
            if n % 2:
                self.annotations.append((annotation, found[1][-1]))

    @rule(n=which, key=keys)
    def delete_and_reverse(self, n: int, key: Key) -> None:
        found = self.a_list(n, key)
        if found and found[1]:
            for annotations in found:
                del annotations[n % len(annotations)]
                annotations.reverse()

    @rule(n=which, key=keys, number=numbers)
    def replace_all_annotations(self, n: int, key: Key, number: int) -> None:
        found = self.an_item(n, key)
        if found:
            made = Annotations([an_annotation(0, number)])
            found[0].annotations = made
            found[1]["annotations"] = [told(made[0])]

    @rule(n=which, number=numbers)
    def change_a_kept_part(self, n: int, number: int) -> None:
        if self.parts:
            for part in self.parts[n % len(self.parts)]:
                if isinstance(part, dict):
                    part["kept"] = number
                else:
                    part[n % 4] = number

    # --- changing the data set ---------------------------------------------------------------

    @rule(key=keys, kinds=st.lists(st.tuples(st.integers(0, 3), numbers), max_size=3))
    def put(self, key: Key, kinds: list[tuple[int, int]]) -> None:
        item = DatasetItem(
            key[0], subset=key[1], annotations=[an_annotation(*kind) for kind in kinds]
        )
        self.dataset.put(item)
        self.model[key] = told_item(item)

    @rule(key=keys)
    def remove(self, key: Key) -> None:
        self.dataset.remove(*key)
        self.model.pop(key, None)

    @rule(key=keys)
    def remove_and_put_back(self, key: Key) -> None:
        item = self.dataset.get(*key)
        if item is not None:
            self.dataset.remove(*key)
            self.dataset.put(item)
            self.model[key] = self.model.pop(key)

    @rule(key=keys, new=keys)
    def rename(self, key: Key, new: Key) -> None:
        item = self.dataset.get(*key)
        if item is not None and new not in self.model:
            values = {new if k == key else k: v for k, v in self.model.items()}
            item.id = new[0]
            item.subset = new[1]
            self.model = values

    # --- what holds at any time --------------------------------------------------------------

    @invariant()
    def objects_tell_the_same(self) -> None:
        if not hasattr(self, "dataset"):
            return
        found = {(item.id, item.subset): told_item(item) for item in self.dataset}
        assert list(found.items()) == list(self.model.items())
        assert len(self.dataset) == len(self.model)
        for key in self.model:
            item = self.dataset.get(*key)
            assert item is not None and (item.id, item.subset) == key

    @invariant()
    def kept_ones_tell_the_same(self) -> None:
        for item, values in self.items:
            assert told_item(item) == values
        for annotation, values in self.annotations:
            assert told(annotation) == values

    @rule()
    def columns_tell_the_same(self) -> None:
        copy = Dataset(self.dataset.content())
        found = {(item.id, item.subset): told_item(item) for item in copy}
        assert list(found.items()) == list(self.model.items())

    @rule()
    def go_on_with_the_columns(self) -> None:
        """A data set of the columns is independent of what is kept of the old one."""
        self.dataset = Dataset(self.dataset.content())
        self.model = {key: plain(values) for key, values in self.model.items()}
        self.items, self.lists, self.annotations, self.parts = [], [], [], []


KeptChanges.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestKeptChanges = KeptChanges.TestCase
