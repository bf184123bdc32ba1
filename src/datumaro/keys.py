"""Keys of encrypted data sets: what they look like, and the files that hold them.

Nothing here shows a key: not in a message, not in the text of an object.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from datumaro.errors import EncryptionKeyError

PREFIX = "datum-"
KEY_LENGTH = 50
VARIABLE = "DATUMARO_ENCRYPTION_KEY"
"""The environment variable that a key may be in."""

PASSPHRASE_VARIABLE = "DATUMARO_PASSPHRASE"
"""The environment variable that a passphrase may be in."""

_MOST = 4096  # bytes of a key file that are looked at

# A key, or most of one that was mistyped, or taken for the name of an option.
_ALIKE = re.compile(r"datum[-_][A-Za-z0-9_-]{24,}=*")

# What URLs may have of the kind: s3://KEY:SECRET@bucket, ?secret_key=SECRET
_USER = re.compile(r"(?<=://)[^/?#\s'\"]*@")
_SETTING = re.compile(r"(?<=[?&])(\w*(?:key|secret|token|password)\w*=)[^&\s'\"]+", re.IGNORECASE)


class Key(str):
    """A key as text, which `repr` does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{PREFIX}…'"


def redacted(text: str) -> str:
    """A text without what looks like a key in it, or like the credentials in a URL."""
    return _SETTING.sub(r"\1…", _USER.sub("…@", _ALIKE.sub(f"{PREFIX}…", text)))


def read_key_file(path: str | os.PathLike[str]) -> Key:
    """The key in a file; white space around it does not count.

    Raises
    ------
    EncryptionKeyError
        The file cannot be read, or is none of a key.
    """
    shown = redacted(os.fspath(path))
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST)
        text = data.decode("ascii").strip()
    except OSError as error:  # its own text has the path
        raise EncryptionKeyError(f"key file {shown!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if len(text) != KEY_LENGTH or not text.startswith(PREFIX):
        raise EncryptionKeyError(
            f"key file {shown!r} holds no key; expected {PREFIX!r} and "
            f"{KEY_LENGTH - len(PREFIX)} characters"
        )
    return Key(text)


def write_key_file(path: str | os.PathLike[str], key: str) -> None:
    """Write a key to a new file, which only its owner can read, and see it on the disk.

    Raises
    ------
    EncryptionKeyError
        The file exists, or cannot be written.
    """
    shown = redacted(os.fspath(path))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise EncryptionKeyError(
            f"key file {shown!r} exists; a key is never written over another"
        ) from None
    except OSError as error:
        raise EncryptionKeyError(
            f"key file {shown!r} cannot be written: {error.strerror}"
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.encode("ascii"))
            file.flush()
            os.fsync(descriptor)  # data whose key is lost are lost
    except OSError as error:
        Path(path).unlink(missing_ok=True)
        raise EncryptionKeyError(
            f"key file {shown!r} cannot be written: {error.strerror}"
        ) from None


def holds_key(path: str | os.PathLike[str], size: int) -> bool:
    """Whether a file holds an encryption key and nothing else.

    Parameters
    ----------
    size : of the file, in bytes; larger ones than a key and a few blanks are not opened.
    """
    if not KEY_LENGTH <= size <= 2 * KEY_LENGTH:
        return False
    try:
        read_key_file(path)
    except EncryptionKeyError:
        return False
    return True
