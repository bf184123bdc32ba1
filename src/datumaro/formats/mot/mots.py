"""MOTS: the masks of tracked objects, in PNG files whose pixels are class · 1000 + track.

Definition: https://www.vision.rwth-aachen.de/page/mots. See docs/formats/mot.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import UndeclaredLabelInFileError
from datumaro.formats import dataset_meta, index_masks, label_lines
from datumaro.formats.appearing_labels import AppearingLabels
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
from datumaro.formats.files import find_root, folders, images_by_stem, stem_of, walk
from datumaro.formats.index_masks import MaskRow, Painting
from datumaro.formats.mask_reading import ItemMasks, MaskItem, MaskReadOptions, read_items
from datumaro.model.annotation import AnnotationType
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.table.chunk import Content

IMAGES, MASKS, LABELS = "images", "instances", "labels.txt"
OF_CLASS = 1000  # the numbers that a class has for its tracks
STANDARD_LABELS = ("car", "pedestrian")
IGNORED = "ignored"

_IGNORED_CLASS = 10
_IGNORED_LABEL = -1  # of masks of that class, until its label has an index


class Mots(Format):
    """Masks with classes and tracks."""

    name = "mots"
    title = "MOTS: the masks of tracked objects"
    read_options: ClassVar[type[ReadOptions]] = MaskReadOptions
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    holds = Capabilities(
        annotations={
            AnnotationType.mask: Held(
                label="required",
                names={"track_id": (0, 1, 7, 999)},
                overlap=False,
                merged=True,  # those of one track
            )
        },
        media_found=True,
        label_pattern=label_lines.PATTERN,
    )
    owned = (f"**/{MASKS}/**/*.png", f"**/{MASKS}/{LABELS}", dataset_meta.FILE)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a folder ``instances`` with labels, or with images of 16 bits."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {MASKS}")
        parents = ["", *(f"{name}/" for name in folder.folders())]
        found = [
            f"{parent}{MASKS}"
            for parent in parents
            if MASKS in folder.folders(parent) and "panoptic" not in folder.folders(parent)
        ]
        if not found:
            raise Rejected(f"no folder {MASKS}, neither in it nor in a subset's folder")
        if any(LABELS in folder.files(masks) for masks in found):
            return Confidence.MEDIUM
        masks = [f"{masks}/{n}" for masks in found for n in folder.files(masks) if _is_mask(n)]
        if masks and folder.head(masks[0], 26)[24:26] == b"\x10\x00":  # bits, and gray
            return Confidence.LOW
        raise Rejected(f"no {LABELS} and no PNG images of 16 bits in {found[0]}")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets, or one whose folder ``path`` is.

        Raises
        ------
        DatasetNotFoundError
            There is no folder ``instances``.
        DatasetImportError
            A file is damaged, or has a class that is no label's.
        """
        root = find_root(path.absolute(), _is_root, f"no folder {MASKS}")
        reader = _Reader(root, context)
        chunks = read_items(reader.items, reader.separate, reader.annotate, context, "Reading MOTS")
        return Content(chunks, reader.labels.categories())

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write masks, labels, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            There are too many labels, or a name cannot be written.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        from datumaro.formats.mot.mots_writer import write

        write(content, folder, options, context)


class MotsPng(Mots):
    """The name under which the published package writes it."""

    name = "mots_png"
    reads = False
    read_by = "mots"


def _is_mask(name: str) -> bool:
    return name.endswith(".png")


def _is_root(folder: Path) -> bool:
    names = ("", *folders(folder))
    return any((folder / name / MASKS).is_dir() for name in names)


class _Reader:
    def __init__(self, root: Path, context: ReadContext) -> None:
        meta = dataset_meta.find(root, context)
        self.items: list[MaskItem] = []
        self.labels = AppearingLabels()
        self.of_subset: dict[str, list[int]] = {}
        names = [name for name in folders(root) if name not in (IMAGES, MASKS)]
        subsets = {DEFAULT_SUBSET_NAME: root} if (root / MASKS).is_dir() else {}
        if not subsets:
            subsets = {name: root / name for name in names}
        for subset, folder in subsets.items():
            found = _items(folder, subset)
            if not found and not (folder / MASKS).is_dir():
                continue
            self.items += found
            stated: Sequence[str] = STANDARD_LABELS
            if meta is not None:
                stated = meta.labels
            elif (folder / MASKS / LABELS).is_file():
                stated = label_lines.load(folder / MASKS / LABELS)
            self.of_subset[subset] = [self.labels.add(name) for name in stated]

    def separate(self, painting: Painting, item: MaskItem) -> list[MaskRow]:
        """A mask for each value but 0."""
        labels = self.of_subset[item.subset]
        rows: list[MaskRow] = []
        for value, rle in index_masks.value_masks(painting, item.mask).items():
            number, track = divmod(value, OF_CLASS)
            if value == 0:
                continue
            if 0 < number <= len(labels):
                rows.append(MaskRow(track, labels[number - 1], rle))
            elif number == _IGNORED_CLASS:
                rows.append(MaskRow(track, _IGNORED_LABEL, rle))
            else:
                raise UndeclaredLabelInFileError(
                    item.mask,
                    "",
                    f"value {value}, of the class {number}",
                    f"0, or class · {OF_CLASS} + track, with a class from 1 to {len(labels)}",
                )
        return rows

    def annotate(self, columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
        """Append an item's masks."""
        for row in masks.rows:
            label = row.label
            if label is None or label == _IGNORED_LABEL:
                label = self.labels.add(IGNORED)
            columns.add_mask(row.rle, masks.shape, label, b'{"track_id":%d}' % row.number)
            if row.label == _IGNORED_LABEL:
                columns.set_z_order(1)


def _items(folder: Path, subset: str) -> list[MaskItem]:
    """The items of a subset."""
    start = os.fspath(folder)
    images = images_by_stem(folder / IMAGES)
    masks = {
        stem_of(name): f"{start}/{MASKS}/{name}"
        for name in walk(f"{start}/{MASKS}")
        if _is_mask(name)
    }
    ids = sorted(images.keys() | masks.keys())
    return [MaskItem(i, subset, images.get(i, ""), masks.get(i, "")) for i in ids]
