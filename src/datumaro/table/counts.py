"""How much there is in a data set: items, and annotations by kind and label.

NumPy and Arrow are imported when something is counted: what files say of themselves needs neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from datumaro.model.categories import Categories, label_names
from datumaro.model.kinds import AnnotationType, MediaType

if TYPE_CHECKING:
    from datumaro.table.chunk import Chunk
    from datumaro.table.schema import Array

_BITS = 12
"""Labels of so many bits are counted in a table of all of them."""


@dataclass(frozen=True)
class Count:
    """How much there is.

    Attributes
    ----------
    items : number of items.
    unannotated : of these, how many have no annotations.
    by_label : numbers of annotations, by kind and index of the label, which is None for those
        without one; of what occurs.
    """

    items: int = 0
    unannotated: int = 0
    by_label: dict[AnnotationType, dict[int | None, int]] = field(
        default_factory=dict[AnnotationType, dict[int | None, int]]
    )

    @property
    def annotations(self) -> dict[AnnotationType, int]:
        """Numbers of annotations by kind, of the kinds that occur."""
        return {kind: sum(labels.values()) for kind, labels in self.by_label.items()}

    @property
    def labels(self) -> dict[int | None, int]:
        """Numbers of annotations by index of the label, of all kinds; None for no label."""
        found = Counter[int | None]()
        for labels in self.by_label.values():
            found.update(labels)
        return dict(found)

    def __add__(self, other: Count) -> Count:
        """Both together."""
        by_label = {kind: Counter(labels) for kind, labels in self.by_label.items()}
        for kind, labels in other.by_label.items():
            by_label.setdefault(kind, Counter[int | None]()).update(labels)
        return Count(
            self.items + other.items,
            self.unannotated + other.unannotated,
            {kind: dict(by_label[kind]) for kind in sorted(by_label)},
        )


@dataclass(frozen=True)
class Summary:
    """What is in a data set, without its items.

    Attributes
    ----------
    total, subsets : how much there is, as a whole and in each subset that has items.
    categories, infos, media_type : as `table.chunk.Content` has them.
    """

    total: Count
    subsets: dict[str, Count]
    categories: dict[AnnotationType, Categories] = field(
        default_factory=dict[AnnotationType, Categories]
    )
    infos: dict[str, Any] = field(default_factory=dict[str, Any])
    media_type: MediaType = MediaType.IMAGE

    def label_counts(self) -> dict[str, int]:
        """Numbers of annotations by name of the label, of all labels; those not used have 0.

        A label that the categories do not have appears by its number.
        """
        names = label_names(self.categories)
        counts: Mapping[int | None, int] = self.total.labels
        found = {name: counts.get(index, 0) for index, name in enumerate(names)}
        unknown = sorted(i for i in counts if i is not None and not 0 <= i < len(names))
        return found | {str(index): counts[index] for index in unknown}


def count_chunks(chunks: Iterable[Chunk]) -> Count:
    """Count items and annotations; no object is made of them."""
    import numpy as np

    from datumaro.table.schema import label_values

    total = Count()
    for chunk in chunks:
        types = chunk.annotations.column("type").to_numpy()
        labels = label_values(chunk.annotations.column("label"))
        total += Count(
            len(chunk), int(np.count_nonzero(np.diff(chunk.offsets) == 0)), by_label(types, labels)
        )
    return total


def by_label(types: Array, labels: Array) -> dict[AnnotationType, dict[int | None, int]]:
    """Numbers of annotations by kind and label.

    Parameters
    ----------
    types : uint8 [n], kinds.
    labels : int32 [n], NO_LABEL for none.
    """
    import numpy as np

    from datumaro.kernels import label_counts
    from datumaro.table.schema import NO_LABEL

    result: dict[AnnotationType, dict[int | None, int]] = {}
    counted = label_counts.count(types, labels, NO_LABEL, _BITS)
    if counted is None:
        keys, numbers = np.unique(labels.astype(np.int64) * 256 + types, return_counts=True)
        for key, n in zip(keys.tolist(), numbers.tolist(), strict=True):
            label = None if key >> 8 == NO_LABEL else key >> 8
            result.setdefault(AnnotationType(key & 255), {})[label] = n
        return {kind: result[kind] for kind in sorted(result)}
    there, table = counted
    for kind, numbers in zip(there.tolist(), table, strict=True):
        places = np.flatnonzero(numbers)
        names = [place - 1 if place else None for place in places.tolist()]
        result[AnnotationType(kind)] = dict(zip(names, numbers[places].tolist(), strict=True))
    return result
