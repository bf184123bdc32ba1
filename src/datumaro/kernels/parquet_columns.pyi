from collections.abc import Callable
from typing import Any

from pyarrow import Buffer

Bytes = bytes | bytearray | memoryview | Buffer
_Memory = Any  # what `allocate` makes

class Column:
    """A column's pages, of which the levels are read and checked.

    Parameters
    ----------
    pages : (content without compression, number of levels, encoding of the values) of each. It is
        kept, and must not change.
    nested : whether its values are in lists.
    most : the definition level of what is there: 0 or 1, of nested ones 1 or 2.
    like : a column that must have the same lists.
    allocate : makes memory of so many bytes, for all that is returned.

    Attributes
    ----------
    n : how many values there are, with nulls.
    there, nulls : how many that are not null, and that are.
    lists : of nested ones, how many lists.
    offsets : where the values of each list begin, and the last end: int64 [lists + 1].

    Raises
    ------
    ValueError
        Here and from all others: something is damaged, or of another kind.
    """

    n: int
    there: int
    lists: int
    offsets: _Memory
    def __init__(
        self,
        pages: list[tuple[Bytes, int, int]],
        nested: bool,
        most: int,
        like: Column | None = None,
        allocate: Callable[[int], bytearray | Buffer] = ...,
    ) -> None: ...
    @property
    def nulls(self) -> int: ...
    @property
    def valid(self) -> bytes | None:
        """Arrow's validity bits, lowest first; None when nothing is null."""

    def are_indices(self) -> bool:
        """Whether all values that are not null are indices into a dictionary."""

    def numbers(self, size: int, words: Bytes | None = None) -> _Memory:
        """The values, int32 or int64 [n], 0 for null. The GIL is released, in all others, too.

        Parameters
        ----------
        size : 4 or 8, the bytes of a number.
        words : the dictionary, of the same type.
        """

    def indices(self, words: int) -> _Memory:
        """Indices into a dictionary, int32 [n], all below ``words``, 0 for null."""

    def texts(
        self, words: tuple[Bytes, Bytes] | None = None, memory: Bytes | None = None
    ) -> tuple[_Memory, memoryview]:
        """(Offsets int64 [n + 1] from 0 on, the bytes of all texts).

        Null is empty. Where one page has all texts, one after another, the bytes are its own.

        Parameters
        ----------
        words : the dictionary: offsets int64 [words + 1], and the texts' bytes.
        memory : what all pages are parts of, and may be changed. Where it can be, their texts are
            moved together in it; so this can be asked for once.
        """
