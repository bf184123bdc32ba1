"""Reading examples of images with boxes and masks: TensorFlow's Object Detection API."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import index_masks
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import stem_of
from datumaro.formats.part_of_file import PartOfFile, stamp_of
from datumaro.formats.tfrecord import label_map
from datumaro.formats.tfrecord.example import Example
from datumaro.formats.tfrecord.framing import Record, read_records
from datumaro.model.image_codec import guess_extension
from datumaro.model.image_header import read_size
from datumaro.model.media import Image
from datumaro.paths import escapes
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk

_CHUNK_ITEMS = 4096
_HEADER = 1 << 16  # bytes of an image in which its size is looked for
_MAX_SIDE = 2**31 - 1
_MAX_SHARE = 1e4  # of an image's side
_EXTENSIONS = {"jpeg": ".jpg", "jpg": ".jpg", "png": ".png", "gif": ".gif", "bmp": ".bmp"}
_EDGES = ("xmin", "ymin", "xmax", "ymax")


class Labels:
    """The labels of a data set: those of label maps, then others as records name them.

    Attributes
    ----------
    names : by index.
    path : the label map whose ids count now.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.names: list[str] = []
        self._of_id: dict[int, int] = {}
        self._of_name: dict[str, int] = {}

    def load(self, path: Path | None) -> None:
        """Take the ids of a label map, or of none; names that are not known yet are added."""
        self.path = path
        known = {} if path is None else label_map.read(path)
        self._of_id = {number: self._index(name) for number, name in known.items()}

    def _index(self, name: str) -> int:
        index = self._of_name.setdefault(name, len(self.names))
        if index == len(self.names):
            self.names.append(name)
        return index

    def find(self, number: int | None, name: str) -> int | None:
        """The index of a label; `schema.NO_LABEL` for none, None for one that has no name.

        Parameters
        ----------
        number : the id in the record; None or 0 for none.
        name : the name in the record; "" for none.
        """
        if number is not None and number in self._of_id:
            return self._of_id[number]
        if not name:
            return schema.NO_LABEL if not number else None
        index = self._index(name)
        if number:
            self._of_id.setdefault(number, index)
        return index


class DetectionReader:
    """Reads files of records.

    Parameters
    ----------
    labels : get the names that it meets.
    root : the data set's folder.
    """

    def __init__(
        self, labels: Labels, root: Path, options: ReadOptions, context: ReadContext
    ) -> None:
        self.labels, self.root = labels, root
        self.options, self.context = options, context

    def chunks(self, path: Path, subset: str) -> Iterator[Chunk]:
        """The items of a file.

        Raises
        ------
        MalformedFileError
            A check sum is wrong, or the file is cut.
        """
        path = path.absolute()
        with path.open("rb") as file:
            stamp = stamp_of(file.fileno())
        images = path.parent
        if images.name == "annotations" and (images.parent / "images").is_dir():
            images = images.parent / "images"
        columns = ChunkColumns()
        for number, record in enumerate(read_records(path)):
            place = f"record {number} (byte {record.at})"
            try:
                _Item(self, columns, path, place, record).add(subset, images, stamp)
            except DatasetImportError as error:
                self.context.problem(error)
            except PathOutsideDatasetError as error:
                self.context.problem(MalformedFileError(path, place, str(error), "an image inside"))
            if len(columns) == _CHUNK_ITEMS:
                yield columns.finish()
                columns = ChunkColumns()
        yield columns.finish()


