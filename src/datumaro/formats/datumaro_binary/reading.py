"""A `.datum` file to chunks: groups of blobs, one chunk for each group."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from io import FileIO
from itertools import pairwise
from typing import Self

import numpy as np
import pyarrow as pa

from datumaro.crypto import Cipher as KeyCipher
from datumaro.errors import DamagedTokenError
from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_binary import extension as ext, parting
from datumaro.formats.datumaro_binary.blobs import BlobGroup, Buffers, stamp
from datumaro.formats.datumaro_binary.labels import checked_labels
from datumaro.formats.datumaro_binary.layout import Header, PartReader, read_header
from datumaro.formats.datumaro_binary.locking import locked
from datumaro.formats.datumaro_binary.manifest import Manifest, MediaLock
from datumaro.formats.datumaro_binary.media_in import MediaReader
from datumaro.formats.datumaro_binary.sources import Source
from datumaro.formats.datumaro_binary.tables import DamagedTable
from datumaro.model.media import MediaType
from datumaro.paths import absolute
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

# Bytes of blobs that are read at a time. A blob that is larger is read whole.
_GROUP = 16 << 20


@dataclass
class DatumFile:
    """What a `.datum` file holds."""

    header: Header
    media_type: MediaType
    manifest: Manifest | None = None
    chunks: list[Chunk] = field(default_factory=list[Chunk])


def read_datums(
    sources: Sequence[Source],
    allow_external: bool,
    context: ReadContext,
    key: KeyCipher | None = None,
) -> list[DatumFile]:
    """Read `.datum` files. While workers are at the last blobs of one, they begin with the next.

    Parameters
    ----------
    key : of encrypted files.

    Raises
    ------
    MalformedFileError, DatasetImportError
        See `layout.read_header`, `extension.read`; or a record is damaged.
    UndeclaredLabelError
        A label is not among the categories.
    PathOutsideDatasetError
        A relative media path climbs out of the data set.
    DamagedTokenError
        Something encrypted was changed, removed or exchanged.
    """
    done: list[DatumFile] = []
    opened: deque[_OpenFile] = deque()
    buffers = Buffers() if context.workers.share_memory else None

    def groups() -> Iterator[list[BlobGroup]]:
        for source in sources:
            opened.append(_open(source, allow_external, context, key))
            yield from ([group] for group in opened[-1].groups(buffers))

    def finish() -> None:
        with opened.popleft() as file:
            done.append(file.finished())
        context.progress.report_status(len(done))

    context.progress.start(len(sources), desc="Reading")
    with ExitStack() as stack:
        stack.callback(lambda: [file.close() for file in opened])
        for columns in stack.enter_context(context.workers.map(BlobGroup.read, groups())):
            while opened[0].is_read:
                finish()
            opened[0].take(columns)
        while opened:
            finish()
    context.progress.finish()
    return done


def _open(
    source: Source, allow_external: bool, context: ReadContext, key: KeyCipher | None
) -> _OpenFile:
    """Read all of a file but its blobs."""
    with ExitStack() as stack:
        raw = stack.enter_context(source.path.open("rb", buffering=0))
        reader = PartReader(raw, source.path)
        header = read_header(reader, key)
        reader.at = raw.seek(header.blobs_at + int(header.blob_sizes.sum()))
        extension = ext.read(reader, header.cipher)
        manifest = _checked_manifest(source, header, extension)
        root = os.fspath(source.root)
        lock = MediaLock(key, root, manifest) if key and header.media_encryption else None
        media = MediaReader(source.path, root, source.subset, allow_external, lock)
        stack.pop_all()  # who finishes the file closes it
        return _OpenFile(source, raw, reader, header, extension, media, context)


def _checked_manifest(source: Source, header: Header, extension: ext.Extension) -> Manifest | None:
    """The manifest, in accord with the file; None in a file that never had one."""
    manifest = extension.manifest
    if (manifest.export if manifest else "") != header.manifest:
        raise DamagedTokenError(
            f"{source.path}: its extension is not that which was written here: it was exchanged "
            "or removed"
        )
    if manifest is not None:
        manifest.check_header(source.path, header.marks, len(header.blob_sizes))
        if manifest.media_encryption != header.media_encryption:
            raise DamagedTokenError(f"{source.path}: its version header was changed")
    return manifest


@dataclass
class _OpenFile:
    """A file whose blobs are being read."""

    source: Source
    raw: FileIO
    reader: PartReader
    header: Header
    extension: ext.Extension
    media: MediaReader
    context: ReadContext

    def __post_init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._items = self._annotations = 0  # that have records, so far
        self._bounds = _group_bounds(self.header.blob_sizes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file: no worker reads it any more."""
        self.raw.close()

    @property
    def is_read(self) -> bool:
        """Whether all groups of blobs were taken."""
        return len(self._chunks) == len(self._bounds) - 1

    def take(self, columns: dict[str, Array]) -> None:
        """Make a chunk of what was read of the next group."""
        chunk, held = self._extended(self._chunk(columns), self._items, self._annotations)
        self._items += len(chunk)
        self._annotations += held
        self._chunks += checked_labels(
            [chunk], self.header.categories, self.source.path, self.context
        )

    def finished(self) -> DatumFile:
        """What the file holds."""
        self._check_end(self._items, self._annotations)
        media_type = self.extension.media_type
        return DatumFile(
            self.header,
            self.header.media_type if media_type is None else media_type,
            self.extension.manifest,
            self._chunks,
        )

    def groups(self, buffers: Buffers | None) -> Iterator[BlobGroup]:
        """Neighbouring blobs of about _GROUP bytes together; a larger one alone."""
        sizes = self.header.blob_sizes
        here, descriptor = self.context.workers.share_memory, self.raw.fileno()
        path = os.fspath(self.source.path)
        kinds = (MediaType.IMAGE, MediaType.POINT_CLOUD, MediaType.VIDEO)
        whole = BlobGroup(
            path=path if here else absolute(path),
            stamp=stamp(descriptor),
            at=self.header.blobs_at,
            first=0,
            sizes=sizes,
            cipher=self.header.cipher,
            seals=None,
            folders=tuple(os.fsencode(self.media.folder(kind)) for kind in kinds),
            descriptor=descriptor if here else -1,
            buffers=buffers,
        )
        manifest, n_parts = self.extension.manifest, len(self.header.marks)
        at = whole.at
        for begin, end in pairwise(self._bounds):
            seals = None
            if manifest is not None:
                seals = [manifest.seal(n_parts + blob) for blob in range(begin, end)]
            yield replace(whole, at=at, first=begin, sizes=sizes[begin:end], seals=seals)
            at += int(sizes[begin:end].sum())

    def _chunk(self, columns: dict[str, Array]) -> Chunk:
        n, m = len(columns["media_type"]), len(columns["type"])
        ids = schema.texts(columns["id_offsets"], columns["ids"], pa.large_string())
        items = {
            "id": ids,
            "subset": schema.constant_dictionary(self.source.subset, n),
            **self.media.columns(columns, ids),
            **_texts(columns, "attributes", "item_attribute_offsets", "item_attributes"),
        }
        annotations = {
            "type": schema.primitive(columns["type"], pa.uint8()),
            "id": schema.primitive(columns["id"], pa.int64()),
            "object_id": schema.primitive(columns["object_id"], pa.int32()),
            "label": schema.labels(columns["label"]),
            **_texts(columns, "attributes", "attribute_offsets", "attributes"),
            **_texts(columns, "text", "text_offsets", "text"),
            **_texts(columns, "rle", "rle_offsets", "rle"),
        }
        for name in ("group", "z_order", "mask_height", "mask_width"):
            if name in columns and columns[name].any():
                kind = schema.ANNOTATIONS.field(name).type
                annotations[name] = schema.primitive(columns[name], kind)
        for name, offsets in (("points", "point_offsets"), ("visibility", "visibility_offsets")):
            if name in columns:
                kind = schema.ANNOTATIONS.field(name).type
                annotations[name] = schema.lists(columns[offsets], columns[name], kind)
        return Chunk(
            schema.item_batch(n, items), schema.annotation_batch(m, annotations), columns["offsets"]
        )

    def _extended(self, chunk: Chunk, first: int, first_annotation: int) -> tuple[Chunk, int]:
        """The chunk with what the extension adds, and how many of its annotations have records."""
        extension, held = self.extension, len(chunk.annotations)
        if extension.details:
            if first_annotation + held > extension.details_rows:
                raise self._damaged(f"details of {extension.details_rows} annotations, of more")
            part = {n: c.slice(first_annotation, held) for n, c in extension.details.items()}
            chunk = parting.add_details(chunk, part)
            if wrong := parting.misshapen_extra(chunk.annotations):
                raise self._damaged(f"details of annotation {first_annotation + wrong[0]}")
        begin, end = np.searchsorted(extension.items, [first, first + len(chunk)]).tolist()
        if begin < end:
            try:
                items = extension.items[begin:end] - first
                ids = chunk.items.column("id")
                rest = parting.with_images(
                    extension.annotations.slice(begin, end - begin),
                    lambda row, image: self.media.annotation_image(
                        image, ids[int(items[row])].as_py()
                    ),
                )
                chunk = parting.merge_annotations(chunk, items, extension.places[begin:end], rest)
            except DamagedTable as error:
                raise self._damaged(str(error)) from error
        rows = [r for r in extension.media if first <= r.item < first + len(chunk)]
        chunk = self._with_media(chunk, rows, first) if rows else chunk
        return (locked(chunk, self.media.lock) if self.media.lock else chunk), held

    def _with_media(self, chunk: Chunk, rows: list[ext.MediaRow], first: int) -> Chunk:
        names = ("media_type", "path", "height", "width", "media_extra")
        values = {name: chunk.items.column(name).to_pylist() for name in names}
        for row in rows:
            at = row.item - first
            for name, value in self.media.extended(
                row, chunk.items.column("id")[at].as_py()
            ).items():
                values[name][at] = value
        columns = {name: chunk.items.column(name) for name in ("id", "subset", "attributes")}
        for name in names:
            columns[name] = pa.array(values[name], schema.ITEMS.field(name).type)
        return Chunk(schema.item_batch(len(chunk), columns), chunk.annotations, chunk.offsets)

    def _check_end(self, items: int, annotations: int) -> None:
        extension = self.extension
        last = max(
            int(extension.items[-1]) if len(extension.items) else -1,
            extension.media[-1].item if extension.media else -1,
        )
        if last >= items:
            raise self._damaged(f"item {last} of {items}")
        if extension.details and extension.details_rows != annotations:
            raise self._damaged(f"details of {extension.details_rows} annotations of {annotations}")

    def _damaged(self, found: str) -> Exception:
        at = self.header.blobs_at + int(self.header.blob_sizes.sum())
        return self.reader.bad(at, f"a damaged extension: {found}", "what fits the file's items")


def _group_bounds(sizes: Array) -> list[int]:
    """The first blob of each group, and the end."""
    ends = np.cumsum(sizes)
    bounds = [0]
    before = 0
    while bounds[-1] < len(sizes):
        end = max(bounds[-1] + 1, int(np.searchsorted(ends, before + _GROUP, "right")))
        bounds.append(end)
        before = int(ends[end - 1])
    return bounds


def _texts(columns: dict[str, Array], name: str, offsets: str, data: str) -> dict[str, pa.Array]:
    if data not in columns:
        return {}
    kind = pa.large_binary() if name == "rle" else pa.large_string()
    return {name: schema.texts(columns[offsets], columns[data], kind)}
