"""What files and columns name: kinds of annotations, media and image files, the default subset.

They stand apart from the classes, whose import costs time.
"""

from __future__ import annotations

from enum import IntEnum

DEFAULT_SUBSET_NAME = "default"


class AnnotationType(IntEnum):
    """Kinds of annotations, by the numbers of the published package's version 1.10.

    Version 1.13 renumbered the last ones; that is a matter of the files it writes, and only
    `datumaro.formats.datumaro_binary` knows of it.
    """

    unknown = 0
    label = 1
    mask = 2
    points = 3
    polygon = 4
    polyline = 5
    bbox = 6
    caption = 7
    cuboid_3d = 8
    super_resolution_annotation = 9
    depth_annotation = 10
    ellipse = 11
    hash_key = 12
    feature_vector = 13
    tabular = 14
    rotated_bbox = 15
    cuboid_2d = 16
    skeleton = 17


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


IMAGE_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".bmp": "BMP",
    ".dib": "DIB", ".gif": "GIF", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM",
    ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM", ".jp2": "JPEG2000", ".j2k": "JPEG2000",
    ".avif": "AVIF", ".tga": "TGA", ".sgi": "SGI", ".pcx": "PCX", ".ico": "ICO",
}  # fmt: skip
"""Pillow's names of the kinds of image files, by extension."""

IMAGE_EXTENSIONS: frozenset[str] = frozenset(IMAGE_FORMATS)
"""Extensions of files taken for images, in lower case, with the dot."""
