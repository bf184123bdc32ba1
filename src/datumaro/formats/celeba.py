"""CelebA: faces with identities, attributes, boxes and key points, in tables of words.

Definition: https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html. See docs/formats/celeba.md.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import (
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import dataset_meta
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import find_root, read_text, stem_of
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories, PointsCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.key_points import Visibility
from datumaro.paths import escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

IDENTITIES = "Anno/identity_CelebA.txt"
ATTRIBUTES = "Anno/list_attr_celeba.txt"
BOXES = "Anno/list_bbox_celeba.txt"
PARTITION = "Eval/list_eval_partition.txt"
SUBSETS = ("train", "val", "test")

BOX_HEADER = ["image_id", "x_1", "y_1", "width", "height"]
_CHUNK_ITEMS = 1 << 16
MAX_IDENTITY = 1 << 17
MAX_PIXELS = 1e9
_QUOTED = re.compile(r'\s*"([^"]+)"(?:\s+(.*))?$', re.DOTALL)
_OWNED = (IDENTITIES, ATTRIBUTES, PARTITION, dataset_meta.FILE)
_FACES = {
    AnnotationType.label: Held(label="required"),
    AnnotationType.points: Held(label="some", most=1, visibility=False),
}
_HOLDS = Capabilities(
    annotations=_FACES,
    subsets=SUBSETS,
    default_subset=SUBSETS[0],
    item_attributes="flags",
    key_points="some",
)
_VALUES = {"1": b"true", "-1": b"false"}


class Celeba(Format):
    """Images as they were found."""

    name = "celeba"
    title = "CelebA: faces with identities, attributes, boxes and key points"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (*_OWNED, BOXES, "Anno/list_landmarks_celeba.txt")
    holds = dataclasses.replace(
        _HOLDS, annotations={**_FACES, AnnotationType.bbox: Held(label="some", most=1)}
    )
    landmarks: ClassVar[str] = "Anno/list_landmarks_celeba.txt"
    images: ClassVar[str] = "Img/img_celeba"
    boxes: ClassVar[str] = BOXES

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: identities, and the folder of images or the list of key points."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {IDENTITIES}")
        if Path(IDENTITIES).name not in folder.files("Anno"):
            raise Rejected(f"no {IDENTITIES}")
        images = Path(self.images).name in folder.folders("Img")
        if not images and Path(self.landmarks).name not in folder.files("Anno"):
            raise Rejected(f"no {self.images} and no {self.landmarks}")
        return Confidence.MEDIUM

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write the tables.

        Raises
        ------
        UnsupportedContentError
            There is another subset than train, val and test; two items, of different subsets, would
            have one image; or a name cannot stand on a line.
        MediaTypeError, PathOutsideDatasetError
            The media are no images, or an item's id leads outside the folder.
        """
        from datumaro.formats.celeba_writer import write

        write(self, content, folder, options, context)

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all images that a table names. Their files are not looked at.

        Raises
        ------
        DatasetNotFoundError
            There is no table of identities.
        DatasetImportError
            A table is damaged; the message names file and line.
        PathOutsideDatasetError
            It names an image outside the folder of images.
        """
        root = find_root(path.absolute(), _is_root, f"no {IDENTITIES}")
        return _Reader(self, root, context).content()


class AlignCeleba(Celeba):
    """Images cropped and aligned."""

    name = "align_celeba"
    title = "CelebA, aligned and cropped: faces with identities, attributes and key points"
    holds = _HOLDS
    landmarks = "Anno/list_landmarks_align_celeba.txt"
    owned = (*_OWNED, landmarks)
    images = "Img/img_align_celeba"
    boxes = ""


def identity_name(number: int) -> str:
    """The label of an identity that has no other name."""
    return f"class-{number}"


def _is_root(folder: Path) -> bool:
    return (folder / IDENTITIES).is_file()


# --- tables -------------------------------------------------------------------------------------


class _Table:
    """A table: a name and words on each line; before them may be a count and names of columns."""

    def __init__(self, path: Path, *, has_header: bool) -> None:
        self.path, self.columns = path, list[str]()
        self._lines = read_text(path).split("\n") if path.is_file() else []
        while self._lines and not self._lines[-1].strip():
            self._lines.pop()
        self._begin = 0
        if has_header and self._lines:
            count = self._lines[0].strip()
            n = len(self._lines) - 2
            if not (count.isascii() and count.isdecimal() and len(count) < 12 and int(count) == n):
                expected = f"{max(n, 0)}, the number of images below the second line"
                raise MalformedFileError(path, "line 1", repr(count[:40]), expected)
            self.columns = self._lines[1].split()
            self._begin = 2

    def rows(self) -> Iterator[tuple[str, str, list[str]]]:
        """(place, name of an image, words) of each line."""
        for number in range(self._begin, len(self._lines)):
            line = self._lines[number]
            if found := _QUOTED.match(line):
                yield f"line {number + 1}", found[1], (found[2] or "").split()
            elif words := line.split():
                yield f"line {number + 1}", words[0], words[1:]


# --- reading ------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, kind: Celeba, root: Path, context: ReadContext) -> None:
        self.kind, self.root, self.context = kind, root, context
        self.images = os.fspath(root / kind.images)
        self.meta = dataset_meta.find(root, context)
        self.names = self.meta.labels if self.meta else None
        self.identities: dict[str, list[int]] = {}
        self.files: dict[str, str] = {}  # the path of each image
        self.most = -1  # the highest identity

    def content(self) -> Content:
        """All images, in the order in which the tables name them."""
        self.context.progress.start(5, desc="Reading CelebA")
        self.read_identities()
        self.context.progress.report_status(1)
        attributes = self.read_attributes()
        self.context.progress.report_status(2)
        points, point_names = self.read_landmarks()
        self.context.progress.report_status(3)
        boxes = self.read_boxes()
        self.context.progress.report_status(4)
        subsets = self.read_subsets()
        names = list(self.files)
        chunks: list[Chunk] = []
        for begin in range(0, len(names), _CHUNK_ITEMS):
            columns = ChunkColumns()
            for name in names[begin : begin + _CHUNK_ITEMS]:
                labels = self.identities.get(name, [])
                for label in labels:
                    columns.add_label(label)
                first = labels[0] if labels else schema.NO_LABEL
                if (at := points.get(name)) is not None:
                    seen = bytes([Visibility.visible]) * (len(at) // 2)
                    columns.add_points(at, seen, first)
                if (box := boxes.get(name)) is not None:
                    columns.add_box(0, 0, first, box, b"")
                columns.add_item(
                    stem_of(name),
                    subsets.get(name, DEFAULT_SUBSET_NAME),
                    self.files[name],
                    attributes=attributes.get(name, b""),
                )
            chunks.append(columns.finish())
        self.context.progress.report_status(5)
        self.context.progress.finish()
        return Content(chunks, self.categories(point_names))

    def categories(self, point_names: list[str]) -> dict[AnnotationType, Categories]:
        """Identities, and the names of key points, which are the same for all."""
        names = self.names
        if names is None:
            names = [identity_name(number) for number in range(self.most + 1)]
        found: dict[AnnotationType, Categories] = {
            AnnotationType.label: LabelCategories.from_iterable(names)
        }
        if point_names:
            used = sorted({label for labels in self.identities.values() for label in labels})
            found[AnnotationType.points] = PointsCategories.from_iterable(
                [(label, point_names) for label in used]
            )
        return self.meta.categories(found) if self.meta else found

    def item(self, table: _Table, place: str, name: str) -> str:
        """Note an image that a table names."""
        if name not in self.files:
            path = f"{self.images}/{name}"
            if escapes(name) or ".." in name.split("/"):
                join_inside(self.images, name, what=f"{table.path}: {place}")
                found = f"image {name[:80]!r}"
                raise MalformedFileError(table.path, place, found, "a path without '..'")
            self.files[name] = path
        return name

    def problem(self, table: _Table, place: str, found: Sequence[str], expected: str) -> None:
        """Report a line that is left out."""
        text = repr(" ".join(found)[:60])
        self.context.problem(InvalidAnnotationInFileError(table.path, place, text, expected))

    def read_identities(self) -> None:
        """The identity of each image; some have several."""
        table = _Table(self.root / IDENTITIES, has_header=False)
        n = len(self.names) if self.names is not None else MAX_IDENTITY
        for place, name, words in table.rows():
            self.item(table, place, name)
            number = _integer(words[0]) if len(words) == 1 else None
            if number is None or number < 0:
                self.problem(table, place, [name, *words], "an image and its identity, a number")
            elif number >= n:
                expected = f"a number below {n}"
                if self.names is not None:
                    expected += f", as {dataset_meta.FILE} has so many labels"
                self.context.problem(
                    UndeclaredLabelInFileError(table.path, place, f"identity {number}", expected)
                )
            else:
                self.identities.setdefault(name, []).append(number)
                self.most = max(self.most, number)

    def read_attributes(self) -> dict[str, bytes]:
        """The attributes of each image, as JSON."""
        table = _Table(self.root / ATTRIBUTES, has_header=True)
        keys = [json_text.encode({name: 0})[1:-2] for name in table.columns]  # "name":
        found: dict[str, bytes] = {}
        for place, name, words in table.rows():
            values = [_VALUES.get(word) for word in words]
            if len(words) != len(keys) or None in values:
                expected = f"an image and {len(keys)} times 1 or -1"
                self.problem(table, place, [name, *words], expected)
                continue
            pairs = (key + value for key, value in zip(keys, values, strict=True) if value)
            found[self.item(table, place, name)] = b"{%b}" % b",".join(pairs)
        return found

    def read_landmarks(self) -> tuple[dict[str, list[float]], list[str]]:
        """(key points of each image, their names)."""
        table = _Table(self.root / self.kind.landmarks, has_header=True)
        names = [name.removesuffix("_x") for name in table.columns[::2]]
        stated = [word for name in names for word in (f"{name}_x", f"{name}_y")]
        if table.columns != stated:
            found = repr(" ".join(table.columns)[:80])
            raise MalformedFileError(table.path, "line 2", found, "name_x name_y, of each point")
        found_points: dict[str, list[float]] = {}
        for place, name, words in table.rows():
            values = _numbers(words, len(table.columns))
            if values is None:
                expected = f"an image and {len(table.columns)} numbers of pixels"
                self.problem(table, place, [name, *words], expected)
            else:
                found_points[self.item(table, place, name)] = values
        return found_points, names if found_points else []

    def read_boxes(self) -> dict[str, tuple[float, float, float, float]]:
        """The box of each image."""
        found: dict[str, tuple[float, float, float, float]] = {}
        if not self.kind.boxes:
            return found
        table = _Table(self.root / self.kind.boxes, has_header=True)
        if table.columns and table.columns != BOX_HEADER:
            words = repr(" ".join(table.columns)[:80])
            raise MalformedFileError(table.path, "line 2", words, " ".join(BOX_HEADER))
        for place, name, words in table.rows():
            values = _numbers(words, 4)
            if values is None:
                self.problem(table, place, [name, *words], "an image and four numbers of pixels")
                continue
            x, y, w, h = values
            found[self.item(table, place, name)] = x, y, x + w, y + h
        return found

    def read_subsets(self) -> dict[str, str]:
        """The subset of each image."""
        table = _Table(self.root / PARTITION, has_header=False)
        found: dict[str, str] = {}
        for place, name, words in table.rows():
            number = _integer(words[0]) if len(words) == 1 else None
            if number is None or not 0 <= number < len(SUBSETS):
                expected = "an image and 0 (train), 1 (val) or 2 (test)"
                self.problem(table, place, [name, *words], expected)
            else:
                found[self.item(table, place, name)] = SUBSETS[number]
        return found


def _integer(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 12 else None


def _numbers(words: Sequence[str], n: int) -> list[float] | None:
    if len(words) != n:
        return None
    try:
        values = [float(word) for word in words]
    except ValueError:
        return None
    return values if all(abs(value) < MAX_PIXELS for value in values) else None
