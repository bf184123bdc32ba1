"""Panoptic segmentation: a PNG image for each image, in which every pixel has its segment's id.

``annotations/panoptic_<subset>/<file_name>`` has the id as red + 256 green + 65536 blue, 0 for no
segment; ``segments_info`` in ``annotations/panoptic_<subset>.json`` says what each segment is.
Definition: https://cocodataset.org/#format-data, "Panoptic Segmentation".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetImportError, InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats import index_masks, json_files
from datumaro.formats.base import ReadContext
from datumaro.formats.coco.categories import Category, Id
from datumaro.formats.coco.file_reader import CocoFile
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import read_file
from datumaro.formats.index_masks import Array
from datumaro.paths import join_inside
from datumaro.table import json_text, schema
from datumaro.table.builder import concat
from datumaro.table.chunk import Chunk

MAX_ID = (1 << 24) - 1
"""The largest id of a segment: its colour has three bytes."""

_THREADS = min(8, os.cpu_count() or 1)
_BATCH = 128
_MAX_BYTES = 1 << 28
_MAX_SEGMENTS = 1 << 16
_PLAIN = {crowd: json_text.encode({"is_crowd": crowd}) for crowd in (False, True)}


class Segment(msgspec.Struct):
    """An entry of ``segments_info``."""

    id: Id
    category_id: Id
    iscrowd: int | bool = 0
    attributes: dict[str, Any] | None = None

    def json_attributes(self) -> bytes:
        """Its attributes as columns have them."""
        crowd = bool(self.iscrowd)
        if not self.attributes:
            return _PLAIN[crowd]
        return json_text.encode({"is_crowd": crowd, **self.attributes})


class ImageSegments(msgspec.Struct):
    """An entry of ``annotations``: the segments of an image."""

    image_id: Id
    file_name: str
    segments_info: list[Segment]


class _File(msgspec.Struct):
    annotations: list[ImageSegments]


def png_folder(path: Path) -> Path:
    """The folder of the PNG images that a JSON file is about."""
    return path.with_suffix("")


def parse(path: Path) -> list[ImageSegments]:
    """What a JSON file says of each image's segments.

    Raises
    ------
    MalformedFileError
        It is not that; names the place.
    """
    return json_files.decode(path.read_bytes(), _File, path).annotations


def add_masks(
    chunk: Chunk,
    file: CocoFile,
    item_of: Array,
    index_of: Callable[[Category], int],
    context: ReadContext,
) -> Chunk:
    """The chunk with a mask for each segment of a file, behind the annotations that it has.

    Parameters
    ----------
    item_of : int32 [n_images], the items of the file's images.
    index_of : gives the index of a category's label.

    Raises
    ------
    DatasetImportError
        Something is damaged; see `ReadContext.problem`.
    """
    reader = _Reader(file, index_of, context)
    images = reader.images(item_of)
    context.progress.start(len(chunk), desc="Reading segments")
    columns = ChunkColumns()
    with ThreadPoolExecutor(_THREADS) as threads:
        for begin in range(0, len(chunk), _BATCH):
            items = range(begin, min(begin + _BATCH, len(chunk)))
            batch = [image for item in items for image in images.get(item, ())]
            decoded = threads.map(reader.decode, batch)
            for item in items:
                for image in images.get(item, ()):
                    reader.add(columns, image, next(decoded))
                columns.add_item("", "", "")
            context.progress.report_status(items.stop)
    context.progress.finish()
    return side_by_side(chunk, columns.finish())


@dataclass(frozen=True)
class _Image:
    """An entry of ``annotations``, and the size of its image (zeros when not known)."""

    index: int
    segments: ImageSegments
    height: int
    width: int


@dataclass(frozen=True)
class _Decoded:
    """The masks in a PNG image by their ids, or what is wrong with it."""

    masks: dict[int, bytes] = field(default_factory=dict[int, bytes])
    shape: tuple[int, int] = (0, 0)
    error: DatasetImportError | None = None


class _Reader:
    def __init__(
        self, file: CocoFile, index_of: Callable[[Category], int], context: ReadContext
    ) -> None:
        self.file = file
        self.path = file.file.path
        self.folder = png_folder(self.path)
        self.context = context
        self.label_of = {category.id: index_of(category) for category in file.categories}
        self.label_of.setdefault(0, schema.NO_LABEL)

    def images(self, item_of: Array) -> dict[int, list[_Image]]:
        """The entries of ``annotations`` by their items."""
        row_of = {image_id: row for row, image_id in enumerate(self.file.images.ids.tolist())}
        sizes = self.file.images.sizes.tolist()
        found: dict[int, list[_Image]] = {}
        for index, segments in enumerate(parse(self.path)):
            row = row_of.get(segments.image_id)
            if row is None:
                found_id, expected = str(segments.image_id), "the id of one of the file's images"
                self.problem(index, "image_id", found_id, expected)
            else:
                image = _Image(index, segments, *sizes[row])
                found.setdefault(int(item_of[row]), []).append(image)
        return found

    def problem(self, index: int, key: str, found: str, expected: str) -> None:
        """Report what is wrong with an entry of ``annotations``."""
        place = f"$.annotations[{index}].{key}"
        self.context.problem(InvalidAnnotationInFileError(self.path, place, found, expected))

    def decode(self, image: _Image) -> _Decoded:
        """Decode an image's PNG."""
        path = join_inside(self.folder, image.segments.file_name, what=f"file_name in {self.path}")
        size = (image.height, image.width)
        try:
            data = read_file(path, _MAX_BYTES)
            if data is None:
                found = "no such file"
                raise MalformedFileError(path, "byte 0", found, "a PNG image of segments' ids")
            if len(data) > _MAX_BYTES:
                found = f"more than {_MAX_BYTES} bytes"
                raise MalformedFileError(path, f"byte {_MAX_BYTES}", found, "a PNG image in fewer")
            painting = index_masks.decode(data, path, size if all(size) else None)
            runs = index_masks.runs_of(painting.codes)
            masks = runs.masks(_ids(painting, runs.codes, path))
            return _Decoded(masks, index_masks.shape_of(painting))
        except OSError as error:
            found = f"a file that cannot be read ({error.strerror or error})"
            return _Decoded(error=MalformedFileError(path, "byte 0", found, "a PNG image"))
        except DatasetImportError as error:
            return _Decoded(error=error)

    def add(self, columns: ChunkColumns, image: _Image, decoded: _Decoded) -> None:
        """Append the masks of an image."""
        if decoded.error is not None:
            self.context.problem(decoded.error)
            return
        known: set[int] = set()
        for number, segment in enumerate(image.segments.segments_info):
            place = f"segments_info[{number}]"
            label = self.label_of.get(segment.category_id)
            if segment.id in known or not 0 < segment.id <= MAX_ID:
                expected = f"ids from 1 to {MAX_ID} that differ"
                self.problem(image.index, f"{place}.id", str(segment.id), expected)
                continue
            known.add(segment.id)
            if label is None:
                category, expected = str(segment.category_id), "the id of one of the categories"
                self.problem(image.index, f"{place}.category_id", category, expected)
                continue
            height, width = decoded.shape
            rle = decoded.masks.get(segment.id) or index_masks.empty_mask(height * width)
            columns.add_mask(
                rle,
                decoded.shape,
                label,
                segment.json_attributes(),
                number=segment.id,
                group=segment.id,
            )
        if stray := decoded.masks.keys() - known - {0}:
            png = f"{self.folder.name}/{image.segments.file_name}"
            expected = f"the segment {min(stray)}, which {png} shows"
            self.problem(image.index, "segments_info", f"no segment {min(stray)}", expected)


