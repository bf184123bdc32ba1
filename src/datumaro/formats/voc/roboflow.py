"""Roboflow's PASCAL VOC layout: ``<id>.xml`` and its image in each subset's folder.

The files are VOC's (see `annotation_xml`); their ``<source>`` says that they are Roboflow's. There
are no lists of items.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from datumaro.errors import UnsupportedContentError
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import is_image, stem_of, walk
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_xml import read_reported
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.roboflow import subsets
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.formats.voc import annotation_text, annotation_xml
from datumaro.formats.voc.annotation_text import ObjectTexts, Style, escape
from datumaro.formats.voc.annotation_xml import VocObject
from datumaro.model.annotation import AnnotationType
from datumaro.paths import escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

_BBOX = int(AnnotationType.bbox)
_SOURCE = re.compile(rb"<database>\s*roboflow\.(ai|com)\s*</database>")
_FLAGS = {name: (False, True) for name in ("difficult", "truncated", "occluded")}


class RoboflowVoc(Format):
    """Boxes, in a file beside each image."""

    name = "roboflow_voc"
    title = "Roboflow's PASCAL VOC layout: boxes"
    owned = ("*/*.xml", "*/**/*.xml")
    holds = Capabilities(
        annotations={
            AnnotationType.bbox: Held(
                label="required",
                attributes="text",
                names={**_FLAGS, "pose": (None, "Left"), "point": (None, [3.5, 4.0])},
                ids="some",
            )
        },
        nested_ids=False,
        labels="used",
        label_order=False,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: an ``.xml`` that says that it is Roboflow's."""
        if folder.is_file:
            raise Rejected("a file, not a folder")
        for inner in ["", *folder.folders()]:
            for name in folder.files(inner):
                if name.lower().endswith(".xml"):
                    file = f"{inner}/{name}" if inner else name
                    if _SOURCE.search(folder.head(file)):
                        return Confidence.HIGH  # a VOC's file says less of itself
                    raise Rejected(f"{file} does not say that it is Roboflow's")
        raise Rejected("no .xml in the folder or the folders in it")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets. Labels are in the order of their names.

        Raises
        ------
        DatasetNotFoundError
            There is no ``.xml``.
        MalformedFileError
            A file is damaged; the message names it and the line.
        """

        def chunk_of(folder: Path, labels: AppearingLabels) -> Chunk:
            return _Subset(folder, labels, options, context).chunk()

        found = subsets.find(path, _has_xml, "an .xml")
        context.is_part = subsets.is_one_of(path, found)
        return subsets.read(found, chunk_of, context.progress, "Reading Roboflow's VOC")

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file beside each image.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        subsets.check(content)
        images = ImageJobs(folder, options, context)
        files = FileWriter(folder)
        names = content.label_names
        texts = ObjectTexts(Style({}, free_attributes=True))
        for rows, item in each_item(content, context.progress, "Writing Roboflow's VOC"):
            item_id, subset = rows.ids[item], rows.subsets[item]
            if "/" in item_id:
                raise UnsupportedContentError(
                    f"item {item_id!r}: Roboflow's ids have no folders; rename it"
                )
            filename = images.add(rows, item, subset)
            objects = _objects(rows, item, names, texts, context)
            text = _file(filename, rows.size(item), objects)
            files.save(f"{subset}/{item_id}.xml", text.encode())
        images.save()


def _has_xml(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(".xml") and entry.is_file() for entry in entries)


class _Subset:
    """A subset that is read."""

    def __init__(
        self, folder: Path, labels: AppearingLabels, options: ReadOptions, context: ReadContext
    ) -> None:
        self.labels, self.options, self.context = labels, options, context
        self.name, self.folder = folder.absolute().name, os.fspath(folder)
        self.names = sorted(n for n in walk(self.folder) if not n.startswith(".") and "/." not in n)
        self.known = frozenset(self.names)
        self.images = {stem_of(n): n for n in reversed(self.names) if is_image(n)}

    def chunk(self) -> Chunk:
        """All items: each has a file."""
        columns = ChunkColumns()
        for name in self.names:
            if not name.lower().endswith(".xml"):
                continue
            annotation = read_reported(
                f"{self.folder}/{name}",
                annotation_xml.MAX_BYTES,
                annotation_xml.parse,
                self.context.problem,
            )
            if annotation is None:
                continue
            for number, thing in enumerate(annotation.objects):
                label = self.labels.add(thing.name)
                columns.add_box(number, number, label, thing.box, _attributes(thing))
            path = self.image_path(name, annotation.filename)
            known = annotation.height > 0 and annotation.width > 0
            size = (annotation.height, annotation.width) if known and path else (0, 0)
            columns.add_item(stem_of(name), self.name, path, *size)
        return columns.finish()

    def image_path(self, name: str, filename: str) -> str:
        """The image of a file, which need not be there; "" when it is neither there nor named."""
        folder = name.rpartition("/")[0]
        beside = f"{folder}/{filename}" if folder else filename
        if filename and (escapes(filename) or beside in self.known):
            return join_inside(
                self.folder, beside, what=f"<filename> in {self.folder}/{name}",
                allow_external=self.options.allow_external_media,
            )  # fmt: skip
        found = self.images.get(stem_of(name)) or (beside if filename else "")
        return f"{self.folder}/{found}" if found else ""


def _attributes(thing: VocObject) -> bytes:
    """An object's attributes as JSON."""
    if not thing.extra and not thing.actions:
        return thing.attributes
    made = json_text.decode(thing.attributes)
    return json_text.encode(made | (thing.actions or {}) | (thing.extra or {}))


# --- writing --------------------------------------------------------------------------------------


def _objects(
    rows: ChunkRows, item: int, names: list[str], texts: ObjectTexts, context: WriteContext
) -> str:
    """The text of an item's boxes."""
    made: list[str] = []
    where = f"item {rows.ids[item]!r}"
    number = 0
    for row in range(rows.offsets[item], rows.offsets[item + 1]):
        label = rows.labels[row]
        if rows.types[row] != _BBOX or label == schema.NO_LABEL:
            continue
        if not 0 <= label < len(names):
            context.lost(UNDECLARED, 1, where)
            continue
        shared = texts.shared(names[label], rows.ann_attributes[row])
        made += (shared.before, annotation_text.box(rows.points(row)), shared.after)
        if rows.ann_ids[row] not in (0, number):
            context.lost("ids of boxes", 1, where)
        number += 1
    return "".join(made)


def _file(filename: str, size: tuple[int, int], objects: str) -> str:
    name = escape(filename.rpartition("/")[2])
    height, width = size
    sides = ""
    if height > 0 and width > 0:
        sides = (
            f"  <size>\n    <width>{width}</width>\n    <height>{height}</height>\n"
            "    <depth>3</depth>\n  </size>\n"
        )
    return (
        f"<annotation>\n  <folder></folder>\n  <filename>{name}</filename>\n"
        f"  <path>{name}</path>\n  <source>\n    <database>roboflow.ai</database>\n  </source>\n"
        f"{sides}  <segmented>0</segmented>\n{objects}</annotation>\n"
    )
