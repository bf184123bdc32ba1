"""The COCO formats: `coco` reads and writes all kinds of annotation files, the others one kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datumaro.errors import DatasetNotFoundError, UnknownOptionError
from datumaro.formats import dataset_meta
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    num_workers_option,
)
from datumaro.formats.capabilities import Capabilities
from datumaro.formats.coco import other_layouts, reader
from datumaro.formats.coco.holding import holding
from datumaro.formats.coco.layout import (
    COCO_PLACES,
    AnnotationFile,
    Places,
    Task,
    find,
    found_tasks,
    without_repeats,
)
from datumaro.formats.coco.writer import Choices, Writer
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.options import option
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
    num_workers: int | None = num_workers_option("parse large files")


@dataclass(frozen=True, kw_only=True)
class CocoSubsetWriteOptions(MetaWriteOptions):
    """Options of an export to COCO's files, whatever their layout."""

    segmentation_mode: str = option(
        "guess",
        "guess: polygons and masks as they are; polygons, mask: all as the one kind",
        choices=("guess", "polygons", "mask"),
    )
    allow_attributes: bool = option(True, "write the annotations' attributes")
    reindex: bool = option(False, "number images and annotations anew")


@dataclass(frozen=True, kw_only=True)
class CocoWriteOptions(CocoSubsetWriteOptions):
    """Options of an export to COCO."""

    merge_images: bool = option(False, "save all images in one folder, whatever their subsets")


@dataclass(frozen=True, kw_only=True)
class CocoMergedWriteOptions(CocoWriteOptions):
    """Options of an export to COCO that has several tasks."""

    tasks: str | Sequence[str] = option(
        "",
        "the kinds of files to write, such as instances,captions (default: all that have any, "
        "without panoptic and stuff, which show masks once more)",
    )


class _CocoFormat(Format):
    """What the COCO formats have in common; ``tasks`` are those that it reads and writes."""

    tasks: ClassVar[tuple[Task, ...]]
    places: ClassVar[Places] = COCO_PLACES
    read_options = CocoReadOptions
    write_options = CocoWriteOptions

    def read(self, path: Path, options: CocoReadOptions, context: ReadContext) -> Content:
        return reader.read(
            self._files(path),
            context,
            keep_category_ids=options.keep_original_category_ids,
            subset=options.subset,
            allow_external=options.allow_external_media,
        )

    def _files(self, path: Path) -> list[AnnotationFile]:
        found = find(path, self.tasks)
        if not found:
            names = ", ".join(f"{task.value}_*.json" for task in self.tasks)
            raise DatasetNotFoundError(f"{path}: no annotation file {names}")
        return found

    def write(
        self,
        content: Content,
        folder: Path,
        options: CocoSubsetWriteOptions,
        context: WriteContext,
    ) -> None:
        choices = Choices(
            self._chosen_tasks(options),
            options.save_media,
            options.image_ext,
            options.segmentation_mode,
            options.allow_attributes,
            options.reindex,
            isinstance(options, CocoWriteOptions) and options.merge_images,
            options.save_dataset_meta,
            self.places,
        )
        Writer(content, folder, choices, context).write(content)

    def _chosen_tasks(self, options: CocoSubsetWriteOptions) -> tuple[Task, ...]:
        return self.tasks

    def holding(self, options: CocoSubsetWriteOptions) -> Capabilities:
        holds = holding(
            self._chosen_tasks(options),
            attributes=options.allow_attributes,
            as_masks=options.segmentation_mode == "mask",
        )
        return holds.with_meta() if options.save_dataset_meta else holds

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
    holds = holding(tasks)
    write_options = CocoMergedWriteOptions
    owned = (
        *(f"annotations/{task.value}_*.json" for task in Task),
        "annotations/panoptic_*/**/*.png",
        dataset_meta.FILE,
    )

    def _files(self, path: Path) -> list[AnnotationFile]:
        return without_repeats(super()._files(path))

    def _chosen_tasks(self, options: CocoSubsetWriteOptions) -> tuple[Task, ...]:
        given = options.tasks if isinstance(options, CocoMergedWriteOptions) else ""
        names = given.split(",") if isinstance(given, str) else given
        wanted = {name.strip().removeprefix("coco_") for name in names} - {""}
        unknown = wanted - {task.value for task in Task}
        if unknown:
            raise UnknownOptionError(
                f"coco: option 'tasks' names {', '.join(sorted(unknown))}; "
                f"expected some of {', '.join(task.value for task in Task)}"
            )
        if wanted:
            return tuple(task for task in Task if task.value in wanted)
        return tuple(task for task in Task if task not in (Task.STUFF, Task.PANOPTIC))

    def detect(self, folder: Folder) -> Confidence:
        found = found_tasks(folder)
        if not found:
            names = ", ".join(sorted(task.value for task in Task))
            raise Rejected(f"no annotation file <task>_<subset>.json of the tasks {names}")
        if len(found) == 1:
            raise Rejected(f"files of one task only: coco_{next(iter(found))}")
        return Confidence.MEDIUM


