"""Writing a data set as PASCAL VOC."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_media import image_source, require_images
from datumaro.formats.mask_painting import MaskToPaint
from datumaro.formats.rows import ChunkRows
from datumaro.formats.voc import annotation_text, image_sets, label_map, label_plan
from datumaro.formats.voc.annotation_text import ObjectTexts, Style
from datumaro.formats.voc.files import ANNOTATIONS, CLASS_MASKS, IMAGE_SETS, IMAGES, INSTANCE_MASKS
from datumaro.formats.voc.mask_painter import MaskFiles, MaskPainter
from datumaro.formats.voc.options import VocWriteOptions
from datumaro.formats.voc.tasks import ACTION, LAYOUT, MAIN, SEGMENTATION, Task
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import check_subset_name, join_inside
from datumaro.table.chunk import Content

_LABEL, _BBOX, _MASK = (
    int(kind) for kind in (AnnotationType.label, AnnotationType.bbox, AnnotationType.mask)
)
_THREADS = min(8, os.cpu_count() or 1)
_PAINTINGS_IN_WORK = 64


def write(
    content: Content, folder: Path, task: Task, options: VocWriteOptions, context: WriteContext
) -> None:
    """Write ``content`` into ``folder``.

    Raises
    ------
    MediaTypeError
        The media are no images.
    UnsupportedContentError
        An id, a subset's name or a label's name cannot be written, or an id is that of different
        items of two subsets.
    PathOutsideDatasetError
        An item's id leads outside the folder.
    """
    require_images(content, task.name)
    _Writer(content, folder, task, options, context).write()


@dataclass
class _Lists:
    """What the lists of a subset have.

    Attributes
    ----------
    ids : of all items.
    of_task : {folder of ``ImageSets``: ids of the items that its task is about}.
    labels : (id, its labels' names), of the items that have labels.
    """

    ids: list[str] = field(default_factory=list[str])
    of_task: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    labels: list[tuple[str, frozenset[str]]] = field(
        default_factory=list[tuple[str, frozenset[str]]]
    )


class _Writer:
    def __init__(
        self,
        content: Content,
        folder: Path,
        task: Task,
        options: VocWriteOptions,
        context: WriteContext,
    ) -> None:
        self.content, self.folder, self.task = content, folder, task
        self.options, self.context = options, context
        has_masks = task.masks and any(
            bool(np.any(chunk.annotations.column("type").to_numpy() == _MASK))
            for chunk in content.chunks
        )
        self.plan = label_plan.make(
            content, options.label_map, parts=task.parts, masks=has_masks, context=context
        )
        entries = self.plan.map.entries
        self.parts_of = {e.name: frozenset(e.parts) for e in entries if task.parts and e.parts}
        self.part_names = frozenset(name for parts in self.parts_of.values() for name in parts)
        actions = {e.name: frozenset(e.actions) for e in entries if task.actions and e.actions}
        self.texts = ObjectTexts(Style(actions, options.allow_attributes))
        self.painter = MaskPainter(self.plan, apply_colormap=options.apply_colormap)
        self.lists: dict[str, _Lists] = {}
        self.files = FileWriter(folder)
        # what was written for ids that several subsets have
        self.repeated: dict[str, tuple[str, str, list[MaskToPaint]] | None] = {}

    def write(self) -> None:
        """Write all files; media last."""
        self.check_names()
        progress = self.context.progress
        progress.start(len(self.content), desc="Writing VOC")
        jobs: list[MediaJob] = []
        done = 0
        with ThreadPoolExecutor(_THREADS) as threads:
            for chunk in self.content.chunks:
                rows = ChunkRows(chunk)
                paintings: list[tuple[str, Future[list[str]]]] = []
                for item in range(len(rows)):
                    self.write_item(rows, item, jobs, threads, paintings)
                    if len(paintings) >= _PAINTINGS_IN_WORK:
                        self.finish_paintings(paintings)
                    done += 1
                    if done % 512 == 0:
                        progress.report_status(done)
                self.finish_paintings(paintings)
        progress.report_status(done)
        progress.finish()
        for label, name in self.texts.declare(self.plan.map):
            self.context.lost(
                "attributes of labels that are no actions", 1, f"{name!r} of {label!r}"
            )
        label_map.save(self.plan.map, self.folder, as_meta=self.options.save_dataset_meta)
        self.write_lists()
        if self.options.save_media:
            MediaStore(self.folder, progress, self.context.workers).save(jobs, len(jobs))

    def check_names(self) -> None:
        """Refuse ids and subsets that cannot be written, before anything is."""
        labels = [e.name for e in self.plan.map.entries] if self.task.labels else []
        subsets = self.content.subset_names()
        for subset in subsets:
            check_subset_name(subset)
            join_inside(self.folder, f"{subset}.txt", what="subset name")
            for label in labels:
                if subset.startswith(f"{label}_") and subset[len(label) + 1 :] in subsets:
                    raise UnsupportedContentError(
                        f"subset {subset!r} has the name of the list of label {label!r} and subset "
                        f"{subset[len(label) + 1 :]!r}; rename one of the subsets before export"
                    )
        counts: Counter[str] = Counter()
        for subset, chunks in self.content.by_subset().items():
            for chunk in chunks:
                ids: list[str] = chunk.items.column("id").to_pylist()
                for item_id in ids:
                    image_sets.check_id(item_id, subset)
                    join_inside(self.folder, item_id, what="item id")
                counts.update(ids)
        self.repeated = dict.fromkeys(item_id for item_id, n in counts.items() if n > 1)

    # --- items --------------------------------------------------------------------------------

    def write_item(
        self,
        rows: ChunkRows,
        item: int,
        jobs: list[MediaJob],
        threads: ThreadPoolExecutor,
        paintings: list[tuple[str, Future[list[str]]]],
    ) -> None:
        """Write an item's files but its image, and note it for the lists."""
        item_id, subset = rows.ids[item], rows.subsets[item]
        begin, end = rows.offsets[item], rows.offsets[item + 1]
        lists = self.lists.setdefault(subset, _Lists())
        lists.ids.append(item_id)
        boxes: list[int] = []
        labels: set[str] = set()
        masks: list[MaskToPaint] = []
        for row in range(begin, end):
            kind, label = rows.types[row], rows.labels[row]
            name = self.plan.names[label] if 0 <= label < len(self.plan.names) else None
            if kind == _BBOX and self.task.boxes:
                if name is not None:
                    boxes.append(row)
                elif label >= 0:
                    self.lost("boxes whose label the label map has not", item_id)
            elif kind == _LABEL and self.task.labels:
                if name is not None:
                    labels.add(name)
                else:
                    self.lost("labels whose label the label map has not", item_id)
            elif kind == _MASK and self.task.masks:
                masks.append(self.mask(rows, row, label))
                if name is None and label >= 0:
                    self.lost("labels of masks that the label map has not", item_id)
        groups = [group for group in rows.groups[begin:end] if group]
        shared = set[int]()
        if len(groups) > len(set(groups)):
            shared = {group for group, n in Counter(groups).items() if n > 1}
            for group, n in Counter(mask.group for mask in masks).items():
                if group and n > 1:
                    self.context.lost("groups of masks", n, f"item {item_id!r}")
        objects, n_parts, n_actions = (
            self.objects(rows, boxes, shared, item_id) if boxes else ("", 0, 0)
        )
        self.note(lists, item_id, begin == end, labels, bool(masks), n_parts > 0, n_actions > 0)

        source = image_source(rows, item, self.context) if self.options.save_media else None
        filename = ""
        if rows.has_media(item) or objects:
            medium = rows.medium(item)
            extension = media_extension(rows.path(item), medium, self.options.image_ext)
            filename = item_id + extension
        if item_id in self.repeated and not self.is_first(rows, item, filename, objects, masks):
            return
        if source is not None:
            jobs.append(MediaJob(source, f"{IMAGES}/{filename}", f"item {item_id!r}"))
        if filename and self.task.boxes:
            size = rows.size(item)
            if masks and not all(size):
                size = masks[0].height, masks[0].width
            text = annotation_text.image(
                item_id, filename, size, segmented=bool(masks), objects=objects
            )
            self.files.save(f"{ANNOTATIONS}/{item_id}.xml", text.encode())
        if masks:
            paintings.append((item_id, threads.submit(self.paint, item_id, masks)))

    def lost(self, what: str, item_id: str) -> None:
        """Count something that VOC cannot hold."""
        self.context.lost(what, 1, f"item {item_id!r}")

    def note(
        self,
        lists: _Lists,
        item_id: str,
        empty: bool,
        labels: set[str],
        has_masks: bool,
        has_parts: bool,
        has_actions: bool,
    ) -> None:
        """Put an item on the lists of the tasks that it is for; without annotations, on all."""
        if labels:
            lists.labels.append((item_id, frozenset(labels)))
        wanted = {SEGMENTATION: has_masks, LAYOUT: has_parts, ACTION: has_actions}
        for name, is_for_task in wanted.items():
            if empty or is_for_task:
                lists.of_task.setdefault(name, []).append(item_id)

    def is_first(
        self, rows: ChunkRows, item: int, filename: str, objects: str, masks: list[MaskToPaint]
    ) -> bool:
        """Whether an id of several subsets is met for the first time.

        Raises
        ------
        UnsupportedContentError
            It was met, and its item was another: there is one file for both.
        """
        item_id = rows.ids[item]
        mine = (rows.path(item) + "\0" + filename, objects, masks)
        before = self.repeated[item_id]
        if before is None:
            self.repeated[item_id] = mine
            return True
        if before != mine:
            raise UnsupportedContentError(
                f"item {item_id!r} is in several subsets with different content, and VOC has one "
                "file for all of them; rename the items before export"
            )
        return False

    # --- boxes --------------------------------------------------------------------------------

    def objects(
        self, rows: ChunkRows, boxes: list[int], shared: set[int], item_id: str
    ) -> tuple[str, int, int]:
        """(the text of an item's objects, how many parts they have, how many actions).

        ``shared`` are the groups of which there are several annotations. An object's number becomes
        its group, so that a group that is not that of an object and its parts is mostly lost.
        """
        nested = self.nested(rows, boxes) if self.part_names else {}
        parts: dict[int, str] = {}
        for row, owner in nested.items():
            text = annotation_text.part(self.name(rows, row), rows.points(row))
            parts[owner] = parts.get(owner, "") + text
            if rows.ann_attributes[row]:
                self.lost("attributes of parts of objects", item_id)
            if rows.ann_ids[row]:
                self.lost("ids of parts of objects", item_id)
        texts: list[str] = []
        n_actions = number = 0
        text_of, box = self.texts.shared, annotation_text.box
        names, labels, points = self.plan.names, rows.labels, rows.points
        for row in boxes:
            if row in nested:
                continue
            texts_of_object = text_of(names[labels[row]] or "", rows.ann_attributes[row])
            texts += (
                texts_of_object.before,
                box(points(row)),
                parts.get(row, ""),
                texts_of_object.after,
            )
            n_actions += texts_of_object.n_actions
            if texts_of_object.lost:
                self.context.lost("attributes", texts_of_object.lost, f"item {item_id!r}")
            if rows.ann_ids[row] not in (0, number):
                self.lost("ids of boxes", item_id)
            if texts_of_object.missing:
                what = "boxes without a value for an action (it becomes false)"
                self.lost(what, item_id)
            if rows.groups[row] in shared and row not in parts and rows.groups[row] != number:
                self.lost("groups of boxes", item_id)
            number += 1
        return "".join(texts), len(nested), n_actions

    def name(self, rows: ChunkRows, row: int) -> str:
        """The name of a box's label, which is known to have one."""
        return self.plan.names[rows.labels[row]] or ""

    def nested(self, rows: ChunkRows, boxes: list[int]) -> dict[int, int]:
        """{row of a part: row of its object}: boxes of one group, whose labels say so."""
        owners: dict[tuple[int, str], int] = {}
        for row in boxes:
            if rows.groups[row]:
                owners.setdefault((rows.groups[row], self.name(rows, row)), row)
        nested: dict[int, int] = {}
        for row in boxes:
            name = self.name(rows, row)
            if rows.groups[row] and name in self.part_names:
                for label, parts in self.parts_of.items():
                    owner = owners.get((rows.groups[row], label))
                    if name in parts and owner is not None and owner != row:
                        nested[row] = owner
                        break
        return nested

    # --- masks --------------------------------------------------------------------------------

    def mask(self, rows: ChunkRows, row: int, label: int) -> MaskToPaint:
        """A mask, as the painter takes it."""
        rle, height, width = rows.mask(row)
        cls = self.plan.classes[label] if 0 <= label < len(self.plan.classes) else -1
        return MaskToPaint(rle, height, width, rows.z_orders[row], rows.groups[row], cls)

    def paint(self, item_id: str, masks: list[MaskToPaint]) -> list[str]:
        """Write an item's mask files; runs in a thread. Returns what was lost."""
        painted, losses = self.painter.paint(item_id, masks)
        self.save_masks(item_id, painted)
        return losses

    def save_masks(self, item_id: str, painted: MaskFiles) -> None:
        """Write the files."""
        if painted.classes is not None:
            self.files.save(f"{CLASS_MASKS}/{item_id}.png", painted.classes)
        self.files.save(f"{INSTANCE_MASKS}/{item_id}.png", painted.instances)

    def finish_paintings(self, paintings: list[tuple[str, Future[list[str]]]]) -> None:
        """Wait for masks in work, and count what they lost."""
        for item_id, future in paintings:
            for what in future.result():
                self.lost(what, item_id)
        paintings.clear()

    # --- files --------------------------------------------------------------------------------

    def write_lists(self) -> None:
        """Write ``ImageSets``."""
        if not self.lists:  # without a list there is no data set
            self.save_list(self.task.sets[0], DEFAULT_SUBSET_NAME, [])
        for subset, lists in self.lists.items():
            for name in self.task.written_sets:
                # the lists that tell a task's items have all of them, so that none gets lost
                whole = name == MAIN or self.task.sets[0] == name
                ids = lists.ids if whole else lists.of_task.get(name, [])
                if ids or self.options.keep_empty:
                    self.save_list(name, subset, ids)
            if self.task.labels and lists.labels:
                for label in self.plan.map.names(parts=self.task.parts):
                    if "/" in label or "\\" in label or "\0" in label:
                        self.context.lost("lists of a label", 1, f"label {label!r}")
                        continue
                    flags = [
                        f"{item_id}  1" if label in labels else f"{item_id} -1"
                        for item_id, labels in lists.labels
                    ]
                    self.save_list(MAIN, f"{label}_{subset}", flags)

    def save_list(self, folder: str, name: str, lines: list[str]) -> None:
        """Write a list."""
        text = "".join(f"{line}\n" for line in lines)
        self.files.save(f"{IMAGE_SETS}/{folder}/{name}.txt", text.encode())
