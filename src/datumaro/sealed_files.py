"""Encrypted files that can be read from the middle: AES-256-GCM in chunks.

A file is a header and its chunks, each with a tag (docs/storage.md is the specification). The
construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015, "Online Authenticated-Encryption
and its Nonce-Reuse Misuse-Resistance"), as in the age format: a key that no other file has, and a
nonce of the chunk's number and whether it is the last. The key is made of the data set's, of the
header, whose salt is random, and of the file's name in the data set, where alone it opens.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from datumaro.crypto import Tokens
from datumaro.errors import DamagedTokenError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEADER = 32
"""Bytes of the header: magic, version, base-2 logarithm of the chunks' size, salt."""

SEAL = 32
"""Bytes of a file's seal: its salt, which no other file has, and the size of its data."""

CHUNK_BITS = 16
_MOST_BITS = 24
_MAGIC = b"datum\0\x01"
_TAG = 16
_SALT = slice(len(_MAGIC) + 1, HEADER)
_PURPOSE = b"datumaro_binary 2.0 media file "


@dataclass(frozen=True)
class SealedFiles:
    """Encrypts and decrypts the files of one data set. Pickling it writes its key.

    Parameters
    ----------
    key : 32 bytes, which nothing else uses.
    chunk_bits : chunks of ``2 ** chunk_bits`` bytes are written.
    """

    key: bytes = field(repr=False)
    chunk_bits: int = CHUNK_BITS

    @property
    def room(self) -> tuple[int, int, int]:
        """See `datumaro.crypto.FileCipher`: none is needed."""
        return 0, 1, 0

    def encrypt_file(self, source: BinaryIO, target: BinaryIO, name: str) -> bytes:
        """Encrypt a file; its seal.

        Parameters
        ----------
        name : its place: the path from the data set's folder, with ``/``.
        """
        header, cipher = self._begin(name)
        target.write(header)
        size = 0
        chunk = _read(source, 1 << self.chunk_bits)
        number, last = 0, False
        while not last:
            following = _read(source, 1 << self.chunk_bits)
            last = not following
            target.write(cipher.encrypt(_nonce(number, last), chunk, None))
            size += len(chunk)
            chunk, number = following, number + 1
        return _seal(header, size)

    def encrypt_files(
        self, memory: memoryview, places: Sequence[tuple[int, int]], names: Sequence[str]
    ) -> Tokens:
        """Encrypt many small files at once, as `encrypt_file` does each.

        Parameters
        ----------
        memory : has the files' data at ``places``, and is left as it is.
        """
        found = Tokens()
        pieces: list[bytes] = []
        at = 0
        for (begin, end), name in zip(places, names, strict=True):
            header, cipher = self._begin(name)
            pieces.append(header)
            chunks = list(range(begin, end, 1 << self.chunk_bits)) or [begin]
            for number, first in enumerate(chunks):
                last = number == len(chunks) - 1
                data = memory[first : end if last else chunks[number + 1]]
                pieces.append(cipher.encrypt(_nonce(number, last), data, None))
            size = sealed_size(end - begin, self.chunk_bits)
            found.places.append((at, at + size))
            found.tails.append(b"")
            found.seals.append(_seal(header, end - begin))
            at += size
        found.text = b"".join(pieces)
        return found

    def opener(self, name: str, seal: bytes | None) -> SealedFile:
        """What opens one file alone.

        Parameters
        ----------
        name : its place.
        seal : what `encrypt_file` gave; b"" opens none, and None any that was made for the place.
        """
        return SealedFile(self.key, name, seal)

    def _begin(self, name: str) -> tuple[bytes, AESGCM]:
        salt = os.urandom(HEADER - _SALT.start)
        header = _MAGIC + bytes([self.chunk_bits]) + salt
        return header, _cipher(self.key, header, name)


