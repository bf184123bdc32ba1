"""Media to records: the path that a record gets, the numbers after it, and the files to save.

Without ``save_media`` a record gets the path that the item has. One that is relative to the working
folder is made absolute, since it would mean another file in the new data set; a path whose first
folder is not there stays as it is. With ``save_media`` it gets the saved file's name in
``images/<subset>/`` (or point_clouds, videos).
"""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.datumaro_binary.extension import MediaRow
from datumaro.formats.datumaro_binary.sources import IMAGES, POINT_CLOUDS, VIDEOS
from datumaro.media_store import MediaJob, file_source, media_extension
from datumaro.model.image import Image
from datumaro.model.media import (
    MediaElement,
    MediaType,
    MultiframeImage,
    PointCloud,
    Video,
    VideoFrame,
)
from datumaro.model.media_element import own_file, read_bytes
from datumaro.paths import escapes, extension, split_extension
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

NO_PATH = "/NOT/A/REAL/PATH"
NO_SIZE = (-1583, -1597)
NO_FRAME = 0xFFFFFFFF

_IMAGES = frozenset(
    {MediaType.IMAGE, MediaType.BYTE_IMAGE, MediaType.ROI_IMAGE, MediaType.MOSAIC_IMAGE}
)


def safe_name(item_id: str) -> str:
    """An item's id as the name of its files: one name, no folders."""
    return item_id.replace("/", "_").replace("\\", "_")


@dataclass(slots=True)
class _Stored:
    """What a record says of a media, and what of it only the extension can say."""

    kind: int
    path: str = ""
    height: int = 0
    width: int = 0
    tail: bytes = b""
    extension: dict[str, Any] | None = None  # the media_extra that the extension gets
    extra: dict[str, Any] | None = None  # all that media_extra says


@dataclass(slots=True)
class _Media:
    """A media as a chunk has it."""

    item: str
    subset: str
    kind: int
    path: str
    height: int
    width: int
    extra: dict[str, Any]
    object: MediaElement | None

    @property
    def name(self) -> str:
        return safe_name(self.item)


