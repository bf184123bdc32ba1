r"""What the tasks of ICDAR have in common: a folder for each subset, with ``images`` in it; quotes.

In quotes, a backslash stands before quotes and backslashes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, UnsupportedContentError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.files import folders, is_image, stem_of, walk
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.paths import check_subset_name, join_inside
from datumaro.table.chunk import Content

IMAGES = "images"

_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Subset:
    """A subset's folder.

    Attributes
    ----------
    files : its files of annotations, relative to the folder, sorted.
    images : {path without extension: image}, relative to ``images`` in it.
    """

    name: str
    folder: str
    files: list[str]
    images: dict[str, str]

    def image(self, item_id: str) -> str:
        """The path of an item's image; "" when there is none."""
        found = self.images.get(item_id)
        return f"{self.folder}/{IMAGES}/{found}" if found else ""


def find(path: Path, is_annotation: Callable[[str], bool], expected: str) -> list[Subset]:
    """The subsets in a folder; or the folder, if it is that of a subset.

    Parameters
    ----------
    is_annotation : whether a file, by its path in its subset's folder, is one of annotations.
    expected : what there must be, for the error.

    Raises
    ------
    DatasetNotFoundError
        There are none.
    """
    here = _subset(path, is_annotation, deep=False) if path.is_dir() else None
    inner = [] if here else [path / name for name in folders(path)]
    found = [here] if here else [_subset(folder, is_annotation, deep=True) for folder in inner]
    subsets = [subset for subset in found if subset is not None]
    if not subsets:
        raise DatasetNotFoundError(f"{path}: {expected}, in it or a folder in it")
    return subsets


def _subset(folder: Path, is_annotation: Callable[[str], bool], *, deep: bool) -> Subset | None:
    if not deep:
        with os.scandir(folder) as entries:
            if not any(is_annotation(entry.name) for entry in entries if entry.is_file()):
                return None
    images: dict[str, str] = {}
    files: list[str] = []
    for name in sorted(walk(os.fspath(folder)), reverse=True):
        if name.startswith(f"{IMAGES}/"):
            if is_image(name):
                inner = name[len(IMAGES) + 1 :]
                images[stem_of(inner)] = inner
        elif is_annotation(name):
            files.append(name)
    if not files:
        return None
    return Subset(folder.absolute().name, os.fspath(folder), files[::-1], images)


def unescaped(text: str) -> str:
    """What a text in quotes says."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def quoted(text: str) -> str:
    """The reverse, in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Images:
    """Saves images as ``<subset>/images/<id>.png``."""

    def __init__(
        self, content: Content, folder: Path, options: WriteOptions, context: WriteContext
    ) -> None:
        require_images(content, "ICDAR's format")
        for subset in content.subset_names():
            check_subset_name(subset)
            if subset.startswith("."):
                raise UnsupportedContentError(f"subset {subset!r} would be hidden; rename it")
        self.folder, self.options, self.context = folder, options, context
        self.jobs: list[MediaJob] = []

    def add(self, rows: ChunkRows, item: int) -> str:
        """Note an item's image; its name in ``images``."""
        item_id = rows.ids[item]
        ext = media_extension(
            rows.path(item), rows.medium(item), self.options.image_ext, default=".png"
        )
        name = item_id + ext
        target = f"{rows.subsets[item]}/{IMAGES}/{name}"
        join_inside(self.folder, target, what="item id")
        source = rows.source(item)
        if source is not None:
            self.jobs.append(MediaJob(source, target, f"item {item_id!r}"))
        return name

    def save(self) -> None:
        """Save what was noted, if that is wanted."""
        if self.options.save_media:
            store = MediaStore(self.folder, self.context.progress, self.context.workers)
            store.save(self.jobs, len(self.jobs))
