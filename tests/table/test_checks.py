"""What must hold of all that readers return."""

from __future__ import annotations

import pyarrow as pa
import pytest

from datumaro.dataset import Dataset
from datumaro.errors import (
    DatasetImportError,
    RepeatedItemError,
    RepeatedItemInFileError,
    UndeclaredLabelError,
)
from datumaro.model.annotation import AnnotationType, Caption, Label
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DatasetItem
from datumaro.table.builder import build
from datumaro.table.checks import check_labels, check_names, check_unique
from datumaro.table.chunk import Chunk, Content


def with_labels(*labels: int, names: str = "abc") -> Content:
    items = [
        DatasetItem("none", annotations=[Caption("x")]),
        DatasetItem("a", subset="s", annotations=[Label(i) for i in labels]),
        DatasetItem("last", annotations=[Label(0), Caption("y")]),
    ]
    categories = {AnnotationType.label: LabelCategories.from_iterable(names)}
    return Content([build(items[:1]), build(items[1:]).slice(0, 2)], categories)


def raising(error: DatasetImportError) -> None:
    raise error


def test_declared_labels_pass_untouched() -> None:
    content = with_labels(0, 1, 2)
    checked = check_labels(content, "here", raising)
    assert all(one is other for one, other in zip(checked.chunks, content.chunks, strict=True))


@pytest.mark.parametrize("bad", [3, -1, 2**31 - 1])
def test_an_undeclared_label_is_named(bad: int) -> None:
    with pytest.raises(
        UndeclaredLabelError,
        match=rf"here: item 'a' of subset 's': annotation 1: label {bad}; expected 0 to 2",
    ):
        check_labels(with_labels(1, bad), "here", raising)


def test_any_label_is_undeclared_where_there_are_none() -> None:
    with pytest.raises(UndeclaredLabelError, match="no label: there are none"):
        check_labels(with_labels(0, names=""), "here", raising)
    content = with_labels(99)
    content.categories.clear()  # a data set that says nothing of labels
    assert check_labels(content, "here", raising) is content


def test_annotations_with_undeclared_labels_may_be_left_out() -> None:
    problems: list[DatasetImportError] = []
    checked = check_labels(with_labels(7, 1, 8, 2, 9), "here", problems.append)
    assert len(problems) == 3
    found = [[getattr(a, "label", None) for a in item.annotations] for item in Dataset(checked)]
    assert found == [[None], [1, 2], [0, None]]


def doubled() -> Content:
    late = {"late": 1}
    first = [DatasetItem("a", subset="x"), DatasetItem("b", subset="x")]
    second = [DatasetItem("a", subset=subset, attributes=late) for subset in ("y", "x")]
    return Content([build(first), build(second)])


def test_two_items_of_a_name_are_an_error() -> None:
    with pytest.raises(RepeatedItemError, match=r"^item id 'a' occurs twice in subset 'x'"):
        check_unique(doubled())
    with pytest.raises(RepeatedItemInFileError, match=r"^here: item 3: item id 'a'.*after item 0"):
        check_unique(doubled(), "here", raising)


def test_the_first_of_two_items_of_a_name_stays() -> None:
    problems: list[DatasetImportError] = []
    checked = check_unique(doubled(), "here", problems.append)
    assert [str(problem) for problem in problems] == [
        "here: item 3: item id 'a' a second time in subset 'x', after item 0 (from 0); "
        "expected an id of its own for each item"
    ]
    found = [(item.id, item.subset, dict(item.attributes)) for item in Dataset(checked)]
    assert found == [("a", "x", {}), ("b", "x", {}), ("a", "y", {"late": 1})]


def test_different_names_pass_untouched() -> None:
    content = Content([build([DatasetItem("a"), DatasetItem("a", subset="x"), DatasetItem("b")])])
    assert check_unique(content, "here") is content


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../b", "..", "C:/x", "a\0b", ""])
def test_names_that_lead_elsewhere(name: str) -> None:
    content = Content([build([DatasetItem("a"), DatasetItem("b..c"), DatasetItem("d/e:f")])])
    chunk = content.chunks[0]
    items = chunk.items.set_column(0, "id", pa.array(["a", name, "d/e:f"], pa.large_string()))
    content.chunks[0] = Chunk(items, chunk.annotations, chunk.offsets)
    with pytest.raises(DatasetImportError, match=r"here: (item id|an item's id)"):
        check_names(content, "here", raising)
    problems: list[DatasetImportError] = []
    checked = check_names(content, "here", problems.append)
    assert len(problems) == 1
    assert [item.id for item in Dataset(checked)] == ["a", "d/e:f"]


def test_odd_names_that_stay_inside_pass_untouched() -> None:
    names = ["b..c", "...", "d/e:f", ".hidden", "a b/ä", "x/..y"]
    content = Content([build([DatasetItem(name) for name in names])])
    assert check_names(content, "here", raising).chunks[0] is content.chunks[0]
