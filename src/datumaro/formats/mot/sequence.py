"""MOT Challenge sequences: the boxes of tracked objects in the frames of a video.

Definition: https://motchallenge.net/instructions. See docs/formats/mot.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datumaro.errors import (
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import dataset_meta, label_lines
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.csv_tables import read_blocks
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import find_root, images_below, stem_of
from datumaro.formats.mot.info import SequenceInfo, load_info
from datumaro.formats.number_texts import is_number
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories
from datumaro.model.media import MediaType
from datumaro.options import option
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

TRUTH, DETECTIONS = "gt/gt.txt", "det/det.txt"
LABELS, FRAMES = "gt/labels.txt", "gt/frames.txt"
IMAGES = "img1"
COLUMNS = ("frame", "track", "x", "y", "width", "height", "confidence", "class", "visibility")
STANDARD_LABELS = (
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
)
ATTRIBUTES = frozenset({"track_id", "visibility", "occluded", "ignored"})
MAX_NUMBER = 2**53  # float64 has all whole numbers up to it
MAX_FRAME = 10**9

_BBOX = int(AnnotationType.bbox)
_LEAST_COLUMNS = 6
_MAX_PIXELS = 1e9


@dataclass(frozen=True, kw_only=True)
class MotReadOptions(ReadOptions):
    """Options of an import."""

    labels: str | Sequence[str] | None = option(
        None,
        "a file of labels, one name a line (default: gt/labels.txt, or else the classes of MOT17)",
        metavar="FILE",
    )
    occlusion_threshold: float = option(
        0.0, "boxes whose visibility is not above it are occluded", metavar="SHARE"
    )


class MotSeq(Format):
    """A sequence: boxes with tracks, or detections with scores."""

    name = "mot_seq"
    title = "MOT Challenge: the boxes of tracked objects in a sequence of frames"
    read_options: ClassVar[type[ReadOptions]] = MotReadOptions
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (TRUTH, LABELS, FRAMES, "seqinfo.ini", dataset_meta.FILE)
    holds = Capabilities(
        annotations={
            AnnotationType.bbox: Held(
                names={
                    "track_id": (None, 1, 7, 2**40),
                    "visibility": (1.0, 0.5, 0.125),
                    "occluded": (False,),
                    "ignored": (False, True),
                }
            )
        },
        media_found=True,
        subsets=False,
        item_ids=r"0|[1-9][0-9]{0,8}",
        nested_ids=False,
        label_pattern=label_lines.PATTERN,
        label_attributes="some",
        lines=("*.txt",),
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: ``gt/gt.txt`` or ``det/det.txt``, of numbers."""
        if folder.is_file:
            if folder.path.name not in ("gt.txt", "det.txt"):
                raise Rejected(f"a file; expected a folder with {TRUTH} or {DETECTIONS}")
            found = ""
        else:
            files = (name for name in (TRUTH, DETECTIONS) if _has(folder, name))
            found = next(files, None)
            if found is None:
                raise Rejected(f"no {TRUTH} and no {DETECTIONS}")
        line = folder.head(found, 256).decode("utf-8", "replace").partition("\n")[0]
        cells = line.split(",")
        if line.strip() and not (
            _LEAST_COLUMNS <= len(cells) <= len(COLUMNS) + 1 and all(map(is_number, cells))
        ):
            raise Rejected(f"{found or folder.path.name}: {line[:40]!r} is no row of numbers")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read a sequence: the folder that has ``gt`` or ``det``, or one of its files.

        Raises
        ------
        DatasetNotFoundError
            There is none, or there are several.
        DatasetImportError
            A file is damaged; the message names file and line.
        """
        return _Reader(path, options, context).content()

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write the boxes as ground truth, the labels, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            The name of a label cannot stand on a line.
        """
        from datumaro.formats.mot.writer import write

        write(content, folder, options, context)


class MotSeqGt(MotSeq):
    """The name under which the published package writes it."""

    name = "mot_seq_gt"
    reads = False
    read_by = "mot_seq"


def _has(folder: Folder, name: str) -> bool:
    parent, _, file = name.partition("/")
    return file in folder.files(parent)


# --- reading ------------------------------------------------------------------------------------


@dataclass
class _Rows:
    """Rows that are right, sorted by frame; float64, NaN where there is no value."""

    frames: Array
    columns: dict[str, Array]
    labels: Array


