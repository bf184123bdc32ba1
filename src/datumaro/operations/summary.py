"""What is in a data set, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datumaro.model.annotation import AnnotationType
from datumaro.operations.content import HasContent, content_of
from datumaro.table.chunk import Chunk, Content


@dataclass(frozen=True)
class Count:
    """How much there is.

    Attributes
    ----------
    items : number of items.
    annotations : numbers of annotations by kind, of the kinds that occur.
    """

    items: int
    annotations: dict[AnnotationType, int]


@dataclass(frozen=True)
class Summary:
    """A data set's count, as a whole and by subset."""

    total: Count
    subsets: dict[str, Count]


def summarize(dataset: HasContent | Content) -> Summary:
    """Count items and annotations; no item or annotation object is made."""
    content = content_of(dataset)
    subsets = {name: _count(chunks) for name, chunks in content.by_subset().items()}
    return Summary(_count(content.chunks), subsets)


def _count(chunks: list[Chunk]) -> Count:
    numbers = np.zeros(256, np.int64)
    for chunk in chunks:
        numbers += np.bincount(chunk.annotations.column("type").to_numpy(), minlength=256)
    kinds = {t: int(numbers[t]) for t in AnnotationType if numbers[t]}
    return Count(sum(map(len, chunks)), kinds)
