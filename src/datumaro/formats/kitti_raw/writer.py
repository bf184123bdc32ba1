"""Writing a data set as a recording of KITTI's raw data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datumaro.errors import MediaTypeError, UnsupportedContentError
from datumaro.formats import dataset_meta
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.kitti_raw import files, tracklets
from datumaro.formats.kitti_raw.reader import FRAME, OCCLUDED, TRACK
from datumaro.formats.kitti_raw.tracklets import Track, holds_text
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import Image, PointCloud
from datumaro.options import option
from datumaro.paths import escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content
from datumaro.table.schema import Array

LABEL = r"[^\x00-\x20]([^\x00-\x1f]*[^\x00-\x20])?"

_CUBOID = int(AnnotationType.cuboid_3d)
_MOST_KNOWN = 4096
_LONGEST_GAP = 1000  # frames that are filled up between two poses of an object
_CAMERA = re.compile(r"image_[A-Za-z0-9]+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class KittiRawWriteOptions(MetaWriteOptions):
    """Options of an export to KITTI's raw data."""

    reindex: bool = option(False, "number the frames anew, in the order of the items")
    allow_attrs: bool = option(
        False, "write other attributes too, which KITTI's own tools do not read"
    )


class _Placed(NamedTuple):
    """A cuboid: ``place`` is where it is among all of them."""

    frame: int
    place: int
    label: int
    told: _Told


class _Told(NamedTuple):
    """What a cuboid's attributes say; ``track`` is None for an object of its own."""

    track: int | None
    occluded: bool
    kept: dict[str, Any]
    losses: list[str]


