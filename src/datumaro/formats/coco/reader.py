"""COCO's files put together: one chunk for each subset."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import RepeatedItemInFileError
from datumaro.formats import dataset_meta
from datumaro.formats.base import ReadContext, log
from datumaro.formats.coco import panoptic
from datumaro.formats.coco.categories import Labels
from datumaro.formats.coco.file_reader import CocoFile, FileReader, Images, lookup, offsets_of
from datumaro.formats.coco.groups import object_groups
from datumaro.formats.coco.info import described, says_something
from datumaro.formats.coco.layout import AnnotationFile, Task, image_folder
from datumaro.kernels.coco_images import item_texts
from datumaro.kernels.coco_parse import Parser
from datumaro.model.media import MediaType
from datumaro.paths import join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import ANNOTATIONS, Array
from datumaro.workers import Workers

_OBJECTS = 50_000  # that a worker's share has at least: they take some 10 ms
_DRIVE = re.compile(r"^[A-Za-z]:")

INFOS = "coco"
"""The key of a data set's infos under which what COCO alone knows is kept."""


def read(
    found: list[AnnotationFile],
    context: ReadContext,
    *,
    keep_category_ids: bool,
    subset: str | None,
    allow_external: bool,
) -> Content:
    """Read annotation files; those of a subset come one after another."""
    reader = FileReader(context)
    context.progress.start(sum(f.path.stat().st_size for f in found), desc="reading bytes")
    files = [reader.read(file) for file in found]
    context.progress.finish()
    meta = dataset_meta.find(found[0].root, context)
    labels = Labels(
        ((f.file.path, f.categories) for f in files), keep_ids=keep_category_ids, meta=meta
    )
    infos = _infos(files, labels)
    groups = [list(group) for _, group in groupby(files, lambda f: f.file.subset)]
    del files
    chunks: list[Chunk] = []
    while groups:  # so that each group's memory is free as soon as its chunk is made
        group = groups.pop(0)
        name = subset or group[0].file.subset
        chunks.append(_chunk(group, name, labels, allow_external, context))
    return Content(chunks, labels.model(), infos, MediaType.IMAGE)


def _infos(files: list[CocoFile], labels: Labels) -> dict[str, Any]:
    """What COCO says beside images and annotations, for a writer of COCO; {} for nothing."""
    coco: dict[str, Any] = {}
    for file in files:
        for key, value in described(file.raw, file.file.path).items():
            if says_something(value):
                known = coco.setdefault(key, {}).setdefault(file.file.subset, value)
                if known != value:
                    log.warning(
                        "%s: $.%s is not that of the subset's other files and is left out",
                        file.file.path, key,
                    )  # fmt: skip
    if ids := labels.own_ids():
        coco["category_ids"] = ids
    if things := labels.things():
        coco["things"] = things
    return {INFOS: coco} if coco else {}


def _chunk(
    files: list[CocoFile],
    subset: str,
    labels: Labels,
    allow_external: bool,
    context: ReadContext,
) -> Chunk:
    images, rows = _merge_images(files)
    items = _items(files[0], images, subset, allow_external)
    items, rows = _without_repeated(items, files, rows, subset, context)
    _drop_doubles(files, rows)
    item_of = [
        np.where(file.image_of >= 0, row[file.image_of], np.int32(-1))
        if len(row)
        else file.image_of
        for file, row in zip(files, rows, strict=True)
    ]
    offsets, annotations = _annotations(files, item_of, len(items), labels, context.workers)
    chunk = Chunk(items, annotations, offsets)
    for file, row in zip(files, rows, strict=True):
        if file.file.task is Task.PANOPTIC:
            chunk = panoptic.add_masks(chunk, file, row, labels.index_of, context)
    return chunk


# --- items ------------------------------------------------------------------------------------


