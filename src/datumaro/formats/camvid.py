"""CamVid: masks in the colours of their labels, and a list of the files of each subset.

Definition: http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/, with the lists of the
SegNet tutorial. See docs/formats/camvid.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import InvalidAnnotationInFileError, UnsupportedContentError
from datumaro.formats import dataset_meta, index_masks, label_colors, paint_plan
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
from datumaro.formats.files import find_root, read_text
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.index_masks import MaskRow, Painting
from datumaro.formats.label_colors import LabelColors
from datumaro.formats.mask_painting import MaskToPaint, paint_classes
from datumaro.formats.mask_reading import ItemMasks, MaskItem, MaskReadOptions, read_items
from datumaro.formats.mask_writing import MaskPainters
from datumaro.formats.paint_plan import PaintPlan
from datumaro.formats.rows import each_item
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import RgbColor
from datumaro.options import option
from datumaro.paths import check_subset_name, join_inside
from datumaro.table.chunk import Content

_COLORS: dict[str, RgbColor] = {
    "Void": (0, 0, 0), "Animal": (64, 128, 64), "Archway": (192, 0, 128),
    "Bicyclist": (0, 128, 192), "Bridge": (0, 128, 64), "Building": (128, 0, 0),
    "Car": (64, 0, 128), "CartLuggagePram": (64, 0, 192), "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128), "Fence": (64, 64, 128), "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64), "Misc_Text": (128, 128, 64),
    "MotorcycycleScooter": (192, 0, 192), "OtherMoving": (128, 64, 64),
    "ParkingBlock": (64, 192, 128), "Pedestrian": (64, 64, 0), "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192), "Sidewalk": (0, 0, 192), "SignSymbol": (192, 128, 128),
    "Sky": (128, 128, 128), "SUVPickupTruck": (64, 128, 192), "TrafficCone": (0, 0, 64),
    "TrafficLight": (0, 64, 64), "Train": (192, 64, 128), "Tree": (128, 128, 0),
    "Truck_Bus": (192, 128, 192), "Tunnel": (64, 0, 64), "VegetationMisc": (192, 192, 0),
    "Wall": (64, 192, 0),
}  # fmt: skip
STANDARD = LabelColors(list(_COLORS), dict(enumerate(_COLORS.values())))

# a word, or what stands in double quotes, in which \" is a quote
_COLUMN = re.compile(r'"((?:[^"\\]|\\.)*)"(?!\S)|(\S+)')


@dataclass(frozen=True, kw_only=True)
class CamvidWriteOptions(MetaWriteOptions):
    """Options of an export to CamVid."""

    apply_colormap: bool = option(
        True, "paint masks in colours; otherwise their pixels are indices of labels"
    )
    label_map: str = option(
        paint_plan.SOURCE,
        "labels and colours: source (the data set's own), camvid (the standard ones), or a file",
        metavar="SOURCE|CAMVID|FILE",
    )


class Camvid(Format):
    """CamVid."""

    name = "camvid"
    title = "CamVid: masks in the colours of labels"
    read_options: ClassVar[type[ReadOptions]] = MaskReadOptions
    write_options: ClassVar[type[WriteOptions]] = CamvidWriteOptions
    holds = Capabilities(
        annotations={AnnotationType.mask: Held(label="required", overlap=False, merged=True)},
        colors=True,
    )
    owned = ("*.txt", "*annot/**/*.png", dataset_meta.FILE)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a list of pairs, whose second is in ``<subset>annot``."""
        if folder.is_file:
            raise Rejected("a file; expected a folder with lists (<subset>.txt)")
        lists = [name for name in folder.files() if _is_list(name)]
        if not lists:
            raise Rejected("no lists of images and masks (<subset>.txt)")
        for name in lists:
            head = folder.head(name).decode("utf-8", "replace").partition("\n")[0]
            columns = _columns(head)
            masks = f"{name.removesuffix('.txt')}annot"
            if columns and (masks in columns[-1].split("/") or masks in folder.folders()):
                return Confidence.MEDIUM
        raise Rejected(f"no line of {lists[0]!r} names a mask in a folder <subset>annot")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets in a folder, or the one whose list ``path`` is.

        Raises
        ------
        DatasetNotFoundError
            There is no list.
        DatasetImportError
            A file is damaged, or has a colour or index that is no label's.
        PathOutsideDatasetError
            A list names a file outside the data set.
        """
        if path.is_file():
            root, lists = path.parent, [path]
        else:
            root = find_root(path, _is_root, "no lists of images and masks (<subset>.txt)")
            lists = sorted(p for p in root.glob("*.txt") if _is_list(p.name))
        labels = label_colors.load(root, STANDARD, context)
        items = [item for path in lists for item in _items(path, root, context)]
        meaning = labels.meaning(shifted=True)

        def separate(painting: Painting, item: MaskItem) -> list[MaskRow]:
            return index_masks.class_masks(painting, meaning, item.mask)

        chunks = read_items(items, separate, _annotate, context, "Reading CamVid")
        return Content(chunks, labels.categories())

    def write(
        self, content: Content, folder: Path, options: CamvidWriteOptions, context: WriteContext
    ) -> None:
        """Write lists, masks and labels.

        Raises
        ------
        UnsupportedContentError
            A list cannot hold an item's id.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        plan = paint_plan.make(
            content, options.label_map, {"camvid": STANDARD}, context, distinct=True
        )
        images = ImageJobs(folder, options, context)
        _Writer(plan, FileWriter(folder), options, context).write(content, images)
        label_colors.save(plan.labels, folder)
        if options.save_dataset_meta:
            dataset_meta.save(plan.labels.categories(), folder, context)
        images.save()


