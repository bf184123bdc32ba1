"""Objects to columns and back: every kind of annotation, and what does not fit."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from datumaro.dataset import Dataset
from datumaro.errors import DatasetError
from datumaro.model.annotation import (
    Annotation,
    Caption,
    FeatureVector,
    HashKey,
    Label,
    Tabular,
)
from datumaro.model.image_annotation import DepthAnnotation, SuperResolutionAnnotation
from datumaro.model.item import DatasetItem
from datumaro.model.masks import ExtractedMask, Mask, RleMask
from datumaro.model.media import Image
from datumaro.model.shapes import (
    Bbox,
    Cuboid2D,
    Cuboid3d,
    Ellipse,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from datumaro.table.builder import Builder, build
from datumaro.table.chunk import Content

numbers = st.floats(-1e6, 1e6, width=32)
sizes = st.floats(0, 1e5, width=32)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
common = st.fixed_dictionaries(
    {
        "id": st.integers(-(2**63), 2**63 - 1),
        "group": st.integers(-(2**63), 2**63 - 1),
        "object_id": st.integers(-(2**31) + 1, 2**31 - 1),
        "attributes": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    }
)
labels = st.none() | st.integers(0, 2**31 - 1)
z_orders = st.integers(-(2**31) + 1, 2**31 - 1)


def pairs(least: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.tuples(numbers, numbers), min_size=least, max_size=6).map(
        lambda points: [v for point in points for v in point]
    )


def key_points(**more: Any) -> st.SearchStrategy[Points]:
    return pairs(1).flatmap(
        lambda points: st.builds(
            lambda seen, label, z, rest: Points(points, seen, label=label, z_order=z, **rest),
            st.lists(st.integers(0, 2), min_size=len(points) // 2, max_size=len(points) // 2),
            labels,
            z_orders,
            common,
        )
    )


def built(make: Any, *values: Any, **named: Any) -> st.SearchStrategy[Annotation]:
    return st.builds(lambda args, kw, rest: make(*args, **kw, **rest),
                     st.tuples(*values), st.fixed_dictionaries(named), common)  # fmt: skip


flat = {"label": labels, "z_order": z_orders}
vectors = st.tuples(numbers, numbers, numbers).map(list)
bits = st.integers(1, 4).flatmap(
    lambda side: st.lists(st.booleans(), min_size=side * 3, max_size=side * 3).map(
        lambda values: np.array(values).reshape(side, 3)
    )
)
ANNOTATIONS: dict[str, st.SearchStrategy[Annotation]] = {
    "label": built(Label, st.integers(0, 2**31 - 1)),
    "caption": built(Caption, st.text()),
    "bbox": built(Bbox, numbers, numbers, sizes, sizes, **flat),
    "rotated_bbox": built(RotatedBbox, numbers, numbers, sizes, sizes, numbers, **flat),
    "ellipse": built(Ellipse, numbers, numbers, numbers, numbers, **flat),
    "polygon": built(Polygon, pairs(3), **flat),
    "polyline": built(PolyLine, pairs(0), **flat),
    "points": key_points(),
    "cuboid_3d": built(Cuboid3d, vectors, vectors, vectors, label=labels),
    "cuboid_2d": built(
        Cuboid2D,
        st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=8, max_size=8),
        **flat,
    ),
    "mask": built(Mask, bits, **flat),
    "rle": built(RleMask, bits.map(lambda b: Mask(b).rle), **flat),
    "extracted": built(ExtractedMask, bits, st.just(1), **flat),
    "skeleton": built(Skeleton, st.lists(key_points(), max_size=3), **flat),
    "hash_key": built(HashKey, st.binary(min_size=96, max_size=96).map(list)),
    "feature_vector": built(
        FeatureVector, st.lists(st.floats(-1e9, 1e9, width=32)).map(lambda v: np.array(v, "f4"))
    ),
    "tabular": built(Tabular, st.dictionaries(st.text(), json_values, max_size=3)),
    "depth": built(DepthAnnotation, bits.map(lambda b: Image.from_numpy(b * np.float32(0.37)))),
    "super_resolution": built(
        SuperResolutionAnnotation, st.just(Image.from_file("no/such.png", ".tif", (3, 4)))
    ),
}


@pytest.mark.parametrize("kind", ANNOTATIONS)
@settings(max_examples=40)
@given(st.data())
def test_every_kind_comes_back_equal(kind: str, data: Any) -> None:
    annotations = data.draw(st.lists(ANNOTATIONS[kind], min_size=1, max_size=3))
    chunk = build(
        [DatasetItem("before", annotations=[Label(1)]), DatasetItem("a", annotations=annotations)]
    )
    chunk.annotations.validate(full=True)
    chunk.items.validate(full=True)
    found = Dataset(Content([chunk]))[1].annotations
    assert list(found) == annotations
    assert annotations == list(found), "equality is symmetric"
    again = build(Dataset(Content([chunk])))  # of views, whose rows are taken as they are
    assert list(Dataset(Content([again]))[1].annotations) == annotations
    for annotation in found:
        annotation.group = 5  # owned: the values are read and written anew
    changed = Dataset(Content([build([DatasetItem("a", annotations=found)])]))[0].annotations
    assert list(changed) == [annotation.wrap(group=5) for annotation in annotations]


@given(st.lists(st.lists(st.one_of(*ANNOTATIONS.values()), max_size=3), max_size=4))
def test_items_of_all_kinds_together(items: list[list[Annotation]]) -> None:
    made = [DatasetItem(i, subset=f"s{i % 2}", annotations=a) for i, a in enumerate(items)]
    assert list(Dataset(Content([build(made)]))) == made


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        (Label(2**31), "label 2147483648"),
        (Label(-(2**31)), "label -2147483648"),
        (Label(1, id=2**63), "id 9223372036854775808"),
        (Label(1, group=-(2**63) - 1), "group"),
        (Label(1, object_id=2**31), "object_id"),
        (Bbox(1, 2, 3, 4, z_order=2**40), "z_order"),
        (Label(1, attributes={"x": object()}), "object"),
        (Label(1, attributes={1: 2}), "key"),
        (Label(1, attributes={"x": "\ud800"}), "surrogates"),
        (Caption("\ud800"), "surrogates"),
        (RleMask({"counts": b"", "size": [2**31, 1]}), "side"),
        (Tabular({"x": object()}), "object"),
        ("no annotation", "expected an Annotation"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_item(annotation: Any, what: str) -> None:
    with pytest.raises(DatasetError, match=rf"item 'cat/1' of subset 'train'.*{what}"):
        build([DatasetItem("cat/1", subset="train", annotations=[annotation])])


def in_place(annotation: Any, change: Any) -> Any:
    change(annotation)
    return annotation


@pytest.mark.parametrize(
    "annotation",
    [
        in_place(Polygon([1, 2, 3, 4, 5, 6]), lambda a: a.points.pop()),
        in_place(Polygon([1, 2, 3, 4, 5, 6]), lambda a: a.points.__setitem__(0, "x")),
        in_place(Bbox(1, 2, 3, 4), lambda a: a.points.append(1)),
        in_place(Points([1, 2]), lambda a: a.points.extend([3, 4])),
        in_place(Points([1, 2]), lambda a: a.visibility.append(1)),
        in_place(Points([1, 2]), lambda a: a.visibility.__setitem__(0, 300)),
        in_place(Cuboid2D([(1, 2)] * 8), lambda a: a.points.pop()),
        in_place(Cuboid3d([1, 2, 3]), lambda a: a.points.pop()),
    ],
)
def test_shapes_that_were_broken_in_place_are_refused(annotation: Any) -> None:
    with pytest.raises(DatasetError, match="item 'a'"):
        build([DatasetItem("a", annotations=[annotation])])


@pytest.mark.parametrize(
    ("item", "what"),
    [
        (DatasetItem("\udcff"), "id"),
        (DatasetItem("a", subset="\udcff"), "subset"),
        (DatasetItem("a", attributes={"x": object()}), "attributes"),
        (DatasetItem("a", media=Image.from_file("\udcff.jpg")), "media"),
        (DatasetItem("a", media=Image.from_file("a.jpg", size=(2**31, 1))), "height"),
    ],
)
def test_items_that_do_not_fit(item: DatasetItem, what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        build([item])


def test_a_failing_item_leaves_nothing_behind() -> None:
    good = [
        DatasetItem("a", annotations=[Cuboid2D([(0.1234, 2)] * 8), Points([1, 2], [1])]),
        DatasetItem("b", annotations=[Cuboid2D([(0.1234, 2)] * 8), Caption("x"), Mask(np.eye(2))]),
    ]
    bad = DatasetItem(
        "bad",
        annotations=[*good[1].annotations, *good[0].annotations, Label(1, attributes={"x": {1}})],
        media=Image.from_numpy(np.eye(2)),
    )
    builder = Builder()
    for item in (bad, good[0], bad, good[1], bad):
        try:
            builder.add(item)
        except DatasetError:
            assert item is bad
    assert len(builder) == 2
    assert list(Dataset(Content([builder.finish()]))) == good


def test_nothing_builds_an_empty_chunk() -> None:
    chunk = build([])
    assert len(chunk) == len(chunk.annotations) == 0
    chunk.items.validate(full=True)
    chunk.annotations.validate(full=True)


def test_rows_that_are_lent_are_taken_as_they_are() -> None:
    source = build(DatasetItem(i, annotations=[Label(i, id=k) for k in range(i)]) for i in range(4))
    builder = Builder()
    items = [DatasetItem(i) for i in range(4)]
    builder.add(items[0], (source.annotations, 3, 6))
    builder.add(DatasetItem("x", annotations=[Label(9)]))
    builder.add(items[1], (source.annotations, 0, 1))
    builder.add(items[2], (build(()).annotations, 0, 0))
    builder.add(items[3], (source.annotations, 0, 0))
    found = Dataset(Content([builder.finish()]))
    assert [[a.label for a in item.annotations] for item in found] == [
        [3, 3, 3], [9], [1], [], [],
    ]  # fmt: skip
