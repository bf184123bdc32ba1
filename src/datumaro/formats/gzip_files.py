"""Files that may be packed by gzip, read within a bound: they may lie about what is in them."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path

from datumaro.errors import MalformedFileError

_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 20
_LEVEL = 6


def read(path: Path, limit: int, expected: str) -> bytearray:
    """A file's content, unpacked where it is packed.

    Parameters
    ----------
    limit : the most bytes that are unpacked.
    expected : what it should be, for messages.

    Raises
    ------
    MalformedFileError
        It is damaged, cut short, or longer.
    """
    data = bytearray()
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _MAGIC
            file.seek(0)
            stream = gzip.GzipFile(fileobj=file) if packed else file
            while block := stream.read(_BLOCK):
                data += block
                if len(data) > limit:
                    found = f"more than {limit} bytes"
                    raise MalformedFileError(path, f"byte {limit}", found, expected)
    except EOFError:
        raise MalformedFileError(
            path, f"byte {len(data)}", "the end of the packed data", f"the rest of {expected}"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        found = f"damaged packed data ({error})"
        raise MalformedFileError(path, f"byte {len(data)}", found, expected) from None
    return data


class GzipWriter(io.RawIOBase):
    """A new packed file, always of the same bytes for the same content."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = Path(path).open("wb")  # noqa: SIM115 - closed below
        self._gzip = gzip.GzipFile("", "wb", _LEVEL, self._file, mtime=0)
        self._buffer: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Append bytes."""
        self._buffer.append(data)
        self._size += len(data)
        if self._size >= _BLOCK:
            self._empty()
        return len(data)

    def _empty(self) -> None:
        self._gzip.write(b"".join(self._buffer))
        self._buffer, self._size = [], 0

    def close(self) -> None:
        """Write what is left."""
        if not self.closed:
            try:
                self._empty()
                self._gzip.close()
            finally:
                self._file.close()
        super().close()
