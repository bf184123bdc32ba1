"""Writing CelebA: its tables, and the images in one folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta
from datumaro.formats.base import WriteContext
from datumaro.formats.celeba import (
    ATTRIBUTES,
    BOX_HEADER,
    IDENTITIES,
    MAX_IDENTITY,
    MAX_PIXELS,
    PARTITION,
    SUBSETS,
    Celeba,
    identity_name,
)
from datumaro.formats.dataset_meta import DatasetMeta, MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED, is_flag
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import PointsCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

FIVE_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
"""CelebA's own key points."""

_LABEL, _BBOX, _POINTS = (
    int(kind) for kind in (AnnotationType.label, AnnotationType.bbox, AnnotationType.points)
)


def write(
    kind: Celeba, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
) -> None:
    """See `datumaro.formats.celeba.Celeba.write`."""
    require_images(content, "CelebA")
    _Writer(kind, content, folder, options, context).write()


class _Writer:
    def __init__(
        self,
        kind: Celeba,
        content: Content,
        folder: Path,
        options: MetaWriteOptions,
        context: WriteContext,
    ) -> None:
        self.kind, self.content, self.folder = kind, content, folder
        self.options, self.context = options, context
        self.names = content.label_names
        if "" in self.names or len(set(self.names)) < len(self.names):
            raise UnsupportedContentError("labels without a name, or with one name; rename them")
        self.subsets = _partitions(content.subset_names())
        self.images = ImageJobs(folder, options, context)
        self.owners: dict[str, str] = {}  # of the images' names
        self.used: set[int] = set()  # identities
        self.identities: list[str] = []
        self.partition: list[str] = []
        self.boxes: list[str] = []
        self.points: list[tuple[str, list[float]]] = []
        self.flags: list[tuple[str, dict[str, bool]]] = []

    def write(self) -> None:
        """Write all files; media last."""
        for rows, item in each_item(self.content, self.context.progress, "Writing CelebA"):
            self.write_item(rows, item)
        files = FileWriter(self.folder)
        files.save(IDENTITIES, _text(self.identities))
        files.save(PARTITION, _text(self.partition))
        if self.kind.boxes:
            files.save(self.kind.boxes, _table(" ".join(BOX_HEADER), self.boxes))
        if self.flags:
            files.save(ATTRIBUTES, self.attribute_table())
        files.save(self.kind.landmarks, self.landmark_table())
        (self.folder / self.kind.images).mkdir(parents=True, exist_ok=True)
        self.write_labels()
        self.images.save()

    def write_labels(self) -> None:
        """Write the labels' names, where they are not those that reading gives to identities."""
        if self.options.save_dataset_meta:
            dataset_meta.save(self.content.categories, self.folder, self.context)
            return
        given = [identity_name(number) for number in range(max(self.used, default=-1) + 1)]
        if self.names != given or len(given) > MAX_IDENTITY:
            dataset_meta.write(DatasetMeta(self.names), self.folder)

    # --- items ----------------------------------------------------------------------------------

    def write_item(self, rows: ChunkRows, item: int) -> None:
        """Note an item's lines and its image."""
        place = f"item {rows.ids[item]!r}"
        word = self.word(self.images.add(rows, item, self.kind.images), rows, item)
        self.partition.append(f"{word} {self.subsets[rows.subsets[item]]}")
        identities, first = self.annotations(rows, item, place)
        self.used.update(identities)
        self.identities += [f"{word} {identity}" for identity in identities]
        if _POINTS in first:
            values = rows.points(first[_POINTS])
            if self.are_pixels(values, place):
                self.points.append((word, values))
        if _BBOX in first and self.kind.boxes:
            x1, y1, x2, y2 = rows.points(first[_BBOX])
            values = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
            if self.are_pixels(values, place):
                self.boxes.append(f"{word} {_numbers(values)}")
        given = json_text.decode(rows.attributes[item])
        if flags := {name: value for name, value in given.items() if is_flag(name, value)}:
            self.flags.append((word, flags))

    def word(self, name: str, rows: ChunkRows, item: int) -> str:
        """How tables call an image: its name, in double quotes where it has white space.

        Raises
        ------
        UnsupportedContentError
            No line can have that name, or another item has it.
        """
        own = f"item {rows.ids[item]!r} of subset {rows.subsets[item]!r}"
        other = self.owners.setdefault(name, own)
        if other is not own:
            raise UnsupportedContentError(
                f"{other} and {own} would both be {name!r}: CelebA has one folder of images for "
                "all subsets; rename one of them before export"
            )
        if name.split() == [name] and not name.startswith("\ufeff"):
            return name
        if '"' in name or "\n" in name or "\r" in name:
            raise UnsupportedContentError(
                f"{own}: CelebA's lines hold no line breaks in names, nor white space and double "
                "quotes together; rename the item before export"
            )
        return f'"{name}"'

    def annotations(
        self, rows: ChunkRows, item: int, place: str
    ) -> tuple[list[int], dict[int, int]]:
        """(identities, the rows of key points and box by their kind) of an item."""
        identities: list[int] = []
        first: dict[int, int] = {}
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            kind, label = rows.types[row], rows.labels[row]
            if kind not in (_LABEL, _POINTS, _BBOX) or kind in first:
                continue
            if label != schema.NO_LABEL and not 0 <= label < len(self.names):
                self.context.lost(UNDECLARED, 1, place)
            elif kind != _LABEL:
                first[kind] = row
            elif label != schema.NO_LABEL:
                identities.append(label)
        labels = [rows.labels[row] for row in first.values()]
        if not identities and (given := [label for label in labels if label != schema.NO_LABEL]):
            identities.append(given[0])
            what = "labels of points and boxes whose item has none: it gets one"
            self.context.lost(what, 1, place)
        identity = identities[0] if identities else schema.NO_LABEL
        what = "labels of points and boxes that are not their item's first"
        self.context.lost(what, sum(label != identity for label in labels), place)
        return identities, first

    def are_pixels(self, values: list[float], place: str) -> bool:
        """Whether coordinates are such that they can be read again; tells those that are not."""
        fit = bool(values) and all(abs(value) < MAX_PIXELS for value in values)
        self.context.lost("points and boxes that are no numbers of pixels", not fit, place)
        return fit

    # --- tables ---------------------------------------------------------------------------------

    def attribute_table(self) -> bytes:
        """The attributes; an image that has none of them has no line."""
        columns = list(dict.fromkeys(name for _, flags in self.flags for name in flags))
        lines: list[str] = []
        for word, flags in self.flags:
            what = "attributes that an item has not, and others have: they become false"
            self.context.lost(what, len(columns) - len(flags), f"image {word}")
            values = " ".join("1" if flags.get(name) else "-1" for name in columns)
            lines.append(f"{word} {values}")
        return _table(" ".join(columns), lines)

    def landmark_table(self) -> bytes:
        """The key points: of each image as many, as most have."""
        counts = Counter(len(values) // 2 for _, values in self.points)
        n = counts.most_common(1)[0][0] if counts else len(FIVE_POINTS)
        lines: list[str] = []
        for word, values in self.points:
            if len(values) == 2 * n:
                lines.append(f"{word} {_numbers(values)}")
            else:
                what = f"points that are not {n} in number, as most are"
                self.context.lost(what, 1, f"image {word}")
        names = [f"{name}_{axis}" for name in self.point_names(n) for axis in "xy"]
        return _table(" ".join(names), lines)

    def point_names(self, n: int) -> list[str]:
        """Names of ``n`` key points: those of the data set, where they fit."""
        usual = [*FIVE_POINTS] if n == len(FIVE_POINTS) else [f"point{i + 1}" for i in range(n)]
        known = self.content.categories.get(AnnotationType.points)
        if not isinstance(known, PointsCategories) or not known.items:
            return usual
        one = next(iter(known.items.values()))
        names = list(one.labels)
        words = len(names) == n and all(name.split() == [name] for name in names)
        same = all(other.labels == one.labels for other in known.items.values())
        if not (words and same and self.points):
            self.context.lost("names of key points")
            return usual
        if known.items.keys() != self.used:
            self.context.lost("names of key points of labels that no image has, and the like")
        self.context.lost("joints of key points", any(o.joints for o in known.items.values()))
        return names


def _partitions(names: list[str]) -> dict[str, int]:
    """The numbers of the subsets, of which the default one is train."""
    numbers = {name: number for number, name in enumerate(SUBSETS)}
    if SUBSETS[0] not in names:
        numbers[DEFAULT_SUBSET_NAME] = 0
    others = [name for name in names if name not in numbers]
    if others:
        raise UnsupportedContentError(
            f"subset {others[0]!r}: CelebA has the subsets {', '.join(SUBSETS)} alone; rename it "
            "before export"
        )
    return numbers


def _numbers(values: list[float]) -> str:
    return " ".join(str(int(v)) if v.is_integer() else repr(v) for v in values)


def _table(header: str, lines: list[str]) -> bytes:
    return _text([str(len(lines)), header, *lines])


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
