"""Items by position and by name, changed ones above the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.errors import RepeatedItemError
from datumaro.model.annotation import Label
from datumaro.model.item import DatasetItem
from datumaro.model.media import Image
from datumaro.table import store
from datumaro.table.builder import build
from datumaro.table.chunk import Chunk
from datumaro.table.store import ItemStore


def an_item(number: int, subset: str = "s") -> DatasetItem:
    return DatasetItem(number, subset=subset, annotations=[Label(number)] * (number % 3))


def columns(n: int, size: int = 2) -> list[Chunk]:
    """Items 0 to n in chunks."""
    return [
        build(an_item(i) for i in range(begin, min(begin + size, n))) for begin in range(0, n, size)
    ]


def names(items: Any) -> list[str]:
    return [item.id for item in items]


@given(
    st.integers(0, 7),
    st.lists(st.tuples(st.sampled_from(["put", "remove", "change"]), st.integers(0, 9))),
)
def test_the_order_is_that_of_a_dict(n: int, steps: list[tuple[str, int]]) -> None:
    items = ItemStore(columns(n))
    model = {str(i): an_item(i) for i in range(n)}
    for what, number in steps:
        name = str(number)
        if what == "put":
            items.put(DatasetItem(name, subset="s"))
            model[name] = DatasetItem(name, subset="s")
        elif what == "remove":
            assert items.remove(name, "s") == (model.pop(name, None) is not None)
        elif name in model:
            for item in (items.get(name, "s"), model[name]):
                assert item is not None
                item.annotations = [Label(7)]
    assert list(items) == list(model.values()) and len(items) == len(model)
    for index in range(-len(model), len(model)):
        assert items.nth(index) == list(model.values())[index]
    for outside in (len(model), -len(model) - 1):
        with pytest.raises(IndexError):
            items.nth(outside)
    folded = ItemStore(items.chunks())
    assert list(folded) == list(model.values())
    assert folded.subset_counts() == items.subset_counts() == ({"s": len(model)} if model else {})


def test_pages_end_where_chunks_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAGE_ITEMS", 3)
    items = ItemStore(columns(20, 7))
    assert names(items) == [str(i) for i in range(20)]
    kept = list(items)
    assert all(items.get(str(i), "s") is item for i, item in enumerate(kept))


def test_subsets_in_the_order_of_their_first_items() -> None:
    items = ItemStore([build([an_item(0, "b"), an_item(1, "a"), an_item(2, "b")])])
    assert list(items.subset_counts().items()) == [("b", 2), ("a", 1)]
    assert names(items.scan("b")) == ["0", "2"]
    items.put(an_item(3, "c"))
    items.remove("1", "a")
    items.nth(0).subset = "c"
    assert items.subset_counts() == {"b": 1, "c": 2}
    assert names(items.scan("c")) == ["0", "3"] and names(items.scan("a")) == []


def test_the_same_name_in_two_subsets_are_two() -> None:
    items = ItemStore([build([an_item(1, "a"), an_item(1, "b")])])
    first, second = items.get("1", "a"), items.get("1", "b")
    assert first is not None and second is not None and first is not second
    assert not items.remove("1", "c") and items.remove("1", "a")
    assert list(items) == [second]


def test_untouched_columns_are_handed_on_as_they_are() -> None:
    chunks = columns(6)
    items = ItemStore(chunks)
    assert all(one is other for one, other in zip(items.chunks(), chunks, strict=True))
    items.nth(3).annotations.clear()
    folded = items.chunks()
    assert folded[0] is chunks[0] and folded[1] is not chunks[1] and folded[2] is chunks[2]


def test_the_list_of_chunks_is_the_callers() -> None:
    items = ItemStore(columns(4))
    items.chunks().clear()
    assert len(items) == 4 and len(items.chunks()) == 2


def test_media_in_memory_go_with_their_items() -> None:
    media = [Image.from_numpy(np.full((1, 1), i, np.uint8)) for i in range(5)]
    items = ItemStore([build(DatasetItem(i, media=media[i]) for i in range(4))])
    items.remove("0")
    items.nth(1).media = media[4]  # item 2
    folded = ItemStore(items.chunks())
    assert [item.media for item in folded] == [media[1], media[4], media[3]]


def test_names_that_occur_twice_in_columns_are_an_error() -> None:
    items = ItemStore([build([an_item(1)]), build([an_item(1)])])
    with pytest.raises(RepeatedItemError, match=r"'1'.*'s'"):
        items.get("1", "s")


def test_adding_does_not_replace() -> None:
    items = ItemStore(columns(2))
    assert not items.add(DatasetItem("1", subset="s")) and items.add(DatasetItem("1"))
    assert len(items) == 3 and len(items.nth(1).annotations) == 1


def test_items_may_be_put_and_removed_during_a_scan() -> None:
    items = ItemStore(columns(3))
    seen = list[str]()
    for item in items:
        seen.append(item.id)
        items.put(DatasetItem(item.id + "x", subset="s"))
        items.remove("1", "s")
    assert seen == ["0", "2"]
    assert names(items) == ["0", "2", "0x", "2x"]


def test_selecting_and_changing_at_once_is_refused() -> None:
    items = ItemStore(columns(3))
    assert names(ItemStore(items.selected(lambda item: item.id != "1"))) == ["0", "2"]
    with pytest.raises(RuntimeError):
        items.selected(lambda item: items.remove("0", "s"))


def test_an_item_in_two_stores_is_found_by_its_new_name_in_both() -> None:
    one, other = ItemStore(columns(2)), ItemStore()
    item = one.nth(1)
    other.put(item)
    item.id = "new"
    assert one.get("new", "s") is other.get("new", "s") is item
    other.remove("new", "s")
    item.id = "newer"
    assert one.get("newer", "s") is item and other.get("newer", "s") is None
    other.put(DatasetItem("newer", subset="s"))
    item.id = "newest"
    assert other.get("newer", "s") is not None


def test_names_may_be_exchanged() -> None:
    items = ItemStore(columns(2))
    zero, one = items.nth(0), items.nth(1)
    assert items.get("0", "s") is zero
    zero.id = "1"
    one.id = "0"
    assert items.get("1", "s") is zero and items.get("0", "s") is one and len(items) == 2


def test_removing_one_of_two_of_a_name_leaves_the_other() -> None:
    items = ItemStore(columns(2))
    items.nth(1).id = "0"
    assert items.remove("0", "s") and len(items) == 1
    assert items.get("0", "s") is items.nth(0)
    assert items.remove("0", "s") and len(items) == 0
