"""Lists and dicts that say when they are changed in place.

Items and annotations that look at columns hand these out. A change makes the data set take the
object over, so that ``item.annotations.append(...)`` and ``annotation.points[0] = 3`` are kept
although nobody holds the item. They point at the columns' rows and not at their objects: no
reference cycles, so that scanned objects are freed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

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
    def stored_points(self, row: int) -> list[Any]: ...
    def visibility(self, row: int) -> list[Any]: ...
    def mask(self, row: int) -> tuple[bytes, int, int]: ...
    def text(self, row: int) -> str: ...
    def extra(self, row: int) -> dict[str, Any]: ...
    def values(self, row: int) -> dict[str, Any]: ...
    def area(self, row: int) -> float | None: ...
    def annotation_changed(self, row: int) -> None: ...
    def part_changed(self, row: int, part: Any, change: Callable[[Any], Any]) -> None: ...

    @property
    def item_ids(self) -> list[str]: ...
    @property
    def subsets(self) -> list[str]: ...

    def item_attributes(self, row: int) -> dict[str, Any]: ...
    def media(self, row: int) -> Any: ...
    def annotations(self, row: int) -> list[Any]: ...
    def item_changed(self, row: int) -> None: ...
    def item_part_changed(self, row: int, part: Any, change: Callable[[Any], Any]) -> None: ...


class TrackedList(list[Any]):
    """A list that is the field ``_slot`` of an annotation's row."""

    __slots__ = ("_row", "_slot", "_source")
    _source: RowSource
    _row: int
    _slot: str

    def track(self, source: RowSource, row: int, slot: str) -> TrackedList:
        """Begin to report changes."""
        self._source, self._row, self._slot = source, row, slot
        return self

    def _changed(self, change: Callable[[Any], Any]) -> None:
        self._source.part_changed(self._row, self, change)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy is nobody's
        return list, (list(self),)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()


class TrackedDict(dict[str, Any]):
    """A dict that is the field ``_slot`` of an annotation's or an item's row."""

    __slots__ = ("_of_item", "_row", "_slot", "_source")
    _source: RowSource
    _row: int
    _slot: str
    _of_item: bool

    def track(
        self, source: RowSource, row: int, slot: str, *, of_item: bool = False
    ) -> TrackedDict:
        """Begin to report changes."""
        self._source, self._row, self._slot, self._of_item = source, row, slot, of_item
        return self

    def _changed(self, change: Callable[[Any], Any]) -> None:
        if self._of_item:
            self._source.item_part_changed(self._row, self, change)
        else:
            self._source.part_changed(self._row, self, change)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy is nobody's
        return dict, (dict(self),)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()


def changed_part(whole: Any, part: Any, change: Callable[[Any], Any]) -> None:
    """Let an item or annotation hold its part that was changed.

    Usually it does already, or has none yet. It may also have another one: somebody kept the part
    alone, and the whole was made anew and looked at since; then that one is changed alike. One that
    was given by a user in its place stays.
    """
    mine = getattr(whole, part._slot, None)
    if mine is None:
        setattr(whole, part._slot, part)
    elif (
        mine is not part
        and getattr(mine, "_source", None) is part._source
        and (mine._row == part._row)
    ):
        change(mine)


def report_changes(kind: type, base: type, names: tuple[str, ...]) -> None:
    """Let the methods ``names`` that ``kind`` inherits from ``base`` call ``_changed``."""

    def wrap(name: str) -> Callable[..., Any]:
        plain = getattr(base, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            # what can be read once only must do for a second list too
            args = tuple(
                list(cast(Iterator[Any], a)) if isinstance(a, Iterator) else a for a in args
            )
            try:
                return plain(self, *args, **kwargs)
            finally:  # a sort whose key function raises has changed the order all the same

                def change(other: Any) -> Any:
                    return plain(other, *args, **kwargs)

                self._changed(change)

        method.__name__, method.__doc__ = name, plain.__doc__
        return method

    for name in names:
        setattr(kind, name, wrap(name))


def report_list_changes(kind: type) -> None:
    """Let all of a list's changing methods report."""
    report_changes(kind, list, _LIST_CHANGES)


report_list_changes(TrackedList)
report_changes(TrackedDict, dict, _DICT_CHANGES)
