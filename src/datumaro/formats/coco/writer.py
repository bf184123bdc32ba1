"""Columns into COCO's files: one for each subset and task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import DatasetExportError, PathSeparatorInSubsetNameError
from datumaro.formats import dataset_meta
from datumaro.formats.base import WriteContext
from datumaro.formats.coco.categories import category_ids, to_json
from datumaro.formats.coco.file_reader import differ
from datumaro.formats.coco.images import ImageTable, tables
from datumaro.formats.coco.info import BLANK
from datumaro.formats.coco.layout import COCO_PLACES, Places, Task
from datumaro.formats.coco.panoptic import png_folder
from datumaro.formats.coco.panoptic_writer import PanopticWriter
from datumaro.formats.coco.reader import INFOS
from datumaro.formats.coco.segmentation import convert
from datumaro.kernels.coco_print import Printer
from datumaro.media_store import MediaStore
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import stated_labels
from datumaro.paths import join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

BATCH = 8192
"""Annotations that are printed at a time: some megabytes of text."""

_POINTS = 2  # Printer.parts

_KINDS = {
    Task.INSTANCES: (AnnotationType.polygon, AnnotationType.mask, AnnotationType.bbox),
    Task.PERSON_KEYPOINTS: (
        AnnotationType.polygon,
        AnnotationType.mask,
        AnnotationType.bbox,
        AnnotationType.points,
    ),
    Task.LABELS: (AnnotationType.label,),
    Task.STUFF: (AnnotationType.polygon, AnnotationType.mask, AnnotationType.bbox),
    Task.PANOPTIC: (AnnotationType.mask,),
    Task.CAPTIONS: (AnnotationType.caption,),
    Task.IMAGE_INFO: (),
}

_WITH_LABELS = (  # by the alphabet
    Task.INSTANCES,
    Task.LABELS,
    Task.PANOPTIC,
    Task.PERSON_KEYPOINTS,
    Task.STUFF,
)
_OBJECTS = (Task.INSTANCES, Task.PERSON_KEYPOINTS, Task.STUFF)
_MASKS_ONLY = (Task.STUFF, Task.PANOPTIC)


@dataclass(frozen=True)
class Choices:
    """What the user chose; see `datumaro.formats.coco.format.CocoWriteOptions`."""

    tasks: tuple[Task, ...]
    save_media: bool
    image_ext: str | None
    segmentation_mode: str
    allow_attributes: bool
    reindex: bool
    merge_images: bool
    save_dataset_meta: bool
    places: Places = COCO_PLACES


class Part:
    """A chunk of one subset, ready to be printed."""

    def __init__(self, chunk: Chunk, images: ImageTable, context: WriteContext) -> None:
        rows = chunk.annotations
        self.chunk = chunk
        self.images = images
        self.kinds: Array = rows.column("type").to_numpy()
        self.row_ids: Array = rows.column("id").to_numpy()
        attributes = rows.column("attributes")
        self.printer = self._printer(attributes)
        if mixed := self.printer.mixed_objects():
            self.printer = self._printer(self._united(attributes, mixed, context))
        self.parts = self.printer.parts()
        first_rows = self.printer.first_rows()
        self.ids: Array = self.row_ids[first_rows]
        self._report_groups(first_rows, context)

    def _report_groups(self, first_rows: Array, context: WriteContext) -> None:
        """Report the groups that several objects have in common: of other labels, two boxes, …"""
        groups: Array = self.chunk.annotations.column("group").to_numpy()[first_rows]
        grouped = np.flatnonzero(groups != 0)
        groups = groups[grouped]
        if differ(groups):
            return
        items = self.item_of(first_rows[grouped])
        order = np.lexsort((groups, items))
        again = (np.diff(groups[order]) == 0) & (np.diff(items[order]) == 0)
        if again.any():
            item = int(items[order[int(np.argmax(again))]])
            what = "groups of annotations that are several objects"
            context.lost(what, int(np.count_nonzero(again)), self.item_name(item))

    def _printer(self, attributes: pa.Array) -> Printer:
        rows = self.chunk.annotations
        printer = Printer(
            self.chunk.offsets,
            self.kinds,
            self.row_ids,
            rows.column("group").to_numpy(),
            schema.label_values(rows.column("label")),
            rows.column("mask_height").to_numpy(),
            rows.column("mask_width").to_numpy(),
            rows.column("area").to_numpy(),
            schema.list_parts(attributes),
            *(
                schema.list_parts(rows.column(name))
                for name in ("points", "visibility", "rle", "text")
            ),
        )
        printer.group()
        return printer

    def _united(
        self, attributes: pa.Array, objects: list[list[int]], context: WriteContext
    ) -> pa.Array:
        """The attributes, each first row of ``objects`` with those of the object's other rows."""
        changed = np.zeros(len(attributes), bool)
        texts: dict[int, str] = {}
        for rows in objects:
            united: dict[str, Any] = {}
            for row in rows:
                item = self.item_name(int(self.item_of(np.array([row]))[0]))
                try:
                    own = json_text.decode(attributes[row].as_py())
                except ValueError as error:
                    raise DatasetExportError(f"item {item!r}: bad attributes: {error}") from error
                for name, value in own.items():
                    if united.setdefault(name, value) != value:
                        what = "attributes that contradict others of the same object"
                        context.lost(what, 1, item)
            changed[rows[0]] = True
            texts[rows[0]] = json_text.encode(united).decode()
        new = pa.array([texts[row] for row in sorted(texts)], pa.large_string())
        return pc.replace_with_mask(attributes, pa.array(changed), new)

    def item_of(self, rows: Array) -> Array:
        """The items of annotation rows."""
        return np.searchsorted(self.chunk.offsets, rows, side="right") - 1

    def item_name(self, row: int) -> str:
        """The id of an item."""
        return str(self.chunk.items.column("id")[row])


