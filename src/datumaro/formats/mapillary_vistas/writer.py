"""Writing Mapillary Vistas: masks of instances, panoptic segments, polygons, and their labels."""

from __future__ import annotations

import io
import math
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image as PILImage

from datumaro.errors import InvalidOptionError, UnsupportedContentError
from datumaro.formats import dataset_meta, index_masks, label_colors, paint_plan
from datumaro.formats.base import WriteContext
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.index_masks import Array
from datumaro.formats.label_colors import LabelColors
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.mapillary_vistas.files import (
    IMAGES,
    INSTANCES,
    LABELS,
    MAX_PIXELS,
    MAX_SEGMENT,
    NEWEST,
    OF_LABEL,
    PANOPTIC,
    PANOPTIC_FILES,
    POLYGONS,
    UNSEGMENTED,
    VOID,
)
from datumaro.formats.mapillary_vistas.format import MapillaryVistasWriteOptions
from datumaro.formats.mapillary_vistas.labels import standard
from datumaro.formats.mask_painting import (
    COVERED,
    MERGED,
    MaskToPaint,
    PaintOrder,
    instance_numbers,
    of_one_size,
    paint_order,
)
from datumaro.formats.mask_writing import MaskPainters
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model import run_lengths
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import RgbColor
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text
from datumaro.table.chunk import Content

_MASK, _POLYGON = int(AnnotationType.mask), int(AnnotationType.polygon)
_BLACK: RgbColor = (0, 0, 0)
_MOST_LABELS = 256  # a pixel has 8 bits for its label, and 8 for its number


def write(
    content: Content,
    folder: Path,
    tasks: tuple[str, ...],
    options: MapillaryVistasWriteOptions,
    context: WriteContext,
) -> None:
    """See `datumaro.formats.mapillary_vistas.format.MapillaryVistas.write`; ``tasks`` are all."""
    require_images(content, "Mapillary Vistas")
    if options.save_polygons and options.format_version != NEWEST:
        version = options.format_version
        raise InvalidOptionError(f"save_polygons: {version} has no polygons, only {NEWEST} has")
    for subset in content.subset_names():
        check_subset_name(subset)
        if subset.startswith("."):
            raise UnsupportedContentError(
                f"subset {subset!r}: folders that begin with a dot are not read; rename the subset"
            )
    _Writer(content, folder, tasks, options, context).write()


@dataclass(frozen=True, slots=True)
class _Thing:
    """What is told of a mask beside its pixels: its number, 0 for none."""

    number: int
    is_crowd: bool


@dataclass(frozen=True, slots=True)
class _Image:
    """An image in the JSON file of segments; height and width in pixels, zeros when not known."""

    id: str
    file_name: str
    height: int
    width: int