class CocoInstances(_CocoFormat):
    """Boxes, polygons and masks."""

    name = "coco_instances"
    title = "MS COCO instances: boxes, polygons, masks (cocodataset.org)"
    tasks = (Task.INSTANCES,)
    holds = holding(tasks)
    part_of = "coco"
    owned = ("annotations/instances_*.json", dataset_meta.FILE)


class CocoPersonKeypoints(_CocoFormat):
    """Instances with key points."""

    name = "coco_person_keypoints"
    title = "MS COCO instances with key points (cocodataset.org)"
    tasks = (Task.PERSON_KEYPOINTS,)
    holds = holding(tasks)
    part_of = "coco"
    owned = ("annotations/person_keypoints_*.json", dataset_meta.FILE)


class CocoCaptions(_CocoFormat):
    """Captions."""

    name = "coco_captions"
    title = "MS COCO captions (cocodataset.org)"
    tasks = (Task.CAPTIONS,)
    holds = holding(tasks)
    part_of = "coco"
    owned = ("annotations/captions_*.json", dataset_meta.FILE)


class CocoLabels(_CocoFormat):
    """Labels of whole images, in COCO's manner; not one of COCO's own tasks."""

    name = "coco_labels"
    title = "Labels of images in the manner of MS COCO"
    tasks = (Task.LABELS,)
    holds = holding(tasks)
    part_of = "coco"
    owned = ("annotations/labels_*.json", dataset_meta.FILE)


class CocoImageInfo(_CocoFormat):
    """Images without annotations."""

    name = "coco_image_info"
    title = "MS COCO images without annotations (cocodataset.org)"
    tasks = (Task.IMAGE_INFO,)
    holds = holding(tasks)
    part_of = "coco"
    owned = ("annotations/image_info_*.json", dataset_meta.FILE)


class CocoStuff(_CocoFormat):
    """Masks of stuff: sky, grass, walls."""

    name = "coco_stuff"
    title = "MS COCO stuff: masks of what cannot be counted (cocodataset.org)"
    tasks = (Task.STUFF,)
    holds = holding(tasks)
    part_of = "coco"
    owned = ("annotations/stuff_*.json", dataset_meta.FILE)


class CocoPanoptic(_CocoFormat):
    """Masks that do not overlap, in one PNG image for each image."""

    name = "coco_panoptic"
    title = "MS COCO panoptic segmentation: masks that do not overlap (cocodataset.org)"
    tasks = (Task.PANOPTIC,)
    holds = holding(tasks)
    part_of = "coco"
    owned = (
        "annotations/panoptic_*.json",
        "annotations/panoptic_*/**/*.png",
        dataset_meta.FILE,
    )


class MmdetCoco(_CocoFormat):
    """COCO instances whose images lie in a folder for each subset beside ``annotations``."""

    name = "mmdet_coco"
    title = "COCO instances with the images in <subset>, as MMDetection has them"
    tasks = (Task.INSTANCES,)
    holds = holding(tasks)
    places = other_layouts.MMDET_PLACES
    write_options = CocoSubsetWriteOptions
    owned = ("annotations/instances_*.json", dataset_meta.FILE)

    def _files(self, path: Path) -> list[AnnotationFile]:
        return other_layouts.with_subset_folders(super()._files(path))

    def detect(self, folder: Folder) -> Confidence:
        return other_layouts.detect_mmdet(folder)


class RoboflowCoco(_CocoFormat):
    """COCO instances as Roboflow exports them."""

    name = "roboflow_coco"
    title = "COCO instances beside the images of each subset, as Roboflow exports them"
    tasks = (Task.INSTANCES,)
    holds = holding(tasks)
    places = other_layouts.ROBOFLOW_PLACES
    write_options = CocoSubsetWriteOptions
    owned = ("*/_annotations.coco.json", dataset_meta.FILE)

    def read(self, path: Path, options: CocoReadOptions, context: ReadContext) -> Content:
        context.is_part = (path / other_layouts.ROBOFLOW_FILE).is_file()  # one subset
        return super().read(path, options, context)

    def _files(self, path: Path) -> list[AnnotationFile]:
        return other_layouts.find_roboflow(path)

    def detect(self, folder: Folder) -> Confidence:
        return other_layouts.detect_roboflow(folder)
