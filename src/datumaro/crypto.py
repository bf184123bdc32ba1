"""Ciphers of encrypted data sets.

What a key encrypts is a Fernet token (AES-128-CBC and HMAC-SHA256, https://github.com/fernet/spec),
made of the `cryptography` package's cipher, the standard library's HMAC and a fast base64: Fernet
of that package works at a fifth of their speed. The tokens are the same. Of the ways to write one
token only the canonical is accepted, so that no byte of it can be changed unseen.
"""

from __future__ import annotations

import binascii
import hmac
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import pybase64
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher, algorithms, modes

from datumaro.errors import DamagedTokenError, EncryptionKeyError
from datumaro.keys import KEY_LENGTH, PREFIX, Key
from datumaro.scratch import Scratch

SEAL = 32
"""Bytes of a token's seal: its HMAC, which no other token has."""

_VERSION = 0x80
_HEAD = 1 + 8 + 16  # version, time, initial vector
_BLOCK = 16
_ALPHABET = b"-_"

# in memory that is encrypted at once: see `Cipher.encrypt_all`
FRONT = _HEAD
STEP = 3 * _BLOCK
GAP = _HEAD + _BLOCK + SEAL + 2

_PADDINGS = [bytes([n]) * n for n in range(_BLOCK + 1)]

Bytes = bytes | bytearray | memoryview


_scratch = Scratch(keep=4 << 20)


class Opener(Protocol):
    """What decrypts a file."""

    def open(self, file: BinaryIO, what: str = ...) -> BinaryIO:
        """The decrypted content, as a file that closes the encrypted one.

        This or reading it raises DamagedTokenError, which names ``what``, when it is not whole.
        """
        ...

    def absent(self, what: str) -> None:
        """Told that there is no such file; DamagedTokenError when there was one."""
        ...


class FileCipher(Protocol):
    """What encrypts the media files of a data set: tokens, or `datumaro.sealed_files`."""

    @property
    def room(self) -> tuple[int, int, int]:
        """What `encrypt_files` wants of memory.

        (Bytes before the first place, of what number each place begins at a multiple, bytes between
        places and after the last).
        """
        ...

    def encrypt_file(self, source: BinaryIO, target: BinaryIO, name: str) -> bytes:
        """Encrypt a file, whose path from the data set's folder is ``name``; its seal."""
        ...

    def encrypt_files(
        self, memory: memoryview, places: Sequence[tuple[int, int]], names: Sequence[str]
    ) -> Tokens:
        """Encrypt many small files at once, which are in the memory. It may be changed."""
        ...

    def opener(self, name: str, seal: bytes | None) -> Opener:
        """What opens a file; one with that seal alone, or any (None). b"" opens none."""
        ...


@dataclass
class Tokens:
    """Many tokens.

    Attributes
    ----------
    text : has them all, and waste between them.
    places : where each begins and ends in it, but for its tail.
    tails : what each ends with: at most two ``=``.
    seals : see `seal_of`.
    """

    text: bytes = b""
    places: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    tails: list[bytes] = field(default_factory=list[bytes])
    seals: list[bytes] = field(default_factory=list[bytes])


def generate_key() -> Key:
    """A fresh key."""
    return Key(PREFIX + pybase64.b64encode(os.urandom(32), _ALPHABET).decode())


