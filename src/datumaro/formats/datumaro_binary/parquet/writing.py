"""Chunks to Parquet files: a file, or several shards, for each subset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datumaro.errors import UnsupportedContentError
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.parquet import packing
from datumaro.formats.datumaro_binary.parquet.encryption import Vault
from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATIONS,
    KEY,
    FileMetadata,
    file_stem,
)
from datumaro.formats.datumaro_binary.parting import misshapen, with_images
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Chunk, item_of
from datumaro.table.schema import Array

ROW_GROUP = 8192  # items: 5 MB of COCO's; what a reader takes at a time

_ELEMENT = f"{ANNOTATIONS}.list.element"
# Lengths first and then all bytes: they compress best so, and nothing repeats.
_BYTES = "DELTA_LENGTH_BYTE_ARRAY"
_ENCODINGS = {
    "id": _BYTES,
    "attributes": _BYTES,
    "coordinates": _BYTES,
    f"{_ELEMENT}.label": "BYTE_STREAM_SPLIT",
    f"{_ELEMENT}.id": "DELTA_BINARY_PACKED",
    f"{_ELEMENT}.area_bits": "BYTE_STREAM_SPLIT",
    f"{_ELEMENT}.n_coordinates": "BYTE_STREAM_SPLIT",
    f"{_ELEMENT}.rle": _BYTES,
}
# Measured at COCO's size: run lengths alone gain by a higher one, 0.5 MB for 0.1 s more.
_LEVEL = 3
_UNCOMPRESSED = ("coordinates",)

Piece = tuple[Chunk, dict[str, pa.Array]]
Encoded = tuple[dict[str, pa.Array], dict[str, pa.Array], Array]


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

    def files(self, metadata: FileMetadata) -> list[ParquetFile]:
        """What is to be written: a file for each shard."""
        total = sum(len(chunk) for chunk, _ in self.chunks)
        size = self.shard_size or max(total, 1)
        bounds = [*range(0, max(total, 1), size), total]
        n = len(bounds) - 1
        return [
            ParquetFile(
                file_stem(self.subset, number, n),
                replace(metadata, subset=self.subset, shard=number, shards=n, items=end - begin),
                self._between(begin, end),
            )
            for number, (begin, end) in enumerate(pairwise(bounds))
        ]

    def _between(self, begin: int, end: int) -> list[Piece]:
        """Items ``begin:end``, in pieces of at most ROW_GROUP."""
        found: list[Piece] = []
        first = 0
        for chunk, media in self.chunks:
            low, high = max(begin - first, 0), min(end - first, len(chunk))
            first += len(chunk)
            for at in range(low, high, ROW_GROUP):
                to = min(at + ROW_GROUP, high)
                part = {name: column.slice(at, to - at) for name, column in media.items()}
                found.append((chunk.slice(at, to), part))
        return found


@dataclass(frozen=True)
class ParquetFile:
    """A file that is to be written.

    Attributes
    ----------
    stem : its name without extension.
    """

    stem: str
    metadata: FileMetadata
    pieces: list[Piece]

    def write(self, path: Path, encoded: Iterator[Encoded], vault: Vault | None = None) -> None:
        """Write it.

        Parameters
        ----------
        encoded : its pieces by `encode`, and perhaps more: no others are taken.
        vault : encrypts it; None for no encryption.
        """
        there = [packing.present(*piece) for piece in self.pieces]
        kind = packing.file_schema(
            set[str]().union(*(items for items, _ in there)),
            set[str]().union(*(fields for _, fields in there)),
        )
        options, metadata = _options(kind), {KEY: self.metadata.encode()}
        if vault is not None:
            options["encryption_properties"] = vault.encryption()
            metadata |= vault.metadata(self.stem)
        with pq.ParquetWriter(path, kind, **options) as writer:
            writer.add_key_value_metadata(metadata)
            for table, fields, offsets in islice(encoded, len(self.pieces)):
                writer.write_batch(
                    packing.record_batch(table, fields, offsets, kind), row_group_size=ROW_GROUP
                )


def encode(piece: Piece) -> Encoded:
    """The columns of a piece; may run in a worker.

    Raises
    ------
    UnsupportedContentError
        An annotation's parts are not those of its type.
    """
    chunk, media = piece
    row = misshapen(chunk.annotations)
    if row is not None:
        item = item_of(chunk.offsets, row)
        kind = AnnotationType(chunk.annotations.column("type")[row].as_py()).name
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[item].as_py()!r}: annotation "
            f"{row - int(chunk.offsets[item])} is a {kind} with coordinates, visibilities "
            "or run lengths that a file could not be read back with"
        )
    coordinates, fields, offsets = packing.annotation_columns(chunk, media)
    return packing.item_columns(chunk, media) | {"coordinates": coordinates}, fields, offsets


def _options(kind: pa.Schema) -> dict[str, object]:
    leaves = [name for name in kind.names if name != ANNOTATIONS]
    element = kind.field(ANNOTATIONS).type.value_type
    leaves += [f"{_ELEMENT}.{part.name}" for part in element]
    compressed = [name for name in leaves if name not in _UNCOMPRESSED]
    return {
        "compression": dict.fromkeys(leaves, "zstd") | dict.fromkeys(_UNCOMPRESSED, "none"),
        "compression_level": dict.fromkeys(compressed, _LEVEL),
        "use_dictionary": [name for name in leaves if name not in _ENCODINGS],
        "column_encoding": {name: _ENCODINGS[name] for name in leaves if name in _ENCODINGS},
        # the types are plain ones then, whatever Arrow is given
        "store_schema": False,
        "write_page_checksum": True,
        "write_statistics": [name for name in leaves if name == "id"],
    }
