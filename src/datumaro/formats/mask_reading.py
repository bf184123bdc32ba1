"""Reading items whose masks lie in an image file each: workers decode, in the items' order."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.base import ReadContext, ReadOptions, num_workers_option
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
from datumaro.workers import Workers, batched

_CHUNK_ITEMS = 8192
_BATCH_ITEMS = 64
_BATCH_PIXELS = 1 << 22
_MAX_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True)
class MaskReadOptions(ReadOptions):
    """Options of an import of masks that lie in image files."""

    num_workers: int | None = num_workers_option("decode masks")


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
"""Makes masks of a decoded file; runs in a worker. It may raise DatasetImportError."""

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

    here = context.workers if context.workers.share_memory else Workers()
    context.progress.start(len(items), desc=desc)
    columns = ChunkColumns()
    with here.map(load, batched(items, _batch_items(items))) as decoded:
        for number, (item, masks) in enumerate(zip(items, decoded, strict=True), 1):
            if masks.error is not None:
                context.problem(masks.error)
            annotate(columns, item, masks)
            columns.add_item(item.id, item.subset, item.image, item.height, item.width)
            if number % _BATCH_ITEMS == 0:
                context.progress.report_status(number)
            if len(columns) == _CHUNK_ITEMS:
                chunks.append(columns.finish())
                columns = ChunkColumns()
    if len(columns):
        chunks.append(columns.finish())
    context.progress.report_status(len(items))
    context.progress.finish()
    return chunks


_NOTHING = ItemMasks()


def _batch_items(items: Sequence[MaskItem]) -> int:
    """How many items a worker gets at a time: few large ones, many small ones."""
    path = next((item.mask for item in items if item.mask), "")
    size = probe_size(path) if path else None
    n_pixels = size[0] * size[1] if size is not None else 0
    return max(1, min(_BATCH_ITEMS, _BATCH_PIXELS // max(1, n_pixels)))


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
