"""Parquet files at URLs: of each the footer is fetched once, and then what is asked for of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datumaro.errors import RemoteStorageError
from datumaro.remote.failures import failure
from datumaro.remote.path import as_remote


def open_parquet(path: Path, metadata: Any = None, **options: Any) -> Any:
    """A `pyarrow.parquet.ParquetFile`, of a local file or one at a URL.

    Parameters
    ----------
    metadata : its footer, when that is known.
    options : as `ParquetFile` has them.
    """
    remote = as_remote(path)
    if remote is None:
        return pq.ParquetFile(path, metadata=metadata, **options)
    # the columns of a row group in few requests
    file: Any = pq.ParquetFile(
        remote.arrow_file(), metadata=metadata or remote.footer, pre_buffer=True, **options
    )
    remote.footer = file.metadata
    return file


def failure_at(path: Path, error: Exception) -> RemoteStorageError | None:
    """What a server's failure is told as; None for a damaged file, or a local one."""
    remote = as_remote(path)
    return None if remote is None else failure(error, str(path), remote.connection)
