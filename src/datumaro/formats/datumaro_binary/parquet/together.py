"""The files of a data set put together by what each says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datumaro.errors import MalformedFileError
from datumaro.formats.datumaro_binary.combining import combine
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata, file_stem
from datumaro.formats.datumaro_binary.parquet.parts import Part
from datumaro.formats.datumaro_binary.sources import SUFFIX, Source
from datumaro.model.kinds import MediaType
from datumaro.table.content import Content


def put_together(told: Mapping[Source, FileMetadata], whole: bool) -> tuple[list[Source], Content]:
    """(The files in the order of their items, what they say together: a content without chunks).

    Parameters
    ----------
    told : at least one file.
    whole : they are all that there are: no shard may be missing.

    Raises
    ------
    MalformedFileError
        A shard is missing, or files do not fit together.
    """
    if whole:
        for subset, shard, shards in _missing(list(told.values())):
            raise MalformedFileError(
                next(iter(told)).path.parent,
                f"subset {subset!r}",
                f"no shard {shard} of {shards}",
                f"the file {file_stem(subset, shard, shards)}{SUFFIX}",
            )
    ordered = sorted(told, key=lambda s: (told[s].subset, told[s].shard, s.path))
    content = Content([])
    first: FileMetadata | None = None
    for source in ordered:
        first = combine(content, first, told[source], source.path)
    kinds = {metadata.media_type for metadata in told.values()}
    content.media_type = kinds.pop() if len(kinds) == 1 else MediaType.MEDIA_ELEMENT
    return ordered, content


def files_of(
    part: Part, ordered: Sequence[Source], told: Mapping[Source, FileMetadata]
) -> list[tuple[Source, int, int]]:
    """The files that have items of a part: (file, begin, end) of its items."""
    before: dict[str, int] = {}
    wanted: list[tuple[Source, int, int]] = []
    for number, source in enumerate(ordered):
        subset, items = told[source].subset, told[source].items
        begin, end = part.within(before.get(subset, 0), items)
        before[subset] = before.get(subset, 0) + items
        if number % part.shards == part.shard and begin < end:
            wanted.append((source, begin, end))
    return wanted


def _missing(found: list[FileMetadata]) -> Iterator[tuple[str, int, int]]:
    """(subset, shard, shards) of those that are not there, of subsets that are there in part."""
    by_subset: dict[tuple[str, int], set[int]] = {}
    for metadata in found:
        by_subset.setdefault((metadata.subset, metadata.shards), set()).add(metadata.shard)
    for (subset, shards), numbers in by_subset.items():
        for number in range(shards):
            if number not in numbers:
                yield subset, number, shards
