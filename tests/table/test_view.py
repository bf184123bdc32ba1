"""Objects that look at columns: cheap, freed at once, told of changes."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

from datumaro.dataset import Dataset
from datumaro.errors import RepeatedItemError
from datumaro.model.annotation import Annotations, Caption, FeatureVector, HashKey, Label, Tabular
from datumaro.model.image_annotation import DepthAnnotation
from datumaro.model.item import DatasetItem
from datumaro.model.masks import Mask, RleMask
from datumaro.model.media import Image
from datumaro.model.shapes import Bbox, Cuboid2D, Cuboid3d, Points, Polygon, Skeleton
from datumaro.table import schema
from datumaro.table.builder import build
from datumaro.table.chunk import Chunk, Content


def scanned(*items: DatasetItem) -> Dataset:
    """A data set whose items are in columns."""
    return Dataset(Content([build(items)]))


def an_item(**more: Any) -> DatasetItem:
    return DatasetItem(
        "a",
        attributes={"n": 1},
        annotations=[
            Bbox(1, 2, 3, 4, label=5, id=7, group=8, z_order=2, attributes={"x": 1}),
            Points([1, 2, 3, 4], [1, 2]),
            Caption("text"),
        ],
        **more,
    )


# --- nothing is lost ------------------------------------------------------------------------------

CHANGES: dict[str, Any] = {
    "id": lambda a: setattr(a, "id", 99),
    "group": lambda a: setattr(a, "group", 99),
    "object_id": lambda a: setattr(a, "object_id", 99),
    "attributes": lambda a: setattr(a, "attributes", {"y": 2}),
    "an attribute": lambda a: a.attributes.__setitem__("y", 2),
}
LABELLED = {
    "label": lambda a: setattr(a, "label", 99),
    "no label": lambda a: setattr(a, "label", None),
}
SHAPED = {
    "z_order": lambda a: setattr(a, "z_order", 99),
    "a coordinate": lambda a: a.points.__setitem__(0, 99),
    "coordinates": lambda a: setattr(a, "points", a.points[::-1]),
}
KINDS: list[tuple[Any, dict[str, Any]]] = [
    (Label(1), LABELLED | {"no label": lambda a: setattr(a, "label", 3)}),
    (Bbox(1, 2, 3, 4, label=5), LABELLED | SHAPED),
    (Polygon([1, 2, 3, 4, 5, 6], label=5), LABELLED | SHAPED),
    (
        Points([1, 2, 3, 4], label=5),
        LABELLED
        | SHAPED
        | {
            "a visibility": lambda a: a.visibility.__setitem__(0, 0),
            "visibility": lambda a: setattr(a, "visibility", [0, 1]),
        },
    ),
    (Cuboid2D([(i, 2) for i in range(8)], label=5), LABELLED | {"z_order": SHAPED["z_order"],
     "a corner": lambda a: a.points.__setitem__(0, (0.123456, 7))}),
    (Cuboid3d([1, 2, 3], label=5),
     LABELLED | {"position": lambda a: setattr(a, "position", [7, 8, 9])}),
    (Caption("x"), {"caption": lambda a: setattr(a, "caption", "y")}),
    (
        RleMask({"counts": [1, 2, 1], "size": [2, 2]}, label=5),
        LABELLED
        | {
            "z_order": SHAPED["z_order"],
            "image": lambda a: setattr(a, "image", np.eye(2)),
            "rle": lambda a: setattr(a, "rle", {"counts": [0, 4], "size": [2, 2]}),
        },
    ),
    (HashKey(np.zeros(96)), {"hash_key": lambda a: setattr(a, "hash_key", np.ones(96))}),
    (FeatureVector(np.zeros(2)), {"vector": lambda a: setattr(a, "vector", np.ones(3))}),
    (
        Tabular({"a": 1, "deep": {"x": [1]}}),
        {
            "values": lambda a: setattr(a, "values", {"b": 1}),
            "a value": lambda a: a.values.__setitem__("b", 2),
            "a deep value": lambda a: a.values["deep"]["x"].append(3),
        },
    ),
    (Tabular({"a": 1}), {"a value of a flat one": lambda a: a.values.__setitem__("b", 2)}),
    (
        Skeleton([Points([1, 2], [1])], z_order=1, label=5),
        LABELLED
        | {
            "z_order": SHAPED["z_order"],
            "elements": lambda a: setattr(a, "elements", [Points([5, 6])]),
            "an element": lambda a: setattr(a.elements[0], "label", 4),
            "an element's coordinate": lambda a: a.elements[0].points.__setitem__(0, 9),
        },
    ),
    (
        DepthAnnotation(Image.from_numpy(np.eye(2))),
        {"image": lambda a: setattr(a, "image", Image.from_numpy(np.ones((2, 2))))},
    ),
]  # fmt: skip
CASES = [
    pytest.param(annotation, change, id=f"{type(annotation).__name__}-{name}")
    for annotation, changes in KINDS
    for name, change in (CHANGES | changes).items()
]


@pytest.mark.parametrize("held", ["nothing", "item", "list", "annotation", "other annotation"])
@pytest.mark.parametrize(("annotation", "change"), CASES)
def test_a_change_of_an_annotation_is_kept(annotation: Any, change: Any, held: str) -> None:
    dataset = scanned(
        DatasetItem("before", annotations=[Label(0)]),
        DatasetItem("a", annotations=[Label(1), copy.deepcopy(annotation), Label(2)]),
    )
    item: Any = dataset.get("a")
    holder = {"item": item, "list": item.annotations, "annotation": item.annotations[1]}.get(held)
    if held == "other annotation":
        holder = item.annotations[0]
    if held not in ("annotation", "nothing"):
        holder = [holder]
    del item
    changed = holder if held == "annotation" else dataset.get("a").annotations[1]
    change(changed)
    del changed, holder
    expected = copy.deepcopy(annotation)
    change(expected)
    assert dataset.get("a").annotations[1] == expected != annotation
    again = Dataset(dataset.content())
    assert again.get("a").annotations[1] == expected
    assert [len(item.annotations) for item in again] == [1, 3]


@pytest.mark.parametrize(
    "change",
    [
        lambda i: setattr(i, "id", "b"),
        lambda i: setattr(i, "subset", "train"),
        lambda i: setattr(i, "media", Image.from_file("b.jpg", size=(1, 2))),
        lambda i: setattr(i, "attributes", {"z": 1}),
        lambda i: setattr(i, "annotations", [Label(1)]),
        lambda i: i.attributes.__setitem__("z", 1),
        lambda i: i.attributes["deep"].append(1),
        lambda i: i.annotations.append(Label(1)),
        lambda i: i.annotations.__delitem__(0),
        lambda i: i.annotations.sort(key=lambda a: -a.type),
        lambda i: i.annotations.clear(),
    ],
)
def test_a_change_of_an_item_is_kept(change: Any) -> None:
    before = an_item(media=Image.from_file("a.jpg"))
    before.attributes["deep"] = [0]
    dataset = scanned(DatasetItem("first"), before, DatasetItem("last"))
    expected = copy.deepcopy(before)
    change(expected)
    change(dataset[1])
    assert dataset[1] == expected != before
    assert Dataset(dataset.content())[1] == expected


def test_only_what_was_changed_is_kept() -> None:
    dataset = scanned(*(an_item().wrap(id=i) for i in range(5)))
    for item in dataset:
        for annotation in item.annotations:
            assert annotation.attributes is annotation.attributes
            _ = annotation.id, item.media, item.attributes
    assert not dataset._store.is_changed
    dataset[3].annotations[0].attributes["y"] = 1
    assert list(dataset._store._overlay) == [3]


def test_a_list_that_outlives_its_annotation_still_counts() -> None:
    dataset = scanned(an_item())
    points = dataset[0].annotations[0].points
    other = dataset[0].annotations[0].points
    points[0] = 50
    other[1] = 60
    assert dataset[0].annotations[0].points == [50, 60, 4, 6]


def test_a_part_that_was_replaced_counts_no_more() -> None:
    dataset = scanned(an_item())
    box: Any = dataset[0].annotations[0]
    points, attributes = box.points, box.attributes
    box.points, box.attributes = [0, 0, 1, 1], {}
    points[0], attributes["old"] = 50, 1
    assert box.points == [0, 0, 1, 1] and box.attributes == {}
    assert dataset[0].annotations[0] is box


def test_an_annotation_that_was_taken_out_counts_no_more() -> None:
    dataset = scanned(an_item())
    box = dataset[0].annotations.pop(0)
    box.group = 99
    assert [type(a) for a in dataset[0].annotations] == [Points, Caption]
    assert [a.group for a in Dataset(dataset.content())[0].annotations] == [0, 0]


def test_an_item_that_was_removed_or_replaced_counts_no_more() -> None:
    dataset = scanned(an_item(), DatasetItem("b"))
    removed = dataset.get("a")
    assert removed is not None
    box = removed.annotations[0]
    dataset.remove("a")
    box.group = 5
    removed.attributes["x"] = 1
    removed.annotations.append(Label(1))
    assert len(dataset) == 1 and dataset.get("a") is None
    new = DatasetItem("a")
    dataset.put(new)
    removed.annotations.clear()
    removed.id = "c"
    assert dataset.get("a") is new and new == DatasetItem("a") and dataset.get("c") is None
    assert len(Dataset(dataset.content())) == 2


def test_an_item_that_was_removed_and_put_back_keeps_its_changes() -> None:
    dataset = scanned(an_item(), DatasetItem("b"))
    box: Any = dataset[0].annotations[0]
    item = dataset[0]
    dataset.remove("a")
    dataset.put(item)
    box.label = 99
    del box, item
    assert dataset[1].annotations[0].label == 99
    assert Dataset(dataset.content())[1].annotations[0].label == 99


def test_annotations_of_another_item_are_shared_until_columns_are_made() -> None:
    dataset = scanned(an_item())
    other = DatasetItem("b", annotations=[dataset[0].annotations[0]])
    dataset.put(other)
    dataset[0].annotations[0].group = 5
    assert other.annotations[0].group == 5
    new = Dataset(dataset.content())
    new[0].annotations[0].group = 6
    assert new[1].annotations[0].group == 5


# --- one object at a time -------------------------------------------------------------------------


def test_what_is_alive_is_found_again() -> None:
    dataset = scanned(an_item())
    item = dataset.get("a")
    assert item is not None and dataset[0] is item is next(iter(dataset))
    annotations = item.annotations
    del item
    assert dataset[0].annotations is annotations
    box = annotations[0]
    del annotations
    assert dataset[0].annotations[0] is box is next(iter(dataset)).annotations[0]


def test_two_scans_share_what_is_alive() -> None:
    dataset = scanned(*(an_item().wrap(id=i) for i in range(3)))
    kept = [annotation for item in dataset for annotation in item.annotations]
    again = [annotation for item in dataset for annotation in item.annotations]
    assert all(one is other for one, other in zip(kept, again, strict=True))
    by_name: Any = dataset.get("1")
    assert by_name.annotations[0] is kept[3]


# --- copies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v)), lambda v: v.wrap()],
)
@pytest.mark.parametrize(("annotation", "change"), CASES)
def test_a_copy_of_an_annotation_is_independent(annotation: Any, change: Any, copied: Any) -> None:
    dataset = scanned(DatasetItem("a", annotations=[copy.deepcopy(annotation)]))
    seen = dataset[0].annotations[0]
    twin = copied(seen)
    assert twin == seen == annotation and type(twin) is type(seen)
    if copied is copy.copy and isinstance(annotation, Tabular | Skeleton):
        twin = copy.deepcopy(twin)  # a shallow copy shares what lies deeper
    elif copied not in (copy.copy, copy.deepcopy) and isinstance(annotation, Tabular | Skeleton):
        twin = pickle.loads(pickle.dumps(twin))
    change(twin)
    assert dataset[0].annotations[0] == annotation
    assert Dataset(dataset.content())[0].annotations[0] == annotation


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_copy_of_an_item_is_independent(copied: Any) -> None:
    dataset = scanned(an_item(), DatasetItem("b", attributes={"deep": [1]}))
    for item in dataset:
        twin = copied(item)
        assert twin == item and twin is not item
        twin.attributes["z"] = 1
        for annotation in twin.annotations:
            annotation.attributes["z"] = annotation.group = 1
        twin.annotations.append(Label(1))
        twin.id = "other"
    assert list(dataset) == [an_item(), DatasetItem("b", attributes={"deep": [1]})]


def test_copies_of_parts_are_plain() -> None:
    box: Any = scanned(an_item())[0].annotations[0]
    for part in (box.points, box.attributes):
        for twin in (copy.copy(part), copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
            assert type(twin) in (list, dict) and twin == part
    annotations = scanned(an_item())[0].annotations
    assert type(copy.copy(annotations)) is Annotations


# --- areas that a source states -------------------------------------------------------------------


def with_area() -> Dataset:
    chunk = build([DatasetItem("a", annotations=[Polygon([0, 0, 4, 0, 4, 4]), Mask(np.eye(2))])])
    areas = schema.primitive(np.array([7.5, 2.0]), schema.ANNOTATIONS.field("area").type)
    place = schema.ANNOTATIONS.get_field_index("area")
    rows = chunk.annotations.set_column(place, schema.ANNOTATIONS.field("area"), areas)
    return Dataset(Content([Chunk(chunk.items, rows, chunk.offsets)]))


def test_a_stated_area_lasts_as_long_as_the_coordinates() -> None:
    polygon: Any = with_area()[0].annotations[0]
    assert polygon.stated_area == 7.5 and polygon.get_area() == 8
    dataset = with_area()
    polygon = dataset[0].annotations[0]
    polygon.label = 3
    assert polygon.stated_area == 7.5 == polygon.wrap(label=4).stated_area
    assert Dataset(dataset.content())[0].annotations[0].stated_area == 7.5
    assert copy.deepcopy(polygon).stated_area == 7.5
    polygon.points[0] = 1
    assert polygon.stated_area is None and polygon.wrap().stated_area is None
    assert Dataset(dataset.content())[0].annotations[0].stated_area is None


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.points.__setitem__(0, 1),
        lambda a: setattr(a, "points", [9, 9, 4, 0, 4, 4]),
        lambda a: a.points.extend([9, 9]),
    ],
)
@pytest.mark.parametrize("copied", [lambda a: a, copy.copy, copy.deepcopy])
def test_changed_coordinates_have_no_stated_area(change: Any, copied: Any) -> None:
    polygon = copied(with_area()[0].annotations[0])
    change(polygon)
    assert polygon.stated_area is None


def test_changed_pixels_have_no_stated_area() -> None:
    mask: Any = with_area()[0].annotations[1]
    assert mask.stated_area == 2 == mask.wrap(label=1).stated_area
    assert mask.wrap(rle=Mask(np.ones((2, 2))).rle).stated_area is None
    mask.image = np.ones((2, 2))
    assert mask.stated_area is None


# --- cheap ----------------------------------------------------------------------------------------


def test_scanned_objects_are_freed_at_once() -> None:
    """Without the garbage collector: there are no reference cycles."""
    dataset = scanned(*(an_item().wrap(id=i) for i in range(20)))
    gc.collect()
    gc.disable()
    try:
        seen: list[weakref.ref[Any]] = []
        for item in dataset:
            seen.append(weakref.ref(item))
            seen.append(weakref.ref(item.annotations))
            seen.append(weakref.ref(item._source))
            for annotation in item.annotations:
                _ = annotation.attributes, annotation.id, getattr(annotation, "points", None)
                _ = getattr(annotation, "visibility", None), getattr(annotation, "label", None)
                seen.append(weakref.ref(annotation))
            _ = item.attributes, item.media
        del item, annotation, _
        assert [ref() for ref in seen if ref() is not None] == []
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_looking_at_everything_takes_no_memory() -> None:
    n = 3000
    dataset = scanned(
        *(
            DatasetItem(i, annotations=[Polygon(range(20), label=1, attributes={"x": 1})] * 10)
            for i in range(n)
        )
    )
    tracemalloc.start()
    try:
        for item in dataset:
            for annotation in item.annotations:
                _ = annotation.label, annotation.points, annotation.attributes
        del item, annotation
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now < 200_000, "bytes that stay"
    assert peak < 3_000_000, "bytes at most: a page of 512 of the 3000 items at a time"


def test_items_with_deep_attributes_are_kept_but_equal() -> None:
    """What lies in a list or dict may change unseen: such an item stays once it was looked at."""
    item = DatasetItem("a", annotations=[Label(1, attributes={"deep": [1]}), Label(2)])
    dataset = scanned(item)
    inner = dataset[0].annotations[0].attributes["deep"]
    inner.append(2)
    del inner
    assert dataset[0].annotations[0].attributes == {"deep": [1, 2]}
    assert Dataset(dataset.content())[0].annotations[0].attributes == {"deep": [1, 2]}


def test_a_new_name_is_found() -> None:
    dataset = scanned(an_item(), DatasetItem("b"))
    dataset[0].id = "c"
    assert dataset.get("a") is None and dataset.get("c") is dataset[0]
    dataset[1].subset = "train"
    assert dataset.get("b", "train") is dataset[1] and dataset.get("b") is None
    assert list(dataset.subsets()) == ["default", "train"]


def test_a_name_given_twice_is_an_error_when_written(tmp_path: Any) -> None:
    dataset = scanned(DatasetItem("a"), DatasetItem("b"))
    dataset[1].id = "a"
    assert len(dataset) == 2
    with pytest.raises(RepeatedItemError, match="'a'"):
        dataset.export(tmp_path / "out", "datumaro")
    assert not (tmp_path / "out").exists()
    dataset[0].id = "b"
    assert dataset.get("a") is dataset[1] and dataset.get("b") is dataset[0]
