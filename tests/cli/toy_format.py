"""Small formats for tests of the command line, installed as a third party's would be."""

from __future__ import annotations

import errno
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datumaro.dataset import Dataset
from datumaro.errors import InvalidAnnotationError, MalformedFileError
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
from datumaro.model.item import DatasetItem
from datumaro.model.media import Image
from datumaro.model.shapes import Bbox
from datumaro.options import option
from datumaro.table.chunk import Content

FILE = "toy.json"


@dataclass(frozen=True, kw_only=True)
class ToyReadOptions(ReadOptions):
    limit: int | None = option(None, "read that many items", parse=int, metavar="N")
    prefix: str = option("", "put before each id")


@dataclass(frozen=True, kw_only=True)
class ToyWriteOptions(WriteOptions):
    indent: int = option(0, "spaces of indentation, 100% optional", short="-n")
    sort: bool = option(True, "sort the items by id")
    case: str = option("keep", "letters of ids", choices=("keep", "upper"))
    delay: float = option(0.0, "seconds to wait at each item")


class Toy(Format):
    name = "toy"
    title = "boxes in one JSON file"
    read_options = ToyReadOptions
    write_options = ToyWriteOptions
    owned = (FILE,)

    def detect(self, folder: Folder) -> Confidence:
        if FILE not in folder.files():
            raise Rejected(f"there is no {FILE}")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        file = path / FILE
        try:
            data = json.loads(file.read_bytes())
        except ValueError as error:
            raise MalformedFileError(file, "byte 0", str(error), "JSON") from error
        items: list[DatasetItem] = []
        for row in context.progress.iter(data["items"][: options.limit], desc="reading"):
            boxes: list[Bbox] = []
            for x, y, w, h, label in row["boxes"]:
                if w < 0:
                    context.problem(InvalidAnnotationError(f"{file}: item {row['id']}: width {w}"))
                    continue
                boxes.append(Bbox(x, y, w, h, label=label))
            media = Image.from_file(path / row["image"]) if "image" in row else None
            item_id = options.prefix + row["id"]
            subset = row["subset"]
            items.append(DatasetItem(item_id, subset=subset, media=media, annotations=boxes))
        return Dataset.from_iterable(items, categories=data["labels"], media_type=Image).content()

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        rows: list[dict[str, Any]] = []
        with (folder / FILE).open("w") as file:
            file.write("half-written")
            for item in context.progress.iter(Dataset(content), total=len(content), desc="writing"):
                time.sleep(options.delay)
                item_id = item.id.upper() if options.case == "upper" else item.id
                boxes = [[*a.get_bbox(), a.label] for a in item.annotations]
                rows.append({"id": item_id, "subset": item.subset, "boxes": boxes})
        if options.sort:
            rows.sort(key=lambda row: row["id"])
        labels = Dataset(content).get_label_cat_names()
        text = json.dumps({"labels": labels, "items": rows}, indent=options.indent or None)
        (folder / FILE).write_text(text)


class ToyTwin(Toy):
    """Matches where `Toy` does, when it is asked for."""

    name = "toy_twin"

    def detect(self, folder: Folder) -> Confidence:
        if "twin" not in folder.files():
            raise Rejected("there is no twin")
        return super().detect(folder)


class ToyReadOnly(Toy):
    name = "toy_read_only"
    writes = False

    def detect(self, folder: Folder) -> Confidence:
        raise Rejected("never")


class ToyWriteOnly(Toy):
    name = "toy_write_only"
    reads = False


class ToyBuggy(ToyReadOnly):
    name = "toy_buggy"
    writes = True

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        (folder / FILE).write_text("half-written")
        raise KeyError("oops")


class ToyFull(ToyBuggy):
    """Writes to a full disk."""

    name = "toy_full"

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")
