"""Reading LabelMe's files into columns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    MalformedFileError,
    RepeatedItemInFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import dataset_meta
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import is_image, stem_of, walk
from datumaro.formats.image_xml import read_reported
from datumaro.formats.label_me import masks, objects
from datumaro.formats.label_me.objects import LabelMeImage, LabelMeObject
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import escapes, join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

ANNOTATIONS, IMAGES, MASKS = "Annotations", "Images", "Masks"
COMMON = ("occluded", "username")
"""Attributes that all objects have."""

_CHUNK_ITEMS = 8192
_BATCH_ITEMS = 128
_THREADS = min(8, os.cpu_count() or 1)


def read(path: Path, options: ReadOptions, context: ReadContext) -> Content:
    """Read all files below ``path``, or the one that it is.

    Raises
    ------
    DatasetNotFoundError
        There is no ``.xml``.
    DatasetImportError
        A file is damaged; the message names it and the line.
    """
    if path.is_file():
        inside = [folder for folder in path.parents if folder.name == ANNOTATIONS]
        root = inside[0].parent if inside else path.parent
    else:
        root = path
    names = list(walk(os.fspath(root)))
    files = sorted(name for name in names if name.lower().endswith(".xml") and _is_seen(name))
    if path.is_file():
        files = [path.relative_to(root).as_posix()]
    if not files:
        raise DatasetNotFoundError(f"{path}: no .xml file below it")
    images = frozenset(name for name in names if is_image(name))
    reader = _Reader(root, images, options, context)
    context.progress.start(len(files), desc="Reading LabelMe")
    chunks = [
        reader.chunk(files[begin : begin + _CHUNK_ITEMS], begin)
        for begin in range(0, len(files), _CHUNK_ITEMS)
    ]
    context.progress.finish()
    return Content(chunks, reader.categories())


def _is_seen(name: str) -> bool:
    return not name.startswith(".") and "/." not in name


@dataclass(slots=True)
class _Mask:
    """A decoded mask, or what is wrong with it."""

    rle: bytes = b""
    shape: tuple[int, int] = (0, 0)
    error: DatasetImportError | None = None


class _Reader:
    def __init__(
        self, root: Path, images: frozenset[str], options: ReadOptions, context: ReadContext
    ) -> None:
        self.root, self.images, self.options, self.context = root, images, options, context
        self.folder = os.fspath(root)
        self.meta = dataset_meta.find(root, context)
        self.labels = AppearingLabels(self.meta.labels if self.meta else None)
        self.taken: dict[tuple[str, str], str] = {}

    def categories(self) -> dict[AnnotationType, Categories]:
        """Labels in the order in which they appear, or those of ``dataset_meta.json``."""
        labels = LabelCategories.from_iterable(self.labels.names)
        labels.attributes = set(COMMON)
        own: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        return self.meta.categories(own) if self.meta else own

    def chunk(self, files: Sequence[str], done: int) -> Chunk:
        """Some files."""
        columns = ChunkColumns()
        with ThreadPoolExecutor(_THREADS) as threads:
            for begin in range(0, len(files), _BATCH_ITEMS):
                batch = files[begin : begin + _BATCH_ITEMS]
                found = [(name, self.parse(name)) for name in batch]
                with_masks = [
                    (name, image, one)
                    for name, image in found
                    if image is not None
                    for one in image.objects
                    if one.mask
                ]
                decoded = iter(threads.map(self.decode, with_masks) if with_masks else ())
                for name, image in found:
                    if image is not None:
                        self.add(
                            columns, name, image, [next(decoded) for o in image.objects if o.mask]
                        )
                self.context.progress.report_status(done + begin + len(batch))
        return columns.finish()

    def parse(self, name: str) -> LabelMeImage | None:
        """A file's content; None when it is damaged, and that was reported."""
        path = f"{self.folder}/{name}"
        return read_reported(path, objects.MAX_BYTES, objects.parse, self.context.problem)

    def decode(self, one: tuple[str, LabelMeImage, LabelMeObject]) -> _Mask:
        """Decode a mask; runs in a thread."""
        name, image, thing = one
        expected = (image.height, image.width) if image.height and image.width else None
        place = f"<mask> in {self.folder}/{name}: line {thing.line}"
        try:
            subset = self.subset_folder(image)
            path = join_inside(
                f"{self.folder}/{MASKS}", f"{subset}/{thing.mask}", what=place,
                allow_external=self.options.allow_external_media,
            )  # fmt: skip
            return _Mask(*masks.read(path, expected))
        except DatasetImportError as error:
            return _Mask(error=error)
        except OSError as error:
            found = f"a mask that cannot be read ({error.strerror or error})"
            return _Mask(error=MalformedFileError(place, "", found, "a PNG file"))

    @staticmethod
    def subset_folder(image: LabelMeImage) -> str:
        """The folder of an image's subset."""
        return image.folder or DEFAULT_SUBSET_NAME

    def add(
        self, columns: ChunkColumns, name: str, image: LabelMeImage, decoded: list[_Mask]
    ) -> None:
        """Append an image."""
        subset = self.subset_folder(image)
        filename = image.filename or stem_of(name.rpartition("/")[2])
        item_id = stem_of(filename) if is_image(filename) else filename
        path = f"{self.folder}/{name}"
        key = item_id, subset
        if key in self.taken:
            first = f"{self.folder}/{self.taken[key]}"
            self.context.problem(RepeatedItemInFileError(key, path, "<filename>", first))
            return
        self.taken[key] = name
        rest = iter(decoded)
        for one in image.objects:
            mask = next(rest) if one.mask else None
            if mask is not None and mask.error is not None:
                self.context.problem(mask.error)
                continue
            self.add_object(columns, one, mask, path)
        media = self.image_path(filename, image, path)
        columns.add_item(item_id, subset, media, image.height, image.width)

    def add_object(
        self, columns: ChunkColumns, one: LabelMeObject, mask: _Mask | None, path: str
    ) -> None:
        """Append an object."""
        label = schema.NO_LABEL
        if one.name:
            known = self.labels.find(one.name)
            if known is None:
                known = self.labels.find(one.name.strip())
            if known is None:
                error = UndeclaredLabelInFileError(
                    path, f"line {one.line}", f"label {one.name[:80]!r}",
                    f"one of {dataset_meta.FILE}",
                )  # fmt: skip
                self.context.problem(error)
                return
            label = known
        text = one.attributes
        if mask is not None:
            columns.add_mask(mask.rle, mask.shape, label, text, number=one.id, group=one.group)
        else:
            kind = AnnotationType.bbox if one.is_box else AnnotationType.polygon
            columns.add_shape(kind, one.points, label, text, number=one.id, group=one.group)

    def image_path(self, filename: str, image: LabelMeImage, path: str) -> str:
        """The image's file, which need not be there."""
        subset = self.subset_folder(image)
        if not escapes(filename):
            for known in (
                f"{IMAGES}/{subset}/{filename}", f"{IMAGES}/{filename}", f"{subset}/{filename}",
                filename,
            ):  # fmt: skip
                if known in self.images:
                    return f"{self.folder}/{known}"
        if not is_image(filename):
            return ""
        return join_inside(
            f"{self.folder}/{IMAGES}", f"{subset}/{filename}", what=f"<filename> in {path}",
            allow_external=self.options.allow_external_media,
        )  # fmt: skip
