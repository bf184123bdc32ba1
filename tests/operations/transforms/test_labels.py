"""`remap_labels` and `project_labels`."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import DatasetError, InvalidOptionError

T = dm.AnnotationType


def dataset() -> dm.Dataset:
    labels = dm.LabelCategories.from_iterable(
        [("cat", "animal", {"fur"}), ("dog", "animal"), "animal", "car"]
    )
    labels.attributes = {"occluded"}
    labels.add_label_group("pets", ["cat", "dog"])
    labels.add_label_group("things", ["car"])
    skeleton = dm.Skeleton([dm.Points([1, 2], label=3), dm.Points([3, 4], label=0)], label=0, id=9)
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                "a",
                annotations=[
                    dm.Label(0, id=1),
                    dm.Bbox(1, 2, 3, 4, label=1, id=2, group=5, z_order=6, object_id=7),
                    dm.Polygon([0, 0, 1, 0, 1, 1], label=3, id=3, attributes={"n": 1}),
                    dm.Bbox(0, 0, 1, 1, id=4),
                    dm.Caption("text", id=5),
                    skeleton,
                ],
            )
        ],
        categories={
            T.label: labels,
            T.mask: dm.MaskCategories({0: (1, 1, 1), 1: (2, 2, 2), 3: (4, 4, 4)}),
            T.points: dm.PointsCategories.from_iterable([(0, ["nose"]), (3, ["wheel"])]),
        },
    )


def names(dataset: dm.Dataset) -> dict[int, str | None]:
    """The labels of annotations by id."""
    known = dataset.get_label_cat_names()
    return {
        a.id: None if (label := getattr(a, "label", None)) is None else known[label]
        for a in dataset[0].annotations
    }


def categories(dataset: dm.Dataset) -> tuple[Any, Any, Any]:
    found = dataset.categories()
    return found[T.label], found[T.mask], found[T.points]


def test_other_names_and_one_for_several():
    changed = dataset().transform("remap_labels", mapping={"cat": "pet", "dog": "pet"})
    assert names(changed) == {1: "pet", 2: "pet", 3: "car", 4: None, 5: None, 9: "pet"}
    labels, masks, points = categories(changed)
    assert [(c.name, c.parent, c.attributes) for c in labels] == [
        ("pet", "animal", {"fur"}),
        ("animal", "", set()),
        ("car", "", set()),
    ]
    assert labels.attributes == {"occluded"}
    assert [(g.name, g.labels) for g in labels.label_groups] == [
        ("pets", ["pet"]),
        ("things", ["car"]),
    ]
    assert masks.colormap == {0: (1, 1, 1), 2: (4, 4, 4)}
    assert {k: v.labels for k, v in points.items.items()} == {0: ["nose"], 2: ["wheel"]}
    box = changed[0].annotations[1]
    assert (box.id, box.group, box.z_order, box.object_id) == (2, 5, 6, 7)


def test_parents_are_renamed_too():
    labels, _, _ = categories(dataset().transform("remap_labels", mapping={"animal": "beast"}))
    assert [c.parent for c in labels] == ["beast", "beast", "", ""]
    labels, _, _ = categories(dataset().transform("remap_labels", mapping={"cat": "animal"}))
    assert [(c.name, c.parent) for c in labels] == [("animal", ""), ("dog", "animal"), ("car", "")]


def test_names_may_be_exchanged():
    changed = dataset().transform("remap_labels", mapping={"cat": "dog", "dog": "cat"})
    assert names(changed) == {1: "dog", 2: "cat", 3: "car", 4: None, 5: None, 9: "dog"}


def test_removed_labels():
    changed = dataset().transform("remap_labels", mapping=[("cat", "")])
    assert names(changed) == {2: "dog", 3: "car", 4: None, 5: None}
    assert changed.get_label_cat_names() == ["dog", "animal", "car"]
    labels, masks, points = categories(changed)
    assert [g.labels for g in labels.label_groups] == [["dog"], ["car"]]
    assert masks.colormap == {0: (2, 2, 2), 2: (4, 4, 4)}
    assert list(points.items) == [2]


def test_only_the_labels_named():
    changed = dataset().transform("remap_labels", mapping={"cat": "cat"}, default="delete")
    assert names(changed) == {1: "cat", 9: "cat"}
    assert changed.get_label_cat_names() == ["cat"]


def test_the_points_of_skeletons_have_labels_too():
    changed = dataset().transform("remap_labels", mapping={"dog": "", "cat": "z"})
    skeleton = changed[0].annotations[-1]
    assert isinstance(skeleton, dm.Skeleton)
    known = changed.get_label_cat_names()
    assert [known[e.label] for e in skeleton.elements] == ["car", "z"]
    changed = dataset().transform("remap_labels", mapping={"car": ""})
    skeleton = changed[0].annotations[-1]
    assert isinstance(skeleton, dm.Skeleton)
    assert [e.points for e in skeleton.elements] == [[3, 4]]


def test_labels_that_are_not_there(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        changed = dataset().transform("remap_labels", mapping={"cow": "ox", "cat": "lion"})
    assert "1 labels that are named are not in the data set (first: cow)" in caplog.text
    assert "lion" in changed.get_label_cat_names()


def test_a_name_that_is_no_text():
    with pytest.raises(InvalidOptionError, match="the new name of 'cat' is 7"):
        dataset().transform("remap_labels", mapping={"cat": 7})


def test_annotations_of_labels_that_do_not_exist():
    broken = dataset()
    broken[0].annotations[0].label = 9
    with pytest.raises(
        DatasetError, match="item 'a' has an annotation of label 9; the data set has 4"
    ):
        broken.transform("remap_labels", mapping={"cat": "x"})


def test_other_labels():
    changed = dataset().transform("project_labels", dst_labels=["car", "cat", "new"])
    assert names(changed) == {1: "cat", 3: "car", 4: None, 5: None, 9: "cat"}
    labels, masks, points = categories(changed)
    assert [(c.name, c.parent, c.attributes) for c in labels] == [
        ("car", "", set()),
        ("cat", "", {"fur"}),
        ("new", "", set()),
    ]
    assert [g.labels for g in labels.label_groups] == [["cat"], ["car"]]
    assert masks.colormap == {0: (4, 4, 4), 1: (1, 1, 1), 2: (128, 0, 0)}
    assert {k: v.labels for k, v in points.items.items()} == {1: ["nose"], 0: ["wheel"]}


def test_other_labels_with_parents():
    wanted = dm.LabelCategories.from_iterable([("cat", "thing"), "thing"])
    labels, _, _ = categories(dataset().transform("project_labels", dst_labels=wanted))
    assert labels == wanted
    labels, _, _ = categories(dataset().transform("project_labels", dst_labels=["animal", "cat"]))
    assert [c.parent for c in labels] == ["", "animal"]


@pytest.mark.parametrize("wanted", ["cat", [7], ["cat", "cat"], [("a", "b", "c", "d", "e")]])
def test_wrong_labels(wanted: Any):
    with pytest.raises(InvalidOptionError, match="project_labels"):
        dataset().transform("project_labels", dst_labels=wanted)


def test_a_data_set_without_labels():
    items = [dm.DatasetItem("a", annotations=[dm.Bbox(0, 0, 1, 1), dm.Caption("x")])]
    changed = dm.Dataset.from_iterable(items).transform("remap_labels", mapping={})
    assert len(changed[0].annotations) == 2
    changed = dm.Dataset.from_iterable(items).transform("project_labels", dst_labels=["x"])
    assert changed.get_label_cat_names() == ["x"]
    assert len(dm.Dataset.from_iterable([]).transform("remap_labels", mapping={"a": "b"})) == 0
