"""One annotation file, read block by block into the kernel's columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from datumaro.errors import InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.coco.categories import Category, parse
from datumaro.formats.coco.layout import AnnotationFile, Task
from datumaro.formats.json_errors import shown_at
from datumaro.kernels.coco_parse import FATAL, PROBLEM, Parser
from datumaro.table.schema import NO_LABEL, Array

BLOCK = 2 << 20
"""Bytes read at a time: few enough to stay in the processor's cache."""

MAX_ELEMENT = 1 << 30
"""The largest image or annotation, in bytes of JSON."""


@dataclass
class Images:
    """The images of a file.

    Attributes
    ----------
    ids : int64 [n].
    sizes : int32 [n, 2], height and width in pixels, 0 for not known.
    names, offsets : UTF-8 bytes of the file names, ``/`` between folders; int64 [n + 1].
    """

    ids: Array
    sizes: Array
    names: Array
    offsets: Array

    def name(self, row: int) -> str:
        """The file name of an image."""
        return self.names[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()

    def take(self, rows: Array) -> Images:
        """Some of the images, copied."""
        texts = [self.names[self.offsets[r] : self.offsets[r + 1]] for r in rows.tolist()]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        names = np.concatenate(texts) if texts else self.names[:0]
        return Images(self.ids[rows], self.sizes[rows], names, offsets)


@dataclass
class CocoFile:
    """What a file holds, as it stands in it.

    Attributes
    ----------
    parser : has the annotations.
    image_of : int32 [n_objects], the annotations' images, -1 for those to leave out.
    """

    file: AnnotationFile
    parser: Parser
    images: Images
    categories: list[Category]
    image_of: Array
    raw: dict[str, bytes]

    def labels(self, index_of: Callable[[Category], int]) -> Array:
        """The annotations' labels, int32 [n_objects]."""
        if self.file.task is Task.CAPTIONS:
            return np.full(self.parser.n_objects, NO_LABEL, np.int32)
        own = np.array([category.id for category in self.categories], np.int64)
        rows = lookup(own, self.parser.objects()[2])
        table = np.array([*map(index_of, self.categories), NO_LABEL], np.int32)
        return table[rows]


def lookup(keys: Array, wanted: Array) -> Array:
    """Where each of ``wanted`` is in ``keys`` (both int64): int32, -1 for nowhere."""
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, np.int32)
    low, high = int(keys.min()), int(keys.max())
    if high - low < 16 * len(keys) + (1 << 20):
        table = np.full(high - low + 2, -1, np.int32)
        table[keys - low] = np.arange(len(keys), dtype=np.int32)
        inside = (wanted >= low) & (wanted <= high)
        return table[np.where(inside, wanted - low, high - low + 1)]
    order = np.argsort(keys, kind="stable").astype(np.int32)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    rows = order[at]
    return np.where(keys[rows] == wanted, rows, np.int32(-1))


