"""Files of fsspec's, read by ranges: nothing is fetched that is not asked for."""

from __future__ import annotations

import io
from typing import Any


class RangedFile(io.RawIOBase):
    """A file whose reads are each a request of their own. Several may be open of one file.

    Parameters
    ----------
    filesystem : of fsspec.
    path : as the file system names it.
    """

    def __init__(self, filesystem: Any, path: str) -> None:
        self._filesystem, self._path, self._at = filesystem, path, 0
        info = filesystem.info(path)
        if info["type"] != "file":
            raise FileNotFoundError(f"{path}: it is a folder")
        self._size: int = -1 if info["size"] is None else info["size"]
        self._whole: bytes | None = None
        if self._size < 0:  # a server that does not say
            self._whole = filesystem.cat_file(path)
            self._size = len(self._whole or b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        if self._whole is not None:
            data = self._whole[self._at : end]
        else:
            data = self._filesystem.cat_file(self._path, start=self._at, end=end)
        if len(data) > len(view):
            raise OSError(f"{len(data)} bytes came where {len(view)} were asked for")
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