def _ids(painting: index_masks.Painting, codes: Array, path: str) -> Array:
    """The segments' ids of a PNG's values, int64."""
    if len(codes) > _MAX_SEGMENTS:
        found = f"{len(codes)} different colours"
        raise MalformedFileError(path, "the pixels", found, f"at most {_MAX_SEGMENTS} segments")
    if painting.is_color:
        colors = painting.colors(codes).astype(np.int64)
        return (colors >> 16) | (colors & 0xFF00) | ((colors & 0xFF) << 16)
    if int(codes.max(initial=0)) > 255:
        raise MalformedFileError(path, "IHDR", "gray values of 16 bits", "RGB colours")
    return codes.astype(np.int64) * 0x010101  # red, green and blue are equal


def side_by_side(first: Chunk, second: Chunk) -> Chunk:
    """The items of ``first``, each with its annotations and behind them those of ``second``."""
    counts = [np.diff(chunk.offsets) for chunk in (first, second)]
    offsets = np.zeros(len(first) + 1, np.int64)
    np.cumsum(counts[0] + counts[1], out=offsets[1:])
    # where the rows of one chunk and then those of the other go
    begins = np.repeat(offsets[:-1] - first.offsets[:-1], counts[0])
    behind = np.repeat(offsets[:-1] + counts[0] - second.offsets[:-1], counts[1])
    places = np.concatenate([begins + np.arange(len(begins)), behind + np.arange(len(behind))])
    order = np.empty(len(places), np.int64)
    order[places] = np.arange(len(places))
    both = concat([first.annotations, second.annotations], schema.ANNOTATIONS)
    return Chunk(first.items, both.take(pa.array(order)), offsets, first.media)