def _merge_images(files: list[CocoFile]) -> tuple[Images, list[Array]]:
    """The images of all files of a subset, and each file's images' rows among them (int32)."""
    first = files[0].images
    rows: list[Array] = [np.arange(len(first.ids), dtype=np.int32)]
    if len(files) == 1:
        return first, rows
    same = [
        np.array_equal(file.images.ids, first.ids)
        and np.array_equal(file.images.offsets, first.offsets)
        and np.array_equal(file.images.names, first.names)
        for file in files[1:]
    ]
    if all(same):
        sizes = first.sizes.copy()
        for file in files[1:]:
            unknown = sizes[:, 0] == 0
            sizes[unknown] = file.images.sizes[unknown]
        rows *= len(files)
        return _with_rest(replace(first, sizes=sizes), files, rows), rows
    known: dict[str, int] = {}
    merged: list[tuple[int, int]] = []  # file, row in it
    sizes_of: list[Array] = []
    rows = []
    for number, file in enumerate(files):
        own = np.empty(len(file.images.ids), np.int32)
        seen = set[int]()
        for row in range(len(own)):
            item = known.setdefault(file.images.name(row), len(merged))
            if item in seen:  # a name twice in one file: two images, which must not be mixed
                item = len(merged)
            seen.add(item)
            if item == len(merged):
                merged.append((number, row))
                sizes_of.append(file.images.sizes[row])
            elif not sizes_of[item][0]:
                sizes_of[item] = file.images.sizes[row]
            own[row] = item
        rows.append(own)
    parts = [
        file.images.take(np.array([r for n, r in merged if n == number], np.int64))
        for number, file in enumerate(files)
    ]  # an item's file is the first that has it: they come in the files' order
    merged_images = Images(
        np.concatenate([part.ids for part in parts]),
        np.array(sizes_of, np.int32).reshape(-1, 2),
        np.concatenate([part.names for part in parts]),
        offsets_of(np.concatenate([np.diff(part.offsets) for part in parts])),
        np.concatenate([part.rest for part in parts]),
        offsets_of(np.concatenate([np.diff(part.rest_offsets) for part in parts])),
        np.concatenate([part.places for part in parts]),
    )
    return _with_rest(merged_images, files, rows), rows


def _with_rest(images: Images, files: list[CocoFile], rows: list[Array]) -> Images:
    """The images with what the first file that tells more of one than COCO defines tells of it."""
    parts = [(file.images.rest, file.images.rest_offsets) for file in files]
    if all(
        np.array_equal(data, images.rest) and np.array_equal(offsets, images.rest_offsets)
        for data, offsets in parts
    ):
        return images
    texts: list[bytes] = [b""] * len(images.ids)
    for file, own in zip(files, rows, strict=True):
        data: bytes = file.images.rest.tobytes()
        offsets: list[int] = file.images.rest_offsets.tolist()
        others = 0
        items: list[int] = own.tolist()
        for item, (begin, end) in zip(items, pairwise(offsets), strict=True):
            text = data[begin:end]
            others += bool(text and texts[item] and text != texts[item])
            texts[item] = texts[item] or text
        if others:
            log.warning(
                "%s: of %d images more is told than COCO defines, and it is not what another file "
                "of the subset tells; it is left out", file.file.path, others,
            )  # fmt: skip
    joined = np.frombuffer(b"".join(texts), np.uint8)
    return replace(images, rest=joined, rest_offsets=offsets_of([len(text) for text in texts]))


def _items(file: CocoFile, images: Images, subset: str, allow_external: bool) -> pa.RecordBatch:
    n = len(images.ids)
    names = [images.name(row) for row in range(min(n, 3))]
    folder = f"{image_folder(file.file, names)}/"
    ids, attributes, paths, odd = item_texts(
        images.names, images.offsets, images.ids, images.rest, images.rest_offsets, folder.encode()
    )
    id_column, path_column = (schema.texts(*texts, pa.large_string()) for texts in (ids, paths))
    if len(odd):
        id_texts, path_texts = id_column.to_pylist(), path_column.to_pylist()
        for row in odd:
            name = images.name(row)
            path_texts[row] = join_inside(
                folder,
                name,
                what=f"file_name of image {images.ids[row]} in {file.file.path}",
                allow_external=allow_external and "\0" not in name,
            )
            id_texts[row] = _inside(id_texts[row])
        id_column, path_column = (pa.array(t, pa.large_string()) for t in (id_texts, path_texts))
    return schema.item_batch(
        n,
        {
            "id": id_column,
            "subset": schema.constant_dictionary(subset, n),
            "attributes": schema.texts(*attributes, pa.large_string()),
            "media_type": schema.primitive(np.full(n, int(MediaType.IMAGE), np.uint8), pa.uint8()),
            "path": path_column,
            "height": schema.primitive(images.sizes[:, 0], pa.int32()),
            "width": schema.primitive(images.sizes[:, 1], pa.int32()),
        },
    )


