"""Reading a PASCAL VOC data set into columns."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datumaro.errors import (
    DatasetImportError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import index_masks
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import FileIndex, read_file
from datumaro.formats.image_xml import read_reported
from datumaro.formats.index_masks import MaskRow
from datumaro.formats.voc import annotation_xml, image_sets, label_map, masks
from datumaro.formats.voc.annotation_xml import ImageAnnotation, VocObject
from datumaro.formats.voc.files import (
    ANNOTATIONS,
    CLASS_MASKS,
    IMAGE_SETS,
    IMAGES,
    INSTANCE_MASKS,
    find_root,
    list_names,
)
from datumaro.formats.voc.image_sets import TaskLists
from datumaro.formats.voc.tasks import ACTION, LAYOUT, MAIN, Task
from datumaro.model.image_codec import IMAGE_EXTENSIONS
from datumaro.paths import escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

log = logging.getLogger("datumaro")

_CHUNK_ITEMS = 8192
_BATCH_ITEMS = 128
_MASK_THREADS = min(8, os.cpu_count() or 1)
_MAX_MASK_BYTES = 1 << 28
_PNG = frozenset({".png"})

_NO_ANNOTATION = ImageAnnotation("", 0, 0, [])


def read(path: Path, task: Task, options: ReadOptions, context: ReadContext) -> Content:
    """Read the data set at ``path``: its folder, one around it, or a list in its ``ImageSets``.

    Raises
    ------
    DatasetNotFoundError
        There is no list of items.
    DatasetImportError
        A file is damaged; the message names it and the place.
    PathOutsideDatasetError
        An item's id or an image's file name leads outside the data set.
    """
    root, only = find_root(path, task)
    return _Reader(root, task, options, context).content(only)


@dataclass
class _Masks:
    """What an item's mask files hold, or what is wrong with them."""

    rows: list[MaskRow] = field(default_factory=list[MaskRow])
    shape: tuple[int, int] = (0, 0)
    error: DatasetImportError | None = None


