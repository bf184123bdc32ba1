"""What a Parquet file says of itself, without Arrow: that takes longer to import than to use."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from datumaro.errors import MalformedFileError
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata, checked
from datumaro.formats.datumaro_binary.sources import PARQUET
from datumaro.kernels.parquet_footer import footer
from datumaro.remote.path import as_remote

_MAGIC = PARQUET[0]
_MOST = 1 << 28
"""Bytes of a footer that is read here: ours have some tens of thousands."""


def plain_footer(path: Path) -> bytes | None:
    """A file's footer as it is stored; None where that is Arrow's to read: of files that are
    encrypted, at URLs, or of which the footer is very large.

    Raises
    ------
    MalformedFileError
        The file was cut.
    """
    if as_remote(path) is not None:
        return None
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
        at = max(size - 8, 0)
        file.seek(at)
        end = file.read(8)
        length = struct.unpack("<I", end[:4])[0] if len(end) == 8 else 0
        if end[4:] != _MAGIC or length > at - len(_MAGIC):
            found = f"{size} bytes, at whose end is {end!r}"
            raise MalformedFileError(path, "footer", found, "a whole Parquet file")
        if length > _MOST:
            return None
        file.seek(at - length)
        return file.read(length)


def plain_metadata(path: Path) -> FileMetadata | None:
    """What a file says of itself; None as `plain_footer`, or where it is signed.

    Raises
    ------
    MalformedFileError
        It is damaged, or of a kind that is not known here.
    """
    data = plain_footer(path)
    if data is None:
        return None
    try:
        told = footer(data)
    except ValueError as error:
        raise MalformedFileError(path, "footer", str(error), "a whole Parquet file") from error
    return None if told is None else checked(path, told[1], told[0])
