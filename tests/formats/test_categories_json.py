"""Categories as JSON: what files hold, back and forth, and what is refused."""

import json

import pytest

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats.categories_json import categories_from_json, categories_to_json
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    GroupType,
    LabelCategories,
    MaskCategories,
    PointsCategories,
    TabularCategories,
)


def all_kinds():
    labels = LabelCategories.from_iterable(["b", "a", ("c", "a", ["z", "y"])])
    labels.add_label_group("group", ["b", "a"], GroupType.INCLUSIVE)
    labels.attributes.add("occluded")
    mask = MaskCategories({0: (1, 2, 3), 7: (4, 5, 6)}, attributes={"m"})
    points = PointsCategories.from_iterable(
        [(0, ["x", "y"], [(1, 2)]), (2, ["p", "q"], [], [0, 0, 2, 4])]
    )
    table = TabularCategories.from_iterable([("age", int), ("kind", str, {"a", 1})])
    return {
        AnnotationType.label: labels,
        AnnotationType.mask: mask,
        AnnotationType.points: points,
        AnnotationType.tabular: table,
    }


def test_round_trip_through_text():
    before = all_kinds()
    text = json.dumps(categories_to_json(before))
    after = categories_from_json(json.loads(text), "a.json")
    assert after == before
    assert [after[k].attributes for k in after] == [before[k].attributes for k in before]


def test_the_json_is_that_of_the_published_package():
    labels = LabelCategories.from_iterable(["b", ("c", "a", ["z", "y"])])
    points = PointsCategories.from_iterable([(0, ["x", "y"], [(1, 2)])])
    written = categories_to_json(
        {
            AnnotationType.label: labels,
            AnnotationType.mask: MaskCategories({0: (1, 2, 3)}),
            AnnotationType.points: points,
        }
    )
    assert written == {
        "label": {
            "labels": [
                {"name": "b", "parent": "", "attributes": []},
                {"name": "c", "parent": "a", "attributes": ["y", "z"]},
            ],
            "label_groups": [],
            "attributes": [],
        },
        "mask": {"colormap": [{"label_id": 0, "r": 1, "g": 2, "b": 3}]},
        "points": {
            "items": [{"label_id": 0, "labels": ["x", "y"], "joints": [[1, 2]], "positions": []}]
        },
    }


def test_empty_kinds_are_ignored_and_unknown_ones_told(caplog: pytest.LogCaptureFixture):
    value = {"mask": {}, "points": None, "caption": {"words": ["a"]}, "bbox": {}}
    assert categories_from_json(value, "a.json") == {}
    (message,) = caplog.messages
    assert "a.json: $.categories.caption" in message


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], "$.categories:"),
        ({"label": 3}, "$.categories.label:"),
        ({"label": {"labels": [{"name": 3}]}}, "$.categories.label.labels[0].name:"),
        ({"label": {"labels": [{"name": "a"}, {"name": "a"}]}}, "'a' exists already"),
        (
            {
                "label": {
                    "labels": [],
                    "label_groups": [{"name": "g", "labels": [], "group_type": "x"}],
                }
            },
            "group type 'x'",
        ),
        ({"mask": {"colormap": [{"label_id": "0", "r": 1, "g": 1, "b": 1}]}}, "[0].label_id:"),
        ({"mask": {"colormap": [{"label_id": 0, "r": 1, "g": 256, "b": 1}]}}, "[0].g:"),
        ({"mask": {"colormap": [{"label_id": 0, "r": 1, "g": 1, "b": -1}]}}, "[0].b:"),
        ({"points": {"items": [{"label_id": 0, "joints": [[1]]}]}}, "$.categories.points"),
        (
            {"points": {"items": [{"label_id": 0, "labels": ["a"], "positions": [1.0]}]}},
            "1 positions for 1 key points",
        ),
    ],
)
def test_wrong_types_name_the_file_and_the_member(value, place):
    with pytest.raises(MalformedFileError) as caught:
        categories_from_json(value, "a.json")
    assert str(caught.value).startswith("a.json: ")
    assert place in str(caught.value)


def test_categories_of_the_wrong_class_are_refused():
    with pytest.raises(UnsupportedContentError, match=r"LabelCategories stand as .* of bbox"):
        categories_to_json({AnnotationType.bbox: LabelCategories()})
