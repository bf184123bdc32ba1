"""Where things are in a data set, and in a `.datum` file around its blobs of records.

A file is a signature, six parts (each a length and as many bytes), the blobs, and after them the
extension (see extension.py). Every part and every blob passes through a `ciphers.Cipher`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datumaro.crypto import Cipher as KeyCipher
from datumaro.errors import MalformedFileError, MissingKeyError, SuperfluousKeyError
from datumaro.formats.base import Folder
from datumaro.formats.categories_json import categories_from_json, categories_to_json
from datumaro.formats.datumaro_binary.ciphers import PLAIN, Cipher, Sealed
from datumaro.formats.datumaro_binary.encryption import check_key
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories
from datumaro.model.media import MediaType
from datumaro.remote.path import as_remote
from datumaro.table import json_text
from datumaro.table.schema import Array

SIGNATURE = b"signature:datumaro_binary"
PARQUET = (b"PAR1", b"PARE")  # how files of the other storage begin, encrypted ones last
VERSION = "1.0"
ANNOTATIONS = "annotations"
IMAGES, POINT_CLOUDS, VIDEOS = "images", "point_clouds", "videos"
SUFFIX = ".datum"

# What the header may say the media are.
MEDIA_TYPES = frozenset(
    {
        MediaType.MEDIA_ELEMENT,
        MediaType.IMAGE,
        MediaType.VIDEO_FRAME,
        MediaType.VIDEO,
        MediaType.POINT_CLOUD,
    }
)

# Decoded JSON takes many times its text's size: no infos or categories come near this.
_MAX_JSON = 16 << 20
_DEPTH = 3


# --- folders ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A `.datum` file and the folder that media paths start from."""

    path: Path
    root: Path

    @property
    def subset(self) -> str:
        return self.path.stem


