"""Reading a KITTI data set."""

from __future__ import annotations

from pathlib import Path

from datumaro.errors import InvalidAnnotationError, MalformedFileError
from datumaro.formats import cityscapes_labels, dataset_meta, index_masks, label_colors
from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import read_file
from datumaro.formats.index_masks import MaskRow, Painting
from datumaro.formats.kitti.box_text import MAX_BYTES, BoxReader
from datumaro.formats.kitti.files import Task, find, list_subset
from datumaro.formats.label_colors import LabelColors
from datumaro.formats.mask_reading import ItemMasks, MaskItem, read_items
from datumaro.table import json_text
from datumaro.table.chunk import Content

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
        items = [
            MaskItem(item_id, subset, files.images.get(item_id, ""), files.masks.get(item_id, ""))
            for subset, files in self.files.items()
            for item_id in files.ids()
        ]
        chunks = read_items(items, self.masks, self.annotate, self.context, "Reading KITTI")
        colors = LabelColors(self.labels.names, self.declared.colors)
        return Content(chunks, colors.categories() if colors.colors else self.labels.categories())

    def masks(self, painting: Painting, item: MaskItem) -> list[MaskRow]:
        """A mask for each value, which is a label and the number of one of its things."""
        rows: list[MaskRow] = []
        for value, rle in index_masks.value_masks(painting, item.mask).items():
            label = self.meaning.of_index(value >> 8)
            if label is None:
                raise InvalidAnnotationError(
                    f"{item.mask}: value {value}, whose label would be {value >> 8}; expected "
                    f"labels up to {self.meaning.n_labels - 1}"
                )
            if label >= 0:
                rows.append(MaskRow(value & 255, label, rle))
        return rows

    def annotate(self, columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
        """Append an item's annotations."""
        path = self.files[item.subset].boxes.get(item.id)
        if path is not None:
            data = read_file(path, MAX_BYTES) or b""
            if len(data) > MAX_BYTES:
                self.context.problem(
                    MalformedFileError(path, "", f"more than {MAX_BYTES} bytes", "boxes")
                )
            else:
                self.boxes.read(data, path, columns)
        for row in masks.rows:
            columns.add_mask(
                row.rle, masks.shape, row.label or 0, _CROWD[row.number == 0], number=row.number
            )
