"""Items as COCO's images: ids, file names, sizes, and the files to copy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.formats.base import WriteContext
from datumaro.kernels.coco_images import image_ids, image_texts
from datumaro.media_store import MediaJob, file_source, media_extension
from datumaro.model.media import Image, MediaType, VideoFrame, probe_size
from datumaro.table import json_text, media_columns, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_PICTURES = (MediaType.NONE, MediaType.IMAGE)
_NOTHING = pa.scalar("", pa.large_string())


@dataclass
class ImageTable:
    """The images of a chunk.

    Attributes
    ----------
    ids : int64 [n].
    names : the file names, a large_string column.
    heights, widths : int32 [n] pixels, 0 for not known.
    """

    chunk: Chunk
    ids: Array
    names: pa.Array
    heights: Array
    widths: Array

    def text(self) -> bytes:
        """The entries of ``images``, with a comma after each."""
        names, attributes = (
            schema.list_parts(column)
            for column in (self.names, self.chunk.items.column("attributes"))
        )
        return image_texts(*names, self.ids, self.heights, self.widths, *attributes)

    def jobs(self, folder: str) -> Iterator[MediaJob]:
        """The files to save, below ``folder`` (which ends with a ``/``)."""
        told = media_columns.read(self.chunk, 0, len(self.chunk))
        ids: list[str] = self.chunk.items.column("id").to_pylist()
        for item, name, medium in zip(ids, self.names.to_pylist(), told, strict=True):
            source = (
                media_columns.media_object(medium)
                if medium.in_memory is not None or medium.kind not in _PICTURES
                else file_source(medium.path, str(medium.extra or ""))
                if medium.path
                else None
            )
            if isinstance(source, str | Image | VideoFrame):
                yield MediaJob(source, f"{folder}{name}", item)


def tables(
    chunks: list[Chunk], image_ext: str | None, reindex: bool, context: WriteContext
) -> list[ImageTable]:
    """The images of all chunks, with ids that differ within each subset."""
    found = [image_ids(*schema.list_parts(c.items.column("attributes"))) for c in chunks]
    for chunk, (_, known, more) in zip(chunks, found, strict=True):
        for row in np.flatnonzero(more & ~known).tolist():
            if "id" in json_text.decode(chunk.items.column("attributes")[row].as_py()):
                item = str(chunk.items.column("id")[row])
                context.lost("attributes 'id' of items that are no ids of images", 1, item)
        _report_conflicts(chunk, more, context)
    used: dict[str, set[int]] = {}
    ids: list[Array] = []
    top = 0
    for chunk, (own, known, _) in zip(chunks, found, strict=True):
        given = known & ~np.bool_(reindex)
        taken = used.setdefault(_subset(chunk), set())
        values = own.tolist()
        for row in np.flatnonzero(given).tolist():
            if values[row] in taken:
                given[row] = False
            taken.add(values[row])
        top = max(top, int(own[given].max(initial=0)))
        ids.append(np.where(given, own, np.int64(-1) << 62))
    result: list[ImageTable] = []
    for chunk, own in zip(chunks, ids, strict=True):
        missing = own == np.int64(-1) << 62
        own[missing] = np.arange(top + 1, top + 1 + int(missing.sum()))
        top += int(missing.sum())
        heights, widths = _sizes(chunk)
        result.append(ImageTable(chunk, own, _names(chunk, image_ext, context), heights, widths))
    return result


def _report_conflicts(chunk: Chunk, more: Array, context: WriteContext) -> None:
    """Report attributes of items that have the name of a key of COCO's images."""
    if not more.any():
        return
    column = chunk.items.column("attributes")
    for name in ("file_name", "width", "height"):
        found: list[int] = pc.indices_nonzero(pc.match_substring(column, f'"{name}"')).to_pylist()
        for row in found:
            if name in json_text.decode(column[row].as_py()):
                item = str(chunk.items.column("id")[row])
                context.lost(f"attributes {name!r} of items, as COCO has such a key", 1, item)


def _subset(chunk: Chunk) -> str:
    codes, names = chunk.subset_codes()
    return names[int(codes[0])] if len(codes) else ""


def _names(chunk: Chunk, image_ext: str | None, context: WriteContext) -> pa.Array:
    """Each item's id with the extension of its image."""
    items = chunk.items
    ids, paths = items.column("id"), items.column("path")
    kinds = items.column("media_type").to_numpy()
    plain = not chunk.media and bool(np.isin(kinds, _PICTURES).all())
    for ext in (".jpg", ".png"):
        if plain and len(paths) and not image_ext and pc.all(pc.ends_with(paths, ext)).as_py():
            return pc.binary_join_element_wise(ids, pa.scalar(ext, pa.large_string()), _NOTHING)
    exts: list[str] = []
    for row, medium in enumerate(media_columns.read(chunk, 0, len(chunk))):
        source = None
        if medium.in_memory is not None or medium.kind not in _PICTURES:
            source = media_columns.media_object(medium)
            if source is not None and not isinstance(source, Image | VideoFrame):
                context.lost("media that are no images", 1, str(ids[row]))
        picture = source is None or type(source) is not VideoFrame
        path = medium.path if picture and (source is None or isinstance(source, Image)) else ""
        exts.append(media_extension(path, source if picture else None, image_ext))
    return pc.binary_join_element_wise(ids, pa.array(exts, pa.large_string()), _NOTHING)


def _sizes(chunk: Chunk) -> tuple[Array, Array]:
    """Heights and widths; those that are not told are looked for in the files' headers."""
    heights = chunk.items.column("height").to_numpy()
    widths = chunk.items.column("width").to_numpy()
    unknown = np.flatnonzero((heights <= 0) | (widths <= 0))
    if not len(unknown):
        return heights, widths
    heights, widths = heights.copy(), widths.copy()
    is_folder = cache(os.path.isdir)
    for row in unknown.tolist():
        heights[row] = widths[row] = 0
        (medium,) = media_columns.read(chunk, row, row + 1)
        size = None
        if isinstance(medium.in_memory, Image):
            size = medium.in_memory.size
        elif medium.kind == MediaType.IMAGE and medium.path and not medium.extra:
            folder = os.path.dirname(medium.path)  # noqa: PTH120 - a str
            size = probe_size(medium.path) if is_folder(folder) else None
        if size:
            heights[row], widths[row] = size
    return heights, widths