# --- reading ------------------------------------------------------------------------------------


def _is_list(name: str) -> bool:
    return name.endswith(".txt") and name != label_colors.FILE


def _is_root(folder: Path) -> bool:
    stems = [path.stem for path in folder.glob("*.txt") if _is_list(path.name)]
    return label_colors.is_declared(folder) or any(
        (folder / name).is_dir() for stem in stems for name in (stem, f"{stem}annot")
    )


def _columns(line: str) -> list[str]:
    return [
        word or re.sub(r"\\(.)", r"\1", quoted) for quoted, word in _COLUMN.findall(line.strip())
    ]


def _items(path: Path, root: Path, context: ReadContext) -> Iterator[MaskItem]:
    """The items of a list."""
    subset = path.name.removesuffix(".txt")
    for number, line in enumerate(read_text(path).split("\n"), 1):
        columns = _columns(line)
        if not columns:
            continue
        place = f"{path}: line {number}"
        image = _below(columns[0], subset)
        item_id = "/".join(image.split("/")[1:]).rpartition(".")[0]
        if len(columns) > 2 or not item_id:
            context.problem(
                InvalidAnnotationInFileError(
                    path,
                    f"line {number}",
                    repr(line[:80]),
                    f"the paths of an image (/{subset}/<id>.png) and of a mask",
                )
            )
            continue
        mask = _below(columns[1], f"{subset}annot") if len(columns) > 1 else ""
        yield MaskItem(
            item_id,
            subset,
            join_inside(root, image, what=f"image in {place}"),
            join_inside(root, mask, what=f"mask in {place}") if mask else "",
        )


def _below(path: str, folder: str) -> str:
    """A path from the data set's folder on: what leads to that is dropped, as in SegNet's lists."""
    parts = path.lstrip("/").split("/")
    if folder in parts[1:-1] and parts[0] != folder:
        parts = parts[parts.index(folder) :]
    return "/".join(parts)


def _annotate(columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
    for row in masks.rows:
        columns.add_mask(row.rle, masks.shape, row.label or 0)


# --- writing ------------------------------------------------------------------------------------


class _Writer:
    def __init__(
        self,
        plan: PaintPlan,
        files: FileWriter,
        options: CamvidWriteOptions,
        context: WriteContext,
    ) -> None:
        self.plan, self.files, self.options, self.context = plan, files, options, context
        # what no mask has is black, or index 0, which then is no label's
        self.undeclared = plan.background is None
        self.palette = plan.palette(1 if self.undeclared else 0)

    def write(self, content: Content, images: ImageJobs) -> None:
        """Write lists and masks; note the images."""
        lists: dict[str, list[str]] = {}
        with MaskPainters(self.paint, self.context) as painters:
            for rows, item in each_item(content, self.context.progress, "Writing CamVid"):
                subset = rows.subsets[item]
                if subset not in lists:
                    _check_subset(subset)
                    lists[subset] = []
                image = f"/{subset}/{images.add(rows, item, subset)}"
                masks = self.plan.masks(rows, item, self.context)
                mask = f"{subset}annot/{rows.ids[item]}.png" if masks else ""
                lists[subset].append(f"{_quoted(image)} {_quoted(mask)}")
                if masks:
                    painters.add(mask, masks)
        for subset, lines in lists.items():
            self.files.save(f"{subset}.txt", "".join(f"{line}\n" for line in lines).encode())

    def paint(self, name: str, masks: list[MaskToPaint]) -> list[str]:
        """Write a mask file; runs in a worker. Returns what was lost."""
        background = -1 if self.undeclared else self.plan.background or 0
        classes, losses = paint_classes(name, masks, background, 1 if self.undeclared else 0)
        palette = self.palette if self.options.apply_colormap else None
        self.files.save(name, index_masks.encode(classes, palette))
        return losses


def _check_subset(subset: str) -> None:
    check_subset_name(subset)
    if f"{subset}.txt" == label_colors.FILE:
        raise UnsupportedContentError(
            f"subset {subset!r}: {label_colors.FILE} has the labels; rename the subset"
        )


def _quoted(path: str) -> str:
    if "\n" in path or "\r" in path:
        raise UnsupportedContentError(
            f"{path!r}: a list has one item a line; rename the item before export"
        )
    if (path and _COLUMN.fullmatch(path) is None) or path.startswith('"'):
        return '"' + path.replace("\\", r"\\").replace('"', r"\"") + '"'
    return path
