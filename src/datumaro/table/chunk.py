"""A stretch of a data set as columns.

A data set is a list of chunks: a reader makes one for each file or each few megabytes of one, a
writer takes them one after another or several at once. Chunks can be sliced, sent and put together
without touching their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datumaro.model.media import MediaElement
from datumaro.model.shared_videos import SharedVideos
from datumaro.table import schema
from datumaro.table.content import Content as Content
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
    videos : those whose frames the columns tell. Slices have them in common, and so have the
        chunks of a `Content`.
    """

    items: pa.RecordBatch
    annotations: pa.RecordBatch
    offsets: Array
    media: dict[int, MediaElement] = field(default_factory=dict[int, MediaElement])
    videos: SharedVideos = field(default_factory=SharedVideos, repr=False, compare=False)

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
            self.videos,
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
            self.items.take(pa.array(rows)),
            self.annotations.take(pa.array(picked)),
            offsets,
            media,
            self.videos,
        )

    def bytes_up_to(self, items: Array) -> Array:
        """How much memory all before each of ``items`` take with their annotations: int64, bytes.

        Texts, lists and 96 bytes for each annotation are counted, as its numbers and the places of
        its texts take; of items the texts alone.

        Parameters
        ----------
        items : int64 [k], numbers from 0 to ``len(self)``.
        """
        annotations = self.offsets[items]
        total = 96 * annotations
        for batch, rows in ((self.items, items), (self.annotations, annotations)):
            for column in batch.columns:
                if _has_length(column.type):
                    offsets, values = schema.list_parts(column)
                    total += values.itemsize * (offsets[rows] - offsets[0])
        return total

    def subset_codes(self) -> tuple[Array, list[str]]:
        """Each item's subset as (int32 [n] codes, the names that they point at)."""
        column = self.items.column("subset")
        return column.indices.to_numpy(), column.dictionary.to_pylist()


def _has_length(kind: pa.DataType) -> bool:
    """Whether values of a column may be of any length."""
    return (
        pa.types.is_large_list(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_large_binary(kind)
    )


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


def count(chunks: Iterable[Chunk]) -> tuple[int, int]:
    """(items, annotations) of several chunks."""
    items = annotations = 0
    for chunk in chunks:
        items += len(chunk)
        annotations += len(chunk.annotations)
    return items, annotations
