"""A chunk's columns as lists, for writers that go through items one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from datumaro.formats import number_texts
from datumaro.kernels.yolo_lines import print_lines
from datumaro.media_store import file_source
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import Image, MediaElement, MediaType, probe_size
from datumaro.progress import ProgressReporter
from datumaro.table import json_text, media_columns, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

_FILES = (MediaType.IMAGE, MediaType.BYTE_IMAGE)
_BBOX = int(AnnotationType.bbox)
_CUBOID = int(AnnotationType.cuboid_3d)
_MASK = int(AnnotationType.mask)
_REPORT_EVERY = 512  # items


class ChunkRows:
    """Items and annotations by row.

    Attributes
    ----------
    chunk : where they are from.
    offsets : item i has the annotation rows ``offsets[i]:offsets[i + 1]``.
    labels : indices; schema.NO_LABEL for none.
    attributes, ann_attributes : JSON objects of items and of annotations; "" for none.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        items, annotations = chunk.items, chunk.annotations
        self.offsets: list[int] = chunk.offsets.tolist()
        self.ids: list[str] = items.column("id").to_pylist()
        codes, names = chunk.subset_codes()
        self.subsets: list[str] = [names[code] for code in codes.tolist()]
        self.attributes: list[str] = items.column("attributes").to_pylist()
        self._media: list[int] = items.column("media_type").to_pylist()
        self._paths: list[str] = items.column("path").to_pylist()
        self._extras: list[str] = items.column("media_extra").to_pylist()
        self._heights: list[int] = items.column("height").to_pylist()
        self._widths: list[int] = items.column("width").to_pylist()
        self.types: list[int] = annotations.column("type").to_pylist()
        self.labels: list[int] = schema.label_values(annotations.column("label")).tolist()
        self.ann_ids: list[int] = annotations.column("id").to_pylist()
        self.groups: list[int] = annotations.column("group").to_pylist()
        self.z_orders: list[int] = annotations.column("z_order").to_pylist()
        self.ann_attributes: list[str] = annotations.column("attributes").to_pylist()
        starts, points = schema.list_parts(annotations.column("points"))
        first = int(starts[0])
        self._point_starts: list[int] = (starts - first).tolist()
        used = points[first : int(starts[-1])]
        # float32 widened shows digits that nobody wrote
        self._rounded = used.astype(float).round(2)
        self._points: list[float] = self._rounded.tolist()
        self._printed: list[str] | None = None
        self._short: list[str] | None = None
        self._texts: list[str] | None = None
        self._boxes: dict[int, str] | None = None
        self._exact: dict[int, str] | None = None  # the column "extra", where it has something

    def __len__(self) -> int:
        return len(self.ids)

    def points(self, row: int) -> list[float]:
        """An annotation's coordinates."""
        return self._points[self._point_starts[row] : self._point_starts[row + 1]]

    def printed_points(self, row: int) -> list[str]:
        """An annotation's coordinates as texts with two decimals."""
        if self._printed is None:
            self._printed = _printed(self._rounded)
        return self._printed[self._point_starts[row] : self._point_starts[row + 1]]

    def short_points(self, row: int) -> list[str]:
        """An annotation's coordinates as texts of as few digits as they need."""
        if self._short is None:
            self._short = number_texts.short(self._rounded)
        return self._short[self._point_starts[row] : self._point_starts[row + 1]]

    def point_texts(self, row: int) -> list[str]:
        """An annotation's coordinates as `repr` prints them."""
        if self._texts is None:
            self._texts = number_texts.texts(self._rounded)
        return self._texts[self._point_starts[row] : self._point_starts[row + 1]]

    def box_text(self, row: int) -> str:
        """``x,y,width,height`` of a box, each as `repr` prints it."""
        if self._boxes is None:
            rows = np.flatnonzero(np.array(self.types, np.uint8) == _BBOX)
            starts = np.array(self._point_starts, np.int64)[rows]
            corners = self._rounded[starts[:, None] + np.arange(4)]
            sizes = (corners[:, 2:] - corners[:, :2]).round(2)
            places = number_texts.rows(np.hstack([corners[:, :2], sizes]))
            self._boxes = dict(zip(rows.tolist(), places, strict=True))
        return self._boxes[row]

    def cuboids(self) -> Array:
        """All 3D cuboids: position, rotation and scale of each (float64 [n, 9]).

        The numbers are as exact as they are known.
        """
        rows = np.flatnonzero(np.array(self.types, np.uint8) == _CUBOID)
        starts = np.array(self._point_starts, np.int64)[rows]
        numbers = self._rounded[starts[:, None] + np.arange(9)]
        for row in self._exact_rows().keys() & set(rows.tolist()):
            numbers[np.searchsorted(rows, row)] = self.cuboid(row)
        return numbers

    def cuboid(self, row: int) -> list[float]:
        """A 3D cuboid's position, rotation and scale: nine numbers, as exact as they are known."""
        extra = self._exact_rows().get(row)
        return json_text.decode(extra)["points"] if extra else self.points(row)

    def _exact_rows(self) -> dict[int, str]:
        """The column ``extra``, where it has something."""
        if self._exact is None:
            ends, _ = schema.list_parts(self.chunk.annotations.column("extra"))
            texts = self.chunk.annotations.column("extra").filter(pa.array(np.diff(ends) > 0))
            rows = np.flatnonzero(np.diff(ends)).tolist()
            self._exact = dict(zip(rows, texts.to_pylist(), strict=True))
        return self._exact

    def visibility(self, row: int) -> list[int]:
        """Of points: 0, 1 or 2 for each."""
        return self.chunk.annotations.column("visibility")[row].as_py()

    def caption(self, row: int) -> str:
        """A caption's text."""
        return self.chunk.annotations.column("text")[row].as_py()

    def extra(self, row: int) -> str:
        """A JSON object with what no other column holds; see `schema.ANNOTATIONS`."""
        return self.chunk.annotations.column("extra")[row].as_py()

    def object_id(self, row: int) -> int:
        """The number of an annotation's object through time; -1 for none."""
        return self.chunk.annotations.column("object_id")[row].as_py()

    def mask(self, row: int) -> tuple[bytes, int, int]:
        """A mask's compressed run lengths, height and width."""
        annotations = self.chunk.annotations
        height, width = (annotations.column(n)[row].as_py() for n in ("mask_height", "mask_width"))
        return annotations.column("rle")[row].as_py(), height, width

    def has_media(self, item: int) -> bool:
        """Whether an item has a medium."""
        return self._media[item] != MediaType.NONE

    def has_cloud(self, item: int) -> bool:
        """Whether an item's medium is a point cloud."""
        return self._media[item] == MediaType.POINT_CLOUD

    def cloud_path(self, item: int) -> str:
        """The path of an item's point cloud; "" for other media, and for those in memory."""
        return self._paths[item] if self.has_cloud(item) and item not in self.chunk.media else ""

    def path(self, item: int) -> str:
        """The path of an item's image file; "" for other media, and for encrypted files."""
        if item in self.chunk.media:
            return ""
        return self._paths[item] if self._media[item] in _FILES else ""

    def medium(self, item: int) -> MediaElement | None:
        """An item's medium as an object, when it is no image file."""
        if item in self.chunk.media:
            return self.chunk.media[item]
        if not self.has_media(item) or self.path(item):
            return None
        return media_columns.media_object(
            media_columns.Told(
                self._media[item],
                self._paths[item],
                self._heights[item],
                self._widths[item],
                self._extras[item],
                videos=self.chunk.videos,
            )
        )

    def source(self, item: int) -> str | MediaElement | None:
        """What to save as an item's image; None for nothing."""
        path = self.path(item)
        return file_source(path, self._extras[item]) if path else self.medium(item)

    def size(self, item: int) -> tuple[int, int]:
        """An image's (height, width) in pixels, if need be from its file; zeros when unknown."""
        height, width = self._heights[item], self._widths[item]
        if height > 0 and width > 0:
            return height, width
        path = self.path(item)
        if path:
            external = not isinstance(file_source(path, self._extras[item]), str)
            return (None if external else probe_size(path)) or (0, 0)
        medium = self.medium(item)
        return (medium.size if isinstance(medium, Image) else None) or (0, 0)

    def size_or_mask(self, item: int) -> tuple[int, int]:
        """The same; of an image whose size is not known that of its item's first mask."""
        size = self.size(item)
        if not all(size):
            for row in range(self.offsets[item], self.offsets[item + 1]):
                if self.types[row] == _MASK:
                    return self.mask(row)[1:]
        return size


