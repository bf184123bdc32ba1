"""Items of formats that hold the pixels of small images in one file for many of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetExportError, MalformedFileError, MediaError
from datumaro.formats.base import WriteContext
from datumaro.formats.rows import ChunkRows
from datumaro.model.annotation import AnnotationType
from datumaro.model.image_codec import eight_bits
from datumaro.model.media import Image, MediaElement, MediaType
from datumaro.paths import escapes
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_LABEL = int(AnnotationType.label)
_GRAY = np.array([0.114, 0.587, 0.299])  # of blue, green and red, as ITU-R BT.601 has them


def chunk_of(
    ids: Sequence[str], subset: str, labels: Array, images: Sequence[Array | None]
) -> Chunk:
    """Items with at most one label each, and images in memory.

    Parameters
    ----------
    labels : int32 [n], -1 for none.
    images : uint8 [height, width] or [height, width, 3] (BGR) of each; none for an item without.
    """
    n, text = len(ids), pa.large_string()
    media: dict[int, MediaElement] = {
        row: Image.from_numpy(data=image) for row, image in enumerate(images) if image is not None
    }
    sizes = np.array(
        [(0, 0) if image is None else image.shape[:2] for image in images], np.int32
    ).reshape(n, 2)
    kinds = [MediaType.NONE if image is None else MediaType.IMAGE for image in images]
    labelled = labels >= 0
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(labelled, out=offsets[1:])
    count = int(offsets[-1])
    return Chunk(
        schema.item_batch(
            n,
            {
                "id": pa.array(ids, text),
                "subset": schema.constant_dictionary(subset, n),
                "media_type": schema.primitive(np.array(kinds, np.uint8), pa.uint8()),
                "height": schema.primitive(np.ascontiguousarray(sizes[:, 0]), pa.int32()),
                "width": schema.primitive(np.ascontiguousarray(sizes[:, 1]), pa.int32()),
            },
        ),
        schema.annotation_batch(
            count,
            {
                "type": schema.primitive(np.full(count, _LABEL, np.uint8), pa.uint8()),
                "label": schema.labels(labels[labelled].astype(np.int32)),
            },
        ),
        offsets,
        media,
    )


def check_ids(ids: Sequence[str], path: Path, place: Callable[[int], str]) -> None:
    """Refuse ids that a file states and that are none, or another item's, or lead outside.

    Parameters
    ----------
    place : where in the file that of a row is, for messages.

    Raises
    ------
    MalformedFileError
    """
    first: dict[str, int] = {}
    for row, item_id in enumerate(ids):
        if first.setdefault(item_id, row) != row:
            found = f"{item_id[:80]!r}, as in {place(first[item_id])}"
        elif not item_id or escapes(item_id) or ".." in re.split(r"[/\\]", item_id):
            found = f"{item_id[:80]!r}"
        else:
            continue
        raise MalformedFileError(path, place(row), found, "a relative name, of this item alone")


def label_of(rows: ChunkRows, item: int, n_labels: int, context: WriteContext) -> int:
    """An item's first label; -1 for none."""
    for row in range(rows.offsets[item], rows.offsets[item + 1]):
        if rows.types[row] == _LABEL:
            label = rows.labels[row]
            if 0 <= label < n_labels:
                return label
            context.lost("labels without a name", 1, f"item {rows.ids[item]!r}")
    return -1


def pixels_of(rows: ChunkRows, item: int, context: WriteContext) -> Array | None:
    """An item's image, uint8 [height, width] or [height, width, 3] (BGR).

    None when it has none, or its file is missing, and that is told. So is an alpha channel.

    Raises
    ------
    DatasetExportError
        It is damaged.
    """
    source = rows.source(item)
    if source is None:
        return None
    place = f"item {rows.ids[item]!r}"
    image = Image.from_file(source) if isinstance(source, str) else source
    if not isinstance(image, Image):
        raise DatasetExportError(f"{place}: its medium is a {type(image).__name__}, and no image")
    if image.is_external:
        context.lost("images outside the data set that names them", 1, f"{place}: {image.path}")
        return None
    try:
        raw = image.get_data_as_dtype(None)
    except MediaError as error:
        raise DatasetExportError(f"{place}: {error}") from error
    if raw is None:
        context.lost("images whose files are missing", 1, f"{place}: {image.path}")
        return None
    pixels = eight_bits(raw)
    if raw.dtype != np.uint8:
        context.lost("values of pixels beyond 8 bits", 1, place)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[2] > 3:
        context.lost("transparency of images", 1, place)
        pixels = pixels[..., :3]
    return pixels


def gray(pixels: Array, place: str, context: WriteContext) -> Array:
    """An image [height, width]; that colours become gray is told."""
    if pixels.ndim == 2:
        return pixels
    if (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    context.lost("colours of images: they become gray", 1, place)
    return (pixels @ _GRAY).round().astype(np.uint8)
