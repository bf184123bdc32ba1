"""A folder of images without annotations. See docs/formats/image_dir.md."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
)
from datumaro.formats.capabilities import Capabilities
from datumaro.formats.files import images_below, is_image, item_ids
from datumaro.formats.image_media import image_of
from datumaro.media_store import MediaJob, MediaStore, file_source, media_extension
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaElement, MediaType
from datumaro.options import option
from datumaro.paths import join_inside
from datumaro.table import media_columns, schema
from datumaro.table.chunk import Chunk, Content

_CHUNK_ITEMS = 1 << 16
_FILES = (MediaType.IMAGE, MediaType.BYTE_IMAGE)


@dataclass(frozen=True, kw_only=True)
class ImageDirReadOptions(ReadOptions):
    """Options of an import."""

    subset: str = option(DEFAULT_SUBSET_NAME, "the subset that the items get", metavar="NAME")


class ImageDir(Format):
    """Images in a folder and the folders in it: an item for each, without annotations.

    An item's id is its path without extension. Where two images differ in nothing but that, the
    first by name has this id, the others keep their extension in it.
    """

    name = "image_dir"
    title = "A folder of images, without annotations"
    always_saves_media = True
    holds = Capabilities(media_needed=True, subsets=False, labels="none")
    read_options: ClassVar[type[ReadOptions]] = ImageDirReadOptions

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a folder of nothing but images."""
        if folder.is_file:
            raise Rejected("a file; expected a folder of images")
        if folder.folders():
            raise Rejected(f"it has folders ({folder.folders()[0]!r}); expected nothing but images")
        files = [name for name in folder.files() if not name.startswith(".")]
        other = next((name for name in files if not is_image(name)), None)
        if other is not None:
            raise Rejected(f"{other!r} is no image; expected nothing but images")
        if not files:
            raise Rejected("there are no images")
        return Confidence.EXTREME_LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the images of a folder, or one image. Their sizes are not looked at.

        Raises
        ------
        DatasetNotFoundError
            There are no images.
        """
        if path.is_file():
            root, names = os.fspath(path.parent), [path.name] if is_image(path.name) else []
        else:
            root, names = os.fspath(path), images_below(os.fspath(path))
        if not names:
            raise DatasetNotFoundError(f"{path}: there are no images")
        ids = item_ids(names)
        context.progress.start(len(names), desc="Reading images")
        chunks: list[Chunk] = []
        for begin in range(0, len(names), _CHUNK_ITEMS):
            end = begin + _CHUNK_ITEMS
            chunks.append(_chunk(root, names[begin:end], ids[begin:end], options.subset))
            context.progress.report_status(min(end, len(names)))
        context.progress.finish()
        return Content(chunks)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Save the images as ``<id>.<extension>``, also without the option ``save_media``.

        Raises
        ------
        MediaTypeError
            The media are no images.
        DatasetExportError
            Different images would have the same file: image_dir has no subsets.
        PathOutsideDatasetError
            An item's id leads outside the folder.
        """
        jobs: list[MediaJob] = []
        for chunk in content.chunks:
            for item in _items(chunk):
                if item.source is None:
                    continue
                medium = image_of(item.source, item.id, "image_dir")
                name = item.id + media_extension(item.path, medium, options.image_ext)
                join_inside(folder, name, what="item id")
                jobs.append(MediaJob(item.source, name, f"item {item.id!r}"))
        MediaStore(folder, context.progress, context.workers).save(jobs, len(jobs))


# --- reading ------------------------------------------------------------------------------------


def _chunk(root: str, names: list[str], ids: list[str], subset: str) -> Chunk:
    text, n = pa.large_string(), len(names)
    start = root if root.endswith("/") else root + "/"
    items = {
        "id": pa.array(ids, text),
        "subset": schema.constant_dictionary(subset, n),
        "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
        "path": pa.array([start + name for name in names], text),
    }
    return Chunk(
        schema.item_batch(n, items), schema.annotation_batch(0, {}), np.zeros(n + 1, np.int64)
    )


# --- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    id: str
    path: str  # of its image file; "" for other media
    source: str | MediaElement | None


def _items(chunk: Chunk) -> list[_Item]:
    columns = [
        chunk.items.column(name).to_pylist() for name in ("id", "media_type", "path", "media_extra")
    ]
    items: list[_Item] = []
    for row, (item_id, kind, path, extra) in enumerate(zip(*columns, strict=True)):
        source: str | MediaElement | None
        if kind in _FILES and path and row not in chunk.media:
            source = file_source(path, extra)
        else:
            path = ""
            source = media_columns.media_object(media_columns.read(chunk, row, row + 1)[0])
        items.append(_Item(item_id, path, source))
    return items