class Writer:
    """Writes a data set's files."""

    def __init__(
        self, content: Content, folder: Path, choices: Choices, context: WriteContext
    ) -> None:
        self.folder = folder
        self.choices = choices
        self.context = context
        self.categories = content.categories
        self.infos = _object(content.infos.get(INFOS))
        labels = stated_labels(content.categories)
        own = _object(self.infos.get("category_ids"))
        if choices.reindex or choices.save_dataset_meta:
            own = {}
        self.category_ids = [] if labels is None else category_ids(labels, own)
        self.label_ids = np.array(self.category_ids, np.int32)

    def write(self, content: Content) -> None:
        """Write the annotation files, and the images if they are wanted."""
        for name in self.choices.places.folders:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        subsets = content.by_subset()
        for subset in subsets:
            if "/" in subset or "\\" in subset or "\0" in subset:
                raise PathSeparatorInSubsetNameError(subset)
            join_inside(self.folder, subset, what="subset name")
        chunks = [chunk for parts in subsets.values() for chunk in parts]
        images = iter(tables(chunks, self.choices.image_ext, self.choices.reindex, self.context))
        self.context.progress.start(sum(map(len, chunks)), desc="writing annotations")
        done = 0
        written: dict[str, set[Task]] = {}
        of_subset: dict[str, list[ImageTable]] = {}
        for subset, parts in (subsets or {"default": []}).items():
            own = of_subset[subset] = [next(images) for _ in parts]
            written[subset] = self._subset(subset, own)
            done += sum(map(len, parts))
            self.context.progress.report_status(done)
        self._image_infos(of_subset, written)
        self.context.progress.finish()
        self._categories_alone(next(iter(subsets), "default"), set[Task]().union(*written.values()))
        if self.choices.save_dataset_meta:
            dataset_meta.save(self.categories, self.folder, self.context)
        if self.choices.save_media:
            self._save_media(of_subset)

    def _save_media(self, images: dict[str, list[ImageTable]]) -> None:
        jobs = (
            job
            for subset, tables_of in images.items()
            for table in tables_of
            for job in table.jobs(self._image_folder(subset))
        )
        total = sum(len(table.ids) for tables_of in images.values() for table in tables_of)
        MediaStore(self.folder, self.context.progress, self.context.workers).save(jobs, total)

    def _image_folder(self, subset: str) -> str:
        places = self.choices.places
        folder = places.all_images if self.choices.merge_images else places.images
        return folder.replace("{subset}", subset)

    def _image_infos(
        self, images: dict[str, list[ImageTable]], written: dict[str, set[Task]]
    ) -> None:
        """Write the images of subsets that readers of one task with labels would not find.

        The published package reads of all tasks with labels only the first by the alphabet.
        """
        if Task.IMAGE_INFO not in self.choices.tasks:
            return
        first = next((t for t in _WITH_LABELS if any(t in have for have in written.values())), None)
        for subset, have in written.items():
            if not have & {first, Task.CAPTIONS, Task.IMAGE_INFO}:
                with self._open(Task.IMAGE_INFO, subset) as file:
                    _write_list(file, (table.text() for table in images[subset]))
                    file.write(b',"annotations":[]}')

    def _categories_alone(self, subset: str, written: set[Task]) -> None:
        """Write files without annotations where no other file has the labels or the key points."""
        able = [task for task in self.choices.tasks if task in _WITH_LABELS]
        wanted: list[Task] = []
        if Task.PERSON_KEYPOINTS in able and AnnotationType.points in self.categories:
            wanted = [Task.PERSON_KEYPOINTS]
        elif not written.intersection(_WITH_LABELS):
            wanted = able[:1]
        for task in wanted if self.category_ids else ():
            if task not in written:
                with self._open(task, subset) as file:
                    file.write(b'[],"annotations":[]}')

    # --- a subset ------------------------------------------------------------------------------

    def _subset(self, subset: str, images: list[ImageTable]) -> set[Task]:
        """Write a subset's files; the tasks that it has."""
        mode = self.choices.segmentation_mode
        parts = [
            Part(convert(t.chunk, t.heights, t.widths, mode, self.context), t, self.context)
            for t in images
        ]
        written: set[Task] = set()
        ids = self._new_ids([part.ids for part in parts])
        several = len(self.choices.tasks) > 1
        for task in self.choices.tasks:
            wanted = [self._chosen(part, task) for part in parts]
            if several and not any(len(rows) for rows in wanted):
                continue
            self._file(task, subset, parts, wanted, ids)
            written.add(task)
        if not written:
            task = self.choices.tasks[-1]
            self._file(task, subset, parts, [np.zeros(0, np.int64)] * len(parts), ids)
            written.add(task)
        return written

    def _new_ids(self, own: list[Array]) -> list[Array]:
        """The annotations' ids in a file: their own, where those differ and are positive."""
        if not own:
            return []
        ids = np.concatenate(own)
        kept = (ids > 0) & (not self.choices.reindex)
        _, first = np.unique(ids, return_index=True)
        if len(first) < len(ids):
            once = np.zeros(len(ids), bool)
            once[first] = True
            kept &= once
        top = int(ids[kept].max(initial=0))
        ids = np.where(kept, ids, 0)
        ids[~kept] = np.arange(top + 1, top + 1 + int((~kept).sum()))
        return np.split(ids, np.cumsum([len(part) for part in own])[:-1])

    def _chosen(self, part: Part, task: Task) -> Array:
        """The objects (for labels and captions the rows) that a task's file gets, int64."""
        if task in (Task.INSTANCES, Task.STUFF):
            return np.flatnonzero(part.parts & ~np.uint8(_POINTS))
        if task is Task.PERSON_KEYPOINTS:
            if Task.INSTANCES in self.choices.tasks:  # which has the others
                return np.flatnonzero(part.parts & _POINTS)
            return np.arange(len(part.parts))
        kinds = [int(kind) for kind in _KINDS[task]]
        return np.flatnonzero(np.isin(part.kinds, kinds)) if kinds else np.zeros(0, np.int64)

    def _open(self, task: Task, subset: str) -> BinaryIO:
        """Begin a file, up to its images."""
        head: dict[str, Any] = {
            "licenses": _object(self.infos.get("licenses")).get(subset) or BLANK["licenses"],
            "info": _object(self.infos.get("info")).get(subset) or BLANK["info"],
        }
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        categories = b"[]"
        if task not in (Task.CAPTIONS, Task.IMAGE_INFO):
            things = _list(self.infos.get("things")) if task is Task.PANOPTIC else None
            categories = to_json(
                self.categories,
                self.category_ids,
                keypoints=task is Task.PERSON_KEYPOINTS,
                things=things,
            )
        place = self.choices.places.annotations
        path = self.folder / place.replace("{task}", task.value).replace("{subset}", subset)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
        file.write(text[:-1] + b',"categories":' + categories + b',"images":')
        return file

    def _file(
        self,
        task: Task,
        subset: str,
        parts: list[Part],
        chosen: list[Array],
        ids: list[Array],
    ) -> None:
        with self._open(task, subset) as file:
            _write_list(file, (part.images.text() for part in parts))
            file.write(b',"annotations":')
            _write_list(file, self._annotations(file, task, parts, chosen, ids))
            file.write(b"}")

    def _annotations(
        self,
        file: BinaryIO,
        task: Task,
        parts: list[Part],
        chosen: list[Array],
        object_ids: list[Array],
    ) -> Iterator[bytes | memoryview]:
        attributes = self.choices.allow_attributes
        if task is Task.PANOPTIC:
            writer = PanopticWriter(
                png_folder(Path(file.name)),
                self.category_ids,
                self.context,
                reindex=self.choices.reindex,
                attributes=attributes,
            )
            for part, rows in zip(parts, chosen, strict=True):
                yield from writer.write(part.chunk, part.images, rows)
            return
        objects = task in _OBJECTS
        if objects:
            ids = [own[rows] for own, rows in zip(object_ids, chosen, strict=True)]
        else:
            ids = self._new_ids([p.row_ids[rows] for p, rows in zip(parts, chosen, strict=True)])
        for part, rows, own in zip(parts, chosen, ids, strict=True):
            for begin in range(0, len(rows), BATCH):
                some, some_ids = rows[begin : begin + BATCH], own[begin : begin + BATCH]
                try:
                    if objects:
                        yield part.printer.objects(
                            some,
                            some_ids,
                            part.images.ids,
                            self.label_ids,
                            task is Task.PERSON_KEYPOINTS,
                            attributes,
                        )
                        continue
                    images = part.images.ids[part.item_of(some)]
                    if task is Task.CAPTIONS:
                        yield part.printer.captions(some, some_ids, images, attributes)
                    else:
                        yield part.printer.label_annotations(
                            some, some_ids, images, self.label_ids, attributes
                        )
                except ValueError as error:
                    what, item = error.args
                    raise DatasetExportError(f"item {part.item_name(item)!r} has {what}") from None


def _object(value: object) -> dict[str, Any]:
    """A JSON object of the infos, which anybody may have changed; {} for anything else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    """As `_object`, for a JSON array."""
    return cast(list[Any], value) if isinstance(value, list) else []


def _write_list(file: BinaryIO, pieces: Iterator[bytes | memoryview]) -> None:
    """Write a JSON array of pieces that end with a comma each, or are empty."""
    file.write(b"[")
    some = False
    for piece in pieces:
        if len(piece):
            if some:
                file.write(b",")
            file.write(piece[:-1])
            some = True
    file.write(b"]")
