"""Roboflow's TFRecord layout: in each subset's folder a file of records and a label map.

The records are those of `tf_detection_api`, without ``image/source_id``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.roboflow import subsets
from datumaro.formats.tfrecord.tf_detection_api import check_head, label_map_of, subset_of
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.table.chunk import Chunk, Content

_LABEL_MAP = "label_map.pbtxt"


class RoboflowTfrecord(Format):
    """Boxes, in a file of records for each subset."""

    name = "roboflow_tfrecord"
    title = "Roboflow's TFRecord layout: boxes and masks"
    writes = False
    holds = Capabilities(
        annotations={
            AnnotationType.bbox: Held(tolerance=0.01, groups="objects"),
            AnnotationType.mask: Held(groups="objects", boxed=True),
        },
        size_needed=True,
        item_names={"source_id": (None,)},
        lines=("*.tfrecord",),
    )

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


def _records(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if subset_of(entry.name) is not None)
