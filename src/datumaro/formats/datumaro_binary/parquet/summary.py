"""What is in a data set by what its files say of themselves; of files that do not say, two columns.

Nothing is trusted for more than to be told to people: whoever reads a file whole counts anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datumaro.formats.datumaro_binary.parquet.footer import plain_metadata
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata
from datumaro.formats.datumaro_binary.parquet.together import put_together
from datumaro.formats.datumaro_binary.sources import Source
from datumaro.table.counts import Count, Summary, by_label

if TYPE_CHECKING:
    from datumaro.formats.datumaro_binary.parquet.encryption import Vault
    from datumaro.formats.datumaro_binary.parquet.reading import OpenedFile


def summarize(sources: Sequence[Source], whole: bool, vaults: Mapping[Path, Vault]) -> Summary:
    """Count what the files of a data set have.

    Parameters
    ----------
    whole, vaults : as of `dataset.read`.

    Raises
    ------
    MalformedFileError
        A file is damaged, or a shard is missing.
    """
    told: dict[Source, FileMetadata] = {}
    for source in sources:
        told[source] = _told(source.path, vaults.get(source.path.parent))
    ordered, content = put_together(told, whole)
    subsets: dict[str, Count] = {}
    for source in ordered:
        metadata = told[source]
        if metadata.items and metadata.count is not None:
            subsets[metadata.subset] = subsets.get(metadata.subset, Count()) + metadata.count
    total = sum(subsets.values(), Count())
    return Summary(total, subsets, content.categories, content.infos, content.media_type)


def _told(path: Path, vault: Vault | None) -> FileMetadata:
    """What a file says of itself, its count included."""
    metadata = plain_metadata(path) if vault is None else None
    if metadata is None or metadata.count is None:
        from datumaro.formats.datumaro_binary.parquet.reading import OpenedFile  # with Arrow

        opened = OpenedFile(path, vault)
        metadata = opened.metadata
        if metadata.count is None:
            metadata.count = _counted(opened)
    return metadata


def _counted(opened: OpenedFile) -> Count:
    """Count by reading the two columns that tell kinds and labels."""
    import numpy as np

    from datumaro.formats.datumaro_binary.parquet.columns import TableReader
    from datumaro.formats.datumaro_binary.parquet.layout import ANNOTATIONS

    counted = [f"{ANNOTATIONS}.list.element.{name}" for name in ("type", "label")]
    total = Count()
    for number in range(opened.footer.num_row_groups):
        rows = opened.footer.row_group(number).num_rows
        group = opened.group(number, 0, rows, counted)
        table = TableReader(opened.path, f"row group {number}", group.read())
        unannotated = int(np.count_nonzero(np.diff(table.offsets) == 0))
        total += Count(table.n, unannotated, by_label(*table.types_and_labels()))
    return total
