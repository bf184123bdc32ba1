"""Reading a KITTI data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from datumaro.errors import UndeclaredLabelInFileError
from datumaro.formats import cityscapes_labels, dataset_meta, index_masks, label_colors
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.index_masks import MaskRow, Painting
from datumaro.formats.kitti.boxes import BoxReader
from datumaro.formats.kitti.files import Task, find, list_subset
from datumaro.formats.label_colors import LabelColors
from datumaro.formats.mask_reading import ItemMasks, MaskItem, read_items
from datumaro.model.media import MediaType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

_CHUNK_ITEMS = 8192
_CROWD = {
    True: json_text.encode({"is_crowd": True}),
    False: json_text.encode({"is_crowd": False}),
}


def read(path: Path, task: Task, context: ReadContext) -> Content:
    """Read the data set at ``path``: see `kitti.files.find`.

    Raises
    ------
    DatasetNotFoundError
        There are no folders of annotations.
    DatasetImportError
        A file is damaged; the message names it and the place.
    """
    root, subsets = find(path, task)
    return _Reader(root, subsets, task, context).content()


class _Reader:
    def __init__(self, root: Path, subsets: list[str], task: Task, context: ReadContext) -> None:
        self.task, self.context = task, context
        self.files = {subset: list_subset(root, subset, task) for subset in subsets}
        self.has_masks = task.masks and any(files.masks for files in self.files.values())
        # Boxes name their labels, and need none declared. Those of masks are declared, or KITTI's.
        painted = self.has_masks or not task.boxes
        standard = cityscapes_labels.LABELS if painted else LabelColors([])
        declared = label_colors.load(root, standard, context, painted=painted)
        self.declared = declared
        self.labels = AppearingLabels(declared.names)
        self.labels.is_open = not (root / dataset_meta.FILE).is_file()
        self.meaning = declared.meaning(shifted=False)
        self.boxes = BoxReader(self.labels.find, context.problem)

    def content(self) -> Content:
        """All subsets."""
        if self.has_masks:
            items = [
                MaskItem(
                    item_id, subset, files.images.get(item_id, ""), files.masks.get(item_id, "")
                )
                for subset, files in self.files.items()
                for item_id in files.ids()
            ]
            chunks = read_items(items, self.masks, self.annotate, self.context, "Reading KITTI")
        else:
            chunks = self.chunks_of_boxes()
        colors = LabelColors(self.labels.names, self.declared.colors)
        return Content(chunks, colors.categories() if colors.colors else self.labels.categories())

    def chunks_of_boxes(self) -> list[Chunk]:
        """All subsets, where there are no masks."""
        progress = self.context.progress
        listed = {subset: files.ids() for subset, files in self.files.items()}
        progress.start(sum(map(len, listed.values())), desc="Reading KITTI")
        chunks: list[Chunk] = []
        done = 0
        for subset, all_ids in listed.items():
            files = self.files[subset]
            for begin in range(0, len(all_ids), _CHUNK_ITEMS):
                ids = all_ids[begin : begin + _CHUNK_ITEMS]
                boxes, offsets = self.boxes.columns([files.boxes.get(i, "") for i in ids])
                images = [files.images.get(i, "") for i in ids]
                chunks.append(Chunk(_items(subset, ids, images), boxes, offsets))
                done += len(ids)
                progress.report_status(done)
        progress.finish()
        return chunks

    def masks(self, painting: Painting, item: MaskItem) -> list[MaskRow]:
        """A mask for each value, which is a label and the number of one of its things."""
        rows: list[MaskRow] = []
        for value, rle in index_masks.value_masks(painting, item.mask).items():
            label = self.meaning.of_index(value >> 8)
            if label is None:
                raise UndeclaredLabelInFileError(
                    item.mask,
                    "",
                    f"value {value}, whose label would be {value >> 8}",
                    f"labels up to {self.meaning.n_labels - 1}",
                )
            if label >= 0:
                rows.append(MaskRow(value & 255, label, rle))
        return rows

    def annotate(self, columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
        """Append an item's annotations."""
        path = self.files[item.subset].boxes.get(item.id)
        if path is not None:
            self.boxes.add_to(columns, path)
        for row in masks.rows:
            columns.add_mask(
                row.rle, masks.shape, row.label or 0, _CROWD[row.number == 0], number=row.number
            )


def _items(subset: str, ids: list[str], images: list[str]) -> pa.RecordBatch:
    text = pa.large_string()
    kinds = [MediaType.IMAGE if image else MediaType.NONE for image in images]
    return schema.item_batch(
        len(ids),
        {
            "id": pa.array(ids, text),
            "subset": schema.constant_dictionary(subset, len(ids)),
            "media_type": schema.primitive(np.array(kinds, np.uint8), pa.uint8()),
            "path": pa.array(images, text),
        },
    )
