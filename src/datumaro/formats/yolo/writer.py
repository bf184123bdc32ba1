"""Writing a data set for YOLO."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta, image_sizes
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_media import image_source, require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows
from datumaro.formats.yolo import class_names, pose_lines, shapes, subset_names
from datumaro.formats.yolo.layout import Pose
from datumaro.formats.yolo.shapes import PixelLines
from datumaro.formats.yolo.tree import Tree
from datumaro.kernels.yolo_lines import print_lines
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.paths import escapes, join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

# hundredths of pixels survive these decimals of an image's side
_DECIMALS, _MORE_DECIMALS = 6, 9
_LONG_SIDE = 4096
_MIN_POLYGON = 6
_FAR = 1e9  # images' sides; and what are no numbers
_REPORT_EVERY = 512


def write(
    content: Content,
    folder: Path,
    tree: Tree,
    kind: AnnotationType,
    options: MetaWriteOptions,
    context: WriteContext,
) -> None:
    """Write ``content`` into ``folder``.

    Parameters
    ----------
    kind : what the lines are of: boxes, polygons, rotated boxes; or points: boxes with key points.

    Raises
    ------
    MediaTypeError
        The media are no images.
    UnsupportedContentError
        A subset, an id or a label has a name that cannot be written, or the size of an image with
        annotations is not known.
    PathOutsideDatasetError
        An item's id leads outside the folder.
    """
    require_images(content, "YOLO")
    _Writer(content, folder, tree, kind, options, context).write()


class _Writer:
    def __init__(
        self,
        content: Content,
        folder: Path,
        tree: Tree,
        kind: AnnotationType,
        options: MetaWriteOptions,
        context: WriteContext,
    ) -> None:
        self.content, self.folder, self.tree, self.kind = content, folder, tree, kind
        self.options, self.context = options, context
        self.files = FileWriter(folder)
        self.names = class_names.written(content.categories)
        self.pose: Pose | None = None
        if kind == AnnotationType.points:
            self.pose = pose_lines.pose_of(content)
        self.subsets = subset_names.written(content, tree.reserved, context)
        self.lists: dict[str, list[str]] = {name: [] for name in self.subsets.values()}
        self.sizes: list[tuple[str, str, str, tuple[int, int]]] = []

    def write(self) -> None:
        """Write all files; media last."""
        progress = self.context.progress
        progress.start(len(self.content), desc="Writing YOLO")
        jobs: list[MediaJob] = []
        done = 0
        for chunk in self.content.chunks:
            self.write_chunk(chunk, jobs, done)
            done += len(chunk)
        progress.report_status(done)
        progress.finish()
        for subset, lines in self.lists.items():
            if lines and not lines[0]:
                continue
            self.files.save(f"{subset}.txt", "".join(f"{line}\n" for line in lines).encode())
        texts = self.tree.descriptions(self.names, list(self.lists), self.pose)
        for name, text in texts.items():
            self.files.save(name, text.encode())
        if self.options.save_dataset_meta:
            dataset_meta.save(self.content.categories, self.folder, self.context)
        unsaved = True
        if self.options.save_media:
            store = MediaStore(self.folder, progress, self.context.workers)
            unsaved = store.save(jobs, len(jobs)).saved < len(self.content)
        if unsaved:
            self.write_sizes()

    def write_sizes(self) -> None:
        """Write the sizes of the images that are not there."""
        sizes = self.sizes
        if self.options.save_media:
            sizes = [told for told in sizes if not (self.folder / told[2]).exists()]
        stated = {item_id: size for _, item_id, _, size in sizes}
        several = {item_id for _, item_id, _, size in sizes if stated[item_id] != size}
        if several:  # sizes of an id in several subsets
            stated = {
                f"{subset}/{item_id}" if item_id in several else item_id: size
                for subset, item_id, _, size in sizes
            }
        if stated:
            self.files.save(image_sizes.FILE, image_sizes.text(stated).encode())

    # --- items --------------------------------------------------------------------------------

    def write_chunk(self, chunk: Chunk, jobs: list[MediaJob], done: int) -> None:
        """Write the label files of some items, and note their images."""
        # (what is done for items has no use for their annotations)
        rows = ChunkRows(
            Chunk(
                chunk.items,
                schema.annotation_batch(0, {}),
                np.zeros(len(chunk) + 1, np.int64),
                chunk.media,
            )
        )
        text, ends = self.texts(chunk, rows)
        heights: list[int] = self.heights.tolist()
        widths: list[int] = self.widths.tolist()
        labels: list[str] = []
        for item, item_id in enumerate(rows.ids):
            subset = self.subsets[rows.subsets[item]]
            if escapes(item_id):  # asked first: this is done for all items
                join_inside(self.folder, item_id, what="item id")
            self.tree.check_id(item_id)
            labels.append(self.tree.labels(subset, item_id))
            path = rows.path(item)
            medium = None if path else rows.medium(item)
            extension = media_extension(path, medium, self.options.image_ext)
            image = self.tree.image(subset, item_id + extension)
            self.lists[subset].append(self.tree.listed(image))
            source = image_source(rows, item, self.context) if self.options.save_media else None
            if source is not None:
                jobs.append(MediaJob(source, image, f"item {item_id!r}"))
            if heights[item] and widths[item]:
                self.sizes.append((subset, item_id, image, (heights[item], widths[item])))
            if item % _REPORT_EVERY == 0:
                self.context.progress.report_status(done + item)
        self.files.save_parts(labels, text, ends)

    def texts(self, chunk: Chunk, rows: ChunkRows) -> tuple[bytes, list[int]]:
        """(the text of all label files, where each item's begins and ends)."""
        lines = self.lines(chunk, rows)
        item = np.searchsorted(chunk.offsets, lines.rows, side="right") - 1
        self.find_sizes(chunk, rows, np.unique(item))
        if self.pose is not None:
            lines.values /= pose_lines.scales(self.widths[item], self.heights[item], self.pose)
        else:
            lines.values /= shapes.scales(self.widths[item], self.heights[item], lines.counts)
        far = ~(np.abs(lines.values) < _FAR)
        if far.any():
            wrong = np.zeros(len(item), bool)
            wrong[np.repeat(np.arange(len(item)), lines.counts)[far]] = True
            lines = self.without(lines, wrong, "annotations that are far outside", chunk)
            item = item[~wrong]
        line_ends = np.zeros(len(item) + 1, np.int64)
        np.cumsum(lines.counts, out=line_ends[1:])
        longer = np.maximum(self.widths[item], self.heights[item]) > _LONG_SIDE
        decimals = np.where(longer, _MORE_DECIMALS, _DECIMALS).astype(np.uint8)
        text, ends = print_lines(lines.classes, lines.values, line_ends, decimals)
        of_item = np.searchsorted(item, np.arange(len(chunk) + 1))
        return text, ends[of_item].tolist()

    def lines(self, chunk: Chunk, rows: ChunkRows) -> PixelLines:
        """The lines of some items, in pixels."""
        if self.pose is not None:
            lines = pose_lines.lines_of(chunk, rows.ids, self.pose, self.context)
        else:
            lines = shapes.lines_of(chunk.annotations, self.kind)
        unknown = (lines.classes < 0) | (lines.classes >= len(self.names))
        lines = self.without(lines, unknown, UNDECLARED, chunk)
        if self.kind == AnnotationType.polygon:
            few = lines.counts < _MIN_POLYGON
            lines = self.without(lines, few, "polygons of fewer than three points", chunk)
        return lines

    def without(self, lines: PixelLines, wrong: Array, what: str, chunk: Chunk) -> PixelLines:
        """The other lines; those that are wrong are counted."""
        if not wrong.any():
            return lines
        row = int(lines.rows[int(wrong.argmax())])
        item = int(chunk.offsets.searchsorted(row, side="right")) - 1
        self.context.lost(
            what, int(np.count_nonzero(wrong)), f"item {chunk.items.column('id')[item].as_py()!r}"
        )
        kept: Array = ~wrong
        values = lines.values[np.repeat(kept, lines.counts)]
        return PixelLines(lines.rows[kept], lines.classes[kept], values, lines.counts[kept])

    def find_sizes(self, chunk: Chunk, rows: ChunkRows, needed: Array) -> None:
        """Find out the sizes of images; those that are ``needed`` if need be from their files."""
        self.heights: Array = chunk.items.column("height").to_numpy().copy()
        self.widths: Array = chunk.items.column("width").to_numpy().copy()
        known = (self.heights > 0) & (self.widths > 0)
        self.heights[~known] = self.widths[~known] = 0
        for item in needed[~known[needed]].tolist():
            height, width = rows.size(item)
            if not (height and width):
                image = rows.path(item)
                raise UnsupportedContentError(
                    f"item {rows.ids[item]!r} of subset {rows.subsets[item]!r}: the size of its "
                    "image is not known, and YOLO's files hold shares of it; "
                    + (f"put the image at {os.fspath(image)!r}" if image else "give it an image")
                    + ", or remove its annotations, before export"
                )
            self.heights[item], self.widths[item] = height, width
