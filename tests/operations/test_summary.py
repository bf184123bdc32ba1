"""Counts of a data set."""

from __future__ import annotations

import pytest

import datumaro as dm
from datumaro.dataset import Dataset
from datumaro.errors import DatasetNotFoundError, UnknownOptionError
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
        infos={"by": "me"},
        categories=["cat", "dog"],
    )


def test_counts_by_subset_kind_and_label():
    found = summarize(dataset())

    assert found.total == Count(3, 1, {LABEL: {0: 2}, BBOX: {None: 1}})
    assert found.total.annotations == {LABEL: 2, BBOX: 1}
    assert found.total.labels == {0: 2, None: 1}
    assert found.subsets == {
        "train": Count(2, 1, {LABEL: {0: 1}, BBOX: {None: 1}}),
        "val": Count(1, 0, {LABEL: {0: 1}}),
    }
    assert list(found.subsets) == ["train", "val"]
    assert found.infos == {"by": "me"}
    assert found.label_counts() == {"cat": 2, "dog": 0}


def test_a_label_that_the_categories_do_not_have_is_told_by_its_number():
    made = Dataset.from_iterable([DatasetItem("a", annotations=[Label(1), Label(70_000)])])
    assert summarize(made).label_counts() == {"1": 1, "70000": 1}


@pytest.mark.parametrize("labels", [[0, None, 0, 3], [0, None, 5000, None], [-1, None, 2], [None]])
def test_few_and_many_labels_are_counted_alike(labels):
    boxes = [Bbox(0, 0, 1, 1, label=label) for label in labels]
    made = Dataset.from_iterable([DatasetItem("a", annotations=boxes)])
    expected = {label: labels.count(label) for label in labels}
    assert summarize(made).total.by_label == {BBOX: expected}


def test_nothing():
    assert summarize(Dataset.from_iterable([])).total == Count()


def test_one_subset_is_a_data_set_of_its_own():
    whole = dataset().content()
    part = subset_content(whole, "train")

    assert len(part) == 2
    assert part.categories is whole.categories
    assert len(subset_content(whole, "nowhere")) == 0


# --- of a path ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["coco", "datumaro", "datumaro_binary"])
def test_a_path_of_any_format(tmp_path, format):
    dataset().export(tmp_path / "out", format)
    found = dm.summarize(tmp_path / "out", format)
    assert found == dm.summarize(Dataset.import_from(tmp_path / "out", format))
    assert found.total.items == 3


def test_its_format_is_detected(tmp_path):
    dataset().export(tmp_path / "out", "datumaro")
    assert dm.summarize(str(tmp_path / "out")).label_counts() == {"cat": 2, "dog": 0}


def test_what_an_import_refuses_is_refused(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        dm.summarize(tmp_path / "nowhere")
    dataset().export(tmp_path / "out", "datumaro")
    with pytest.raises(UnknownOptionError, match="colour"):
        dm.summarize(tmp_path / "out", "datumaro", colour="red")
