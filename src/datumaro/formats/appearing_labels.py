"""Labels of formats that do not declare them: in the order in which they appear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories
from datumaro.table import schema
from datumaro.table.chunk import Chunk


class AppearingLabels:
    """Gives each name an index when it is first asked for; or, when labels are given, those only.

    Attributes
    ----------
    is_open : whether names that are not known yet get an index.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._index: dict[str, int] = {}
        for name in names or ():
            self._index.setdefault(name, len(self._index))
        self.is_open = names is None

    def __len__(self) -> int:
        return len(self._index)

    @property
    def names(self) -> list[str]:
        """All names, by their index."""
        return list(self._index)

    def find(self, name: str) -> int | None:
        """The index of a name; None for one that is not declared, where labels are."""
        index = self._index.get(name)
        if index is None and self.is_open:
            index = self._index[name] = len(self._index)
        return index

    def add(self, name: str) -> int:
        """The index of a name, which gets one when it is not known."""
        return self._index.setdefault(name, len(self._index))

    def categories(self) -> dict[AnnotationType, Categories]:
        """Label categories of all names."""
        return {AnnotationType.label: LabelCategories.from_iterable(self._index)}


def sort_labels(
    chunks: list[Chunk], labels: AppearingLabels
) -> tuple[list[Chunk], dict[AnnotationType, Categories]]:
    """The chunks with their labels renumbered by name, and these as categories."""
    names = sorted(labels.names)
    if names == labels.names:
        return chunks, labels.categories()
    index = {name: i for i, name in enumerate(names)}
    numbers = np.array([index[name] for name in labels.names], np.int32)
    made: list[Chunk] = []
    for chunk in chunks:
        values = schema.label_values(chunk.annotations.column("label"))
        known = values != schema.NO_LABEL
        renumbered = values.copy()
        renumbered[known] = numbers[values[known]]
        place = chunk.annotations.schema.get_field_index("label")
        annotations = chunk.annotations.set_column(
            place, chunk.annotations.schema.field(place), schema.labels(renumbered)
        )
        made.append(replace(chunk, annotations=annotations))
    return made, AppearingLabels(names).categories()
