"""Reading Mapillary Vistas."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationInFileError,
    InvalidOptionError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import dataset_meta, index_masks, label_lines
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import stem_of
from datumaro.formats.index_masks import MaskRow, Painting
from datumaro.formats.label_colors import LabelColors
from datumaro.formats.mapillary_vistas import files, labels
from datumaro.formats.mapillary_vistas.files import (
    INSTANCES,
    MAX_PIXELS,
    MAX_SEGMENT,
    OF_LABEL,
    PANOPTIC,
    PANOPTIC_FILES,
    POLYGONS,
    UNSEGMENTED,
    VERSIONS,
    VOID,
    Category,
    Segment,
)
from datumaro.formats.mask_reading import ItemMasks, MaskItem, read_items
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories, MaskCategories
from datumaro.paths import escapes, join_inside
from datumaro.table import schema
from datumaro.table.chunk import Content

_MAX_CATEGORY = 1 << 16
_CROWD = {False: b'{"is_crowd":false}', True: b'{"is_crowd":true}'}
_POLYGON = AnnotationType.polygon


def read(
    root: Path, subsets: list[str], tasks: tuple[str, ...], options: Any, context: ReadContext
) -> Content:
    """Read the data set in a folder.

    Parameters
    ----------
    tasks : the first of them that can be read is.
    options : `MapillaryVistasReadOptions`.

    Raises
    ------
    See `datumaro.formats.mapillary_vistas.format.MapillaryVistas.read`.
    """
    version = _version(root, subsets, tasks, options.format_version)
    if options.parse_polygon and version != "v2.0":
        raise InvalidOptionError(f"{root}: parse_polygon: {version} has no polygons, only v2.0 has")
    context.keep["format_version"] = version
    if options.parse_polygon:
        context.keep["save_polygons"] = True
    elif any(files.has_task(root / subset, version, POLYGONS) for subset in subsets):
        context.is_part = True
    others = [other for other in VERSIONS if other != version]
    if any((root / subset / other).is_dir() for subset in subsets for other in others):
        context.is_part = True
    there = [t for t in tasks if any(files.has_task(root / s, version, t) for s in subsets)]
    if not subsets and INSTANCES in tasks:  # labels alone
        own = _instance_labels(root, subsets, version, options, context)
        if own is not None:
            return Content([], own.categories())
    if not there:
        raise DatasetNotFoundError(f"{root}: no {version}/{' or '.join(tasks)} in any subset")
    if there[0] == INSTANCES:
        own = _instance_labels(root, subsets, version, options, context)
        if own is not None:
            return _Instances(root, version, own, options, context).content(subsets)
        if len(there) == 1:
            raise DatasetNotFoundError(
                f"{root}: no config_{version}.json, which has the labels; if they are those of the "
                "published data set, import it with use_original_config"
            )
    return _Segments(root, version, options, context).content(subsets)


def _version(root: Path, subsets: list[str], tasks: tuple[str, ...], wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    found = (
        version
        for version in VERSIONS
        if any(files.has_task(root / subset, version, task) for subset in subsets for task in tasks)
    )
    return next(found, VERSIONS[0])


def _instance_labels(
    root: Path, subsets: list[str], version: str, options: Any, context: ReadContext
) -> LabelColors | None:
    """The labels that the values of masks mean; None when nothing says them."""
    meta = dataset_meta.find(root, context)
    if meta is not None:
        return LabelColors(meta.labels, meta.colors)
    if options.use_original_config:
        return labels.standard(version)
    for folder in (root, *(root / subset for subset in subsets)):
        path = folder / files.config_file(version)
        if path.is_file():
            found = files.load(path, files.Config).labels
            names = [label.name for label in found]
            label_lines.check(names, path)
            colors = {i: label.color for i, label in enumerate(found) if label.color is not None}
            return LabelColors(names, colors)
    return None


class _Reader:
    """What both tasks have in common: polygons."""

    def __init__(self, root: Path, version: str, options: Any, context: ReadContext) -> None:
        self.root, self.version, self.options, self.context = root, version, options, context
        self.index: dict[str, int] = {}  # of labels by their names

    def add_polygons(self, columns: ChunkColumns, item: MaskItem) -> None:
        """Append an item's polygons, if they are wanted."""
        if not self.options.parse_polygon:
            return
        path = f"{self.root / item.subset}/{self.version}/{POLYGONS}/{item.id}.json"
        if not os.path.isfile(path):  # noqa: PTH113 - a str
            return
        try:
            found = files.load(path, files.Polygons).objects
        except DatasetImportError as error:
            self.context.problem(error)
            return
        for number, thing in enumerate(found):
            place = f"$.objects[{number}]"
            label = self.index.get(thing.label)
            rings = [ring for ring in _rings(thing.polygon) if not _are_points(ring)]
            if label is None:
                name = f"label {thing.label[:80]!r}"
                self.context.problem(
                    UndeclaredLabelInFileError(path, f"{place}.label", name, "a declared label")
                )
            elif rings:
                numbers = f"{len(rings[0])} numbers"
                expected = "x and y in pixels of three or more points"
                self.context.problem(
                    InvalidAnnotationInFileError(path, f"{place}.polygon", numbers, expected)
                )
            else:
                for ring in _rings(thing.polygon):
                    columns.add_shape(_POLYGON, ring, label, number=thing.id)


