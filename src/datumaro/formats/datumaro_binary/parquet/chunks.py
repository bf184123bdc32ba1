"""A row group's columns to a chunk, all checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from datumaro.errors import MalformedFileError
from datumaro.formats.datumaro_binary.locking import locked
from datumaro.formats.datumaro_binary.media_in import MediaReader
from datumaro.formats.datumaro_binary.parquet.columns import TableReader
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata
from datumaro.formats.datumaro_binary.parting import misshapen, with_images
from datumaro.formats.datumaro_binary.tables import DamagedTable
from datumaro.table import schema
from datumaro.table.chunk import Chunk, item_of

if TYPE_CHECKING:
    from datumaro.formats.datumaro_binary.parquet.reading import Group


@dataclass(frozen=True)
class ChunkReader:
    """Reads row groups of a file as chunks."""

    media: MediaReader
    metadata: FileMetadata

    def __call__(self, group: Group) -> Chunk:
        """Read a row group; runs in a worker."""
        return self.chunk(group.path, f"row group {group.number}", group.read())

    def chunk(self, path: Path, place: str, batch: pa.RecordBatch) -> Chunk:
        """Rows of a row group as a chunk.

        Parameters
        ----------
        path, place : the file and the part of it, for messages.
        """
        table = TableReader(path, place, batch)
        ids = table.ids()
        items = {
            "id": ids,
            "subset": schema.constant_dictionary(self.metadata.subset, table.n),
            "attributes": table.item_attributes(),
            **self.media.resolved(table.media(), ids),
        }
        annotations = table.annotations()
        row = misshapen(annotations)
        if row is not None:
            item = item_of(table.offsets, row)
            raise MalformedFileError(
                path,
                f"{place}: item {ids[item].as_py()!r}: annotation {row - int(table.offsets[item])}",
                "parts that do not fit its type",
                "as many coordinates, visibilities and run lengths as the type has",
            )
        try:
            annotations = with_images(
                annotations,
                lambda row, image: self.media.annotation_image(
                    image, ids[item_of(table.offsets, row)].as_py()
                ),
            )
        except DamagedTable as error:
            expected = "the path of an image and what is known of it"
            raise MalformedFileError(path, place, str(error), expected) from error
        chunk = Chunk(schema.item_batch(table.n, items), annotations, table.offsets)
        return locked(chunk, self.media.lock) if self.media.lock else chunk
