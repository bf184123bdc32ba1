"""WIDER FACE: boxes of faces, and the events that images show as their labels.

``wider_face_split/wider_face_<subset>_bbx_gt.txt`` has for each image a line with its path in
``WIDER_<subset>/images`` (``0--Parade/0_Parade_1.jpg``), one with the number of boxes, and a line
for each: ``x y w h blur expression illumination occluded pose invalid``, in pixels. Definition:
http://shuoyang1213.me/WIDERFACE/. Datumaro's are ``labels.txt``, ``-`` for an attribute that a box
does not have, and the label behind the attributes of boxes that are no faces.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    RepeatedItemInFileError,
    UndeclaredLabelInFileError,
    UnsupportedContentError,
)
from datumaro.formats import dataset_meta
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import find_root, read_text, stem_of
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows, each_subset
from datumaro.model.annotation import AnnotationType
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

SPLIT, LABELS = "wider_face_split", "labels.txt"
FACE = "face"
"""The label of boxes that name none, where there is one."""

_FILE = re.compile(r"wider_face_(.+)_bbx_gt\.txt")
_EVENT = re.compile(r"\d+--(.+)")
_NO_LABEL = "no_label"
_ATTRIBUTES = ("blur", "expression", "illumination", "occluded", "pose", "invalid")
_FLAGS = {"True": True, "False": False}
_MOST = 1e9  # pixels
_CHUNK_ITEMS = 8192
_CACHED = 1 << 14
_LABEL, _BBOX = int(AnnotationType.label), int(AnnotationType.bbox)


class WiderFace(Format):
    """Boxes of faces."""

    name = "wider_face"
    title = "WIDER FACE: boxes of faces, labels of images"
    write_options = MetaWriteOptions
    owned = (f"{SPLIT}/*.txt", LABELS, dataset_meta.FILE)
    holds = Capabilities(
        annotations={
            AnnotationType.label: Held(label="required", most=1),
            AnnotationType.bbox: Held(
                label="some", names={name: (None, "0", "2") for name in _ATTRIBUTES}
            ),
        },
        label_pattern=r"\S(?:[^\n\r]*\S)?",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there are lists of boxes in ``wider_face_split``."""
        if not any(_FILE.fullmatch(name) for name in folder.files(SPLIT)):
            raise Rejected(f"no wider_face_<subset>_bbx_gt.txt in {SPLIT}")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets, or that of one list.

        Raises
        ------
        DatasetNotFoundError
            There is no list of boxes.
        DatasetImportError
            A file is damaged; the message names it and the line.
        """
        if path.is_file() and _FILE.fullmatch(path.name):
            root, files = path.absolute().parent.parent, [path]
        else:
            root = find_root(path, lambda folder: bool(_lists(folder)), f"no lists in {SPLIT}")
            files = _lists(root)
        reader = _Reader(root, options, context)
        chunks: list[Chunk] = []
        context.progress.start(len(files), desc="Reading WIDER FACE")
        for file in files:
            chunks += reader.chunks(file)
            context.progress.report_status(len(chunks))
        context.progress.finish()
        own = reader.labels.categories()
        return Content(chunks, reader.meta.categories(own) if reader.meta else own)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a list for each subset.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        require_images(content, "WIDER FACE's format")
        _Writer(content, folder, options, context).write()


def _lists(root: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in (root / SPLIT).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [root / SPLIT / name for name in names if _FILE.fullmatch(name)]


# --- reading --------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, root: Path, options: Any, context: ReadContext) -> None:
        self.root, self.options, self.context = os.fspath(root), options, context
        self.meta = dataset_meta.find(root, context)
        self.labels = AppearingLabels(self.meta.labels if self.meta else _labels(root / LABELS))
        self.texts: dict[tuple[str, ...], bytes] = {}
        self.places: dict[str, int] = {}

    def chunks(self, file: Path) -> Iterator[Chunk]:
        """The items of a list."""
        match = _FILE.fullmatch(file.name)
        subset = match[1] if match else DEFAULT_SUBSET_NAME
        lines = read_text(file).split("\n")
        columns = ChunkColumns()
        self.places = {}
        at = 0
        while at < len(lines):
            if not lines[at].strip():
                at += 1
                continue
            at = self.item(columns, file, subset, lines, at)
            if len(columns) >= _CHUNK_ITEMS:
                yield columns.finish()
                columns = ChunkColumns()
        yield columns.finish()

    def item(
        self, columns: ChunkColumns, file: Path, subset: str, lines: list[str], at: int
    ) -> int:
        """Append the image whose path is in a line; the number of the line behind it."""
        name = lines[at]
        if "." not in name or _is_count(name):
            found, expected = repr(name[:60]), "the path of an image"
            raise MalformedFileError(file, f"line {at + 1}", found, expected)
        path = join_inside(
            f"{self.root}/WIDER_{subset}/images", name, what=f"{file}: line {at + 1}: path",
            allow_external=self.options.allow_external_media,
        )  # fmt: skip
        event, slash, rest = name.partition("/")
        item_id = stem_of(rest if slash else name)
        line = begin = at = at + 1
        n = 0
        if at < len(lines) and _is_count(lines[at]):
            n = int(lines[at])
            begin = at = at + 1
            if n == 0 and at < len(lines) and set(lines[at].split()) == {"0"}:
                at += 1  # so the challenge's own files have it
        end = begin + n
        if end > len(lines):
            found = f"{len(lines) - begin} lines"
            raise MalformedFileError(file, f"line {begin}", found, f"{n} boxes")
        if item_id in self.places:
            first = f"line {self.places[item_id]}"
            error = RepeatedItemInFileError((item_id, subset), file, f"line {line}", first)
            self.context.problem(error)
            return max(end, at)
        self.places[item_id] = line
        match = _EVENT.fullmatch(event) if slash else None
        if match is not None:
            label = self.label(match[1], file, line)
            if label is not None:
                columns.add_label(label)
        for number in range(begin, end):
            try:
                self.box(columns, lines[number], file, number + 1)
            except DatasetImportError as error:
                self.context.problem(error)
        columns.add_item(item_id, subset, path)
        return max(end, at)

    def label(self, name: str, file: Path, line: int) -> int | None:
        """The index of a label; None for one that is not declared, which is reported."""
        found = self.labels.find(name)
        if found is None:
            known = ", ".join(self.labels.names[:5]) or "none"
            error = UndeclaredLabelInFileError(
                file, f"line {line}", f"label {name[:60]!r}", f"one that is declared ({known})"
            )
            self.context.problem(error)
        return found

    def box(self, columns: ChunkColumns, line: str, file: Path, number: int) -> None:
        """Append a box.

        Raises
        ------
        InvalidAnnotationInFileError
        """
        words = line.split(None, 10)
        try:
            x, y, width, height = map(float, words[:4])
        except ValueError:
            x = y = width = height = math.nan
        if not abs(x) + abs(y) + abs(width) + abs(height) < _MOST:
            raise InvalidAnnotationInFileError(
                file, f"line {number}", repr(line[:60]), "x, y, width and height in pixels"
            )
        if len(words) >= 10:
            values, name = words[4:10], words[10].strip() if len(words) > 10 else ""
        else:
            values, name = [], line.split(None, 4)[4].strip() if len(words) > 4 else ""
        if name:
            label = self.label(name, file, number)
            if label is None:
                return
        else:
            label = self.labels.find(FACE)
        columns.add_box(
            0, 0, schema.NO_LABEL if label is None else label, (x, y, x + width, y + height),
            self.attributes(tuple(values)),
        )  # fmt: skip

    def attributes(self, values: tuple[str, ...]) -> bytes:
        """A box's attributes as JSON."""
        found = self.texts.get(values)
        if found is None:
            if len(self.texts) >= _CACHED:
                self.texts.clear()
            pairs = zip(_ATTRIBUTES, values, strict=False)
            given = {name: _FLAGS.get(value, value) for name, value in pairs if value != "-"}
            found = self.texts[values] = json_text.encode(given)
        return found


