"""Small `.datum` files for the tests, and how they are read and written."""

import struct

import numpy as np
import pyarrow as pa
import pytest

from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.datumaro_binary.format import (
    DatumaroBinary,
    DatumaroBinaryReadOptions,
    DatumaroBinaryWriteOptions,
)
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.categories import LabelCategories
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

FORMAT = DatumaroBinary()
each_storage = pytest.mark.parametrize("storage", ["records", "parquet"])


def batch(kind, blank, rows):
    """A batch of rows given as dicts of what is not blank."""
    names = {name for row in rows for name in row}
    default = {name: blank.column(name)[0].as_py() for name in kind.names}
    columns = {
        name: pa.array([(default | row)[name] for row in rows], kind.field(name).type)
        for name in names
    }
    return columns


def annotations(rows):
    return schema.annotation_batch(
        len(rows), batch(schema.ANNOTATIONS, schema.annotation_batch(1, {}), rows)
    )


def chunk(items, media=None):
    """A chunk of (item, annotations), both given as dicts of what is not blank."""
    constant = {"subset": schema.constant_dictionary("train", 1)}
    rows = [{"subset": "train"} | item for item, _ in items]
    columns = batch(schema.ITEMS, schema.item_batch(1, constant), rows)
    subset = pa.array([row["subset"] for row in rows], pa.large_string()).dictionary_encode()
    columns["subset"] = subset.cast(schema.ITEMS.field("subset").type)
    offsets = np.cumsum([0, *(len(own) for _, own in items)])
    own = annotations([row for _, rows in items for row in rows])
    return Chunk(schema.item_batch(len(items), columns), own, offsets, media or {})


def told(content):
    """Everything in chunks, as plain values that compare (NaN equals NaN)."""
    items = []
    for part in content.chunks:
        rows = part.annotations.to_pylist()
        for i, item in enumerate(part.items.to_pylist()):
            own = rows[part.offsets[i] : part.offsets[i + 1]]
            items.append(
                (item, [row | {n: repr(row[n]) for n in ("area", "points")} for row in own])
            )
    return items


def write(content, folder, context=None, **options):
    folder.mkdir(parents=True, exist_ok=True)
    FORMAT.write(content, folder, DatumaroBinaryWriteOptions(**options), context or WriteContext())
    return folder


def read(folder, on_error="fail", **options):
    return FORMAT.read(folder, DatumaroBinaryReadOptions(**options), ReadContext(on_error=on_error))


def one_file(folder):
    (path,) = folder.glob("annotations/*.datum")
    return path


def labelled(*labels):
    """A data set of one item with a label annotation for each."""
    return Content(
        [chunk([({"id": "1"}, [{"type": Kind.label, "label": label} for label in labels])])],
        {Kind.label: LabelCategories.from_iterable(["a", "b"])},
    )


def image_item(item_id, path, **more):
    return {"id": item_id, "media_type": MediaType.IMAGE, "path": path} | more


def paths_of(content):
    return [item["path"] for item, _ in told(content)]


def u32(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)
