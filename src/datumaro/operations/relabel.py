"""Other numbers for labels, on columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk


def relabelled(chunk: Chunk, numbers: schema.Array) -> Chunk:
    """A chunk whose annotations have other label numbers, key points of skeletons included.

    Parameters
    ----------
    numbers : int32, the new number of each old one.
    """
    annotations = chunk.annotations
    column = annotations.column("label")
    values = schema.label_values(column).copy()
    given = values != schema.NO_LABEL
    values[given] = numbers[values[given]]
    index = annotations.schema.get_field_index("label")
    annotations = annotations.set_column(
        index, schema.ANNOTATIONS.field("label"), schema.labels(values)
    )
    types = annotations.column("type").to_numpy()
    skeletons = np.flatnonzero(types == AnnotationType.skeleton)
    if len(skeletons):
        texts: list[str] = annotations.column("extra").to_pylist()
        for row in skeletons.tolist():
            texts[row] = _relabelled_elements(texts[row], numbers)
        index = annotations.schema.get_field_index("extra")
        annotations = annotations.set_column(
            index, schema.ANNOTATIONS.field("extra"), pa.array(texts, pa.large_string())
        )
    return Chunk(chunk.items, annotations, chunk.offsets, chunk.media)


def _relabelled_elements(text: str, numbers: schema.Array) -> str:
    extra = json_text.decode(text)
    elements: list[dict[str, Any]] = extra["elements"]
    for element in elements:
        if element.get("label") is not None:
            element["label"] = int(numbers[element["label"]])
    return json_text.encode(extra).decode()
