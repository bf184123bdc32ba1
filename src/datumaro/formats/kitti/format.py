"""The KITTI family: boxes, masks, or both.

Definition: https://www.cvlibs.net/datasets/kitti/eval_object.php (boxes) and
https://www.cvlibs.net/datasets/kitti/eval_semseg.php (masks). See docs/formats/kitti.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import UnknownOptionError
from datumaro.formats import dataset_meta, kitti_labels, label_colors
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.kitti import files
from datumaro.formats.kitti.files import Task
from datumaro.formats.kitti.writer import KittiWriteOptions
from datumaro.formats.label_colors import BACKGROUND
from datumaro.formats.mask_reading import MaskReadOptions
from datumaro.model.annotation import AnnotationType
from datumaro.options import option
from datumaro.table.chunk import Content

_TASKS = ("detection", "segmentation")


@dataclass(frozen=True, kw_only=True)
class KittiAllWriteOptions(KittiWriteOptions):
    """Options of an export to KITTI of several tasks."""

    tasks: str | Sequence[str] = option(
        "", "what to write: detection, segmentation or both (default)", metavar="TASK,..."
    )


_BOXES = Held(
    label="required",
    names={"truncated": (False, True), "occluded": (False, True), "score": (None, 0.5, 1.0)},
)
# crowds of a label become one
_MASKS = Held(label="required", names={"is_crowd": (False,)}, overlap=False)


def _holding(task: Task) -> Capabilities:
    annotations: dict[AnnotationType, Held] = {}
    if task.boxes:
        annotations[AnnotationType.bbox] = _BOXES
    if task.masks:
        annotations[AnnotationType.mask] = _MASKS
    return Capabilities(
        annotations=annotations,
        media_needed=not task.boxes,
        label_pattern=kitti_labels.PATTERN if task.boxes else "",
        added_labels=(BACKGROUND,) if task.masks else (),
        colors=True,
    )


class _Kitti(Format):
    task: ClassVar[Task]
    confidence: ClassVar[Confidence] = Confidence.LOW
    write_options: ClassVar[type[WriteOptions]] = KittiWriteOptions
    owned = (
        f"*/{files.BOXES}/**/*.txt",
        f"*/{files.MASKS}/**/*.png",
        f"*/{files.CLASSES}/**/*.png",
        f"*/{files.COLORS}/**/*.png",
        label_colors.FILE,
        dataset_meta.FILE,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: subsets with folders of the task's annotations."""
        wanted = " or ".join(self.task.folders)
        if folder.is_file:
            raise Rejected(f"a file; expected a folder of subsets, which have {wanted}")
        for subset in folder.folders():
            extensions = {files.BOXES: ".txt", files.MASKS: ".png"}
            for name in self.task.folders:
                inside = f"{subset}/{name}"
                if any(f.endswith(extensions[name]) for f in folder.files(inside)):
                    return self.confidence
                if folder.folders(inside):
                    return self.confidence
        raise Rejected(f"no subset has a folder {wanted} with files in it")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `datumaro.formats.kitti.reader.read`."""
        from datumaro.formats.kitti import reader

        return reader.read(path, self.task, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.kitti.writer.write`."""
        from datumaro.formats.kitti import writer

        writer.write(content, folder, self._written(options), options, context)

    def _written(self, options: Any) -> Task:
        return self.task


class Kitti(_Kitti):
    """Boxes and masks."""

    name = "kitti"
    title = "KITTI: boxes and masks of what is on streets"
    read_options: ClassVar[type[ReadOptions]] = MaskReadOptions
    task = files.ALL
    holds = _holding(task)
    confidence = Confidence.MEDIUM
    write_options = KittiAllWriteOptions

    def _written(self, options: Any) -> Task:
        given = options.tasks if isinstance(options, KittiAllWriteOptions) else ""
        names = given.split(",") if isinstance(given, str) else given
        wanted = {name.strip().removeprefix("kitti_") for name in names} - {""} or set(_TASKS)
        if not wanted <= set(_TASKS):
            raise UnknownOptionError(
                f"kitti: option 'tasks' names {', '.join(sorted(wanted - set(_TASKS)))}; "
                f"expected some of {', '.join(_TASKS)}"
            )
        return dataclasses.replace(
            self.task, boxes="detection" in wanted, masks="segmentation" in wanted
        )


class KittiDetection(_Kitti):
    """Boxes."""

    name = "kitti_detection"
    title = "KITTI: boxes"
    task = files.DETECTION
    holds = _holding(task)
    part_of = "kitti"


class KittiSegmentation(_Kitti):
    """Masks."""

    name = "kitti_segmentation"
    title = "KITTI: masks"
    read_options: ClassVar[type[ReadOptions]] = MaskReadOptions
    task = files.SEGMENTATION
    holds = _holding(task)
    part_of = "kitti"
