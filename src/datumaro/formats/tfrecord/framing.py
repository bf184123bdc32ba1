"""TFRecord files: records of bytes one after another, each with its length and check sums.

A record is its length (8 bytes), the length's masked CRC-32C (4 bytes), its data, and the data's
masked CRC-32C (4 bytes); numbers are little-endian. Definition:
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from datumaro.errors import MalformedFileError
from datumaro.kernels.tfrecord import crc32c

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_BUFFER = 1 << 20

Buffer = bytes | bytearray | memoryview


class Record(NamedTuple):
    """A record.

    Attributes
    ----------
    at : where its data begin in the file, in bytes.
    """

    at: int
    data: bytes


def masked_crc(data: Buffer) -> int:
    """The check sum of bytes as it stands in the file."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(path: str | os.PathLike[str]) -> Iterator[Record]:
    """The records of a file; one at a time is in memory.

    Raises
    ------
    MalformedFileError
        A check sum is wrong, or the file ends within a record; the message says at which byte.
    """
    with Path(path).open("rb", buffering=_BUFFER) as file:
        size = os.fstat(file.fileno()).st_size
        at = 0
        while at < size:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise MalformedFileError(
                    path, f"byte {at}", f"{len(head)} bytes", "the 12 bytes that begin a record"
                )
            length, crc = _HEAD.unpack(head)
            if crc != masked_crc(head[:8]):
                raise MalformedFileError(
                    path, f"byte {at}", "a length with another check sum", "a record"
                )
            begin = at + _HEAD.size
            left = size - begin - _TAIL.size
            if length > left:
                raise MalformedFileError(
                    path, f"byte {at}", f"a record of {length} bytes", f"at most {max(left, 0)}"
                )
            data, tail = file.read(length), file.read(_TAIL.size)
            if len(data) < length or len(tail) < _TAIL.size:  # cut since its size was asked
                raise MalformedFileError(path, f"byte {at}", "the end of the file", "a record")
            if _TAIL.unpack(tail)[0] != masked_crc(data):
                raise MalformedFileError(
                    path, f"byte {begin}", "data with another check sum", "the record's data"
                )
            yield Record(begin, data)
            at = begin + length + _TAIL.size


def write_record(file: BinaryIO, data: bytes) -> None:
    """Append a record to an open file."""
    length = _LENGTH.pack(len(data))
    file.write(_HEAD.pack(len(data), masked_crc(length)))
    file.write(data)
    file.write(_TAIL.pack(masked_crc(data)))
