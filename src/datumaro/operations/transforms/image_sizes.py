"""The sizes of items' images."""

from __future__ import annotations

import numpy as np

from datumaro.errors import DatasetError
from datumaro.model.image import Image
from datumaro.operations.transforms import columns
from datumaro.table import media_columns
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array


def image_sizes(chunk: Chunk, items: Array) -> tuple[Array, Array]:
    """(heights, widths) of the images of all items, int32 [n], those of ``items`` known.

    Where the columns do not have it, the image's file is looked into.

    Raises
    ------
    DatasetError
        The size of an image of ``items`` cannot be told.
    """
    heights, widths = (chunk.items.column(name).to_numpy().copy() for name in ("height", "width"))
    unknown = np.unique(items[(heights[items] <= 0) | (widths[items] <= 0)])
    if len(unknown):
        told = media_columns.read(chunk, 0, len(chunk))
        wanted: list[int] = unknown.tolist()
        for item in wanted:
            media = media_columns.media_object(told[item])
            size = media.size if isinstance(media, Image) else None
            if size is None:
                found = f"file {media.path!r} cannot be read" if media else "it has none"
                raise DatasetError(
                    f"{columns.named(chunk, item)}: the size of its image is needed, and {found}"
                )
            heights[item], widths[item] = size
    return heights, widths