def find_sources(folder: Folder) -> list[Source]:
    """The `.datum` files of a data set: the path itself, or ``annotations/*.datum`` below it.

    The outermost folders (up to three levels down, but none at URLs) that have any count.
    """
    if folder.is_file:
        path = folder.path
        if path.suffix != SUFFIX:
            return []
        return [
            Source(path, path.parent.parent if path.parent.name == ANNOTATIONS else path.parent)
        ]
    level = [""]
    for _ in range(1 if as_remote(folder.path) else _DEPTH + 1):
        found = [source for relative in level for source in _sources_in(folder, relative)]
        if found:
            return found
        level = [f"{relative}{name}/" for relative in level for name in folder.folders(relative)]
    return []


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet files do."""
    with path.open("rb", buffering=0) as file:
        return file.read(4) in PARQUET


def _sources_in(folder: Folder, relative: str) -> Iterator[Source]:
    # at a URL it is listed at once: a request less, and not every store lists folders
    if as_remote(folder.path) or ANNOTATIONS in folder.folders(relative):
        inner = f"{relative}{ANNOTATIONS}"
        for name in folder.files(inner):
            if name.endswith(SUFFIX) and name != SUFFIX:
                yield Source(folder.path / inner / name, folder.path / relative)


# --- header -----------------------------------------------------------------------------------


@dataclass
class Header:
    """What a `.datum` file says before its blobs.

    Attributes
    ----------
    media_encryption : what the writer noted; of consequence only in encrypted files.
    blob_sizes : int64, bytes of each blob as stored.
    blobs_at : where the first blob begins, in bytes; set when read.
    cipher : stores and opens the parts and blobs.
    key : of an encrypted file.
    manifest : the export's number, in an encrypted file that has a manifest; or "".
    marks : of the parts after the encryption field, as stored; set when read (`Cipher.mark`).
    """

    infos: dict[str, Any] = field(default_factory=dict[str, Any])
    categories: dict[AnnotationType, Categories] = field(
        default_factory=dict[AnnotationType, Categories]
    )
    media_type: MediaType = MediaType.IMAGE
    media_encryption: bool = False
    blob_sizes: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    blobs_at: int = 0
    cipher: Cipher = PLAIN
    key: KeyCipher | None = None
    manifest: str = ""
    marks: list[bytes] = field(default_factory=list[bytes])


def write_header(file: BinaryIO, header: Header) -> list[bytes]:
    """Write the signature and all parts before the blobs.

    Returns
    -------
    The marks of the parts after the encryption field.
    """
    version = {"dm_format_version": VERSION, "media_encryption": header.media_encryption}
    file.write(SIGNATURE)
    _write_part(file, _dict(version))
    key = header.key
    _write_part(file, b"" if key is None else key.encrypt(key.key.encode("ascii")))
    media: dict[str, Any] = {"media_type": int(header.media_type)}
    sizes = np.ascontiguousarray(header.blob_sizes, "<i4")
    marks: list[bytes] = []
    for part in (
        _dict(header.infos),
        _dict(categories_to_json(header.categories)),
        _dict(media | ({"manifest": header.manifest} if header.manifest else {})),
        struct.pack("<I", len(sizes)) + sizes.tobytes(),
    ):
        stored = header.cipher.seal(part)
        marks.append(header.cipher.mark(stored))
        _write_part(file, stored)
    return marks


def _write_part(file: BinaryIO, part: bytes | memoryview) -> None:
    file.write(struct.pack("<I", len(part)))
    file.write(part)


def _dict(value: dict[str, Any]) -> bytes:
    text = json_text.encode(value)
    return struct.pack("<I", len(text)) + text


def has_signature(head: bytes) -> bool:
    """Whether a file that begins so is of this format."""
    return head.startswith(SIGNATURE)


class PartReader:
    """Takes one part of a file after another, each within what is left of the file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.size = file.seek(0, io.SEEK_END)
        self.at = file.seek(0)

    def bad(self, at: int, found: str, expected: str) -> MalformedFileError:
        return MalformedFileError(self.path, f"byte {at}", found, expected)

    def take(self, n: int, what: str) -> bytes:
        """The next ``n`` bytes."""
        if n > self.size - self.at:
            raise self.bad(
                self.at,
                f"{what} of {n} bytes, but {self.size - self.at} are left in the file",
                "a whole file: it was cut, or a length in it is wrong",
            )
        data = self.file.read(n)
        if len(data) != n:
            raise self.bad(
                self.at,
                f"the end of the file after {len(data)} bytes of {what}",
                f"{n} bytes: the file was cut while it was read",
            )
        self.at += n
        return data

    def number(self, what: str) -> int:
        """The next u32."""
        return struct.unpack("<I", self.take(4, what))[0]

    def part(self, what: str, limit: int = 1 << 32) -> bytes:
        """A length and as many bytes."""
        n = self.number(f"the length of {what}")
        if n > limit:
            raise self.bad(self.at - 4, f"{what} of {n} bytes", f"at most {limit}")
        return self.take(n, what)

    def opened(self, what: str, header: Header, limit: int = 1 << 32) -> Array:
        """A part, decrypted; its mark is added to the header's."""
        place = f"{self.path}: byte {self.at}: {what}"
        stored = self.part(what, limit)
        header.marks.append(header.cipher.mark(stored))
        return header.cipher.open(stored, place)

    def dictionary(self, what: str, header: Header) -> dict[str, Any]:
        """A part that is a length and JSON of that length, or length 0 for an empty object."""
        begin = self.at + 4
        data = self.opened(what, header, _MAX_JSON).tobytes()
        inner = struct.unpack_from("<I", data)[0] if len(data) >= 4 else None
        if inner != len(data) - 4:
            raise self.bad(
                begin,
                f"{what} of {len(data)} bytes, "
                + ("too few for a length" if inner is None else f"with the inner length {inner}"),
                f"an inner length of {max(len(data) - 4, 0)}, and as many bytes of JSON",
            )
        try:
            return json_text.decode(data[4:])
        except (ValueError, RecursionError) as error:
            found = f"{what} {_shown(data[4:])} ({error})"
            raise self.bad(begin + 4, found, "a JSON object") from error