def _without_repeated(
    items: pa.RecordBatch,
    files: list[CocoFile],
    rows: list[Array],
    subset: str,
    context: ReadContext,
) -> tuple[pa.RecordBatch, list[Array]]:
    """The items without those whose id an earlier one has, and each file's images' rows among them.

    An id is a file name without its extension, so ``a.jpg`` and ``a.png`` have the same.
    """
    ids: list[str] = items.column("id").to_pylist()
    if len(set(ids)) == len(ids):
        return items, rows
    first: dict[str, int] = {}
    kept = np.ones(len(ids), bool)
    for row, item_id in enumerate(ids):
        if first.setdefault(item_id, row) != row:
            kept[row] = False
            (path, place), (other, its_place) = (
                _place(files, rows, which) for which in (row, first[item_id])
            )
            before = its_place if other == path else f"{other}: {its_place}"
            context.problem(RepeatedItemInFileError((item_id, subset), path, place, before))
    renumbered = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    return items.filter(pa.array(kept)), [renumbered[own] for own in rows]


def _place(files: list[CocoFile], rows: list[Array], item: int) -> tuple[Path, str]:
    """The first file that has an item, and where."""
    for file, own in zip(files, rows, strict=True):
        found = np.flatnonzero(own == item)
        if len(found):
            return file.file.path, f"$.images[{file.images.places[found[0]]}].file_name"
    raise LookupError(item)


def _inside(name: str) -> str:
    """An id for a name that leads through other folders: what is left of it below the top."""
    parts = posixpath.normpath(_DRIVE.sub("", name)).split("/")
    return "/".join(part for part in parts if part not in ("", "..")) or "_"


# --- annotations ---------------------------------------------------------------------------------


def _drop_doubles(files: list[CocoFile], rows: list[Array]) -> None:
    """Leave out what an earlier file has too, under the same id and in the same image.

    Person key points repeat the polygons and boxes of the instances, so only their points are
    taken; the published package writes masks both as instances and as stuff.
    """
    by_task = {file.file.task: number for number, file in enumerate(files)}
    for repeating in (Task.PERSON_KEYPOINTS, Task.STUFF):
        if Task.INSTANCES not in by_task or repeating not in by_task:
            continue
        whole, again = files[by_task[Task.INSTANCES]], files[by_task[repeating]]
        same = _twins((whole, rows[by_task[Task.INSTANCES]]), (again, rows[by_task[repeating]]))
        if repeating is Task.PERSON_KEYPOINTS:
            again.parser.points_only(same.view(np.uint8))
        else:
            again.image_of[same] = -1


def _twins(whole: tuple[CocoFile, Array], again: tuple[CocoFile, Array]) -> Array:
    """Which annotations of the file ``again`` have the id of one of ``whole`` in the same item.

    Both are a file and the items of its images.
    """
    ids, wanted = (file.parser.objects()[0] for file, _ in (whole, again))
    if not len(ids) or not len(wanted):
        return np.zeros(len(wanted), bool)
    there, here = (
        np.where(file.image_of >= 0, items[file.image_of], np.int32(-1)).astype(np.int64)
        if len(items)
        else file.image_of.astype(np.int64)
        for file, items in (whole, again)
    )
    if not whole[0].repeated.anywhere:
        twin = lookup(ids, wanted)
        return (twin >= 0) & (here >= 0) & (there[twin] == here)
    # an id may be in many images: look for pairs of both
    names, codes = np.unique(np.concatenate([ids, wanted]), return_inverse=True)
    pairs = np.concatenate([there, here]) * len(names) + codes
    return (here >= 0) & (lookup(pairs[: len(ids)], pairs[len(ids) :]) >= 0)


