"""Boxes and key points of one object as a line."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, cast

import numpy as np

from datumaro.formats.base import WriteContext
from datumaro.formats.yolo.layout import Pose
from datumaro.formats.yolo.shapes import BOX_VALUES, PixelLines, points_read
from datumaro.model.annotation import NO_GROUP, AnnotationType
from datumaro.model.categories import PointsCategories
from datumaro.model.key_points import Visibility
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

_DIMS = 3
_BBOX, _POINTS = int(AnnotationType.bbox), int(AnnotationType.points)


def pose_of(content: Content) -> Pose:
    """What ``data.yaml`` says of a data set's key points: as many as any object has."""
    counts: set[int] = set()
    for chunk in content.chunks:
        is_points = chunk.annotations.column("type").to_numpy() == _POINTS
        sizes = np.diff(schema.list_parts(chunk.annotations.column("points"))[0])[is_points]
        counts.update(np.unique(sizes // 2).tolist())
    found = content.categories.get(AnnotationType.points)
    names = dict(found.items) if isinstance(found, PointsCategories) else {}
    names = {label: category for label, category in sorted(names.items()) if category.labels}
    counts.update(len(category.labels) for category in names.values())
    count = max(counts, default=0)
    infos: Any = content.infos.get("yolo")
    stated = cast("dict[str, Any]", infos).get("flip_idx") if isinstance(infos, dict) else None
    if isinstance(stated, list) and sorted(cast("list[Any]", stated)) == list(range(count)):
        flip = tuple(cast("list[int]", stated))
    else:
        all_names = [category.labels for category in names.values()]
        flip = (
            _flipped(all_names[0])
            if all_names and all(n == all_names[0] for n in all_names)
            else ()
        )
    flip = flip if len(flip) == count else ()
    return Pose(count, _DIMS, flip, names, padded=len(counts) > 1)


def _flipped(names: list[str]) -> tuple[int, ...]:
    """The order of key points in a mirror, by ``left`` and ``right`` in their names.

    () when a name's other side is missing, or no name has a side.
    """
    index = {name.lower(): i for i, name in enumerate(names)}
    order: list[int] = []
    for i, name in enumerate(map(str.lower, names)):
        other = name
        for side, opposite in (("left", "right"), ("right", "left")):
            if side in name:
                other = name.replace(side, opposite)
                break
        if other not in index:
            return ()
        order.append(index[other] if other != name else i)
    return tuple(order) if order != list(range(len(names))) else ()


def scales(widths: Array, heights: Array, pose: Pose) -> Array:
    """What divides each value of the lines."""
    box = np.stack([widths, heights, widths, heights], 1)
    point = np.stack([widths, heights, np.ones(len(widths), widths.dtype)], 1)
    return np.concatenate([box, np.tile(point, pose.count)], 1).ravel().astype(float)


def lines_of(chunk: Chunk, ids: list[str], pose: Pose, context: WriteContext) -> PixelLines:
    """The lines of all objects: a box and key points that have a group and a label in common.

    A box alone has key points that are all absent; key points alone get the box around them.
    """
    annotations = chunk.annotations
    kinds: Array = annotations.column("type").to_numpy()
    labels = schema.label_values(annotations.column("label"))
    groups: Array = annotations.column("group").to_numpy()
    ends, points = schema.list_parts(annotations.column("points"))
    visible_ends, visibility = schema.list_parts(annotations.column("visibility"))
    chosen = np.flatnonzero(((kinds == _BBOX) | (kinds == _POINTS)) & (labels != schema.NO_LABEL))
    items = np.searchsorted(chunk.offsets, chosen, side="right") - 1
    objects: list[tuple[int, int]] = []  # (row of the box, of the points); -1 for none
    waiting: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for row, item, kind, group, label in zip(
        chosen.tolist(), items.tolist(), kinds[chosen].tolist(), groups[chosen].tolist(),
        labels[chosen].tolist(), strict=True,
    ):  # fmt: skip
        place = 0 if kind == _BBOX else 1
        if group != NO_GROUP:
            mates = waiting[item, group, label]
            mate = next((m for m in mates if objects[m][place] < 0), None)
            if mate is not None:
                box, keys = objects[mate]
                objects[mate] = (row, keys) if place == 0 else (box, row)
                mates.remove(mate)
                continue
            mates.append(len(objects))
        objects.append((row, -1) if place == 0 else (-1, row))
    objects.sort(key=_first)
    width = BOX_VALUES + pose.count * _DIMS
    values = np.zeros((len(objects), width))
    n_points = np.zeros(len(objects), np.int64)
    rows = np.array([_first(found) for found in objects], np.int64)
    for index, (box, keys) in enumerate(objects):
        if box >= 0:
            values[index, :BOX_VALUES] = _centred(points[ends[box] : ends[box + 1]])
        if keys >= 0:
            at = points[ends[keys] : ends[keys + 1]].astype(float).round(2).reshape(-1, 2)
            seen = visibility[visible_ends[keys] : visible_ends[keys + 1]]
            given = values[index, BOX_VALUES:].reshape(pose.count, _DIMS)
            given[: len(at), :2] = at
            given[: len(seen), 2] = seen
            present = at[seen != Visibility.absent]
            if box < 0 and len(present):
                corners = np.concatenate([present.min(0), present.max(0)])
                values[index, :BOX_VALUES] = _centred(corners)
            n_points[index] = len(at)
    given = values[:, BOX_VALUES:].reshape(len(objects), pose.count, _DIMS)
    received = points_read(given, labels[rows], pose)
    received[~given.any((1, 2))] = 0
    for index in np.flatnonzero(received != n_points).tolist():
        item = int(chunk.offsets.searchsorted(int(rows[index]), side="right")) - 1
        what = "absent points at the end of an object's"
        context.lost(what, abs(int(received[index] - n_points[index])), f"item {ids[item]!r}")
    counts = np.full(len(objects), width)
    return PixelLines(rows, labels[rows], values.ravel(), counts)


def _centred(corners: Array) -> Array:
    x1, y1, x2, y2 = corners.astype(float).round(2)
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])


def _first(found: tuple[int, int]) -> int:
    return min(row for row in found if row >= 0)
