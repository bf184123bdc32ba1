"""Reading a recording of KITTI's raw data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson

from datumaro.errors import UndeclaredLabelInFileError
from datumaro.formats import dataset_meta
from datumaro.formats.appearing_labels import AppearingLabels, sort_labels
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import stem_of, walk
from datumaro.formats.kitti_raw import files, tracklets
from datumaro.formats.kitti_raw.files import MediaFiles
from datumaro.formats.kitti_raw.tracklets import Poses
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaType
from datumaro.table import json_text
from datumaro.table.chunk import Content
from datumaro.table.schema import Array

OCCLUDED, TRACK, FRAME = "occluded", "track_id", "frame"


def read(path: Path, context: ReadContext) -> Content:
    """Read the recording at ``path``: see `kitti_raw.files.find`.

    Raises
    ------
    DatasetNotFoundError
        There is no file of tracklets.
    DatasetImportError
        A file is damaged; the message names it and the line.
    """
    file = files.find(path)
    root = file.parent
    meta = dataset_meta.find(root, context)
    labels = AppearingLabels(None if meta is None else meta.labels)
    poses = tracklets.read(file, context.problem)
    indices = _labels(poses, labels, file, context)
    known = indices >= 0
    names: dict[str, set[str]] = {}
    for row, attributes in poses.attributes.items():
        if known[owner := int(poses.owners[row])]:
            names.setdefault(poses.objects[owner][0], set()).update(attributes)
    # frame after frame; in each the objects in the order of the file
    order = np.argsort(poses.frames, kind="stable")
    order = order[known[poses.owners[order]]]
    columns = ChunkColumns()
    _add_cuboids(columns, poses, indices, order)
    _add_items(columns, root, poses.frames[order], context)
    chunk = columns.finish()
    if meta is None:
        chunks, categories = sort_labels([chunk], labels)
    else:
        chunks, categories = [chunk], meta.categories(labels.categories())
    found = categories[AnnotationType.label]
    if isinstance(found, LabelCategories):
        found.attributes.add(OCCLUDED)
        for category in found:
            category.attributes.update(names.get(category.name, ()))
    return Content(chunks, categories, media_type=MediaType.POINT_CLOUD)


def _labels(poses: Poses, labels: AppearingLabels, file: Path, context: ReadContext) -> Array:
    """The label's index of each object (int32); -1 for those that are left out."""
    indices: list[int] = []
    for name, _, line in poses.objects:
        label = labels.find(name) if name else None
        if name and label is None:
            context.problem(
                UndeclaredLabelInFileError(
                    file, f"line {line}", f"label {name!r}", f"one of {dataset_meta.FILE}"
                )
            )
        indices.append(-1 if label is None else label)
    return np.array(indices, np.int32)


def _add_cuboids(columns: ChunkColumns, poses: Poses, labels: Array, order: Array) -> None:
    """Append poses as cuboids: those at ``order``."""
    n = len(order)
    owners = poses.owners[order]
    sizes = np.array([size for _, size, _ in poses.objects], np.float64).reshape(-1, 3)
    # a track's cuboids mostly have the same attributes
    usual = [
        [json_text.encode({OCCLUDED: occluded, TRACK: track}) for occluded in (False, True)]
        for track in range(1, len(poses.objects) + 1)
    ]
    hidden: list[int] = poses.occluded[order].tolist()
    attributes: list[bytes] = [usual[o][h] for o, h in zip(owners.tolist(), hidden, strict=True)]
    if poses.attributes:
        for at, row in enumerate(order.tolist()):
            if own := poses.attributes.get(row):
                known = {OCCLUDED: bool(hidden[at]), TRACK: int(owners[at]) + 1}
                attributes[at] = json_text.encode({**own, **known})
    none = np.zeros(n, np.int64)
    columns.add_shapes(
        np.full(n, AnnotationType.cuboid_3d, np.uint8),
        labels[owners],
        none,
        none,
        np.arange(9, 9 * n + 9, 9, dtype=np.int64),
        np.hstack([poses.places[order], sizes[owners]]).ravel(),
        attributes,
    )


def _add_items(columns: ChunkColumns, root: Path, shown: Array, context: ReadContext) -> None:
    """Append the items; ``shown`` has the frame of each annotation, rising."""
    media = MediaFiles(root)
    frames = files.read_frames(root)
    items = _items(root, frames, set(shown.tolist()))
    numbers = [-1 if frame is None else frame for _, frame in items]
    ends = np.searchsorted(shown, numbers, "right").tolist()
    context.progress.start(len(items), desc="Reading KITTI raw data")
    for done, (name, frame) in enumerate(items, 1):
        pictures = media.pictures(name)
        extra = {"extra_images": [{"path": path} for path in pictures]} if pictures else None
        columns.add_item(
            name,
            DEFAULT_SUBSET_NAME,
            media.cloud(name),
            attributes=b"" if frame is None else json_text.encode({FRAME: frame}),
            media=MediaType.POINT_CLOUD,
            media_extra=orjson.dumps(extra).decode() if extra else "",
            end=len(shown) if frame is None else ends[done - 1],
        )
        if not done % 1000:
            context.progress.report_status(done)
    context.progress.finish()


def _items(
    root: Path, listed: dict[int, str] | None, used: set[int]
) -> list[tuple[str, int | None]]:
    """(id, frame) of each item, by frame; those whose names are no frame's at the end.

    Without a list of frames each point cloud is one; with it, those of the list, and those that
    objects are in.
    """
    frames: dict[int, str] = dict(listed or {})
    others: list[str] = []
    if listed is None:
        for file in walk(str(root / files.CLOUDS)):
            name = stem_of(file)
            if file[len(name) :].lower() not in files.CLOUD_EXTENSIONS:
                continue
            frame = files.frame_of(name)
            if frame is not None and files.name_of(frame) == name:
                frames[frame] = name
            else:
                others.append(name)
    names = set(frames.values())
    for frame in used - frames.keys():
        frames[frame] = files.name_of(frame)
    found: list[tuple[str, int | None]] = [(frames[frame], frame) for frame in sorted(frames)]
    found += [(name, None) for name in sorted(set(others) - names)]
    return found
