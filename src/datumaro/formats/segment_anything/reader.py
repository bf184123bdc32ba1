"""Reading Segment Anything's files into columns."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import msgspec

from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationInFileError,
    MalformedFileError,
)
from datumaro.formats import json_files
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import stem_of, walk
from datumaro.formats.index_masks import empty_mask
from datumaro.model import run_lengths
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

_MAX_BYTES = 1 << 28
_MAX_SIDE = 1 << 31
_MOST = 1e9  # pixels
_CHUNK_ITEMS = 2048  # of some hundred masks each


class _Image(msgspec.Struct):
    image_id: int
    file_name: str
    width: int = 0
    height: int = 0


class _Segmentation(msgspec.Struct):
    size: tuple[int, int]
    counts: str | list[int]


class _Annotation(msgspec.Struct):
    segmentation: _Segmentation
    bbox: tuple[float, float, float, float]
    id: int = 0
    area: float = -1
    predicted_iou: float = 0.0
    stability_score: float = 0.0
    point_coords: list[list[float]] = []
    crop_box: list[float] = []


class _File(msgspec.Struct):
    image: _Image
    annotations: list[_Annotation] = []


def read(path: Path, options: ReadOptions, context: ReadContext) -> Content:
    """Read all ``.json`` below ``path``, or the one that it is.

    Raises
    ------
    DatasetNotFoundError
        There is none.
    DatasetImportError
        A file is damaged; the message names it and the JSON path.
    """
    root = path.parent if path.is_file() else path
    names = [path.name] if path.is_file() else _files(root)
    if not names:
        raise DatasetNotFoundError(f"{path}: no .json file below it")
    reader = _Reader(os.fspath(root), options, context)
    context.progress.start(len(names), desc="Reading Segment Anything")
    chunks = [
        reader.chunk(names[begin : begin + _CHUNK_ITEMS], begin)
        for begin in range(0, len(names), _CHUNK_ITEMS)
    ]
    context.progress.finish()
    return Content(chunks)


def _files(root: Path) -> list[str]:
    return sorted(
        name
        for name in walk(os.fspath(root))
        if name.lower().endswith(".json") and not name.startswith(".") and "/." not in name
    )


class _Reader:
    def __init__(self, folder: str, options: ReadOptions, context: ReadContext) -> None:
        self.folder, self.options, self.context = folder, options, context

    def chunk(self, names: list[str], done: int) -> Chunk:
        """Some files."""
        columns = ChunkColumns()
        for number, name in enumerate(names, 1):
            path = f"{self.folder}/{name}"
            try:
                self.add(columns, name, path)
            except OSError as error:
                found = f"a file that cannot be read ({error.strerror or error})"
                self.context.problem(MalformedFileError(path, "byte 0", found, "JSON"))
            except MalformedFileError as error:
                self.context.problem(error)
            if number % 128 == 0:
                self.context.progress.report_status(done + number)
        return columns.finish()

    def add(self, columns: ChunkColumns, name: str, path: str) -> None:
        """Append a file's image."""
        file = json_files.decode(json_files.content(path, _MAX_BYTES), _File, path)
        image = file.image
        for side in ("height", "width"):
            if not 0 <= getattr(image, side) < _MAX_SIDE:
                found = str(getattr(image, side))
                raise MalformedFileError(path, f"$.image.{side}", found, "a number of pixels")
        folder = name.rpartition("/")[0]
        media = join_inside(
            self.folder,
            f"{folder}/{image.file_name}" if folder else image.file_name,
            what=f"file_name in {path}",
            allow_external=self.options.allow_external_media,
        )
        for number, annotation in enumerate(file.annotations):
            try:
                _add(columns, annotation)
            except (ValueError, OverflowError) as error:
                place = f"$.annotations[{number}]"
                self.context.problem(
                    InvalidAnnotationInFileError(path, place, str(error), "a mask and its box")
                )
        columns.add_item(
            stem_of(name), DEFAULT_SUBSET_NAME, media, image.height, image.width,
            json_text.encode({"id": image.image_id}),
        )  # fmt: skip


def _add(columns: ChunkColumns, annotation: _Annotation) -> None:
    """Append a mask and its box; of a mask without pixels whose box has some, the box alone."""
    x, y, width, height = annotation.bbox
    if not (abs(x) + abs(y) < _MOST and 0 <= width < _MOST and 0 <= height < _MOST):
        raise ValueError(f"bbox {list(annotation.bbox)}")
    shape = annotation.segmentation.size
    if not (0 <= shape[0] < _MAX_SIDE and 0 <= shape[1] < _MAX_SIDE):
        raise ValueError(f"segmentation.size {list(shape)}")
    if not -(2**63) <= annotation.id < 2**63:
        raise ValueError(f"id {annotation.id}")
    rle = run_lengths.compressed({"counts": annotation.segmentation.counts, "size": shape})
    counts: bytes = rle["counts"]
    number = annotation.id
    attributes = json_text.encode(
        {
            "predicted_iou": annotation.predicted_iou,
            "stability_score": annotation.stability_score,
            "point_coords": annotation.point_coords,
            "crop_box": annotation.crop_box,
        }
    )
    box_alone = width > 0 and height > 0 and counts == nothing(shape[0] * shape[1])
    if not box_alone:
        columns.add_mask(counts, shape, schema.NO_LABEL, attributes, number=number, group=number)
    corners = (x, y, x + width, y + height)
    columns.add_box(number, number, schema.NO_LABEL, corners, attributes)


@lru_cache(1024)
def nothing(n_pixels: int) -> bytes:
    """The run lengths of a mask without pixels."""
    return empty_mask(n_pixels)
