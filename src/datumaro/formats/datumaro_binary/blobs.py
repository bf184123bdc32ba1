"""Some blobs of a `.datum` file to columns: what a worker does, here or on another machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.datumaro_binary.ciphers import Cipher, Plain
from datumaro.kernels import records
from datumaro.table.schema import Array


class Buffers(threading.local):
    """Memory for stored and for decrypted blobs, its own for each thread.

    It is used again and again: fresh memory would first have to be cleared.
    """

    def __init__(self) -> None:  # runs in each thread that comes to it
        self._memory = [np.empty(0, np.uint8), np.empty(0, np.uint8)]

    def take(self, number: int, size: int) -> Array:
        """``size`` bytes of one of the two, good until the thread takes some of it again."""
        if len(self._memory[number]) < size:
            self._memory[number] = np.empty(size, np.uint8)
        return self._memory[number][:size]


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
        bounds = np.zeros(len(self.sizes) + 1, np.int64)
        np.cumsum(self.sizes, out=bounds[1:])
        data = self._stored(int(bounds[-1]))
        if not isinstance(self.cipher, Plain):
            data, bounds = self._opened(data, bounds)
        folders = [np.frombuffer(folder, np.uint8) for folder in self.folders]
        code, where, value, columns = records.read_records(data, bounds, *folders)
        if code:
            found, expected = records.message(code, value, data[where : where + 40].tobytes())
            place = f"byte {self.at + where}"
            if not isinstance(self.cipher, Plain):
                blob = int(np.searchsorted(bounds, where, "right")) - 1
                place = f"blob {self.first + blob}, decrypted, byte {where - int(bounds[blob])}"
            raise MalformedFileError(self.path, place, found, expected)
        return columns

    def _opened(self, stored: Array, bounds: Array) -> tuple[Array, Array]:
        """Encrypted blobs decrypted: the bytes, and where each begins and the last ends."""
        opened = self._memory(1, len(stored))  # a token is longer than what is in it
        ends = np.zeros(len(bounds), np.int64)
        for blob in range(len(bounds) - 1):
            what = f"{self.path}: blob {self.first + blob}"
            seal = self.seals[blob] if self.seals else None
            data = self.cipher.open(stored[int(bounds[blob]) : int(bounds[blob + 1])], what, seal)
            at, end = int(ends[blob]), int(ends[blob]) + len(data)
            opened[at:end] = data
            ends[blob + 1] = end
        return opened[: int(ends[-1])], ends

    def _memory(self, number: int, size: int) -> Array:
        if self.buffers is None:
            return np.empty(size, np.uint8)
        return self.buffers.take(number, size)

    def _stored(self, size: int) -> Array:
        """The blobs as they stand in the file."""
        data = self._memory(0, size)
        view: memoryview = data.data
        if self.descriptor >= 0 and hasattr(os, "preadv"):
            self._fill(view, lambda rest, at: os.preadv(self.descriptor, [rest], at))
            return data
        with Path(self.path).open("rb", buffering=0) as file:
            if stamp(file.fileno()) != self.stamp:
                raise DatasetImportError(f"{self.path}: it was replaced while it was being read")
            file.seek(self.at)
            self._fill(view, lambda rest, at: file.readinto(rest))
        return data

    def _fill(self, view: memoryview, read: Callable[[memoryview, int], int]) -> None:
        done = 0
        while done < len(view):
            n = read(view[done:], self.at + done)
            if not n:
                place = f"byte {self.at + done}"
                expected = f"{len(view) - done} bytes more: the file was cut while it was read"
                raise MalformedFileError(self.path, place, "the end of the file", expected)
            done += n


def stamp(descriptor: int) -> tuple[int, int]:
    """What an open file is known by: see `BlobGroup`."""
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns
