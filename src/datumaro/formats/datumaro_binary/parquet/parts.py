"""The part of a data set that is read: some of its files, some of each subset's items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from datumaro.errors import InvalidOptionError


@dataclass(frozen=True)
class Part:
    """What is read.

    Attributes
    ----------
    shard, shards : every ``shards``-th file, from the file ``shard`` on.
    begin, end : items of each subset, counted from 0 through its files; None for all to the last.
    """

    shard: int = 0
    shards: int = 1
    begin: int = 0
    end: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything is read."""
        return self == Part()

    def within(self, first: int, n: int) -> tuple[int, int]:
        """The items that are read of a file, counted from 0 in it.

        Parameters
        ----------
        first : how many items of its subset are in files before it.
        n : how many it has.
        """
        end = n if self.end is None else min(max(self.end - first, 0), n)
        return min(max(self.begin - first, 0), end), end


def part_of(shard: str | None, rows: str | None) -> Part:
    """The part that two options name: ``"i/n"`` and ``"begin:end"``, whose sides may be empty.

    Raises
    ------
    InvalidOptionError
        One is of another form, or names nothing.
    """
    number, count, begin, end = 0, 1, 0, None
    if shard is not None:
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(shard), re.ASCII)
        number, count = map(int, found.groups()) if found else (0, 0)
        if number >= count:
            raise InvalidOptionError(
                f"shard is {shard!r}; expected I/N, such as 0/4, with I from 0 to N - 1"
            )
    if rows is not None:
        found = re.fullmatch(r"(\d{0,18}):(\d{0,18})", str(rows), re.ASCII)
        if found:
            begin, end = int(found[1] or 0), int(found[2]) if found[2] else None
        if not found or (end is not None and end < begin):
            raise InvalidOptionError(
                f"rows is {rows!r}; expected BEGIN:END, such as 0:1000, both from 0 and END not "
                "before BEGIN; either may be left out"
            )
    return Part(number, count, begin, end)


def groups_between(sizes: Iterable[int], begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The row groups that have rows ``begin:end`` of a file: (number, begin, end) in each.

    Parameters
    ----------
    sizes : the rows of each group.
    """
    first = 0
    for number, size in enumerate(sizes):
        low, high = max(begin - first, 0), min(end - first, size)
        if low < high:
            yield number, low, high
        first += size
