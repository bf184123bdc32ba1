"""Media: images, point clouds, videos; lazy, from a file, bytes or an array."""

from __future__ import annotations

from enum import IntEnum


class MediaType(IntEnum):
    """Kinds of media, by the numbers that files store."""

    NONE = 0
    MEDIA_ELEMENT = 1
    IMAGE = 2
    BYTE_IMAGE = 3
    VIDEO_FRAME = 4
    VIDEO = 5
    POINT_CLOUD = 6
    MULTIFRAME_IMAGE = 7
    ROI_IMAGE = 8
    MOSAIC_IMAGE = 9
    TABLE_ROW = 10


class MediaElement:
    """Base of all media."""

    _type = MediaType.MEDIA_ELEMENT
