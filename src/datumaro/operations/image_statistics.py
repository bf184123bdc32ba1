"""Statistics of a data set's images: how many, which are the same, mean and deviation of colours.

Images are read one after another (a few at once, by `datumaro.workers`); none is kept.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from datumaro.errors import DamagedTokenError, MediaError, MediaTypeError, PathOutsideDatasetError
from datumaro.model.image_codec import decode_image, eight_bits
from datumaro.model.media import Image, ImageFromFile, MediaType
from datumaro.operations.content import HasContent, content_of
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.table import media_columns
from datumaro.table.chunk import Content
from datumaro.workers import Workers

log = logging.getLogger("datumaro")

NOT_AVAILABLE = "n/a"

_BLOCK = 1 << 20
_ROWS = 1024
_TOLD = 10  # unreadable images that are named in warnings

_NO_IMAGES = frozenset(
    {
        MediaType.VIDEO,
        MediaType.VIDEO_FRAME,
        MediaType.POINT_CLOUD,
        MediaType.MULTIFRAME_IMAGE,
        MediaType.TABLE_ROW,
    }
)

ItemKey = tuple[str, str]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Measured:
    """What is kept of an image; the sums are per channel: red, green, blue."""

    digest: bytes
    n_pixels: int
    sums: tuple[int, ...]
    squares: tuple[int, ...]


# What became of an image: its figures, None when it is missing, or why it could not be read.
_Outcome = _Measured | MediaError | DamagedTokenError | PathOutsideDatasetError | OSError | None


@dataclass
class _Totals:
    """Sums over the images of a subset: whole numbers, so that they are exact."""

    n_images: int = 0
    n_pixels: int = 0
    sums: list[int] = field(default_factory=lambda: [0, 0, 0])
    squares: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, image: _Measured) -> None:
        self.n_images += 1
        self.n_pixels += image.n_pixels
        for channel in range(3):
            self.sums[channel] += image.sums[channel]
            self.squares[channel] += image.squares[channel]

    def mean(self) -> list[float] | str:
        return [s / self.n_pixels for s in self.sums] if self.n_pixels else NOT_AVAILABLE

    def std(self) -> list[float] | str:
        n = self.n_pixels
        if not n:
            return NOT_AVAILABLE
        # n Σx² - (Σx)² in whole numbers: nothing cancels.
        return [
            math.sqrt((n * squares - s * s) / (n * max(n - 1, 1)))
            for s, squares in zip(self.sums, self.squares, strict=True)
        ]


def compute_image_statistics(
    dataset: HasContent | Content,
    *,
    progress: ProgressReporter | None = None,
    num_workers: int | None = None,
) -> dict[str, Any]:
    """Count and compare images, and measure their colours.

    Colours are on the scale 0 to 255: 16-bit channels count by their high byte, gray as three
    equal channels, transparency not at all. Every pixel of a subset weighs the same; the deviation
    is that of a sample (n - 1). Images are repeated when their sizes and all pixels are equal.

    Parameters
    ----------
    num_workers : see `datumaro.workers.Workers`.

    Returns
    -------
    A dict that JSON can hold:

    - ``dataset``: ``images count`` (images that could be read), ``unique images count``,
      ``repeated images count`` (groups of equal images), ``repeated images`` (the groups:
      [[id, subset], …] each), ``missing images count``, ``unreadable images`` ([[id, subset], …]:
      damaged, or not to be opened);
    - ``subsets``: {name: {``images count``, ``image mean (RGB)``, ``image std (RGB)``}}; the last
      two are three numbers, or "n/a" without images.

    Raises
    ------
    MediaTypeError
        The data set's media are of another kind: point clouds, videos, tables.
    """
    content = content_of(dataset)
    if content.media_type in _NO_IMAGES:
        kind = content.media_type.name.lower().replace("_", " ")
        raise MediaTypeError(f"image statistics need images; the data set's media are: {kind}")
    subsets = {name: _Totals() for name in content.subset_names()}
    same: dict[bytes, list[ItemKey]] = {}
    missing, unreadable = 0, list[ItemKey]()
    workers = Workers(num_workers)
    for key, image in _measure_all(content, progress or NullProgressReporter(), workers):
        if isinstance(image, _Measured):
            subsets[key[1]].add(image)
            same.setdefault(image.digest, []).append(key)
        elif image is None:
            missing += 1
        else:
            unreadable.append(key)
            if len(unreadable) <= _TOLD:
                log.warning("image of item %r in subset %r: %s", *key, image)
            elif len(unreadable) == _TOLD + 1:
                log.warning("more images cannot be read; the statistics list them")
    repeated = [keys for keys in same.values() if len(keys) > 1]
    return {
        "dataset": {
            "images count": sum(t.n_images for t in subsets.values()),
            "unique images count": len(same),
            "repeated images count": len(repeated),
            "repeated images": repeated,
            "missing images count": missing,
            "unreadable images": unreadable,
        },
        "subsets": {
            name: {
                "images count": totals.n_images,
                "image mean (RGB)": totals.mean(),
                "image std (RGB)": totals.std(),
            }
            for name, totals in subsets.items()
        },
    }


def _measure_all(
    content: Content, progress: ProgressReporter, workers: Workers
) -> Iterator[tuple[ItemKey, _Outcome]]:
    """Each image's outcome, in order."""
    known: dict[bytes, _Measured] = {}

    def measured(thing: tuple[ItemKey, Image]) -> tuple[ItemKey, _Outcome]:
        key, image = thing
        return key, _measure(image, known)

    items = progress.iter(_images(content), total=len(content), desc="images")
    images = ([(key, image)] for key, image in items if image is not None)
    with workers.map(measured, images) as outcomes:
        yield from outcomes


