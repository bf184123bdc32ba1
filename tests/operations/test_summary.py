"""Counts of a data set."""

from __future__ import annotations

from datumaro.dataset import Dataset
from datumaro.model.annotation import AnnotationType, Label
from datumaro.model.item import DatasetItem
from datumaro.model.shapes import Bbox
from datumaro.operations.content import subset_content
from datumaro.operations.summary import Count, summarize

BBOX, LABEL = AnnotationType.bbox, AnnotationType.label


def dataset() -> Dataset:
    return Dataset.from_iterable(
        [
            DatasetItem("a", subset="train", annotations=[Label(0), Bbox(0, 0, 1, 1)]),
            DatasetItem("b", subset="val", annotations=[Label(0)]),
            DatasetItem("c", subset="train"),
        ],
        categories=["cat"],
    )


def test_counts_by_subset_and_kind():
    found = summarize(dataset())

    assert found.total == Count(3, {LABEL: 2, BBOX: 1})
    assert found.subsets == {"train": Count(2, {LABEL: 1, BBOX: 1}), "val": Count(1, {LABEL: 1})}
    assert list(found.subsets) == ["train", "val"]


def test_nothing():
    assert summarize(Dataset.from_iterable([])).total == Count(0, {})


def test_one_subset_is_a_data_set_of_its_own():
    whole = dataset().content()
    part = subset_content(whole, "train")

    assert len(part) == 2
    assert part.categories is whole.categories
    assert len(subset_content(whole, "nowhere")) == 0