class _Item:
    """A record that is read."""

    def __init__(
        self,
        reader: DetectionReader,
        columns: ChunkColumns,
        path: Path,
        place: str,
        record: Record,
    ) -> None:
        self.reader, self.columns = reader, columns
        self.path, self.place, self.record = path, place, record
        try:
            self.example = Example(record.data)
        except ValueError as error:
            at, found = error.args
            where = f"{place}, byte {record.at + at}"
            raise MalformedFileError(path, where, found, "a tf.train.Example") from None

    def add(self, subset: str, images: Path, stamp: tuple[int, int]) -> None:
        """Append the item and its annotations; nothing where it has no name."""
        filename = self.text("image/filename") or self.text("image/source_id")
        if not filename:
            raise self.error("no image/filename, nor image/source_id", "the name of an image")
        encoded = self.encoded()
        height, width = self.size(encoded)
        if height and width:
            self.add_objects(height, width)
        elif self.example.numbers("image/object/bbox/xmin"):
            self.reader.context.problem(
                self.error("no image/height and image/width", "them, for the sake of the boxes")
            )
        source = self.text("image/source_id")
        medium, path = None, ""
        if encoded is not None:
            begin, end = encoded
            part = PartOfFile(os.fspath(self.path), self.record.at + begin, end - begin, stamp)
            size = (height, width) if height and width else None
            medium = Image.from_bytes(part, self.extension(filename, encoded), size)
        else:
            path = self.file(images, filename, stated=bool(height and width))
        self.columns.add_item(
            stem_of(filename),
            subset,
            path,
            height,
            width,
            json_text.encode({"source_id": source}) if source else b"",
            in_memory=medium,
        )

    # --- values -------------------------------------------------------------------------------

    def error(self, found: str, expected: str) -> InvalidAnnotationInFileError:
        """What is wrong with the record."""
        return InvalidAnnotationInFileError(self.path, self.place, found, expected)

    def texts(self, name: str) -> list[str]:
        """The values of a feature of text."""
        try:
            return self.example.texts(name)
        except UnicodeDecodeError as error:
            raise self.error(f"{name}: not UTF-8", "UTF-8 text") from error

    def text(self, name: str) -> str:
        """The first value of a feature of text; "" for none."""
        return next(iter(self.texts(name)), "")

    def size(self, encoded: tuple[int, int] | None) -> tuple[int, int]:
        """The image's (height, width) in pixels: as stated, or by the image; zeros for neither."""
        stated = [self.example.integers(f"image/{name}") for name in ("height", "width")]
        if all(stated):
            height, width = stated[0][0], stated[1][0]
            if not (0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE):
                raise self.error(f"{height} x {width} pixels", f"1 to {_MAX_SIDE} each")
            return height, width
        if encoded is None:
            return 0, 0
        begin, end = encoded
        head = self.record.data[begin : min(end, begin + _HEADER)]
        return read_size(io.BytesIO(head)) or (0, 0)

    def encoded(self) -> tuple[int, int] | None:
        """Where the image is in the record; None when it is not there."""
        spans = [span for span in self.example.spans("image/encoded") if span[0] < span[1]]
        return spans[0] if spans else None

    def extension(self, filename: str, encoded: tuple[int, int]) -> str | None:
        """The image's extension: by its first bytes, its stated format, or its name."""
        begin, _ = encoded
        told = guess_extension(self.record.data[begin : begin + 16])
        own = filename[len(stem_of(filename)) :]
        stated = _EXTENSIONS.get(self.text("image/format").lower())
        if told is None or (own and _EXTENSIONS.get(own[1:].lower()) == told):
            return own or stated
        return told

    def file(self, images: Path, filename: str, *, stated: bool) -> str:
        """The path of an image that is not in the record.

        "" when it is not there, unless its size is ``stated``, which would be lost.
        """
        if escapes(filename) and not self.reader.options.allow_external_media:
            raise PathOutsideDatasetError(f"image/filename {filename!r} leads outside the data set")
        path = images / filename
        return os.fspath(path) if stated or path.is_file() else ""

    # --- objects ------------------------------------------------------------------------------

    def add_objects(self, height: int, width: int) -> None:
        """Append boxes and masks; a problem of one of them is told, and it is left out."""
        edges = [self.example.numbers(f"image/object/bbox/{edge}") for edge in _EDGES]
        n = len(edges[0])
        names = self.texts("image/object/class/text")
        numbers = self.example.integers("image/object/class/label")
        masks = self.example.byte_strings("image/object/mask")
        counts = {edge: len(values) for edge, values in zip(_EDGES, edges, strict=True)}
        if names:
            counts["text"] = len(names)
        if numbers:
            counts["label"] = len(numbers)
        if masks:
            counts["mask"] = len(masks)
        if set(counts.values()) - {n}:
            what = ", ".join(f"{count} of {name}" for name, count in counts.items())
            self.reader.context.problem(self.error(what, "as many of each"))
            return
        for index in range(n):
            label = self.reader.labels.find(
                numbers[index] if numbers else None, names[index] if names else ""
            )
            if label is None:
                declared = self.reader.labels.path
                self.reader.context.problem(
                    UndeclaredLabelInFileError(
                        self.path,
                        f"{self.place}, object {index}",
                        f"label id {numbers[index]} without a name",
                        f"an id of {declared}" if declared else "a name, or a label map",
                    )
                )
                continue
            shares = [values[index] for values in edges]
            if not all(math.isfinite(share) and abs(share) <= _MAX_SHARE for share in shares):
                self.reader.context.problem(
                    self.error(f"object {index}: box {shares}", "shares of the image's sides")
                )
                continue
            group = self.add_mask(masks[index], label, index, height, width) if masks else 0
            x1, y1, x2, y2 = shares
            box = (x1 * width, y1 * height, x2 * width, y2 * height)
            self.columns.add_box(0, group, label, box, b"")

    def add_mask(self, data: bytes, label: int, index: int, height: int, width: int) -> int:
        """Append a mask; its group, or 0 where no pixel is in it."""
        if not data:
            return 0
        where = f"{self.path}: {self.place}, mask {index}"
        try:
            painting = index_masks.decode(data, where, (height, width))
            if index_masks.shape_of(painting) != (height, width):
                found = index_masks.pixels_of(painting)
                raise MalformedFileError(where, "", found, f"{height} x {width}, as the image")
        except MalformedFileError as error:
            self.reader.context.problem(error)
            return 0
        rle = index_masks.masks_of(painting.codes != 0).get(1)
        if rle is None:
            return 0
        self.columns.add_mask(rle, (height, width), label, group=index + 1)
        return index + 1
