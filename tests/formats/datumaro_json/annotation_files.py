"""Small data sets of the `datumaro` format for the tests, and how they are read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.datumaro_json.format import DatumaroJson
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import Image
from datumaro.options import make_options
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

FORMAT = DatumaroJson()
LABELS = {"label": {"labels": [{"name": "cat", "parent": ""}, {"name": "dog", "parent": ""}]}}


def read(path: Path, on_error: Any = "fail", **options: Any) -> Content:
    context = ReadContext(on_error=on_error)
    return FORMAT.read(path, make_options(FORMAT.read_options, options, "datumaro"), context)


def write(content: Content, folder: Path, **options: Any) -> WriteContext:
    folder.mkdir()
    context = WriteContext()
    given = make_options(FORMAT.write_options, options, "datumaro")
    FORMAT.write(content, folder, given, context)
    return context


def rows(content: Content) -> list[dict[str, Any]]:
    """All items with all that is known of them."""
    found: list[dict[str, Any]] = []
    for chunk in content.chunks:
        annotations = chunk.annotations.to_pylist()
        for annotation in annotations:
            if annotation["area"] != annotation["area"]:
                annotation["area"] = None
        for i, item in enumerate(chunk.items.to_pylist()):
            begin, end = chunk.offsets[i], chunk.offsets[i + 1]
            found.append(item | {"annotations": annotations[begin:end]})
    return found


def chunk_of(items: list[dict[str, Any]]) -> Chunk:
    """A chunk of items; each has ``annotations``; columns that are not given are blank."""
    annotations = [a for item in items for a in item["annotations"]]
    offsets = np.cumsum([0, *(len(item["annotations"]) for item in items)])

    def column(field: pa.Field, given: list[dict[str, Any]]) -> pa.Array:
        return pa.array([one[field.name] for one in given], field.type)

    def columns(kinds: pa.Schema, given: list[dict[str, Any]]) -> dict[str, pa.Array]:
        names = given[0].keys() if given else ()
        return {field.name: column(field, given) for field in kinds if field.name in names}

    item_columns = columns(schema.ITEMS, items)
    if "subset" not in item_columns:
        item_columns["subset"] = schema.constant_dictionary("default", len(items))
    return Chunk(
        schema.item_batch(len(items), item_columns),
        schema.annotation_batch(len(annotations), columns(schema.ANNOTATIONS, annotations)),
        offsets.astype(np.int64),
    )


def put(folder: Path, name: str = "a", **members: Any) -> Path:
    """Write a file of the format by hand."""
    text = {"dm_format_version": "1.0", "categories": LABELS, "items": []} | members
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    path = folder / "annotations" / f"{name}.json"
    path.write_text(json.dumps({k: v for k, v in text.items() if v is not ...}))
    return path


def item(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "a", "annotations": list(annotations), **more}


T = AnnotationType


def picture(path: Path, value: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.from_numpy(data=np.full((4, 6, 3), value, np.uint8)).save(str(path))
    return str(path)
