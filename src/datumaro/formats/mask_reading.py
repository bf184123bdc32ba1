"""Reading items whose masks lie in an image file each: decoded in threads, in the items' order."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import read_file
from datumaro.formats.index_masks import (
    MAX_PIXELS_UNEXPECTED,
    MaskRow,
    Painting,
    decode,
    shape_of,
)
from datumaro.model.image_header import read_size
from datumaro.model.media import probe_size
from datumaro.table.chunk import Chunk

_CHUNK_ITEMS = 8192
_BATCH_ITEMS = 64
_THREADS = min(8, os.cpu_count() or 1)
_MAX_BYTES = 1 << 28
_SMALL_PIXELS = 1 << 16


@dataclass(frozen=True, slots=True)
class MaskItem:
    """An item and its files.

    Attributes
    ----------
    image, mask : paths; "" for none.
    height, width : of the image in pixels; zeros when not stated.
    """

    id: str
    subset: str
    image: str
    mask: str
    height: int = 0
    width: int = 0


@dataclass(slots=True)
class ItemMasks:
    """What an item's mask file holds, or what is wrong with it.

    Attributes
    ----------
    shape : its height and width in pixels.
    """

    rows: list[MaskRow] = field(default_factory=list[MaskRow])
    shape: tuple[int, int] = (0, 0)
    error: DatasetImportError | None = None


Separate = Callable[[Painting, MaskItem], list[MaskRow]]
"""Makes masks of a decoded file; runs in a thread. It may raise DatasetImportError."""

Annotate = Callable[[ChunkColumns, MaskItem, ItemMasks], None]
"""Appends an item's annotations."""


def read_items(
    items: Sequence[MaskItem],
    separate: Separate,
    annotate: Annotate,
    context: ReadContext,
    desc: str,
) -> list[Chunk]:
    """All items, with their annotations. A damaged mask file is a problem of its item alone."""
    chunks: list[Chunk] = []

    def load(item: MaskItem) -> ItemMasks:
        return _load(item, separate) if item.mask else _NOTHING

    context.progress.start(len(items), desc=desc)
    with ThreadPoolExecutor(_THREADS) as threads:
        for begin in range(0, len(items), _CHUNK_ITEMS):
            columns = ChunkColumns()
            end = min(begin + _CHUNK_ITEMS, len(items))
            for first in range(begin, end, _BATCH_ITEMS):
                batch = items[first : min(first + _BATCH_ITEMS, end)]
                decoded: Iterable[ItemMasks] = repeat(_NOTHING)
                if masked := next((item.mask for item in batch if item.mask), ""):
                    decoded = (map if _is_small(masked) else threads.map)(load, batch)
                for item, masks in zip(batch, decoded, strict=False):
                    if masks.error is not None:
                        context.problem(masks.error)
                    annotate(columns, item, masks)
                    columns.add_item(item.id, item.subset, item.image, item.height, item.width)
                context.progress.report_status(first + len(batch))
            chunks.append(columns.finish())
    context.progress.finish()
    return chunks


_NOTHING = ItemMasks()


def _is_small(path: str) -> bool:
    """Whether a mask is decoded before a thread could be told to."""
    size = probe_size(path)
    return size is not None and size[0] * size[1] <= _SMALL_PIXELS


def _load(item: MaskItem, separate: Separate) -> ItemMasks:
    try:
        data = read_file(item.mask, _MAX_BYTES)
        if data is None:
            raise MalformedFileError(item.mask, "", "no such file", "a mask")
        if len(data) > _MAX_BYTES:
            raise MalformedFileError(item.mask, "", f"more than {_MAX_BYTES} bytes", "a mask")
        painting = decode(data, item.mask, _expected(data, item))
        return ItemMasks(separate(painting, item), shape_of(painting))
    except DatasetImportError as error:
        return ItemMasks(error=error)
    except OSError as error:
        return ItemMasks(
            error=MalformedFileError(item.mask, "", error.strerror or str(error), "a mask")
        )


def _expected(data: bytes, item: MaskItem) -> tuple[int, int] | None:
    """The size of the item's image, which is looked up for large masks only."""
    size = read_size(io.BytesIO(data))
    if size is None or size[0] * size[1] <= MAX_PIXELS_UNEXPECTED:
        return None
    expected = (item.height, item.width) if item.height and item.width else None
    if expected is None and item.image:
        expected = probe_size(item.image)
    if expected is None:
        raise MalformedFileError(
            item.mask, "IHDR", f"{size[0]} x {size[1]} pixels",
            f"at most {MAX_PIXELS_UNEXPECTED} in all where there is no image to compare",
        )  # fmt: skip
    return expected
