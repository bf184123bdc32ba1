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


def unordered(dump: dict[str, Any]) -> dict[str, Any]:
    """The dump with items sorted by id, and each item's annotations sorted.

    For formats in which the published package reads in an order of its own.
    """
    subsets = {
        name: sorted(
            ({**item, "annotations": sorted(item["annotations"], key=_text)} for item in items),
            key=lambda item: item["id"],
        )
        for name, items in dump["subsets"].items()
    }
    return {**dump, "subsets": subsets}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


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
