"""Segmentation masks in PNG files whose pixels are indices or colours: decoding and encoding.

Palette images and RGB images show colours; in images of one channel the values are the indices.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from datumaro.errors import (
    MalformedFileError,
    UndeclaredLabelInFileError,
    UnsupportedContentError,
)
from datumaro.formats import png
from datumaro.kernels.pixels import find_runs
from datumaro.kernels.rle import encode_groups, encode_values
from datumaro.model.categories import RgbColor

MAX_PIXELS = 1 << 27
MAX_PIXELS_UNEXPECTED = 1 << 24
"""The most pixels of a mask whose size is not that of its image: it may be a decompression bomb."""

Array = npt.NDArray[Any]

# what Pillow raises for damaged files
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError)


@dataclass(frozen=True)
class Painting:
    """A decoded mask file.

    Attributes
    ----------
    codes : uint8, uint16 or int32 [height, width]: indices, or colours as r << 16 | g << 8 | b.
    palette : int32, the colours of the indices; None when ``codes`` are colours.
    is_color : whether the file shows colours; otherwise its values are indices.
    """

    codes: Array
    palette: Array | None
    is_color: bool

    def colors(self, codes: Array) -> Array:
        """Some codes as colours, int32."""
        if self.palette is None:
            return codes.astype(np.int32)
        full = np.zeros(max(256, int(codes.max(initial=0)) + 1), np.int32)
        full[: len(self.palette)] = self.palette
        return full[codes]


def decode(data: bytes, path: str, expected: tuple[int, int] | None) -> Painting:
    """Decode a PNG file.

    Parameters
    ----------
    expected : the image's (height, width), when known.

    Raises
    ------
    MalformedFileError
        It is damaged, no PNG, of a strange kind, or far too large.
    """
    header = png.read_header(data)
    if header is not None:
        _check_size((header.height, header.width), path, expected)
        pixels = png.decode(data, header)
        if pixels is not None:
            is_color = pixels.palette is not None or pixels.values.dtype == np.int32
            return Painting(pixels.values, pixels.palette, is_color)
    # what is unusual or damaged
    try:
        with PILImage.open(io.BytesIO(data), formats=("PNG",)) as image:
            _check_size((image.height, image.width), path, expected)
            return _painting(image, path)
    except PILImage.UnidentifiedImageError as error:
        found = repr(data[:8]) if data else "an empty file"
        raise MalformedFileError(path, "byte 0", found, "a PNG image") from error
    except PILImage.DecompressionBombError as error:
        raise MalformedFileError(path, "IHDR", str(error), "the size of its image") from error
    except _DAMAGE as error:
        if isinstance(error, MalformedFileError):
            raise
        found = f"damaged data ({error})"
        raise MalformedFileError(path, "the image", found, "a whole PNG image") from error


def _check_size(size: tuple[int, int], path: str, expected: tuple[int, int] | None) -> None:
    limit = MAX_PIXELS if expected in (None, size) else MAX_PIXELS_UNEXPECTED
    if not 0 < size[0] * size[1] <= limit:
        wanted = f"at most {limit} in all"
        if expected:
            wanted = f"{expected[0]} x {expected[1]}, as the image"
        raise MalformedFileError(path, "IHDR", f"{size[0]} x {size[1]} pixels", wanted)


def _painting(image: PILImage.Image, path: str) -> Painting:
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [], np.int32).reshape(-1, 3)
        return Painting(np.array(image), palette @ (1 << 16, 1 << 8, 1), True)
    if image.mode in ("1", "L"):
        return Painting(np.array(image.convert("L") if image.mode == "1" else image), None, False)
    if image.mode == "I" or image.mode.startswith("I;16"):
        codes = np.asarray(image)
        return Painting(codes if codes.dtype == np.uint16 else codes.astype(np.int32), None, False)
    if image.mode in ("RGB", "RGBA", "PA"):
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        pixels = np.frombuffer(rgb.tobytes("raw", "BGRX"), "<i4") & 0xFFFFFF
        return Painting(pixels.reshape(image.height, image.width), None, True)
    raise MalformedFileError(path, "IHDR", f"an image of mode {image.mode}", "palette, RGB or gray")


# --- run lengths ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class MaskRow:
    """A mask as columns have it.

    Attributes
    ----------
    number : of the instance; 0 when the file does not tell instances apart.
    label : index, or None.
    rle : compressed COCO run lengths.
    """

    number: int
    label: int | None
    rle: bytes


@dataclass(frozen=True)
class Runs:
    """Stretches of equal codes down the columns of an image, from left to right.

    Attributes
    ----------
    codes : int64, those that occur, rising.
    indices : int64 [n_runs], each run's code in ``codes``.
    starts : int64 [n_runs], each run's first pixel, counted column by column.
    n_pixels : of the image.
    """

    codes: Array
    indices: Array
    starts: Array
    n_pixels: int

    def masks(self, values: Array) -> dict[int, bytes]:
        """The masks of the pixels of each value.

        Parameters
        ----------
        values : integers, one for each code; several codes may have one value.

        Returns
        -------
        {value: compressed run lengths}, by rising value.
        """
        found, mask_of = np.unique(values, return_inverse=True)
        mask_of = mask_of.astype(np.int64)
        offsets, text = encode_values(self.indices, self.starts, mask_of, len(found), self.n_pixels)
        bounds = offsets.tolist()
        return {value: text[bounds[i] : bounds[i + 1]] for i, value in enumerate(found.tolist())}


def runs_of(pixels: Array) -> Runs:
    """The runs of an image [height, width] of integers or truths."""
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    return Runs(*find_runs(np.ascontiguousarray(pixels)), pixels.size)


def masks_of(pixels: Array) -> dict[int, bytes]:
    """{value: compressed run lengths of the mask of its pixels}, by rising value."""
    runs = runs_of(pixels)
    return runs.masks(runs.codes)


def empty_mask(n_pixels: int) -> bytes:
    """The compressed run lengths of a mask in which no pixel is set."""
    nothing = np.zeros(0, np.int64)
    return encode_groups(nothing, nothing, np.zeros(2, np.int64), n_pixels)[1]


def rle_of(mask: Array) -> bytes:
    """The compressed run lengths of a mask, bool [height, width]."""
    return masks_of(mask).get(1) or empty_mask(mask.size)


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClassColors:
    """What the values of a class mask mean.

    Attributes
    ----------
    labels : {colour as r << 16 | g << 8 | b: label index}.
    n_labels : how many labels a mask of indices may have.
    ignored : the label of index 255, which marks contours in masks of indices; None when there is
        no such label.
    first : the index that means the first label, in masks of indices; lower ones mean none.
    background : the label whose pixels are no label's, or -1.
    """

    labels: Mapping[int, int]
    n_labels: int
    ignored: int | None
    first: int = 0
    background: int = -1

    def of_index(self, value: int) -> int | None:
        """The label of an index; -1 for one that means none, None for one that means nothing."""
        label = value - self.first
        if 0 <= label < self.n_labels:
            return -1 if label == self.background else label
        return self.ignored if value == 255 else -1 if 0 <= value < self.first else None

    def of_color(self, value: int) -> int | None:
        """The label of a colour; as `of_index`. Black that is no label's means none."""
        label = self.labels.get(value, -1 if value == 0 else None)
        return -1 if label == self.background else label

    def label_of(self, painting: Painting, codes: Array, path: str) -> Array:
        """The label index of each code; -1 for those that mean none.

        Raises
        ------
        UndeclaredLabelInFileError
            A colour or an index is not in the label map.
        """
        colors = painting.colors(codes) if painting.is_color else codes
        found = np.full(len(codes), -1, np.int64)
        for i, value in enumerate(colors.tolist()):
            label = self.of_color(value) if painting.is_color else self.of_index(value)
            if label is None:
                what = f"label index {value}"
                if painting.is_color:
                    what = f"colour {value >> 16, value >> 8 & 255, value & 255}"
                y, x = np.argwhere(painting.codes == codes[i])[0].tolist()
                raise UndeclaredLabelInFileError(
                    path,
                    f"pixel ({x}, {y})",
                    what,
                    f"that of one of the label map's {self.n_labels} labels",
                )
            found[i] = label
        return found


