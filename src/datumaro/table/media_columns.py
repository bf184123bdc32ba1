"""Media as columns and back: the one place that knows both the media classes and the schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from datumaro.errors import EncryptionError
from datumaro.model.media import (
    Image,
    ImageFromFile,
    MediaElement,
    MediaType,
    MosaicImage,
    MultiframeImage,
    PointCloud,
    PointCloudFromFile,
    RoIImage,
    Video,
    VideoFrame,
)
from datumaro.model.shared_videos import SharedVideos
from datumaro.table import json_text
from datumaro.table.chunk import Chunk

if TYPE_CHECKING:
    from datumaro.crypto import Opener

_CLASSES: dict[MediaType, type[MediaElement]] = {
    MediaType.NONE: MediaElement,
    MediaType.MEDIA_ELEMENT: MediaElement,
    MediaType.IMAGE: Image,
    MediaType.BYTE_IMAGE: Image,
    MediaType.VIDEO_FRAME: VideoFrame,
    MediaType.VIDEO: Video,
    MediaType.POINT_CLOUD: PointCloud,
    MediaType.MULTIFRAME_IMAGE: MultiframeImage,
    MediaType.ROI_IMAGE: RoIImage,
    MediaType.MOSAIC_IMAGE: MosaicImage,
}


def media_class(kind: MediaType) -> type[MediaElement]:
    """The class of a data set's media, of the number that files store."""
    return _CLASSES.get(kind, MediaElement)


def media_number(kind: type[MediaElement]) -> MediaType:
    """The reverse of `media_class`, for subclasses too."""
    for base in kind.__mro__:
        for number in (MediaType.IMAGE, *_CLASSES):
            if _CLASSES[number] is base and number is not MediaType.NONE:
                return number
    return MediaType.MEDIA_ELEMENT


Lock = Callable[[str, int], "Opener | None"]


@dataclass(frozen=True, slots=True)
class Told:
    """A media in columns (table.schema.ITEMS), or the object when they cannot tell it.

    An encrypted one is in both: the columns have its path and ``{"encrypted": true}``, the object
    what opens it.

    Attributes
    ----------
    extra : a JSON object, or empty; bytes from `describe`, text from `read`.
    videos : of which a frame is; None for one of its own.
    """

    kind: int = MediaType.NONE
    path: str = ""
    height: int = 0
    width: int = 0
    extra: bytes | str = b""
    in_memory: MediaElement | None = None
    videos: SharedVideos | None = field(default=None, repr=False, compare=False)


def describe(media: MediaElement | None) -> Told:
    """A media as columns."""
    if media is None:
        return Told()
    extra: dict[str, Any] = {}
    in_memory = None
    if type(media) is VideoFrame:
        extra = {"index": media.index}
        video = media.video
        if (video.step, video.start_frame, video.end_frame) != (1, 0, None):
            extra["video"] = _range(video)
        if video.is_external:
            extra["external"] = True
    elif type(media) is Video:
        extra = _range(media)
        if media.is_external:
            extra["external"] = True
    elif type(media) is PointCloudFromFile:
        images = media.extra_images
        if media.is_external:
            extra["external"] = True
        files = [image for image in images if type(image) is ImageFromFile]
        if images:
            extra["extra_images"] = [_file_image(image) for image in files]
        if len(files) < len(images):
            in_memory = media
    elif type(media) is ImageFromFile:
        extra = {k: v for k, v in media.as_dict().items() if k in ("ext", "external") and v}
    elif type(media) is MultiframeImage:
        files = [image for image in media.data if type(image) is ImageFromFile]
        extra = {"paths": [image.path for image in files]}
        if any(file.has_size or file.as_dict().keys() - {"path", "size"} for file in files):
            extra["images"] = [_file_image(image) for image in files]
        if media.is_external:
            extra["external"] = True
        if len(files) < len(media.data):
            in_memory = media
    elif type(media) is not MediaElement:
        in_memory = media
    encrypted = in_memory is None and is_encrypted(media)
    if encrypted:
        extra["encrypted"] = True
        in_memory = media
    height, width = _known_size(media)
    in_columns = encrypted or in_memory is None
    return Told(
        media.type,
        media.path if in_columns else "",
        height,
        width,
        json_text.encode(extra) if in_columns else b"",
        in_memory,
    )


def is_encrypted(media: MediaElement) -> bool:
    """Whether a file of a media, or of an image that belongs to it, is encrypted."""
    if isinstance(media, PointCloud):
        return media.is_encrypted or any(image.is_encrypted for image in media.extra_images)
    return media.is_encrypted


def marked_encrypted(extra: str) -> str:
    """The column ``media_extra`` of an encrypted media."""
    return f"{extra[:-1]},{_ENCRYPTED}}}" if extra not in ("", "{}") else f"{{{_ENCRYPTED}}}"


_ENCRYPTED = '"encrypted":true'


def _range(video: Video) -> dict[str, Any]:
    return {"step": video.step, "start_frame": video.start_frame, "end_frame": video.end_frame}


def _file_image(image: ImageFromFile) -> dict[str, Any]:
    known = {k: v for k, v in image.as_dict().items() if v is not None and k != "cipher"}
    return {"size": None, **known}


def _image_of(told: dict[str, Any], external: bool, opens: Lock, kind: int) -> ImageFromFile:
    """The reverse of `_file_image`; ``external`` for all images of an external medium."""
    size = told.get("size")
    return ImageFromFile(
        told["path"],
        told.get("ext"),
        tuple(size) if size else None,
        external=external or bool(told.get("external")),
        cipher=opens(told["path"], kind),
    )


def _known_size(media: MediaElement) -> tuple[int, int]:
    """(height, width), or zeros when a file would have to be opened to know."""
    size = media.size if isinstance(media, Image) and media.has_size else None
    return size or (0, 0)


def read(chunk: Chunk, begin: int, end: int) -> list[Told]:
    """The media of a chunk's items ``begin:end`` as they are told in its columns."""
    names = ("media_type", "path", "height", "width", "media_extra")
    columns = (chunk.items.column(name).slice(begin, end - begin).to_pylist() for name in names)
    rows = range(begin, end)
    return [
        Told(kind, path, height, width, extra, chunk.media.get(row), chunk.videos)
        for row, kind, path, height, width, extra in zip(rows, *columns, strict=True)
    ]


def _unlocked(path: str, kind: int) -> Opener | None:
    return None


def media_object(told: Told, lock: Lock | None = None) -> MediaElement | None:
    """The media object of what columns tell.

    Parameters
    ----------
    lock : given a file's path and the media type, says what opens it (None: it is not encrypted).

    Raises
    ------
    EncryptionError
        The columns say that the file is encrypted, and nothing is here that opens it.
    """
    if told.in_memory is not None:
        return told.in_memory
    kind = told.kind
    if kind == MediaType.NONE:
        return None
    extra = json_text.decode(told.extra)
    external = bool(extra.get("external"))
    if extra.get("encrypted") and lock is None:
        raise EncryptionError(f"media file {told.path!r} is encrypted, and its key is not here")
    opens = lock or _unlocked
    size = (told.height, told.width) if told.height > 0 and told.width > 0 else None
    if not told.path and kind not in (MediaType.MULTIFRAME_IMAGE, MediaType.MEDIA_ELEMENT):
        return None
    if kind in (MediaType.IMAGE, MediaType.BYTE_IMAGE):
        cipher = opens(told.path, kind)
        return ImageFromFile(told.path, extra.get("ext"), size, external=external, cipher=cipher)
    if kind == MediaType.VIDEO_FRAME:
        cipher = opens(told.path, kind)
        video_of = Video if told.videos is None else told.videos.get
        video = video_of(told.path, **extra.get("video", {}), external=external, cipher=cipher)
        return VideoFrame(video, extra.get("index", 0))
    if kind == MediaType.VIDEO:
        extra.pop("external", None)
        return Video(told.path, **extra, external=external, cipher=opens(told.path, kind))
    if kind == MediaType.POINT_CLOUD:
        images = [
            _image_of(image, external, opens, kind) for image in extra.get("extra_images", ())
        ]
        cipher = opens(told.path, kind)
        return PointCloudFromFile(told.path, images, external=external, cipher=cipher)
    if kind == MediaType.MULTIFRAME_IMAGE:
        stored: list[dict[str, Any]] = extra.get("images") or [
            {"path": path} for path in extra.get("paths", ())
        ]
        frames = [_image_of(image, external, opens, kind) for image in stored]
        return MultiframeImage(frames, path=told.path)
    return MediaElement(told.path)
