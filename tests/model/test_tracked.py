"""Lists and dicts that say when they are changed."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from datumaro.model.tracked import TrackedDict, TrackedList, changed_part


class Told:
    """A row source that remembers what it was told, and nothing else."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, Any]] = []

    def part_changed(self, row: int, part: Any, change: Any) -> None:
        self.calls.append(("annotation", row, part))

    def item_part_changed(self, row: int, part: Any, change: Any) -> None:
        self.calls.append(("item", row, part))


def a_list(values: list[Any]) -> tuple[TrackedList, Told]:
    told = Told()
    return TrackedList(values).track(told, 3, "_points"), told


def a_dict(values: dict[str, Any], *, of_item: bool = False) -> tuple[TrackedDict, Told]:
    told = Told()
    made = TrackedDict(values).track(told, 4, "_attributes", of_item=of_item)
    return made, told


LIST_CHANGES: list[Callable[[list[int]], Any]] = [
    lambda v: v.append(1),
    lambda v: v.extend([1, 2]),
    lambda v: v.extend(iter([1, 2])),
    lambda v: v.insert(0, 9),
    lambda v: v.pop(),
    lambda v: v.remove(2),
    lambda v: v.reverse(),
    lambda v: v.sort(key=lambda x: -x),
    lambda v: v.clear(),
    lambda v: v.__setitem__(0, 8),
    lambda v: v.__setitem__(slice(0, 2), [8]),
    lambda v: v.__delitem__(0),
    lambda v: v.__iadd__([5]),
    lambda v: v.__imul__(2),
]
DICT_CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda d: d.__setitem__("a", 5),
    lambda d: d.__delitem__("a"),
    lambda d: d.pop("a"),
    lambda d: d.pop("nothing", None),
    lambda d: d.popitem(),
    lambda d: d.clear(),
    lambda d: d.update(a=7),
    lambda d: d.update(iter([("c", 1)])),
    lambda d: d.setdefault("c", 3),
    lambda d: d.__ior__({"c": 1}),
]


@pytest.mark.parametrize("change", LIST_CHANGES)
def test_every_change_of_a_list_is_told_and_done(change: Callable[[list[int]], Any]) -> None:
    tracked, told = a_list([3, 1, 2])
    usual = [3, 1, 2]
    assert change(tracked) == change(usual) or isinstance(change(usual), list)
    assert told.calls and told.calls[0] == ("annotation", 3, tracked)


@pytest.mark.parametrize("change", LIST_CHANGES)
def test_a_list_has_no_other_way_to_change(change: Callable[[list[int]], Any]) -> None:
    tracked, _ = a_list([3, 1, 2])
    usual = [3, 1, 2]
    change(tracked)
    change(usual)
    assert tracked == usual


@pytest.mark.parametrize("change", DICT_CHANGES)
@pytest.mark.parametrize("of_item", [False, True])
def test_every_change_of_a_dict_is_told_and_done(
    change: Callable[[dict[str, Any]], Any], of_item: bool
) -> None:
    tracked, told = a_dict({"a": 1, "b": 2}, of_item=of_item)
    usual = {"a": 1, "b": 2}
    change(tracked)
    change(usual)
    assert tracked == usual
    assert [(who, row) for who, row, _ in told.calls] == [("item" if of_item else "annotation", 4)]


def test_no_method_that_changes_is_forgotten() -> None:
    """A method of list or dict that is neither wrapped nor known to leave it alone is news."""
    reading = {
        "__add__", "__class_getitem__", "__contains__", "__eq__", "__ge__", "__getattribute__",
        "__getitem__", "__gt__", "__init__", "__iter__", "__le__", "__len__", "__lt__", "__mul__",
        "__ne__", "__new__", "__or__", "__repr__", "__reversed__", "__rmul__", "__ror__",
        "__sizeof__", "copy", "count", "fromkeys", "get", "index", "items", "keys", "values",
    }  # fmt: skip
    for kind, base in ((TrackedList, list), (TrackedDict, dict)):
        for name, method in vars(base).items():
            if callable(method) and name not in reading:
                assert name in vars(kind), name


def test_reading_is_not_told() -> None:
    tracked, told = a_list([1, 2])
    assert tracked[0] == 1 and len(tracked) == 2 and list(tracked) == [1, 2] and 2 in tracked
    assert type(tracked[:]) is list and type(tracked.copy()) is list and tracked.index(2) == 1
    other, told_too = a_dict({"a": 1})
    assert other.get("a") == 1 and dict(other) == {"a": 1} and type(other | {}) is dict
    assert not told.calls and not told_too.calls


def test_a_change_that_fails_halfway_is_told() -> None:
    tracked, told = a_list([3, 1, 2])

    def key(value: int) -> int:
        if value == 2:
            raise KeyError(value)
        return value

    with pytest.raises(KeyError):
        tracked.sort(key=key)
    assert told.calls


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_a_copy_is_nobodys(copied: Any) -> None:
    tracked, told = a_list([1, [2]])
    other, told_too = a_dict({"a": [1]})
    assert type(copied(tracked)) is list and copied(tracked) == [1, [2]]
    assert type(copied(other)) is dict and copied(other) == {"a": [1]}
    copied(tracked).append(3)
    copied(other)["b"] = 1
    assert not told.calls and not told_too.calls


class Whole:
    def __init__(self, points: Any) -> None:
        self._points = points


def test_a_whole_that_has_no_part_yet_takes_the_changed_one() -> None:
    tracked, _ = a_list([1])
    whole = Whole(None)
    changed_part(whole, tracked, lambda other: None)
    assert whole._points is tracked


def test_another_list_of_the_same_row_is_changed_alike() -> None:
    tracked, told = a_list([1])
    twin = TrackedList([1]).track(told, 3, "_points")
    whole = Whole(twin)
    changed_part(whole, tracked, lambda other: list.append(other, 5))
    assert whole._points is twin and twin == [1, 5]


def test_a_list_that_a_user_gave_instead_stays() -> None:
    tracked, _ = a_list([1])
    whole = Whole([7])
    changed_part(whole, tracked, lambda other: list.append(other, 5))
    assert whole._points == [7]
