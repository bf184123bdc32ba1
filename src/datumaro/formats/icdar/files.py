r"""What the tasks of ICDAR have in common: a folder for each subset, with ``images`` in it; quotes.

In quotes, a backslash stands before quotes and backslashes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datumaro.errors import DatasetNotFoundError, UnsupportedContentError
from datumaro.formats.base import Folder, ReadContext, Rejected, WriteContext, WriteOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import folders, is_image, stem_of, walk
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.paths import check_subset_name
from datumaro.table.chunk import Chunk, Content

IMAGES = "images"
_IN_IMAGES = f"{IMAGES}/"

_REPORT_EVERY = 64  # files

_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Subset:
    """A subset's folder.

    Attributes
    ----------
    files : its files of annotations, relative to the folder, sorted.
    names : all files in its folder of images, relative to it.
    """

    name: str
    folder: str
    files: list[str]
    names: list[str]

    @cached_property
    def images(self) -> dict[str, str]:
        """{path without extension: image}; of several the first by name."""
        return {stem_of(name): name for name in sorted(self.names, reverse=True) if is_image(name)}

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


def detect(folder: Folder, is_annotation: Callable[[str], bool], expected: str) -> str:
    """The first file of annotations in the folder or one in it, relative to it.

    Raises
    ------
    Rejected
        There is none; ``expected`` as in `find`.
    """
    for inner in ["", *folder.folders()]:
        for name in folder.files(inner):
            if is_annotation(name):
                return f"{inner}/{name}" if inner else name
    raise Rejected(f"{expected} in the folder or the folders in it")


def read(
    subsets: list[Subset],
    add: Callable[[ChunkColumns, Subset, str], str],
    chunk_items: int,
    context: ReadContext,
) -> Content:
    """All subsets, whose items have a file of annotations each.

    Parameters
    ----------
    add : appends the annotations in one of `Subset.files`, and returns the id of its item.
    """
    chunks: list[Chunk] = []
    context.progress.start(sum(len(subset.files) for subset in subsets), desc="Reading ICDAR")
    done = 0
    for subset in subsets:
        columns = ChunkColumns()
        for name in subset.files:
            item_id = add(columns, subset, name)
            columns.add_item(item_id, subset.name, subset.image(item_id))
            done += 1
            if done % _REPORT_EVERY == 0:
                context.progress.report_status(done)
            if len(columns) >= chunk_items:
                chunks.append(columns.finish())
                columns = ChunkColumns()
        chunks.append(columns.finish())
    context.progress.finish()
    return Content(chunks)


def _subset(folder: Path, is_annotation: Callable[[str], bool], *, deep: bool) -> Subset | None:
    if not deep:
        with os.scandir(folder) as entries:
            if not any(is_annotation(entry.name) for entry in entries if entry.is_file()):
                return None
    images: list[str] = []
    files: list[str] = []
    for name in walk(os.fspath(folder)):
        if name.startswith(_IN_IMAGES):
            images.append(name[len(_IN_IMAGES) :])
        elif is_annotation(name):
            files.append(name)
    if not files:
        return None
    files.sort()
    return Subset(folder.absolute().name, os.fspath(folder), files, images)


def unescaped(text: str) -> str:
    """What a text in quotes says."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def quoted(text: str) -> str:
    """The reverse, in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Images(ImageJobs):
    """Saves images as ``<subset>/images/<id>.png``.

    Raises
    ------
    MediaTypeError, UnsupportedContentError, PathSeparatorInSubsetNameError
        The media are no images, or a subset has a name that cannot be a folder's.
    """

    def __init__(
        self, content: Content, folder: Path, options: WriteOptions, context: WriteContext
    ) -> None:
        super().__init__(folder, options, context, ".png")
        require_images(content, "ICDAR's format")
        for subset in content.subset_names():
            check_subset_name(subset)
            if subset.startswith("."):
                raise UnsupportedContentError(f"subset {subset!r} would be hidden; rename it")

    def add_item(self, rows: ChunkRows, item: int) -> str:
        """Note an item's image; its name in ``images``."""
        return self.add(rows, item, f"{rows.subsets[item]}/{IMAGES}")

    def add_beside_files(self, rows: ChunkRows, item: int) -> None:
        """The same, of an item that has files of its own beside the folder of images.

        Raises
        ------
        UnsupportedContentError
            They would lie among the images.
        """
        self.add_item(rows, item)
        if rows.ids[item].startswith(f"{IMAGES}/"):
            raise UnsupportedContentError(
                f"item {rows.ids[item]!r}: its file would lie among the images; rename it"
            )
