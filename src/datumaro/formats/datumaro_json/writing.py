"""Write a data set in the `datumaro` format."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from datumaro.errors import PathSeparatorInSubsetNameError, UnsupportedContentError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.categories_json import categories_to_json
from datumaro.formats.datumaro_json.media_kinds import covers, stored_media_type
from datumaro.formats.datumaro_json.media_writing import SubsetMedia
from datumaro.kernels.datumaro_json_text import BadRow, ItemWriter
from datumaro.media_store import MediaStore
from datumaro.model.categories import stated_labels
from datumaro.model.media import MediaType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

VERSION = "1.0"
BATCH = 4 << 20
"""Bytes of text that are made at a time, about."""

DEFAULT_SUBSET = "default"

_LISTS = frozenset(("attributes", "points", "visibility", "rle", "text", "extra"))


def write_content(
    content: Content, folder: Path, options: WriteOptions, context: WriteContext
) -> None:
    """Write annotations/<subset>.json for each subset, and the media if the options say so.

    Raises
    ------
    PathSeparatorInSubsetNameError
        A subset's name cannot be a file's.
    UnsupportedContentError
        A label is not declared, or a row is not what its kind has.
    """
    parts = content.by_subset() or {DEFAULT_SUBSET: []}
    for name in parts:
        if "/" in name or "\\" in name or "\0" in name or name in (".", ".."):
            raise PathSeparatorInSubsetNameError(name)
    labels = stated_labels(content.categories)
    n_labels = None if labels is None else len(labels)
    head = _head(content)
    annotations = folder / "annotations"
    annotations.mkdir(exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    layouts = [SubsetMedia(name, options, context) for name in parts]
    context.progress.start(len(content), desc="Writing JSON")
    done = 0
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), "datumaro-json") as pool:
        for layout, (name, chunks) in zip(layouts, parts.items(), strict=True):
            with (annotations / f"{name}.json").open("wb", buffering=0) as file:
                file.write(head)
                first = True
                for chunk in chunks:
                    _check_labels(chunk, n_labels)
                    writer = ItemWriter(_columns(chunk, layout, context))
                    for text in _in_order(pool, writer, chunk):
                        file.write(text if first else b"," + text)
                        first = False
                    done += len(chunk)
                    context.progress.report_status(done)
                file.write(b"]}")
    context.progress.finish()
    if options.save_media:
        jobs = [job for layout in layouts for job in layout.jobs]
        MediaStore(folder, context.progress, context.workers).save(jobs, len(jobs))


def _head(content: Content) -> bytes:
    """The file's text up to its items."""
    kinds: set[MediaType] = set()
    for chunk in content.chunks:
        found = np.unique(chunk.items.column("media_type").to_numpy())
        kinds.update(MediaType(int(kind)) for kind in found if kind)
    declared = stored_media_type(content.media_type)
    if not all(covers(declared, kind) for kind in kinds):
        declared = MediaType.MEDIA_ELEMENT
    try:
        infos = json_text.encode(content.infos) or b"{}"
    except TypeError as error:
        raise UnsupportedContentError(f"infos cannot be JSON: {error}") from error
    categories = json_text.encode(categories_to_json(content.categories)) or b"{}"
    return b'{"dm_format_version":"%b","media_type":%d,"infos":%b,"categories":%b,"items":[' % (
        VERSION.encode(),
        declared,
        infos,
        categories,
    )


def _check_labels(chunk: Chunk, n_labels: int | None) -> None:
    """A file with labels that it does not declare could not be read."""
    values = schema.label_values(chunk.annotations.column("label"))
    bad = values != schema.NO_LABEL
    bad &= (values < 0) | (values >= (2**31 - 1 if n_labels is None else n_labels))
    if bad.any():
        row = int(np.argmax(bad))
        item = int(np.searchsorted(chunk.offsets, row, "right")) - 1
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[item].as_py()!r}: an annotation has label "
            f"{values[row]}; "
            + ("it is negative" if n_labels is None else f"{n_labels} labels are declared")
        )


def _columns(chunk: Chunk, layout: SubsetMedia, context: WriteContext) -> dict[str, Array]:
    columns: dict[str, Array] = {"offsets": chunk.offsets}
    for name in ("id", "attributes"):
        at, values = schema.list_parts(chunk.items.column(name))
        columns[f"item.{name}_at"], columns[f"item.{name}"] = at, values
    for name in ("height", "width"):
        columns[f"item.{name}"] = chunk.items.column(name).to_numpy()
    media, columns["item.media_kind"] = layout.describe(chunk)
    columns["item.media_at"], columns["item.media"] = schema.list_parts(media)
    for name, column in zip(chunk.annotations.schema.names, chunk.annotations.columns, strict=True):
        if name == "label":
            columns[name] = schema.label_values(column)
        elif name in _LISTS:
            columns[f"{name}_at"], columns[name] = schema.list_parts(column)
        else:
            columns[name] = column.to_numpy()
    at = columns["points_at"]
    infinite = int(np.isinf(columns["points"][at[0] : at[-1]]).sum())
    context.lost("infinite coordinates (written as null)", infinite)
    return columns


def _in_order(pool: ThreadPoolExecutor, writer: ItemWriter, chunk: Chunk) -> Iterator[bytes]:
    """The texts of a chunk's stretches, made in several threads."""
    waiting: deque[Future[bytes]] = deque()
    try:
        for begin, end in _stretches(chunk):
            waiting.append(pool.submit(writer.write, begin, end))
            if len(waiting) > 4:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BadRow as error:
        item: int
        row: int
        what: str
        item, row, what = error.args
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[item].as_py()!r}: annotation "
            f"{row - int(chunk.offsets[item])} has {what}"
        ) from None


def _stretches(chunk: Chunk) -> Iterator[tuple[int, int]]:
    """Stretches of items whose texts are of about equal sizes."""
    size = np.full(len(chunk), 100, np.int64)
    size += 100 * np.diff(chunk.offsets)
    for name, each in (("points", 7), ("attributes", 1), ("rle", 1), ("extra", 1), ("text", 1)):
        at = schema.list_parts(chunk.annotations.column(name))[0]
        size += each * np.diff(at[chunk.offsets])
    ends = np.cumsum(size)
    begin = 0
    while begin < len(chunk):
        used = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, used + BATCH, "right")))
        yield begin, end
        begin = end
