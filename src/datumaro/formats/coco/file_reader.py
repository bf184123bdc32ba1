"""One annotation file, read block by block into the kernel's columns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from datumaro.errors import InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats.base import ReadContext, log
from datumaro.formats.coco import parts
from datumaro.formats.coco.categories import Category, parse
from datumaro.formats.coco.info import BLANK, described
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
    rest, rest_offsets : the members of their objects that COCO does not define, likewise.
    places : int64 [n], their indices in the file's ``images``.
    """

    ids: Array
    sizes: Array
    names: Array
    offsets: Array
    rest: Array
    rest_offsets: Array
    places: Array

    def name(self, row: int) -> str:
        """The file name of an image."""
        return self.names[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()

    def take(self, rows: Array) -> Images:
        """Some of the images, copied."""
        names = _taken(self.names, self.offsets, rows)
        rest = _taken(self.rest, self.rest_offsets, rows)
        return Images(self.ids[rows], self.sizes[rows], *names, *rest, self.places[rows])


def _taken(data: Array, offsets: Array, rows: Array) -> tuple[Array, Array]:
    texts = [data[offsets[r] : offsets[r + 1]] for r in rows.tolist()]
    return (np.concatenate(texts) if texts else data[:0]), offsets_of([len(t) for t in texts])


def offsets_of(lengths: Array | list[int]) -> Array:
    """Where texts begin that stand one after another, and where the last ends: int64 [n + 1]."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _places(n: int, skipped: list[int]) -> Array:
    """The indices of ``n`` elements of an array whose others were skipped: int64 [n], rising."""
    rows = np.arange(n)
    if not skipped:
        return rows
    before = np.array(skipped, np.int64) - np.arange(len(skipped))
    return rows + np.searchsorted(before, rows, "right")


@dataclass
class Repeated:
    """The annotations of a file that have the id of an earlier one.

    Attributes
    ----------
    in_image : int64, rising: those that have the id of an earlier one of their image.
    anywhere : whether there are any, also of other images.
    """

    in_image: Array
    anywhere: bool


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
    repeated: Repeated
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


def differ(ids: Array) -> bool:
    """Whether no two of many numbers (int64) are the same."""
    if len(ids) < 2 or (ids[1:] > ids[:-1]).all():
        return True
    low, high = int(ids.min()), int(ids.max())
    if high - low < 16 * len(ids):
        seen = np.zeros(high - low + 1, bool)
        seen[ids - low] = True
        return np.count_nonzero(seen) == len(ids)
    ordered = np.sort(ids)
    return not (ordered[1:] == ordered[:-1]).any()


def repeated(ids: Array, items: Array) -> tuple[Array, Array] | None:
    """Which of several things have the id of an earlier one.

    Parameters
    ----------
    ids : int64 [n].
    items : int32 [n], where each belongs; those of -1 count for nothing.

    Returns
    -------
    (int64, int64), rising: those that have the id of an earlier one of the same item, and the
    others; None, found sooner, when all ids differ.
    """
    if differ(ids):  # as is usual
        return None
    placed = np.flatnonzero(items >= 0)
    ids, items = ids[placed], items[placed]
    again, in_item = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    order = np.argsort(ids, kind="stable")  # the earlier one first
    again[order[1:]] = ids[order[1:]] == ids[order[:-1]]
    order = np.lexsort((ids, items))
    in_item[order[1:]] = (ids[order[1:]] == ids[order[:-1]]) & (
        items[order[1:]] == items[order[:-1]]
    )
    if not again.any():
        return None
    return placed[in_item], placed[again & ~in_item]


def _by_datumaro(parser: Parser) -> bool:
    """Whether Datumaro 1.x wrote the file: it has always the same ``info`` and ``licenses``."""
    return described(parser.raw, "") == BLANK


@dataclass
class _Part:
    """A part of a file that was parsed.

    Attributes
    ----------
    end : the byte of the file up to which the parser came.
    failed : whether it is no good: then it does not begin where it was taken to.
    """

    parser: Parser
    end: int
    failed: bool = False


class _ProblemError(Exception):
    """A part of a file has a problem, which may be because it is no part."""


class FileReader:
    """Reads files; `done` counts their bytes."""

    def __init__(self, context: ReadContext) -> None:
        self.context = context
        self.done = 0
        self._counting = threading.Lock()

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
        if parser.n_empty:
            log.warning(
                "%s: %d annotations have neither a box nor an outline nor key points; nothing is "
                "kept of them",
                file.path, parser.n_empty,
            )  # fmt: skip
        if parser.n_nonfinite:
            log.warning(
                "%s: %d values of keys that COCO does not define have NaN or infinity in them, "
                "which attributes cannot hold; they are left out",
                file.path, parser.n_nonfinite,
            )  # fmt: skip
        categories: list[Category] = []
        if file.task is not Task.CAPTIONS and "categories" in parser.raw:
            categories = parse(parser.raw["categories"], file.path)
        places = _places(parser.n_images, parser.skipped_images)
        images = self._unique(file, Images(*parser.images(), places))
        image_of = self._check(file, parser, images, categories)
        repeated = self._repeated(file, parser, image_of)
        return CocoFile(file, parser, images, categories, image_of, repeated, parser.raw)

    def _parse(self, file: AnnotationFile) -> Parser:
        before = self.done
        begins = parts.beginnings(file.path, self.context.workers)
        spans = list(zip(begins, [*begins[1:], None], strict=True))
        work = self.context.workers.map_batches(partial(self._part, file), spans)
        with work as results:
            first, *others = (part for part in results if part is not None)
        parser, end = first.parser, first.end
        for part, begin in zip(others, begins[1:], strict=True):
            if (
                part.failed
                or not parts.adjoins(file.path, end, begin)
                or not parser.append(part.parser)
            ):  # go on where the last right part ended
                self._count(before + end - self.done)
                for _ in self._read(file, parser, (end, None)):
                    pass
                break
            end = part.end
        if not parser.ended:
            raise MalformedFileError(
                file.path,
                f"{parser.place} (byte {file.path.stat().st_size})",
                "the end of the file",
                "an object with images and annotations, whole",
            )
        return parser

    def _part(self, file: AnnotationFile, span: tuple[int, int | None]) -> Iterator[_Part | None]:
        """Parse a part of a file, from one byte to another: None for each block, then the part."""
        part = _Part(Parser(file.task.code), span[0])
        if span[0]:
            part.parser.begin_within()
        try:
            for end in self._read(file, part.parser, span, guessed=span[0] > 0):
                part.end = end
                yield None
        except _ProblemError:
            part.failed = True
        yield part

    def _read(
        self,
        file: AnnotationFile,
        parser: Parser,
        span: tuple[int, int | None],
        *,
        guessed: bool = False,
    ) -> Iterator[int]:
        """Feed a parser with a part of a file; gives, block by block, the byte it came to."""
        begin, last = span
        block = bytearray(BLOCK)
        held = 0  # bytes in the block, which begins at the file's byte `begin`
        with file.path.open("rb", buffering=0) as source:
            source.seek(begin)
            while True:
                room = len(block) if last is None else min(len(block), last - begin)
                got: int = source.readinto(memoryview(block)[held:room]) or 0
                held += got
                used = self._feed(file, parser, block, held, begin, guessed=guessed)
                begin += used
                self._count(got)
                yield begin
                if not got:
                    break
                held -= used
                block[:held] = memoryview(block)[used : used + held].tobytes()
                if held == len(block):
                    if held >= MAX_ELEMENT:
                        if guessed:
                            raise _ProblemError
                        raise MalformedFileError(
                            file.path,
                            f"{parser.place} (byte {begin})",
                            f"more than {MAX_ELEMENT} bytes",
                            "smaller images and annotations",
                        )
                    block = block + bytearray(len(block))

    def _count(self, n: int) -> None:
        with self._counting:
            self.done += n
            self.context.progress.report_status(self.done)

    def _feed(
        self,
        file: AnnotationFile,
        parser: Parser,
        block: bytearray,
        held: int,
        begin: int,
        *,
        guessed: bool,
    ) -> int:
        """Let the parser take what it can; how many bytes those are."""
        used = 0
        while True:
            status, used = parser.feed(block, used, held)
            if status not in (PROBLEM, FATAL):
                return used
            if guessed:
                raise _ProblemError
            place, expected, at, missing = parser.problem
            found = f"no key {place.rpartition('.')[2]!r}" if missing else shown_at(block, at, held)
            error = MalformedFileError(file.path, f"{place} (byte {begin + at})", found, expected)
            if status == FATAL:
                raise error
            self.context.problem(error)

    def _unique(self, file: AnnotationFile, images: Images) -> Images:
        """The images without those whose id occurred before: a problem each."""
        if differ(images.ids):
            return images
        first: dict[int, int] = {}
        for row, image_id in enumerate(images.ids.tolist()):
            if first.setdefault(image_id, row) != row:
                self.context.problem(
                    MalformedFileError(
                        file.path,
                        f"$.images[{images.places[row]}].id",
                        f"{image_id}, which $.images[{images.places[first[image_id]]}] has too",
                        "an id of its own for each image",
                    )
                )
        return images.take(np.array(list(first.values()), np.int64))

    def _repeated(self, file: AnnotationFile, parser: Parser, image_of: Array) -> Repeated:
        """See which annotations have the id of an earlier one.

        Raises
        ------
        MalformedFileError
            One of the same image: which of the two an id means cannot be told. It is not raised
            when problems are skipped, or when Datumaro 1.x wrote the file, which gives annotations
            without an id numbers that others of the image have.
        """
        ids, _, _ = parser.objects()
        again = repeated(ids, image_of)
        if again is None:
            return Repeated(np.zeros(0, np.int64), anywhere=False)
        in_image, elsewhere = again
        places = _places(parser.n_objects, parser.skipped)
        for numbers, where in ((in_image, "the same image"), (elsewhere, "another image")):
            if not len(numbers):
                continue
            number = int(numbers[0])
            its_image = image_of == image_of[number]
            same = (ids == ids[number]) & (its_image if numbers is in_image else ~its_image)
            first, second = (
                f"$.annotations[{places[n]}]"
                for n in (int(np.argmax(same & (image_of >= 0))), number)
            )
            if numbers is in_image and self.context.on_error == "fail" and not _by_datumaro(parser):
                raise MalformedFileError(
                    file.path,
                    f"{second}.id",
                    f"{ids[number]}, which {first} of the same image has too",
                    "an id of its own for each annotation of an image; with the error policy "
                    "'skip' each is kept as an object of its own",
                )
            log.warning(
                "%s: %d annotations have the id of an earlier one of %s (first: %s.id, %d, which "
                "%s has too); each is kept as an object of its own",
                file.path, len(numbers), where, second, ids[number], first,
            )  # fmt: skip
        return Repeated(in_image, anywhere=True)

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
        places = _places(parser.n_objects, parser.skipped)
        for number in np.flatnonzero(bad).tolist():
            self.context.problem(
                InvalidAnnotationInFileError(
                    file.path,
                    f"$.annotations[{places[number]}].{key}",
                    str(values[number]),
                    f"the id of one of the file's {others}",
                )
            )
