"""CVAT's XML for images and for videos, version 1.1.

Definition: https://docs.cvat.ai/docs/dataset_management/formats/xml_format/
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.cvat import reader
from datumaro.formats.cvat.writer import CvatWriteOptions, Writer
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

_ROOT = re.compile(rb"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<annotations[\s/>]", re.DOTALL)
_SHAPE = Held(
    attributes="text",
    names={"occluded": (False, True)},
    groups="any",
    z_order=True,
)
_POINTS = Held(
    attributes="text",
    names={"occluded": (False, True)},
    groups="any",
    z_order=True,
    visibility=False,
)


class Cvat(Format):
    """CVAT's format, of images and of videos."""

    name = "cvat"
    title = "CVAT's XML for images and videos"
    write_options = CvatWriteOptions
    owned = ("*.xml",)
    holds = Capabilities(
        annotations={
            AnnotationType.label: Held(label="required", attributes="text", groups="any"),
            AnnotationType.points: _POINTS,
            AnnotationType.mask: _SHAPE,
            AnnotationType.polygon: _SHAPE,
            AnnotationType.polyline: _SHAPE,
            AnnotationType.bbox: _SHAPE,
            AnnotationType.ellipse: _SHAPE,
            AnnotationType.rotated_bbox: _SHAPE,
            AnnotationType.cuboid_2d: _SHAPE,
            AnnotationType.skeleton: _SHAPE,
        },
        item_names={"frame": (None, 0, 7)},
        label_parents=True,
        label_attributes="some",
        colors=True,
    )

    def holding(self, options: Any) -> Capabilities | None:
        """See `Format.holding`: the id of a shape in a track is its track's."""
        if self.holds is None or not options.use_track:
            return self.holds
        kinds = {kind: replace(held, ids="some") for kind, held in self.holds.annotations.items()}
        return replace(self.holds, annotations=kinds)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: an ``.xml`` with the element ``<annotations>``."""
        if folder.is_file:
            names = [""] if folder.path.suffix.lower() == ".xml" else []
        else:
            names = [name for name in folder.files() if name.lower().endswith(".xml")]
        if not names:
            raise Rejected("no .xml file")
        if not _ROOT.match(folder.head(names[0]).removeprefix(b"\xef\xbb\xbf")):
            raise Rejected(f"{names[0] or folder.path.name} does not begin with <annotations>")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `reader.read`."""
        return reader.read(path, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `writer.Writer`."""
        Writer(content, folder, options, context).write()
