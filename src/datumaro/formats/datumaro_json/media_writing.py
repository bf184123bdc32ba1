"""What a file says of its items' media, and where they are saved."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.datumaro_json.media_kinds import IMAGES
from datumaro.kernels.datumaro_json_text import (
    MEDIA_IMAGE,
    MEDIA_NONE,
    MEDIA_PATHLESS,
    MEDIA_TEXT,
)
from datumaro.media_store import MediaJob, file_source, media_extension
from datumaro.model.media import (
    MediaElement,
    MediaType,
    MultiframeImage,
    PointCloud,
    Video,
    VideoFrame,
)
from datumaro.model.media_element import own_file
from datumaro.paths import absolute, split_extension
from datumaro.table import media_columns
from datumaro.table.chunk import Chunk
from datumaro.table.media_columns import Told
from datumaro.table.schema import Array

_UNSAFE = re.compile(r"[/\\\0]")
_DRIVE = re.compile(r"[A-Za-z]:")


class SubsetMedia:
    """The media of one subset's file.

    Attributes
    ----------
    jobs : what is to be saved; empty unless the options say so.
    """

    def __init__(self, subset: str, options: WriteOptions, context: WriteContext) -> None:
        self._subset, self._save, self._image_ext = subset, options.save_media, options.image_ext
        self._context = context
        self._names: set[str] = set()
        self._videos: dict[str, str] = {}
        self._folders: dict[str, bool] = {}
        self.jobs: list[MediaJob] = []

    def describe(self, chunk: Chunk) -> tuple[pa.Array, Array]:
        """Texts (large_string) and their kinds (uint8, MEDIA_…) for the items of a chunk."""
        kinds = chunk.items.column("media_type").to_numpy()
        paths = chunk.items.column("path")
        images = np.isin(kinds, [int(MediaType.NONE), *map(int, IMAGES)]).all()
        if images and not self._save and not chunk.media:
            named = pc.not_equal(paths, "").to_numpy(zero_copy_only=False)
            if pc.starts_with(paths, "/").to_numpy(zero_copy_only=False)[named].all():
                told = np.where(named, MEDIA_IMAGE, MEDIA_PATHLESS).astype(np.uint8)
                told[kinds == MediaType.NONE] = MEDIA_NONE
                return paths, told
        texts: list[str] = []
        told = np.zeros(len(chunk), np.uint8)
        ids: list[str] = chunk.items.column("id").to_pylist()
        for row, media in enumerate(media_columns.read(chunk, 0, len(chunk))):
            told[row], text = self._describe(ids[row], media)
            texts.append(text)
        return pa.array(texts, pa.large_string()), told

    def _describe(self, item_id: str, told: Told) -> tuple[int, str]:
        kind, media = told.kind, told.in_memory
        if kind == MediaType.NONE:
            return MEDIA_NONE, ""
        if kind in IMAGES:
            path = self._image(item_id, told)
            return (MEDIA_IMAGE, path) if path else (MEDIA_PATHLESS, "")
        extra: dict[str, Any] = orjson.loads(told.extra) if told.extra else {}
        if kind == MediaType.POINT_CLOUD:
            return MEDIA_TEXT, self._point_cloud(item_id, told, extra)
        if kind == MediaType.VIDEO:
            video = media if isinstance(media, Video) else None
            if video is not None:
                extra = {n: getattr(video, n) for n in ("step", "start_frame", "end_frame")}
            value = {
                "path": self._video(item_id, told),
                "step": extra.get("step", 1),
                "start_frame": extra.get("start_frame", 0),
            }
            if extra.get("end_frame") is not None:
                value["end_frame"] = extra["end_frame"]
            return MEDIA_TEXT, _member("video", value)
        if kind == MediaType.VIDEO_FRAME:
            index = media.index if isinstance(media, VideoFrame) else extra.get("index", 0)
            value = {"video_path": self._video(item_id, told), "frame_index": index}
            if extra.get("video"):
                value["range"] = extra["video"]
            return MEDIA_TEXT, _member("video_frame", value)
        if kind == MediaType.MULTIFRAME_IMAGE:
            return MEDIA_TEXT, self._multiframe_image(item_id, told, extra)
        if kind == MediaType.MEDIA_ELEMENT:
            return MEDIA_TEXT, _member("media", {"path": told.path})
        self._context.lost(f"media of kind {MediaType(kind).name}", 1, item_id)
        return MEDIA_NONE, ""

    # --- names and paths ---

    def _image(self, item_id: str, told: Told) -> str:
        media = told.in_memory
        if not told.path and media is None:
            return ""
        if not self._save:
            if media is not None and not told.path:
                self._context.lost("images that are only in memory (see save_media)", 1, item_id)
            return self._as_written(told.path)
        if _is_external(told):
            self.jobs.append(
                MediaJob(file_source(told.path, _text(told.extra)), "external", item_id)
            )
            return told.path
        name = self._name(item_id, media_extension(told.path, media, self._image_ext))
        self._add(item_id, told.path, media, f"images/{self._subset}/{name}")
        return name

    def _point_cloud(self, item_id: str, told: Told, extra: dict[str, Any]) -> str:
        media = told.in_memory if isinstance(told.in_memory, PointCloud) else None
        path = self._as_written(told.path)
        images: list[tuple[str, MediaElement | None, Any]] = [
            (image["path"], None, image.get("size")) for image in extra.get("extra_images", ())
        ]
        if media is not None:
            path = self._as_written(getattr(media, "path", "") or "")
            images = [
                (own_file(image), image, image.size if image.has_size else None)
                for image in media.extra_images
            ]
        saved = self._save and not _is_external(told)
        folder = ""
        if saved:
            name = self._name(item_id, media_extension(told.path, media, None, ".pcd"))
            folder = split_extension(name)[0]
            self._add(item_id, told.path, media, f"point_clouds/{self._subset}/{name}")
            path = name
        elif media is not None and not path:
            self._context.lost("point clouds that are only in memory (see save_media)", 1, item_id)
        related: list[dict[str, Any]] = []
        for i, (its_path, image, size) in enumerate(images):
            written = self._part(item_id, its_path, image, f"{folder}/extra_image_{i}", saved)
            if written:
                related.append({"path": written} | ({"size": list(size)} if size else {}))
            elif image is not None:
                self._context.lost("images that are only in memory (see save_media)", 1, item_id)
        text = _member("point_cloud", {"path": path or None})
        return text + ("," + _member("related_images", related) if related else "")

    def _multiframe_image(self, item_id: str, told: Told, extra: dict[str, Any]) -> str:
        frames: list[tuple[str, MediaElement | None]] = [(p, None) for p in extra.get("paths", ())]
        if isinstance(told.in_memory, MultiframeImage):
            frames = [(own_file(image), image) for image in told.in_memory.data]
        saved = self._save and not _is_external(told)
        folder = self._name(item_id, "") if saved else ""
        paths = [
            self._part(item_id, path, image, f"{folder}/frame_{i}", saved)
            for i, (path, image) in enumerate(frames)
        ]
        if not all(paths):
            self._context.lost("frames that are only in memory (see save_media)", 1, item_id)
        return _member("multiframe_image", {"path": told.path, "paths": [p for p in paths if p]})

    def _part(
        self, item_id: str, path: str | None, image: MediaElement | None, stem: str, saved: bool
    ) -> str:
        """The path of an image that is part of a medium; "" for none."""
        if not saved:
            return self._as_written(path or "")
        written = stem + media_extension(path or "", image, self._image_ext)
        self._add(item_id, path, image, f"images/{self._subset}/{written}")
        return written

    def _video(self, item_id: str, told: Told) -> str:
        path = told.path or getattr(told.in_memory, "path", "") or ""
        if not self._save or _is_external(told) or not path:
            return self._as_written(path)
        if path not in self._videos:
            stem, ext = split_extension(path.replace("\\", "/").rpartition("/")[2])
            name = self._name(stem or "video", ext, folder="videos")
            self._videos[path] = name
            media = told.in_memory
            video = media.video if isinstance(media, VideoFrame) else media
            self._add(item_id, path, video, f"videos/{self._subset}/{name}")
        return self._videos[path]

    def _name(self, item_id: str, ext: str, folder: str = "") -> str:
        """A file's name of an id that no other file has."""
        stem = _UNSAFE.sub("_", item_id)
        if _DRIVE.match(stem):
            stem = f"_{stem}"
        name, n = f"{stem}{ext}", 1
        while f"{folder}/{name}" in self._names:
            n += 1
            name = f"{stem}_{n}{ext}"
        self._names.add(f"{folder}/{name}")
        return name

    def _add(
        self, item_id: str, path: str | None, media: MediaElement | None, destination: str
    ) -> None:
        source = media if media is not None else path
        if source:
            self.jobs.append(MediaJob(source, destination, item_id))

    def _as_written(self, path: str) -> str:
        """A path for the file: absolute where it leads to a file from here, else as it is.

        A reader looks for relative paths in the data set's own folder of media, and takes none that
        climb out of it.
        """
        if not path or os.path.isabs(path) or _DRIVE.match(path):  # noqa: PTH117 - a str
            return path
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = ".." in folder or (bool(folder) and os.path.isdir(folder))  # noqa: PTH112 - a str
        if self._folders[folder] or (not folder and os.path.isfile(path)):  # noqa: PTH113 - a str
            return absolute(path)
        return path


def _is_external(told: Told) -> bool:
    return bool(told.extra) and orjson.loads(told.extra).get("external") is True


def _text(extra: str | bytes) -> str:
    return extra if isinstance(extra, str) else extra.decode()


def _member(key: str, value: Any) -> str:
    return f'"{key}":{orjson.dumps(value).decode()}'
