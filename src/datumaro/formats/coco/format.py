"""The COCO formats: `coco` reads and writes all kinds of annotation files, the others one kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    option,
)
from datumaro.formats.coco import reader
from datumaro.formats.coco.layout import NOT_READ, Task, found_tasks
from datumaro.table.chunk import Content


@dataclass(frozen=True, kw_only=True)
class CocoReadOptions(ReadOptions):
    """Options of an import from COCO."""

    keep_original_category_ids: bool = option(
        False, "make each category's id its label's index; gaps are filled with labels class-<n>"
    )
    subset: str | None = option(
        None, "the name of the subset, whatever the files' names say", metavar="NAME"
    )


class _CocoFormat(Format):
    """What the COCO formats have in common; ``tasks`` are those that it reads and writes."""

    tasks: ClassVar[tuple[Task, ...]]
    read_options = CocoReadOptions
    writes = False

    def read(self, path: Path, options: CocoReadOptions, context: ReadContext) -> Content:
        return reader.read(
            path,
            self.tasks,
            context,
            keep_category_ids=options.keep_original_category_ids,
            subset=options.subset,
            allow_external=options.allow_external_media,
        )

    def detect(self, folder: Folder) -> Confidence:
        found = found_tasks(folder)
        if self.tasks[0].value not in found:
            raise Rejected(f"no annotation file {self.tasks[0].value}_*.json")
        return Confidence.LOW


class Coco(_CocoFormat):
    """All tasks, merged."""

    name = "coco"
    title = "MS COCO, all kinds of annotation files merged (cocodataset.org)"
    tasks = tuple(Task)

    def detect(self, folder: Folder) -> Confidence:
        found = found_tasks(folder)
        known = {task.value for task in Task}
        if not found & known:
            names = ", ".join(sorted(known | set(NOT_READ)))
            raise Rejected(f"no annotation file <task>_<subset>.json of the tasks {names}")
        if len(found) == 1:
            raise Rejected(f"files of one task only: coco_{next(iter(found))}")
        return Confidence.MEDIUM


class CocoInstances(_CocoFormat):
    """Boxes, polygons and masks."""

    name = "coco_instances"
    title = "MS COCO instances: boxes, polygons, masks (cocodataset.org)"
    tasks = (Task.INSTANCES,)


class CocoPersonKeypoints(_CocoFormat):
    """Instances with key points."""

    name = "coco_person_keypoints"
    title = "MS COCO instances with key points (cocodataset.org)"
    tasks = (Task.PERSON_KEYPOINTS,)


class CocoCaptions(_CocoFormat):
    """Captions."""

    name = "coco_captions"
    title = "MS COCO captions (cocodataset.org)"
    tasks = (Task.CAPTIONS,)


class CocoLabels(_CocoFormat):
    """Labels of whole images, in COCO's manner; not one of COCO's own tasks."""

    name = "coco_labels"
    title = "Labels of images in the manner of MS COCO"
    tasks = (Task.LABELS,)


class CocoImageInfo(_CocoFormat):
    """Images without annotations."""

    name = "coco_image_info"
    title = "MS COCO images without annotations (cocodataset.org)"
    tasks = (Task.IMAGE_INFO,)