class _Reader:
    def __init__(self, path: Path, options: MotReadOptions, context: ReadContext) -> None:
        self.options, self.context = options, context
        path = path.absolute()
        if path.is_file():
            self.root, self.file = path.parent.parent, path
        else:
            self.root = find_root(path, _is_root, f"no {TRUTH} and no {DETECTIONS}")
            self.file = self.root / TRUTH
            if not self.file.is_file():
                self.file = self.root / DETECTIONS
        self.is_truth = self.file.name != "det.txt"
        self.names = self.label_names()
        self.info = load_info(self.root, IMAGES)

    def label_names(self) -> list[str]:
        """The labels' names."""
        given = self.options.labels
        if given is not None:
            if not isinstance(given, str | os.PathLike):
                return list(given)
            return label_lines.load(Path(given))
        meta = dataset_meta.find(self.root, self.context)
        if meta is not None:
            return meta.labels
        file = self.root / LABELS
        return label_lines.load(file) if file.is_file() else list(STANDARD_LABELS)

    def content(self) -> Content:
        """All frames."""
        self.context.progress.start(1, desc="Reading MOT")
        rows = self.rows()
        images = self.images()
        listed = np.array([*images, *self.listed_frames()], np.int64)
        frames = np.unique(
            np.concatenate([rows.frames, listed, np.arange(1, self.info.length + 1)])
        )
        offsets = np.zeros(len(frames) + 1, np.int64)
        offsets[:-1] = np.searchsorted(rows.frames, frames)
        offsets[-1] = len(rows.frames)
        if self.info.extension:
            start = f"{self.root / self.info.folder}/"
            for frame in range(1, self.info.length + 1):
                images.setdefault(frame, f"{start}{frame:06}{self.info.extension}")
        chunk = Chunk(_items(frames, images, self.info), self.annotations(rows), offsets)
        self.context.progress.report_status(1)
        self.context.progress.finish()
        labels = LabelCategories.from_iterable(self.names)
        labels.attributes = set(ATTRIBUTES if self.is_truth else {"track_id", "score"})
        categories: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        meta = dataset_meta.find(self.root) if self.options.labels is None else None
        return Content([chunk], meta.categories(categories) if meta else categories)

    # --- frames -------------------------------------------------------------------------------

    def images(self) -> dict[int, str]:
        """{frame: its image's path}."""
        folder = os.fspath(self.root / self.info.folder)
        found: dict[int, str] = {}
        names = images_below(folder) if Path(folder).is_dir() else []
        for name in names:
            if "/" in name:
                continue
            number = stem_of(name)
            frame = int(number) if number.isascii() and number.isdecimal() else MAX_FRAME
            if frame >= MAX_FRAME or frame in found:
                what = f"an image named {number!r}"
                if frame in found:
                    what = f"frame {frame}, which {Path(found[frame]).name!r} is, too"
                self.context.problem(
                    MalformedFileError(
                        f"{folder}/{name}", "", what, "the number of a frame, such as 000001"
                    )
                )
            else:
                found[frame] = f"{folder}/{name}"
        return found

    def listed_frames(self) -> list[int]:
        """Frames that have neither an image nor boxes."""
        path = self.root / FRAMES
        if not self.is_truth or not path.is_file():
            return []
        frames: list[int] = []
        for number, line in enumerate(label_lines.lines(path), 1):
            if not (line.isascii() and line.isdecimal() and len(line) < 10):
                self.context.problem(
                    MalformedFileError(path, f"line {number}", repr(line[:40]), "a frame's number")
                )
            else:
                frames.append(int(line))
        return frames

    # --- boxes --------------------------------------------------------------------------------

    def rows(self) -> _Rows:
        """The rows of the file; those that are wrong are reported."""
        parts: list[dict[str, Array]] = []
        labels: list[Array] = []
        if self.file.stat().st_size:
            blocks = read_blocks(
                self.file, (), COLUMNS, self.context.problem,
                optional=COLUMNS[_LEAST_COLUMNS:], names=(*COLUMNS, "more"),
            )  # fmt: skip
            for block in blocks:
                columns = dict(block.numbers)
                good, of_class = self.checked(columns, block.line)
                parts.append({name: column[good] for name, column in columns.items()})
                labels.append(of_class[good])
        joined = {
            name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0)
            for name in COLUMNS
        }
        order = np.argsort(joined["frame"], kind="stable")
        joined = {name: column[order] for name, column in joined.items()}
        of_class = np.concatenate(labels)[order] if labels else np.zeros(0, np.int32)
        return _Rows(joined["frame"].astype(np.int64), joined, of_class)

    def checked(self, columns: dict[str, Array], first_line: int) -> tuple[Array, Array]:
        """(which rows are right, each one's label)."""
        frame, track = columns["frame"], np.nan_to_num(columns["track"], nan=-1)
        kind = np.nan_to_num(columns["class"], nan=-1)
        box = np.stack([columns[name] for name in ("x", "y", "width", "height")])
        # without a class, or where the class is 0 or less, a box has no label
        labels = np.full(len(frame), schema.NO_LABEL, np.int32)
        known = (kind > 0) & (kind <= len(self.names))
        labels[known] = kind[known].astype(np.int32) - 1
        wrong = {
            "frame": ~((frame >= 0) & (frame < MAX_FRAME) & (frame == np.floor(frame))),
            "track": ~((np.abs(track) < MAX_NUMBER) & (track == np.floor(track))),
            "box": ~(np.abs(box) < _MAX_PIXELS).all(0),
            "confidence": np.isinf(columns["confidence"]) | np.isinf(columns["visibility"]),
            "class": (kind > len(self.names)) | (kind != np.floor(kind)),
        }
        columns["track"] = track
        good = np.ones(len(frame), bool)
        for what, rows in wrong.items():
            for row in np.flatnonzero(rows & good).tolist():
                self.context.problem(self.error(what, columns, row, f"line {first_line + row}"))
            good &= ~rows
        return good, labels

    def error(
        self, what: str, columns: dict[str, Array], row: int, place: str
    ) -> InvalidAnnotationInFileError:
        """What is wrong with a row."""
        if what == "class":
            found = f"class {columns['class'][row]:g}"
            expected = f"a whole number up to {len(self.names)}, of a label; or -1"
            return UndeclaredLabelInFileError(self.file, place, found, expected)
        names = {
            "box": ("x", "y", "width", "height"),
            "confidence": ("confidence", "visibility"),
        }.get(what, (what,))
        expected = {
            "frame": f"a whole number from 0 to {MAX_FRAME - 1}",
            "track": "a whole number",
            "box": "four numbers of pixels",
        }.get(what, "finite numbers")
        found = ", ".join(f"{name} {columns[name][row]:g}" for name in names)
        return InvalidAnnotationInFileError(self.file, place, found, expected)

    def annotations(self, rows: _Rows) -> pa.RecordBatch:
        """The boxes."""
        n = len(rows.frames)
        x, y, w, h = (rows.columns[name] for name in ("x", "y", "width", "height"))
        points = np.stack([x, y, x + w, y + h], 1).round(2).astype(np.float32).ravel()
        tracks = rows.columns["track"].astype(np.int64)
        heads = [f'"track_id":{track},' if track > 0 else "" for track in tracks.tolist()]
        confidence = rows.columns["confidence"]
        if self.is_truth:
            visibility = np.nan_to_num(rows.columns["visibility"], nan=1.0)
            hidden = (visibility <= self.options.occlusion_threshold).tolist()
            ignored = (confidence == 0).tolist()
            texts = [
                f'{{{head}"visibility":{seen!r},"occluded":{_BOOL[occluded]},'
                f'"ignored":{_BOOL[left_out]}}}'
                for head, seen, occluded, left_out in zip(
                    heads, visibility.tolist(), hidden, ignored, strict=True
                )
            ]
        else:
            scores = np.nan_to_num(confidence, nan=1.0).tolist()
            texts = [
                f'{{{head}"score":{score!r}}}' for head, score in zip(heads, scores, strict=True)
            ]
        return schema.annotation_batch(
            n,
            {
                "type": schema.primitive(np.full(n, _BBOX, np.uint8), pa.uint8()),
                "label": schema.labels(rows.labels),
                "attributes": pa.array(texts, pa.large_string()),
                "points": schema.lists(
                    np.arange(0, 4 * n + 1, 4), points, schema.ANNOTATIONS.field("points").type
                ),
            },
        )


_BOOL = {False: "false", True: "true"}


def _is_root(folder: Path) -> bool:
    return (folder / TRUTH).is_file() or (folder / DETECTIONS).is_file()


def _items(frames: Array, images: dict[int, str], info: SequenceInfo) -> pa.RecordBatch:
    numbers: list[int] = frames.tolist()
    paths = [images.get(number, "") for number in numbers]
    kinds = [MediaType.IMAGE if path else MediaType.NONE for path in paths]
    text, n = pa.large_string(), len(numbers)
    height, width = np.zeros(n, np.int32), np.zeros(n, np.int32)
    if info.size is not None:
        height[:], width[:] = info.size
    return schema.item_batch(
        n,
        {
            "id": pa.array([str(number) for number in numbers], text),
            "media_type": schema.primitive(np.array(kinds, np.uint8), pa.uint8()),
            "path": pa.array(paths, text),
            "height": schema.primitive(height, pa.int32()),
            "width": schema.primitive(width, pa.int32()),
        },
    )
