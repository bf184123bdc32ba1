"""Media that are stretches of a larger file, read when they are looked at."""

from __future__ import annotations

import os
from dataclasses import dataclass

from datumaro.errors import MediaError


@dataclass(frozen=True, slots=True)
class PartOfFile:
    """Some bytes of a file, got by calling it, as `Image.from_bytes` takes it. It can be pickled.

    Attributes
    ----------
    path : absolute.
    begin, length : in bytes.
    stamp : the file's size and time of change, by which it is known to be still the same.
    """

    path: str
    begin: int
    length: int
    stamp: tuple[int, int]

    def __call__(self) -> bytes:
        """The bytes.

        Raises
        ------
        MediaError
            The file is gone, or another one.
        """
        try:
            with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123 - a str
                if stamp_of(file.fileno()) != self.stamp:
                    raise MediaError(
                        f"{self.path!r} was changed since its data set was read; read it again"
                    )
                data = os.pread(file.fileno(), self.length, self.begin)
        except OSError as error:
            raise MediaError(f"{self.path!r} cannot be read: {error.strerror or error}") from error
        if len(data) != self.length:
            raise MediaError(f"{self.path!r} ends before byte {self.begin + self.length}")
        return data


def stamp_of(descriptor: int) -> tuple[int, int]:
    """An open file's size and time of change."""
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns
