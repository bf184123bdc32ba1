"""The file of an encrypted export's keys, ``annotations/encryption.keys``.

Two lines: a JSON object, and the HMAC-SHA256 of that line's bytes with a key that is made of the
export key, in hexadecimal digits. The object lists who can open the export key, and the digest of
each file's footer, so that files cannot be changed, exchanged, removed, repeated or added. To give
the data another master key, this file alone is written anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from pathlib import Path

import msgspec

from datumaro.errors import DamagedTokenError, MalformedFileError, WrongKeyError
from datumaro.formats.datumaro_binary.parquet.master_keys import MasterKey, Recipient, derived
from datumaro.formats.datumaro_binary.sources import KEYS

NAME = KEYS
FORMAT, VERSION = "datumaro_binary encryption", 2
MAGIC = b"PARE"
"""How an encrypted Parquet file begins and ends."""

_SEAL = b"datumaro_binary 2.0 seal"
MOST_RECIPIENTS = 64
_MOST = 64 << 20
_EXPORT = re.compile(r"[0-9a-f]{32}")


class Keys(msgspec.Struct, forbid_unknown_fields=True):
    """What the file says.

    Attributes
    ----------
    export : 32 hexadecimal digits, drawn for each export.
    media_encryption : whether its media are encrypted.
    recipients : the wrappings of the export key.
    files : SHA-256 of each file's footer (see `footer_digest`), by its name without extension.
    """

    format: str
    version: int
    export: str
    media_encryption: bool
    recipients: list[Recipient]
    files: dict[str, str]

    def encode(self, export_key: bytes) -> bytes:
        """The file's bytes."""
        line = msgspec.json.encode(self)
        return line + b"\n" + _seal(line, export_key) + b"\n"


def read(path: Path) -> tuple[Keys, bytes, bytes]:
    """(What the file says, the bytes that are sealed, their seal), not checked yet.

    Raises
    ------
    DamagedTokenError
        There is no such file.
    MalformedFileError
        It is none of keys.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except FileNotFoundError:
        raise DamagedTokenError(
            f"{path}: the file is missing, and without it nobody can read the encrypted files "
            "beside it; bring it back from where the data set was copied"
        ) from None
    lines = data.split(b"\n")
    if len(lines) != 3 or lines[2] or len(data) > _MOST:
        found = f"{len(data)} bytes in {len(lines) - 1} lines"
        raise MalformedFileError(path, "", found, "a line of JSON and a line of its seal")
    try:
        keys = msgspec.json.decode(lines[0], type=Keys)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        expected = "the keys of an encrypted data set: the file was changed"
        raise MalformedFileError(path, "line 1", str(error), expected) from error
    if keys.format != FORMAT or keys.version != VERSION or not _EXPORT.fullmatch(keys.export):
        found = f"{keys.format!r} version {keys.version} of export {keys.export!r}"
        expected = f"{FORMAT!r} version {VERSION}; "
        if keys.version < VERSION:
            expected += "media were encrypted otherwise: export the data set anew from its source"
        else:
            expected += "a newer version of datumaro may be able to read the file"
        raise MalformedFileError(path, "line 1", found, expected)
    if len(keys.recipients) > MOST_RECIPIENTS:  # a passphrase costs time for each
        found, expected = f"{len(keys.recipients)} recipients", f"at most {MOST_RECIPIENTS}"
        raise MalformedFileError(path, "line 1", found, expected)
    return keys, lines[0], lines[1]


def export_key(path: Path, keys: Keys, line: bytes, seal: bytes, master: MasterKey) -> bytes:
    """The export key, and the file is authentic.

    Raises
    ------
    WrongKeyError
        The master key is not one of its recipients'.
    DamagedTokenError
        The file was changed.
    """
    kinds = sorted({recipient.kind for recipient in keys.recipients})
    if master.kind not in kinds:
        raise WrongKeyError(
            f"{path}: a {master.kind} was given, but the data set was encrypted with a "
            f"{' and a '.join(kinds)}"
        )
    for recipient in keys.recipients:
        if recipient.kind != master.kind:
            continue
        try:
            wrapped = base64.b64decode(recipient.wrapped, validate=True)
        except (binascii.Error, ValueError) as error:
            place = f"recipient {recipient.id!r}"
            raise MalformedFileError(path, place, "a wrapped key", "base64") from error
        found = master.unwrap(recipient, wrapped, keys.export, str(path))
        if found is None:
            continue
        if not hmac.compare_digest(_seal(line, found), seal):
            raise DamagedTokenError(f"{path}: it was changed after it was written")
        return found
    raise WrongKeyError(
        f"{path}: the {master.kind} is not the one that the data set was encrypted with"
    )


def footer_digest(path: Path) -> str:
    """SHA-256 of an encrypted file's end: its footer, the footer's length, and the magic.

    Through the footer it stands for the whole file, which names each part by its place and whose
    parts are authenticated. The footer's plain part, too, is in it.

    Raises
    ------
    DamagedTokenError
        The file is not whole.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 8, 0))
        end = file.read(8)
        footer = int.from_bytes(end[:4], "little")
        file.seek(0)
        if file.read(4) != MAGIC or end[4:] != MAGIC or footer > size - 12:
            raise DamagedTokenError(
                f"{path}: no whole encrypted Parquet file: it was changed, or cut"
            )
        file.seek(size - 8 - footer)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(line: bytes, key: bytes) -> bytes:
    return hmac.new(derived(key, _SEAL), line, "sha256").hexdigest().encode()
