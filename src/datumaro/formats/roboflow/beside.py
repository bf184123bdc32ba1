"""What Roboflow's layouts with images beside their annotations have in common."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from datumaro.formats.base import ReadOptions, WriteContext, WriteOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import images_below
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.paths import join_inside
from datumaro.table.chunk import Content


def add_item(
    columns: ChunkColumns, folder: Path, name: str, place: str, options: ReadOptions
) -> None:
    """Append the item whose image is named, which need not be there.

    Parameters
    ----------
    folder : the subset's.
    place : where it is named, for messages.

    Raises
    ------
    PathOutsideDatasetError
        It leads outside.
    """
    path = join_inside(folder, name, what=place, allow_external=options.allow_external_media)
    item_id = os.path.splitext(name)[0]  # noqa: PTH122 - a str
    columns.add_item(item_id, folder.absolute().name, path)


def add_unnamed(columns: ChunkColumns, folder: Path, named: Collection[str]) -> None:
    """Append the items of the images in a folder that no annotation names: background."""
    stems = {os.path.splitext(name)[0] for name in named}  # noqa: PTH122 - a str
    subset = folder.absolute().name
    for name in images_below(os.fspath(folder)):
        item_id = os.path.splitext(name)[0]  # noqa: PTH122 - a str
        if item_id not in stems:
            stems.add(item_id)
            columns.add_item(item_id, subset, f"{folder}/{name}")


class ImageJobs:
    """Saves images as ``<subset>/<id>.<extension>``."""

    def __init__(
        self, content: Content, folder: Path, options: WriteOptions, context: WriteContext
    ) -> None:
        require_images(content, "Roboflow's format")
        self.folder, self.options, self.context = folder, options, context
        self.jobs: list[MediaJob] = []

    def add(self, rows: ChunkRows, item: int) -> str:
        """Note an item's image; its file's name in the folder of its subset."""
        item_id = rows.ids[item]
        medium = rows.medium(item)
        name = item_id + media_extension(rows.path(item), medium, self.options.image_ext)
        destination = f"{rows.subsets[item]}/{name}"
        join_inside(self.folder, destination, what="item id")
        source = rows.source(item)
        if source is not None:
            self.jobs.append(MediaJob(source, destination, f"item {item_id!r}"))
        return name

    def save(self) -> None:
        """Save what was noted, if that is wanted."""
        if self.options.save_media:
            store = MediaStore(self.folder, self.context.progress, self.context.workers)
            store.save(self.jobs, len(self.jobs))
