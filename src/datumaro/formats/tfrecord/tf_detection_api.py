"""TensorFlow's Object Detection API: TFRecord files of images with boxes and masks.

Features are those of
https://github.com/tensorflow/models/blob/master/research/object_detection/g3doc/using_your_own_dataset.md.
See docs/formats/tf_detection_api.md.
"""

from __future__ import annotations

import dataclasses
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

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
from datumaro.formats.files import find_root
from datumaro.formats.tfrecord.framing import masked_crc
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.options import option
from datumaro.table.chunk import Chunk, Content

LABEL_MAP = "label_map.pbtxt"

_SHARD = re.compile(r"-\d{5,}-of-\d{5,}")
_RECORDS = re.compile(r"(?P<name>.*)\.(tfrecord|tfrecords|record)(?P<shard>-\d{5,}-of-\d{5,})?")

HOLDS = Capabilities(
    annotations={AnnotationType.bbox: Held(tolerance=0.01)},
    size_needed=True,
    item_names={"source_id": (None,)},
    lines=("*.tfrecord",),
)
"""What records hold without masks."""


@dataclass(frozen=True, kw_only=True)
class TfDetectionApiWriteOptions(WriteOptions):
    """Options of an export to TFRecord files."""

    save_masks: bool = option(False, "write masks, too")


def subset_of(file: str) -> str | None:
    """The subset of a file of records, by its name; None for other files."""
    match = _RECORDS.fullmatch(file)
    return _SHARD.sub("", match["name"]) if match and match["name"] else None


def check_head(head: bytes) -> None:
    """Raise `Rejected` unless a file that begins so is one of records."""
    if len(head) < 12 or struct.unpack("<I", head[8:12])[0] != masked_crc(head[:8]):
        raise Rejected("it does not begin as a TFRecord file")


def with_masks(holds: Capabilities) -> Capabilities:
    """What records hold with masks, too."""
    annotations = {
        AnnotationType.bbox: dataclasses.replace(
            holds.annotations[AnnotationType.bbox], groups="objects"
        ),
        AnnotationType.mask: Held(groups="objects", boxed=True),
    }
    return dataclasses.replace(holds, annotations=annotations)


class TfDetectionApi(Format):
    """Boxes and masks."""

    name = "tf_detection_api"
    title = "TensorFlow's Object Detection API: TFRecord files of images with boxes and masks"
    write_options: ClassVar[type[WriteOptions]] = TfDetectionApiWriteOptions
    owned = ("*.tfrecord", LABEL_MAP)
    holds = HOLDS

    def holding(self, options: Any) -> Capabilities | None:
        """See `Format.holding`: with ``save_masks``, masks too."""
        return with_masks(HOLDS) if getattr(options, "save_masks", False) else HOLDS

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a file of records; surer with a label map beside it."""
        if folder.is_file:
            if subset_of(folder.path.name) is None:
                raise Rejected("a file that is not called *.tfrecord")
            check_head(folder.head("", 12))
            return Confidence.LOW
        for inner in ("", "annotations"):
            names = [name for name in folder.files(inner) if subset_of(name) is not None]
            if names:
                check_head(folder.head(f"{inner}/{names[0]}" if inner else names[0], 12))
                maps = any(name.endswith(".pbtxt") for name in folder.files(inner))
                return Confidence.MEDIUM if maps else Confidence.LOW
        raise Rejected("no *.tfrecord in the folder, nor in a folder annotations")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read a file, or all files of a folder, each a subset.

        Raises
        ------
        DatasetNotFoundError
            There is none, or there are several folders of them.
        DatasetImportError
            A record is damaged; the message names the file, the record and the byte.
        """
        from datumaro.formats.tfrecord.detection_reader import DetectionReader, Labels

        if path.is_file():
            root, files = path.parent, [path.name]
        else:
            root = find_root(path, _is_root, "no *.tfrecord")
            files = sorted(p.name for p in root.iterdir() if subset_of(p.name) is not None)
        labels = Labels()
        labels.load(label_map_of(root))
        reader = DetectionReader(labels, root, options, context)
        chunks: list[Chunk] = []
        context.progress.start(len(files), desc="Reading TFRecord files")
        for done, name in enumerate(files, 1):
            chunks += reader.chunks(root / name, subset_of(name) or Path(name).stem)
            context.progress.report_status(done)
        context.progress.finish()
        return Content(chunks, {AnnotationType.label: LabelCategories.from_iterable(labels.names)})

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.tfrecord.detection_writer.write`."""
        from datumaro.formats.tfrecord import detection_writer

        detection_writer.write(content, folder, options, context)


def label_map_of(folder: Path) -> Path | None:
    """The label map in a folder: ``label_map.pbtxt``, or the first other; None for none."""
    if (folder / LABEL_MAP).is_file():
        return folder / LABEL_MAP
    return next(iter(sorted(folder.glob("*.pbtxt"))), None)


def _is_root(folder: Path) -> bool:
    return any(subset_of(p.name) is not None or p.name == LABEL_MAP for p in folder.iterdir())
