"""Data sets whose media are images."""

from __future__ import annotations

from datumaro.errors import MediaTypeError
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content

_IMAGES = frozenset(
    {
        MediaType.NONE,
        MediaType.MEDIA_ELEMENT,
        MediaType.IMAGE,
        MediaType.BYTE_IMAGE,
        MediaType.VIDEO_FRAME,
        MediaType.ROI_IMAGE,
        MediaType.MOSAIC_IMAGE,
    }
)


def require_images(content: Content, format_name: str) -> None:
    """Refuse a data set of point clouds, videos and so on.

    Raises
    ------
    MediaTypeError
        Its media are no images, nor mixed.
    """
    if content.media_type not in _IMAGES:
        raise MediaTypeError(
            f"{format_name} holds images; the data set's media are {content.media_type.name}"
        )
