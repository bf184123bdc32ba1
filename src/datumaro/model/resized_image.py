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
    """Pixels scaled to (height, width).

    Where neither side grows, a pixel is the mean of what it covers; else they are interpolated
    (bicubic).

    Parameters
    ----------
    pixels : [height, width] or [height, width, channels]; any dtype of numbers, which stays.
    """
    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    if height <= pixels.shape[0] and width <= pixels.shape[1]:
        made = _means(_means(pixels, height, 0), width, 1)
    else:
        made = _interpolated(pixels, height, width)
    if np.issubdtype(pixels.dtype, np.integer):
        limits = np.iinfo(pixels.dtype)
        made = made.round().clip(limits.min, limits.max)
    return made.astype(pixels.dtype)


def _means(pixels: Array, n: int, axis: int) -> Array:
    """The means of ``n`` equal parts along an axis, float32; pixels count by what of them is in."""
    length = pixels.shape[axis]
    if n == length:
        return pixels
    ends = np.arange(n + 1) * length / n
    first = np.floor(ends[:-1]).astype(np.int64)
    last = np.ceil(ends[1:]).astype(np.int64) - 1
    # sums of all pixels that are touched; every second sum is of what lies between the parts
    places = np.stack([first, last + 1], 1).ravel()
    if places[-1] == length:  # beyond the last pixel is no place to sum from
        places = places[:-1]
    sums = np.add.reduceat(pixels, places, axis=axis, dtype=np.float32)
    sums = sums.take(np.arange(0, 2 * n, 2), axis=axis)
    shape = [-1 if each == axis else 1 for each in range(pixels.ndim)]
    before = (ends[:-1] - first).astype(np.float32).reshape(shape)
    behind = (last + 1 - ends[1:]).astype(np.float32).reshape(shape)
    sums -= before * pixels.take(first, axis=axis) + behind * pixels.take(last, axis=axis)
    return sums / np.float32(length / n)


def _interpolated(pixels: Array, height: int, width: int) -> Array:
    from PIL import Image as PILImage

    shaped = pixels if pixels.ndim == 3 else pixels[:, :, None]
    planes = [
        PILImage.fromarray(np.ascontiguousarray(shaped[:, :, channel], np.float32)).resize(
            (width, height), PILImage.Resampling.BICUBIC
        )
        for channel in range(shaped.shape[2])
    ]
    made = np.stack(list(map(np.asarray, planes)), axis=2)
    return made.reshape((height, width, *pixels.shape[2:]))
