"""Some blobs of a `.datum` file to columns: what a worker does, here or on another machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.datumaro_binary.ciphers import Cipher, Sealed
from datumaro.kernels import records
from datumaro.scratch import Scratch
from datumaro.table.schema import Array

_Read = Callable[[memoryview, int], int]


class Buffers(Scratch):
    """Memory for blobs as they are parsed, and for one as it is stored."""

    def __init__(self) -> None:
        super().__init__(keep=sys.maxsize)  # it goes when the file is read
        self._token = bytearray()

    def token(self, size: int) -> bytearray:
        """As many bytes, good until the thread takes them again."""
        if len(self._token) < size:
            self._token.extend(bytes(size - len(self._token)))
        del self._token[size:]
        return self._token


@dataclass(frozen=True)
class BlobGroup:
    """Neighbouring blobs.

    Attributes
    ----------
    path : the file, absolute.
    stamp : its size and time of change, by which another process knows that it is still the same.
    at : where the first blob begins, in bytes.
    first : the number of the first blob in the file.
    sizes : int64, bytes of each blob as stored.
    seals : which blobs they must be (`Cipher.mark`); None when that is not known.
    folders : put before relative paths of images, point clouds, videos.
    descriptor : the open file, which stays what it is when the data set is replaced; -1 in another
        process.
    buffers : None in another process.
    """

    path: str
    stamp: tuple[int, int]
    at: int
    first: int
    sizes: Array
    cipher: Cipher
    seals: list[bytes] | None
    folders: tuple[bytes, ...]
    descriptor: int = -1
    buffers: Buffers | None = None

    def read(self) -> dict[str, Array]:
        """The columns that `kernels.records.read_records` makes of the blobs.

        Raises
        ------
        MalformedFileError
            A record is damaged, or the file is cut.
        DamagedTokenError
            An encrypted blob was changed or exchanged.
        DatasetImportError
            The file is no longer the one that it was.
        """
        buffers = self.buffers or Buffers()
        with self._opened() as read:
            if isinstance(self.cipher, Sealed):
                data, bounds = self._decrypted(self.cipher, read, buffers)
            else:
                bounds = np.zeros(len(self.sizes) + 1, np.int64)
                np.cumsum(self.sizes, out=bounds[1:])
                data = buffers.take(int(bounds[-1]))
                self._fill(data.data, self.at, read)
        folders = [np.frombuffer(folder, np.uint8) for folder in self.folders]
        code, where, value, columns = records.read_records(data, bounds, *folders)
        if code:
            found, expected = records.message(code, value, data[where : where + 40].tobytes())
            place = f"byte {self.at + where}"
            if isinstance(self.cipher, Sealed):
                blob = int(np.searchsorted(bounds, where, "right")) - 1
                place = f"blob {self.first + blob}, decrypted, byte {where - int(bounds[blob])}"
            raise MalformedFileError(self.path, place, found, expected)
        return columns

    def _decrypted(self, cipher: Sealed, read: _Read, buffers: Buffers) -> tuple[Array, Array]:
        """The bytes of all blobs, and where each begins and the last ends.

        One blob after another is read and decrypted, so that it stays in the processor's cache.
        """
        data = buffers.take(int(self.sizes.sum()))  # a token is longer than what is in it
        bounds = np.zeros(len(self.sizes) + 1, np.int64)
        at, end = self.at, 0
        for blob, size in enumerate(self.sizes.tolist()):
            token = buffers.token(size)
            with memoryview(token) as view:
                self._fill(view, at, read)
            what = f"{self.path}: blob {self.first + blob}"
            seal = self.seals[blob] if self.seals else None
            end += cipher.open_into(token, data[end:].data, what, seal)
            bounds[blob + 1] = end
            at += size
        return data[:end], bounds

    @contextmanager
    def _opened(self) -> Generator[_Read]:
        """The file: a function that fills memory from a place in it, and says how far."""
        if self.descriptor >= 0 and hasattr(os, "preadv"):
            yield lambda memory, at: os.preadv(self.descriptor, [memory], at)
            return
        with Path(self.path).open("rb", buffering=0) as file:
            if stamp(file.fileno()) != self.stamp:
                raise DatasetImportError(f"{self.path}: it was replaced while it was being read")

            def read(memory: memoryview, at: int) -> int:
                file.seek(at)
                return file.readinto(memory)

            yield read

    def _fill(self, memory: memoryview, at: int, read: _Read) -> None:
        done = 0
        while done < len(memory):
            n = read(memory[done:], at + done)
            if not n:
                place = f"byte {at + done}"
                expected = f"{len(memory) - done} bytes more: the file was cut while it was read"
                raise MalformedFileError(self.path, place, "the end of the file", expected)
            done += n


def stamp(descriptor: int) -> tuple[int, int]:
    """What an open file is known by: see `BlobGroup`."""
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns
