"""What stands between the parts of a `.datum` file and its bytes: nothing, or tokens of a key.

In an encrypted file every part is one token (see `datumaro.crypto`), and so is every blob.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from datumaro.crypto import Cipher as KeyCipher, seal_of, token_size
from datumaro.table.schema import Array


class Cipher(Protocol):
    """Stores parts and opens them again."""

    def seal(self, part: bytes | memoryview) -> bytes | memoryview:
        """A part as it is stored."""
        ...

    def sealed_size(self, size: int) -> int:
        """Bytes that a part of ``size`` bytes takes when stored."""
        ...

    def open(self, stored: bytes, what: str) -> Array:
        """The reverse of `seal`, uint8.

        Parameters
        ----------
        what : names the part in errors.

        Raises
        ------
        DamagedTokenError
            It is damaged.
        """
        ...

    def mark(self, stored: bytes | memoryview) -> bytes:
        """What no other stored part has; b"" when parts are not marked."""
        ...


class Plain:
    """No encryption: what is stored is the part itself."""

    def seal(self, part: bytes | memoryview) -> bytes | memoryview:
        return part

    def sealed_size(self, size: int) -> int:
        return size

    def open(self, stored: bytes, what: str) -> Array:
        return np.frombuffer(stored, np.uint8)

    def mark(self, stored: bytes | memoryview) -> bytes:
        return b""


class Sealed:
    """Each part is a token of a key. It holds no state: threads and processes may share it."""

    def __init__(self, cipher: KeyCipher) -> None:
        self._cipher = cipher

    def seal(self, part: bytes | memoryview) -> bytes:
        return self._cipher.encrypt(part)

    def sealed_size(self, size: int) -> int:
        return token_size(size)

    def open(self, stored: bytes, what: str) -> Array:
        memory = np.empty(len(stored), np.uint8)
        return memory[: self.open_into(stored, memory.data, what)]

    def open_into(
        self, stored: bytes | bytearray, memory: memoryview, what: str, seal: bytes | None = None
    ) -> int:
        """Like `open`, to memory as large as ``stored``; the bytes of the part.

        Parameters
        ----------
        seal : which part it must be (see `mark`); None for any.
        """
        return self._cipher.decrypt_into(stored, memory, what, seal)

    def mark(self, stored: bytes | memoryview) -> bytes:
        return seal_of(bytes(stored))


PLAIN = Plain()