class Cipher:
    """Encrypts and decrypts with one key.

    Its `repr` does not show the key. Pickling it does write the key: processes that help need it.

    Parameters
    ----------
    key : ``datum-`` and 44 characters of URL-safe base64, 50 in all.

    Raises
    ------
    EncryptionKeyError
        It is no such key. The message does not repeat it.
    """

    __slots__ = ("_aes", "_key", "_signing")

    def __init__(self, key: str | bytes) -> None:
        try:
            text = key.decode("ascii") if isinstance(key, bytes) else str(key)
            data = text.encode("ascii")
        except UnicodeError:
            raise EncryptionKeyError("the encryption key has characters that no key has") from None
        expected = f"expected {PREFIX!r} and {KEY_LENGTH - len(PREFIX)} characters"
        if not text.startswith(PREFIX):
            raise EncryptionKeyError(f"the encryption key does not begin so; {expected}")
        if len(text) != KEY_LENGTH:
            raise EncryptionKeyError(
                f"the encryption key has {len(text)} characters; {expected}, {KEY_LENGTH} in all"
            )
        try:
            secret = pybase64.b64decode(data[len(PREFIX) :], _ALPHABET, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != 32:
            raise EncryptionKeyError("the encryption key is no URL-safe base64 after its prefix")
        self._key = Key(text)
        self._signing, self._aes = secret[:16], algorithms.AES(secret[16:])

    @property
    def key(self) -> Key:
        """The key, for whoever writes it to its file."""
        return self._key

    def __repr__(self) -> str:
        return "Cipher(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cipher) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[type[Cipher], tuple[str]]:
        return Cipher, (str(self._key),)

    def encrypt(self, data: Bytes) -> bytes:
        """The data as a token."""
        return self.token(data, int(time.time()), os.urandom(_BLOCK))

    def token(self, data: Bytes, seconds: int, vector: bytes) -> bytes:
        """The token of a time (seconds since 1970) and an initial vector (16 random bytes)."""
        size = len(data)
        padding = _BLOCK - size % _BLOCK
        token = _scratch.take(_HEAD + size + padding + SEAL).data
        token[:_HEAD] = bytes([_VERSION]) + seconds.to_bytes(8, "big") + vector
        encryptor = BlockCipher(self._aes, modes.CBC(vector)).encryptor()
        # it wants room for a block less a byte more than it writes: the seal's
        done = _HEAD + encryptor.update_into(data, token[_HEAD:])
        done += encryptor.update_into(bytes([padding]) * padding, token[done:])
        token[done:] = hmac.digest(self._signing, token[:done], "sha256")
        return pybase64.b64encode(token, _ALPHABET)

    @property
    def room(self) -> tuple[int, int, int]:
        """See `FileCipher`."""
        return FRONT, STEP, GAP

    def encrypt_file(self, source: BinaryIO, target: BinaryIO, name: str) -> bytes:
        """Encrypt a file as one token, which is not bound to its name; its seal."""
        token = self.encrypt(source.read())
        target.write(token)
        return seal_of(token)

    def encrypt_files(
        self, memory: memoryview, places: Sequence[tuple[int, int]], names: Sequence[str]
    ) -> Tokens:
        """See `FileCipher`, and `encrypt_all`."""
        return self.encrypt_all(memory, places)

    def opener(self, name: str, seal: bytes | None) -> Opener:
        """See `FileCipher`."""
        return self if seal is None else BoundCipher(self, seal)

    def open(self, file: BinaryIO, what: str = "the file") -> BinaryIO:
        """See `Opener`. All of it is decrypted at once."""
        with file:
            return io.BytesIO(self.decrypt(file.read(), what))

    def absent(self, what: str) -> None:
        """See `Opener`. A key does not know what there was."""

    def encrypt_all(self, memory: memoryview, places: Sequence[tuple[int, int]]) -> Tokens:
        """Encrypt many small data at once, as `encrypt` does each.

        The block cipher is called once for all of them: each call takes about as long as to encrypt
        a small file, and short ones keep the interpreter's lock. The block before each data in the
        chain is random, and encrypted becomes its initial vector: a method of NIST SP 800-38A,
        appendix C.

        Parameters
        ----------
        memory : of which `FRONT` bytes stand before what is counted in ``places``. What is not data
            is changed.
        places : where each data begins and ends, rising. They begin at multiples of `STEP`, at
            least `GAP` bytes after the one before, and as many follow the last.
        """
        found = Tokens()
        if not places:
            return found
        chance = memoryview(os.urandom(_BLOCK * len(places)))
        for number, (begin, end) in enumerate(places):
            at, padding = FRONT + begin, _BLOCK - (end - begin) % _BLOCK
            memory[at - _BLOCK : at] = chance[_BLOCK * number : _BLOCK * (number + 1)]
            memory[FRONT + end : FRONT + end + padding] = _PADDINGS[padding]
        first, last = places[0][0], FRONT + _padded(places[-1][1])
        tokens = _scratch.take(last + SEAL + _BLOCK).data
        vector = slice(first + FRONT - _BLOCK, last)
        encryptor = BlockCipher(self._aes, modes.CBC(bytes(_BLOCK))).encryptor()
        encryptor.update_into(memory[vector], tokens[vector.start :])
        head = bytes([_VERSION]) + int(time.time()).to_bytes(8, "big")
        for begin, end in places:
            at = FRONT + _padded(end)
            tokens[begin : begin + len(head)] = head
            seal = hmac.digest(self._signing, tokens[begin:at], "sha256")
            tokens[at : at + SEAL + 2] = seal + b"\0\0"
            # each begins at a multiple of three bytes, so that its text does not depend on others
            size = at + SEAL - begin
            text = (begin - first) // 3 * 4
            found.places.append((text, text + (4 * size + 2) // 3))
            found.tails.append(b"=" * (-size % 3))
            found.seals.append(seal)
        found.text = pybase64.b64encode(tokens[first : last + SEAL + 2], _ALPHABET)
        return found

    def decrypt(self, token: Bytes, what: str = "the data", seal: bytes | None = None) -> bytes:
        """The data of a token.

        Parameters
        ----------
        what : names the token in the error: its file, its place.
        seal : the seal that it must have (see `seal_of`); None for any.

        Raises
        ------
        DamagedTokenError
            The token was changed, cut, or made with another key; or it is not the one meant.
        """
        vector, data = self._checked(token, what, seal)
        decryptor = BlockCipher(self._aes, modes.CBC(vector)).decryptor()
        padded = decryptor.update(data)
        return padded[: len(padded) - _padding(padded[-_BLOCK:], what)]

    def decrypt_into(
        self, token: Bytes, memory: memoryview, what: str = "the data", seal: bytes | None = None
    ) -> int:
        """Decrypt to memory of the size of the token or larger; the bytes of the data.

        See `decrypt`. What follows the data in the memory is overwritten, too.
        """
        vector, data = self._checked(token, what, seal)
        decryptor = BlockCipher(self._aes, modes.CBC(vector)).decryptor()
        size = decryptor.update_into(data, memory)
        return size - _padding(bytes(memory[size - _BLOCK : size]), what)

    def _checked(self, token: Bytes, what: str, seal: bytes | None) -> tuple[bytes, memoryview]:
        """A token's initial vector and encrypted data, when it is authentic."""
        raw = _decoded(bytes(token) if isinstance(token, memoryview) else token)
        size = len(raw) - _HEAD - SEAL
        if size < _BLOCK or size % _BLOCK or raw[0] != _VERSION:
            raise DamagedTokenError(f"{what}: not an encryption token: it was changed, or cut")
        view = memoryview(raw)
        own = view[-SEAL:]
        if not hmac.compare_digest(hmac.digest(self._signing, view[:-SEAL], "sha256"), own):
            raise DamagedTokenError(
                f"{what}: it was changed after it was encrypted, or encrypted with another key"
            )
        if seal is not None and bytes(own) != seal:
            raise DamagedTokenError(
                f"{what}: it is whole, but not what was written here: it was exchanged for another"
            )
        return bytes(view[9:_HEAD]), view[_HEAD:-SEAL]


def _padded(size: int) -> int:
    """Bytes of data and its padding."""
    return (size // _BLOCK + 1) * _BLOCK


def _padding(last: bytes, what: str) -> int:
    """Bytes of padding at the end of the last block."""
    padding = last[-1]
    if not 1 <= padding <= _BLOCK or last[-padding:] != bytes([padding]) * padding:
        raise DamagedTokenError(f"{what}: not an encryption token: its padding is wrong")
    return padding


class BoundCipher:
    """Opens one token alone, by its seal: a file that must not be exchanged for another.

    Parameters
    ----------
    seal : see `seal_of`; b"" opens none.
    """

    __slots__ = ("_cipher", "_seal")

    def __init__(self, cipher: Cipher, seal: bytes) -> None:
        self._cipher, self._seal = cipher, seal

    def decrypt(self, token: Bytes, what: str = "the data") -> bytes:
        """The data of the token. See `Cipher.decrypt`."""
        return self._cipher.decrypt(token, what, self._seal)

    def open(self, file: BinaryIO, what: str = "the file") -> BinaryIO:
        """See `Opener`. All of it is decrypted at once."""
        with file:
            return io.BytesIO(self.decrypt(file.read(), what))

    def absent(self, what: str) -> None:
        """See `Opener`. In storage records it is taken for a file that was never there."""

    def __repr__(self) -> str:
        return "BoundCipher(…)"


def token_size(size: int) -> int:
    """Bytes of the token of ``size`` bytes of data."""
    raw = _HEAD + _padded(size) + SEAL
    return (raw + 2) // 3 * 4


def seal_of(token: bytes | bytearray) -> bytes:
    """A token's seal, not checked: the last bytes of it decoded; b"" when it is no token."""
    return bytes(_decoded(token[-4 * (SEAL // 3 + 2) :])[-SEAL:])


def _decoded(token: bytes | bytearray) -> bytearray:
    """A token's bytes; none when it is not the canonical base64 of any."""
    if b"+" in token or b"/" in token:  # the decoder takes the other alphabet, too
        return bytearray()
    try:
        raw = pybase64.b64decode_as_bytearray(token, _ALPHABET, validate=True)
    except (binascii.Error, ValueError):
        return bytearray()
    # and any bits after the last byte
    last = pybase64.b64encode(raw[(len(raw) - 1) // 3 * 3 :], _ALPHABET)
    return raw if token.endswith(last) else bytearray()
