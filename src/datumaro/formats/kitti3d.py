"""KITTI's benchmark of 3D objects: boxes in images, each with the object's place in space.

A line of ``label_2/<id>.txt`` is ``label truncated occluded alpha x1 y1 x2 y2 h w l X Y Z
rotation_y [score]``: boxes in pixels, sizes and places in metres, angles in radians. Definition:
the development kit of https://www.cvlibs.net/datasets/kitti/eval_object.php?obj_benchmark=3d. See
docs/formats/kitti3d.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
    UnsupportedContentError,
)
from datumaro.formats import dataset_meta, kitti_labels
from datumaro.formats.appearing_labels import AppearingLabels
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
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import FileIndex, find_root, read_file
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.number_texts import is_number
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import stated_labels
from datumaro.model.image_codec import IMAGE_EXTENSIONS
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

IMAGES, BOXES, CALIBRATION = "image_2", "label_2", "calib"
LABELS = (
    "DontCare", "Car", "Pedestrian", "Van", "Truck", "Cyclist", "Sitter", "Train", "Motorcycle",
    "Bus", "Misc",
)  # fmt: skip

_CHUNK_ITEMS = 8192
_MAX_BYTES = 1 << 26
_MAX_NUMBER = 1e9
_BBOX = int(AnnotationType.bbox)
# what stands for a number that is not known, as in KITTI's own files
_UNKNOWN: dict[str, Any] = {
    "truncated": -1.0,
    "occluded": -1,
    "alpha": -10.0,
    "dimensions": [-1.0, -1.0, -1.0],
    "location": [-1000.0, -1000.0, -1000.0],
    "rotation_y": -10.0,
}
_HELD = Held(
    label="required",
    names={
        "truncated": (-1.0, 0.0, 0.25),
        "occluded": (-1, 0, 3),
        "alpha": (-10.0, -1.57),
        "dimensions": ([-1.0, -1.0, -1.0], [1.5, 1.75, 4.25]),
        "location": ([-1000.0, -1000.0, -1000.0], [-2.5, 1.0, 30.125]),
        "rotation_y": (-10.0, 0.5),
        "score": (None, 0.5, 1.0),
    },
)


class Kitti3d(Format):
    """Boxes in images, with objects' places in space as their attributes."""

    name = "kitti3d"
    title = "KITTI 3D: boxes in images, with sizes and places of objects in space"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (f"{BOXES}/**/*.txt", dataset_meta.FILE)
    holds = Capabilities(
        annotations={AnnotationType.bbox: _HELD},
        nested_ids=False,
        labels="used",
        label_order=False,
        label_pattern=kitti_labels.PATTERN,
        added_labels=LABELS,
        label_attributes="some",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: folders of boxes and images; surer with one of calibrations."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {BOXES} and {IMAGES}")
        for inner in ("", *folder.folders(BOXES)):
            names = folder.files(f"{BOXES}/{inner}" if inner else BOXES)
            if any(name.endswith(".txt") for name in names):
                break
        else:
            raise Rejected(f"no folder {BOXES} with files in it")
        return Confidence.MEDIUM if CALIBRATION in folder.folders() else Confidence.LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets.

        Raises
        ------
        DatasetNotFoundError
            There is no folder of boxes, or there are several.
        DatasetImportError
            A line is wrong; the message names file and line.
        """
        root = find_root(path, lambda folder: (folder / BOXES).is_dir(), f"no folder {BOXES}")
        return _Reader(root, context).content()

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file of boxes for each item, an empty one too.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        require_images(content, self.name)
        _Writer(content, folder, options, context).write()


# --- reading ------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A box.

    Attributes
    ----------
    box : x1, y1, x2, y2 in pixels.
    """

    label: str
    box: tuple[float, float, float, float]
    attributes: dict[str, Any]


def parse_line(line: str) -> Line:
    """Take a line apart.

    Raises
    ------
    ValueError
        It is none; the message says what was found.
    """
    words = line.split()
    values: list[float] = []
    for count in (14, 15):  # of two readings the one with the longer label, as it has no number
        if len(words) > count:
            try:
                values = list(map(float, words[-count:]))
            except ValueError:
                break
    if not values or (len(words) > len(values) + 1 and is_number(words[-len(values) - 1])):
        raise ValueError(f"{len(words)} fields: {line[:80]!r}")
    if not sum(map(abs, values)) <= _MAX_NUMBER and not _are_small(values):
        raise ValueError(f"a number that is none, or too large: {line[:80]!r}")
    occluded = int(values[1])
    if occluded != values[1]:
        raise ValueError(f"occluded {values[1]}")
    attributes: dict[str, Any] = {
        "truncated": values[0],
        "occluded": occluded,
        "alpha": values[2],
        "dimensions": values[7:10],
        "location": values[10:13],
        "rotation_y": values[13],
    }
    if len(values) == 15:
        attributes["score"] = values[14]
    x1, y1, x2, y2 = values[3:7]
    return Line(" ".join(words[: -len(values)]), (x1, y1, x2, y2), attributes)


def _are_small(values: list[float]) -> bool:
    return all(abs(value) <= _MAX_NUMBER for value in values)


