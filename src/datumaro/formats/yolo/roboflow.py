"""Roboflow's layouts of YOLO: images and label files in each subset's folder; see
docs/formats/roboflow.md."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    UndeclaredLabelError,
)
from datumaro.formats import image_sizes
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import folders, images_by_stem, levels, read_file, stem_of, walk
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.formats.yolo import class_names, data_yaml, subset_names
from datumaro.formats.yolo.holdings import SEEN_IDS, holding
from datumaro.formats.yolo.layout import Entry, Layout, only
from datumaro.formats.yolo.reader import Shape, read
from datumaro.formats.yolo.tree import Roboflow
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.shapes import RotatedBbox
from datumaro.paths import join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

IMAGES, LABELS, LABEL_TEXTS = "images", "labels", "labelTxt"

_MAX_BYTES = 1 << 26
_CHUNK_ITEMS = 8192
_MAX_PIXELS = 1e9
_FIELDS = 10
_ROTATED = int(AnnotationType.rotated_bbox)


def find(path: Path, label_folders: tuple[str, ...]) -> tuple[Path, str]:
    """(the YAML file of the data set at, in or up to three levels below ``path``, the name of its
    folders of label files).

    Raises
    ------
    DatasetNotFoundError
        There is none, or there are several.
    """
    if path.is_file() and data_yaml.is_yaml(path.name):
        around = iter([[path.parent]])
    else:
        around = levels(path, dots=True)
    for level in around:
        found = [
            (file, name)
            for folder in level
            if (name := _label_folder(folder, label_folders))
            and (file := data_yaml.file_in(folder)) is not None
        ]
        if found:
            file = only([file for file, _ in found], path)
            return file, found[0][1]
    if path.is_dir() and (path / data_yaml.FILE).is_file() and not folders(path, dots=True):
        return path / data_yaml.FILE, label_folders[0]  # of a data set without items
    raise DatasetNotFoundError(
        f"{path}: no data.yaml beside folders with {' or '.join(label_folders)} in them"
    )


def _label_folder(folder: Path, names: tuple[str, ...]) -> str:
    inner = [folder / subset for subset in folders(folder, dots=True)]
    return next((name for name in names for path in inner if (path / name).is_dir()), "")


def load(file: Path, label_folder: str) -> Layout:
    """The data set that a YAML file names the classes of."""
    root, described = file.parent, data_yaml.load(file)
    subsets: dict[str, list[Entry]] = {}
    for subset in folders(root, dots=True):
        images, labels = root / subset / IMAGES, root / subset / label_folder
        if not labels.is_dir():
            continue
        by_stem = images_by_stem(images)
        ids = {stem_of(name) for name in walk(os.fspath(labels)) if name.endswith(".txt")}
        subsets[subset] = [
            Entry(item_id, by_stem.get(item_id, ""), f"{labels}/{item_id}.txt")
            for item_id in sorted(ids | by_stem.keys())  # an image without a label file: background
        ]
    return Layout(root, described.names, file, subsets, image_sizes.load(root), described.pose)


def _detect(folder: Folder, label_folders: tuple[str, ...]) -> Confidence:
    if folder.is_file:
        raise Rejected("a file; expected a folder")
    if not any(
        data_yaml.is_yaml(name) and data_yaml.looks_like(folder.head(name, 1 << 16))
        for name in folder.files()
    ):
        raise Rejected("no data.yaml that names classes")
    for inner in folder.folders():
        if IMAGES in folder.folders(inner) and set(label_folders) & set(folder.folders(inner)):
            return Confidence.MEDIUM
    raise Rejected(f"no folder has {IMAGES} and {' or '.join(label_folders)} in it")


class RoboflowYolo(Format):
    """Boxes; polygons are read, too."""

    name = "roboflow_yolo"
    title = "Roboflow's layout of YOLO: boxes; reads polygons, too"
    holds = replace(holding(AnnotationType.bbox, item_ids=SEEN_IDS), media_found=True)
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = ("data.yaml", "*/labels/**/*.txt", "images.meta", "dataset_meta.json")

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: ``data.yaml``, and images and labels in the folder of a subset."""
        return _detect(folder, (LABELS,))

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the data set.

        Raises
        ------
        DatasetNotFoundError
            There is none, or there are several.
        """
        layout = load(*find(path, (LABELS,)))
        if layout.pose is not None:
            return read(layout, Shape.POSE, context)
        return read(layout, Shape.BOX_OR_POLYGON, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.yolo.writer.write`."""
        from datumaro.formats.yolo import writer

        writer.write(content, folder, Roboflow(LABELS), AnnotationType.bbox, options, context)


