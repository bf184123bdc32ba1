"""An encrypted Parquet file: Parquet Modular Encryption is Arrow's to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datumaro.formats.datumaro_binary.parquet.column_chunks import Storage
from datumaro.formats.datumaro_binary.parquet.column_values import DELTAS, DICTIONARY, SPLIT, TEXTS
from datumaro.formats.datumaro_binary.parquet.packing import paths_of

_ENCODINGS = {
    TEXTS: "DELTA_LENGTH_BYTE_ARRAY",
    SPLIT: "BYTE_STREAM_SPLIT",
    DELTAS: "DELTA_BINARY_PACKED",
}


def write_encrypted(
    path: Path,
    kind: pa.Schema,
    groups: Iterable[pa.RecordBatch],
    metadata: Mapping[bytes, bytes],
    storage: Mapping[str, Storage],
    encryption: Any,
) -> None:
    """Write a file.

    Parameters
    ----------
    kind : the schema of the row groups, which are written one by one as they come.
    storage : how columns are stored, by their paths.
    encryption : `pyarrow.parquet.FileEncryptionProperties`.
    """
    options = _options({path: storage[path] for path in paths_of(kind)})
    with pq.ParquetWriter(path, kind, encryption_properties=encryption, **options) as writer:
        writer.add_key_value_metadata(metadata)
        for group in groups:
            writer.write_batch(group)


def _options(columns: Mapping[str, Storage]) -> dict[str, Any]:
    levels = {path: told.level for path, told in columns.items() if told.level is not None}
    given = [path for path, told in columns.items() if told.encoding == DICTIONARY]
    return {
        "compression": {path: "zstd" if path in levels else "none" for path in columns},
        "compression_level": levels,
        "use_dictionary": given,
        "column_encoding": {
            path: _ENCODINGS[told.encoding] for path, told in columns.items() if path not in given
        },
        # the types are plain ones then, whatever Arrow is given
        "store_schema": False,
        "write_page_checksum": True,
        "write_statistics": [path for path, told in columns.items() if told.has_statistics],
    }