class _Reader:
    def __init__(self, root: Path, context: ReadContext) -> None:
        self.root, self.context = root, context
        self.meta = dataset_meta.find(root, context)
        self.labels = AppearingLabels(LABELS if self.meta is None else self.meta.labels)
        self.labels.is_open = self.meta is None
        self.boxes, self.images, self.calibrations = (
            FileIndex(root / name, extensions)
            for name, extensions in (
                (BOXES, frozenset({".txt"})),
                (IMAGES, IMAGE_EXTENSIONS),
                (CALIBRATION, frozenset({".txt"})),
            )
        )

    def content(self) -> Content:
        """All items."""
        stems = self.boxes.stems()
        progress = self.context.progress
        progress.start(len(stems), desc="Reading KITTI 3D")
        chunks: list[Chunk] = []
        for begin in range(0, len(stems), _CHUNK_ITEMS):
            columns = ChunkColumns()
            for stem in stems[begin : begin + _CHUNK_ITEMS]:
                self.add(columns, stem)
            chunks.append(columns.finish())
            progress.report_status(min(begin + _CHUNK_ITEMS, len(stems)))
        progress.finish()
        own = self.labels.categories()
        categories = own if self.meta is None else self.meta.categories(own)
        if (labels := stated_labels(categories)) is not None:
            labels.attributes.update(_UNKNOWN)
        return Content(chunks, categories)

    def add(self, columns: ChunkColumns, stem: str) -> None:
        """Append an item and its boxes."""
        path = f"{self.boxes.folder}/{self.boxes.find(stem)}"
        for number, line in enumerate(self.lines(path)):
            if not line or line.isspace():
                continue
            place = f"line {number + 1}"
            try:
                found = parse_line(line)
            except ValueError as error:
                expected = "a label, and 14 or 15 numbers"
                self.context.problem(
                    InvalidAnnotationInFileError(path, place, str(error), expected)
                )
                continue
            label = self.labels.find(found.label)
            if label is None:
                what, expected = f"label {found.label!r}", f"one of {dataset_meta.FILE}"
                self.context.problem(UndeclaredLabelInFileError(path, place, what, expected))
                continue
            columns.add_box(number, 0, label, found.box, json_text.encode(found.attributes))
        subset, slash, item_id = stem.partition("/")
        image, calibration = self.images.find(stem), self.calibrations.find(stem)
        known = f"{self.calibrations.folder}/{calibration}" if calibration else ""
        columns.add_item(
            item_id if slash else stem,
            subset if slash else DEFAULT_SUBSET_NAME,
            f"{self.images.folder}/{image}" if image else "",
            attributes=json_text.encode({"calib_path": known}) if known else b"",
        )

    def lines(self, path: str) -> list[str]:
        """A file's lines; none where it cannot be read."""
        try:
            data = read_file(path, _MAX_BYTES) or b""
            if len(data) > _MAX_BYTES:
                raise MalformedFileError(path, "", f"more than {_MAX_BYTES} bytes", "boxes")
            return data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            problem: DatasetImportError = MalformedFileError(
                path, f"byte {error.start}", "not UTF-8", "UTF-8 text"
            )
        except OSError as error:
            problem = MalformedFileError(path, "", error.strerror or str(error), "boxes")
        except MalformedFileError as error:
            problem = error
        self.context.problem(problem)
        return []


# --- writing ------------------------------------------------------------------------------------


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.content, self.folder = content, folder
        self.options, self.context = options, context
        labels = content.labels
        others = (
            labels.attributes.union(*(label.attributes for label in labels)) - _HELD.names.keys()
        )
        context.lost("names of attributes of labels", len(others), ", ".join(sorted(others)[:5]))
        self.labels = [label.name for label in labels]
        for name in self.labels:
            kitti_labels.check(name)

    def write(self) -> None:
        """Write all files; media last."""
        for subset in self.content.subset_names():
            check_subset_name(subset)
        files = FileWriter(self.folder)
        images = ImageJobs(self.folder, self.options, self.context, ".png")
        for rows, item in each_item(self.content, self.context.progress, "Writing KITTI 3D"):
            item_id, subset = rows.ids[item], rows.subsets[item]
            if "/" in item_id:
                raise UnsupportedContentError(
                    f"item id {item_id!r}: kitti3d has no folders within subsets; rename it"
                )
            name = item_id if subset == DEFAULT_SUBSET_NAME else f"{subset}/{item_id}"
            join_inside(self.folder, name, what="item id")
            files.save(f"{BOXES}/{name}.txt", self.text(rows, item).encode())
            images.add(rows, item, IMAGES, name)
        if self.options.save_dataset_meta:
            dataset_meta.save(self.content.categories, self.folder, self.context)
        images.save()

    def text(self, rows: ChunkRows, item: int) -> str:
        """An item's lines."""
        lines: list[str] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            label = rows.labels[row]
            if rows.types[row] != _BBOX or label == schema.NO_LABEL:
                continue
            example = f"item {rows.ids[item]!r}"
            if not 0 <= label < len(self.labels):
                self.context.lost(UNDECLARED, 1, example)
                continue
            attributes = json_text.decode(rows.ann_attributes[row])
            values = [self.numbers(attributes, name, example) for name in _UNKNOWN]
            truncated, occluded, alpha, dimensions, location, turn = values
            box = [repr(value) for value in rows.points(row)]
            words = [
                self.labels[label], *truncated, *occluded, *alpha, *box, *dimensions, *location,
                *turn,
            ]  # fmt: skip
            if attributes.get("score") is not None:
                words += self.numbers(attributes, "score", example)
            lines.append(" ".join(words) + "\n")
        return "".join(lines)

    def numbers(self, attributes: dict[str, Any], name: str, example: str) -> list[str]:
        """An attribute's numbers as words; those that say "not known" where it is none."""
        unknown = _UNKNOWN.get(name, [])
        given = attributes.get(name, unknown)
        values, none = _listed(given), _listed(unknown)
        whole = name == "occluded"
        if len(values) != max(1, len(none)) or not all(
            isinstance(v, int | float) and abs(v) <= _MAX_NUMBER and (not whole or v == int(v))
            for v in values
        ):
            self.context.lost(f"values of {name} that lines cannot hold", 1, example)
            values = none
        return [repr(int(v) if whole else float(v)) for v in values]


def _listed(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else [value]
