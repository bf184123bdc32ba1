"""Chunks whose media are in encrypted files."""

from __future__ import annotations

import pyarrow as pa

from datumaro.formats.datumaro_binary.manifest import MediaLock
from datumaro.model.media import MediaElement
from datumaro.table import media_columns, schema
from datumaro.table.chunk import Chunk


def locked(chunk: Chunk, lock: MediaLock) -> Chunk:
    """The chunk with an object for each medium in an encrypted file, which knows its cipher."""
    columns = {name: chunk.items.column(name) for name in chunk.items.schema.names}
    extras: list[str] = columns["media_extra"].to_pylist()
    media: dict[int, MediaElement] = {}
    for row, told in enumerate(media_columns.read(chunk, 0, len(chunk))):
        medium = media_columns.media_object(told, lock)
        if medium is not None and media_columns.is_encrypted(medium):
            media[row] = medium
            extras[row] = media_columns.marked_encrypted(extras[row])
    columns["media_extra"] = pa.array(extras, pa.large_string())
    items = schema.item_batch(len(chunk), columns)
    return Chunk(items, chunk.annotations, chunk.offsets, media, chunk.videos)
