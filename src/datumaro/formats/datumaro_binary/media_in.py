"""Records to media: the path to open, and the numbers of videos, frames and point clouds.

A relative path is joined to ``images/<subset>/`` (or point_clouds, videos); one that climbs out of
the data set is refused. An absolute path that leads elsewhere is kept, since an export without its
media has such paths, but the media is marked ``{"external": true}``: it is not opened. With
``allow_external_media`` all paths are followed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import MalformedFileError
from datumaro.formats.datumaro_binary.extension import MediaRow
from datumaro.formats.datumaro_binary.manifest import MediaLock
from datumaro.formats.datumaro_binary.media_out import NO_FRAME, NO_PATH, NO_SIZE, safe_name
from datumaro.formats.datumaro_binary.sources import IMAGES, POINT_CLOUDS, VIDEOS
from datumaro.kernels.records import PATH_ABSOLUTE, PATH_NONE, PATH_SUSPECT
from datumaro.kernels.suspect_names import suspects
from datumaro.model.media import MediaType
from datumaro.paths import absolute, escapes, is_url, join_inside
from datumaro.table import json_text, schema
from datumaro.table.schema import Array

_EXTERNAL = '{"external":true}'
_FALLBACK = {MediaType.IMAGE: ".jpg", MediaType.POINT_CLOUD: ".pcd"}
_KIND_FOLDERS = {
    MediaType.POINT_CLOUD: POINT_CLOUDS,
    MediaType.VIDEO: VIDEOS,
    MediaType.VIDEO_FRAME: VIDEOS,
}


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Video(msgspec.Struct, forbid_unknown_fields=True):
    step: Annotated[int, msgspec.Meta(ge=1)] = 1
    start_frame: _Count = 0
    end_frame: _Count | None = None


class _VideoFrame(msgspec.Struct, forbid_unknown_fields=True):
    index: _Count
    video: _Video | None = None


class _ExtraImage(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    size: tuple[int, int] | None = None


class _PointCloud(msgspec.Struct, forbid_unknown_fields=True):
    extra_images: list[_ExtraImage] = []


class _Multiframe(msgspec.Struct, forbid_unknown_fields=True):
    paths: list[str] = []


# What ``media_extra`` may hold in a file.
_EXTRAS: dict[int, type[msgspec.Struct]] = {
    MediaType.POINT_CLOUD: _PointCloud,
    MediaType.VIDEO: _Video,
    MediaType.VIDEO_FRAME: _VideoFrame,
    MediaType.MULTIFRAME_IMAGE: _Multiframe,
}


@dataclass
class MediaReader:
    """Resolves the media of one file's items.

    Attributes
    ----------
    file : the `.datum` file, for messages.
    root : the data set's folder.
    lock : says how encrypted media are opened.
    """

    file: Path
    root: str
    subset: str
    allow_external: bool
    lock: MediaLock | None = None

    def __post_init__(self) -> None:
        root = self.root if is_url(self.root) else absolute(self.root)
        self._inside = os.path.join(root, "")  # noqa: PTH118 - a str

    def folder(self, kind: int) -> str:
        """Where relative paths of a kind of media are, with a separator at its end."""
        name = _KIND_FOLDERS.get(MediaType(kind), IMAGES)
        return os.path.join(self.root, name, self.subset, "")  # noqa: PTH118 - a str

    # --- one path ----------------------------------------------------------------------------

    def resolve(self, stored: str, kind: int, item: str) -> tuple[str, bool]:
        """A path in the file as (the path to open, whether it leads outside)."""
        if not stored or stored == NO_PATH:
            return "", False
        if "\0" in stored:
            found = f"media path {stored!r} with NUL"
            raise MalformedFileError(self.file, f"item {item!r}", found, "the path of a file")
        if is_url(stored):
            return stored, self.is_external(stored)
        if stored.startswith("/") or (escapes(stored) and not escapes("./" + stored)):
            return stored, self.is_external(stored)
        what = f"{self.file}: the media path of item {item!r}"
        folder = self.folder(kind)
        return join_inside(folder, stored, what=what, allow_external=self.allow_external), False

    def is_external(self, absolute: str) -> bool:
        """Whether an absolute path or URL leads outside the data set and may not be followed."""
        if self.allow_external:
            return False
        if is_url(absolute):
            inside = is_url(self.root) and absolute.startswith(self._inside)
            return not inside or escapes(absolute[len(self._inside) :])
        return not os.path.normpath(absolute).startswith(self._inside)

    # --- a file's items ----------------------------------------------------------------------

    def columns(self, records: dict[str, Array], ids: pa.Array) -> dict[str, pa.Array]:
        """The columns of media of the items that `kernels.records.read_records` has read."""
        kinds, flags = records["media_type"], records["path_flags"]
        paths = schema.texts(records["path_offsets"], records["paths"], pa.large_string())
        new_paths = self._changed_paths(kinds, flags, paths, ids)
        external = self._external(flags, paths)
        for row, url in self._urls(kinds, flags, paths):
            new_paths[row], external[row] = url, self.is_external(url)
        extras = self._extras(records, external, ids)
        if new_paths:
            paths = _replaced(paths, new_paths)
        columns = {
            "media_type": schema.primitive(kinds, pa.uint8()),
            "path": paths,
            "height": schema.primitive(records["height"], pa.int32()),
            "width": schema.primitive(records["width"], pa.int32()),
        }
        if extras is not None:
            columns["media_extra"] = pa.array(extras, pa.large_string())
        return columns

    def _extras(
        self, records: dict[str, Array], external: Array, ids: pa.Array
    ) -> list[str] | None:
        """The column ``media_extra``, unless it is blank."""
        kinds = records["media_type"]
        more = kinds > MediaType.IMAGE
        if not more.any() and not external.any():
            return None
        texts = [_EXTERNAL if outside else "" for outside in external.tolist()]
        if not more.any():
            return texts
        offsets, tails = records["tail_offsets"], records["tails"]
        frames = np.flatnonzero(kinds == MediaType.VIDEO_FRAME)
        indices = tails[offsets[frames][:, None] + np.arange(4)].view("<u4").ravel()
        for row, index in zip(frames.tolist(), indices.tolist(), strict=True):
            texts[row] = f'{{"index":{index}{"," + _EXTERNAL[1:-1] if texts[row] else ""}}}'
        more[frames] = False
        for row in np.flatnonzero(more).tolist():
            tail = tails[offsets[row] : offsets[row + 1]].tobytes()
            extra = self._tail(int(kinds[row]), tail, ids[row].as_py())
            if external[row]:
                extra["external"] = True
            texts[row] = json_text.encode(extra).decode()
        return texts

    def _changed_paths(
        self, kinds: Array, flags: Array, paths: pa.Array, ids: pa.Array
    ) -> dict[int, str]:
        """Check the paths that may lead outside, and name the files of items without a path."""
        changed: dict[int, str] = {}
        for row in np.flatnonzero(flags & PATH_SUSPECT).tolist():
            path, kind = paths[row].as_py(), int(kinds[row])
            if not flags[row] & PATH_ABSOLUTE:
                path = path[len(self.folder(kind)) :]
            self.resolve(path, kind, ids[row].as_py())
        for kind, ext in _FALLBACK.items():
            for row in np.flatnonzero((kinds == kind) & (flags & PATH_NONE != 0)).tolist():
                changed[row] = f"{self.folder(kind)}{safe_name(ids[row].as_py())}{ext}"
        return changed

    def _urls(self, kinds: Array, flags: Array, paths: pa.Array) -> Iterator[tuple[int, str]]:
        """Rows whose path is a URL, put below a folder by mistake, and the URL."""
        found = pc.match_substring(paths, "://").to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(found & ((flags & (PATH_ABSOLUTE | PATH_NONE)) == 0)).tolist():
            stored = paths[row].as_py()[len(self.folder(int(kinds[row]))) :]
            if is_url(stored):
                yield row, stored

    def _external(self, flags: Array, paths: pa.Array) -> Array:
        absolute = (flags & PATH_ABSOLUTE) != 0
        if self.allow_external or not absolute.any():
            return np.zeros(len(flags), bool)
        rows = np.flatnonzero(absolute)
        texts: list[str] = paths.take(pa.array(rows)).to_pylist()
        inside, climbing = self._inside, (flags[rows] & PATH_SUSPECT) != 0
        absolute[rows] = [
            self.is_external(text) if climbs else not text.startswith(inside)
            for text, climbs in zip(texts, climbing.tolist(), strict=True)
        ]
        return absolute

    def _tail(self, kind: int, tail: bytes, item: str) -> dict[str, Any]:
        """What follows a video's or point cloud's path in the record; its lengths are checked."""
        if kind == MediaType.VIDEO:
            step, start, end = struct.unpack("<III", tail)
            last = None if end == NO_FRAME else end
            self._check_frames(item, step, start, last)
            return {"step": step, "start_frame": start, "end_frame": last}
        images: list[dict[str, Any]] = []
        external = False
        at = 4
        while at < len(tail):
            (n,) = struct.unpack_from("<I", tail, at + 4)
            path, outside = self.resolve(tail[at + 8 : at + 8 + n].decode(), MediaType.IMAGE, item)
            size = struct.unpack_from("<ii", tail, at + 8 + n)
            images.append({"path": path, "size": None if size in (NO_SIZE, (0, 0)) else size})
            external |= outside
            at += 16 + n
        extra: dict[str, Any] = {"extra_images": images} if images else {}
        return extra | {"external": True} if external else extra

    def annotation_image(self, image: dict[str, Any], item: str) -> None:
        """Resolve the path of an annotation that is an image."""
        image.pop("external", None)
        image["path"], external = self.resolve(image["path"], MediaType.IMAGE, item)
        if external:
            image["external"] = True

    def _check_frames(self, item: str, step: int, start: int, end: int | None) -> None:
        if step < 1 or (end is not None and end < start):
            found = f"a video of frames {start} to {end} by {step}"
            expected = "a step of at least 1, and a last frame that is not before the first"
            raise MalformedFileError(self.file, f"item {item!r}", found, expected)

    # --- a table's items ---------------------------------------------------------------------

    def resolved(self, told: dict[str, pa.Array], ids: pa.Array) -> dict[str, pa.Array]:
        """The columns of media of a table, whose paths and extras are as the file has them."""
        kinds = told["media_type"].to_numpy()
        extra_at = schema.list_parts(told["media_extra"])[0]
        path_at, data = schema.list_parts(told["path"])
        # paths that may climb out are looked at one by one, and so is what is more than a file
        plain = (kinds == MediaType.IMAGE) & (np.diff(extra_at) == 0) & (np.diff(path_at) > 0)
        plain[suspects(path_at, data, paths=True)] = False
        absolute = np.zeros(len(kinds), bool)
        absolute[plain] = data[path_at[:-1][plain]] == ord("/")
        columns = {**told, "path": self._joined(told["path"], plain & ~absolute)}
        if absolute.any() and not self.allow_external:
            inside = pc.starts_with(told["path"], self._inside).to_numpy(zero_copy_only=False)
            columns["media_extra"] = pc.if_else(
                pa.array(absolute & ~inside),
                pa.scalar(_EXTERNAL, pa.large_string()),
                told["media_extra"],
            )
        rows = np.flatnonzero(~plain & (kinds != MediaType.NONE))
        if not len(rows):
            return columns
        values = {name: column.to_pylist() for name, column in columns.items()}
        for row in rows.tolist():
            stored = {name: value[row] for name, value in values.items()}
            item = ids[row].as_py()
            for name, value in self.extended(MediaRow(item=row, **stored), item).items():
                values[name][row] = value
        return {name: pa.array(values[name], columns[name].type) for name in columns}

    def _joined(self, paths: pa.Array, which: Array) -> pa.Array:
        """Paths, some of them put below the folder of images."""
        if not which.any():
            return paths
        folder = pa.scalar(self.folder(MediaType.IMAGE), pa.large_string())
        nothing = pa.scalar("", pa.large_string())
        joined = pc.binary_join_element_wise(folder, paths, nothing)
        return joined if which.all() else pc.if_else(pa.array(which), joined, paths)

    # --- what the extension says -------------------------------------------------------------

    def extended(self, row: MediaRow, item: str) -> dict[str, Any]:
        """The columns of an item whose media the extension has."""
        path, external = self.resolve(row.path, row.media_type, item)
        extra: dict[str, Any] = json_text.decode(row.media_extra)
        try:
            msgspec.convert(extra, _EXTRAS.get(row.media_type, _Nothing))
        except msgspec.ValidationError as error:
            place = f"the media of item {item!r}"
            found, expected = f"{row.media_extra[:80]!r} ({error})", "what media of the kind have"
            raise MalformedFileError(self.file, place, found, expected) from error
        video = extra.get("video") or extra
        if "step" in video:
            start, end = video.get("start_frame", 0), video.get("end_frame")
            self._check_frames(item, video["step"], start, end)
        if "paths" in extra:
            told = [self.resolve(frame, MediaType.IMAGE, item) for frame in extra["paths"]]
            extra["paths"] = [frame for frame, _ in told]
            external |= any(outside for _, outside in told)
        for image in extra.get("extra_images", ()):
            image["path"], outside = self.resolve(image["path"], MediaType.IMAGE, item)
            external |= outside
        if external:
            extra["external"] = True
        return {
            "media_type": row.media_type,
            "path": path,
            "height": row.height,
            "width": row.width,
            "media_extra": json_text.encode(extra).decode(),
        }


def _replaced(texts: pa.Array, changed: dict[int, str]) -> pa.Array:
    values: list[str] = texts.to_pylist()
    for row, text in changed.items():
        values[row] = text
    return pa.array(values, pa.large_string())
