"""Data sets whose media are images."""

from __future__ import annotations

from datumaro.errors import MediaTypeError
from datumaro.formats.base import WriteContext
from datumaro.formats.rows import ChunkRows
from datumaro.model.media import Image, MediaElement, MediaType
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


def image_of(source: str | MediaElement | None, item_id: str, format_name: str) -> Image | None:
    """An item's image as an object; None when it is a file, or the item has none.

    Parameters
    ----------
    source : what there is to save (`ChunkRows.source`).

    Raises
    ------
    MediaTypeError
        It is no image.
    """
    if isinstance(source, MediaElement) and not isinstance(source, Image):
        kind = type(source).__name__
        raise MediaTypeError(f"item {item_id!r}: {format_name} holds images, not {kind}")
    return source if isinstance(source, Image) else None


def image_source(rows: ChunkRows, item: int, context: WriteContext) -> str | MediaElement | None:
    """What to save as an item's image; None for nothing. A medium that is no image is lost."""
    source = rows.source(item)
    if isinstance(source, MediaElement) and not isinstance(source, Image):
        context.lost("media that are no images", 1, f"item {rows.ids[item]!r}")
        return None
    return source
