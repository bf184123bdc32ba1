"""VGGFace2: faces in folders of people, their boxes and key points in tables.

Definition: https://github.com/ox-vgg/vgg_face2. See docs/formats/vgg_face2.md.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datumaro.errors import (
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
    UnsupportedContentError,
)
from datumaro.formats import dataset_meta, label_lines
from datumaro.formats.appearing_labels import AppearingLabels, sort_labels
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
from datumaro.formats.csv_tables import read_blocks
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import find_root, images_by_stem
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

TABLES = "bb_landmark"
UNLABELLED = "no_label"  # the folder of images of nobody that is known

_LABELS = "labels.txt"
_BOXES, _POINTS = "loose_bb_", "loose_landmark_"
_NAME = "NAME_ID"
_BOX_COLUMNS = ("X", "Y", "W", "H")
_POINT_COLUMNS = tuple(f"P{number}{axis}" for number in range(1, 6) for axis in "XY")
_CHUNK_ITEMS = 1 << 16
_MAX_PIXELS = 1e9
_FIVE = bytes([2] * 5)  # all points are visible
_LABEL, _BBOX, _KEYS = (
    int(kind) for kind in (AnnotationType.label, AnnotationType.bbox, AnnotationType.points)
)
_SPECIAL = re.compile(r"[^A-Za-z0-9_./-]")  # what a cell may need quotes for
_LABEL_NAME = re.compile(r"(?!no_label$|\.{1,2}$)[^\s/\\]+")


class VggFace2(Format):
    """A box and five points of each face."""

    name = "vgg_face2"
    title = "VGGFace2: faces of people with boxes and five key points"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (f"{TABLES}/loose_*.csv", _LABELS, dataset_meta.FILE)
    holds = Capabilities(
        annotations={
            AnnotationType.label: Held(label="required", most=1),
            AnnotationType.points: Held(most=1, visibility=False),
            AnnotationType.bbox: Held(most=1),
        },
        label_parents="some",
        label_pattern=_LABEL_NAME.pattern,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a table of boxes or of key points."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {TABLES}")
        tables = [name for name in folder.files(TABLES) if _subset(name) is not None]
        if not tables:
            raise Rejected(f"no {TABLES}/{_BOXES}<subset>.csv, and no {_POINTS}<subset>.csv")
        head = folder.head(f"{TABLES}/{tables[0]}", 64).decode("utf-8-sig", "replace")
        if not head.startswith(_NAME):
            raise Rejected(f"{tables[0]} does not begin with {_NAME}")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets: what the tables name.

        Raises
        ------
        DatasetNotFoundError
            There is no table.
        DatasetImportError
            A row is wrong; the message names file and line.
        """
        root = find_root(path.absolute(), _is_root, f"no {TABLES}/{_BOXES}<subset>.csv")
        return _Reader(root, context).content()

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write tables, labels, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            The name of a label is none of a folder.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        require_images(content, "VGGFace2")
        _Writer(content, folder, options, context).write(content)


def _subset(name: str) -> str | None:
    """The subset whose table has that name; None for other files."""
    for start in (_BOXES, _POINTS):
        if name.startswith(start) and name.endswith(".csv") and name != f"{start}.csv":
            return name.removeprefix(start).removesuffix(".csv")
    return None


