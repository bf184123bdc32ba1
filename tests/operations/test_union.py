"""Several data sets as one: labels by name, items of one name put together or refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro import (
    AnnotationType,
    Bbox,
    Caption,
    Dataset,
    DatasetItem,
    Image,
    Label,
    LabelCategories,
    MaskCategories,
    Points,
    PointsCategories,
    Polygon,
    Skeleton,
    TabularCategories,
)
from datumaro.errors import MergeError
from datumaro.model.categories import GroupType
from datumaro.model.point_cloud import PointCloud
from datumaro.operations.union import union


def data(items: Iterable[DatasetItem], labels: Iterable[str] = (), **options: Any) -> Dataset:
    return Dataset.from_iterable(items, categories=list(labels), **options)


def named(dataset: Dataset) -> dict[tuple[str, str], list[str]]:
    """Names of the labels of each item's annotations."""
    names = dataset.get_label_cat_names()
    return {(item.id, item.subset): [names[a.label] for a in item.annotations] for item in dataset}


def test_labels_are_the_same_where_their_names_are():
    a = data([DatasetItem("1", annotations=[Label(0), Bbox(1, 2, 3, 4, label=1)])], ["cat", "dog"])
    b = data([DatasetItem("2", annotations=[Label(1), Label(2)])], ["bird", "dog", "cat"])
    c = data([DatasetItem("3", subset="x", annotations=[Caption("no label")])])

    whole = union({"a": a, "b": b, "c": c})

    assert whole.get_label_cat_names() == ["cat", "dog", "bird"]
    assert list(whole)[2].annotations == [Caption("no label")]
    whole.remove("3", "x")
    assert named(whole) == {
        ("1", "default"): ["cat", "dog"],
        ("2", "default"): ["dog", "cat"],
    }
    assert named(b) == {("2", "default"): ["dog", "cat"]}  # as it was


labels = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)


@given(st.lists(labels, min_size=1, max_size=4), st.randoms())
def test_each_annotation_keeps_the_name_of_its_label(each, random):
    parts = {}
    expected = {}
    for number, names in enumerate(each):
        chosen = [random.randrange(len(names)) for _ in range(3)]
        parts[str(number)] = data(
            [DatasetItem(str(number), annotations=[Label(c, id=i) for i, c in enumerate(chosen)])],
            names,
        )
        expected[(str(number), "default")] = [names[c] for c in chosen]

    whole = union(parts)

    assert named(whole) == expected
    assert len(set(whole.get_label_cat_names())) == len(whole.get_label_cat_names())


def test_key_points_of_skeletons_are_relabelled():
    a = data([DatasetItem("1")], ["person"])
    points = [Points([1, 2], label=1), Points([3, 4])]
    b = data([DatasetItem("2", annotations=[Skeleton(points, label=0)])], ["dog", "nose"])

    skeleton = union({"a": a, "b": b}).get("2").annotations[0]

    assert skeleton.label == 1
    assert [point.label for point in skeleton.elements] == [2, None]


def test_one_data_set_is_itself():
    a = data([DatasetItem("1")])

    assert union({"a": a}) is a


def test_what_labels_have_is_put_together(caplog: pytest.LogCaptureFixture):
    a = data([DatasetItem("1")])
    a = Dataset.from_iterable(
        [DatasetItem("1")],
        categories={
            AnnotationType.label: LabelCategories.from_iterable(
                [("cat", "animal", ["tail"]), ("dog", "")]
            )
        },
        infos={"year": 2017, "by": "a"},
    )
    a.categories()[AnnotationType.label].add_label_group("g", ["cat"])
    b = Dataset.from_iterable(
        [DatasetItem("2")],
        categories={
            AnnotationType.label: LabelCategories.from_iterable(
                [("dog", "animal", ["ears"]), ("cat", "pet")]
            )
        },
        infos={"year": 2018, "more": True},
    )
    b.categories()[AnnotationType.label].add_label_group("g", ["dog"], GroupType.INCLUSIVE)

    whole = union({"a": a, "b": b})

    found = whole.categories()[AnnotationType.label]
    assert [(c.name, c.parent, c.attributes) for c in found] == [
        ("cat", "animal", {"tail"}),
        ("dog", "animal", {"ears"}),
    ]
    assert [(g.name, g.labels) for g in found.label_groups] == [("g", ["cat", "dog"])]
    assert whole.infos() == {"year": 2017, "by": "a", "more": True}
    for told in ("'cat'", "label group 'g'", "info 'year'"):
        assert told in caplog.text
    assert [c.parent for c in a.categories()[AnnotationType.label]] == ["animal", ""]


