"""Write a data set into a folder or to a URL, in a format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from datumaro.binding import Binding, Origin
from datumaro.errors import DatasetExportError, DatumaroError, UnknownFormatError
from datumaro.formats import registry
from datumaro.formats.base import WriteContext, log, workers_of
from datumaro.formats.losses import count_losses
from datumaro.model.video_reader import close_unused
from datumaro.options import make_options
from datumaro.paths import is_url
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.remote.path import as_remote, located
from datumaro.remote.upload import uploaded
from datumaro.staging import staged
from datumaro.table.chunk import Content
from datumaro.table.media_columns import is_encrypted


def write_dataset(
    content_of: Callable[[], Content],
    save_dir: str | os.PathLike[str],
    format: str,
    options: dict[str, Any],
    *,
    origin: Origin | None,
    progress_reporter: ProgressReporter | None,
    executor: Executor | None,
    storage_options: Mapping[str, Any] | None,
) -> Binding:
    """Write what a data set holds: see `Dataset.export`.

    Parameters
    ----------
    content_of : gives the data set's content; asked once the target and the options are in order.
    origin : where the data set was read from. Saved there again, its old media files go.

    Returns
    -------
    Where it is now.
    """
    target = located(save_dir, storage_options)
    remote = as_remote(target)
    if remote is None and not os.fspath(save_dir):
        raise ValueError("the folder to export to is empty")
    writer = registry.get(format)
    if not writer.writes:
        raise UnknownFormatError(f"format {format!r} can be imported, not exported")
    chosen = make_options(writer.write_options, options, format)
    if remote is not None:
        writer.check_url(chosen)
    workers = workers_of(chosen, executor, format)
    content = content_of()
    if not (chosen.save_media or writer.always_saves_media):
        _warn_of_encrypted(content)
    context = WriteContext(progress_reporter or NullProgressReporter(), workers=workers)
    if (holds := writer.holding(chosen)) is not None:
        count_losses(content, holds, context)
    try:
        gone = origin.media_in(str(target)) if origin and chosen.save_media else ()
        if remote is None:
            place = staged(target, writer.owned, gone)
        else:
            place = uploaded(remote, writer.owned, gone, context.progress, workers)
        with place as folder:
            try:
                writer.write(content, folder, chosen, context)
            finally:
                close_unused()  # the target's own videos among them, which are to be replaced
    except OSError as error:  # a full disk, a name that is too long
        if isinstance(error, DatumaroError):
            raise
        what = f" ({error.filename})" if error.filename else ""
        raise DatasetExportError(
            f"{target}: cannot be written: {error.strerror or error}{what}"
        ) from error
    context.report(format)
    path = str(target) if is_url(str(save_dir)) else os.fspath(save_dir)
    return Binding(path, format, options | context.keep)


def _warn_of_encrypted(content: Content) -> None:
    media = (medium for chunk in content.chunks for medium in chunk.media.values())
    count = sum(is_encrypted(medium) for medium in media)
    if count:
        log.warning(
            "%d media are in encrypted files, which stay so: what is written here leads to them, "
            "and nothing can open them from it; save_media writes them anew", count,
        )  # fmt: skip
