"""Roboflow's TFRecord layout: in each subset's folder a file of records and a label map.

The records are those of `tf_detection_api`; only items that have a ``source_id`` have one in them.
"""

from __future__ import annotations

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
from datumaro.formats.capabilities import Capabilities
from datumaro.formats.roboflow import subsets
from datumaro.formats.tfrecord.tf_detection_api import (
    HOLDS,
    TfDetectionApiWriteOptions,
    check_head,
    label_map_of,
    subset_of,
    with_masks,
)
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.paths import join_inside
from datumaro.table.chunk import Chunk, Content

_LABEL_MAP = "label_map.pbtxt"
_NAME = "objects"  # of the files that are written: Roboflow has the name of a group of labels


class RoboflowTfrecord(Format):
    """Boxes and masks, in a file of records for each subset."""

    name = "roboflow_tfrecord"
    title = "Roboflow's TFRecord layout: boxes and masks"
    write_options: ClassVar[type[WriteOptions]] = TfDetectionApiWriteOptions
    owned = ("*/*.tfrecord", f"*/*{_LABEL_MAP}")
    holds = HOLDS

    def holding(self, options: Any) -> Capabilities | None:
        """See `Format.holding`: with ``save_masks``, masks too."""
        return with_masks(HOLDS) if getattr(options, "save_masks", False) else HOLDS

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a subset's folder has a file of records and a label map."""
        if folder.is_file:
            raise Rejected("a file; expected folders of subsets")
        for inner in folder.folders():
            names = folder.files(inner)
            records = [name for name in names if subset_of(name) is not None]
            if records and any(name.endswith(_LABEL_MAP) for name in names):
                check_head(folder.head(f"{inner}/{records[0]}", 12))
                return Confidence.LOW
        raise Rejected(f"no folder of a subset has a *.tfrecord and a *{_LABEL_MAP}")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets.

        Raises
        ------
        DatasetNotFoundError
            There is no file of records.
        DatasetImportError
            A record is damaged; the message names the file, the record and the byte.
        """
        from datumaro.formats.tfrecord.detection_reader import DetectionReader, Labels

        folder = path.parent if path.is_file() else path
        found = subsets.find(folder, lambda inner: bool(_records(inner)), "*.tfrecord")
        context.is_part = subsets.is_one_of(path, found)
        labels = Labels()
        chunks: list[Chunk] = []
        context.progress.start(len(found), desc="Reading TFRecord files")
        for done, (subset, inner) in enumerate(found.items(), 1):
            labels.load(label_map_of(inner))
            reader = DetectionReader(labels, folder, options, context)
            for name in _records(inner):
                chunks += reader.chunks(inner / name, subset)
            context.progress.report_status(done)
        context.progress.finish()
        return Content(chunks, {AnnotationType.label: LabelCategories.from_iterable(labels.names)})

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file of records and a label map for each subset.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        DatasetExportError
            An image cannot be read or encoded.
        """
        from datumaro.formats.tfrecord import label_map
        from datumaro.formats.tfrecord.detection_writer import DetectionWriter

        subsets.check(content)
        writer = DetectionWriter(content, folder, options, context, source_ids=False)
        for subset in content.subset_names():
            Path(join_inside(folder, subset, what="subset name")).mkdir()
            writer.write_label_map(f"{subset}/{_NAME}_{_LABEL_MAP}", label_map.roboflow_text)
        writer.write(lambda subset: f"{subset}/{_NAME}.tfrecord")


def _records(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if subset_of(entry.name) is not None)
