"""Reading LFW."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import (
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import dataset_meta
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import folders, images_below, read_text, stem_of
from datumaro.formats.lfw import (
    ANNOTATIONS,
    IMAGES,
    LANDMARKS,
    NEGATIVE,
    NOBODY,
    PAIRS,
    PEOPLE,
    POSITIVE,
    numbered,
)
from datumaro.paths import escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

_MAX_PIXELS = 1e9
_CHUNK_ITEMS = 1 << 16


def read(root: Path, subsets: list[str], context: ReadContext) -> Content:
    """See `datumaro.formats.lfw.Lfw.read`."""
    return _Reader(root, context).content(subsets)


@dataclass(slots=True)
class _Face:
    """What is known of an item.

    Attributes
    ----------
    label : index, or schema.NO_LABEL.
    """

    label: int
    positive: list[str] = field(default_factory=list[str])
    negative: list[str] = field(default_factory=list[str])
    points: list[float] | None = None
    image: str = ""


class _Reader:
    def __init__(self, root: Path, context: ReadContext) -> None:
        self.root, self.context = root, context
        meta = dataset_meta.find(root, context)
        self.labels = AppearingLabels(meta.labels if meta else None)
        self.meta = meta
        self.people: set[str] = set(self.labels.names)
        self.faces: dict[str, _Face] = {}

    def content(self, subsets: list[str]) -> Content:
        """All subsets."""
        for subset in subsets:
            self.read_people(self.root / subset)
        self.context.progress.start(len(subsets), desc="Reading LFW")
        chunks: list[Chunk] = []
        for done, subset in enumerate(subsets, 1):
            chunks += self.chunks(subset)
            self.context.progress.report_status(done)
        self.context.progress.finish()
        categories = self.labels.categories()
        return Content(chunks, self.meta.categories(categories) if self.meta else categories)

    def read_people(self, folder: Path) -> None:
        """The names of people: those listed; without a list, those of folders of images."""
        path = folder / ANNOTATIONS / PEOPLE
        names = folders(folder / IMAGES) if not path.is_file() and self.labels.is_open else []
        for number, line in enumerate(_lines(path), 1):
            name, _, count = line.partition("\t")
            if not line.strip() or (number == 1 and not count and line.strip().isdecimal()):
                continue  # the number of people
            if count.strip() and not count.strip().isdecimal():
                found = repr(line[:60])
                self.problem(path, number, found, "a name and the number of its images")
                continue
            names.append(name)
        for name in names:
            if self.labels.is_open:
                self.labels.add(name)
                self.people.add(name)

    def chunks(self, subset: str) -> list[Chunk]:
        """The items of a subset."""
        folder = self.root / subset
        self.faces = {}
        self._named: dict[tuple[str, str], tuple[str, str]] = {}
        self.read_pairs(folder / ANNOTATIONS / PAIRS)
        self.find_images(folder / IMAGES)
        self.read_landmarks(folder / ANNOTATIONS / LANDMARKS)
        found = list(self.faces.items())
        chunks: list[Chunk] = []
        for begin in range(0, len(found), _CHUNK_ITEMS):
            columns = ChunkColumns()
            for item_id, face in found[begin : begin + _CHUNK_ITEMS]:
                if face.label != schema.NO_LABEL:
                    pairs = {POSITIVE: face.positive, NEGATIVE: face.negative}
                    known = {key: names for key, names in pairs.items() if names}
                    columns.add_label(face.label, json_text.encode(known) if known else b"")
                if face.points is not None:
                    seen = bytes([2]) * (len(face.points) // 2)
                    columns.add_points(face.points, seen, face.label)
                columns.add_item(item_id, subset, face.image)
            chunks.append(columns.finish())
        return chunks

    def problem(self, path: Path, line: int, found: str, expected: str) -> None:
        """Report a line that is left out."""
        self.context.problem(InvalidAnnotationInFileError(path, f"line {line}", found, expected))

    def label(self, person: str, path: Path, line: int) -> int:
        """The label of a person; NO_LABEL for nobody."""
        if person == NOBODY:
            return schema.NO_LABEL
        label = self.labels.find(person)
        if label is None:
            expected = f"one of {dataset_meta.FILE}"
            found = f"person {person[:80]!r}"
            self.context.problem(UndeclaredLabelInFileError(path, f"line {line}", found, expected))
            return schema.NO_LABEL
        self.people.add(person)
        return label

    # --- pairs --------------------------------------------------------------------------------

    def read_pairs(self, path: Path) -> None:
        """Pairs of images, and images of which there is no pair."""
        for number, line in enumerate(_lines(path), 1):
            words = [word.strip() for word in line.split("\t")]
            if words == [""] or (number == 1 and len(words) < 3 and all(map(_is_count, words))):
                continue  # the numbers of sets and of pairs
            if len(words) == 1:
                self.alone(words[0], path, number)
            elif len(words) == 3:
                first = self.named(words[0], words[1], path, number)
                second = self.named(words[0], words[2], path, number)
                self.faces[first[0]].positive.append(second[1])
            elif len(words) == 4:
                first = self.named(words[0], words[1], path, number)
                second = self.named(words[2], words[3], path, number)
                self.faces[first[0]].negative.append(second[1])
            else:
                expected = "a name and two numbers, or two names with a number each"
                self.problem(path, number, repr(line[:60]), expected)

    def named(self, person: str, number: str, path: Path, line: int) -> tuple[str, str]:
        """(id, how pairs call it) of an image of a person, which becomes an item."""
        known = self._named.get((person, number))
        if known is not None:
            return known
        item_id = numbered(person, int(number)) if _is_count(number) else number
        if person == NOBODY:
            item_id = number
        self.check(item_id, path, line)
        label = self.label(person, path, line)
        self.faces.setdefault(item_id, _Face(label))
        found = item_id, item_id if person == NOBODY else f"{person}/{item_id}"
        if label != schema.NO_LABEL:  # most images are in several pairs
            self._named[person, number] = found
        return found

    def alone(self, text: str, path: Path, line: int) -> None:
        """An image that is in no pair."""
        person, slash, rest = text.partition("/")
        if slash and rest and person in self.people:
            self.check(rest, path, line)
            self.faces.setdefault(rest, _Face(self.label(person, path, line)))
        else:
            self.check(text, path, line)
            self.faces.setdefault(text, _Face(schema.NO_LABEL))

    def check(self, item_id: str, path: Path, line: int) -> None:
        """Refuse an id that is none."""
        if not item_id or escapes(item_id) or ".." in item_id.split("/"):
            join_inside(self.root, item_id, what=f"{path}: line {line}")
            found = f"image {item_id[:80]!r}"
            raise MalformedFileError(path, f"line {line}", found, "the name of an image")

    # --- images and key points ------------------------------------------------------------------

    def find_images(self, folder: Path) -> None:
        """The images that are there: those that no pair names are items, too."""
        if not folder.is_dir():
            return
        start = os.fspath(folder)
        for name in images_below(start):
            stem = stem_of(name)
            person, slash, rest = stem.partition("/")
            item_id = rest if slash and person in self.people else stem
            face = self.faces.get(item_id)
            if face is None:
                known = item_id != stem
                label = self.labels.find(person) if known else None
                face = self.faces[item_id] = _Face(schema.NO_LABEL if label is None else label)
            face.image = face.image or f"{start}/{name}"

    def read_landmarks(self, path: Path) -> None:
        """Key points of images."""
        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            name, *words = line.split("\t")
            values = _pixels(words)
            if values is None:
                expected = "an image, and numbers of pixels in pairs"
                self.problem(path, number, repr(line[:60]), expected)
                continue
            stem = stem_of(name.strip())
            person, slash, rest = stem.partition("/")
            item_id = rest if slash and person in self.people else stem
            self.check(item_id, path, number)
            if item_id not in self.faces:
                label = self.label(person, path, number) if item_id != stem else schema.NO_LABEL
                self.faces[item_id] = _Face(label)
            face = self.faces[item_id]
            if face.points is not None:
                self.problem(path, number, f"another line of {item_id!r}", "one line of each image")
            else:
                face.points = values


def _lines(path: Path) -> list[str]:
    return read_text(path).split("\n") if path.is_file() else []


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 10


def _pixels(words: list[str]) -> list[float] | None:
    if not words or len(words) % 2:
        return None
    try:
        values = [float(word) for word in words]
    except ValueError:
        return None
    return values if all(abs(value) < _MAX_PIXELS for value in values) else None
