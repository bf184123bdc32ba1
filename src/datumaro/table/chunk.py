"""A stretch of a data set as columns, and what a whole data set holds.

A data set is a list of chunks: a reader makes one for each file or each few megabytes of one, a
writer takes them one after another or several at once. Chunks can be sliced, sent and put together
without touching their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories, label_names, labels_of
from datumaro.model.media import MediaElement, MediaType
from datumaro.table import schema
from datumaro.table.schema import Array


@dataclass
class Chunk:
    """Items and their annotations.

    Attributes
    ----------
    items : RecordBatch of schema.ITEMS, n rows.
    annotations : RecordBatch of schema.ANNOTATIONS, in the items' order.
    offsets : int64 [n + 1], rising from 0 to ``len(annotations)``; item i owns the annotation rows
        ``offsets[i]:offsets[i + 1]``.
    media : media objects of items whose media cannot be told in columns (in memory, or made by a
        function), by row.
    """

    items: pa.RecordBatch
    annotations: pa.RecordBatch
    offsets: Array
    media: dict[int, MediaElement] = field(default_factory=dict[int, MediaElement])

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.items) + 1 or (
            int(self.offsets[0]) != 0
            or int(self.offsets[-1]) != len(self.annotations)
            or bool((self.offsets[1:] < self.offsets[:-1]).any())
        ):
            raise ValueError("offsets do not fit the items and annotations")

    def __len__(self) -> int:
        return len(self.items)

    def slice(self, begin: int, end: int) -> Chunk:
        """Rows ``begin:end``, not copied."""
        first, last = int(self.offsets[begin]), int(self.offsets[end])
        return Chunk(
            self.items.slice(begin, end - begin),
            self.annotations.slice(first, last - first),
            self.offsets[begin : end + 1] - first,
            {row - begin: m for row, m in self.media.items() if begin <= row < end},
        )

    def take(self, rows: Array) -> Chunk:
        """The items at ``rows`` (int64, any order), with their annotations, copied."""
        counts = np.diff(self.offsets)[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        picked: Array = np.arange(int(offsets[-1])) + np.repeat(
            self.offsets[rows] - offsets[:-1], counts
        )
        media = (
            {new: self.media[old] for new, old in enumerate(rows.tolist()) if old in self.media}
            if self.media
            else {}
        )
        return Chunk(
            self.items.take(pa.array(rows)), self.annotations.take(pa.array(picked)), offsets, media
        )

    def subset_codes(self) -> tuple[Array, list[str]]:
        """Each item's subset as (int32 [n] codes, the names that they point at)."""
        column = self.items.column("subset")
        return column.indices.to_numpy(), column.dictionary.to_pylist()


def item_of(offsets: Array, row: int) -> int:
    """The item that owns an annotation row; ``offsets`` as in `Chunk`."""
    return int(np.searchsorted(offsets, row, "right")) - 1


def empty_chunk() -> Chunk:
    """A chunk of no items."""
    return Chunk(
        schema.item_batch(0, {"subset": schema.constant_dictionary("default", 0)}),
        schema.annotation_batch(0, {}),
        np.zeros(1, np.int64),
    )


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
        names: dict[str, None] = {}
        for chunk in self.chunks:
            codes, dictionary = chunk.subset_codes()
            found, first = np.unique(codes, return_index=True)
            for code in found[np.argsort(first)]:
                names.setdefault(dictionary[int(code)])
        return list(names)

    def by_subset(self) -> dict[str, list[Chunk]]:
        """The chunks of each subset, each of one subset only, in order; sliced where possible."""
        parts: dict[str, list[Chunk]] = {name: [] for name in self.subset_names()}
        for chunk in self.chunks:
            codes, dictionary = chunk.subset_codes()
            if not len(codes):
                continue
            for code in np.unique(codes):
                rows = np.flatnonzero(codes == code)
                begin, end = int(rows[0]), int(rows[-1]) + 1
                whole = end - begin == len(rows)
                part = chunk.slice(begin, end) if whole else chunk.take(rows)
                parts[dictionary[int(code)]].append(part)
        return parts


def count(chunks: Iterable[Chunk]) -> tuple[int, int]:
    """(items, annotations) of several chunks."""
    items = annotations = 0
    for chunk in chunks:
        items += len(chunk)
        annotations += len(chunk.annotations)
    return items, annotations
