"""A data set of Parquet files, read and written as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datumaro.crypto import Cipher
from datumaro.errors import MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_binary.combining import combine
from datumaro.formats.datumaro_binary.layout import (
    ANNOTATIONS,
    IMAGES,
    POINT_CLOUDS,
    SUFFIX,
    VIDEOS,
    Source,
)
from datumaro.formats.datumaro_binary.manifest import seals_of_subset
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.parquet.encryption import Vault, writing_vault
from datumaro.formats.datumaro_binary.parquet.layout import FileMetadata, file_stem
from datumaro.formats.datumaro_binary.parquet.master_keys import MasterKey
from datumaro.formats.datumaro_binary.parquet.parts import Part
from datumaro.formats.datumaro_binary.parquet.reading import read_metadata, read_parquet
from datumaro.formats.datumaro_binary.parquet.writing import (
    ParquetFile,
    ParquetWriter,
    encoded_pieces,
)
from datumaro.media_store import MediaStore
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content


def read(
    sources: Sequence[Source],
    whole: bool,
    allow_external: bool,
    context: ReadContext,
    part: Part,
    vaults: Mapping[Path, Vault],
) -> Content:
    """Read the files of a data set.

    Parameters
    ----------
    whole : they are all that there are: no shard may be missing.
    part : what to read of them.
    vaults : of the folders whose files are encrypted.

    Raises
    ------
    MalformedFileError
        A shard is missing, or see `reading.read_parquet`.
    """
    metadata = {
        source: read_metadata(source.path, vaults.get(source.path.parent)) for source in sources
    }
    if whole:
        for subset, shard, shards in _missing(list(metadata.values())):
            raise MalformedFileError(
                sources[0].path.parent,
                f"subset {subset!r}",
                f"no shard {shard} of {shards}",
                f"the file {file_stem(subset, shard, shards)}{SUFFIX}",
            )
    content = Content([])
    first: FileMetadata | None = None
    ordered = sorted(sources, key=lambda s: (metadata[s].subset, metadata[s].shard, s.path))
    before: dict[str, int] = {}
    wanted: list[tuple[Source, int, int]] = []
    for number, source in enumerate(ordered):
        told = metadata[source]
        first = combine(content, first, told, source.path)
        begin, end = part.within(before.get(told.subset, 0), told.items)
        before[told.subset] = before.get(told.subset, 0) + told.items
        if number % part.shards == part.shard and begin < end:
            wanted.append((source, begin, end))
    context.progress.start(len(wanted), desc="Reading")
    for number, (source, begin, end) in enumerate(wanted, 1):
        root, vault = os.fspath(source.root), vaults.get(source.path.parent)
        data = read_parquet(source.path, root, allow_external, context, (begin, end), vault)
        content.chunks += data.chunks
        context.progress.report_status(number)
    context.progress.finish()
    kinds = {told.media_type for told in metadata.values()}
    content.media_type = kinds.pop() if len(kinds) == 1 else MediaType.MEDIA_ELEMENT
    sizes = [told.items for told in metadata.values() if told.shards > 1 and not told.shard]
    context.keep |= {"storage": "parquet", "shard_size": max(sizes, default=0)}
    context.is_part = not part.is_whole
    return content


def _missing(found: list[FileMetadata]) -> Iterator[tuple[str, int, int]]:
    """(subset, shard, shards) of those that are not there, of subsets that are there in part."""
    by_subset: dict[tuple[str, int], set[int]] = {}
    for metadata in found:
        by_subset.setdefault((metadata.subset, metadata.shards), set()).add(metadata.shard)
    for (subset, shards), numbers in by_subset.items():
        for number in range(shards):
            if number not in numbers:
                yield subset, number, shards


def write(
    content: Content,
    folder: Path,
    media: MediaWriter,
    shard_size: int,
    masters: Sequence[MasterKey] = (),
) -> None:
    """Write a data set's files and media into ``folder``.

    Parameters
    ----------
    shard_size : items of each file; 0 for one file for each subset.
    masters : the keys that each open it; none for no encryption.
    """
    context = media.context
    metadata = FileMetadata("", 0, content.media_type, content.infos, content.categories)
    files: list[ParquetFile] = []
    subsets = content.by_subset() or {"default": []}
    for subset, chunks in subsets.items():
        writer = ParquetWriter(subset, media, shard_size)
        writer.add(chunks)
        files += writer.files(metadata)
    if masters:
        stems = [file.stem for file in files]
        with writing_vault(folder, stems, masters, media.encrypt) as vault:
            _write_files(files, folder, media, vault)
            seals = _save_media(folder, media, vault.media_cipher if media.encrypt else None)
            if media.encrypt:
                for subset in subsets:
                    own = seals_of_subset(seals, subset, (IMAGES, POINT_CLOUDS, VIDEOS))
                    vault.write_media_seals(folder / ANNOTATIONS, subset, own)
    else:
        _write_files(files, folder, media, None)
        _save_media(folder, media, None)
    context.keep |= {"storage": "parquet", "shard_size": shard_size}


def _write_files(
    files: list[ParquetFile], folder: Path, media: MediaWriter, vault: Vault | None
) -> None:
    context = media.context
    context.progress.start(len(files), desc="Writing")
    with encoded_pieces(files, context.workers) as encoded:
        for number, file in enumerate(files, 1):
            file.write(folder / ANNOTATIONS / f"{file.stem}{SUFFIX}", encoded, vault)
            context.progress.report_status(number)
    context.progress.finish()


def _save_media(folder: Path, media: MediaWriter, cipher: Cipher | None) -> dict[str, bytes]:
    """Save the media that there are to save; their seals, when they are encrypted."""
    if not media.jobs:
        return {}
    store = MediaStore(folder, media.context.progress, media.context.workers, cipher)
    return store.save(media.jobs, len(media.jobs)).seals