def class_colors(
    colormap: Mapping[int, RgbColor],
    n_labels: int,
    ignored: int | None,
    *,
    first: int = 0,
    background: int = -1,
) -> ClassColors:
    """The meaning of class masks of a label map; of equal colours the first label's."""
    labels: dict[int, int] = {}
    for label, (r, g, b) in colormap.items():
        labels.setdefault(r << 16 | g << 8 | b, label)
    return ClassColors(labels, n_labels, ignored, first, background)


def value_masks(painting: Painting, path: str) -> dict[int, bytes]:
    """{value: compressed run lengths of the mask of its pixels}, by rising value.

    Of palette images the values are the indices.

    Raises
    ------
    MalformedFileError
        The pixels are colours.
    """
    if painting.is_color and painting.palette is None:
        raise MalformedFileError(path, "", "an image in colours", "one of indices (one channel)")
    return masks_of(painting.codes)


def class_masks(classes: Painting, meaning: ClassColors, path: str) -> list[MaskRow]:
    """A mask for each label in a class mask, background too."""
    runs = runs_of(classes.codes)
    found = runs.masks(meaning.label_of(classes, runs.codes, path))
    return [MaskRow(0, label, rle) for label, rle in found.items() if label >= 0]


def shape_of(painting: Painting) -> tuple[int, int]:
    """(height, width) in pixels."""
    height, width = painting.codes.shape
    return height, width


