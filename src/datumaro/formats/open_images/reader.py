"""Reading an Open Images data set into columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import InvalidAnnotationError
from datumaro.formats import dataset_meta, image_sizes
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.files import FileIndex
from datumaro.formats.open_images import files as layout, masks
from datumaro.formats.open_images.items import ItemIndex
from datumaro.formats.open_images.masks import DecodedMask
from datumaro.formats.open_images.tables import Boxes, Labels, TableReader
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.image_codec import IMAGE_EXTENSIONS
from datumaro.model.media import MediaType, probe_size
from datumaro.paths import join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import ANNOTATIONS, Array

_CHUNK_ITEMS = 1 << 16
_TEXT = pa.large_string()


def read(path: Path, options: ReadOptions, context: ReadContext) -> Content:
    """Read the data set at a path.

    Raises
    ------
    DatasetNotFoundError
        There is none.
    DatasetImportError
        A file is damaged; the message names it and the line.
    PathOutsideDatasetError
        An image's id, a subset's name or a mask's path leads outside the data set.
    """
    files = layout.find(path)
    classes = layout.read_classes(files.classes)
    meta = dataset_meta.find(files.root, context)
    names = list(classes) if meta is None else meta.labels
    parents = layout.read_parents(files.folder / layout.HIERARCHY)
    labels = LabelCategories()
    for name in names:
        labels.add(name, parents.get(name, ""))
    display = {name: text for name, text in classes.items() if text != name}
    infos: dict[str, Any] = {layout.INFOS: {"names": display}} if display else {}
    chunk = _Reader(files, names, options, context).chunk()
    parts = [
        chunk.slice(begin, min(begin + _CHUNK_ITEMS, len(chunk)))
        for begin in range(0, len(chunk), _CHUNK_ITEMS)
    ]
    return Content(parts, {AnnotationType.label: labels}, infos)


class _Reader:
    def __init__(
        self, files: layout.Files, labels: list[str], options: ReadOptions, context: ReadContext
    ) -> None:
        self.files, self.options, self.context = files, options, context
        self.items = ItemIndex()
        self.tables = TableReader(pa.array(labels, _TEXT), self.items, context, self.progressed)
        self.sizes = image_sizes.load(files.folder)
        self.done = 0

    def progressed(self, path: Path) -> None:
        """Report that a file was read."""
        self.done += path.stat().st_size
        self.context.progress.report_status(self.done)

    def chunk(self) -> Chunk:
        """All items, subset by subset."""
        tables = self.files.tables
        files = [*self.files.images, *(table for of_kind in tables.values() for table in of_kind)]
        total = sum(path.stat().st_size for _, path in files)
        self.context.progress.start(total, desc="Reading tables")
        for subset, path in self.files.images:
            self.tables.images(subset, path)
        labels = self.tables.labels(tables["labels"])
        boxes = self.tables.boxes(tables["boxes"])
        rows = self.tables.masks(tables["masks"])
        self.context.progress.finish()
        paths = self.image_paths()
        sizes = self.image_sizes(paths, boxes)
        boxes = self.of_known_size(boxes, sizes)
        groups = _running_numbers(boxes.items, len(self.items))
        decoded = masks.decode(rows, sizes, boxes, groups, self.files.root, self.context)
        order = self.items.by_subset()
        offsets, annotations = _annotations(labels, boxes, groups, decoded, sizes, order)
        return Chunk(self.item_batch(paths, sizes, order), annotations, offsets)

    # --- items --------------------------------------------------------------------------------

    def image_paths(self) -> list[str]:
        """The images' files, by their numbers; "" for none.

        An image that is not there, but has a size in ``images.meta``, has its place.
        """
        indices: list[FileIndex] = []
        for subset in self.items.subsets:
            join_inside(self.files.root, subset, what="a subset's name")
            folder = self.files.root / layout.IMAGES / subset
            indices.append(FileIndex(folder, IMAGE_EXTENSIONS))
        paths: list[str] = []
        for item_id, code in zip(self.items.ids, self.items.codes, strict=True):
            index = indices[code]
            name = index.find(item_id)
            if name is None and item_id in self.sizes:
                name = f"{item_id}.jpg"
                join_inside(index.folder, name, what="an image's id")
            paths.append(f"{index.folder}/{name}" if name else "")
        return paths

    def image_sizes(self, paths: list[str], boxes: Boxes) -> Array:
        """Heights and widths by the images' numbers, int32 [n, 2]; zeros where not known.

        ``images.meta`` tells them; of images with boxes that are not in it, their files.
        """
        sizes = np.zeros((len(self.items), 2), np.int32)
        if self.sizes:
            for number, item_id in enumerate(self.items.ids):
                size = self.sizes.get(item_id)
                if size is not None:
                    sizes[number] = size
        wanted = np.unique(boxes.items)
        unknown: list[int] = wanted[sizes[wanted, 0] == 0].tolist()
        for number in unknown:
            size = probe_size(paths[number]) if paths[number] else None
            if size is not None:
                sizes[number] = size
        return sizes

    def of_known_size(self, boxes: Boxes, sizes: Array) -> Boxes:
        """The boxes without those of images whose size is not known: a problem for each image."""
        known = sizes[boxes.items, 0] > 0
        bad: list[int] = np.unique(boxes.items[~known]).tolist()
        for number in bad:
            subset = self.items.subsets[self.items.codes[number]]
            self.context.problem(
                InvalidAnnotationError(
                    f"{self.files.folder}: image {self.items.ids[number]!r} of subset {subset!r} "
                    "has boxes, which are shares of its size; expected the image in "
                    f"{layout.IMAGES}/{subset}, or its size in {image_sizes.FILE}"
                )
            )
        return Boxes(
            boxes.items[known],
            boxes.labels[known],
            boxes.texts,
            boxes.codes[known],
            boxes.corners[known],
        )

    def item_batch(self, paths: list[str], sizes: Array, order: Array) -> pa.RecordBatch:
        """The columns of items, in an order."""
        n = len(self.items)
        codes = np.array(self.items.codes, np.int32)[order]
        names = pa.array(self.items.subsets or ["default"], _TEXT)
        ids = pa.array(self.items.ids, _TEXT).take(pa.array(order))
        path_column = pa.array(paths, _TEXT).take(pa.array(order))
        has_image = np.array([bool(path) for path in paths], bool)[order]
        kinds = np.where(has_image, np.uint8(MediaType.IMAGE), np.uint8(MediaType.NONE))
        sizes = sizes[order]
        return schema.item_batch(
            n,
            {
                "id": ids,
                "subset": pa.DictionaryArray.from_arrays(
                    schema.primitive(codes, pa.int32()), names
                ),
                "media_type": schema.primitive(kinds.astype(np.uint8), pa.uint8()),
                "path": path_column,
                "height": schema.primitive(np.ascontiguousarray(sizes[:, 0]), pa.int32()),
                "width": schema.primitive(np.ascontiguousarray(sizes[:, 1]), pa.int32()),
            },
        )


# --- annotations ----------------------------------------------------------------------------------


def _running_numbers(items: Array, n_items: int) -> Array:
    """1, 2, 3, … for the rows of each item, int64."""
    order = np.argsort(items, kind="stable")
    begins = np.zeros(n_items + 1, np.int64)
    np.cumsum(np.bincount(items, minlength=n_items), out=begins[1:])
    numbers = np.empty(len(items), np.int64)
    numbers[order] = np.arange(1, len(items) + 1) - begins[items[order]]
    return numbers


def _annotations(
    labels: Labels,
    boxes: Boxes,
    groups: Array,
    decoded: list[DecodedMask],
    sizes: Array,
    order: Array,
) -> tuple[Array, pa.RecordBatch]:
    """Offsets by item and the rows: of each item its labels, its boxes, its masks."""
    place = np.empty(len(order), np.int64)  # of each item
    place[order] = np.arange(len(order))
    counts = (len(labels.items), len(boxes.items), len(decoded))
    n = sum(counts)
    items = np.concatenate(
        [labels.items, boxes.items, np.array([mask.item for mask in decoded], np.int64)]
    )
    rows = np.argsort(place[items], kind="stable")
    offsets = np.zeros(len(order) + 1, np.int64)
    np.cumsum(np.bincount(place[items], minlength=len(order)), out=offsets[1:])
    kinds = np.repeat(
        np.array([AnnotationType.label, AnnotationType.bbox, AnnotationType.mask], np.uint8), counts
    )
    label_column = np.concatenate(
        [labels.labels, boxes.labels, np.array([mask.label for mask in decoded], np.int32)]
    )
    group_column = np.concatenate(
        [np.zeros(counts[0], np.int64), groups, np.array([m.group for m in decoded], np.int64)]
    )
    attributes = pa.concat_arrays(
        [
            _picked(labels.texts, labels.codes),
            _picked(boxes.texts, boxes.codes),
            pa.array([mask.attributes.decode() for mask in decoded], _TEXT),
        ]
    )
    columns = {
        "type": schema.primitive(kinds[rows], pa.uint8()),
        "group": schema.primitive(group_column[rows], pa.int64()),
        "label": schema.labels(label_column[rows].astype(np.int32)),
        "attributes": attributes.take(pa.array(rows)),
        "points": _points(boxes, sizes, kinds[rows], rows, counts[0]),
    }
    if decoded:
        of_mask = rows - counts[0] - counts[1]
        is_mask = of_mask >= 0
        heights, widths = np.zeros(n, np.int32), np.zeros(n, np.int32)
        heights[is_mask] = np.array([m.height for m in decoded], np.int32)[of_mask[is_mask]]
        widths[is_mask] = np.array([m.width for m in decoded], np.int32)[of_mask[is_mask]]
        numbers: list[int] = of_mask.tolist()
        rles = [decoded[number].rle if number >= 0 else b"" for number in numbers]
        columns["rle"] = pa.array(rles, pa.large_binary())
        columns["mask_height"] = schema.primitive(heights, pa.int32())
        columns["mask_width"] = schema.primitive(widths, pa.int32())
    return offsets, schema.annotation_batch(n, columns)


def _picked(texts: list[bytes], codes: Array) -> pa.Array:
    return pa.array([text.decode() for text in texts], _TEXT).take(pa.array(codes))


def _points(boxes: Boxes, sizes: Array, kinds: Array, rows: Array, first: int) -> pa.Array:
    """The corners of the boxes in pixels, in the rows' order; boxes begin at row ``first``."""
    is_box = kinds == int(AnnotationType.bbox)
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(4 * is_box.astype(np.int64), out=offsets[1:])
    which = rows[is_box] - first
    scale = sizes[boxes.items[which]][:, [1, 0, 1, 0]]
    values = (boxes.corners[which] * scale).round(2).astype(np.float32).ravel()
    return schema.lists(offsets, values, ANNOTATIONS.field("points").type)
