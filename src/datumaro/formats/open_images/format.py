"""Open Images V4 to V7: labels, boxes and masks of images.

Definition: https://storage.googleapis.com/openimages/web/download_v7.html. See
docs/formats/open_images.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datumaro.formats import dataset_meta
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.open_images.files import ANNOTATIONS, CLASSES, FLAGS, INFOS, is_table
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content


class OpenImages(Format):
    """Labels, boxes and masks."""

    name = "open_images"
    title = "Open Images V4 to V7: labels, boxes, masks (storage.googleapis.com/openimages)"
    write_options = MetaWriteOptions
    holds = Capabilities(
        annotations={
            AnnotationType.label: Held(label="required", names={"score": (1.0, 0.5)}),
            AnnotationType.bbox: Held(
                label="required",
                names={"score": (1.0, 0.25)} | dict.fromkeys(FLAGS.values(), (None, True, False)),
            ),
            AnnotationType.mask: Held(
                label="required", names={"box_id": ("00000000", "0f"), "predicted_iou": (None, 0.5)}
            ),
        },
        size_needed=True,
        label_parents=True,
        infos=(INFOS,),
        lines=("*.csv", "images.meta"),
    )
    owned = ("annotations/*", "masks/*/*.png", dataset_meta.FILE)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a list of classes, and tables beside it."""
        if folder.is_file:
            raise Rejected("a file; expected a folder")
        for place in (ANNOTATIONS, ""):
            names = folder.files(place)
            if any(name in names for name in CLASSES):
                if any(map(is_table, names)):
                    return Confidence.MEDIUM
                raise Rejected("a list of classes, but no <subset>-images-with-rotation.csv and no "
                               "<subset>-annotations-*.csv beside it")  # fmt: skip
        raise Rejected(f"no {' or '.join(CLASSES)} in it or in {ANNOTATIONS}")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `datumaro.formats.open_images.reader.read`."""
        from datumaro.formats.open_images import reader

        return reader.read(path, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.open_images.writer.write`."""
        from datumaro.formats.open_images import writer

        writer.write(content, folder, options, context)
