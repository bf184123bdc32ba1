"""Cityscapes: images of streets by city, and masks whose pixels are label ids.

Definition: https://www.cityscapes-dataset.com and https://github.com/mcordts/cityscapesScripts. See
docs/formats/cityscapes.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datumaro.errors import UndeclaredLabelInFileError
from datumaro.formats import cityscapes_labels, dataset_meta, index_masks, label_colors, paint_plan
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import find_root, folders, is_image, walk
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.index_masks import ClassColors, MaskRow, Painting
from datumaro.formats.mask_painting import MERGED, MaskToPaint, paint, paint_classes
from datumaro.formats.mask_reading import ItemMasks, MaskItem, MaskReadOptions, read_items
from datumaro.formats.mask_writing import MaskPainters
from datumaro.formats.paint_plan import PaintPlan
from datumaro.formats.rows import each_item
from datumaro.model.annotation import AnnotationType
from datumaro.options import option
from datumaro.paths import check_subset_name, join_inside, split_extension
from datumaro.table.chunk import Content

_IMAGES, _MASKS = "leftImg8bit", "gtFine"
_IMAGE, _MASK = "_leftImg8bit", "_gtFine"
_TRAIN_IDS = f"{_MASK}_labelTrainIds.png"
_INSTANCE_IDS = f"{_MASK}_instanceIds.png"
_LABEL_IDS = f"{_MASK}_labelIds.png"
_COLOR = f"{_MASK}_color.png"
_OF_INSTANCE = 1000  # the n-th thing of a label has the value label id * 1000 + n
_IGNORED = 255  # of train ids


@dataclass(frozen=True, kw_only=True)
class CityscapesWriteOptions(MetaWriteOptions):
    """Options of an export to Cityscapes."""

    apply_colormap: bool = option(True, "write masks in colours (_color.png) beside the others")
    label_map: str = option(
        paint_plan.SOURCE,
        "labels and colours: source (the data set's own), cityscapes (the standard ones), or a "
        "file",
        metavar="SOURCE|CITYSCAPES|FILE",
    )
    instances: bool = option(
        False,
        "number the masks of a label, as Cityscapes does (label id · 1000 + number); Datumaro 1.x "
        "cannot read it",
    )


class Cityscapes(Format):
    """Cityscapes."""

    name = "cityscapes"
    title = "Cityscapes: images of streets, masks of label ids"
    read_options: ClassVar[type[ReadOptions]] = MaskReadOptions
    write_options: ClassVar[type[WriteOptions]] = CityscapesWriteOptions
    holds = Capabilities(
        annotations={AnnotationType.mask: Held(label="required", overlap=False, merged=True)},
        media_needed=True,
        colors=True,
    )
    owned = (f"{_MASKS}/**/*{_MASK}_*.png", label_colors.FILE, dataset_meta.FILE)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: subsets in ``gtFine`` or ``leftImg8bit``."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {_MASKS} and {_IMAGES}")
        if not (folder.folders(_MASKS) or folder.folders(_IMAGES)):
            raise Rejected(f"no subsets in {_MASKS} or {_IMAGES}")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets.

        Raises
        ------
        DatasetNotFoundError
            There is neither ``gtFine`` nor ``leftImg8bit``.
        DatasetImportError
            A file is damaged, or has an id that is no label's.
        """
        root = find_root(path, _is_root, f"no folder {_MASKS} or {_IMAGES}")
        subsets = sorted({*folders(root / _MASKS), *folders(root / _IMAGES)})
        items: list[MaskItem] = []
        trained = False
        for subset in subsets:
            found, kind = _items(root, subset)
            items += found
            trained = trained or kind == _TRAIN_IDS
        standard = cityscapes_labels.TRAINED if trained else cityscapes_labels.LABELS
        labels = label_colors.load(root, standard, context)
        meaning = labels.meaning(shifted=True)

        def separate(painting: Painting, item: MaskItem) -> list[MaskRow]:
            return _masks(painting, item.mask, meaning)

        chunks = read_items(items, separate, _annotate, context, "Reading Cityscapes")
        return Content(chunks, labels.categories())

    def write(
        self, content: Content, folder: Path, options: CityscapesWriteOptions, context: WriteContext
    ) -> None:
        """Write masks and labels.

        Raises
        ------
        UnsupportedContentError
            There are too many labels.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        standards = {"cityscapes": cityscapes_labels.LABELS}
        plan = paint_plan.make(content, options.label_map, standards, context, distinct=False)
        images = ImageJobs(folder, options, context, ".png")
        _Writer(plan, FileWriter(folder), options, context).write(content, images)
        label_colors.save(plan.labels, folder)
        if options.save_dataset_meta:
            dataset_meta.save(plan.labels.categories(), folder, context)
        images.save()


# --- reading ------------------------------------------------------------------------------------


def _is_root(folder: Path) -> bool:
    found = (folder / _MASKS).is_dir() or (folder / _IMAGES).is_dir()
    return found or label_colors.is_declared(folder)


def _items(root: Path, subset: str) -> tuple[list[MaskItem], str]:
    """The items of a subset, and the kind of mask files that it has: train ids go before others."""
    images: dict[str, str] = {}
    of_kind: dict[str, dict[str, str]] = {_TRAIN_IDS: {}, _INSTANCE_IDS: {}, _LABEL_IDS: {}}
    for name in walk(os.fspath(root / _IMAGES / subset)):
        stem = split_extension(name)[0]
        if is_image(name):
            images[stem.removesuffix(_IMAGE)] = f"{root}/{_IMAGES}/{subset}/{name}"
    for name in walk(os.fspath(root / _MASKS / subset)):
        for kind, masks in of_kind.items():
            if name.endswith(kind):
                masks[name.removesuffix(kind)] = f"{root}/{_MASKS}/{subset}/{name}"
    kind = next((kind for kind, masks in of_kind.items() if masks), "")
    masks = of_kind.get(kind, {})
    ids = sorted(images.keys() | masks.keys())
    return [MaskItem(i, subset, images.get(i, ""), masks.get(i, "")) for i in ids], kind


def _masks(painting: Painting, path: str, meaning: ClassColors) -> list[MaskRow]:
    """A mask for each value: of a label, or of one of its things."""
    things = meaning.n_labels <= _OF_INSTANCE
    rows: list[MaskRow] = []
    for value, rle in index_masks.value_masks(painting, path).items():
        label_id, number = divmod(value, _OF_INSTANCE) if things else (value, 0)
        if value < _OF_INSTANCE:
            label_id, number = value, 0
        label = meaning.of_index(label_id)
        if label is None and value != _IGNORED:
            raise UndeclaredLabelInFileError(
                path,
                "",
                f"value {value}, and no label has the id {label_id}",
                f"ids up to {meaning.n_labels + meaning.first - 1}",
            )
        if label is not None and label >= 0:
            rows.append(MaskRow(number, label, rle))
    return rows


def _annotate(columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
    for number, row in enumerate(masks.rows, 1):
        columns.add_mask(row.rle, masks.shape, row.label or 0, number=number)


# --- writing ------------------------------------------------------------------------------------


class _Writer:
    def __init__(
        self,
        plan: PaintPlan,
        files: FileWriter,
        options: CityscapesWriteOptions,
        context: WriteContext,
    ) -> None:
        self.plan, self.files, self.options, self.context = plan, files, options, context
        # what no mask has is the background, or else 0, which then is no label's
        self.first = 1 if plan.background is None else 0
        self.palette = plan.palette(self.first)

    def write(self, content: Content, images: ImageJobs) -> None:
        """Write masks; note the images."""
        context = self.context
        for subset in content.subset_names():
            check_subset_name(subset)
        with MaskPainters(self.paint, context) as painters:
            for rows, item in each_item(content, context.progress, "Writing Cityscapes"):
                item_id = rows.ids[item]
                name = f"{rows.subsets[item]}/{item_id}"
                join_inside(self.files.folder, name, what="item id")
                masks = self.plan.masks(rows, item, context)
                if masks:
                    painters.add(name, masks)
                elif rows.source(item) is not None and not self.options.save_media:
                    what = "items without masks, since their images are not saved"
                    context.lost(what, 1, f"item {item_id!r}")
                images.add(rows, item, _IMAGES, f"{name}{_IMAGE}")

    def paint(self, name: str, masks: list[MaskToPaint]) -> list[str]:
        """Write an item's mask files; runs in a worker. Returns what was lost."""
        background = -1 if self.plan.background is None else self.plan.background
        if self.options.instances:
            painted = paint(name, masks, background, most=_OF_INSTANCE - 1)
            classes, losses = painted.classes.astype(np.int32) + self.first, painted.losses
            numbers = painted.instances
            of_first = sum(mask.cls + self.first == 0 for mask in masks)
            losses += [MERGED] * max(0, of_first - 1)
            # a thing of the id 0 would have another label's id for its value
            ids = np.where((numbers > 0) & (classes > 0), classes * _OF_INSTANCE + numbers, classes)
        else:
            classes, losses = paint_classes(name, masks, background, self.first)
            ids = classes
        path = f"{_MASKS}/{name}"
        of_labels, colors = index_masks.encode_both(classes, self.palette)
        of_instances = of_labels if ids is classes else index_masks.encode(ids, None)
        self.files.save(path + _INSTANCE_IDS, of_instances)
        self.files.save(path + _LABEL_IDS, of_labels)
        if self.options.apply_colormap:
            self.files.save(path + _COLOR, colors)
        return losses
