"""Where the media of a file's items lie."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa

from datumaro.errors import MalformedFileError, PathOutsideDatasetError
from datumaro.formats.base import ReadContext
from datumaro.formats.json_errors import explained
from datumaro.kernels.datumaro_json import MEDIA_RAW
from datumaro.model.media import MediaType
from datumaro.paths import escapes, join_inside
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
Size = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Step = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


@dataclass(frozen=True)
class MediaFolders:
    """A data set's folders, each with a slash at its end.

    Attributes
    ----------
    root : the data set's.
    images, point_clouds, videos : the subset's.
    flat_images : the folder of all images, in which old data sets have them; "" for none.
    allow_external : paths may lead outside.
    """

    root: str
    images: str
    point_clouds: str
    videos: str
    flat_images: str
    allow_external: bool

    @classmethod
    def of_subset(
        cls, root: str, subset: str, subsets: list[str], *, allow_external: bool
    ) -> MediaFolders:
        """The folders of a subset, one of ``subsets``."""
        images = os.path.join(root, "images")  # noqa: PTH118 - str: many paths start with it
        return cls(
            f"{root.rstrip('/')}/",
            f"{images}/{subset}/",
            f"{root.rstrip('/')}/point_clouds/{subset}/",
            f"{root.rstrip('/')}/videos/{subset}/",
            f"{images}/" if _has_other_files(images, subsets) else "",
            allow_external,
        )

    @classmethod
    def beside(cls, folder: str, *, allow_external: bool) -> MediaFolders:
        """One folder for all: that of a file which lies in no data set's folder."""
        folder = f"{folder.rstrip('/')}/"
        return cls(folder, folder, folder, folder, "", allow_external)

    def find(self, folder: str, path: str, what: str) -> tuple[str, bool]:
        """Where the media at ``path`` is: (path, whether outside).

        ``path`` is absolute, or relative to ``folder``.

        Raises
        ------
        PathOutsideDatasetError
            A relative path climbs out of its folder.
        """
        if _ABSOLUTE.match(path) and "\0" not in path:
            inside = path.startswith(self.root) and ".." not in path
            return path, not (inside or self.allow_external)
        return join_inside(folder, path, what=what, allow_external=self.allow_external), False