class _Writer:
    def __init__(
        self,
        content: Content,
        folder: Path,
        tasks: tuple[str, ...],
        options: MapillaryVistasWriteOptions,
        context: WriteContext,
    ) -> None:
        self.content, self.folder, self.tasks = content, folder, tasks
        self.options, self.context = options, context
        self.version = options.format_version
        plan = paint_plan.make(
            content,
            options.label_map,
            {"mapillary": standard(self.version)},
            context,
            distinct=False,
        )
        self.classes = plan.classes
        self.labels = label_colors.with_colors(plan.labels, context, distinct=False)
        names = self.labels.names
        self.void = names.index(VOID) if VOID in names else len(names)
        if INSTANCES in tasks and max(self.void + 1, len(names)) > _MOST_LABELS:
            raise UnsupportedContentError(
                f"{len(names)} labels; the masks of Mapillary Vistas hold at most {_MOST_LABELS}, "
                f"{VOID} among them"
            )
        self.nothing = self.void * OF_LABEL + UNSEGMENTED  # the value of pixels without a mask
        self.shows_void = False  # whether there are some
        colors = [self.labels.colors[i] for i in range(len(names))]
        self.palette = np.array([*colors, _BLACK], np.uint8)
        self.files = FileWriter(folder)
        self.images = ImageJobs(folder, options, context)
        self.told: dict[str, list[_Image]] = {name: [] for name in content.subset_names()}
        self.things: dict[str, list[_Thing]] = {}  # of the masks that wait, by item
        self.segments: dict[str, bytes] = {}  # of the masks that are painted, by item

    def write(self) -> None:
        """Write all files; media last."""
        with MaskPainters(self.paint, self.context) as painters:
            for rows, item in each_item(
                self.content, self.context.progress, "Writing Mapillary Vistas"
            ):
                self.write_item(rows, item, painters)
        if PANOPTIC in self.tasks:
            for subset, images in self.told.items():
                name = f"{subset}/{self.version}/{PANOPTIC}/{PANOPTIC_FILES[self.version]}"
                self.files.save(name, self.panoptic(subset, images))
        if INSTANCES in self.tasks:
            self.write_labels()
        if self.options.save_dataset_meta:
            dataset_meta.save(self.labels.categories(), self.folder, self.context)
        self.images.save()

    def write_item(self, rows: ChunkRows, item: int, painters: MaskPainters) -> None:
        """Note an item's image and masks; write its polygons."""
        subset, item_id = rows.subsets[item], rows.ids[item]
        name = f"{subset}/{item_id}"
        join_inside(self.folder, name, what="item id")
        file_name = self.images.add(rows, item, f"{subset}/{IMAGES}")
        self.told[subset].append(_Image(item_id, file_name, *rows.size_or_mask(item)))
        masks, things = self.masks(rows, item)
        if masks:
            self.things[name] = things
            painters.add(name, masks)
        elif INSTANCES in self.tasks:  # so that the item is there
            height, width = rows.size(item)
            if not 0 < height * width <= index_masks.MAX_PIXELS:
                height, width = 1, 1
            self.shows_void = True
            shape = height, width
            self.save_instances(
                name, np.full(shape, self.void, np.uint8), np.full(shape, self.nothing, np.uint16)
            )
        if self.options.save_polygons:
            self.save_polygons(rows, item, name)

    def label_of(self, rows: ChunkRows, item: int, row: int) -> int:
        """The index of an annotation's label in the files; -1 for none, and where it has none."""
        label = rows.labels[row]
        if label < 0:
            return -1
        known = label < len(self.classes)
        if known and self.classes[label] >= 0:
            return self.classes[label]
        what = "annotations whose label the label map has not" if known else UNDECLARED
        self.context.lost(what, 1, f"item {rows.ids[item]!r}")
        return -2

    def masks(self, rows: ChunkRows, item: int) -> tuple[list[MaskToPaint], list[_Thing]]:
        """(an item's masks, whose groups are their places in what is told of each, that)."""
        masks: list[MaskToPaint] = []
        things: list[_Thing] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            if rows.types[row] != _MASK or (rows.labels[row] < 0 and INSTANCES in self.tasks):
                continue
            cls = self.label_of(rows, item, row)
            rle, height, width = rows.mask(row)
            if cls < -1:
                continue
            if not height * width:
                self.context.lost("masks of no size", 1, f"item {rows.ids[item]!r}")
                continue
            crowd: Any = json_text.decode(rows.ann_attributes[row]).get("is_crowd", False)
            if INSTANCES not in self.tasks and not isinstance(crowd, bool):
                what = "values of is_crowd that are neither true nor false"
                self.context.lost(what, 1, f"item {rows.ids[item]!r}")
            things.append(_Thing(rows.ann_ids[row], crowd is True))
            z_order, place = rows.z_orders[row], len(masks)
            masks.append(MaskToPaint(rle, height, width, z_order, place, cls))
        return masks, things

    # --- masks ----------------------------------------------------------------------------------

    def paint(self, name: str, masks: list[MaskToPaint]) -> list[str]:
        """Write an item's mask files; runs in a worker. Returns what was lost."""
        fitting, losses = of_one_size(masks)
        told = self.things.pop(name)
        things = [told[mask.group] for mask in fitting]
        order = paint_order(name, fitting)
        losses += [COVERED] * order.n_covered
        if INSTANCES in self.tasks:
            losses += ["masks without pixels"] * int(np.count_nonzero(order.areas == 0))
            classes = [mask.cls for mask in fitting]
            numbers, given = self.numbers(classes, [thing.number for thing in things])
            losses += given
            values = [cls * OF_LABEL + n for cls, n in zip(classes, numbers, strict=True)]
            if order.seen[0]:
                self.shows_void = True
            self.save_instances(
                name,
                order.values([self.void, *classes]),
                order.values([self.nothing, *values]),
            )
        if PANOPTIC in self.tasks:
            changed = self.save_segments(name, fitting, things, order)
            if INSTANCES not in self.tasks:
                losses += [f"ids of masks that are not unique or not up to {MAX_SEGMENT}"] * changed
        return losses

    def numbers(self, classes: list[int], ids: list[int]) -> tuple[list[int], list[str]]:
        """(each mask's number among those of its label, what was lost).

        It is its id, where that fits and no other of the label has it; else a free one.
        """
        counts = Counter(zip(classes, ids, strict=True))
        taken = {
            (cls, number)
            for (cls, number), n in counts.items()
            if n == 1 and 0 <= number < OF_LABEL
        } - {(self.void, UNSEGMENTED)}
        free = {cls: self.free_numbers(cls, taken) for cls in set(classes)}
        numbers: list[int] = []
        losses: list[str] = []
        for one in zip(classes, ids, strict=True):
            if one in taken:
                numbers.append(one[1])
                continue
            number = next(free[one[0]], None)
            if number is None:
                losses.append(MERGED)
                number = 0
            elif one[1]:
                losses.append(f"ids of masks that are not unique or not below {OF_LABEL}")
            numbers.append(number)
        return numbers, losses

    def free_numbers(self, cls: int, taken: set[tuple[int, int]]) -> Iterator[int]:
        """The numbers that no mask of a class has."""
        last = UNSEGMENTED if cls == self.void else OF_LABEL
        return (number for number in range(last) if (cls, number) not in taken)

    def save_instances(self, name: str, classes: Array, values: Array) -> None:
        """Write the masks of labels and of instances.

        Parameters
        ----------
        values : label · 256 + number of each pixel.
        """
        subset, _, item_id = name.partition("/")
        place = f"{subset}/{self.version}"
        self.files.save(
            f"{place}/{LABELS}/{item_id}.png", index_masks.encode(classes, self.palette)
        )
        self.files.save(f"{place}/{INSTANCES}/{item_id}.png", _sixteen_bits(values))

    def save_segments(
        self, name: str, masks: list[MaskToPaint], things: list[_Thing], order: PaintOrder
    ) -> int:
        """Write the image of an item's segments, and note what is told of them.

        Returns how many have another id than their mask.
        """
        numbers = instance_numbers([thing.number for thing in things], MAX_SEGMENT)
        entries: list[dict[str, Any]] = []
        shown = [0] * (len(masks) + 1)
        for place, (mask, thing) in enumerate(zip(masks, things, strict=True)):
            visible, whole = int(order.seen[place + 1]), int(order.areas[place])
            if whole and not visible:
                continue
            shown[place + 1] = numbers[place]
            outline = {"counts": mask.rle, "size": [mask.height, mask.width]}
            if visible < whole:
                outline = run_lengths.encode(order.pixels == place + 1)
            entries.append(
                {
                    "id": numbers[place],
                    "category_id": mask.cls + 1,
                    "area": visible,
                    "bbox": run_lengths.bounds(outline),
                    "iscrowd": int(thing.is_crowd),
                }
            )
        subset, _, item_id = name.partition("/")
        png = f"{item_id}.png"
        self.files.save(f"{subset}/{self.version}/{PANOPTIC}/{png}", _colors(order.values(shown)))
        entry = {"image_id": item_id, "file_name": png, "segments_info": entries}
        self.segments[name] = msgspec.json.encode(entry)
        return sum(t.number not in (0, n) for t, n in zip(things, numbers, strict=True))

    # --- JSON -----------------------------------------------------------------------------------

    def panoptic(self, subset: str, images: list[_Image]) -> bytes:
        """What is told of the segments of a subset."""
        labels = self.content.labels
        parents = {label.name: label.parent for label in labels}
        names = [f"{subset}/{image.id}" for image in images]
        return msgspec.json.encode(
            {
                "images": images,
                "annotations": [
                    msgspec.Raw(self.segments.pop(name)) for name in names if name in self.segments
                ],
                "categories": [
                    {
                        "id": index + 1,
                        "name": name,
                        "supercategory": parents.get(name, ""),
                        "isthing": 1,
                        "color": self.labels.colors[index],
                    }
                    for index, name in enumerate(self.labels.names)
                ],
            }
        )

    def write_labels(self) -> None:
        """Write the configuration: the labels that the masks' values mean, and their colours."""
        if self.shows_void and VOID not in self.labels.names:
            colors = {**self.labels.colors, self.void: _BLACK}
            self.labels = LabelColors([*self.labels.names, VOID], colors)
        config = {
            "labels": [
                {
                    "name": name,
                    "readable": name.rpartition("--")[2].replace("-", " "),
                    "color": self.labels.colors[index],
                    "instances": name != VOID,
                    "evaluate": name != VOID,
                }
                for index, name in enumerate(self.labels.names)
            ],
            "version": self.version.removeprefix("v"),
            "mapping": "public",
            "folder_structure": "",
        }
        self.files.save(f"config_{self.version}.json", msgspec.json.encode(config))

    def save_polygons(self, rows: ChunkRows, item: int, name: str) -> None:
        """Write an item's polygons."""
        objects: list[dict[str, Any]] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            if rows.types[row] != _POLYGON or rows.labels[row] < 0:
                continue
            cls = self.label_of(rows, item, row)
            if cls < 0:
                continue
            points = rows.points(row)
            if len(points) < 6 or not all(_is_pixel(value) for value in points):
                what = "polygons of fewer than three points, or far outside"
                self.context.lost(what, 1, f"item {rows.ids[item]!r}")
                continue
            corners = list(zip(points[::2], points[1::2], strict=True))
            label = self.labels.names[cls]
            objects.append({"id": rows.ann_ids[row], "label": label, "polygon": corners})
        if objects:
            height, width = rows.size(item)
            told = {"height": height, "width": width, "objects": objects}
            subset, _, item_id = name.partition("/")
            path = f"{subset}/{self.version}/{POLYGONS}/{item_id}.json"
            self.files.save(path, msgspec.json.encode(told))


def _is_pixel(value: float) -> bool:
    return math.isfinite(value) and abs(value) < MAX_PIXELS


def _sixteen_bits(values: Array) -> bytes:
    """A PNG file of 16 bits, as all masks of instances are, whatever their values."""
    return _png(PILImage.fromarray(values.astype(np.uint16, copy=False)))


def _colors(ids: Array) -> bytes:
    """A PNG file whose colours are red + 256 green + 65536 blue."""
    height, width = ids.shape
    data = np.ascontiguousarray(ids, "<i4").tobytes()
    return _png(PILImage.frombytes("RGB", (width, height), data, "raw", "RGBX"))


def _png(image: PILImage.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return out.getvalue()
