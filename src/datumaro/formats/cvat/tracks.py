"""Frames of videos: the shapes of tracks, which stand track after track, put together by frame."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datumaro.formats.columns import ChunkColumns
from datumaro.table import json_text
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array


@dataclass
class FrameImage:
    """The item of a frame.

    Attributes
    ----------
    path : of its image; "" for none.
    size : its height and width in pixels; zeros when not known.
    """

    id: str
    path: str = ""
    size: tuple[int, int] = (0, 0)


@dataclass
class TaskTracks:
    """The shapes of a task's tracks.

    Attributes
    ----------
    columns : the shapes, without items.
    frames : the frame of each.
    """

    columns: ChunkColumns = field(default_factory=ChunkColumns)
    frames: array[int] = field(default_factory=lambda: array("q"))

    def chunk(
        self, images: list[Chunk], subset: str, name_of: Callable[[int], FrameImage]
    ) -> Chunk:
        """The frames as items, in their order; those of ``images`` first, with what they have.

        Parameters
        ----------
        images : items that are frames already; their attribute ``frame`` says which.
        name_of : makes the item of another frame.
        """
        self.columns.add_item("", subset, "")  # owns all rows until they are put to their frames
        rows = self.columns.finish().annotations
        frames = np.frombuffer(self.frames, np.int64)
        row_of: dict[int, int] = {}
        attributes = [text for chunk in images for text in _attributes(chunk)]
        for row, text in enumerate(attributes):
            row_of.setdefault(json_text.decode(text).get("frame", -1), row)
        made = ChunkColumns()
        for frame in np.unique(frames).tolist():
            if frame not in row_of:
                image = name_of(frame)
                row_of[frame] = len(attributes) + len(made)
                made.add_item(
                    image.id, subset, image.path, *image.size, json_text.encode({"frame": frame})
                )
        owners = [np.repeat(np.arange(len(chunk)), np.diff(chunk.offsets)) for chunk in images]
        starts = np.cumsum([0, *map(len, images)])
        owner: Array = np.concatenate(
            [*(own + start for own, start in zip(owners, starts.tolist(), strict=False)),
             np.array([row_of[frame] for frame in frames.tolist()], np.int64)]
        ).astype(np.int64)  # fmt: skip
        annotations = _concatenated([*(chunk.annotations for chunk in images), rows])
        items = [*(chunk.items for chunk in images), made.finish().items]
        order = np.argsort(owner, kind="stable")
        n = len(attributes) + len(made)
        offsets = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=n), out=offsets[1:])
        return Chunk(_concatenated(items), annotations.take(pa.array(order)), offsets)


def _attributes(chunk: Chunk) -> list[str]:
    return chunk.items.column("attributes").to_pylist()


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    found = table.to_batches()
    return found[0] if found else batches[0]
