"""LabelMe's XML, of the web tool of MIT: http://labelme.csail.mit.edu.

The JSON of the program of that name is `datumaro.formats.labelme_json`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.label_me import reader
from datumaro.formats.label_me.writer import Writer
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

_HELD = Held(
    attributes="text",
    names={"occluded": (False, True), "username": ("", "me")},
    ids=True,
    groups="any",
)
_DEPTH = 3
_MARKS = (b"<sourceImage", b"<sourceAnnotation", b"<imagesize", b"<polygon", b"<segm")


class LabelMe(Format):
    """LabelMe's XML: polygons, boxes and masks."""

    name = "label_me"
    title = "LabelMe's XML: polygons, boxes, masks"
    write_options = MetaWriteOptions
    owned = ("Annotations/*.xml", "Annotations/**/*.xml", "Masks/**/*.png", "dataset_meta.json")
    holds = Capabilities(
        annotations={
            AnnotationType.bbox: _HELD,
            AnnotationType.polygon: _HELD,
            AnnotationType.mask: _HELD,
        },
        labels="used",
        label_order=False,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: an ``.xml`` with ``<annotation>`` as LabelMe has it."""
        name = _first(folder)
        head = folder.head(name)
        if b"<annotation>" not in head or not any(mark in head for mark in _MARKS):
            raise Rejected(f"{name or folder.path.name} is no <annotation> of LabelMe's")
        if b"<bndbox>" in head:
            raise Rejected(f"{name or folder.path.name} has boxes as of PASCAL VOC")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `reader.read`."""
        return reader.read(path, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `writer.Writer`."""
        Writer(content, folder, options, context).write()


def _first(folder: Folder) -> str:
    """The first ``.xml``, in the folder or up to three folders into ``Annotations``."""
    if folder.is_file:
        if folder.path.suffix.lower() == ".xml":
            return ""
        raise Rejected("no .xml file")
    level = ["", reader.ANNOTATIONS]
    for _ in range(_DEPTH + 1):
        for inner in level:
            names = [name for name in folder.files(inner) if name.lower().endswith(".xml")]
            if names:
                return f"{inner}/{names[0]}" if inner else names[0]
        level = [
            f"{inner}/{name}" if inner else name
            for inner in level
            if inner  # what is not in Annotations is not looked into
            for name in folder.folders(inner)[:1]
        ]
    raise Rejected(f"no .xml file, in {reader.ANNOTATIONS} or beside it")
