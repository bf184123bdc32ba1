"""Small COCO data sets for the tests, and how they are read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datumaro.formats import registry
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.losses import count_losses
from datumaro.options import make_options
from datumaro.table.chunk import Content

Json = dict[str, Any]

CATEGORIES: list[Json] = [
    {"id": 3, "name": "cat", "supercategory": "animal"},
    {"id": 7, "name": "猫", "supercategory": ""},
]


def image(number: int = 1, name: str = "a.jpg", **more: Any) -> Json:
    """An image of 8 x 6 pixels."""
    return {"id": number, "file_name": name, "height": 6, "width": 8, **more}


def annotation(number: int = 1, image_id: int = 1, **more: Any) -> Json:
    """A cat in a box."""
    whole = {
        "id": number,
        "image_id": image_id,
        "category_id": 3,
        "bbox": [1, 2, 3, 4],
        "area": 12.0,
        "iscrowd": 0,
        "segmentation": [],
    }
    return {key: value for key, value in (whole | more).items() if value is not ...}


def save(
    folder: Path,
    name: str = "instances_train.json",
    images: list[Json] | None = None,
    annotations: list[Json] | None = None,
    categories: list[Json] | None = None,
    **more: Any,
) -> Path:
    """Write an annotation file; the data set's folder."""
    path = folder / "annotations" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "images": [image()] if images is None else images,
        "annotations": annotations or [],
        "categories": CATEGORIES if categories is None else categories,
        **more,
    }
    path.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    return folder


def read(
    path: Path, name: str = "coco_instances", context: ReadContext | None = None, **options: Any
) -> Content:
    """Read a data set."""
    kind = registry.get(name)
    made = make_options(kind.read_options, options, name)
    content = kind.read(path, made, context or ReadContext())
    for chunk in content.chunks:
        chunk.items.validate(full=True)
        chunk.annotations.validate(full=True)
    return content


def write(
    content: Content, folder: Path, name: str = "coco_instances", **options: Any
) -> WriteContext:
    """Write a data set; what was lost."""
    kind = registry.get(name)
    folder.mkdir(parents=True, exist_ok=True)
    context = WriteContext()
    chosen = make_options(kind.write_options, options, name)
    count_losses(content, kind.holding(chosen), context)
    kind.write(content, folder, chosen, context)
    return context


def load(folder: Path, name: str = "instances_train.json") -> Json:
    """An annotation file as Python's json reads it."""
    return json.loads((folder / "annotations" / name).read_bytes())


def rows(content: Content) -> dict[str, list[Json]]:
    """The annotations of each item, as dicts of the columns."""
    found: dict[str, list[Json]] = {}
    for chunk in content.chunks:
        ids = chunk.items.column("id").to_pylist()
        for number, item in enumerate(ids):
            begin, end = chunk.offsets[number : number + 2].tolist()
            found[item] = chunk.annotations.slice(begin, end - begin).to_pylist()
    return found


def items(content: Content) -> list[Json]:
    """All items, as dicts of the columns."""
    return [item for chunk in content.chunks for item in chunk.items.to_pylist()]
