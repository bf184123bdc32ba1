"""Images made of images: a part of one, a mosaic of several, a stack of frames."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from datumaro.errors import MediaError
from datumaro.model.image import (
    Image,
    ImageFromFile,
    ImageFromNumpy,
    Size,
    checked_size,
    dotted,
)
from datumaro.model.image_codec import eight_bits
from datumaro.model.media_element import MediaElement, MediaType, normal_path
from datumaro.paths import extension

Array = npt.NDArray[Any]
RoI = tuple[int, int, int, int]  # x, y, width, height in pixels


def _checked_roi(roi: Sequence[int]) -> RoI:
    if len(roi) != 4:
        raise ValueError(f"a region of interest is (x, y, width, height), not {roi!r}")
    x, y, w, h = map(operator.index, roi)  # integers of any kind, nothing else
    if x < 0 or y < 0 or w <= 0 or h <= 0:
        raise ValueError(f"a region of interest lies inside its image, not at {roi!r}")
    return x, y, w, h


class RoIImage(Image):
    """A part of an image. Made by `from_image`.

    Its size is the region's, also where that goes over the image's edge; its pixels end there.
    """

    __slots__ = ("_image", "_roi")
    _type: ClassVar[MediaType] = MediaType.ROI_IMAGE

    def __init__(self, image: Image, roi: Sequence[int], ext: str | None = None) -> None:
        self._image = image
        self._roi = _checked_roi(roi)
        self._path = image.path
        self._ext = dotted(ext)
        self._size = (self._roi[3], self._roi[2])

    @staticmethod
    def from_image(data: Image, roi: Sequence[int], ext: str | None = None) -> RoIImage:
        """Make an image of the region (x, y, width, height), in pixels, of another."""
        return RoIImage(data, roi, ext)

    @property
    def roi(self) -> RoI:
        """(x, y, width, height) in pixels of the whole image."""
        return self._roi

    @property
    def ext(self) -> str | None:
        """The extension, as given or the whole image's."""
        return self._ext or self._image.ext

    @property
    def is_external(self) -> bool:
        """Whether the whole image's file may not be opened."""
        return self._image.is_external

    @property
    def is_encrypted(self) -> bool:
        """Whether the whole image's file is encrypted."""
        return self._image.is_encrypted

    @property
    def has_data(self) -> bool:
        """Whether the whole image has pixels."""
        return self._image.has_data

    @property
    def data(self) -> Array | None:
        """The pixels of the region; None when the image is missing."""
        return self._part(self._image.data)

    def _pixels(self) -> Array | None:
        return self._part(self._image.get_data_as_dtype(None))

    def _part(self, pixels: Array | None) -> Array | None:
        x, y, w, h = self._roi
        return None if pixels is None else pixels[y : y + h, x : x + w]

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"image": self._image, "roi": self._roi, "ext": self._ext}


class MosaicImage(Image):
    """A canvas with images put on it. Made by `from_image_roi_pairs`."""

    __slots__ = ("_pairs",)
    _type: ClassVar[MediaType] = MediaType.MOSAIC_IMAGE

    def __init__(self, data: Iterable[tuple[Image, Sequence[int]]], size: Size) -> None:
        self._pairs = [(image, _checked_roi(roi)) for image, roi in data]
        self._path = ""
        self._ext = None
        self._size = checked_size(size)

    @staticmethod
    def from_image_roi_pairs(
        data: Iterable[tuple[Image, Sequence[int]]], size: Size
    ) -> MosaicImage:
        """Make an image of images.

        Parameters
        ----------
        data : images, each with the region (x, y, width, height), in pixels of the canvas, that it
            fills; it must be of that size. Later ones cover earlier ones.
        size : (height, width) of the canvas, in pixels. What is not covered is black.
        """
        return MosaicImage(data, size)

    @property
    def is_external(self) -> bool:
        """Whether the file of one of the images may not be opened."""
        return any(image.is_external for image, _ in self._pairs)

    @property
    def is_encrypted(self) -> bool:
        """Whether the file of one of the images is encrypted."""
        return any(image.is_encrypted for image, _ in self._pairs)

    @property
    def has_data(self) -> bool:
        """Whether all images have pixels."""
        return all(image.has_data for image, _ in self._pairs)

    def _pixels(self) -> Array | None:
        """uint8 [height, width, 3] (BGR); None when an image is missing."""
        height, width = checked_size(self._size) or (0, 0)
        canvas = np.zeros((height, width, 3), np.uint8)
        for image, (x, y, w, h) in self._pairs:
            pixels = image.data
            if pixels is None:
                return None
            if pixels.shape[:2] != (h, w) or x + w > width or y + h > height:
                raise MediaError(
                    f"an image of (height, width) {pixels.shape[:2]} does not fill the region "
                    f"{(x, y, w, h)} of a mosaic of {(height, width)}"
                )
            colour = pixels[:, :, None] if pixels.ndim == 2 else pixels[:, :, :3]
            canvas[y : y + h, x : x + w] = eight_bits(colour)
        return canvas

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"data": self._pairs, "size": self._size}


Frame = str | os.PathLike[str] | Image | Array | Callable[[], Array]


class MultiframeImage(MediaElement):
    """Several images in one: the slices of a scan, the pages of a file.

    Two are equal when their images are.

    Parameters
    ----------
    images : paths, images, arrays [height, width(, channels)], or functions that make such arrays.
    path : where they are together, if anywhere.
    """

    __slots__ = ("_images",)
    _type: ClassVar[MediaType] = MediaType.MULTIFRAME_IMAGE

    def __init__(
        self, images: Iterable[Frame] | None = None, *, path: str | os.PathLike[str] | None = None
    ) -> None:
        if images is None and not path:
            raise ValueError("a MultiframeImage has images or a path")
        self._path = normal_path(path or "")
        self._images = [_frame(image) for image in images or ()]

    @property
    def data(self) -> list[Image]:
        """The images."""
        return list(self._images)

    @property
    def is_external(self) -> bool:
        """Whether the file of one of the images may not be opened."""
        return any(image.is_external for image in self._images)

    @property
    def is_encrypted(self) -> bool:
        """Whether the file of one of the images is encrypted."""
        return any(image.is_encrypted for image in self._images)

    @property
    def has_data(self) -> bool:
        """Whether there are images, and all of them have pixels."""
        return bool(self._images) and all(image.has_data for image in self._images)

    @property
    def ext(self) -> str:
        """The path's extension, with its dot; "" when it has none."""
        return extension(self._path)

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"images": list(self._images), "path": self._path or None}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultiframeImage):
            return NotImplemented
        if not self._images and not other._images:
            return self._path == other._path
        return self._images == other._images


def _frame(image: Frame) -> Image:
    if isinstance(image, Image):
        return image
    if isinstance(image, str | os.PathLike):
        return ImageFromFile(os.fspath(image))
    return ImageFromNumpy(image)
