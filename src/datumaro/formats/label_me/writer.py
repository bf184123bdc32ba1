"""Writing LabelMe's files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.label_me import attributes, masks
from datumaro.formats.label_me.reader import ANNOTATIONS, IMAGES, MASKS
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.formats.xml_files import escape_text
from datumaro.model.annotation import AnnotationType
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

_POINT = "      <pt><x>%s</x><y>%s</y></pt>\n"
_BBOX, _POLYGON, _MASK = (
    int(kind) for kind in (AnnotationType.bbox, AnnotationType.polygon, AnnotationType.mask)
)
_KINDS = frozenset({_BBOX, _POLYGON, _MASK})
_CACHED = 1 << 14
_HEAD = (
    "  <source>\n    <sourceImage></sourceImage>\n"
    "    <sourceAnnotation>Datumaro</sourceAnnotation>\n  </source>\n"
)


class Writer:
    """Writes a data set into a folder.

    Raises
    ------
    UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
        A name cannot be written, or the media are no images.
    """

    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        require_images(content, "LabelMe's format")
        self.content, self.folder, self.options, self.context = content, folder, options, context
        labels = content.labels
        if any(not label.name for label in labels):
            raise UnsupportedContentError("a label has no name, which means none in LabelMe")
        self.names = [escape_text(label.name) for label in labels]
        self.files = FileWriter(folder)
        self.images = ImageJobs(folder, options, context)
        self.texts: dict[str, tuple[str, str, str]] = {}

    def write(self) -> None:
        """Write all files; media last."""
        for subset in self.content.subset_names():
            check_subset_name(subset)
            if subset != subset.strip() or subset in (".", ".."):
                raise UnsupportedContentError(
                    f"subset {subset!r} cannot be told: rename it before export"
                )
        for rows, item in each_item(self.content, self.context.progress, "Writing LabelMe"):
            self.write_item(rows, item)
        if self.options.save_dataset_meta:
            dataset_meta.save(self.content.categories, self.folder, self.context)
        self.images.save()

    def write_item(self, rows: ChunkRows, item: int) -> None:
        """Write an item's files but its image."""
        item_id, subset = rows.ids[item], rows.subsets[item]
        join_inside(self.folder, f"{subset}/{item_id}", what="item id")
        filename = self.images.add(rows, item, f"{IMAGES}/{subset}")
        chosen = [
            row
            for row in range(rows.offsets[item], rows.offsets[item + 1])
            if rows.types[row] in _KINDS and self.is_known(rows, row, item_id)
        ]
        ids = self.ids(rows, chosen, item_id)
        parts = self.parts(rows, chosen, ids)
        texts = [
            self.object(rows, row, number, part, subset, item_id)
            for row, number, part in zip(chosen, ids, parts, strict=True)
        ]
        height, width = rows.size(item)
        size = ""
        if height and width:
            size = (
                f"  <imagesize>\n    <nrows>{height}</nrows>\n    <ncols>{width}</ncols>\n"
                "  </imagesize>\n"
            )
        objects = "".join(texts)
        text = (
            f"<annotation>\n  <filename>{escape_text(filename)}</filename>\n"
            f"  <folder>{escape_text(subset)}</folder>\n{_HEAD}{size}{objects}</annotation>\n"
        )
        self.files.save(f"{ANNOTATIONS}/{subset}/{item_id}.xml", text.encode())

    def is_known(self, rows: ChunkRows, row: int, item_id: str) -> bool:
        """Whether an annotation's label has a name; one that has none is counted."""
        label = rows.labels[row]
        if label == schema.NO_LABEL or 0 <= label < len(self.names):
            return True
        self.context.lost(UNDECLARED, 1, f"item {item_id!r}")
        return False

    def ids(self, rows: ChunkRows, chosen: list[int], item_id: str) -> list[int]:
        """A number for each object: its id, where no other has it; else a free one."""
        given = [rows.ann_ids[row] for row in chosen]
        taken = set(given)
        if 0 not in taken and len(taken) == len(given) and min(given, default=0) >= 0:
            return given
        seen = {number for number in given if number > 0}
        free = (number for number in range(len(given) + len(seen)) if number not in seen)
        used: set[int] = set()
        made: list[int] = []
        for number in given:
            if number > 0 and number not in used:
                used.add(number)
                made.append(number)
            else:
                if number:
                    what = "ids that others of their item have too, or that are negative"
                    self.context.lost(what, 1, f"item {item_id!r}")
                made.append(next(free))
        return made

    def parts(self, rows: ChunkRows, chosen: list[int], ids: list[int]) -> list[tuple[str, str]]:
        """(what each object has as parts, what it is a part of): the first of a group leads it."""
        groups = Counter(rows.groups[row] for row in chosen)
        members: dict[int, list[int]] = {}
        for row, number in zip(chosen, ids, strict=True):
            group = rows.groups[row]
            if group and groups[group] > 1:
                members.setdefault(group, []).append(number)
        found: list[tuple[str, str]] = []
        for row, number in zip(chosen, ids, strict=True):
            group = members.get(rows.groups[row])
            if not group:
                found.append(("", ""))
            elif group[0] == number:
                found.append((",".join(map(str, group[1:])), ""))
            else:
                found.append(("", str(group[0])))
        return found

    def object(
        self,
        rows: ChunkRows,
        row: int,
        number: int,
        parts: tuple[str, str],
        subset: str,
        item_id: str,
    ) -> str:
        """An object's text; its mask is written."""
        occluded, username, own = self.attributes(rows.ann_attributes[row])
        label = rows.labels[row]
        name = "" if label < 0 else self.names[label]
        kind = rows.types[row]
        if kind == _MASK:
            shape = self.mask(rows, row, f"{item_id}_mask_{number}.png", username, subset)
        else:
            points = rows.printed_points(row)
            if kind == _BBOX:
                x1, y1, x2, y2 = points
                points = [x1, y1, x2, y1, x2, y2, x1, y2]
            inner = _POINT * (len(points) // 2) % tuple(points)
            box = "    <type>bounding_box</type>\n" if kind == _BBOX else ""
            shape = (
                f"{box}    <polygon>\n{inner}      <username>{username}</username>\n"
                "    </polygon>\n"
            )
        return (
            f"  <object>\n    <name>{name}</name>\n    <deleted>0</deleted>\n"
            f"    <verified>0</verified>\n    <occluded>{occluded}</occluded>\n    <date></date>\n"
            f"    <id>{number}</id>\n    <parts>\n      <hasparts>{parts[0]}</hasparts>\n"
            f"      <ispartof>{parts[1]}</ispartof>\n    </parts>\n{shape}"
            f"    <attributes>{own}</attributes>\n  </object>\n"
        )

    def mask(self, rows: ChunkRows, row: int, name: str, username: str, subset: str) -> str:
        """Write a mask; the text that names it."""
        try:
            data, (x, y, width, height) = masks.encode(*rows.mask(row))
        except ValueError as error:
            raise UnsupportedContentError(f"{name}: the mask is damaged: {error}") from None
        self.files.save(f"{MASKS}/{subset}/{name}", data)
        return (
            f"    <segm>\n      <mask>{escape_text(name)}</mask>\n      <box>\n"
            f"        <xmin>{x}</xmin>\n        <ymin>{y}</ymin>\n"
            f"        <xmax>{x + width}</xmax>\n        <ymax>{y + height}</ymax>\n      </box>\n"
            f"      <username>{username}</username>\n    </segm>\n"
        )

    def attributes(self, text: str) -> tuple[str, str, str]:
        """(yes or no, the user's name, the text of other attributes) of a JSON object."""
        found = self.texts.get(text)
        if found is None:
            if len(self.texts) >= _CACHED:
                self.texts.clear()
            found = self.texts[text] = _attributes(json_text.decode(text))
        return found


def _attributes(given: dict[str, Any]) -> tuple[str, str, str]:
    occluded, username = "no", ""
    if isinstance(given.get("occluded"), bool):
        occluded = "yes" if given.pop("occluded") else "no"
    if isinstance(given.get("username"), str):
        username = escape_text(given.pop("username"))
    return occluded, username, escape_text(attributes.text_of(given))
