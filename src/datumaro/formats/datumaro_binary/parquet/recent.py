"""The row groups that were asked for last, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something in memory."""

    @property
    def nbytes(self) -> int:
        """How many bytes it takes; it may grow."""
        ...


T = TypeVar("T", bound=Sized)


class _Place(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: T | None = None
        self.nbytes = 0


class Recent(Generic[T]):
    """Keeps what was asked for last; of several threads that ask for the same, one makes it.

    Parameters
    ----------
    most : bytes that are kept; what was asked for last is kept however large it is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._places: OrderedDict[int, _Place[T]] = OrderedDict()
        self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """The bytes of all that is kept."""
        return self._nbytes

    def __len__(self) -> int:
        return len(self._places)

    def peek(self, key: int) -> T | None:
        """What is kept; None, and nothing is made, when it is not."""
        place = self._places.get(key)
        return None if place is None else place.value

    def get(self, key: int, make: Callable[[int], T]) -> T:
        """What is kept, or else made."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if place.value is None:
                try:
                    place.value = make(key)
                except BaseException:
                    with self._lock:  # the next asks anew
                        if self._places.get(key) is place:
                            del self._places[key]
                    raise
                self._measure(key, place)
            return place.value

    def measure(self, key: int) -> None:
        """Something that is kept has grown."""
        place = self._places.get(key)
        if place is not None:
            self._measure(key, place)

    def _measure(self, key: int, place: _Place[T]) -> None:
        """Count its bytes, and drop what was not asked for longest."""
        with self._lock:
            if self._places.get(key) is not place or place.value is None:
                return  # dropped meanwhile: whoever made it has it alone
            nbytes = place.value.nbytes
            self._nbytes += nbytes - place.nbytes
            place.nbytes = nbytes
            while self._nbytes > self._most and len(self._places) > 1:
                _, dropped = self._places.popitem(last=False)
                self._nbytes -= dropped.nbytes
