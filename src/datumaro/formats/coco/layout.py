"""Where a COCO data set's files lie, and what their names say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from datumaro.formats.base import Folder, log
from datumaro.kernels import coco_parse

ANNOTATIONS = "annotations"
IMAGES = "images"


class Task(Enum):
    """A kind of annotation file: the beginning of its name."""

    INSTANCES = "instances"
    PERSON_KEYPOINTS = "person_keypoints"
    LABELS = "labels"
    STUFF = "stuff"
    PANOPTIC = "panoptic"
    CAPTIONS = "captions"
    IMAGE_INFO = "image_info"

    @property
    def code(self) -> int:
        """The kernels' number of it."""
        return _CODES[self]


_CODES = {
    Task.INSTANCES: coco_parse.INSTANCES,
    Task.PERSON_KEYPOINTS: coco_parse.KEYPOINTS,
    Task.LABELS: coco_parse.LABELS,
    Task.STUFF: coco_parse.INSTANCES,
    Task.PANOPTIC: coco_parse.IMAGE_INFO,  # its segments are read by `panoptic`
    Task.CAPTIONS: coco_parse.CAPTIONS,
    Task.IMAGE_INFO: coco_parse.IMAGE_INFO,
}

_PARTLY_PANOPTIC = (Task.INSTANCES, Task.PERSON_KEYPOINTS, Task.STUFF)


@dataclass(frozen=True)
class Places:
    """Where a writer puts its files; ``{task}`` and ``{subset}`` stand for their names.

    Attributes
    ----------
    annotations : an annotation file.
    images : the folder of a subset's images, with a ``/`` at its end.
    all_images : the folder of all subsets' images, where they may lie in one.
    folders : made even when they stay empty.
    """

    annotations: str
    images: str
    all_images: str
    folders: tuple[str, ...] = ()


COCO_PLACES = Places(
    f"{ANNOTATIONS}/{{task}}_{{subset}}.json",
    f"{IMAGES}/{{subset}}/",
    f"{IMAGES}/",
    (ANNOTATIONS, IMAGES),
)


@dataclass(frozen=True)
class AnnotationFile:
    """A JSON file, its task and the subset that it describes.

    Attributes
    ----------
    images : the folder that its file names are relative to, where the format says so.
    """

    path: Path
    task: Task
    subset: str
    images: Path | None = None

    @property
    def root(self) -> Path:
        """The data set's folder."""
        folder = self.path.absolute().parent
        beside_images = folder == self.images  # a folder for each subset has both
        return folder.parent if beside_images or folder.name == ANNOTATIONS else folder


def name_parts(stem: str) -> tuple[str, str] | None:
    """The task's and the subset's name in a file's name without ``.json``; None when it has none.

    ``person_keypoints_val2017`` is of the task ``person_keypoints`` and the subset ``val2017``;
    a name that is only a task is of the subset ``default``.
    """
    for task in (task.value for task in Task):
        if stem == task:
            return task, "default"
        if stem.startswith(task + "_"):
            return task, stem[len(task) + 1 :] or "default"
    return None


def find(path: Path, tasks: Sequence[Task]) -> list[AnnotationFile]:
    """The annotation files of a data set that one of ``tasks`` reads.

    ``path`` is the data set's folder, its ``annotations`` folder, or one annotation file. They come
    subset by subset, in the order of ``tasks`` within each.
    """
    if path.is_file():
        parts = name_parts(path.stem)
        task = next((task for task in tasks if parts and parts[0] == task.value), None)
        if task is None:
            if len(tasks) > 1:  # a name of one's own says nothing; most files are instances
                return [AnnotationFile(path, Task.INSTANCES, "default")]
            return [AnnotationFile(path, tasks[0], "default")]
        return [AnnotationFile(path, task, parts[1] if parts else "default")]
    files: list[AnnotationFile] = []
    for folder in (path / ANNOTATIONS, path):
        for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            parts = name_parts(file.stem)
            task = next((task for task in tasks if parts and parts[0] == task.value), None)
            if task is not None and parts is not None:
                files.append(AnnotationFile(file, task, parts[1]))
        if files:
            break
    order = {task: index for index, task in enumerate(tasks)}
    return sorted(files, key=lambda file: (file.subset, order[file.task]))


def without_repeats(found: list[AnnotationFile]) -> list[AnnotationFile]:
    """The files but panoptic ones of whose subset others have the same objects; a warning tells."""
    others = {file.subset for file in found if file.task in _PARTLY_PANOPTIC}
    left_out = [f for f in found if f.task is Task.PANOPTIC and f.subset in others]
    if left_out:
        log.warning(
            "coco: not read: %s; other files have the same objects, and coco_panoptic reads these",
            ", ".join(file.path.name for file in left_out),
        )
    return [file for file in found if file not in left_out]


def found_tasks(folder: Folder) -> set[str]:
    """The tasks that a folder has files of, or a file is of, by names and first bytes alone."""
    if folder.is_file:
        return _tasks(folder, "", [folder.path.name])
    for place in (ANNOTATIONS, ""):
        if tasks := _tasks(folder, place, folder.files(place)):
            return tasks
    return set()


def _tasks(folder: Folder, place: str, names: list[str]) -> set[str]:
    tasks: set[str] = set()
    for name in names:
        parts = name_parts(name.removesuffix(".json")) if name.endswith(".json") else None
        if parts is not None and parts[0] not in tasks:
            relative = "" if folder.is_file else f"{place}/{name}".lstrip("/")
            head = folder.head(relative).lstrip(b"\xef\xbb\xbf \t\r\n")
            if head.startswith(b"{") and b'"dm_format_version"' not in head:
                tasks.add(parts[0])
    return tasks


def image_folder(file: AnnotationFile, names: Iterable[str]) -> Path:
    """The folder that the file names of a subset's images are relative to.

    It is decided once for all of them: the file's own, else the first of the usual places where one
    of ``names`` (a few of the subset's) is, else ``images/<subset>`` unless only ``images`` exists.
    """
    if file.images is not None:
        return file.images
    root, subset = file.root, file.subset
    images = root / IMAGES
    places = (images / subset, images, root / subset, root)
    existing = [place for place in places if place.is_dir()]
    for name in names:
        for place in existing:
            try:
                if (place / name).is_file():
                    return place
            except (OSError, ValueError):  # too long a name, a NUL in it: then it is not there
                continue
    if images in existing and places[0] not in existing:
        return images
    return places[0]