def _subsets(root: Path) -> list[str]:
    try:
        names = [path.name for path in (root / TABLES).iterdir() if path.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted({subset for name in names if (subset := _subset(name)) is not None})


def _is_root(folder: Path) -> bool:
    return bool(_subsets(folder)) or (folder / _LABELS).is_file()


# --- reading ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Face:
    """What the tables say of an image.

    Attributes
    ----------
    labelled : whether it has a row without points.
    """

    points: list[float] | None = None
    box: list[float] | None = None
    labelled: bool = False


class _Reader:
    def __init__(self, root: Path, context: ReadContext) -> None:
        self.root, self.context = root, context
        self.parents: dict[str, str] = {}
        meta = dataset_meta.find(root, context)
        names = meta.labels if meta else None
        if names is None and (root / _LABELS).is_file():
            names = self.stated_labels(root / _LABELS)
        self.is_stated = names is not None
        self.labels = AppearingLabels(names)

    def stated_labels(self, path: Path) -> list[str]:
        """The labels of a file: a name a line, and perhaps its parent."""
        names: list[str] = []
        for line in label_lines.lines(path):
            name, _, parent = line.partition(" ")
            names.append(name)
            if parent.strip():
                self.parents[name] = parent.strip()
        label_lines.check(names, path)
        return names

    def content(self) -> Content:
        """All subsets."""
        subsets = _subsets(self.root)
        self.context.progress.start(len(subsets), desc="Reading VGGFace2")
        chunks: list[Chunk] = []
        for done, subset in enumerate(subsets, 1):
            chunks += self.chunks(subset)
            self.context.progress.report_status(done)
        self.context.progress.finish()
        if not self.is_stated:
            chunks, categories = sort_labels(chunks, self.labels)
            return Content(chunks, categories)
        labels = LabelCategories()
        for name in self.labels.names:
            labels.add(name, self.parents.get(name, ""))
        own: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        meta = dataset_meta.find(self.root)
        return Content(chunks, meta.categories(own) if meta else own)

    def chunks(self, subset: str) -> list[Chunk]:
        """The items of a subset."""
        faces: dict[str, _Face] = {}
        self.read_points(self.root / TABLES / f"{_POINTS}{subset}.csv", faces)
        self.read_boxes(self.root / TABLES / f"{_BOXES}{subset}.csv", faces)
        folder = os.fspath(self.root / subset)
        images = images_by_stem(folder)
        found = list(faces.items())
        chunks: list[Chunk] = []
        for begin in range(0, len(found), _CHUNK_ITEMS):
            columns = ChunkColumns()
            for item_id, face in found[begin : begin + _CHUNK_ITEMS]:
                label = self.label(subset, item_id)
                if face.points is not None:
                    columns.add_points(face.points, _FIVE, label)
                if face.labelled and label != schema.NO_LABEL:
                    columns.add_label(label)
                if face.box is not None:
                    x, y, w, h = face.box
                    columns.add_box(0, 0, label, (x, y, x + w, y + h), b"")
                columns.add_item(item_id, subset, images.get(item_id, ""))
            chunks.append(columns.finish())
        return chunks

    def label(self, subset: str, item_id: str) -> int:
        """The label of an item: that of its folder."""
        name, slash, _ = item_id.partition("/")
        if not slash or name == UNLABELLED:
            return schema.NO_LABEL
        label = self.labels.find(name)
        if label is None:
            place = f"{TABLES} of {subset}, {item_id!r}"
            expected = f"one of those in {_LABELS} or {dataset_meta.FILE}"
            self.context.problem(
                UndeclaredLabelInFileError(self.root, place, f"label {name!r}", expected)
            )
            return schema.NO_LABEL
        return label

    def read_points(self, path: Path, faces: dict[str, _Face]) -> None:
        """The table of key points: a row of none says that the image is of the label."""
        for place, item_id, values in self.rows(path, _POINT_COLUMNS):
            face = faces.setdefault(item_id, _Face())
            nothing = all(map(math.isnan, values))
            if (face.labelled if nothing else face.points is not None) or not (
                nothing or _are_pixels(values)
            ):
                self.problem(path, place, item_id, "one row of five points, or of none")
            elif nothing:
                face.labelled = True
            else:
                face.points = values

    def read_boxes(self, path: Path, faces: dict[str, _Face]) -> None:
        """The table of boxes."""
        for place, item_id, values in self.rows(path, _BOX_COLUMNS):
            face = faces.setdefault(item_id, _Face())
            if face.box is not None or not _are_pixels(values):
                self.problem(path, place, item_id, "one row of four numbers of pixels")
            else:
                face.box = values

    def rows(self, path: Path, columns: tuple[str, ...]) -> Iterable[tuple[str, str, list[float]]]:
        """(place, item, numbers) of each row of a table, if it is there."""
        if not path.is_file():
            return
        for block in read_blocks(path, (_NAME,), columns, self.context.problem):
            values: list[list[float]] = np.stack(
                [block.numbers[name] for name in columns], 1
            ).tolist()
            names: list[str] = block.text[_NAME].to_pylist()
            for row, (item_id, numbers) in enumerate(zip(names, values, strict=True)):
                place = f"line {block.line + row}"
                if not item_id or escapes(item_id) or ".." in item_id.split("/"):
                    join_inside(self.root, item_id, what=f"{path}: {place}")
                    raise MalformedFileError(
                        path, place, f"name {item_id[:80]!r}", "that of an image"
                    )
                yield place, item_id, numbers

    def problem(self, path: Path, place: str, item_id: str, expected: str) -> None:
        """Report a row that is left out."""
        found = f"another, or a wrong, row of {item_id[:80]!r}"
        self.context.problem(InvalidAnnotationInFileError(path, place, found, expected))


def _are_pixels(values: list[float]) -> bool:
    return all(abs(value) < _MAX_PIXELS for value in values)


# --- writing ------------------------------------------------------------------------------------


class _Tables:
    """The two tables of a subset."""

    def __init__(self) -> None:
        self.boxes, self.points = io.StringIO(newline=""), io.StringIO(newline="")
        self.has_boxes = False
        csv.writer(self.boxes).writerow((_NAME, *_BOX_COLUMNS))
        csv.writer(self.points).writerow((_NAME, *_POINT_COLUMNS))

    def add_box(self, name: str, place: str) -> None:
        """Append a row; ``place`` has its numbers with commas between them."""
        self.has_boxes = True
        _add_row(self.boxes, name, place)

    def add_points(self, name: str, values: list[str]) -> None:
        """Append a row; of no points if there are none."""
        _add_row(self.points, name, ",".join(values or [""] * len(_POINT_COLUMNS)))


def _add_row(table: io.StringIO, name: str, numbers: str) -> None:
    if _SPECIAL.search(name):
        csv.writer(table, lineterminator="").writerow((name,))
    else:
        table.write(name)
    table.write(f",{numbers}\r\n")


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.folder, self.options, self.context = folder, options, context
        labels = content.labels
        self.names = [label.name for label in labels]
        self.lines: list[str] = []
        for label in labels:
            if not _LABEL_NAME.fullmatch(label.name):
                raise UnsupportedContentError(
                    f"label {label.name!r}: VGGFace2 has a folder of that name; rename it to one "
                    f"word without slashes, other than {UNLABELLED}, before export"
                )
            parent = label.parent.strip()
            if len(parent.splitlines()) > 1 or parent != label.parent:
                context.lost("parents of labels", 1, repr(label.parent))
                parent = ""
            self.lines.append(f"{label.name} {parent}\n" if parent else f"{label.name}\n")
        self.tables: dict[str, _Tables] = {}
        self.images = ImageJobs(folder, options, context)

    def write(self, content: Content) -> None:
        """Write all files; media last."""
        for rows, item in each_item(content, self.context.progress, "Writing VGGFace2"):
            self.write_item(rows, item)
        files = FileWriter(self.folder)
        files.save(_LABELS, "".join(self.lines).encode())
        for subset, tables in self.tables.items():
            if tables.has_boxes:
                files.save(f"{TABLES}/{_BOXES}{subset}.csv", tables.boxes.getvalue().encode())
            files.save(f"{TABLES}/{_POINTS}{subset}.csv", tables.points.getvalue().encode())
        if self.options.save_dataset_meta:
            dataset_meta.save(content.categories, self.folder, self.context)
        self.images.save()

    def tables_of(self, subset: str) -> _Tables:
        """The tables of a subset."""
        if subset not in self.tables:
            check_subset_name(subset)
            join_inside(self.folder, f"{_BOXES}{subset}.csv", what="subset name")
            if subset == TABLES:
                raise UnsupportedContentError(
                    f"subset {subset!r}: VGGFace2's tables lie in a folder of that name; rename it"
                )
            self.tables[subset] = _Tables()
        return self.tables[subset]

    def write_item(self, rows: ChunkRows, item: int) -> None:
        """Write an item's rows; note its image."""
        item_id, subset = rows.ids[item], rows.subsets[item]
        place = f"item {item_id!r}"
        tables = self.tables_of(subset)
        first: dict[int, int] = {}
        label = schema.NO_LABEL
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            kind, other = rows.types[row], rows.labels[row]
            if kind not in (_LABEL, _BBOX, _KEYS) or kind in first:
                continue
            if other != schema.NO_LABEL and not 0 <= other < len(self.names):
                self.context.lost(UNDECLARED, 1, place)
                continue
            if not first:
                label = other
            if other != label:
                if label == schema.NO_LABEL:
                    label = other
                self.context.lost("labels that differ from another of their item", 1, place)
            first[kind] = row
        name = self.named(item_id, label, place)
        points = rows.point_texts(first[_KEYS]) if _KEYS in first else []
        if points and len(points) != len(_POINT_COLUMNS):
            self.context.lost("points that are more or fewer than five", 1, place)
            points = []
        if points and _LABEL in first:
            self.context.lost("labels of items that have points", 1, place)
        if points or _LABEL in first or _BBOX not in first:
            tables.add_points(name, points)
            if not points and _LABEL not in first and label != schema.NO_LABEL:
                self.context.lost("items without annotations: they get a label", 1, place)
        if _BBOX in first:
            tables.add_box(name, rows.box_text(first[_BBOX]))
        self.images.add(rows, item, subset, name if name != item_id else "")

    def named(self, item_id: str, label: int, place: str) -> str:
        """An item's name in the tables, which begins with its label's folder."""
        if escapes(item_id):
            join_inside(self.folder, item_id, what="item id")
        folder = UNLABELLED if label == schema.NO_LABEL else self.names[label]
        if item_id.startswith(f"{folder}/"):
            return item_id
        what = "ids that do not begin with the folder of the item's label: it is put before them"
        self.context.lost(what, 1, place)
        return f"{folder}/{item_id}"