def _rings(polygon: list[list[float]]) -> list[list[float]]:
    """Each polygon's numbers: of points, or of lists of numbers."""
    if all(len(part) == 2 for part in polygon):
        return [[value for point in polygon for value in point]]
    return polygon


def _are_points(numbers: list[float]) -> bool:
    return (
        len(numbers) % 2 == 0
        and len(numbers) >= 6
        and all(math.isfinite(value) and abs(value) < MAX_PIXELS for value in numbers)
    )


# --- instances ----------------------------------------------------------------------------------


class _Instances(_Reader):
    def __init__(
        self, root: Path, version: str, own: LabelColors, options: Any, context: ReadContext
    ) -> None:
        super().__init__(root, version, options, context)
        self.own = own
        self.index = {name: i for i, name in enumerate(own.names)}
        self.nothing = self.index.get(VOID, OF_LABEL) * OF_LABEL + UNSEGMENTED

    def content(self, subsets: list[str]) -> Content:
        """All subsets."""
        items: list[MaskItem] = []
        for subset in subsets:
            images = files.images_of(self.root / subset)
            masks = files.instances_of(self.root / subset, self.version)
            items += [
                MaskItem(i, subset, images.get(i, ""), masks.get(i, ""))
                for i in sorted(images.keys() | masks.keys())
            ]
        chunks = read_items(
            items, self.separate, self.annotate, self.context, "Reading Mapillary Vistas"
        )
        return Content(chunks, self.own.categories())

    def separate(self, painting: Painting, item: MaskItem) -> list[MaskRow]:
        """A mask for each value, label · 256 + number, but that of no mask."""
        rows: list[MaskRow] = []
        for value, rle in index_masks.value_masks(painting, item.mask).items():
            if value == self.nothing:
                continue
            label, number = divmod(value, OF_LABEL)
            if label >= len(self.own.names):
                found = f"value {value}, whose label would be {label}"
                expected = f"labels up to {len(self.own.names) - 1}"
                raise UndeclaredLabelInFileError(item.mask, "", found, expected)
            rows.append(MaskRow(number, label, rle))
        return rows

    def annotate(self, columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
        """Append an item's masks and polygons."""
        for row in masks.rows:
            columns.add_mask(row.rle, masks.shape, row.label or 0, number=row.number)
        self.add_polygons(columns, item)


# --- panoptic segments --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """What a JSON file says of an image.

    Attributes
    ----------
    path, place : the file, and where in it.
    """

    path: Path
    place: str
    segments: list[Segment] = field(default_factory=list[Segment])


class _Segments(_Reader):
    def __init__(self, root: Path, version: str, options: Any, context: ReadContext) -> None:
        super().__init__(root, version, options, context)
        self.known: dict[int, Category] = {}
        self.told: dict[tuple[str, str], _Told] = {}
        self.label_of: dict[int | None, int] = {}

    def content(self, subsets: list[str]) -> Content:
        """All subsets."""
        items = [item for subset in subsets for item in self.items(subset)]
        categories = self.categories()
        chunks = read_items(
            items, self.separate, self.annotate, self.context, "Reading Mapillary Vistas"
        )
        return Content(chunks, dataset_meta.overridden(categories, self.root, self.context))

    def items(self, subset: str) -> list[MaskItem]:
        """The items of a subset."""
        folder = self.root / subset
        images = files.images_of(folder)
        path = folder / self.version / files.PANOPTIC / PANOPTIC_FILES[self.version]
        if not path.is_file():
            return [MaskItem(i, subset, image, "") for i, image in sorted(images.items())]
        told = files.load(path, files.Panoptic)
        for number, category in enumerate(told.categories):
            self.add_category(category, path, f"$.categories[{number}]")
        sizes: dict[str, tuple[int, int]] = {}
        ids: dict[int | str, str] = {}
        for number, image in enumerate(told.images):
            item_id = self.item_id(image.file_name, path, f"$.images[{number}].file_name")
            ids[image.id] = item_id
            sizes[item_id] = image.height, image.width
        masks: dict[str, str] = {}
        for number, entry in enumerate(told.annotations):
            place = f"$.annotations[{number}]"
            stem = self.item_id(entry.file_name, path, f"{place}.file_name")
            item_id = ids.get(entry.image_id, stem)
            if item_id in masks:
                self.context.problem(
                    InvalidAnnotationInFileError(
                        path, place, f"another entry of image {item_id[:80]!r}", "one of each image"
                    )
                )
                continue
            masks[item_id] = f"{path.parent}/{entry.file_name}"
            self.told[subset, item_id] = _Told(path, place, entry.segments_info)
        return [
            MaskItem(i, subset, images.get(i, ""), masks.get(i, ""), *sizes.get(i, (0, 0)))
            for i in sorted(images.keys() | masks.keys() | sizes.keys())
        ]

    def item_id(self, file_name: str, path: Path, place: str) -> str:
        """The id of the item that a file is of."""
        if not file_name or escapes(file_name) or ".." in file_name.split("/"):
            join_inside(path.parent, file_name, what=f"{path}: {place}")
            raise MalformedFileError(path, place, repr(file_name[:80]), "the name of a file")
        return stem_of(file_name)

    def add_category(self, category: Category, path: Path, place: str) -> None:
        """Note a category, which all subsets must have in common."""
        known = self.known.setdefault(category.id, category)
        if not 0 <= category.id < _MAX_CATEGORY or not category.name or known.name != category.name:
            found = f"id {category.id} and name {category.name[:80]!r}"
            expected = f"an id below {_MAX_CATEGORY} and its name, the same everywhere"
            raise MalformedFileError(path, place, found, expected)

    def categories(self) -> dict[AnnotationType, Categories]:
        """The categories as labels, in the order of their ids."""
        found = LabelCategories()
        colors: dict[int, tuple[int, int, int]] = {}
        ids = sorted(self.known)
        if self.options.keep_original_category_ids and ids:
            ids = list(range(ids[-1] + 1))
        for category_id in ids:
            category = self.known.get(category_id) or Category(category_id, f"class-{category_id}")
            if category.name in self.index:
                names = f"{category.name!r} of the categories {category_id} and another"
                raise MalformedFileError(self.root, PANOPTIC, names, "names that differ")
            label = self.index[category.name] = len(found)
            found.add(category.name, category.supercategory)
            if category_id in self.known:
                self.label_of[category_id] = label
            if category.color is not None:
                colors[label] = category.color
        self.label_of.setdefault(0, schema.NO_LABEL)
        self.label_of[None] = schema.NO_LABEL
        return {AnnotationType.label: found, AnnotationType.mask: MaskCategories(colors)}

    def separate(self, painting: Painting, item: MaskItem) -> list[MaskRow]:
        """A mask for each segment: its id is red + 256 green + 65536 blue."""
        if not painting.is_color and int(painting.codes.max(initial=0)) > 255:
            raise MalformedFileError(item.mask, "IHDR", "gray values of 16 bits", "RGB colours")
        runs = index_masks.runs_of(painting.codes)
        if painting.is_color:
            colors = painting.colors(runs.codes).astype(np.int64)
            ids = (colors >> 16) | (colors & 0xFF00) | ((colors & 0xFF) << 16)
        else:  # gray: all three are equal
            ids = runs.codes * 0x010101
        return [MaskRow(number, None, rle) for number, rle in runs.masks(ids).items() if number]

    def annotate(self, columns: ChunkColumns, item: MaskItem, masks: ItemMasks) -> None:
        """Append an item's segments and polygons."""
        told = self.told.get((item.subset, item.id))
        if told is not None and masks.error is None:
            self.add_segments(columns, told, item, masks)
        self.add_polygons(columns, item)

    def add_segments(
        self, columns: ChunkColumns, told: _Told, item: MaskItem, masks: ItemMasks
    ) -> None:
        """Append an item's segments."""
        shown = {row.number: row.rle for row in masks.rows}
        known: set[int] = set()
        for number, segment in enumerate(told.segments):
            place = f"{told.place}.segments_info[{number}]"
            if segment.id in known or not 0 < segment.id <= MAX_SEGMENT:
                expected = f"ids from 1 to {MAX_SEGMENT} that differ"
                error = InvalidAnnotationInFileError(
                    told.path, f"{place}.id", str(segment.id), expected
                )
                self.context.problem(error)
                continue
            known.add(segment.id)
            label = self.label_of.get(segment.category_id)
            if label is None:
                found, expected = str(segment.category_id), "the id of one of the categories"
                self.context.problem(
                    UndeclaredLabelInFileError(told.path, f"{place}.category_id", found, expected)
                )
                continue
            height, width = masks.shape
            rle = shown.get(segment.id) or index_masks.empty_mask(height * width)
            crowd = _CROWD[bool(segment.iscrowd)]
            columns.add_mask(rle, masks.shape, label, crowd, number=segment.id, group=segment.id)
        if stray := shown.keys() - known:
            found = f"no segment {min(stray)}"
            expected = f"one for each that {item.mask} shows"
            place = f"{told.place}.segments_info"
            self.context.problem(InvalidAnnotationInFileError(told.path, place, found, expected))
