"""Writing LFW."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.lfw import (
    ANNOTATIONS,
    IMAGES,
    LABEL_NAME,
    LANDMARKS,
    NEGATIVE,
    NOBODY,
    PAIRS,
    PEOPLE,
    POSITIVE,
    number_of,
)
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

_LABEL, _POINTS = int(AnnotationType.label), int(AnnotationType.points)
_NO_LABEL = schema.NO_LABEL


def write(content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext) -> None:
    """See `datumaro.formats.lfw.Lfw.write`."""
    require_images(content, "LFW")
    _Writer(content, folder, options, context).write(content)


@dataclass
class _Lists:
    """The lines of a subset's files.

    Attributes
    ----------
    alone : of images that no pair names yet, by what pairs would call them.
    """

    pairs: list[str] = field(default_factory=list[str])
    alone: dict[str, None] = field(default_factory=dict[str, None])
    landmarks: list[str] = field(default_factory=list[str])
    counts: Counter[int] = field(default_factory=Counter[int])


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.folder, self.options, self.context = folder, options, context
        self.names = content.label_names
        for name in self.names:
            if not LABEL_NAME.fullmatch(name):
                raise UnsupportedContentError(
                    f"label {name!r}: LFW has a folder of that name; rename it to one without "
                    "slashes and line breaks before export"
                )
        self.people = set(self.names)
        self.lists: dict[str, _Lists] = {}
        self.images = ImageJobs(folder, options, context)

    def write(self, content: Content) -> None:
        """Write all files; media last."""
        for rows, item in each_item(content, self.context.progress, "Writing LFW"):
            self.write_item(rows, item)
        files = FileWriter(self.folder)
        for subset, lists in self.lists.items():
            start = f"{subset}/{ANNOTATIONS}/"
            lines = [f"1\t{len(lists.pairs)}\n", *lists.pairs]
            lines += [f"{name}\n" for name in lists.alone]
            files.save(start + PAIRS, "".join(lines).encode())
            people = [f"{name}\t{lists.counts[label]}\n" for label, name in enumerate(self.names)]
            files.save(start + PEOPLE, "".join(people).encode())
            if lists.landmarks:
                files.save(start + LANDMARKS, "".join(lists.landmarks).encode())
        if self.options.save_dataset_meta:
            dataset_meta.save(content.categories, self.folder, self.context)
        self.images.save()

    def lists_of(self, subset: str) -> _Lists:
        """The lists of a subset."""
        if subset not in self.lists:
            check_subset_name(subset)
            join_inside(self.folder, subset, what="subset name")
            self.lists[subset] = _Lists()
        return self.lists[subset]

    def write_item(self, rows: ChunkRows, item: int) -> None:
        """Note an item's lines and its image."""
        item_id, place = rows.ids[item], f"item {rows.ids[item]!r}"
        lists = self.lists_of(rows.subsets[item])
        label, attributes, points = self.annotations(rows, item, place)
        person = self.names[label] if label != _NO_LABEL else NOBODY
        self.check(item_id, person, place)
        name = item_id if label == _NO_LABEL else f"{person}/{item_id}"
        paired = False
        for key in (POSITIVE, NEGATIVE):
            given = attributes.get(key)
            others = cast(list[Any], given) if isinstance(given, list) else []
            for other in others:
                line = self.pair(person, item_id, other, key)
                if line is None:
                    self.context.lost(f"{key} that name no image of a person", 1, place)
                else:
                    lists.pairs.append(line)
                    paired = True
        if not paired:
            lists.alone[name] = None
        if label != _NO_LABEL:
            lists.counts[label] += 1
        image = self.images.add(rows, item, f"{rows.subsets[item]}/{IMAGES}", name)
        if points:
            values = "\t".join(map(repr, points))
            lists.landmarks.append(f"{image}\t{values}\n")

    def annotations(
        self, rows: ChunkRows, item: int, place: str
    ) -> tuple[int, dict[str, Any], list[float]]:
        """(label, attributes of the label, key points) of an item."""
        label, attributes, points = _NO_LABEL, dict[str, Any](), list[float]()
        first: dict[int, int] = {}
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            kind, other = rows.types[row], rows.labels[row]
            if kind not in (_LABEL, _POINTS) or kind in first:
                continue
            if other != _NO_LABEL and not 0 <= other < len(self.names):
                self.context.lost(UNDECLARED, 1, place)
                continue
            first[kind] = row
        if _LABEL in first:
            label = rows.labels[first[_LABEL]]
            attributes = json_text.decode(rows.ann_attributes[first[_LABEL]])
        if _POINTS in first:
            points = rows.points(first[_POINTS])
            other = rows.labels[first[_POINTS]]
            if _LABEL not in first and other != _NO_LABEL:
                label = other
                self.context.lost("points of a label that the item has not: it gets it", 1, place)
            elif other != label:
                self.context.lost("labels of points that are not their item's", 1, place)
        return label, attributes, points

    def pair(self, person: str, item_id: str, other: Any, key: str) -> str | None:
        """The line of a pair; None when it cannot be written."""
        if not isinstance(other, str) or len(other.splitlines()) != 1 or "\t" in other:
            return None
        name, slash, rest = other.partition("/")
        if not (slash and name in self.people):
            name, rest = NOBODY, other
        words = [_word(person, item_id), _word(name, rest)]
        if "" in words or (key == POSITIVE and name != person):
            return None
        if key == POSITIVE:
            return f"{person}\t{words[0]}\t{words[1]}\n"
        return f"{person}\t{words[0]}\t{name}\t{words[1]}\n"

    def check(self, item_id: str, person: str, place: str) -> None:
        """Refuse an id that could not be read again."""
        if len(item_id.splitlines()) != 1 or "\t" in item_id or item_id != item_id.strip():
            raise UnsupportedContentError(
                f"{place}: LFW's lines hold no tabs and line breaks in names, nor spaces around "
                "them; rename the item before export"
            )
        if escapes(item_id):
            join_inside(self.folder, item_id, what="item id")
        if person == NOBODY and item_id.partition("/")[0] in self.people and "/" in item_id:
            raise UnsupportedContentError(
                f"{place}: an id that begins with a label's name is one of an image with that "
                "label; rename the item before export"
            )


def _word(person: str, item_id: str) -> str:
    """How a line of a pair calls an image: its number, or its id; "" where that would be taken for
    another's.
    """
    if person != NOBODY:
        if number := number_of(person, item_id):
            return str(number)
        if item_id.isascii() and item_id.isdecimal():
            return ""
    return item_id
