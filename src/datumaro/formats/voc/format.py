"""The PASCAL VOC family: all tasks of the challenge merged, and each of them.

Definition: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html, and for
``labelmap.txt``, attributes and ``occluded`` Datumaro's documentation. See docs/formats/voc.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

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
from datumaro.formats.voc import tasks
from datumaro.formats.voc.options import VocWriteOptions
from datumaro.formats.voc.tasks import Task
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

_FLAGS = {name: (False, True) for name in ("difficult", "truncated", "occluded")}
_BOXES = Held(
    label="required",
    attributes="text",
    names={**_FLAGS, "pose": (None, "Left"), "point": (None, [3.5, 4.0])},
    ids="some",
    groups="some",
)
_MASKS = Held(label="some", groups="some", overlap=False)


def _holding(task: Task) -> Capabilities:
    annotations: dict[AnnotationType, Held] = {}
    if task.labels:
        annotations[AnnotationType.label] = Held()
    if task.boxes:
        annotations[AnnotationType.bbox] = _BOXES
    if task.masks:
        annotations[AnnotationType.mask] = _MASKS
    return Capabilities(
        annotations=annotations, added_labels=("background",), label_attributes="some",
        label_parents="some" if task.parts else False, colors=task.masks,
    )  # fmt: skip


class _Voc(Format):
    task: ClassVar[Task]
    confidence: ClassVar[Confidence] = Confidence.LOW
    write_options = VocWriteOptions
    owned = (
        "Annotations/**/*.xml",
        "ImageSets/**/*.txt",
        "SegmentationClass/**/*.png",
        "SegmentationObject/**/*.png",
        "labelmap.txt",
        dataset_meta.FILE,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there are lists of items of the task."""
        sets = self.task.sets
        if folder.is_file:
            path = folder.path.absolute()
            is_list = path.suffix == ".txt" and path.parent.parent.name == "ImageSets"
            if is_list and path.parent.name in sets:
                return self.confidence
            raise Rejected("a file that is no list (.txt) in " + _names(sets))
        for name in sets:
            if any(file.endswith(".txt") for file in folder.files(f"ImageSets/{name}")):
                return self.confidence
        raise Rejected("no lists (.txt) in " + _names(sets))

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `datumaro.formats.voc.reader.read`."""
        from datumaro.formats.voc import reader

        return reader.read(path, self.task, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.voc.writer.write`."""
        from datumaro.formats.voc import writer

        writer.write(content, folder, self.task, options, context)


def _names(sets: tuple[str, ...]) -> str:
    return " or ".join(f"ImageSets/{name}" for name in sets)


class Voc(_Voc):
    """All tasks of the challenge, merged."""

    name = "voc"
    title = "PASCAL VOC, all tasks merged"
    task = tasks.ALL
    holds = _holding(task)
    confidence = Confidence.MEDIUM


class VocClassification(_Voc):
    """Labels of images."""

    name = "voc_classification"
    title = "PASCAL VOC, labels of images"
    task = tasks.CLASSIFICATION
    holds = _holding(task)
    part_of = "voc"


class VocDetection(_Voc):
    """Boxes."""

    name = "voc_detection"
    title = "PASCAL VOC, boxes of objects"
    task = tasks.DETECTION
    holds = _holding(task)
    part_of = "voc"


class VocSegmentation(_Voc):
    """Masks."""

    name = "voc_segmentation"
    title = "PASCAL VOC, masks"
    task = tasks.SEGMENTATION_TASK
    holds = _holding(task)
    part_of = "voc"


class VocInstanceSegmentation(_Voc):
    """Masks and boxes."""

    name = "voc_instance_segmentation"
    title = "PASCAL VOC, masks and boxes of objects"
    task = tasks.INSTANCE_SEGMENTATION
    holds = _holding(task)
    part_of = "voc"


class VocLayout(_Voc):
    """Boxes of people and of their parts."""

    name = "voc_layout"
    title = "PASCAL VOC, boxes of people and of their parts"
    task = tasks.LAYOUT_TASK
    holds = _holding(task)
    part_of = "voc"


class VocAction(_Voc):
    """Boxes of people with their actions."""

    name = "voc_action"
    title = "PASCAL VOC, boxes of people and their actions"
    task = tasks.ACTION_TASK
    holds = _holding(task)
    part_of = "voc"
