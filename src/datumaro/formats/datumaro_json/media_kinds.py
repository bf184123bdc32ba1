"""Which kinds of media the format tells apart."""

from __future__ import annotations

from datumaro.model.media import MediaType

IMAGES = frozenset(
    (MediaType.IMAGE, MediaType.BYTE_IMAGE, MediaType.ROI_IMAGE, MediaType.MOSAIC_IMAGE)
)
"""Kinds that become plain images in a file."""


def stored_media_type(kind: MediaType) -> MediaType:
    """What files say of a data set whose media are of that kind."""
    return MediaType.IMAGE if kind in IMAGES or kind == MediaType.NONE else kind


def covers(declared: MediaType, kind: MediaType) -> bool:
    """Whether an item of a data set of ``declared`` media may have a medium of that kind."""
    kind = stored_media_type(kind)
    if declared in (kind, MediaType.MEDIA_ELEMENT):
        return True
    return declared == MediaType.IMAGE and kind == MediaType.VIDEO_FRAME