class RoboflowYoloObb(Format):
    """Rotated boxes, by the pixels of their corners and the names of their labels."""

    name = "roboflow_yolo_obb"
    title = "Roboflow's layout of YOLO: rotated boxes"
    holds = replace(
        holding(AnnotationType.rotated_bbox, item_ids=SEEN_IDS),
        annotations={
            AnnotationType.rotated_bbox: Held(
                label="required", names={"difficult": (None, True)}, tolerance=0.02
            )
        },
        size_needed=False,
        media_found=True,
    )
    owned = ("data.yaml", "*/labelTxt/**/*.txt")

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: ``data.yaml``, and images and labels in the folder of a subset."""
        _detect(folder, (LABEL_TEXTS,))
        return Confidence.LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read ``labelTxt``, or where it is not there, ``labels`` as Ultralytics has them.

        Raises
        ------
        DatasetNotFoundError
            There is none, or there are several.
        MalformedFileError, InvalidAnnotationError, UndeclaredLabelError
            A line is wrong; the message names file and line.
        """
        file, label_folder = find(path, (LABEL_TEXTS, LABELS))
        layout = load(file, label_folder)
        if label_folder == LABELS:
            return read(layout, Shape.ROTATED_BOX, context)
        labels = LabelCategories.from_iterable(layout.names)
        chunks: list[Chunk] = []
        done = 0
        context.progress.start(sum(map(len, layout.subsets.values())), desc="Reading YOLO")
        for subset, entries in layout.subsets.items():
            for begin in range(0, len(entries), _CHUNK_ITEMS):
                columns = ChunkColumns()
                for entry in entries[begin : begin + _CHUNK_ITEMS]:
                    _read_texts(columns, entry.labels, labels, context)
                    columns.add_item(entry.item_id, subset, entry.image)
                chunks.append(columns.finish())
                done += len(chunks[-1])
                context.progress.report_status(done)
        context.progress.finish()
        return Content(chunks, {AnnotationType.label: labels})

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write ``labelTxt``.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        require_images(content, self.name)
        tree = Roboflow(LABEL_TEXTS)
        subsets = subset_names.written(content, tree.reserved, context)
        names = class_names.written(content.categories)
        files = FileWriter(folder)
        images = ImageJobs(folder, options, context)
        for rows, item in each_item(content, context.progress, "Writing YOLO"):
            item_id, subset = rows.ids[item], subsets[rows.subsets[item]]
            join_inside(folder, item_id, what="item id")
            tree.check_id(item_id)
            text = _text(rows, item, names, context)
            files.save(tree.labels(subset, item_id), text.encode())
            images.add(rows, item, f"{subset}/{IMAGES}")
        for name, text in tree.descriptions(names, list(subsets.values()), None).items():
            files.save(name, text.encode())
        images.save()


def _read_texts(
    columns: ChunkColumns, path: str, labels: LabelCategories, context: ReadContext
) -> None:
    """Append the boxes of a file: on each line four corners, the label's name, and a flag."""
    data = read_file(path, _MAX_BYTES) or b""
    if len(data) > _MAX_BYTES:
        found = f"more than {_MAX_BYTES} bytes"
        context.problem(MalformedFileError(path, "", found, "a smaller file"))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        context.problem(MalformedFileError(path, f"line {line}", "not UTF-8", "UTF-8 text"))
        return
    count = 0
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields:
            continue
        found = _box(fields, labels, path, number)
        if isinstance(found, DatasetImportError):
            context.problem(found)
        else:
            box, label, attributes = found
            columns.add_shape(
                AnnotationType.rotated_bbox, box, label, attributes, number=count, group=count
            )
        count += 1


def _box(
    fields: list[str], labels: LabelCategories, path: str, line: int
) -> tuple[list[float], int, bytes] | DatasetImportError:
    if len(fields) < _FIELDS:
        found = f"{len(fields)} fields: {' '.join(fields)[:60]!r}"
        expected = "x1 y1 x2 y2 x3 y3 x4 y4 label 0"
        return MalformedFileError(path, f"line {line}", found, expected)
    name = " ".join(fields[8:-1])
    label = labels.find(name)[0]
    if label is None:
        return UndeclaredLabelError(f"{path}: line {line}: label {name!r} is not in data.yaml")
    try:
        values = [float(field) for field in fields[:8]]
    except ValueError:
        values = [float("nan")]
    if not all(abs(value) < _MAX_PIXELS for value in values):
        return InvalidAnnotationError(
            f"{path}: line {line}: {' '.join(fields[:8])[:80]!r}; expected eight numbers of pixels"
        )
    corners = list(zip(values[::2], values[1::2], strict=True))
    difficult = b'{"difficult":true}' if fields[-1] == "1" else b""
    return RotatedBbox.from_rectangle(corners).points, label, difficult


def _text(rows: ChunkRows, item: int, names: list[str], context: WriteContext) -> str:
    lines: list[str] = []
    for row in range(rows.offsets[item], rows.offsets[item + 1]):
        label = rows.labels[row]
        if rows.types[row] != _ROTATED or label == schema.NO_LABEL:
            continue
        if not 0 <= label < len(names):
            context.lost(UNDECLARED, 1, f"item {rows.ids[item]!r}")
        else:
            corners = RotatedBbox(*rows.points(row)).as_polygon()
            numbers = " ".join(f"{x:.4f} {y:.4f}" for x, y in corners)
            difficult = int(rows.ann_attributes[row] == '{"difficult":true}')
            lines.append(f"{numbers} {names[label]} {difficult}\n")
    return "".join(lines)
