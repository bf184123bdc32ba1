"""Chunks to Parquet files: a file, or several shards, for each subset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from datumaro.errors import UnsupportedContentError
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.parquet import column_chunks, packing
from datumaro.formats.datumaro_binary.parquet.column_chunks import RowGroup, Storage
from datumaro.formats.datumaro_binary.parquet.column_values import (
    DELTAS,
    DICTIONARY,
    SPLIT,
    TEXTS,
)
from datumaro.formats.datumaro_binary.parquet.encrypted_file import write_encrypted
from datumaro.formats.datumaro_binary.parquet.encryption import Vault
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATIONS,
    COORDINATES,
    KEY,
    FileMetadata,
    file_stem,
)
from datumaro.formats.datumaro_binary.parquet.plain_file import write_file
from datumaro.formats.datumaro_binary.parting import misshapen, with_images
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Chunk, item_of
from datumaro.table.counts import Count, count_chunks
from datumaro.table.schema import Array
from datumaro.workers import Workers

# what a reader takes at a time
ROW_GROUP = 8192  # items: 5 MB of COCO's
GROUP_BYTES = 1 << 26  # in memory: 29 MB of COCO's, so that it is the items that count there
_MOST_BYTES = 3 << 29  # of an item: as a row group of its own it stays below what readers take

# Measured at COCO's size: of zstd's levels a higher one than 1 gains 0.9 MB of run lengths in
# 0.02 s (level 3: 0.3 MB more in 0.03 s), 0.17 MB of labels in 0.01 s, and of the others nothing.
_ITEM_STORAGE = {
    "id": Storage(TEXTS, 1, has_statistics=True),
    "attributes": Storage(TEXTS, 1),
    "attributes_pattern": Storage(DICTIONARY, 1),
    "media_type": Storage(DICTIONARY, 1),
    "path": Storage(TEXTS, 1),
    "path_pattern": Storage(DICTIONARY, 1),
    "height": Storage(DICTIONARY, 1),
    "width": Storage(DICTIONARY, 1),
    "media_extra": Storage(TEXTS, 1),
    COORDINATES: Storage(TEXTS, None),
}
_FIELD_STORAGE = {
    "type": Storage(DICTIONARY, 1),
    "label": Storage(SPLIT, 3),
    "id": Storage(DELTAS, 1),
    "group": Storage(DELTAS, 1),
    "object_id": Storage(SPLIT, 1),
    "z_order": Storage(SPLIT, 1),
    "attributes": Storage(DICTIONARY, 1),
    "area_bits": Storage(SPLIT, 1),
    "n_coordinates": Storage(SPLIT, 1),
    "visibility": Storage(TEXTS, 1),
    "mask_height": Storage(SPLIT, 1),
    "mask_width": Storage(SPLIT, 1),
    "rle": Storage(TEXTS, 2),
    "text": Storage(TEXTS, 3),
    "extra": Storage(TEXTS, 3),
}
_STORAGE = _ITEM_STORAGE | {
    f"{ANNOTATIONS}.list.element.{name}": storage for name, storage in _FIELD_STORAGE.items()
}

_SURVEYED = 65536  # items: that many at once keep a worker busy for longer than it waits for others

Piece = tuple[Chunk, dict[str, pa.Array]]


@dataclass
class ParquetWriter:
    """Takes a subset's chunks, and writes them as one file or several shards.

    Attributes
    ----------
    shard_size : items of a shard; 0 for one file.
    """

    subset: str
    media: MediaWriter
    shard_size: int = 0
    chunks: list[Piece] = field(default_factory=list[Piece])

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Take the chunks of the subset's items, in order."""
        for chunk in chunks:
            media = self.media.told(chunk, self.subset)
            self.chunks.append((self._with_images(chunk), media))

    def _with_images(self, chunk: Chunk) -> Chunk:
        """The chunk with the paths of its image annotations as the file gets them."""
        ids = chunk.items.column("id")
        changed = with_images(
            chunk.annotations,
            lambda row, image: self.media.annotation_image(
                image, ids[item_of(chunk.offsets, row)].as_py(), self.subset
            ),
        )
        return Chunk(chunk.items, changed, chunk.offsets)

    def files(self, metadata: FileMetadata, workers: Workers) -> list[ParquetFile]:
        """What is to be written: a file for each shard."""
        total = sum(len(chunk) for chunk, _ in self.chunks)
        size = self.shard_size or max(total, 1)
        bounds = [*pairwise([*range(0, max(total, 1), size), total])]
        parts = [self._between(begin, end, _SURVEYED) for begin, end in bounds]
        found: list[ParquetFile] = []
        with workers.map(_survey, ([piece] for pieces in parts for piece in pieces)) as surveys:
            for number, (pieces, (begin, end)) in enumerate(zip(parts, bounds, strict=True)):
                own = list(islice(surveys, len(pieces)))
                kind = packing.file_schema(there for there, _ in own)
                told = replace(
                    metadata,
                    subset=self.subset,
                    shard=number,
                    shards=len(parts),
                    items=end - begin,
                    count=sum((count for _, count in own), Count()),
                    columns=packing.paths_of(kind),
                )
                stem = file_stem(self.subset, number, len(parts))
                pieces = [
                    part
                    for piece in self._between(begin, end, ROW_GROUP)
                    for part in _parts_of(*piece)
                ]
                found.append(ParquetFile(stem, told, kind, pieces))
        return found

    def _between(self, begin: int, end: int, most: int) -> list[Piece]:
        """Items ``begin:end``, in pieces of at most ``most``."""
        found: list[Piece] = []
        first = 0
        for chunk, media in self.chunks:
            low, high = max(begin - first, 0), min(end - first, len(chunk))
            first += len(chunk)
            found += [
                _slice(chunk, media, at, min(at + most, high)) for at in range(low, high, most)
            ]
        return found


