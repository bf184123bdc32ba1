"""Where two dumps differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """A place at which two dumps differ.

    ``path`` are the keys and positions that lead to it; ``left`` or ``right`` is `MISSING` where
    one side has nothing at that place.
    """

    path: tuple[str | int, ...]
    left: Any
    right: Any

    def __str__(self) -> str:
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path)
        return f"${where}: {_short(self.left)} left, {_short(self.right)} right"


MISSING = object()


def _short(value: Any) -> str:
    return "nothing" if value is MISSING else json.dumps(value, ensure_ascii=False)[:100]


def differences(
    left: Any, right: Any, tolerance: float = 0.0, path: tuple[str | int, ...] = ()
) -> Iterator[Difference]:
    """All places at which ``left`` and ``right`` differ; numbers by more than ``tolerance``."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            a, b = left.get(key, MISSING), right.get(key, MISSING)
            yield from differences(a, b, tolerance, (*path, key))
    elif isinstance(left, list) and isinstance(right, list):
        for index in range(max(len(left), len(right))):
            a = left[index] if index < len(left) else MISSING
            b = right[index] if index < len(right) else MISSING
            yield from differences(a, b, tolerance, (*path, index))
    elif not _equal(left, right, tolerance):
        yield Difference(path, left, right)


def _equal(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return abs(left - right) <= tolerance
    return type(left) is type(right) and left == right


def differences_in_any_order(
    left: dict[str, Any], right: dict[str, Any], tolerance: float = 0.0
) -> Iterator[Difference]:
    """As `differences` of two dumps, whatever the order of items and of an item's annotations.

    Of annotations that are not the same on both sides, those of the same kind and place are paired.
    """
    sides = [_by_id(left), _by_id(right)]
    yield from differences(*({**side, "annotations": None} for side in sides), tolerance=tolerance)
    for key in sorted(sides[0]["annotations"].keys() & sides[1]["annotations"].keys()):
        ours, theirs = (list(side["annotations"][key]) for side in sides)
        for found in list(ours):
            same = next((a for a in theirs if not any(differences(found, a, tolerance))), None)
            if same is not None:
                ours.remove(found)
                theirs.remove(same)
        for found in list(ours):
            alike = [a for a in theirs if _alike(found, a, tolerance)]
            pair: Any = alike[0] if alike else MISSING
            if alike:
                theirs.remove(pair)
            yield from differences(found, pair, tolerance, (*key, found["type"]))
        for found in theirs:
            yield Difference((*key, found["type"]), MISSING, found)


def _by_id(dump: dict[str, Any]) -> dict[str, Any]:
    """The dump with its items, without annotations, by subset and id; annotations beside them."""
    items = {(name, item["id"]): item for name, items in dump["subsets"].items() for item in items}
    subsets: dict[str, dict[str, Any]] = {name: {} for name in dump["subsets"]}
    for (name, item_id), item in items.items():
        subsets[name][item_id] = {k: v for k, v in item.items() if k != "annotations"}
    annotations = {key: item["annotations"] for key, item in items.items()}
    return {**dump, "subsets": subsets, "annotations": annotations}


def _alike(left: dict[str, Any], right: dict[str, Any], tolerance: float) -> bool:
    """Whether two annotations are about the same thing: of the same kind, in the same place."""
    keys = ("type", "points", "mask", "caption")
    places = [{key: annotation.get(key) for key in keys} for annotation in (left, right)]
    return not any(differences(*places, tolerance))


def without(dump: Any, drop: Callable[[tuple[str | int, ...], Any], bool], path: Any = ()) -> Any:
    """The dump without the entries for which ``drop(path, value)`` is true."""
    if isinstance(dump, dict):
        return {
            key: without(value, drop, (*path, key))
            for key, value in dump.items()
            if not drop((*path, key), value)
        }
    if isinstance(dump, list):
        kept = [(i, value) for i, value in enumerate(dump) if not drop((*path, i), value)]
        return [without(value, drop, (*path, i)) for i, value in kept]
    return dump