def _has_other_files(images: str, subsets: list[str]) -> bool:
    """Whether a folder holds more than the subsets' folders."""
    try:
        with os.scandir(images) as entries:
            return any(entry.name not in subsets or not entry.is_dir() for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


class _Image(msgspec.Struct):
    path: str | None = None
    size: tuple[Size, Size] | None = None


class _PointCloud(msgspec.Struct):
    path: str | None = None


class _Range(msgspec.Struct, kw_only=True):
    step: _Step = 1
    start_frame: Size = 0
    end_frame: Size | None = None

    def __post_init__(self) -> None:
        if self.end_frame is not None and self.end_frame < self.start_frame:
            raise ValueError(f"end_frame {self.end_frame} before start_frame {self.start_frame}")


class _Video(_Range):
    path: str


class _VideoFrame(msgspec.Struct):
    video_path: str
    frame_index: Size
    range: _Range | None = None


class _MultiframeImage(msgspec.Struct):
    path: str | None = None
    paths: list[str] = []


class _Element(msgspec.Struct):
    path: str | None = None


class _Media(msgspec.Struct):
    point_cloud: _PointCloud | None = None
    related_images: list[_Image] = []
    video: _Video | None = None
    video_frame: _VideoFrame | None = None
    multiframe_image: _MultiframeImage | None = None
    media: _Element | None = None


_decoder = msgspec.json.Decoder(_Media)


def resolve_media(
    chunk: Chunk, sources: Array, folders: MediaFolders, path: Path, context: ReadContext
) -> tuple[Chunk, Array]:
    """Finish the media columns as the kernel left them: what is not an image, and old layouts.

    Parameters
    ----------
    sources : int64 [n], the items' indices in the file, for errors.

    Returns
    -------
    The chunk without the items whose media are not valid, and its sources.
    """
    kinds = chunk.items.column("media_type").to_numpy()
    raw = np.flatnonzero(kinds == MEDIA_RAW).tolist()
    if not raw and not folders.flat_images:
        return chunk, sources
    kinds = kinds.copy()
    paths: list[str] = chunk.items.column("path").to_pylist()
    extras: list[str] = chunk.items.column("media_extra").to_pylist()
    ids: list[str] = chunk.items.column("id").to_pylist()
    bad: list[int] = []
    for row in raw:
        place = f"$.items[{sources[row]}]"
        what = f"{path}: {place} (item {ids[row]!r})"
        try:
            kind, paths[row], extra = _media(_decoder.decode(extras[row]), folders, ids[row], what)
        except msgspec.ValidationError as error:
            where, found, expected = explained(error, extras[row].encode())
            bad.append(row)
            context.problem(MalformedFileError(path, place + where, found, expected))
        except PathOutsideDatasetError as error:
            if context.on_error == "fail":
                raise
            bad.append(row)
            expected = "paths inside the data set"
            context.problem(MalformedFileError(path, place, str(error), expected))
        else:
            kinds[row] = kind
            extras[row] = msgspec.json.encode(extra).decode() if extra else ""
    if folders.flat_images:
        _find_flat_images(paths, kinds, folders)
    columns = {
        "media_type": pa.array(kinds, pa.uint8()),
        "path": pa.array(paths, pa.large_string()),
        "media_extra": pa.array(extras, pa.large_string()),
    }
    items = chunk.items
    for name, column in columns.items():
        at = items.schema.get_field_index(name)
        items = items.set_column(at, items.schema.field(name), column)
    chunk = Chunk(items, chunk.annotations, chunk.offsets)
    if bad:
        rows = np.delete(np.arange(len(chunk)), bad)
        return chunk.take(rows), sources[rows]
    return chunk, sources


def _media(
    media: _Media, folders: MediaFolders, item_id: str, what: str
) -> tuple[MediaType, str, dict[str, Any]]:
    """An item's media as (media_type, path, media_extra)."""
    extra: dict[str, Any] = {}
    path, outside = "", False
    kind = MediaType.NONE
    if media.video is not None:
        video = media.video
        kind = MediaType.VIDEO
        path, outside = folders.find(folders.videos, video.path, f"{what}.video.path")
        extra = {"step": video.step, "start_frame": video.start_frame, "end_frame": video.end_frame}
    elif media.video_frame is not None:
        frame = media.video_frame
        kind = MediaType.VIDEO_FRAME
        path, outside = folders.find(
            folders.videos, frame.video_path, f"{what}.video_frame.video_path"
        )
        extra = {"index": frame.frame_index}
        if frame.range is not None:
            extra["video"] = msgspec.to_builtins(frame.range)
    elif media.point_cloud is not None and media.point_cloud.path:
        kind = MediaType.POINT_CLOUD
        path, outside = folders.find(
            folders.point_clouds, media.point_cloud.path, f"{what}.point_cloud.path"
        )
        images: list[dict[str, Any]] = []
        for image in media.related_images:
            if image.path:
                its, its_outside = folders.find(
                    folders.images, image.path, f"{what}.related_images.path"
                )
                its = _find_related(its, folders, item_id)
                images.append({"path": its, "size": image.size})
                outside |= its_outside
        if images:
            extra["extra_images"] = images
    elif media.multiframe_image is not None:
        kind = MediaType.MULTIFRAME_IMAGE
        frames = media.multiframe_image
        found = [
            folders.find(folders.images, name, f"{what}.multiframe_image.paths")
            for name in frames.paths
        ]
        outside = any(its_outside for _, its_outside in found)
        path = frames.path or ""
        extra = {"paths": [its for its, _ in found]}
    elif media.media is not None:
        kind = MediaType.MEDIA_ELEMENT  # it has no data: nothing is ever opened at its path
        path = media.media.path or ""
    if outside:
        extra["external"] = True
    return kind, path, extra


def _find_related(path: str, folders: MediaFolders, item_id: str) -> str:
    """The published package saves it in a folder of the item's id, and notes ``_`` for ``/``."""
    noted = f"{folders.images}{item_id.replace('/', '_')}/"
    if "/" not in item_id or escapes(item_id) or not path.startswith(noted):
        return path
    saved = f"{folders.images}{item_id}/{path.removeprefix(noted)}"
    return path if os.path.exists(path) or not os.path.exists(saved) else saved  # noqa: PTH110 - a str


def _find_flat_images(paths: list[str], kinds: Array, folders: MediaFolders) -> None:
    """Point images that are not in the subset's folder to the folder of all images, if there."""
    listings: dict[str, frozenset[str]] = {}

    def exists(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder not in listings:
            try:
                listings[folder] = frozenset(os.listdir(folder))  # noqa: PTH208 - names only
            except (FileNotFoundError, NotADirectoryError):
                listings[folder] = frozenset()
        return name in listings[folder]

    for row in np.flatnonzero(kinds == MediaType.IMAGE).tolist():
        path = paths[row]
        if path.startswith(folders.images) and not exists(path):
            other = folders.flat_images + path.removeprefix(folders.images)
            if exists(other):
                paths[row] = other
