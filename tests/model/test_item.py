"""Items as values."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from datumaro.model.annotation import Annotations, Caption, Label
from datumaro.model.item import DatasetItem
from datumaro.model.media import Image, PointCloud


def an_item() -> DatasetItem:
    return DatasetItem(
        "a",
        subset="train",
        media=Image.from_numpy(np.ones((2, 3, 3), np.uint8)),
        annotations=[Label(1), Caption("x")],
        attributes={"n": 1, "deep": [1]},
    )


def test_an_id_is_text_with_slashes() -> None:
    assert DatasetItem(5).id == "5"
    assert DatasetItem("a\\b/c.d ü").id == "a/b/c.d ü"
    item = DatasetItem("x")
    item.id = "y\\z"
    assert item.id == "y/z"


@pytest.mark.parametrize("bad", ["", "/a", "..", "a/../b", "..\\a", "C:\\a", "a\0b", "\\a"])
def test_names_that_are_no_names_are_refused(bad: str) -> None:
    with pytest.raises(ValueError):
        DatasetItem(bad)
    item = DatasetItem("a", subset="s")
    with pytest.raises(ValueError):
        item.id = bad
    if bad:
        with pytest.raises(ValueError):
            DatasetItem("a", subset=bad)
        with pytest.raises(ValueError):
            item.subset = bad
    assert (item.id, item.subset) == ("a", "s")


def test_dots_in_names_are_just_dots() -> None:
    assert DatasetItem("a..b/...c").id == "a..b/...c"


def test_the_subset_is_default_when_there_is_none() -> None:
    assert DatasetItem("a").subset == DatasetItem("a", subset="").subset == "default"
    item = DatasetItem("a", subset="x")
    item.subset = None
    assert item.subset == "default"


def test_a_path_is_no_media() -> None:
    with pytest.raises(TypeError, match=r"str.*from_file"):
        DatasetItem("a", media="a.jpg")
    item = DatasetItem("a")
    with pytest.raises(TypeError):
        item.media = "a.jpg"


def test_a_given_list_is_kept_and_anything_else_becomes_one() -> None:
    given = [Label(1)]
    item = DatasetItem("a", annotations=given)
    given.append(Label(2))
    assert len(item.annotations) == 2
    assert type(DatasetItem("a").annotations) is Annotations
    assert list(DatasetItem("a", annotations=(Label(i) for i in range(2))).annotations) == [
        Label(0),
        Label(1),
    ]


def test_media_of_a_class() -> None:
    assert an_item().media_as(Image).size == (2, 3)
    with pytest.raises(TypeError, match=r"'a'.*PointCloud"):
        an_item().media_as(PointCloud)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "b"},
        {"subset": "b"},
        {"media": Image.from_numpy(np.zeros((2, 3, 3), np.uint8))},
        {"media": None},
        {"annotations": [Caption("x"), Label(1)]},
        {"attributes": {"n": 2, "deep": [1]}},
        {"attributes": {}},
    ],
)
def test_all_fields_count_in_equality(change: dict[str, Any]) -> None:
    item = an_item()
    other = item.wrap(**change)
    assert other != item and item != other
    assert item == an_item() and item != "a"
    with pytest.raises(TypeError):
        hash(item)


@pytest.mark.parametrize(
    "copied",
    [DatasetItem.wrap, copy.copy, copy.deepcopy, lambda i: pickle.loads(pickle.dumps(i))],
    ids=["wrap", "copy", "deepcopy", "pickle"],
)
def test_a_copy_has_its_own_list_and_dict(copied: Any) -> None:
    item = an_item()
    twin = copied(item)
    assert twin == item
    twin.annotations.append(Label(9))
    twin.attributes["new"] = 1
    assert item == an_item()


def test_subclasses_stay_themselves() -> None:
    class Mine(DatasetItem):
        pass

    mine = Mine("a")
    assert type(mine.wrap(id="b")) is Mine is type(copy.copy(mine))


def test_repr_names_all() -> None:
    text = repr(an_item())
    assert all(word in text for word in ("'a'", "train", "Label", "Caption", "deep"))