def write(
    content: Content, folder: Path, options: KittiRawWriteOptions, context: WriteContext
) -> None:
    """Write ``content`` into ``folder``.

    Raises
    ------
    UnsupportedContentError
        Ids or frames occur twice, or names cannot be written.
    MediaTypeError
        The media are no point clouds.
    PathOutsideDatasetError
        An item's id leads outside the folder.
    """
    _Writer(content, folder, options, context).write()


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: KittiRawWriteOptions, context: WriteContext
    ) -> None:
        self.content, self.folder = content, folder
        self.options, self.context = options, context
        self.categories = content.labels
        self.labels = [label.name for label in self.categories]
        for name in self.labels:
            if not re.fullmatch(LABEL, name) or not holds_text(name):
                raise UnsupportedContentError(
                    f"label {name!r} cannot stand in XML as it is; rename it before export"
                )
        self.objects: dict[object, list[_Placed]] = {}
        self.known: dict[str, _Told] = {}  # `told`, of some attributes
        self.kept_names: set[str] = {OCCLUDED, TRACK}

    def write(self) -> None:
        """Write all files; media last."""
        rows = [ChunkRows(chunk) for chunk in self.content.chunks]
        frames = self.frames(rows)
        numbers: Array = np.concatenate([np.zeros((0, 9)), *(chunk.cuboids() for chunk in rows)])
        n_cuboids = 0
        jobs: list[MediaJob] = []
        progress = self.context.progress
        progress.start(len(frames), desc="Writing KITTI raw data")
        done = 0
        for chunk in rows:
            for item in range(len(chunk)):
                frame = frames[done][0]
                for row in range(chunk.offsets[item], chunk.offsets[item + 1]):
                    if chunk.types[row] == _CUBOID:
                        self.add(chunk, item, row, frame, n_cuboids)
                        n_cuboids += 1
                if self.options.save_media or not chunk.has_cloud(item):
                    jobs += self.media(chunk, item)
                done += 1
                if not done % 1000:
                    progress.report_status(done)
        progress.finish()
        sizes = numbers[:, 6:].tolist()
        found = [t for parts in self.objects.values() for t in self.split(parts, sizes)]
        text = tracklets.text(found, numbers[:, :6])
        listed = "".join(f"{frame} {name}\n" for frame, name in sorted(frames))
        output = FileWriter(self.folder)
        output.save(files.TRACKLETS, text.encode())
        output.save(files.FRAMES, listed.encode())
        self.count_names()
        if self.options.save_dataset_meta:
            dataset_meta.save(self.content.categories, self.folder, self.context)
        if self.options.save_media:
            MediaStore(self.folder, progress, self.context.workers).save(jobs, len(jobs))

    # --- frames -------------------------------------------------------------------------------

    def frames(self, rows: list[ChunkRows]) -> list[tuple[int, str]]:
        """(frame, id) of each item."""
        wanted: list[tuple[int | None, str]] = []
        names: set[str] = set()
        taken: dict[int, str] = {}
        for chunk in rows:
            for item, name in enumerate(chunk.ids):
                if not name or name != name.strip() or not holds_text(name):
                    raise UnsupportedContentError(
                        f"item id {name!r} cannot be a line of {files.FRAMES}; rename the item"
                    )
                if escapes(name):  # asked first: this is done for all
                    join_inside(self.folder, name, what="item id")
                if name in names:
                    raise UnsupportedContentError(
                        f"item id {name!r} is in two subsets, and kitti_raw has none; rename one"
                    )
                names.add(name)
                frame = self.stated_frame(chunk, item)
                if frame in taken:
                    raise UnsupportedContentError(
                        f"items {taken[frame]!r} and {name!r} are both frame {frame}; change the "
                        f"attribute {FRAME!r} of one, or number them anew with reindex"
                    )
                if frame is not None:
                    taken[frame] = name
                wanted.append((frame, name))
        free = 0
        found: list[tuple[int, str]] = []
        for frame, name in wanted:
            if frame is None:
                while free in taken:
                    free += 1
                frame, free = free, free + 1
            found.append((frame, name))
        return found

    def stated_frame(self, chunk: ChunkRows, item: int) -> int | None:
        """The frame that an item's attribute says; None for any that is free."""
        if self.options.reindex:
            return None
        frame = json_text.decode(chunk.attributes[item]).get(FRAME)
        if frame is None:
            return None
        if isinstance(frame, int) and not isinstance(frame, bool) and 0 <= frame <= files.MAX_FRAME:
            return frame
        what = "numbers of frames that are none: they get another"
        self.context.lost(what, 1, f"item {chunk.ids[item]!r}")
        return None

    # --- objects ------------------------------------------------------------------------------

    def add(self, chunk: ChunkRows, item: int, row: int, frame: int, place: int) -> None:
        """Note a cuboid as a pose of its object."""
        label = chunk.labels[row]
        if label == schema.NO_LABEL:
            return
        if not 0 <= label < len(self.labels):
            self.context.lost(UNDECLARED, 1, f"item {chunk.ids[item]!r}")
            return
        text = chunk.ann_attributes[row]
        told = self.known.get(text)
        if told is None:
            told = self.told(json_text.decode(text))
            if len(self.known) < _MOST_KNOWN:  # an object's cuboids mostly have the same
                self.known[text] = told
        for loss in told.losses:
            self.context.lost(loss, 1, f"item {chunk.ids[item]!r}")
        key = (frame, item, row) if told.track is None else told.track
        self.objects.setdefault(key, []).append(_Placed(frame, place, label, told))

    def told(self, attributes: dict[str, Any]) -> _Told:
        """What a cuboid's attributes say."""
        track, occluded = attributes.pop(TRACK, None), attributes.pop(OCCLUDED, False)
        losses: list[str] = []
        if not isinstance(occluded, bool):
            losses.append("values of occluded but yes and no")
        if not isinstance(track, int) or isinstance(track, bool):
            if track is not None:
                losses.append("values of track_id that are no integers")
            track = None
        kept: dict[str, Any] = {}
        for name, value in attributes.items() if self.options.allow_attrs else ():
            if value is None or isinstance(value, list | dict):
                continue  # counted by what the format declares
            if name.strip() and holds_text(name) and holds_text(str(value)):
                kept[name] = value
            else:
                losses.append("attributes with control characters")
        self.kept_names.update(kept)
        return _Told(track, occluded is True, kept, losses)

    def split(self, parts: list[_Placed], sizes: list[list[float]]) -> Iterator[Track]:
        """An object's cuboids as tracks: several where its label or size changes."""
        parts.sort(key=itemgetter(0))
        current: Track | None = None
        before, n = parts[0], 0
        for placed in parts:
            if (
                current is None
                or placed.label != before.label
                or sizes[placed.place] != sizes[before.place]
                or not before.frame < placed.frame <= before.frame + _LONGEST_GAP
            ):
                if current is not None:
                    yield current
                current = Track(self.labels[placed.label], sizes[placed.place], [])
                n += 1
            told = placed.told
            current.poses.append((placed.frame, placed.place, told.occluded, told.kept))
            before = placed
        if current is not None:
            yield current
        if n > 1:
            what = (
                "tracks as one, since in them label or size changes, a frame occurs twice, or "
                f"more than {_LONGEST_GAP} frames are missing (they become several)"
            )
            self.context.lost(what, 1, f"frame {parts[0].frame}")

    def count_names(self) -> None:
        """Count names of labels' attributes that no cuboid that was written has."""
        declared = self.categories.attributes.union(*(c.attributes for c in self.categories))
        gone = sorted(declared - self.kept_names)
        self.context.lost("names of attributes of labels", len(gone), ", ".join(gone[:5]))

    # --- media --------------------------------------------------------------------------------

    def media(self, chunk: ChunkRows, item: int) -> Iterator[MediaJob]:
        """What is to be saved of an item."""
        medium, name = chunk.medium(item), chunk.ids[item]
        if medium is None and not chunk.has_media(item):
            return
        example = f"item {name!r}"
        if not isinstance(medium, PointCloud):
            kind = "Image" if medium is None else type(medium).__name__
            raise MediaTypeError(f"{example}: kitti_raw holds point clouds, not {kind}")
        extension = media_extension(medium.path, medium, None, ".pcd")
        yield MediaJob(medium, f"{files.CLOUDS}/{name}{extension}", example)
        used: set[str] = set()
        for number, picture in enumerate(medium.extra_images):
            camera = _camera(picture, number, used)
            used.add(camera)
            extension = media_extension(picture.path, picture, self.options.image_ext)
            yield MediaJob(picture, f"{camera}/data/{name}{extension}", example)


def _camera(picture: Image, number: int, used: set[str]) -> str:
    """The folder of a picture: that of its file, if it is a camera's, or else by its number."""
    for part in picture.path.split("/")[-2::-1]:
        if _CAMERA.fullmatch(part):
            if part.lower() not in {name.lower() for name in used}:
                return os.fspath(part)
            break
    while f"image_{number:02}" in used:
        number += 1
    return f"image_{number:02}"
