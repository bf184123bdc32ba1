"""Read a data set from where it lies, in a format that is named or found out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Literal

from datumaro.binding import Binding
from datumaro.errors import DatasetImportError, DatasetNotFoundError, UnknownFormatError
from datumaro.formats import detection, registry
from datumaro.formats.base import ReadContext, log, workers_of
from datumaro.options import make_options
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.remote.path import as_remote, located, raise_missing
from datumaro.remote.steady import read_steady
from datumaro.remote.tools import copying
from datumaro.staging import read_whole
from datumaro.table.checks import check_labels, check_names, check_unique
from datumaro.table.chunk import Content


def read_dataset(
    path: str | os.PathLike[str],
    format: str | None,
    options: dict[str, Any],
    *,
    progress_reporter: ProgressReporter | None,
    error_policy: Literal["fail", "skip"],
    executor: Executor | None,
    storage_options: Mapping[str, Any] | None,
) -> tuple[Content, str, Binding | None]:
    """What the data set at a path holds: see `Dataset.import_from`.

    Returns
    -------
    Its content; where exactly it was found; and where it is saved again: nowhere, when only a part
    of it was read.
    """
    if error_policy not in ("fail", "skip"):
        raise ValueError(f"error_policy {error_policy!r}; expected 'fail' or 'skip'")
    source = located(path, storage_options)
    if path == "":
        raise DatasetNotFoundError("the path of the data set is empty")
    if not source.exists():
        raise_missing(source)
    if format is None:
        format, source = detection.detect_one(source)
    reader = registry.get(format)
    if not reader.reads:
        raise UnknownFormatError(f"format {format!r} can be exported, not imported")
    remote = as_remote(source)
    if remote is not None and not reader.at_urls:
        raise DatasetImportError(
            f"{source}: format {format} is not read from URLs; copy the data set to a local "
            f"folder first, and read that: {copying(remote)}. Of datumaro_binary with storage "
            "parquet it can be read where it is"
        )
    chosen = make_options(reader.read_options, options, format)
    workers = workers_of(chosen, executor, format)

    def read() -> tuple[Content, ReadContext]:
        progress = progress_reporter or NullProgressReporter()
        context = ReadContext(progress, error_policy, workers=workers)
        return reader.read(source, chosen, context), context

    if remote is None:
        content, context = read_whole(source, read)
    else:
        content, context = read_steady(remote, reader.owned, read)
    content = check_names(content, str(source), context.problem)
    content = check_labels(content, str(source), context.problem)
    content = check_unique(content, str(source), context.problem)
    if context.n_problems:
        log.warning(
            "%s: %d items or annotations left out; the first: %s",
            source, context.n_problems, context.problems[0],
        )  # fmt: skip
    bound = None if context.is_part else Binding(str(source), format, options | context.keep)
    return content, str(source), bound
