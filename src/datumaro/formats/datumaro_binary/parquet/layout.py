"""The columns of a Parquet file of a data set, by their names in the file.

docs/storage.md is the specification.
"""

from __future__ import annotations

import pyarrow as pa

from datumaro.formats.datumaro_binary.parquet.metadata import (
    KEY as KEY,
    FileMetadata as FileMetadata,
    file_stem as file_stem,
)

COORDINATES = "coordinates"
ITEM_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.large_string(),
    "attributes": pa.large_string(),
    "attributes_pattern": pa.large_string(),
    "media_type": pa.large_string(),
    "path": pa.large_string(),
    "path_pattern": pa.large_string(),
    "height": pa.int32(),
    "width": pa.int32(),
    "media_extra": pa.large_string(),
    COORDINATES: pa.large_binary(),
}
ANNOTATIONS = "annotations"
ANNOTATION_FIELDS: dict[str, pa.DataType] = {
    "type": pa.large_string(),
    "label": pa.int32(),
    "id": pa.int64(),
    "group": pa.int64(),
    "object_id": pa.int32(),
    "z_order": pa.int32(),
    "attributes": pa.large_string(),
    "area_bits": pa.int64(),
    "n_coordinates": pa.int32(),
    "visibility": pa.large_binary(),
    "mask_height": pa.int32(),
    "mask_width": pa.int32(),
    "rle": pa.large_binary(),
    "text": pa.large_string(),
    "extra": pa.large_string(),
}
DICTIONARIES = [f"{ANNOTATIONS}.list.element.{name}" for name in ("type", "attributes")]
"""Texts that repeat: Arrow is asked for them as numbers, and need not make texts of them."""
