"""What a whole data set holds. NumPy and Arrow are imported when there are chunks to look at."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from datumaro.model.categories import Categories, LabelCategories, label_names, labels_of
from datumaro.model.kinds import AnnotationType, MediaType

if TYPE_CHECKING:
    from datumaro.table.chunk import Chunk


@dataclass
class Content:
    """All that a data set holds. What a format's reader returns, and what a writer is given.

    Attributes
    ----------
    chunks : the items, in order.
    categories : by the kind of annotation that they are for.
    infos : free information on the whole data set, as JSON can hold it.
    media_type : the kind of media that all items have (MediaType.MEDIA_ELEMENT when mixed).
    """

    chunks: list[Chunk]
    categories: dict[AnnotationType, Categories] = field(
        default_factory=dict[AnnotationType, Categories]
    )
    infos: dict[str, Any] = field(default_factory=dict[str, Any])
    media_type: MediaType = MediaType.IMAGE

    def __post_init__(self) -> None:
        for chunk in self.chunks[1:]:  # a video's frames may be in several
            chunk.videos = self.chunks[0].videos

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    @property
    def labels(self) -> LabelCategories:
        """The labels; none when the data set states none."""
        return labels_of(self.categories)

    @property
    def label_names(self) -> list[str]:
        """Names of the labels, in the order of their indices."""
        return label_names(self.categories)

    def independent(self) -> Content:
        """The same with categories and infos of its own. Columns never change: they are shared."""
        return replace(self, categories=deepcopy(self.categories), infos=deepcopy(self.infos))

    def subset_names(self) -> list[str]:
        """Names of the subsets that have items, in the order of their first item."""
        import numpy as np

        names: dict[str, None] = {}
        for chunk in self.chunks:
            codes, dictionary = chunk.subset_codes()
            found, first = np.unique(codes, return_index=True)
            for code in found[np.argsort(first)]:
                names.setdefault(dictionary[int(code)])
        return list(names)

    def by_subset(self) -> dict[str, list[Chunk]]:
        """The chunks of each subset, each of one subset only, in order; sliced where possible."""
        import numpy as np

        parts: dict[str, list[Chunk]] = {name: [] for name in self.subset_names()}
        for chunk in self.chunks:
            codes, dictionary = chunk.subset_codes()
            if not len(codes):
                continue
            for code in np.flatnonzero(np.bincount(codes)):
                rows = np.flatnonzero(codes == code)
                begin, end = int(rows[0]), int(rows[-1]) + 1
                whole = end - begin == len(rows)
                part = chunk.slice(begin, end) if whole else chunk.take(rows)
                parts[dictionary[int(code)]].append(part)
        return parts