def _is_count(line: str) -> bool:
    line = line.strip()
    return line.isascii() and line.isdigit() and len(line) < 10


def _labels(path: Path) -> list[str] | None:
    """The labels that the file states; None without it."""
    if not path.is_file():
        return None
    names = [line.strip() for line in read_text(path).split("\n")]
    return [name for name in names if name]


# --- writing --------------------------------------------------------------------------------------


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.content, self.folder, self.options, self.context = content, folder, options, context
        self.names = content.label_names
        for name in self.names:
            if not name or name != name.strip() or "\n" in name or "\r" in name:
                raise UnsupportedContentError(f"label {name!r} cannot be written in a line")
        self.images = ImageJobs(folder, options, context)
        self.places: set[str] = set()  # folders of images that were looked at
        self.texts: dict[str, tuple[str, int]] = {}

    def write(self) -> None:
        """Write all files; media last."""
        files = FileWriter(self.folder)
        parts = self.content.by_subset() or {DEFAULT_SUBSET_NAME: []}
        for subset, items in each_subset(parts, self.context.progress, "Writing WIDER FACE"):
            check_subset_name(subset)
            lines: list[str] = []
            for rows, item in items:
                self.item(rows, item, lines)
            text = "".join(f"{line}\n" for line in lines)
            files.save(f"{SPLIT}/wider_face_{subset}_bbx_gt.txt", text.encode())
        files.save(LABELS, "".join(f"{name}\n" for name in self.names).encode())
        if self.options.save_dataset_meta:
            dataset_meta.save(self.content.categories, self.folder, self.context)
        self.images.save()

    def item(self, rows: ChunkRows, item: int, lines: list[str]) -> None:
        """Append an item's lines."""
        item_id, subset = rows.ids[item], rows.subsets[item]
        if "\n" in item_id or "\r" in item_id:
            raise UnsupportedContentError(f"item {item_id!r}: its id has a line break; rename it")
        event = ""
        boxes: list[str] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            kind, label = rows.types[row], rows.labels[row]
            if kind not in (_LABEL, _BBOX):
                continue
            if label != schema.NO_LABEL and not 0 <= label < len(self.names):
                self.context.lost(UNDECLARED, 1, f"item {item_id!r}")
            elif kind == _BBOX:
                boxes.append(self.box(rows, row, label, item_id))
            elif not event and label != schema.NO_LABEL:
                event = self.event(label)
        place, stem = f"WIDER_{subset}/images", f"{event or _NO_LABEL}/{item_id}"
        names = self.images.plain_names(rows)
        if names is None or place not in self.places:
            lines.append(self.images.add(rows, item, place, stem))
            self.places.add(place)
        else:
            lines.append(f"{event or _NO_LABEL}/{names[item]}")
        if boxes:
            lines += [str(len(boxes)), *boxes]

    def event(self, label: int) -> str:
        """The folder of images of a label."""
        name = self.names[label]
        if "/" in name or "\\" in name or "\0" in name:
            raise UnsupportedContentError(
                f"label {name!r} of an image cannot be a folder; rename it before export"
            )
        return f"{label}--{name}"

    def box(self, rows: ChunkRows, row: int, label: int, item_id: str) -> str:
        """A box's line."""
        text = rows.ann_attributes[row]
        found = self.texts.get(text)
        if found is None:
            if len(self.texts) >= _CACHED:
                self.texts.clear()
            found = self.texts[text] = _values(json_text.decode(text))
        values, n_lost = found
        if n_lost:
            what = "attributes that are no words"
            self.context.lost(what, n_lost, f"item {item_id!r}")
        name = "" if label < 0 else self.names[label]
        if not name and FACE in self.names:
            what = f"boxes without a label (they become {FACE!r})"
            self.context.lost(what, 1, f"item {item_id!r}")
        if name and name != FACE:
            values = f"{values or ' - - - - - -'} {name}"
        return rows.box_text(row).replace(",", " ") + values


def _values(given: dict[str, Any]) -> tuple[str, int]:
    """The text of a box's attributes, and how many cannot be told."""
    words: list[str] = []
    n_lost = 0
    for name in _ATTRIBUTES:
        value = given.get(name)
        word = "-" if value is None else str(value)
        if isinstance(value, list | dict) or len(word.split()) != 1 or (word == "-" and value):
            word = "-"
            n_lost += 1
        words.append(word)
    return ("" if set(words) == {"-"} else " " + " ".join(words)), n_lost