class FileReader:
    """Reads files; `done` counts their bytes."""

    def __init__(self, context: ReadContext) -> None:
        self.context = context
        self.done = 0

    def read(self, file: AnnotationFile) -> CocoFile:
        """Read a file.

        Raises
        ------
        MalformedFileError
            It is not JSON, or not COCO's; names the place.
        InvalidAnnotationInFileError
            An annotation names an image or a category that is not there.
        """
        parser = self._parse(file)
        if not parser.has_images:
            raise MalformedFileError(file.path, "$", "no key 'images'", "an array of images")
        if not parser.has_annotations and file.task is not Task.IMAGE_INFO:
            raise MalformedFileError(
                file.path, "$", "no key 'annotations'", "an array of annotations"
            )
        categories: list[Category] = []
        if file.task is not Task.CAPTIONS and "categories" in parser.raw:
            categories = parse(parser.raw["categories"], file.path)
        images = self._unique(file, Images(*parser.images()))
        image_of = self._check(file, parser, images, categories)
        return CocoFile(file, parser, images, categories, image_of, parser.raw)

    def _parse(self, file: AnnotationFile) -> Parser:
        parser = Parser(file.task.code)
        block = bytearray(BLOCK)
        held = begin = 0  # bytes in the block, and where in the file they begin
        with file.path.open("rb", buffering=0) as source:
            while True:
                got: int = source.readinto(memoryview(block)[held:]) or 0
                held += got
                used = self._feed(file, parser, block, held, begin)
                if not got:
                    break
                begin += used
                held -= used
                block[:held] = memoryview(block)[used : used + held].tobytes()
                if held == len(block):
                    if held >= MAX_ELEMENT:
                        raise MalformedFileError(
                            file.path,
                            f"{parser.place} (byte {begin})",
                            f"more than {MAX_ELEMENT} bytes",
                            "smaller images and annotations",
                        )
                    block = block + bytearray(len(block))
                self.done += got
                self.context.progress.report_status(self.done)
        if not parser.ended:
            raise MalformedFileError(
                file.path,
                f"{parser.place} (byte {begin + held})",
                "the end of the file",
                "an object with images and annotations, whole",
            )
        return parser

    def _feed(
        self, file: AnnotationFile, parser: Parser, block: bytearray, held: int, begin: int
    ) -> int:
        """Let the parser take what it can; how many bytes those are."""
        used = 0
        while True:
            status, used = parser.feed(block, used, held)
            if status not in (PROBLEM, FATAL):
                return used
            place, expected, at, missing = parser.problem
            found = f"no key {place.rpartition('.')[2]!r}" if missing else shown_at(block, at, held)
            error = MalformedFileError(file.path, f"{place} (byte {begin + at})", found, expected)
            if status == FATAL:
                raise error
            self.context.problem(error)

    def _unique(self, file: AnnotationFile, images: Images) -> Images:
        """The images without those whose id occurred before: a problem each."""
        if len(np.unique(images.ids)) == len(images.ids):
            return images
        first: dict[int, int] = {}
        for row, image_id in enumerate(images.ids.tolist()):
            if first.setdefault(image_id, row) != row:
                self.context.problem(
                    MalformedFileError(
                        file.path,
                        f"$.images[{row}].id",
                        f"{image_id} is the id of $.images[{first[image_id]}] too",
                        "ids that differ",
                    )
                )
        return images.take(np.array(list(first.values()), np.int64))

    def _check(
        self, file: AnnotationFile, parser: Parser, images: Images, categories: list[Category]
    ) -> Array:
        """The annotations' images; -1 for those whose image or category is not there."""
        _, image_ids, category_ids = parser.objects()
        rows = lookup(images.ids, image_ids)
        self._report(file, parser, rows < 0, "image_id", image_ids)
        if file.task is not Task.CAPTIONS:
            own = np.array([category.id for category in categories], np.int64)
            unknown = (lookup(own, category_ids) < 0) & (category_ids != 0)
            self._report(file, parser, unknown & (rows >= 0), "category_id", category_ids)
            rows[unknown] = -1
        return rows

    def _report(
        self, file: AnnotationFile, parser: Parser, bad: Array, key: str, values: Array
    ) -> None:
        if not bad.any():
            return
        others = "images" if key == "image_id" else "categories"
        skipped = sorted(parser.skipped)
        for number in np.flatnonzero(bad).tolist():
            index = number  # the parser left out some before it
            for left_out in skipped:
                index += left_out <= index
            self.context.problem(
                InvalidAnnotationInFileError(
                    file.path,
                    f"$.annotations[{index}].{key}",
                    str(values[number]),
                    f"the id of one of the file's {others}",
                )
            )


def described(file: CocoFile) -> dict[str, Any]:
    """``info`` and ``licenses`` as far as they say something."""
    out: dict[str, Any] = {}
    for key in ("info", "licenses"):
        try:
            value: Any = msgspec.json.decode(file.raw[key]) if key in file.raw else None
        except (msgspec.DecodeError, RecursionError) as error:
            found = f"{file.raw[key][:60]!r} ({error})"
            raise MalformedFileError(file.file.path, f"$.{key}", found, "JSON") from None
        if _says_something(value):
            out[key] = value
    return out


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_says_something, value.values()))  # pyright: ignore
    if isinstance(value, list):
        return any(map(_says_something, value))  # pyright: ignore
    return bool(value)
