"""Mask files: PNG images that are transparent, or black, where an object is not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image as PILImage

from datumaro.errors import MalformedFileError
from datumaro.formats import index_masks
from datumaro.formats.files import read_file
from datumaro.model import run_lengths

_MAX_BYTES = 1 << 28
_RGBA = 6  # the colour type, at byte 25 of a PNG file
_COLORS = np.array([[0, 0, 0, 0], [0, 203, 255, 153]], np.uint8)  # as LabelMe draws them


def read(path: str, expected: tuple[int, int] | None) -> tuple[bytes, tuple[int, int]]:
    """A mask's compressed run lengths, and its height and width.

    Parameters
    ----------
    expected : the image's height and width, when known.

    Raises
    ------
    MalformedFileError
        There is no such file, it is damaged, no PNG, or far too large.
    """
    data = read_file(path, _MAX_BYTES)
    if data is None or len(data) > _MAX_BYTES:
        found = "no such file" if data is None else f"more than {_MAX_BYTES} bytes"
        raise MalformedFileError(path, "", found, "the mask of an object")
    painting = index_masks.decode(data, path, expected)
    if data[25] == _RGBA:
        with PILImage.open(io.BytesIO(data), formats=("PNG",)) as image:
            mask: Any = np.asarray(image.getchannel("A"))
    else:
        mask = painting.colors(painting.codes) if painting.is_color else painting.codes
    return index_masks.rle_of(mask != 0), index_masks.shape_of(painting)


def encode(rle: bytes, height: int, width: int) -> tuple[bytes, list[int]]:
    """A PNG file, and the bounds x, y, width, height in pixels.

    Raises
    ------
    ValueError
        The run lengths are damaged, or the mask is too large.
    """
    mask = {"counts": rle, "size": [height, width]}
    pixels = run_lengths.decode(mask)
    out = io.BytesIO()
    PILImage.fromarray(_COLORS[pixels]).save(out, "PNG", compress_level=4)
    return out.getvalue(), run_lengths.bounds(mask)
