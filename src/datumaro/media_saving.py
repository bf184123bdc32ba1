"""What a worker of `datumaro.media_store` does: saves a batch of media, each as a file.

Small files that are copied or encrypted as they are go through `kernels.files`, many in one call;
what such a call leaves, and all others, are saved one by one.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from datumaro.copying import copy_file
from datumaro.crypto import FileCipher
from datumaro.errors import DatasetExportError
from datumaro.kernels import files
from datumaro.model.image import Image, ImageFromFile
from datumaro.model.image_codec import IMAGE_EXTENSIONS, encode_image, same_kind
from datumaro.model.media_element import MediaElement, open_file, read_bytes
from datumaro.paths import extension, is_url
from datumaro.scratch import Scratch

_AT_ONCE = 1 << 20  # bytes of files that are read, encrypted and written at once
_scratch = Scratch(keep=_AT_ONCE)


class NotSavedError(DatasetExportError):
    """A medium could not be saved; the message says why, but not which."""


@dataclass(frozen=True)
class Batch:
    """Media to save.

    Attributes
    ----------
    sources : paths, or what to write or encode.
    targets : the files' paths.
    cipher : encrypts what is written.
    names : the files' paths from the data set's folder, to which encrypted files are bound.
    """

    sources: list[Any]
    targets: list[str]
    cipher: FileCipher | None
    names: list[str]


def save_batch(batch: Batch) -> Iterator[bytes | None]:
    """Save media: of each its seal, b"" of a plain file, None when there is no source.

    Raises
    ------
    NotSavedError
        One of them cannot be read, encoded or written: the first whose seal was not given.
    """
    waiting = _unchanged(batch)
    seals: dict[int, bytes | None] = {}
    for number, (source, target) in enumerate(zip(batch.sources, batch.targets, strict=True)):
        if waiting and waiting[0] == number:
            if batch.cipher is None:
                found = _copied(batch, waiting)
            else:
                found = _encrypted(batch, batch.cipher, waiting)
            seals = dict(zip(waiting, found, strict=False))
            waiting = waiting[len(found) :]
        seal = seals.get(number)
        if seal is None and batch.cipher is not None:
            yield _saved_encrypted(source, target, batch.cipher, batch.names[number])
        else:
            yield _saved(source, target) if seal is None else seal


def read_batch(batch: Batch) -> Iterator[bytes | None]:
    """What `save_batch` would write to each file, and is not written; None when there is no source.

    Raises
    ------
    NotSavedError
        One of them cannot be read or encoded: the first whose content was not given.
    """
    for source, target in zip(batch.sources, batch.targets, strict=True):
        try:
            yield _content(source, target)
        except Exception as error:
            raise NotSavedError(str(error)) from error


# --- many at once ------------------------------------------------------------------------------


def _unchanged(batch: Batch) -> list[int]:
    """The numbers of those that are in files and stay as they are."""
    return [
        number
        for number, (source, target) in enumerate(zip(batch.sources, batch.targets, strict=True))
        if isinstance(source, str) and not _changes(source, target) and not is_url(source)
    ]


def _copied(batch: Batch, numbers: Sequence[int]) -> list[bytes | None]:
    """Copy the first of some: b"", or None for those that are left."""
    sources = [batch.sources[number] for number in numbers]
    done = files.copy(sources, [batch.targets[number] for number in numbers])
    return [b"" if one else None for one in done]


def _encrypted(batch: Batch, cipher: FileCipher, numbers: Sequence[int]) -> list[bytes | None]:
    """Encrypt the first of some: their seals, or None for those that are left."""
    memory = _scratch.take(_AT_ONCE)
    front, step, gap = cipher.room
    sources = [batch.sources[number] for number in numbers]
    places = files.read(sources, memory[front : len(memory) - gap], step, gap)
    read = [n for n, place in enumerate(places) if place]
    names = [batch.names[numbers[n]] for n in read]
    tokens = cipher.encrypt_files(memory.data, [place for place in places if place], names)
    targets = [batch.targets[numbers[n]] for n in read]
    written = files.write(targets, tokens.text, tokens.places, tokens.tails)
    found: list[bytes | None] = [None] * len(places)
    for n, seal, done in zip(read, tokens.seals, written, strict=True):
        found[n] = seal if done else None
    return found


# --- one by one --------------------------------------------------------------------------------


def _saved(source: Any, target: str) -> bytes | None:
    """Save a medium. See `save_batch`."""
    try:
        plain = isinstance(source, str) and not is_url(source)
        if plain and not _changes(source, target):
            return b"" if copy_file(source, target) else None
        content = _opened(source, target)
        if content is None:
            return None
        with content, open(target, "wb") as file:  # noqa: PTH123 - a str
            shutil.copyfileobj(content, file, _AT_ONCE)
        return b""
    except Exception as error:
        raise NotSavedError(str(error)) from error


def _saved_encrypted(source: Any, target: str, cipher: FileCipher, name: str) -> bytes | None:
    """Save a medium, encrypted. See `save_batch`."""
    try:
        content = _opened(source, target)
        if content is None:
            return None
        with content, open(target, "wb") as file:  # noqa: PTH123 - a str
            return cipher.encrypt_file(content, file, name)
    except Exception as error:
        raise NotSavedError(str(error)) from error


def _opened(source: Any, target: str) -> BinaryIO | None:
    """`_content` as a file: what stays as it is need not be in memory."""
    if isinstance(source, str) and not _changes(source, target):
        return open_file(source)
    if isinstance(source, MediaElement) and not isinstance(source, Image):
        return source.open()
    data = _content(source, target)
    return None if data is None else io.BytesIO(data)


def _content(source: Any, target: str) -> bytes | None:
    """What is to be in a file with that name; None when there is no source."""
    ext = extension(target)
    if isinstance(source, str):
        return (
            ImageFromFile(source).encoded(ext) if _changes(source, target) else read_bytes(source)
        )
    if isinstance(source, Image):
        return source.encoded(ext)
    if isinstance(source, MediaElement):
        return source.bytes
    return source if isinstance(source, bytes) else encode_image(source, ext)


def _changes(source: str, target: str) -> bool:
    """Whether a file must be encoded anew to get the extension of another."""
    own, ext = extension(source), extension(target)
    return own != ext and not same_kind(own, ext) and ext.lower() in IMAGE_EXTENSIONS
