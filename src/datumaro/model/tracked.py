"""Lists and dicts that say when they are changed in place.

Items and annotations that look at columns hand these out. A change makes the data set take the
object over, so that ``item.annotations.append(...)`` and ``annotation.points[0] = 3`` are kept
although nobody holds the item. They point at the columns' rows and not at their objects: no
reference cycles, so that scanned objects are freed at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

_LIST_CHANGES = (
    "__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "extend", "insert", "pop",
    "remove", "clear", "sort", "reverse",
)  # fmt: skip
_DICT_CHANGES = (
    "__setitem__", "__delitem__", "__ior__", "pop", "popitem", "clear", "update", "setdefault",
)  # fmt: skip


class RowSource(Protocol):
    """The rows of columns behind items and annotations, and where changes are told.

    ``row`` is an annotation's row for the first group of methods and an item's for the second; both
    count within the source.
    """

    @property
    def ids(self) -> list[int]: ...
    @property
    def groups(self) -> list[int]: ...
    @property
    def object_ids(self) -> list[int]: ...
    @property
    def labels(self) -> list[int | None]: ...
    @property
    def z_orders(self) -> list[int]: ...

    def attributes(self, row: int) -> dict[str, Any]: ...
    def points(self, row: int) -> list[float]: ...
    def visibility(self, row: int) -> list[Any]: ...
    def mask(self, row: int) -> tuple[bytes, int, int]: ...
    def text(self, row: int) -> str: ...
    def extra(self, row: int) -> dict[str, Any]: ...
    def area(self, row: int) -> float | None: ...
    def annotation_changed(self, row: int, annotation: Any) -> None: ...
    def part_changed(self, row: int, part: str, value: Any) -> None: ...

    @property
    def item_ids(self) -> list[str]: ...
    @property
    def subsets(self) -> list[str]: ...

    def item_attributes(self, row: int) -> dict[str, Any]: ...
    def media(self, row: int) -> Any: ...
    def annotations(self, row: int) -> list[Any]: ...
    def item_changed(self, row: int, item: Any) -> None: ...
    def item_part_changed(self, row: int, part: str, value: Any) -> None: ...


class TrackedList(list[Any]):
    """A list that belongs to the field ``part`` of an annotation's row."""

    __slots__ = ("_part", "_row", "_source")
    _source: RowSource
    _row: int
    _part: str

    def track(self, source: RowSource, row: int, part: str) -> TrackedList:
        """Begin to report changes."""
        self._source, self._row, self._part = source, row, part
        return self

    def _changed(self) -> None:
        self._source.part_changed(self._row, self._part, self)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy is nobody's
        return list, (list(self),)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()


class TrackedDict(dict[str, Any]):
    """A dict that belongs to the field ``part`` of an annotation's or an item's row."""

    __slots__ = ("_of_item", "_part", "_row", "_source")

    def track(
        self, source: RowSource, row: int, part: str, *, of_item: bool = False
    ) -> TrackedDict:
        """Begin to report changes."""
        self._source, self._row, self._part, self._of_item = source, row, part, of_item
        return self

    def _changed(self) -> None:
        if self._of_item:
            self._source.item_part_changed(self._row, self._part, self)
        else:
            self._source.part_changed(self._row, self._part, self)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy is nobody's
        return dict, (dict(self),)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()


def report_changes(kind: type, base: type, names: tuple[str, ...]) -> None:
    """Let the methods ``names`` that ``kind`` inherits from ``base`` call ``_changed``."""

    def wrap(name: str) -> Callable[..., Any]:
        plain = getattr(base, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return plain(self, *args, **kwargs)
            finally:  # a sort whose key function raises has changed the order all the same
                self._changed()

        method.__name__, method.__doc__ = name, plain.__doc__
        return method

    for name in names:
        setattr(kind, name, wrap(name))


def report_list_changes(kind: type) -> None:
    """Let all of a list's changing methods report."""
    report_changes(kind, list, _LIST_CHANGES)


report_list_changes(TrackedList)
report_changes(TrackedDict, dict, _DICT_CHANGES)
