"""What Roboflow's layouts with images beside their annotations have in common."""

from __future__ import annotations

import os
from pathlib import Path

from datumaro.formats.base import ReadOptions, WriteContext, WriteOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import images_below, item_ids
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.paths import join_inside
from datumaro.table.chunk import Content


class SubsetImages:
    """The images of a subset, of which annotations name some.

    Parameters
    ----------
    folder : the subset's.
    """

    def __init__(self, folder: Path, subset: str, options: ReadOptions) -> None:
        self.folder, self.subset, self.options = folder, subset, options
        names = images_below(os.fspath(folder))
        self._ids = dict(zip(names, item_ids(names), strict=True))
        self._named: set[str] = set()

    def add(self, columns: ChunkColumns, name: str, place: str, size: tuple[int, int]) -> None:
        """Append the item whose image is named, which need not be there.

        Parameters
        ----------
        place : where it is named, for messages.
        size : height and width in pixels; zeros when not known.

        Raises
        ------
        PathOutsideDatasetError
            It leads outside.
        """
        path = join_inside(
            self.folder, name, what=place, allow_external=self.options.allow_external_media
        )
        self._named.add(name)
        item_id = self._ids.get(name) or os.path.splitext(name)[0]  # noqa: PTH122 - a str
        columns.add_item(item_id, self.subset, path, *size)

    def add_others(self, columns: ChunkColumns) -> None:
        """Append the images that were not named: items without annotations."""
        for name, item_id in self._ids.items():
            if name not in self._named:
                columns.add_item(item_id, self.subset, f"{self.folder}/{name}")


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