def _slice(chunk: Chunk, media: dict[str, pa.Array], begin: int, end: int) -> Piece:
    columns = {name: column.slice(begin, end - begin) for name, column in media.items()}
    return chunk.slice(begin, end), columns


def _bytes_of(chunk: Chunk) -> int:
    end: Array = chunk.bytes_up_to(np.array([len(chunk)]))
    return int(end[0])


def _parts_of(chunk: Chunk, media: dict[str, pa.Array]) -> list[Piece]:
    """A piece in parts of at most `GROUP_BYTES`; an item that has more is one by itself."""
    if _bytes_of(chunk) <= GROUP_BYTES:
        return [(chunk, media)]
    ends = chunk.bytes_up_to(np.arange(len(chunk) + 1))
    bounds = [0]
    while bounds[-1] < len(chunk):
        end = int(np.searchsorted(ends, int(ends[bounds[-1]]) + GROUP_BYTES, "right")) - 1
        bounds.append(max(end, bounds[-1] + 1))
    return [_slice(chunk, media, begin, end) for begin, end in pairwise(bounds)]


@dataclass(frozen=True)
class ParquetFile:
    """A file that is to be written.

    Attributes
    ----------
    stem : its name without extension.
    kind : its columns.
    """

    stem: str
    metadata: FileMetadata
    kind: pa.Schema
    pieces: list[Piece]

    def encode(self, piece: Piece) -> RowGroup:
        """One of its pieces as it is written; may run in a worker.

        Raises
        ------
        UnsupportedContentError
            An annotation's parts are not those of its type, or it is too large for the file.
        """
        batch = self.batch(piece)
        try:
            return column_chunks.encode(batch, _STORAGE)
        except UnsupportedContentError as error:
            ids = piece[0].items.column("id")
            raise UnsupportedContentError(
                f"items {ids[0].as_py()!r} to {ids[-1].as_py()!r}: {error}"
            ) from error

    def batch(self, piece: Piece) -> pa.RecordBatch:
        """One of its pieces as columns; may run in a worker, too.

        Raises
        ------
        UnsupportedContentError
            An annotation's parts are not those of its type, or an item is too large for a file.
        """
        _check(piece[0])
        return packing.record_batch(*piece, self.kind)

    def write(self, path: Path, groups: Iterator[RowGroup]) -> None:
        """Write it.

        Parameters
        ----------
        groups : its pieces by `encode`, and perhaps more: no others are taken.
        """
        own = islice(groups, len(self.pieces))
        write_file(path, self.kind, own, {KEY: self.metadata.encode()})

    def write_encrypted(self, path: Path, groups: Iterator[pa.RecordBatch], vault: Vault) -> None:
        """Write it encrypted; ``groups`` are its pieces by `batch`, otherwise as `write`."""
        own = islice(groups, len(self.pieces))
        metadata = {KEY: self.metadata.encode()} | vault.metadata(self.stem)
        write_encrypted(path, self.kind, own, metadata, _STORAGE, vault.encryption())


def _survey(piece: Piece) -> tuple[packing.Present, Count]:
    """What is in a piece, and how much; may run in a worker."""
    return packing.present(*piece), count_chunks([piece[0]])


def _check(chunk: Chunk) -> None:
    """See that a piece can be read back: all parts are those of their types, and not too large."""
    size = _bytes_of(chunk)
    if size > _MOST_BYTES:  # no piece has that many but of one item
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[0].as_py()!r}: it takes {size} bytes with its "
            f"annotations; a row group of Parquet has at most {_MOST_BYTES} here"
        )
    row = misshapen(chunk.annotations)
    if row is not None:
        item = item_of(chunk.offsets, row)
        kind = AnnotationType(chunk.annotations.column("type")[row].as_py()).name
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[item].as_py()!r}: annotation "
            f"{row - int(chunk.offsets[item])} is a {kind} with coordinates, visibilities "
            "or run lengths that a file could not be read back with"
        )
