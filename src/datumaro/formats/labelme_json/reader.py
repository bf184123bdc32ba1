"""Reading labelme's files into columns."""

from __future__ import annotations

import base64
import binascii
import os
from functools import partial
from pathlib import Path

import msgspec

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    MediaError,
)
from datumaro.formats import json_files
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import stem_of, walk
from datumaro.formats.labelme_json import shapes
from datumaro.formats.labelme_json.shapes import Shape
from datumaro.model.image import Image
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import escapes, join_inside
from datumaro.table.chunk import Chunk, Content

_CHUNK_ITEMS = 8192
_MAX_BYTES = 1 << 28
_MAX_SIDE = 1 << 31


class _File(msgspec.Struct):
    shapes: list[Shape]
    imagePath: str = ""
    imageHeight: int | None = None
    imageWidth: int | None = None
    flags: dict[str, bool] | None = None


class _Pixels(msgspec.Struct):
    imageData: str | None = None


class _HasPixels(msgspec.Struct):
    imageData: msgspec.Raw = msgspec.Raw(b"null")


_pixels = msgspec.json.Decoder(_Pixels)
_has_pixels = msgspec.json.Decoder(_HasPixels)


def read(path: Path, options: ReadOptions, context: ReadContext) -> Content:
    """Read all files below ``path``, or the one that it is.

    Raises
    ------
    DatasetNotFoundError
        There is no ``.json``.
    DatasetImportError
        A file is damaged; the message names it and the JSON path.
    """
    root = path.parent if path.is_file() else path
    names = list(walk(os.fspath(root)))
    files = sorted(name for name in names if name.lower().endswith(".json") and _is_seen(name))
    if path.is_file():
        files = [path.name]
    if not files:
        raise DatasetNotFoundError(f"{path}: no .json file below it")
    reader = _Reader(root, frozenset(names), options, context)
    context.progress.start(len(files), desc="Reading LabelMe's JSON")
    chunks = [
        reader.chunk(files[begin : begin + _CHUNK_ITEMS], begin)
        for begin in range(0, len(files), _CHUNK_ITEMS)
    ]
    context.progress.finish()
    return Content(chunks, reader.labels.categories())


def _is_seen(name: str) -> bool:
    return not name.startswith(".") and "/." not in name and name != "dataset_meta.json"


class _Reader:
    def __init__(
        self, root: Path, names: frozenset[str], options: ReadOptions, context: ReadContext
    ) -> None:
        self.names, self.options, self.context = names, options, context
        self.folder = os.fspath(root)
        self.labels = AppearingLabels()

    def chunk(self, files: list[str], done: int) -> Chunk:
        """Some files."""
        columns = ChunkColumns()
        for number, name in enumerate(files, 1):
            try:
                self.add(columns, name)
            except MalformedFileError as error:
                self.context.problem(error)
            except OSError as error:
                found = f"a file that cannot be read ({error.strerror or error})"
                path = f"{self.folder}/{name}"
                self.context.problem(MalformedFileError(path, "byte 0", found, "JSON"))
            if number % 128 == 0:
                self.context.progress.report_status(done + number)
        return columns.finish()

    def add(self, columns: ChunkColumns, name: str) -> None:
        """Append a file's image."""
        path = f"{self.folder}/{name}"
        data = json_files.content(path, _MAX_BYTES)
        file = json_files.decode(data, _File, path)
        size = (
            _side(file.imageHeight, path, "imageHeight"),
            _side(file.imageWidth, path, "imageWidth"),
        )
        size = size if all(size) else (0, 0)
        first, slash, rest = stem_of(name).partition("/")
        subset, item_id = (first, rest) if slash else (DEFAULT_SUBSET_NAME, first)
        image = self.image_path(name, file.imagePath, path)
        medium = None
        if image not in self.names and _has_pixels.decode(data).imageData != b"null":
            known = size if all(size) else None
            medium = Image.from_bytes(partial(_embedded, path), size=known)
        for flag, is_set in (file.flags or {}).items():
            label = self.labels.add(flag)
            if is_set:
                columns.add_label(label)
        zero = _unused_group(file.shapes)
        for number, shape in enumerate(file.shapes):
            try:
                shapes.add(columns, shape, self.labels, size, zero, path)
            except DatasetImportError as error:
                self.problem(error, path, f"$.shapes[{number}]")
        media = "" if medium is not None or not image else f"{self.folder}/{image}"
        columns.add_item(item_id, subset, media, *size, in_memory=medium)

    def problem(self, error: DatasetImportError, path: str, place: str) -> None:
        """Report a damaged shape."""
        if isinstance(error, InvalidAnnotationError):
            found, _, expected = str(error).partition("; expected ")
            error = InvalidAnnotationInFileError(path, place, found, expected)
        self.context.problem(error)

    def image_path(self, name: str, given: str, path: str) -> str:
        """The image's file, relative to the folder, which need not be there; "" for none.

        Raises
        ------
        PathOutsideDatasetError
            It leads outside, and none of the name lies beside the JSON.
        """
        given = given.replace("\\", "/")
        if not given:
            return ""
        folder = name.rpartition("/")[0]
        beside = f"{folder}/{given}" if folder else given
        if beside in self.names:
            return beside
        plain = given.rpartition("/")[2]
        near = f"{folder}/{plain}" if folder else plain
        if near in self.names:
            return near
        if escapes(given) and (given.startswith("/") or escapes(beside)):
            return os.path.relpath(
                join_inside(
                    self.folder, given if given.startswith("/") else beside,
                    what=f"imagePath in {path}",
                    allow_external=self.options.allow_external_media,
                ),
                self.folder,
            )  # fmt: skip
        return os.path.normpath(beside).replace("\\", "/")


def _side(value: int | None, path: str, name: str) -> int:
    if value is not None and not 0 <= value < _MAX_SIDE:
        raise MalformedFileError(path, f"$.{name}", str(value), "a number of pixels")
    return value or 0


def _unused_group(found: list[Shape]) -> int:
    """A group that no shape has, for those of ``"group_id": 0``, which means none elsewhere."""
    if not any(shape.group_id == 0 for shape in found):
        return 0
    return 1 + max(shape.group_id or 0 for shape in found)


def _embedded(path: str) -> bytes:
    """The image that a file holds."""
    try:
        text = _pixels.decode(json_files.content(path, _MAX_BYTES)).imageData
        return base64.b64decode(text or "", validate=True)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise MediaError(f"{path}: $.imageData: {error}; expected an image in base64") from error
