"""Files in ZIP archives that nobody vouches for: listed at once, each read when it is looked at.

Definition: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import bz2
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datumaro.errors import MalformedFileError, MediaError
from datumaro.formats.part_of_file import stamp_of

MAX_ENTRY = 1 << 30
"""Bytes of a file in an archive, unpacked; more are refused."""
MAX_TOTAL = 1 << 30
MAX_RATIO = 200
"""An archive whose files have more bytes than both in all, or times its own size, is a bomb."""

_LOCAL = struct.Struct("<4s22xHH")
_ENCRYPTED = 1
_MAX_DICTIONARY = 1 << 27
# what zipfile raises for archives that are damaged, or of a kind that it does not know
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OverflowError,
           struct.error, RuntimeError)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZippedFile:
    """A file in an archive, got by calling it, as `Image.from_bytes` takes it. It can be pickled.

    Attributes
    ----------
    archive : path, absolute.
    name : in the archive.
    at : where its local header begins, in bytes.
    packed, size : bytes as they are in the archive, and unpacked.
    method : of compression (`zipfile.ZIP_STORED`, …).
    crc : CRC-32 of the unpacked bytes.
    stamp : the archive's size and time of change, by which it is known to be still the same.
    """

    archive: str
    name: str
    at: int
    packed: int
    size: int
    method: int
    crc: int
    stamp: tuple[int, int]

    def __call__(self) -> bytes:
        """Unpack it.

        Raises
        ------
        MediaError
            The archive is gone, another one, or damaged at this place.
        """
        try:
            with open(self.archive, "rb", buffering=0) as file:  # noqa: PTH123 - a str
                if stamp_of(file.fileno()) != self.stamp:
                    raise self._error("the archive was changed since it was read; read it again")
                head = os.pread(file.fileno(), _LOCAL.size, self.at)
                if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
                    raise self._error(f"there is no file at byte {self.at}")
                _, name, extra = _LOCAL.unpack(head)
                begin = self.at + _LOCAL.size + name + extra
                packed = os.pread(file.fileno(), self.packed, begin)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        if len(packed) < self.packed:
            raise self._error("the archive ends within it")
        try:
            data = _UNPACK[self.method](packed, self.size)
        except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError, struct.error) as error:
            raise self._error(f"damaged data ({error})") from error
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise self._error("its size or check sum is not what the archive says")
        return data

    def _error(self, what: str) -> MediaError:
        return MediaError(f"{self.archive!r}: {self.name!r}: {what}")


def list_archive(path: Path) -> list[ZippedFile]:
    """All files of an archive, in its order; folders are none.

    Raises
    ------
    MalformedFileError
        It is no archive, damaged, a bomb, or has a file that is encrypted or of an unknown kind.
    """
    path = path.absolute()
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            stamp = stamp_of(file.fileno())
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except _DAMAGE as error:
        raise MalformedFileError(path, "", f"{error}", "a whole ZIP archive") from error
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL and total > MAX_RATIO * stamp[0]:
        raise MalformedFileError(
            path,
            "",
            f"{stamp[0]} bytes that become {total}",
            f"at most {MAX_RATIO} times as many; if it is trusted, unpack it and read the folder",
        )
    return [_checked(path, entry, stamp) for entry in entries]


def _checked(path: Path, entry: zipfile.ZipInfo, stamp: tuple[int, int]) -> ZippedFile:
    place = f"file {entry.filename!r}"
    if entry.flag_bits & _ENCRYPTED:
        raise MalformedFileError(path, place, "it is encrypted", "a file that is not; unpack it")
    if entry.compress_type not in _UNPACK:
        found = f"compression {entry.compress_type}"
        raise MalformedFileError(path, place, found, "stored, deflate, bzip2 or LZMA")
    if max(entry.file_size, entry.compress_size) > MAX_ENTRY:
        found = f"{max(entry.file_size, entry.compress_size)} bytes"
        raise MalformedFileError(path, place, found, f"at most {MAX_ENTRY}")
    if not 0 <= entry.header_offset <= stamp[0] - entry.compress_size:
        found = f"{entry.compress_size} bytes at byte {entry.header_offset}"
        raise MalformedFileError(path, place, found, f"an end before byte {stamp[0]}")
    return ZippedFile(
        os.fspath(path),
        entry.filename,
        entry.header_offset,
        entry.compress_size,
        entry.file_size,
        entry.compress_type,
        entry.CRC,
        stamp,
    )


# --- unpacking: at most a byte more than the file should have -------------------------------------


def _stored(data: bytes, size: int) -> bytes:
    return data


def _deflated(data: bytes, size: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)


def _bzip2(data: bytes, size: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, size + 1)


def _lzma(data: bytes, size: int) -> bytes:
    """LZMA with ZIP's header before it: two bytes of version, the length of the properties."""
    length, packed, dictionary = struct.unpack_from("<2xHBI", data)
    if length != 5 or packed >= 9 * 5 * 5 or dictionary > _MAX_DICTIONARY:
        raise ValueError("properties of LZMA that cannot be")
    properties = {
        "id": lzma.FILTER_LZMA1,
        "lc": packed % 9,
        "lp": packed // 9 % 5,
        "pb": packed // 45,
        "dict_size": dictionary,
    }
    unpack = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[properties])
    return unpack.decompress(data[9:], size + 1)


_UNPACK: dict[int, Callable[[bytes, int], bytes]] = {
    zipfile.ZIP_STORED: _stored,
    zipfile.ZIP_DEFLATED: _deflated,
    zipfile.ZIP_BZIP2: _bzip2,
    zipfile.ZIP_LZMA: _lzma,
}
