"""Segment Anything's data set (SA-1B): a file of masks beside each image, without labels.

``{"image": {"image_id", "width", "height", "file_name"}, "annotations": [{"id", "segmentation":
{"size": [height, width], "counts"}, "bbox": [x, y, width, height], "area", "predicted_iou",
"stability_score", "point_coords", "crop_box"}]}``, in pixels; ``counts`` are COCO's run lengths.
Definition: https://github.com/facebookresearch/segment-anything
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.segment_anything import reader, writer
from datumaro.formats.segment_anything.writer import NAMES
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

_IMAGE = re.compile(rb'"image"\s*:\s*\{')


class SegmentAnything(Format):
    """Masks and their boxes, a file for each image."""

    name = "segment_anything"
    title = "Segment Anything (SA-1B): masks without labels"
    owned = ("*.json", "**/*.json")
    holds = Capabilities(
        annotations={
            AnnotationType.mask: Held(
                label="none", names=NAMES, ids=True, groups="objects", boxed=True
            ),
            AnnotationType.bbox: Held(label="none", names=NAMES, ids=True, groups="objects"),
        },
        becomes={AnnotationType.polygon: AnnotationType.mask},
        subsets=False,
        item_names={"id": (None, 3, 7)},
        labels="none",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a ``.json`` of one image, in the folder or the first in it."""
        name = _first(folder)
        head = folder.head(name)
        if not _IMAGE.search(head) or b'"image_id"' not in head:
            raise Rejected(f"{name or folder.path.name} is not of one image")
        if b'"annotations"' not in head and b'"segmentation"' not in head:
            raise Rejected(f"{name or folder.path.name} has no annotations")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `reader.read`."""
        return reader.read(path, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `writer.write`."""
        writer.write(content, folder, options, context)


def _first(folder: Folder) -> str:
    if folder.is_file:
        if folder.path.suffix.lower() == ".json":
            return ""
        raise Rejected("no .json file")
    for inner in ["", *folder.folders()[:8]]:
        for name in folder.files(inner):
            if name.lower().endswith(".json"):
                return f"{inner}/{name}" if inner else name
    raise Rejected("no .json file")
