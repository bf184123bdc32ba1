"""The images of an Open Images data set, gathered from all of its tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datumaro.table.schema import Array


class ItemIndex:
    """Numbers the images of all subsets in the order in which they are met.

    Attributes
    ----------
    ids, codes : each image's id, and its subset's index among ``subsets``.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.codes: list[int] = []
        self._subsets: dict[str, int] = {}
        self._of: list[dict[str, int]] = []  # of each subset: {id: number}
        self._first: dict[str, int] = {}  # of all: {id: number}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def subsets(self) -> list[str]:
        """The subsets' names."""
        return list(self._subsets)

    def _code(self, subset: str) -> int:
        code = self._subsets.setdefault(subset, len(self._subsets))
        if code == len(self._of):
            self._of.append({})
        return code

    def add(self, subset: str, item_id: str) -> int:
        """The number of an image, which may be a new one."""
        code = self._code(subset)
        number = self._of[code].get(item_id)
        if number is None:
            number = self._of[code][item_id] = len(self.ids)
            self.ids.append(item_id)
            self.codes.append(code)
            self._first.setdefault(item_id, number)
        return number

    def find(self, subset: str, ids: pa.Array) -> Array:
        """The numbers of images that a subset's table names, int64.

        An id that the subset does not have is that of another subset's image, if there is one: then
        the tables of that subset are not where its images are. Otherwise it is a new image.
        """
        encoded = ids.dictionary_encode()
        own, first = self._of[self._code(subset)], self._first
        numbers: list[int] = []
        for item_id in encoded.dictionary.to_pylist():
            number = own.get(item_id)
            if number is None:
                number = first.get(item_id)
            numbers.append(self.add(subset, item_id) if number is None else number)
        return np.array(numbers, np.int64)[encoded.indices.to_numpy()]

    def by_subset(self) -> Array:
        """The images' numbers, subset by subset, int64."""
        return np.argsort(np.array(self.codes, np.int64), kind="stable")