@dataclass
class MediaWriter:
    """Decides where the media of one export are, and collects the files to save.

    Attributes
    ----------
    encrypt : the saved files are going to be encrypted.
    """

    save_media: bool
    image_ext: str | None
    context: WriteContext
    encrypt: bool = False
    jobs: list[MediaJob] = field(default_factory=list[MediaJob])

    def __post_init__(self) -> None:
        self._names: dict[str, set[str]] = {}
        self._videos: dict[tuple[str, str], str] = {}
        self._here: dict[str, bool] = {}
        self._folder = os.getcwd()  # noqa: PTH109 - a str

    def columns(
        self, chunk: Chunk, subset: str, first: int
    ) -> tuple[dict[str, Array], list[MediaRow]]:
        """The media columns of a chunk's records, and what goes into the extension.

        Parameters
        ----------
        first : the number of the chunk's first item in its file.
        """
        kinds, stored, paths = self._stored(chunk, subset)
        height, width = (chunk.items.column(n).to_numpy().copy() for n in ("height", "width"))
        rows: list[MediaRow] = []
        for row, (media, told) in stored.items():
            kinds[row], height[row], width[row] = told.kind, told.height, told.width
            if told.extension is not None:
                extra = json_text.encode(told.extension).decode()
                rows.append(
                    MediaRow(first + row, media.kind, told.path, media.height, media.width, extra)
                )
        columns: dict[str, Array] = {"media_type": kinds, "height": height, "width": width}
        column = _replaced(chunk.items.column("path"), paths)
        columns["path_offsets"], columns["paths"] = schema.list_parts(column)
        if any(told.tail for _, told in stored.values()):
            tails = [stored[row][1].tail if row in stored else b"" for row in range(len(chunk))]
            tail = pa.array(tails, pa.large_binary())
            columns["tail_offsets"], columns["tails"] = schema.list_parts(tail)
        return columns, rows

    def told(self, chunk: Chunk, subset: str) -> dict[str, pa.Array]:
        """The columns of a chunk's media as `schema.ITEMS` has them, with the paths that the file
        gets.
        """
        kinds, stored, paths = self._stored(chunk, subset)
        height, width = (chunk.items.column(n).to_numpy().copy() for n in ("height", "width"))
        extras: dict[int, str] = {}
        for row, (media, told) in stored.items():
            is_kept = told.kind != MediaType.NONE or told.extension is not None
            # a record has no number for some kinds
            kinds[row] = told.kind if told.extension is None else media.kind
            if is_kept:
                height[row], width[row] = media.height, media.width
                extras[row] = json_text.encode(told.extra or {}).decode()
        columns = {
            "media_type": schema.primitive(kinds, pa.uint8()),
            "path": _replaced(chunk.items.column("path"), paths),
            "height": schema.primitive(height, pa.int32()),
            "width": schema.primitive(width, pa.int32()),
        }
        texts = [extras.get(row, "") for row in range(len(chunk))] if any(extras.values()) else []
        blank = schema.blank(pa.large_string(), len(chunk))
        columns["media_extra"] = pa.array(texts, pa.large_string()) if texts else blank
        return columns

    def _stored(
        self, chunk: Chunk, subset: str
    ) -> tuple[Array, dict[int, tuple[_Media, _Stored]], dict[int, str]]:
        """(The media types, how what is no plain file is stored, the paths that change)."""
        kinds = chunk.items.column("media_type").to_numpy().copy()
        plain = kinds == MediaType.NONE
        paths: dict[int, str] = {}
        if not self.save_media:
            plain |= kinds == MediaType.IMAGE
            paths.update(self._moved(chunk, kinds))
        plain[list(chunk.media)] = False
        if self.save_media:
            files = (kinds == MediaType.IMAGE) & _filled(chunk, "path")
            files &= ~_filled(chunk, "media_extra")
            files[list(chunk.media)] = False
            paths.update(self._saved(chunk, np.flatnonzero(files), subset))
            plain |= files
        stored = {
            row: (media, self._store(media))
            for row, media in _media(chunk, np.flatnonzero(~plain), subset)
        }
        paths.update((row, told.path) for row, (_, told) in stored.items())
        return kinds, stored, paths

    # --- paths -------------------------------------------------------------------------------

    def _saved(self, chunk: Chunk, rows: Array, subset: str) -> dict[int, str]:
        """New paths of images in files that are saved: as `_image`, where no more is told."""
        folder = f"{IMAGES}/{subset}"
        ids, paths = (
            chunk.items.column(name).take(pa.array(rows, pa.int64())).to_pylist()
            for name in ("id", "path")
        )
        saved: dict[int, str] = {}
        for row, item, path in zip(rows.tolist(), ids, paths, strict=True):
            ext = media_extension(path, None, self.image_ext)
            saved[row] = name = self._claim(folder, safe_name(item), ext)
            self.jobs.append(MediaJob(path, f"{folder}/{name}", item))
        return saved

    def _moved(self, chunk: Chunk, kinds: Array) -> dict[int, str]:
        """New paths of images in files that are not saved, where they need one."""
        offsets, data = schema.list_parts(chunk.items.column("path"))
        begins = offsets[:-1]
        absolute = np.zeros(len(chunk), bool)
        there = _filled(chunk, "path")
        absolute[there] = data[begins[there]] == ord("/")
        moved: dict[int, str] = {}
        relative = np.flatnonzero((kinds == MediaType.IMAGE) & ~absolute)
        if len(relative):
            ids: list[str] = chunk.items.column("id").to_pylist()
            for row, path in zip(
                relative.tolist(), chunk.items.column("path").take(pa.array(relative)).to_pylist(),
                strict=True,
            ):  # fmt: skip
                new = self._rooted(path) if path else f"{safe_name(ids[row])}.jpg"
                if new != path:
                    moved[row] = new
        return moved

    def _rooted(self, path: str) -> str:
        """A path that means the same from any folder, where it means anything here."""
        if not path or path.startswith("/"):
            return path
        head = path.split("/", 1)[0]
        if head not in self._here:
            self._here[head] = os.path.lexists(head)
        if self._here[head] or escapes(path):
            return os.path.normpath(os.path.join(self._folder, path))  # noqa: PTH118 - a str
        return path

    def _claim(self, folder: str, stem: str, ext: str) -> str:
        """A file name that nothing else in the folder has: two ids can make the same name."""
        names = self._names.setdefault(folder, set())
        name, number = f"{stem}{ext}", 2
        while name in names:
            name, number = f"{stem}_{number}{ext}", number + 1
        names.add(name)
        return name

    # --- kinds of media ----------------------------------------------------------------------

    def _store(self, media: _Media) -> _Stored:
        if media.kind in _IMAGES:
            return self._image(media)
        if media.kind == MediaType.POINT_CLOUD:
            return self._point_cloud(media)
        if media.kind in (MediaType.VIDEO, MediaType.VIDEO_FRAME):
            return self._video(media)
        if media.kind == MediaType.MULTIFRAME_IMAGE:
            return self._multiframe(media)
        if media.kind == MediaType.MEDIA_ELEMENT:
            # the published reader fails at records of this kind
            return _Stored(MediaType.NONE, self._rooted(media.path), extension={})
        self.context.lost("media of other kinds than files", 1, media.item)
        return _Stored(MediaType.NONE)

    def _image(self, media: _Media) -> _Stored:
        path = self._file(
            media, IMAGES, media_extension(media.path, media.object, self.image_ext), "images"
        )
        return _Stored(MediaType.IMAGE, path, media.height, media.width)

    def _file(self, media: _Media, kind: str, ext: str, what: str) -> str:
        """The path of an item's own file, which is saved where that is wanted."""
        if media.extra.get("external"):
            if self.save_media:  # to be counted: it is not opened
                source = file_source(media.path, '{"external":true}')
                self.jobs.append(MediaJob(source, f"{kind}/{media.subset}/{media.name}{ext}"))
            return media.path
        if self.save_media and (media.path or media.object is not None):
            folder = f"{kind}/{media.subset}"
            name = self._claim(folder, media.name, ext)
            source = media.object if media.object is not None else media.path
            self.jobs.append(MediaJob(source, f"{folder}/{name}", media.item))
            return name
        if media.path:
            return self._rooted(media.path)
        if media.object is not None:
            self.context.lost(f"{what} that are in memory (save_media saves them)", 1, media.item)
        return f"{media.name}{ext}"  # readers want a path that they can join

    def _point_cloud(self, media: _Media) -> _Stored:
        ext = media_extension(media.path, media.object, None, ".pcd")
        path = self._file(media, POINT_CLOUDS, ext, "point clouds")
        tail = [b""]
        images: list[dict[str, Any]] = []
        for number, (image_path, size, image) in enumerate(_extra_images(media)):
            stored = self._part(media, f"extra_image_{number}", image_path, image)
            tail.append(_text_record(MediaType.IMAGE, stored))
            tail.append(struct.pack("<ii", *(size or NO_SIZE)))
            images.append({"path": stored, "size": size})
        tail[0] = struct.pack("<I", len(tail) // 2)
        extra = {"extra_images": images} if images else {}
        return _Stored(MediaType.POINT_CLOUD, path, tail=b"".join(tail), extra=extra)

    def _part(self, media: _Media, stem: str, path: str, image: Image | None) -> str:
        """The path of an image that is part of an item's media."""
        ext = media_extension(path, image, self.image_ext)
        external = media.extra.get("external") or getattr(image, "is_external", False)
        if self.save_media and (not external if path else image is not None):
            folder = f"{IMAGES}/{media.subset}"
            name = f"{media.name}/{self._claim(f'{folder}/{media.name}', stem, ext)}"
            source = image if image is not None else path
            self.jobs.append(MediaJob(source, f"{folder}/{name}", media.item))
            return name
        if path:
            return self._rooted(path)
        if image is not None:
            self.context.lost("images that are in memory (save_media saves them)", 1, media.item)
        return f"{media.name}/{stem}{ext}"

    def annotation_image(self, image: dict[str, Any], item: str, subset: str) -> None:
        """Change the path of an annotation that is an image to what the file gets.

        Encrypted data sets get the image itself: annotations are encrypted as a whole.
        """
        if self.encrypt and not image.get("external"):
            data = read_bytes(image["path"])
            if data is not None:
                path = image.pop("path")
                image["file"] = base64.b64encode(data).decode()
                image["ext"] = extension(path)
                return
        extra = {"external": image.pop("external", False)}
        media = _Media(item, subset, MediaType.IMAGE, "", 0, 0, extra, None)
        image["path"] = self._part(media, "annotation", image["path"], None)

    def _video(self, media: _Media) -> _Stored:
        path = self._rooted(media.path)
        if self.save_media and media.path:
            path = self._saved_video(media)
        if media.kind == MediaType.VIDEO_FRAME:
            tail = struct.pack("<I", _u32(media, "index", media.extra.get("index", 0)))
            more = media.extra.get("video")
        else:
            end = media.extra.get("end_frame")
            step = _u32(media, "step", media.extra.get("step", 1))
            start = _u32(media, "start_frame", media.extra.get("start_frame", 0))
            last = NO_FRAME if end is None else _u32(media, "end_frame", end)
            tail = struct.pack("<III", step, start, last)
            more = None
        named = ("index", "video", "step", "start_frame", "end_frame")
        extra = {name: media.extra[name] for name in named if name in media.extra}
        extension = extra if more or media.height or media.width else None
        return _Stored(media.kind, path, tail=tail, extension=extension, extra=extra)

    def _saved_video(self, media: _Media) -> str:
        """The name of the video's file, which is saved once however many frames are of it."""
        name = self._videos.get((media.subset, media.path))
        if name is None:
            folder = f"{VIDEOS}/{media.subset}"
            source = media.path
            if media.extra.get("external"):
                name, source = media.path, file_source(media.path, '{"external":true}')
                self.jobs.append(MediaJob(source, f"{folder}/video", media.item))
            else:
                stem, ext = split_extension(media.path.rsplit("/", 1)[-1])
                name = self._claim(folder, stem, ext)
                if media.object is not None and media.object.is_encrypted:
                    source = _whole_video(media.object)
                self.jobs.append(MediaJob(source, f"{folder}/{name}", media.item))
            self._videos[media.subset, media.path] = name
        return name

    def _multiframe(self, media: _Media) -> _Stored:
        # saved frames are in a folder of the item's name
        path = media.name if self.save_media else self._rooted(media.path) or media.name
        frames: list[str] = []
        if isinstance(media.object, MultiframeImage):
            images = [(own_file(image), image) for image in media.object.data]
        else:
            images = [(text, None) for text in media.extra.get("paths", ())]
        for number, (text, image) in enumerate(images):
            frames.append(self._part(media, f"frame_{number}", text, image))
        extra = {"paths": frames}
        return _Stored(MediaType.NONE, path, extension=extra, extra=extra)


def _filled(chunk: Chunk, name: str) -> Array:
    """Which items have a text in a column: bool [n]."""
    return np.diff(schema.list_parts(chunk.items.column(name))[0]) > 0


def _replaced(column: pa.Array, changed: dict[int, str]) -> pa.Array:
    """A column of texts with some rows changed."""
    if not changed:
        return column
    texts: list[str] = column.to_pylist()
    for row, text in changed.items():
        texts[row] = text
    return pa.array(texts, pa.large_string())


def _media(chunk: Chunk, rows: Array, subset: str) -> Iterator[tuple[int, _Media]]:
    """Rows and their media; of objects that files can hold, what the columns would say."""
    names = ("id", "media_type", "path", "height", "width", "media_extra")
    picked = pa.array(rows, pa.int64())
    columns = [chunk.items.column(name).take(picked).to_pylist() for name in names]
    for row, item, kind, path, height, width, extra in zip(rows.tolist(), *columns, strict=True):
        told: dict[str, Any] = json_text.decode(extra)
        media = _Media(item, subset, kind, path, height, width, told, chunk.media.get(row))
        if not path:  # otherwise the columns say all, but what opens an encrypted file
            _complete(media)
        yield row, media


def _complete(media: _Media) -> None:
    """Take from a media object what the columns do not say."""
    if isinstance(media.object, VideoFrame):
        media.path, media.extra = media.object.video.path, {"index": media.object.index}
    elif isinstance(media.object, Video):
        media.path, media.extra = media.object.path, media.object.as_dict()
    elif isinstance(media.object, PointCloud):
        media.path = media.object.path
        media.extra |= {"external": True} if getattr(media.object, "is_external", False) else {}
    elif isinstance(media.object, MultiframeImage):
        media.path = media.object.path


def _whole_video(media: MediaElement) -> MediaElement:
    return media.video if isinstance(media, VideoFrame) else media


def _extra_images(media: _Media) -> list[tuple[str, tuple[int, int] | None, Image | None]]:
    """A point cloud's images as (path, size, object)."""
    if isinstance(media.object, PointCloud):
        return [
            (own_file(image), image.size if image.has_size else None, image)
            for image in media.object.extra_images
        ]
    return [
        (image["path"], tuple(image["size"]) if image.get("size") else None, None)
        for image in media.extra.get("extra_images", ())
    ]


def _text_record(kind: int, path: str) -> bytes:
    data = path.encode()
    return struct.pack("<II", kind, len(data)) + data


def _u32(media: _Media, name: str, value: int) -> int:
    largest = NO_FRAME - (name == "end_frame")
    if not 0 <= value <= largest:
        raise UnsupportedContentError(
            f"item {media.item!r}: the video's {name} is {value}; expected 0 to {largest}"
        )
    return value