def test_colors_follow_their_labels_and_stay_different():
    def colored(item: str, colors: dict[str, tuple[int, int, int]]) -> Dataset:
        return Dataset.from_iterable(
            [DatasetItem(item)],
            categories={
                AnnotationType.label: LabelCategories.from_iterable(colors),
                AnnotationType.mask: MaskCategories(dict(enumerate(colors.values()))),
            },
        )

    a = colored("1", {"sky": (0, 0, 0), "sea": (1, 1, 1)})
    b = colored("2", {"sand": (1, 1, 1), "sea": (9, 9, 9), "tree": (5, 5, 5)})

    colors = union({"a": a, "b": b}).categories()[AnnotationType.mask].colormap

    assert colors[0] == (0, 0, 0) and colors[1] == (1, 1, 1) and colors[3] == (5, 5, 5)
    assert len(set(colors.values())) == 4


def test_key_points_follow_their_labels():
    def keyed(item: str, labels: list[str], points: dict[int, list[str]]) -> Dataset:
        categories = PointsCategories()
        for index, names in points.items():
            categories.add(index, names)
        return Dataset.from_iterable(
            [DatasetItem(item)],
            categories={
                AnnotationType.label: LabelCategories.from_iterable(labels),
                AnnotationType.points: categories,
            },
        )

    a = keyed("1", ["person"], {0: ["nose"]})
    b = keyed("2", ["dog", "person"], {0: ["tail"], 1: ["nose"]})

    found = union({"a": a, "b": b}).categories()[AnnotationType.points]

    assert {index: c.labels for index, c in found.items.items()} == {0: ["nose"], 1: ["tail"]}
    with pytest.raises(MergeError, match="key points"):
        union({"a": a, "c": keyed("3", ["person"], {0: ["nose", "ear"]})})


def test_columns_of_tables_must_agree():
    def table(item: str, kind: type) -> Dataset:
        return Dataset.from_iterable(
            [DatasetItem(item)],
            categories={AnnotationType.tabular: TabularCategories.from_iterable([("age", kind)])},
        )

    assert len(union({"a": table("1", int), "b": table("2", int)})) == 2
    with pytest.raises(MergeError, match="'age'"):
        union({"a": table("1", int), "b": table("2", str)})


def test_different_kinds_of_media_are_refused():
    a = data([DatasetItem("1")])
    b = data([DatasetItem("2")], media_type=PointCloud)

    with pytest.raises(MergeError, match="'a' are images, those of 'b' point clouds"):
        union({"a": a, "b": b})
    assert len(union({"a": a, "empty": data([], media_type=PointCloud)})) == 1


def test_label_numbers_without_labels_are_refused():
    a = data([DatasetItem("1")], ["cat"])
    b = Dataset.from_iterable([DatasetItem("2", annotations=[Label(0)])])

    with pytest.raises(MergeError, match="what its numbers mean"):
        union({"a": a, "b": b})


# --- items of one name ----------------------------------------------------------------------------


def image(seed: int, size: tuple[int, int] = (4, 6)) -> Image:
    return Image.from_numpy(np.full((*size, 3), seed, np.uint8))


def test_the_same_data_set_twice_is_itself():
    def make() -> Dataset:
        return data(
            [
                DatasetItem(
                    str(i),
                    annotations=[
                        Bbox(i, 2, 3, 4, label=i % 2, id=i, group=1),
                        Polygon([1, 2, 3, 4, 5, i], label=0, attributes={"x": i}),
                    ],
                    attributes={"n": i},
                    media=image(i),
                )
                for i in range(6)
            ],
            ["cat", "dog"],
        )

    whole = union({"a": make(), "b": make(), "c": make()})

    assert list(whole) == list(make())


def test_annotations_of_both_are_kept_and_equal_ones_once():
    box, other = Bbox(1, 2, 3, 4, label=0), Bbox(5, 5, 5, 5, label=0)
    a = data([DatasetItem("1", annotations=[box], attributes={"x": 1})], ["cat"])
    b = data(
        [DatasetItem("1", annotations=[Caption("c"), Bbox(1, 2, 3, 4, label=1)])], ["z", "cat"]
    )
    c = data(
        [DatasetItem("1", annotations=[other], attributes={"y": 2}), DatasetItem("2")], ["cat"]
    )

    whole = union({"a": a, "b": b, "c": c})

    assert whole.get("1").annotations == [box, Caption("c"), other]
    assert whole.get("1").attributes == {"x": 1, "y": 2}
    assert len(whole) == 2
    assert len(a.get("1").annotations) == 1


def test_groups_of_different_data_sets_do_not_mix():
    a = data([DatasetItem("1", annotations=[Caption("a", group=1), Caption("a2", group=1)])])
    b = data(
        [
            DatasetItem(
                "1",
                annotations=[
                    Caption("b", group=1),
                    Caption("b2", group=1),
                    Caption("b3", group=7),
                    Caption("b4"),
                ],
            )
        ]
    )

    groups = {x.caption: x.group for x in union({"a": a, "b": b}).get("1").annotations}

    assert groups["a"] == groups["a2"] == 1
    assert groups["b"] == groups["b2"] not in (0, 1, 7)
    assert groups["b3"] == 7 and groups["b4"] == 0


