"""A data set of Parquet files, read and written as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from datumaro.errors import MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_binary.combining import combine
from datumaro.formats.datumaro_binary.layout import ANNOTATIONS, SUFFIX, Source
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.parquet.layout import FileMetadata, file_stem
from datumaro.formats.datumaro_binary.parquet.parts import Part
from datumaro.formats.datumaro_binary.parquet.reading import read_metadata, read_parquet
from datumaro.formats.datumaro_binary.parquet.writing import ParquetFile, ParquetWriter
from datumaro.media_store import MediaStore
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content


def read(
    sources: Sequence[Source], whole: bool, allow_external: bool, context: ReadContext, part: Part
) -> Content:
    """Read the files of a data set.

    Parameters
    ----------
    whole : they are all that there are: no shard may be missing.
    part : what to read of them.

    Raises
    ------
    MalformedFileError
        A shard is missing, or see `reading.read_parquet`.
    """
    metadata = {source: read_metadata(source.path) for source in sources}
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
        root = os.fspath(source.root)
        data = read_parquet(source.path, root, allow_external, context, begin, end)
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


def write(content: Content, folder: Path, media: MediaWriter, shard_size: int) -> None:
    """Write a data set's files and media into ``folder``.

    Parameters
    ----------
    shard_size : items of each file; 0 for one file for each subset.
    """
    context = media.context
    metadata = FileMetadata("", 0, content.media_type, content.infos, content.categories)
    files: list[ParquetFile] = []
    for subset, chunks in (content.by_subset() or {"default": []}).items():
        writer = ParquetWriter(subset, media, shard_size)
        writer.add(chunks)
        files += writer.files(metadata)
    context.progress.start(len(files), desc="Writing")
    for number, file in enumerate(files, 1):
        file.write(folder / ANNOTATIONS / f"{file.stem}{SUFFIX}", context.workers)
        context.progress.report_status(number)
    context.progress.finish()
    if media.jobs:
        store = MediaStore(folder, context.progress, context.workers)
        store.save(media.jobs, len(media.jobs))
    context.keep |= {"storage": "parquet", "shard_size": shard_size}
