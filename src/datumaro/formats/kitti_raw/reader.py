"""Reading a recording of KITTI's raw data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from datumaro.errors import UndeclaredLabelInFileError
from datumaro.formats import dataset_meta
from datumaro.formats.appearing_labels import AppearingLabels, sort_labels
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import stem_of, walk
from datumaro.formats.kitti_raw import files, tracklets
from datumaro.formats.kitti_raw.files import MediaFiles
from datumaro.formats.kitti_raw.tracklets import Pose, Tracklet
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaType
from datumaro.table import json_text
from datumaro.table.chunk import Content

OCCLUDED, TRACK, FRAME = "occluded", "track_id", "frame"


class _Shape(NamedTuple):
    """An object in a frame; ``track`` is its place among the objects, from 1 on."""

    tracklet: Tracklet
    pose: Pose
    label: int
    track: int


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
    shapes: dict[int, list[_Shape]] = {}
    names: dict[str, set[str]] = {}
    for track, tracklet in enumerate(tracklets.read(file, context.problem), 1):
        label = labels.find(tracklet.label) if tracklet.label else None
        if label is None:
            if tracklet.label:
                context.problem(
                    UndeclaredLabelInFileError(
                        file,
                        f"line {tracklet.line}",
                        f"label {tracklet.label!r}",
                        f"one of {dataset_meta.FILE}",
                    )
                )
            continue
        for pose in tracklet.poses:
            shapes.setdefault(pose.frame, []).append(_Shape(tracklet, pose, label, track))
            if pose.attributes:
                names.setdefault(tracklet.label, set()).update(pose.attributes)
    chunk = _columns(root, shapes, context).finish()
    if meta is None:
        chunks, categories = sort_labels([chunk], labels)
    else:
        chunks, categories = [chunk], meta.categories(labels.categories())
    known = categories[AnnotationType.label]
    if isinstance(known, LabelCategories):
        known.attributes.add(OCCLUDED)
        for category in known:
            category.attributes.update(names.get(category.name, ()))
    return Content(chunks, categories, media_type=MediaType.POINT_CLOUD)


def _columns(root: Path, shapes: dict[int, list[_Shape]], context: ReadContext) -> ChunkColumns:
    media = MediaFiles(root)
    frames = files.read_frames(root)
    items = _items(root, frames, set(shapes))
    columns = ChunkColumns()
    context.progress.start(len(items), desc="Reading KITTI raw data")
    for done, (name, frame) in enumerate(items, 1):
        for shape in shapes.get(frame, ()) if frame is not None else ():
            pose = shape.pose
            attributes: dict[str, Any] = {
                **pose.attributes, OCCLUDED: pose.occluded, TRACK: shape.track,
            }  # fmt: skip
            columns.add_shape(
                AnnotationType.cuboid_3d,
                (*pose.position, *pose.rotation, *shape.tracklet.size),
                shape.label,
                json_text.encode(attributes),
            )
        pictures = media.pictures(name)
        extra = {"extra_images": [{"path": path} for path in pictures]} if pictures else None
        columns.add_item(
            name,
            DEFAULT_SUBSET_NAME,
            media.cloud(name),
            attributes=b"" if frame is None else json_text.encode({FRAME: frame}),
            media=MediaType.POINT_CLOUD,
            media_extra=orjson.dumps(extra).decode() if extra else "",
        )
        if not done % 1000:
            context.progress.report_status(done)
    context.progress.finish()
    return columns


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