def test_subsets_tell_items_apart():
    a = data([DatasetItem("1", subset="train", media=image(1))])
    b = data([DatasetItem("1", subset="val", media=image(2))])

    assert len(union({"a": a, "b": b})) == 2


@pytest.mark.parametrize("other", [image(2), image(1, (4, 7))])
def test_different_images_of_one_name_are_refused(other: Image):
    a = data([DatasetItem("1", media=image(1))])
    b = data([DatasetItem("1", media=other)])

    with pytest.raises(MergeError, match=r"item '1' .* 'a' and in 'b'.* other names"):
        union({"a": a, "b": b})


def test_images_that_are_not_there_are_compared_by_their_sizes():
    def missing(size: tuple[int, int]) -> Dataset:
        return data([DatasetItem("1", media=Image.from_file("nowhere.jpg", size=size))])

    assert len(union({"a": missing((2, 3)), "b": missing((2, 3))})) == 1
    with pytest.raises(MergeError, match="media are different"):
        union({"a": missing((2, 3)), "b": missing((3, 2))})


def test_the_media_that_are_there_are_taken(tmp_path: Path):
    image(3).save(tmp_path / "x.png")
    a = data([DatasetItem("1"), DatasetItem("2", media=Image.from_file("no.png", size=(4, 6)))])
    there = Image.from_file(str(tmp_path / "x.png"))
    b = data([DatasetItem("1", media=there), DatasetItem("2", media=there)])

    whole = union({"a": a, "b": b})

    assert [item.media.has_data for item in whole] == [True, True]


def test_attributes_that_contradict_each_other_are_refused():
    a = data([DatasetItem("1", attributes={"x": 1})])
    b = data([DatasetItem("1", attributes={"x": 2})])

    with pytest.raises(MergeError, match="attribute 'x' 1 in 'a', 2 in 'b'"):
        union({"a": a, "b": b})


def put_together(mine: list[Any], others: list[Any]) -> list[Any]:
    """What the annotations of one item in two data sets are to become."""
    new = [other.wrap() for other in others if other not in mine]
    shared = {other.group for other in others if other in mine}
    taken = {annotation.group for annotation in mine} - shared - {0}
    free = max([0, *(a.group for a in [*mine, *others])]) + 1
    groups: dict[int, int] = {}
    for annotation in new:
        if annotation.group in taken:
            annotation.group = groups.setdefault(annotation.group, free + len(groups))
    return mine + new


common = {"id": st.integers(0, 1), "group": st.integers(-1, 3)}
attributes = st.sampled_from([{}, {"a": 1, "b": [True]}, {"b": [True], "a": 1}, {"a": 2**70}])
annotations = st.lists(
    st.builds(Caption, st.sampled_from(["a", "b"]), attributes=attributes, **common)
    | st.builds(Label, st.integers(0, 1), **common)
    | st.builds(Bbox, st.just(1), st.just(2), st.integers(1, 2), st.just(1), **common)
    | st.builds(
        Polygon, st.sampled_from([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8]]), label=st.just(1)
    ),
    max_size=5,
)
some = st.dictionaries(st.sampled_from("abc"), annotations)


@given(st.lists(some, min_size=2, max_size=3))
def test_annotations_are_put_together_as_objects_would_be(each: list[dict[str, list[Any]]]):
    expected: dict[str, list[Any]] = {}
    for items in each:
        for name, found in items.items():
            expected[name] = put_together(expected[name], found) if name in expected else found

    whole = union(
        {
            str(number): data(
                [DatasetItem(name, annotations=found) for name, found in items.items()],
                ["cat", "dog"],
            )
            for number, items in enumerate(each)
        }
    )

    assert {item.id: list(item.annotations) for item in whole} == expected


def test_media_and_attributes_come_from_whoever_has_them(tmp_path: Path):
    image(3).save(tmp_path / "x.png")
    a = data([DatasetItem(str(i), attributes={"n": i}) for i in range(4)])
    b = data(
        [
            DatasetItem("3", media=image(7), attributes={"n": 3, "m": "猫"}),
            DatasetItem("new", media=image(9)),
            DatasetItem("1", media=Image.from_file(str(tmp_path / "x.png"))),
        ]
    )

    whole = union({"a": a, "b": b})

    assert [item.id for item in whole] == ["0", "1", "2", "3", "new"]
    assert [item.media is not None for item in whole] == [False, True, False, True, True]
    assert whole.get("3").media.data[0, 0, 0] == 7 and whole.get("1").media.data[0, 0, 0] == 3
    assert whole.get("3").attributes == {"n": 3, "m": "猫"}
    assert whole.get("0").attributes == {"n": 0} and a.get("3").media is None
