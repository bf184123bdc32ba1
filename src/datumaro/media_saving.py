"""What a worker of `datumaro.media_store` does: saves a batch of media, each as a file.

Small files that are copied or encrypted as they are go through `kernels.files`, many in one call;
what such a call leaves, and all others, are saved one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datumaro.copying import copy_file
from datumaro.crypto import FRONT, GAP, STEP, Cipher, seal_of
from datumaro.errors import DatasetExportError
from datumaro.kernels import files
from datumaro.model.image import Image, ImageFromFile
from datumaro.model.image_codec import IMAGE_EXTENSIONS, encode_image, same_kind
from datumaro.model.media_element import MediaElement, read_bytes
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
    """

    sources: list[Any]
    targets: list[str]
    cipher: Cipher | None


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
        yield _saved(source, target, batch.cipher) if seal is None else seal


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


def _encrypted(batch: Batch, cipher: Cipher, numbers: Sequence[int]) -> list[bytes | None]:
    """Encrypt the first of some: their seals, or None for those that are left."""
    memory = _scratch.take(_AT_ONCE)
    sources = [batch.sources[number] for number in numbers]
    places = files.read(sources, memory[FRONT:-GAP], STEP, GAP)
    read = [n for n, place in enumerate(places) if place]
    tokens = cipher.encrypt_all(memory.data, [place for place in places if place])
    targets = [batch.targets[numbers[n]] for n in read]
    written = files.write(targets, tokens.text, tokens.places, tokens.tails)
    found: list[bytes | None] = [None] * len(places)
    for n, seal, done in zip(read, tokens.seals, written, strict=True):
        found[n] = seal if done else None
    return found


# --- one by one --------------------------------------------------------------------------------


def _saved(source: Any, target: str, cipher: Cipher | None) -> bytes | None:
    """Save a medium. See `save_batch`."""
    try:
        plain = cipher is None and isinstance(source, str) and not is_url(source)
        if plain and not _changes(source, target):
            return b"" if copy_file(source, target) else None
        data = _content(source, target)
        if data is None:
            return None
        if cipher is not None:
            data = cipher.encrypt(data)
        with open(target, "wb") as file:  # noqa: PTH123 - a str
            file.write(data)
        return b"" if cipher is None else seal_of(data)
    except Exception as error:
        raise NotSavedError(str(error)) from error


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
