"""Statistics of annotations; the mixed example's figures are the published package's, too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from datumaro.dataset import Dataset
from datumaro.model.annotation import AnnotationType, Caption, Label
from datumaro.model.item import DatasetItem
from datumaro.model.masks import Mask
from datumaro.model.shapes import Bbox, Ellipse, Points, Polygon
from datumaro.operations.statistics import compute_ann_statistics


@pytest.fixture
def mixed() -> Dataset:
    return Dataset.from_iterable(
        [
            DatasetItem(
                "a",
                subset="train",
                annotations=[
                    Label(0, attributes={"x": 1, "occluded": True, "y": "q"}),
                    Bbox(1, 2, 3, 4, label=1, attributes={"x": 2.0, "is_crowd": False}),
                    Polygon([0, 0, 4, 0, 4, 4.5], label=1, attributes={"x": "1", "Track_ID": 5}),
                    Caption("hello", attributes={"cc": 3}),
                ],
            ),
            DatasetItem(
                "b",
                subset="val",
                annotations=[
                    Mask(np.array([[0, 1], [1, 1]]), label=0),
                    Points([1, 2, 3, 4], label=2),
                    Ellipse(0, 0, 4, 4, label=0),
                ],
            ),
            DatasetItem("c", subset="val"),
            DatasetItem("d"),
        ],
        categories=["cat", "dog", "person"],
    )


def test_items_and_kinds(mixed: Dataset):
    found = compute_ann_statistics(mixed)

    assert found["images count"] == 4
    assert found["annotations count"] == 7
    assert found["unannotated images count"] == 2
    assert found["unannotated images"] == ["c", "d"]
    assert set(found["annotations by type"]) == {t.name for t in AnnotationType}
    counted = {k: v["count"] for k, v in found["annotations by type"].items() if v["count"]}
    assert counted == dict.fromkeys(
        ["label", "mask", "points", "polygon", "bbox", "caption", "ellipse"], 1
    )


def test_labels(mixed: Dataset):
    labels = compute_ann_statistics(mixed)["annotations"]["labels"]

    assert labels["count"] == 6
    assert labels["distribution"] == {"cat": (3, 3 / 6), "dog": (2, 2 / 6), "person": (1, 1 / 6)}


def test_attributes_of_annotations_with_a_label(mixed: Dataset):
    attributes = compute_ann_statistics(mixed)["annotations"]["labels"]["attributes"]

    assert attributes == {
        "x": {
            "count": 3,
            "values count": 2,
            "values present": ["1", "2.0"],
            "distribution": {"1": (2, 2 / 3), "2.0": (1, 1 / 3)},
        },
        "y": {
            "count": 1,
            "values count": 1,
            "values present": ["q"],
            "distribution": {"q": (1, 1.0)},
        },
        "is_crowd": {
            "count": 1,
            "values count": 1,
            "values present": ["False"],
            "distribution": {"False": (1, 1.0)},
        },
    }


def test_segments(mixed: Dataset):
    segments = compute_ann_statistics(mixed)["annotations"]["segments"]

    assert segments["avg. area"] == 8
    bins = segments["area distribution"]
    assert [b["count"] for b in bins] == [1, 0, 0, 0, 0, 0, 1, 0, 0, 1]
    assert (bins[0]["min"], bins[9]["max"]) == (3, 12)
    assert bins[0]["percent"] == 1 / 3
    assert segments["pixel distribution"] == {
        "cat": (3, 3 / 24),
        "dog": (21, 21 / 24),
        "person": (0, 0.0),
    }


def test_segments_without_a_label_have_an_area_too():
    dataset = Dataset.from_iterable(
        [DatasetItem("a", annotations=[Bbox(0, 0, 2, 2), Bbox(0, 0, 4, 4, label=0)])],
        categories=["cat"],
    )

    segments = compute_ann_statistics(dataset)["annotations"]["segments"]

    assert segments["avg. area"] == 10
    assert segments["pixel distribution"] == {"cat": (16, 1.0)}


def test_a_label_without_a_category_appears_by_its_number():
    dataset = Dataset.from_iterable(
        [DatasetItem("a", annotations=[Label(0), Label(7), Bbox(0, 0, 1, 1, label=7)])],
        categories=["cat"],
    )

    found = compute_ann_statistics(dataset)["annotations"]

    assert found["labels"]["distribution"] == {"cat": (1, 1 / 3), "7": (2, 2 / 3)}
    assert found["segments"]["pixel distribution"] == {"cat": (0, 0.0), "7": (1, 1.0)}


def test_an_empty_data_set():
    found = compute_ann_statistics(Dataset.from_iterable([], categories=["cat"]))

    assert found["images count"] == found["annotations count"] == 0
    assert found["annotations"]["labels"]["distribution"] == {"cat": (0, 0.0)}
    assert found["annotations"]["segments"] == {
        "avg. area": 0.0,
        "area distribution": [],
        "pixel distribution": {"cat": (0, 0.0)},
    }


def test_one_area_only():
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=[Bbox(0, 0, 2, 2)] * 3)])
    bins = compute_ann_statistics(dataset)["annotations"]["segments"]["area distribution"]
    assert sum(b["count"] for b in bins) == 3


def test_changes_made_to_items_count(mixed: Dataset):
    item = mixed.get("d")
    assert item is not None
    item.annotations.append(Label(2))

    found = compute_ann_statistics(mixed)

    assert found["annotations count"] == 8
    assert found["unannotated images"] == ["c"]


def test_json_can_hold_it(mixed: Dataset):
    found = compute_ann_statistics(mixed)
    assert json.loads(json.dumps(found)).keys() == found.keys()