def pixels_of(painting: Painting) -> str:
    """A painting's size, for messages."""
    height, width = shape_of(painting)
    return f"{height} x {width} pixels"


# --- writing --------------------------------------------------------------------------------------


def encode(indices: Array, palette: Array | None) -> bytes:
    """A PNG file.

    Parameters
    ----------
    indices : integers [height, width], none of them negative.
    palette : uint8 [n, 3], the colour of each index; None writes the indices themselves.

    Raises
    ------
    UnsupportedContentError
        An index is too large for a PNG file without a palette.
    """
    top = int(indices.max(initial=0))
    if top < 256:
        if palette is None:
            return _without_palette(_with_palette(indices, _BLACK))
        return _with_palette(indices, palette)
    if palette is not None:
        return _png(PILImage.fromarray(palette[indices]))
    if top >= 1 << 16:
        raise UnsupportedContentError(f"a mask image with the value {top}; expected up to 65535")
    return png.encode_gray16(indices.astype(np.uint16, copy=False))


def encode_both(indices: Array, palette: Array) -> tuple[bytes, bytes]:
    """PNG files of the indices themselves, and in colours; see `encode`."""
    if int(indices.max(initial=0)) >= 256:
        return encode(indices, None), encode(indices, palette)
    missing = max(0, len(_BLACK) - len(palette))
    colors = _with_palette(indices, np.concatenate([palette, _BLACK[:missing]]))
    return _without_palette(colors), colors


_BLACK = np.zeros((17, 3), np.uint8)  # of up to 16 colours the indices would have less than 8 bits
_HEADER_END = 33  # of a PNG file's signature and header


def _with_palette(indices: Array, palette: Array) -> bytes:
    image = PILImage.fromarray(indices.astype(np.uint8, copy=False))
    image.putpalette(palette[:256].tobytes())
    return _png(image)


def _without_palette(png: bytes) -> bytes:
    """A palette image of 8 bits as one of gray values, its indices: the compressed pixels stay."""
    header = b"IHDR" + png[16:25] + b"\0" + png[26:29]
    size = int.from_bytes(png[_HEADER_END : _HEADER_END + 4])  # of the palette, the next chunk
    crc = zlib.crc32(header).to_bytes(4)
    return png[:12] + header + crc + png[_HEADER_END + 12 + size :]


def _png(image: PILImage.Image) -> bytes:
    # Masks are runs of equal values: to look for nothing else is faster, and smaller.
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return out.getvalue()
