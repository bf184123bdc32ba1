"""Images in another size, and what is drawn in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetError, InvalidOptionError
from datumaro.kernels.outlines import TOO_LARGE, resized_masks
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.image import Image
from datumaro.model.media import MediaElement, MediaType
from datumaro.model.resized_image import ResizedImage
from datumaro.operations.areas import spans
from datumaro.operations.transforms import columns
from datumaro.operations.transforms.base import ColumnTransform, TransformContext, TransformOptions
from datumaro.operations.transforms.blocks import in_blocks
from datumaro.operations.transforms.image_sizes import image_sizes
from datumaro.options import option
from datumaro.table import json_text, media_columns, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import ANNOTATIONS, Array

_LARGEST = 1 << 16
_BLOCK = 1 << 16  # annotations that are worked on at once: bounds the memory of temporaries
_MASKS = 1 << 10  # masks of a block, which a thread works on
_IMAGES = (
    MediaType.IMAGE, MediaType.BYTE_IMAGE, MediaType.VIDEO_FRAME, MediaType.ROI_IMAGE,
    MediaType.MOSAIC_IMAGE,
)  # fmt: skip
# whose coordinates are x, y, …
_POINTS = (
    Kind.polygon, Kind.polyline, Kind.bbox, Kind.points, Kind.ellipse, Kind.cuboid_2d
)  # fmt: skip
_UNCHANGED = (Kind.depth_annotation, Kind.super_resolution_annotation)


@dataclass(frozen=True, kw_only=True)
class ResizeOptions(TransformOptions):
    """Options of `Resize`."""

    width: int = option(help="the images' new width in pixels", parse=int, metavar="N", short="-dw")
    height: int = option(
        help="the images' new height in pixels", parse=int, metavar="N", short="-dh"
    )

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            if not isinstance(side, int) or not 1 <= side <= _LARGEST:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidOptionError(
                    f"resize: {name} is {side!r}; expected a number of pixels from 1 to {_LARGEST}"
                )


class Resize(ColumnTransform):
    """Give all images the same size, and scale what is drawn in them.

    Images are scaled when their pixels are asked for. Masks take each pixel from that which its
    middle lies in. A turned box whose sides would no longer be at right angles gets the nearest
    that are. Labels, captions, 3D cuboids and other kinds without a place in the image stay.
    """

    name = "resize"
    title = "give images another size, and scale their annotations"
    options = ResizeOptions
    example = "--width 640 --height 480"

    def apply(self, content: Content, options: ResizeOptions, context: TransformContext) -> Content:
        chunks = [_Resized(chunk, options, context).made() for chunk in content.chunks]
        kind = content.media_type
        if any(chunk.media for chunk in chunks) and kind in _IMAGES:
            kind = MediaType.IMAGE
        return replace(content, chunks=chunks, media_type=kind)


class _Resized:
    """A chunk that is being resized."""

    def __init__(self, chunk: Chunk, options: ResizeOptions, context: TransformContext) -> None:
        self.chunk, self.options, self.context = chunk, options, context
        rows = columns.rows_of(chunk, *_POINTS, Kind.rotated_bbox, Kind.mask, Kind.skeleton)
        items = columns.item_of(chunk, rows)
        heights, widths = image_sizes(chunk, items)
        with np.errstate(divide="ignore"):
            scales = np.stack([options.width / widths, options.height / heights], 1)
        # of each annotation; only of those above it is known and of use
        self.scales: Array = np.repeat(scales, np.diff(chunk.offsets), axis=0)

    def made(self) -> Chunk:
        """The chunk with other images and annotations."""
        left = columns.rows_of(self.chunk, *_UNCHANGED)
        if len(left):
            example = columns.item_name(self.chunk, int(left[0]))
            self.context.lost("images that are annotations left as they are", len(left), example)
        chunk = self.with_points(self.chunk)
        chunk = self.with_skeletons(self.with_masks(chunk))
        return self.with_images(chunk)

    # --- shapes -------------------------------------------------------------------------------

    def with_points(self, chunk: Chunk) -> Chunk:
        """The coordinates scaled."""
        kinds: Array = chunk.annotations.column("type").to_numpy()
        offsets, old = schema.list_parts(chunk.annotations.column("points"))
        lengths = np.diff(offsets)
        begin, end = int(offsets[0]), int(offsets[-1])
        points, offsets = old[begin:end].copy(), offsets - begin
        for kind in _POINTS:
            rows = np.flatnonzero((kinds == kind) & (lengths > 0))
            for step in range(0, len(rows), _BLOCK):
                part = rows[step : step + _BLOCK]
                places, _ = spans(offsets[part], lengths[part])
                scales = np.repeat(self.scales[part], lengths[part] // 2, axis=0)
                scaled = (points[places] * scales.ravel()).astype(np.float32)
                points[places] = scaled if kind == Kind.cuboid_2d else scaled.round(2)
        self.turn(kinds, offsets, points)
        changed = np.flatnonzero(np.isin(kinds, np.array((*_POINTS, Kind.rotated_bbox), np.uint8)))
        chunk = columns.with_annotations(
            chunk,
            points=schema.lists(offsets, points, ANNOTATIONS.field("points").type),
            area=columns.numbers(chunk.annotations, "area", changed, np.nan),
        )
        return self.with_exact_cuboids(chunk)

    def turn(self, kinds: Array, offsets: Array, points: Array) -> None:
        """Scale turned boxes, in place."""
        sheared = 0
        rows: list[int] = np.flatnonzero(kinds == Kind.rotated_bbox).tolist()
        for row in rows:
            at = int(offsets[row])
            cx, cy, w, h, degrees = points[at : at + 5].tolist()
            sx, sy = self.scales[row].tolist()
            cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            along = (sx * cos, sy * sin)  # where its sides lead to
            across = (-sx * sin, sy * cos)
            turned = degrees
            if not math.isclose(sx, sy):
                product = along[0] * across[0] + along[1] * across[1]
                sheared += not math.isclose(product, 0, abs_tol=1e-6)
                turned = math.degrees(math.atan2(along[1], along[0]))
                turned += 360 * round((degrees - turned) / 360)
            sides = w * math.hypot(*along), h * math.hypot(*across)
            points[at : at + 5] = np.array([cx * sx, cy * sy, *sides, turned], np.float32).round(2)
        self.context.lost("turned boxes approximated: they would not stay rectangles", sheared)

    def with_exact_cuboids(self, chunk: Chunk) -> Chunk:
        """The coordinates of 2D cuboids that float32 cannot hold, scaled."""
        rows: list[int] = columns.rows_of(chunk, Kind.cuboid_2d).tolist()
        column = chunk.annotations.column("extra")
        texts: dict[int, bytes] = {}
        for row in rows:
            extra = json_text.decode(column[row].as_py())
            if extra.get("points"):
                pairs = np.array(extra["points"]).reshape(-1, 2) * self.scales[row]
                texts[row] = json_text.encode({**extra, "points": pairs.ravel().tolist()})
        return _with_extra(chunk, texts)

    def with_skeletons(self, chunk: Chunk) -> Chunk:
        """The points of skeletons scaled."""
        rows: list[int] = columns.rows_of(chunk, Kind.skeleton).tolist()
        column = chunk.annotations.column("extra")
        texts: dict[int, bytes] = {}
        for row in rows:
            extra = json_text.decode(column[row].as_py())
            elements: list[dict[str, Any]] = extra["elements"]
            for element in elements:
                pairs = np.array(element["points"]).reshape(-1, 2) * self.scales[row]
                element["points"] = [float(v) for v in pairs.astype(np.float32).round(2).ravel()]
            texts[row] = json_text.encode(extra)
        return _with_extra(chunk, texts)

    def with_masks(self, chunk: Chunk) -> Chunk:
        """Masks in the new size; those that have not the image's size are scaled as it is."""
        rows = columns.rows_of(chunk, Kind.mask)
        if not len(rows):
            return chunk
        masks = columns.some_annotations(chunk, rows)
        heights, widths = (masks.column(f"mask_{n}").to_numpy() for n in ("height", "width"))
        height, width = (
            (side * scale).round().clip(1, _LARGEST).astype(np.int32)
            for side, scale in ((heights, self.scales[rows, 1]), (widths, self.scales[rows, 0]))
        )
        starts, data = schema.list_parts(masks.column("rle"))

        def resize(part: slice) -> tuple[Array, bytes]:
            offsets, text, states = resized_masks(
                data, starts[:-1][part], starts[1:][part],
                heights[part], widths[part], height[part], width[part],
            )  # fmt: skip
            if states.any():
                bad = int(np.argmax(states != 0))
                why = "is too large" if states[bad] == TOO_LARGE else "has damaged run lengths"
                raise DatasetError(
                    f"{columns.item_name(chunk, int(rows[part][bad]))}: a mask {why}"
                )
            return np.diff(offsets), text

        lengths, texts = zip(*in_blocks(self.context, resize, len(rows), _MASKS), strict=True)
        ends = np.append(0, np.cumsum(np.concatenate(lengths)))
        rle = schema.texts(ends, b"".join(texts), ANNOTATIONS.field("rle").type)
        return columns.reshaped(chunk, rows, Kind.mask, rle=rle, size=(height, width))

    # --- images -------------------------------------------------------------------------------

    def with_images(self, chunk: Chunk) -> Chunk:
        """Items with scaled images."""
        size = self.options.height, self.options.width
        media: dict[int, MediaElement] = dict(chunk.media)
        told = media_columns.read(chunk, 0, len(chunk))
        some: list[int] = []
        for row, medium in enumerate(map(media_columns.media_object, told)):
            if isinstance(medium, Image) and not (medium.has_size and medium.size == size):
                some.append(row)
                media[row] = ResizedImage(medium, size)
        rows = np.array(some, np.int64)
        items = chunk.items
        blank = pa.array([""] * len(rows), pa.large_string())
        made = columns.with_items(
            chunk,
            media_type=columns.numbers(items, "media_type", rows, int(MediaType.IMAGE)),
            path=columns.lists(items, "path", rows, blank),
            media_extra=columns.lists(items, "media_extra", rows, blank),
            height=columns.numbers(items, "height", rows, size[0]),
            width=columns.numbers(items, "width", rows, size[1]),
        )
        return replace(made, media=media)


def _with_extra(chunk: Chunk, texts: dict[int, bytes]) -> Chunk:
    if not texts:
        return chunk
    new = pa.array([text.decode() for text in texts.values()], pa.large_string())
    rows = np.array(list(texts), np.int64)
    return columns.with_annotations(
        chunk, extra=columns.lists(chunk.annotations, "extra", rows, new)
    )