class SealedFile:
    """Opens one file. See `SealedFiles.opener`. Pickling it writes its key."""

    __slots__ = ("_key", "_name", "_seal")

    def __init__(self, key: bytes, name: str, seal: bytes | None) -> None:
        self._key, self._name, self._seal = key, name, seal

    def open(self, file: BinaryIO, what: str = "the file") -> BinaryIO:
        """The decrypted content, as a file, of which any part can be read.

        Only the chunks that are read are decrypted, and checked. The size is checked at once, when
        the seal is known.

        Parameters
        ----------
        file : the encrypted one, which is closed with it.
        what : names it in errors.

        Raises
        ------
        DamagedTokenError
            It is not the file that was written here. Reading raises it, too.
        """
        stored = file.seek(0, io.SEEK_END)
        file.seek(0)
        header = _read(file, HEADER)
        if len(header) < HEADER or not header.startswith(_MAGIC):
            raise DamagedTokenError(f"{what}: it is not encrypted, or was changed or cut")
        bits = header[len(_MAGIC)]
        size = plain_size(stored, bits) if bits <= _MOST_BITS else None
        if size is None:
            raise DamagedTokenError(
                f"{what}: it was changed or cut: {stored} bytes are no whole file"
            )
        if self._seal == b"":
            raise DamagedTokenError(
                f"{what}: it is not among the files that were written here: it was put there"
            )
        if self._seal is not None and header[_SALT] != self._seal[:-8]:
            raise DamagedTokenError(
                f"{what}: it is not what was written here: it was exchanged for another, or changed"
            )
        if self._seal is not None and size != int.from_bytes(self._seal[-8:], "big"):
            raise DamagedTokenError(
                f"{what}: it was cut, or something was added: {size} bytes of data; expected "
                f"{int.from_bytes(self._seal[-8:], 'big')}"
            )
        cipher = _cipher(self._key, header, self._name)
        return cast(BinaryIO, SealedReader(file, cipher, size, bits, what))

    def absent(self, what: str) -> None:
        """Told that there is no such file.

        Raises
        ------
        DamagedTokenError
            It was written, and has been removed.
        """
        if self._seal:
            raise DamagedTokenError(f"{what}: the file was removed")

    def __repr__(self) -> str:
        return "SealedFile(…)"


class SealedReader(io.RawIOBase):
    """The content of an encrypted file, read-only and seekable.

    Attributes
    ----------
    damage : the error that a read ended with, for those who read through a library that hides it.
    """

    def __init__(self, file: BinaryIO, cipher: AESGCM, size: int, bits: int, what: str) -> None:
        super().__init__()
        self.damage: DamagedTokenError | None = None
        self._file, self._cipher, self._what = file, cipher, what
        self._size, self._chunk_size = size, 1 << bits
        self._chunks = _count(size, bits)
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, as in any file."""
        self._check_open()
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}.get(whence)
        if start is None or start + offset < 0:
            raise ValueError(f"seek to {offset}, whence {whence}: before the file's beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer, as far as the file goes."""
        self._check_open()
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._position < self._size:
            number, at = divmod(self._position, self._chunk_size)
            part = memoryview(self._chunk(number))[at : at + len(view) - done]
            view[done : done + len(part)] = part
            done += len(part)
            self._position += len(part)
        return done

    def readall(self) -> bytes:
        """All from here to the end."""
        self._check_open()
        number, at = divmod(self._position, self._chunk_size)
        if number >= self._chunks:
            return b""
        parts = [self._chunk(n) for n in range(number, self._chunks)]
        parts[0] = parts[0][at:]
        self._position = max(self._position, self._size)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def close(self) -> None:
        """Close the encrypted file, too."""
        self._held = (-1, b"")
        self._file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if self._held[0] == number:
            return self._held[1]
        last = number == self._chunks - 1
        begin = number * self._chunk_size
        stored = min(self._size - begin, self._chunk_size) + _TAG
        self._file.seek(HEADER + number * (self._chunk_size + _TAG))
        sealed = _read(self._file, stored)
        try:
            data = self._cipher.decrypt(_nonce(number, last), sealed, None)
        except (InvalidTag, ValueError):  # or it is shorter than a tag by now
            self.damage = DamagedTokenError(
                f"{self._what}: it was changed, or moved from another place, or encrypted with "
                f"another key: bytes {begin} to {begin + stored - _TAG} of the data"
            )
            raise self.damage from None
        self._held = number, data
        return data

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("read of a closed file")


def sealed_size(size: int, chunk_bits: int = CHUNK_BITS) -> int:
    """Bytes of the encrypted file of ``size`` bytes of data."""
    return HEADER + size + _TAG * _count(size, chunk_bits)


def plain_size(stored: int, chunk_bits: int = CHUNK_BITS) -> int | None:
    """The reverse of `sealed_size`; None when no file has so many bytes."""
    body = stored - HEADER
    chunks = -(-body // ((1 << chunk_bits) + _TAG))
    size = body - _TAG * chunks
    return size if chunks > 0 and size >= 0 and _count(size, chunk_bits) == chunks else None


def _count(size: int, chunk_bits: int) -> int:
    """Chunks of a file: at least one."""
    return max(1, -(-size >> chunk_bits))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(key: bytes, header: bytes, name: str) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, header, _PURPOSE + name.encode()).derive(key))


def _seal(header: bytes, size: int) -> bytes:
    return header[_SALT] + size.to_bytes(8, "big")


def _read(file: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer at the end alone: unbuffered files may give fewer."""
    data = file.read(size)
    if len(data) == size or not data:
        return data
    return b"".join((data, *_pieces(file, size - len(data))))


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size and (data := file.read(size)):
        size -= len(data)
        yield data
