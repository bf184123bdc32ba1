"""The images of a data set that is written: noted item by item, and saved when all are known."""

from __future__ import annotations

from pathlib import Path

from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.image_media import image_source
from datumaro.formats.plain_names import plain_names
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.paths import escapes, join_inside


class ImageJobs:
    """Images to save in a folder.

    Parameters
    ----------
    default : the extension of images of which neither the user nor their medium says one.
    """

    def __init__(
        self, folder: Path, options: WriteOptions, context: WriteContext, default: str = ".jpg"
    ) -> None:
        self.folder, self.options, self.context = folder, options, context
        self.default = default
        self.jobs: list[MediaJob] = []
        self._rows: ChunkRows | None = None  # the chunk whose names `_plain` are
        self._plain: list[str] | None = None
        self._places: set[str] = set()  # folders that were looked at

    def name(self, rows: ChunkRows, item: int, stem: str = "") -> str:
        """The name of an item's image: ``stem``, or else its id, and its extension."""
        path, medium = rows.path(item), rows.medium(item)
        extension = media_extension(path, medium, self.options.image_ext, self.default)
        return (stem or rows.ids[item]) + extension

    def add(self, rows: ChunkRows, item: int, place: str, stem: str = "") -> str:
        """Note that an item's image, if there is one, goes to the folder ``place``; its `name`.

        Raises
        ------
        PathOutsideDatasetError
            It would lie outside the data set's folder, whether there is one or not.
        """
        plain = None if stem else self.plain_names(rows)
        if plain is not None and place in self._places:
            return plain[item]
        name = self.name(rows, item, stem)
        target = f"{place}/{name}" if place else name
        if escapes(target):  # asked first: this is done for all items
            join_inside(self.folder, target, what="item id")
        if plain is not None:
            self._places.add(place)
        source = image_source(rows, item, self.context) if self.options.save_media else None
        if source is not None:
            self.jobs.append(MediaJob(source, target, f"item {rows.ids[item]!r}"))
        return name

    def plain_names(self, rows: ChunkRows) -> list[str] | None:
        """The names of a chunk's images, where they are plain and no image is to be saved."""
        if rows is not self._rows:
            names = plain_names(rows.chunk, self.options, self.default)
            self._rows, self._plain = rows, None if names is None else names.to_pylist()
        return self._plain

    def save(self) -> int:
        """Save those that were noted, if the user wants images saved; how many were there."""
        if not self.options.save_media:
            return 0
        store = MediaStore(self.folder, self.context.progress, self.context.workers)
        return store.save(self.jobs, len(self.jobs)).saved
