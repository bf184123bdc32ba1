"""Chunks to a `.datum` file: the sizes of all records first, then one blob after another."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.datumaro_binary import extension as ext, parting
from datumaro.formats.datumaro_binary.ciphers import PLAIN, Cipher
from datumaro.formats.datumaro_binary.layout import Header, write_header
from datumaro.formats.datumaro_binary.manifest import Manifest
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.kernels.record_print import Records
from datumaro.model.annotation import AnnotationType
from datumaro.scratch import Scratch
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array
from datumaro.workers import Workers, batched

# A blob is ended by the item that makes it larger than this (bytes).
BLOB_SIZE = 1 << 20

_scratch = Scratch(keep=4 << 20)

_BATCH = 4  # blobs that a worker takes at a time: 0.7 ms of work, 6 ms more when encrypted


@dataclass(frozen=True)
class _Blob:
    """Records to be put together.

    Attributes
    ----------
    size : how many bytes they are.
    place : how many bytes are stored of the blobs before.
    pieces : items ``begin:end`` of some `Records`.
    """

    size: int
    place: int
    pieces: list[tuple[Records, int, int]] = field(default_factory=list[tuple[Records, int, int]])

    def filled(self) -> memoryview:
        """The bytes, good until the thread fills another blob."""
        data = _scratch.take(self.size)
        at = 0
        for records, begin, end in self.pieces:
            at += records.write(begin, end, data[at:])
        return data.data


@contextlib.contextmanager
def _written(
    file: BinaryIO, blobs: Iterator[_Blob], cipher: Cipher, workers: Workers
) -> Generator[Iterator[bytes]]:
    """Write blobs from where the file is on; gives, in order, the mark of each that is written.

    Columns of whole chunks are nothing to send around: an executor gets blobs, to encrypt them.
    """
    begin, lock = file.tell(), threading.Lock()

    def put(stored: bytes | memoryview, place: int) -> bytes:
        with lock:
            file.seek(begin + place)
            file.write(stored)
        return cipher.mark(stored)

    if workers.share_memory:
        write = workers.map(
            lambda blob: put(cipher.seal(blob.filled()), blob.place), batched(blobs, _BATCH)
        )
        with write as marks:
            yield marks
    elif cipher is PLAIN:
        yield (put(blob.filled(), blob.place) for blob in blobs)
    else:
        parts = ((blob.filled().tobytes(), blob.place) for blob in blobs)
        seal = partial(_sealed, cipher)
        with workers.map(seal, batched(parts, _BATCH)) as sealed:
            yield (put(stored, place) for stored, place in sealed)


def _sealed(cipher: Cipher, part: tuple[bytes, int]) -> tuple[bytes | memoryview, int]:
    return cipher.seal(part[0]), part[1]


@dataclass(frozen=True)
class _Parted:
    """A chunk of what has records, and what goes into the extension: see `parting`."""

    chunk: Chunk
    items: Array
    places: Array
    rest: pa.RecordBatch
    details: dict[str, pa.Array]


def _parted(chunk: Chunk) -> _Parted:
    row = parting.misshapen(chunk.annotations)
    if row is not None:
        item = int(np.searchsorted(chunk.offsets, row, "right")) - 1
        kind = AnnotationType(chunk.annotations.column("type")[row].as_py()).name
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[item].as_py()!r}: annotation "
            f"{row - int(chunk.offsets[item])} is a {kind} with coordinates, visibilities or "
            "run lengths that a file could not be read back with"
        )
    chunk, items, places, rest = parting.split_annotations(chunk)
    return _Parted(chunk, items, places, rest, parting.details_of(chunk.annotations))


@dataclass
class DatumWriter:
    """Takes a subset's chunks, one after another, and writes them as one file.

    Attributes
    ----------
    cuboid_2d : the number that the file has for 2D cuboids.
    """

    subset: str
    media: MediaWriter
    cuboid_2d: int = AnnotationType.cuboid_2d
    extension: ext.Extension = field(default_factory=ext.Extension)

    def __post_init__(self) -> None:
        self._records: list[Records] = []
        self._sizes: list[Array] = []
        self._items = self._annotations = 0
        self._rest: list[tuple[Array, Array, pa.RecordBatch]] = []
        self._details: list[tuple[int, dict[str, pa.Array]]] = []

    def add(self, chunks: Iterable[Chunk], workers: Workers) -> None:
        """Take the chunks of the subset's items, in order.

        Raises
        ------
        UnsupportedContentError
            An annotation's parts are not those of its type, or a video's numbers are out of range.
        """
        here = workers if workers.share_memory else Workers()
        with here.map(_parted, ([chunk] for chunk in chunks)) as parted:
            for part in parted:
                self._add(part)

    def _add(self, part: _Parted) -> None:
        chunk, items, places, rest = part.chunk, part.items, part.places, part.rest
        if len(items):
            ids = chunk.items.column("id")
            rest = parting.with_images(
                rest,
                lambda row, image: self.media.annotation_image(
                    image, ids[int(items[row])].as_py(), self.subset
                ),
            )
            self._rest.append((items + self._items, places, rest))
        self._details.append((len(chunk.annotations), part.details))
        media, rows = self.media.columns(chunk, self.subset, self._items)
        self.extension.media += rows
        columns = media | _item_columns(chunk) | self._annotation_columns(chunk.annotations)
        records = Records(columns, np.frombuffer(self.subset.encode(), np.uint8))
        self._records.append(records)
        self._sizes.append(records.sizes())
        self._items += len(chunk)
        self._annotations += len(chunk.annotations)

    def _annotation_columns(self, annotations: pa.RecordBatch) -> dict[str, Array]:
        columns: dict[str, Array] = {
            name: annotations.column(name).to_numpy()
            for name in ("type", "id", "group", "object_id", "z_order")
        }
        columns["label"] = schema.label_values(annotations.column("label"))
        if self.cuboid_2d != AnnotationType.cuboid_2d:
            types = columns["type"] = columns["type"].copy()
            types[types == AnnotationType.cuboid_2d] = self.cuboid_2d
        for name, offsets, values in (
            ("attributes", "attribute_offsets", "attributes"),
            ("points", "point_offsets", "points"),
            ("visibility", "visibility_offsets", "visibility"),
            ("text", "text_offsets", "text"),
        ):
            columns[offsets], columns[values] = schema.list_parts(annotations.column(name))
        if (columns["type"] == AnnotationType.mask).any():
            columns["mask_height"] = annotations.column("mask_height").to_numpy()
            columns["mask_width"] = annotations.column("mask_width").to_numpy()
            columns["rle_offsets"], columns["rle"] = schema.list_parts(annotations.column("rle"))
        return columns

    def finish(
        self, path: Path, header: Header, context: WriteContext, manifest: Manifest | None = None
    ) -> None:
        """Write the file: a header, all blobs, and what only the extension can hold.

        Parameters
        ----------
        manifest : of an encrypted file, but for its seals.
        """
        sizes = np.concatenate([np.zeros(0, np.int64), *self._sizes])
        ends = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=ends[1:])
        bounds = _blob_bounds(ends)
        stored = [header.cipher.sealed_size(int(n)) for n in np.diff(ends[bounds])]
        if stored and max(stored) > 2**31 - 1:
            raise UnsupportedContentError(
                f"subset {self.subset!r}: an item of {max(stored)} bytes; the format holds 2 GiB"
            )
        header = replace(header, blob_sizes=np.array(stored, np.int64))
        places: list[int] = np.cumsum([0, *stored[:-1]]).tolist()
        context.progress.start(len(sizes), desc=f"Writing {self.subset}")
        with path.open("wb") as file:
            marks = write_header(file, header)
            blobs = self._blobs(bounds, ends, places)
            with _written(file, blobs, header.cipher, context.workers) as written:
                for end, mark in zip(bounds[1:], written, strict=True):
                    marks.append(mark)
                    context.progress.report_status(end)
            file.seek(0, os.SEEK_END)
            if manifest is not None:
                manifest.seals = b"".join(marks)
                self.extension.manifest = manifest
            file.write(ext.encode(self._finished_extension(), header.cipher))
        context.progress.finish()

    def _blobs(self, bounds: list[int], ends: Array, places: list[int]) -> Iterator[_Blob]:
        """The blobs between ``bounds``: items whose records may be of several chunks."""
        first = np.cumsum([0, *map(len, self._sizes)])
        for (begin, end), place in zip(pairwise(bounds), places, strict=False):  # one, for none
            blob = _Blob(int(ends[end] - ends[begin]), place)
            part = int(np.searchsorted(first, begin, "right")) - 1
            while begin < end:
                until = min(end, int(first[part + 1]))
                offset = int(first[part])
                blob.pieces.append((self._records[part], begin - offset, until - offset))
                begin, part = until, part + 1
            yield blob

    def _finished_extension(self) -> ext.Extension:
        extension = self.extension
        if self._rest:
            extension.items = np.concatenate([items for items, _, _ in self._rest])
            extension.places = np.concatenate([places for _, places, _ in self._rest])
            extension.annotations = pa.concat_batches([rest for _, _, rest in self._rest])
        names = {name for _, details in self._details for name in details}
        for name in sorted(names):
            kind: Any = schema.ANNOTATIONS.field(name).type
            extension.details[name] = pa.concat_arrays(
                [
                    details.get(name) or schema.annotation_batch(n, {}).column(name).cast(kind)
                    for n, details in self._details
                ]
            )
        extension.details_rows = self._annotations
        return extension


def _item_columns(chunk: Chunk) -> dict[str, Array]:
    columns: dict[str, Array] = {"offsets": chunk.offsets}
    columns["id_offsets"], columns["ids"] = schema.list_parts(chunk.items.column("id"))
    columns["item_attribute_offsets"], columns["item_attributes"] = schema.list_parts(
        chunk.items.column("attributes")
    )
    return columns


def _blob_bounds(ends: Array) -> list[int]:
    """The first item of each blob, and the end: a blob ends with the item that overfills it."""
    bounds: list[int] = [0]
    last = len(ends) - 1
    while bounds[-1] < last:
        over = np.searchsorted(ends, int(ends[bounds[-1]]) + BLOB_SIZE, "right")
        bounds.append(min(int(over), last))
    return bounds
