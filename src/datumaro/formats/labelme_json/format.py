"""The JSON of the program labelme (version 5): a file beside each image.

Definition: https://github.com/wkentaro/labelme. The XML of MIT's tool of that name is
`datumaro.formats.label_me`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.labelme_json import reader
from datumaro.formats.labelme_json.writer import Writer
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

_SHAPES = re.compile(rb'\s*\{.*"shapes"\s*:\s*\[', re.DOTALL)
_FOLDERS = 8
_SHAPE = Held(attributes="json", groups="any")


class LabelMeJson(Format):
    """LabelMe's JSON: shapes, masks and flags, a file for each image."""

    name = "labelme_json"
    title = "The JSON of the program labelme"
    owned = ("*/*.json", "*/**/*.json")
    holds = Capabilities(
        annotations={
            AnnotationType.label: Held(label="required"),
            AnnotationType.mask: _SHAPE,
            AnnotationType.points: Held(attributes="json", groups="any", visibility=False),
            AnnotationType.polygon: _SHAPE,
            AnnotationType.polyline: _SHAPE,
            AnnotationType.bbox: _SHAPE,
        },
        becomes={AnnotationType.ellipse: AnnotationType.polygon},
        labels="used",
        label_order=False,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a ``.json`` with shapes, in the folder or one in it."""
        name = _first(folder)
        head = folder.head(name)
        if not _SHAPES.match(head.removeprefix(b"\xef\xbb\xbf")):
            raise Rejected(f"{name or folder.path.name} has no list of shapes")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `reader.read`."""
        return reader.read(path, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `writer.Writer`."""
        Writer(content, folder, options, context).write()


def _first(folder: Folder) -> str:
    """The first ``.json`` in the folder or in one of the first folders in it, two levels deep."""
    if folder.is_file:
        if folder.path.suffix.lower() == ".json":
            return ""
        raise Rejected("no .json file")
    level = [""]
    for _ in range(3):
        for inner in level:
            for name in folder.files(inner):
                if name.lower().endswith(".json") and name != "dataset_meta.json":
                    return f"{inner}/{name}" if inner else name
        level = [
            f"{inner}/{name}" if inner else name
            for inner in level[:_FOLDERS]
            for name in folder.folders(inner)[:_FOLDERS]
        ]
    raise Rejected("no .json file")