@dataclass
class _Lists:
    """A column of lists or texts that is being filled."""

    offsets: Array
    values: Array

    @classmethod
    def of(cls, n_rows: int) -> _Lists:
        return cls(np.zeros(n_rows + 1, np.int64), np.empty(0))

    def allocate(self, dtype: Any) -> None:
        """Sum the rows' lengths, and make room."""
        np.cumsum(self.offsets, out=self.offsets)
        self.values = np.empty(int(self.offsets[-1]), dtype)


def _shared(workers: Workers, parser: Parser, work: Callable[..., None]) -> None:
    """Let workers do each some of a parser's objects, when they are many."""
    n = min(workers.num_workers if workers.share_memory else 0, parser.n_objects // _OBJECTS) or 1
    bounds = [parser.n_objects * number // n for number in range(n + 1)]
    shares = [[partial(work, begin=begin, end=end)] for begin, end in pairwise(bounds)]
    with workers.map(lambda share: share(), shares) as done:
        for _ in done:
            pass


def _annotations(
    files: list[CocoFile],
    item_of: list[Array],
    n_items: int,
    labels: Labels,
    workers: Workers,
) -> tuple[Array, pa.RecordBatch]:
    """The rows of all files, item by item; within an item file by file, in each file's order."""
    offsets = np.zeros(n_items + 1, np.int64)
    for file, items in zip(files, item_of, strict=True):
        file.parser.count(items, offsets[1:])
    np.cumsum(offsets, out=offsets)
    free = offsets[:-1].copy()
    firsts = [f.parser.place_rows(i, free) for f, i in zip(files, item_of, strict=True)]
    n = int(offsets[-1])
    totals = np.array([file.parser.totals() for file in files]).sum(0)
    kinds, ids = np.zeros(n, np.uint8), np.zeros(n, np.int64)
    label_column, areas = np.empty(n, np.int32), np.empty(n)
    attributes, points = _Lists.of(n), _Lists.of(n)
    visibility, rles, texts = (_Lists.of(n) if total else None for total in totals[1:].tolist())
    sizes = np.zeros((2, n), np.int32) if rles else None
    for file, first in zip(files, firsts, strict=True):
        outputs = (
            first,
            file.labels(labels.index_of),
            kinds,
            ids,
            label_column,
            areas,
            attributes.offsets,
            points.offsets,
            visibility.offsets if visibility else None,
            rles.offsets if rles else None,
            sizes,
            texts.offsets if texts else None,
        )
        _shared(workers, file.parser, partial(file.parser.fill, *outputs))
    groups = object_groups(files, firsts, ids)
    attributes.allocate(np.uint8)
    points.allocate(np.float32)
    for column in (visibility, rles, texts):
        if column:
            column.allocate(np.uint8)
    for file, first in zip(files, firsts, strict=True):
        outputs = (
            first,
            attributes.offsets,
            attributes.values,
            points.offsets,
            points.values,
            *((visibility.offsets, visibility.values) if visibility else (None, None)),
            *((rles.offsets, rles.values) if rles else (None, None)),
            *((texts.offsets, texts.values) if texts else (None, None)),
        )
        _shared(workers, file.parser, partial(file.parser.copy, *outputs))
        file.parser.free()
    columns = {
        "type": schema.primitive(kinds, pa.uint8()),
        "id": schema.primitive(ids, pa.int64()),
        "group": schema.primitive(groups, pa.int64()),
        "label": schema.labels(label_column),
        "attributes": schema.texts(attributes.offsets, attributes.values, pa.large_string()),
        "points": schema.lists(points.offsets, points.values, ANNOTATIONS.field("points").type),
        "area": schema.primitive(areas, pa.float64()),
    }
    if visibility:
        columns["visibility"] = schema.lists(
            visibility.offsets, visibility.values, ANNOTATIONS.field("visibility").type
        )
    if rles and sizes is not None:
        columns["rle"] = schema.texts(rles.offsets, rles.values, pa.large_binary())
        columns["mask_height"] = schema.primitive(sizes[0], pa.int32())
        columns["mask_width"] = schema.primitive(sizes[1], pa.int32())
    if texts:
        columns["text"] = schema.texts(texts.offsets, texts.values, pa.large_string())
    return offsets, schema.annotation_batch(n, columns)