def each_item(
    content: Content, progress: ProgressReporter, desc: str
) -> Iterator[tuple[ChunkRows, int]]:
    """The items one after another, as the rows of a chunk and the item's place among these.

    Parameters
    ----------
    progress : is told of a piece of work, called ``desc``, that is as far as the items are taken.
    """
    for _, items in each_subset({"": content.chunks}, progress, desc):
        yield from items


def each_subset(
    parts: Mapping[str, list[Chunk]], progress: ProgressReporter, desc: str
) -> Iterator[tuple[str, Iterator[tuple[ChunkRows, int]]]]:
    """The parts of `Content.by_subset`, each with its items as `each_item` gives them.

    They must be taken before the next part is.
    """
    progress.start(sum(len(chunk) for chunks in parts.values() for chunk in chunks), desc=desc)
    done = 0

    def items(chunks: list[Chunk]) -> Iterator[tuple[ChunkRows, int]]:
        nonlocal done
        for chunk in chunks:
            rows = ChunkRows(chunk)
            for item in range(len(rows)):
                yield rows, item
                done += 1
                if done % _REPORT_EVERY == 0:
                    progress.report_status(done)

    for name, chunks in parts.items():
        yield name, items(chunks)
    progress.report_status(done)
    progress.finish()


def _printed(numbers: Array) -> list[str]:
    """Numbers as texts with two decimals, all in one call."""
    if not np.isfinite(numbers).all():
        return [f"{number:.2f}" for number in numbers.tolist()]
    ends, decimals = np.array([0, len(numbers)]), np.array([2], np.uint8)
    text, _ = print_lines(np.zeros(1, np.int32), numbers, ends, decimals)
    return text.decode().split()[1:]  # behind the line's class