class _Reader:
    def __init__(self, root: Path, task: Task, options: ReadOptions, context: ReadContext) -> None:
        self.root, self.task, self.options, self.context = root, task, options, context
        self.map = label_map.load(root, task.name, context)
        self.names = self.map.names(parts=task.parts)
        self.label_of = {name: index for index, name in enumerate(self.names)}
        # what an object has when its file does not say so
        self.actions = {
            entry.name: dict.fromkeys(entry.actions, False)
            for entry in self.map.entries
            if task.actions and entry.actions
        }
        self.encoded: dict[tuple[str, bytes, tuple[Any, ...]], bytes] = {}
        self.annotations = os.fspath(root / ANNOTATIONS)
        self.images = FileIndex(root / IMAGES, IMAGE_EXTENSIONS)
        self.class_masks = FileIndex(root / CLASS_MASKS, _PNG)
        self.instance_masks = FileIndex(root / INSTANCE_MASKS, _PNG)
        self.meaning = index_masks.class_colors(
            self.map.colormap(), len(self.map.entries), self.label_of.get(label_map.IGNORED)
        )

    def content(self, only: Path | None) -> Content:
        """All items, or those of the list ``only``."""
        sets = self.sets()
        items = self.items(sets, only)
        self.context.progress.start(sum(map(len, items.values())), desc="Reading VOC")
        chunks: list[Chunk] = []
        done = 0
        with ThreadPoolExecutor(_MASK_THREADS) as threads:
            for subset, ids in items.items():
                labels = self.labels(sets, subset)
                for begin in range(0, len(ids), _CHUNK_ITEMS):
                    part = ids[begin : begin + _CHUNK_ITEMS]
                    chunks.append(self.chunk(subset, part, labels, threads))
                    done += len(part)
                    self.context.progress.report_status(done)
        self.context.progress.finish()
        categories = self.map.categories(parts=self.task.parts, masks=self.task.masks)
        return Content(chunks, categories)

    # --- lists --------------------------------------------------------------------------------

    def sets(self) -> dict[str, TaskLists]:
        """The lists in the task's folders of ``ImageSets``."""
        sets: dict[str, TaskLists] = {}
        for name, files in list_names(self.root, self.task).items():
            labels = self.names
            if name == ACTION:
                labels = [action for entry in self.map.entries for action in entry.actions]
            sets[name] = image_sets.sort_lists(self.root / IMAGE_SETS / name, files, labels)
        unknown = sets[MAIN].unknown if self.task.labels and MAIN in sets else []
        if unknown:
            log.warning(
                "%s: left out %d lists of labels that the label map does not have (first: %s)",
                self.root, len(unknown), unknown[0].name,
            )  # fmt: skip
        return sets

    def items(self, sets: dict[str, TaskLists], only: Path | None) -> dict[str, list[str]]:
        """{subset: item ids}, by the subsets' names."""
        found: dict[str, dict[str, None]] = {}
        known: set[str] = set()
        for name, lists in sets.items():
            before = frozenset(known)  # a task's lists add what earlier ones do not know at all
            is_item = self.is_item(before) if name in (LAYOUT, ACTION) else None
            for subset, path in lists.subsets.items():
                if only is not None and path.resolve() != only.resolve():
                    continue
                ids = image_sets.read_ids(path, self.context.problem, is_item=is_item)
                for item_id in ids:
                    if escapes(item_id):  # asked first: this is done for all ids
                        join_inside(self.root, item_id, what=f"item id in {path}")
                new = found.setdefault(subset, {})
                new.update((item_id, None) for item_id in ids if item_id not in before)
                known.update(ids)
        return {subset: list(ids) for subset, ids in sorted(found.items()) if ids}

    def is_item(self, known: frozenset[str]) -> Callable[[str], bool]:
        """Whether a whole line is an item's id, and not an id and the number of an object."""
        return lambda line: (
            line in known or (not escapes(line) and Path(self.annotation_path(line)).is_file())
        )

    def labels(self, sets: dict[str, TaskLists], subset: str) -> dict[str, list[int]]:
        """{item id: its labels, rising}, by the labels' own lists of a subset."""
        labels: dict[str, list[int]] = {}
        if self.task.labels and MAIN in sets:
            for index, name in enumerate(self.names):
                path = sets[MAIN].labels.get((name, subset))
                if path is not None:
                    for item_id in image_sets.read_flags(path, subset, self.context.problem):
                        labels.setdefault(item_id, []).append(index)
        return labels

    # --- items --------------------------------------------------------------------------------

    def chunk(
        self,
        subset: str,
        ids: list[str],
        labels: dict[str, list[int]],
        threads: ThreadPoolExecutor,
    ) -> Chunk:
        """Some items of a subset."""
        columns = ChunkColumns()
        # a batch's objects are dropped before the next: many at a time keep the garbage collector
        # busier than all else
        for begin in range(0, len(ids), _BATCH_ITEMS):
            self.batch(columns, subset, ids[begin : begin + _BATCH_ITEMS], labels, threads)
        return columns.finish()

    def batch(
        self,
        columns: ChunkColumns,
        subset: str,
        ids: list[str],
        labels: dict[str, list[int]],
        threads: ThreadPoolExecutor,
    ) -> None:
        """Append some items of a subset."""
        annotations = {
            item_id: annotation
            for item_id in ids
            if (annotation := self.annotation(item_id)) is not None
        }
        decoded = self.masks(annotations, threads) if self.task.masks else {}
        for item_id, annotation in annotations.items():
            for label in labels.get(item_id, ()):
                columns.add_label(label)
            its_masks = decoded.get(item_id)
            if annotation.objects:
                rows = its_masks.rows if its_masks is not None else ()
                top = max((row.number for row in rows), default=0)
                self.add_objects(columns, item_id, annotation.objects, top)
            if its_masks is not None:
                if its_masks.error is not None:
                    self.context.problem(its_masks.error)
                for row in its_masks.rows:
                    label = schema.NO_LABEL if row.label is None else row.label
                    columns.add_mask(row.rle, its_masks.shape, label, group=row.number)
            path = self.image_path(item_id, annotation.filename)
            # half a size is none
            known = path and annotation.height > 0 and annotation.width > 0
            height, width = (annotation.height, annotation.width) if known else (0, 0)
            columns.add_item(item_id, subset, path, height, width)

    def annotation_path(self, item_id: str) -> str:
        """The file of an item's objects."""
        return f"{self.annotations}/{item_id}.xml"

    def annotation(self, item_id: str) -> ImageAnnotation | None:
        """What the file of an item's objects says; None when it is damaged (and that reported)."""
        if not self.task.boxes:
            return _NO_ANNOTATION
        return read_reported(
            self.annotation_path(item_id),
            annotation_xml.MAX_BYTES,
            annotation_xml.parse,
            self.context.problem,
            _NO_ANNOTATION,
        )

    def image_path(self, item_id: str, filename: str) -> str:
        """The item's image file; "" when there is none. It need not exist if the XML names it."""
        if filename and (escapes(filename) or filename in self.images):
            return join_inside(
                self.images.folder,
                filename,
                what=f"<filename> in {self.annotation_path(item_id)}",
                allow_external=self.options.allow_external_media,
            )
        found = self.images.find(item_id) or filename
        return f"{self.images.folder}/{found}" if found else ""

    # --- boxes --------------------------------------------------------------------------------

    def add_objects(
        self, columns: ChunkColumns, item_id: str, objects: list[VocObject], top: int
    ) -> None:
        """Append an item's boxes; ``top`` is the largest number of its instance masks."""
        number = 0
        for place, thing in enumerate(objects, 1):
            label = self.label_of.get(thing.name)
            if label is None:
                label = self.unusual_label(item_id, place, thing.line, thing.name)
                if label is None:
                    continue
            # An object's number is its id and its group. Group 0 is none, so that the first
            # object's parts need another one.
            parts = thing.parts if self.task.parts else ()
            group = 1 + max(len(objects), top) if parts and not number else number
            columns.add_box(number, group, label, thing.box, self.attributes(thing))
            for part in parts:
                label = self.label_of.get(part.name)
                if label is None:
                    label = self.unusual_label(item_id, place, thing.line, part.name)
                if label is not None:
                    columns.add_box(0, group, label, part.box, b"")
            number += 1

    def unusual_label(self, item_id: str, place: int, line: int, name: str) -> int | None:
        """The index of a label's name that is not spelt as in the label map; None without one."""
        label = self.label_of.get(name.strip())
        if label is None and not self.task.only_known:
            self.context.problem(
                UndeclaredLabelInFileError(
                    self.annotation_path(item_id),
                    f"line {line}: object {place}",
                    f"label {name[:80]!r}",
                    self._known(),
                )
            )
        return label

    def _known(self) -> str:
        if not self.names:
            return "no label: the label map has none"
        more = ", …" if len(self.names) > 5 else ""
        return f"one of the label map's {len(self.names)} ({', '.join(self.names[:5])}{more})"

    def attributes(self, thing: VocObject) -> bytes:
        """An object's attributes as JSON."""
        declared = self.actions.get(thing.name)
        actions = thing.actions if self.task.actions else None
        if declared is None and not actions and thing.extra is None:
            return thing.attributes
        extra = thing.extra or {}
        key = (thing.name, thing.attributes, tuple(extra.items()))
        usual = not actions and "point" not in extra  # many objects have the same
        if usual and key in self.encoded:
            return self.encoded[key]
        made = json_text.decode(thing.attributes)
        made.update(declared or {})
        made.update(actions or {})
        made.update(extra)
        text = json_text.encode(made)
        if usual and len(self.encoded) < 4096:
            self.encoded[key] = text
        return text

    # --- masks --------------------------------------------------------------------------------

    def masks(
        self, annotations: dict[str, ImageAnnotation], threads: ThreadPoolExecutor
    ) -> dict[str, _Masks]:
        """{item id: its masks} of those that have some."""
        ids = [
            item_id
            for item_id in annotations
            if self.class_masks.find(item_id) or self.instance_masks.find(item_id)
        ]
        sizes = [annotations[item_id][1:3] for item_id in ids]
        return dict(zip(ids, threads.map(self.decode, ids, sizes), strict=True))

    def decode(self, item_id: str, size: tuple[int, int]) -> _Masks:
        """Decode an item's mask files; ``size`` is its image's height and width, or zeros."""
        expected = size if size[0] > 0 and size[1] > 0 else None
        try:
            classes, class_path = self.painting(self.class_masks, item_id, expected)
            instances, path = self.painting(self.instance_masks, item_id, expected)
            if instances is not None:
                rows = masks.instance_masks(instances, path, classes, class_path, self.meaning)
                return _Masks(rows, index_masks.shape_of(instances))
            if classes is not None:
                rows = index_masks.class_masks(classes, self.meaning, class_path)
                return _Masks(rows, index_masks.shape_of(classes))
        except DatasetImportError as error:
            return _Masks(error=error)
        return _Masks()

    def painting(
        self, files: FileIndex, item_id: str, expected: tuple[int, int] | None
    ) -> tuple[index_masks.Painting | None, str]:
        """(a mask file, decoded; its path)."""
        name = files.find(item_id)
        path = f"{files.folder}/{name}"
        data = read_file(path, _MAX_MASK_BYTES) if name is not None else None
        if data is None:
            return None, path
        if len(data) > _MAX_MASK_BYTES:
            found = f"more than {_MAX_MASK_BYTES} bytes"
            raise MalformedFileError(path, f"byte {_MAX_MASK_BYTES}", found, "a mask, in fewer")
        return index_masks.decode(data, path, expected), path
