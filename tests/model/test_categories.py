"""Categories: what the numbers in annotations mean."""

from __future__ import annotations

import copy
import pickle

import pytest

from datumaro.model.categories import (
    GroupType,
    LabelCategories,
    MaskCategories,
    PointsCategories,
    TabularCategories,
    generate_colormap,
)


def test_labels_of_names_and_tuples() -> None:
    labels = LabelCategories.from_iterable(["cat", ("dog", "pet"), ("cow", "", ["age"])])
    assert [c.name for c in labels] == ["cat", "dog", "cow"] and len(labels) == 3
    assert labels.find("dog") == (1, labels[1]) and labels[1].parent == "pet"
    assert labels[2].attributes == {"age"}
    assert labels.find("horse") == (None, None)
    assert "cat" in labels and 2 in labels and 3 not in labels and "horse" not in labels
    assert labels.add("horse") == 3


def test_a_label_is_added_once() -> None:
    labels = LabelCategories.from_iterable(["cat"])
    with pytest.raises(ValueError, match=r"'cat'.*index 0"):
        labels.add("cat")
    assert len(labels) == 1


def test_labels_whose_list_was_changed_by_hand_are_found() -> None:
    labels = LabelCategories.from_iterable(["a", "b"])
    labels.items[0].name = "c"
    assert labels.find("c")[0] == 0 and labels.find("a") == (None, None)
    del labels.items[0]
    assert labels.find("b")[0] == 0 and labels.find("c") == (None, None)
    assert labels.add("c") == 1
    labels.items.append(labels.Category("d"))
    assert labels.find("d")[0] == 2
    with pytest.raises(ValueError):
        labels.add("d")
    labels.items.pop()
    assert labels.add("d") == 2


def test_label_groups() -> None:
    labels = LabelCategories.from_iterable(["a", "b"])
    assert labels.add_label_group("g", ["a", "b"], GroupType.INCLUSIVE) == 0
    assert labels.label_groups[0].labels == ["a", "b"]
    assert labels != LabelCategories.from_iterable(["a", "b"])


def test_group_types_by_name() -> None:
    for kind in GroupType:
        assert GroupType.from_str(kind.to_str()) is kind
    assert (GroupType.EXCLUSIVE, GroupType.INCLUSIVE, GroupType.RESTRICTED) == (0, 1, 2)
    with pytest.raises(ValueError, match=r"'some'.*exclusive, inclusive, restricted"):
        GroupType.from_str("some")


def test_equality_is_exact_and_symmetric() -> None:
    one, other = LabelCategories.from_iterable(["a"]), LabelCategories.from_iterable(["a", "b"])
    assert one != other and other != one
    one.attributes.add("x")  # names of attributes do not count
    assert one == LabelCategories.from_iterable(["a"])
    few, many = MaskCategories.generate(3), MaskCategories.generate(4)
    assert few != many and many != few
    assert few == MaskCategories(few.colormap) and LabelCategories() != MaskCategories()


def test_copies_are_independent() -> None:
    labels = LabelCategories.from_iterable(["a"])
    for twin in (copy.deepcopy(labels), pickle.loads(pickle.dumps(labels))):
        assert twin == labels
        twin.add("b")
        assert twin != labels and "b" not in labels


def test_the_palette_is_vocs() -> None:
    colors = generate_colormap(256)
    assert [colors[i] for i in (0, 1, 2, 3, 15, 21, 255)] == [
        (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (192, 128, 128), (128, 64, 128),
        (224, 224, 192),
    ]  # fmt: skip
    assert len(set(colors.values())) == 256
    without = generate_colormap(3, include_background=False)
    assert without == {0: colors[1], 1: colors[2], 2: colors[3]}


def test_colours_of_masks() -> None:
    masks = MaskCategories.generate(3)
    assert masks.inverse_colormap == {(0, 0, 0): 0, (128, 0, 0): 1, (0, 128, 0): 2}
    assert masks[1] == (128, 0, 0) and 2 in masks and 3 not in masks and len(masks) == 3
    masks.colormap[7] = (128, 0, 0)
    assert masks.inverse_colormap[128, 0, 0] == 1, "of equal colours the first wins"
    assert MaskCategories({0: (1, 1, 1)}, {(1, 1, 1): 5}).inverse_colormap == {(1, 1, 1): 5}


def test_key_points() -> None:
    points = PointsCategories.from_iterable([(3, ["nose", "eye"], [[0, 1]]), (4,)])
    assert points[3].labels == ["nose", "eye"] and points[3].joints == {(0, 1)}
    assert 3 in points and 0 not in points and len(points) == 2 and points[4].labels == []


def test_positions_are_normalised_by_the_larger_side() -> None:
    points = PointsCategories()
    points.add(0, ["a", "b"], positions=[10, 10, 30, 20])
    assert points[0].positions == [0, 0, 1, 0.5]
    points.add(1, ["a"], positions=[5, 5])
    assert points[1].positions == [0, 0]
    for wrong in ([1, 2, 3], [1, 2, 3, 4, 5, 6]):
        with pytest.raises(ValueError):
            points.add(2, ["a", "b"], positions=wrong)


def test_columns_of_tables() -> None:
    columns = TabularCategories.from_iterable([("age", int), ("kind", str, ["a", "b"])])
    assert columns.find("kind") == (1, columns[1]) and columns[1].labels == {"a", "b"}
    assert "age" in columns and "x" not in columns and len(columns) == 2
    assert columns.find("x") == (None, None)
    with pytest.raises(ValueError):
        columns.add("age", int)