def _images(content: Content) -> Iterator[tuple[ItemKey, Image | None]]:
    """Each item's image; None when it has none."""
    for whole in content.chunks:
        for begin in range(0, len(whole), _ROWS):
            chunk = whole.slice(begin, min(begin + _ROWS, len(whole)))
            codes, names = chunk.subset_codes()
            ids = chunk.items.column("id").to_pylist()
            told = media_columns.read(chunk, 0, len(chunk))
            for item_id, code, one in zip(ids, codes.tolist(), told, strict=True):
                media = media_columns.media_object(one)
                yield (item_id, names[code]), media if isinstance(media, Image) else None


def _measure(image: Image, known: dict[bytes, _Measured]) -> _Outcome:
    try:
        if isinstance(image, ImageFromFile):
            return _measure_file(image, known)
        pixels = image.data
        return None if pixels is None else _measure_pixels(pixels)
    except (MediaError, DamagedTokenError, PathOutsideDatasetError, OSError) as error:
        return error


def _measure_file(image: ImageFromFile, known: dict[bytes, _Measured]) -> _Outcome:
    if not image.is_external and not image.has_data:
        return None
    data = image.bytes
    if data is None:
        return None
    digest = hashlib.blake2b(data, digest_size=16).digest()
    if digest not in known:  # of equal files one is decoded
        known[digest] = _measure_pixels(decode_image(data, image.path))
    return known[digest]


def _measure_pixels(pixels: Array) -> _Measured:
    """Figures of an image [height, width] or [height, width, channels] in the order of OpenCV."""
    digest = hashlib.blake2b(repr((pixels.shape, pixels.dtype.str)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    scaled = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else eight_bits(pixels)
    channels = scaled.reshape(*scaled.shape[:2], -1)
    blue, green, red = (0, 1, 2) if channels.shape[2] >= 3 else (0, 0, 0)
    counts = [_histogram(channels[:, :, c]) for c in (red, green, blue)]
    values = range(256)
    return _Measured(
        digest.digest(),
        sum(counts[0]),
        tuple(sum(v * n for v, n in zip(values, c, strict=True)) for c in counts),
        tuple(sum(v * v * n for v, n in zip(values, c, strict=True)) for c in counts),
    )


def _histogram(channel: Array) -> list[int]:
    flat = channel.ravel()
    counts = np.zeros(256, np.int64)
    for begin in range(0, len(flat), _BLOCK):  # bincount makes eight bytes of every one
        counts += np.bincount(flat[begin : begin + _BLOCK], minlength=256)
    return counts.tolist()
