"""An image in another size, made when somebody looks."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from datumaro.model.image import Array, Image, Size, checked_size


class ResizedImage(Image):
    """Another image in a size of its own.

    Parameters
    ----------
    source : the image. It is decoded and scaled each time that pixels are asked for.
    size : (height, width) in pixels.
    """

    __slots__ = ("_source_image",)

    def __init__(self, source: Image, size: Size) -> None:
        self._path = ""
        self._ext = source.ext
        self._size = checked_size(size)
        self._source_image = source

    @property
    def source(self) -> Image:
        """The image that is scaled."""
        return self._source_image

    @property
    def is_external(self) -> bool:
        """Whether the source may not be opened."""
        return self._source_image.is_external

    @property
    def is_encrypted(self) -> bool:
        """Whether the source's file is encrypted."""
        return self._source_image.is_encrypted

    @property
    def has_data(self) -> bool:
        """Whether the source has pixels."""
        return self._source_image.has_data

    def _pixels(self) -> Array | None:
        pixels = self._source_image.get_data_as_dtype(None)
        return None if pixels is None else resized(pixels, cast(Size, self._size))

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"source": self._source_image, "size": self._size}


def resized(pixels: Array, size: Size) -> Array:
    """Pixels scaled to (height, width): averaged where there are fewer, interpolated where more.

    Parameters
    ----------
    pixels : [height, width] or [height, width, channels]; any dtype of numbers, which stays.
    """
    from PIL import Image as PILImage

    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    fewer = height * width < pixels.shape[0] * pixels.shape[1]
    method = PILImage.Resampling.BOX if fewer else PILImage.Resampling.BICUBIC
    shaped = pixels if pixels.ndim == 3 else pixels[:, :, None]
    planes = [
        np.asarray(
            PILImage.fromarray(np.ascontiguousarray(shaped[:, :, channel], np.float32)).resize(
                (width, height), method
            )
        )
        for channel in range(shaped.shape[2])
    ]
    made = np.stack(planes, axis=2)
    if np.issubdtype(pixels.dtype, np.integer):
        limits = np.iinfo(pixels.dtype)
        made = made.round().clip(limits.min, limits.max)
    return made.astype(pixels.dtype).reshape((height, width, *pixels.shape[2:]))
