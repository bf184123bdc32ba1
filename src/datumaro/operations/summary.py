"""What is in a data set, in a few numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from datumaro.formats import registry
from datumaro.formats.base import ReadContext
from datumaro.formats.detection import detect_one
from datumaro.operations.content import HasContent, content_of
from datumaro.options import make_options
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.remote.path import as_remote, located, raise_missing
from datumaro.remote.steady import read_steady
from datumaro.staging import read_whole
from datumaro.table.content import Content
from datumaro.table.counts import Count, Summary, count_chunks

__all__ = ["Count", "Summary", "summarize"]


def summarize(
    source: HasContent | Content | str | os.PathLike[str],
    format: str | None = None,
    *,
    progress_reporter: ProgressReporter | None = None,
    error_policy: Literal["fail", "skip"] = "fail",
    **options: Any,
) -> Summary:
    """Count items and annotations, by subset, kind and label; no object is made of them.

    Parameters
    ----------
    source : a data set, or the path of one. One in DatumaroBinary's Parquet storage is not read
        for it: the counts are at the end of its files (docs/storage.md). Other formats' are.
    format, progress_reporter, error_policy, options : of a path, as `Dataset.import_from` has them.

    Raises
    ------
    DatumaroError
        What lies at a path cannot be read: see `Dataset.import_from`.
    """
    if isinstance(source, str | os.PathLike):
        path, progress = located(source), progress_reporter or NullProgressReporter()
        return _of_path(path, format, progress, error_policy, options)
    content = content_of(source)
    subsets = {name: count_chunks(chunks) for name, chunks in content.by_subset().items()}
    total = sum(subsets.values(), Count())
    return Summary(total, subsets, content.categories, content.infos, content.media_type)


def _of_path(
    path: Path,
    format: str | None,
    progress: ProgressReporter,
    error_policy: Literal["fail", "skip"],
    options: dict[str, Any],
) -> Summary:
    if not path.exists():
        raise_missing(path)
    if format is None:
        format, path = detect_one(path)
    kind = registry.get(format)
    remote = as_remote(path)
    if kind.reads and (remote is None or kind.at_urls):
        chosen = make_options(kind.read_options, options, format)
        context = ReadContext(progress, error_policy)

        def count() -> Summary | None:
            return kind.summarize(path, chosen, context)

        if remote is None:
            found = read_whole(path, count)
        else:
            found = read_steady(remote, kind.owned, count)
        if found is not None:
            return found
    from datumaro.dataset import Dataset  # costs time, and the counts may do without

    dataset = Dataset.import_from(
        path, format, progress_reporter=progress, error_policy=error_policy, **options
    )
    return summarize(dataset)