def _shown(data: bytes) -> str:
    text = data[:40].decode("utf-8", "replace")
    return repr(text) + ("…" if len(data) > 40 else "")


def read_field(reader: PartReader) -> tuple[bool, bytes]:
    """Read what is never encrypted: (whether media were saved to be encrypted, encryption field).

    Raises
    ------
    MalformedFileError
        It is not such a file, or of another version.
    """
    signature = bytes(reader.take(min(len(SIGNATURE), reader.size), "the signature"))
    if not has_signature(signature):
        found = repr(signature) if signature else "an empty file"
        raise reader.bad(0, f"another signature: {found}", SIGNATURE.decode())
    at = reader.at
    version = reader.dictionary("the version header", Header())
    if version.get("dm_format_version") not in (VERSION, "legacy"):
        found = f"format version {version.get('dm_format_version')!r}"
        raise reader.bad(at, found, f"{VERSION!r} or 'legacy'")
    media_encryption = version.get("media_encryption", False)
    if not isinstance(media_encryption, bool):
        raise reader.bad(at, f"media_encryption {media_encryption!r}", "true or false")
    field = reader.part("the encryption field", 1 << 12)
    if field and "media_encryption" not in version:
        raise reader.bad(at, "no media_encryption in an encrypted file", "true or false")
    return media_encryption, field


def read_header(reader: PartReader, key: KeyCipher | None = None) -> Header:
    """Read everything before the blobs.

    Raises
    ------
    MalformedFileError
        A part is not what it should be, or the file is of another version.
    DatasetImportError
        Its key is missing, wrong or superfluous.
    DamagedTokenError
        An encrypted part was changed.
    """
    header = Header(key=key)
    header.media_encryption, field = read_field(reader)
    if key is not None:
        if not field:
            raise SuperfluousKeyError(f"{reader.path}: the file is not encrypted")
        check_key(reader.path, field, key)
        header.cipher = Sealed(key)
    elif field:
        raise MissingKeyError(f"{reader.path}: the file is encrypted; its key is needed")
    header.infos = reader.dictionary("the infos", header)
    at = reader.at
    raw_categories = reader.dictionary("the categories", header)
    header.categories = categories_from_json(raw_categories, reader.path, f"byte {at}: $")
    at = reader.at
    media = reader.dictionary("the media type", header)
    media_type, manifest = media.get("media_type"), media.get("manifest", "")
    if type(media_type) is not int or media_type not in MEDIA_TYPES:
        known = ", ".join(str(int(kind)) for kind in sorted(MEDIA_TYPES))
        raise reader.bad(at, f"media type {media_type!r}", f"one of {known}")
    header.media_type, header.manifest = MediaType(media_type), str(manifest)
    at = reader.at
    header.blob_sizes = sizes = _blob_sizes(reader, at, reader.opened("the blob sizes", header))
    if int(sizes.sum()) > reader.size - reader.at:
        raise reader.bad(
            at,
            f"blobs of {sizes.sum()} bytes, but {reader.size - reader.at} are left in the file",
            "a whole file: it was cut, or a size in it is wrong",
        )
    header.blobs_at = reader.at
    return header


def _blob_sizes(reader: PartReader, at: int, data: Array) -> Array:
    if len(data) < 4 or len(data) % 4:
        raise reader.bad(
            at, f"a list of blob sizes in {len(data)} bytes", "4 bytes for each number"
        )
    numbers = data.view("<i4").astype(np.int64)
    count = int(numbers[0]) & 0xFFFFFFFF
    if count != len(numbers) - 1:
        raise reader.bad(at + 4, f"{count} blob sizes", f"{len(numbers) - 1}, by the list's length")
    sizes = numbers[1:]
    if len(sizes) and sizes.min() < 0:
        first = int(np.flatnonzero(sizes < 0)[0])
        raise reader.bad(at + 8 + 4 * first, f"a blob of {sizes[first]} bytes", "at least 0")
    return sizes
