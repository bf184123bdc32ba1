"""What must hold of all that a reader returns: names that lead nowhere else, declared labels, one
item for a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import (
    DatasetImportError,
    RepeatedItemError,
    RepeatedItemInFileError,
    UndeclaredLabelInFileError,
)
from datumaro.kernels.distinct_texts import are_distinct
from datumaro.kernels.label_counts import bounds
from datumaro.kernels.suspect_names import suspects
from datumaro.model.categories import stated_labels
from datumaro.model.item import checked_id
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

Problem = Callable[[DatasetImportError], None]


def check_names(content: Content, where: str, problem: Problem) -> Content:
    """Hand items whose id is absolute or climbs out to ``problem``.

    Formats make paths of ids, and `DatasetItem` refuses them likewise.

    Returns
    -------
    The content without them, if ``problem`` returns.
    """
    chunks = [_inside(chunk, where, problem) for chunk in content.chunks]
    return replace(content, chunks=chunks)


def _inside(chunk: Chunk, where: str, problem: Problem) -> Chunk:
    ids = chunk.items.column("id")
    bad: list[int] = []
    rows: list[int] = suspects(*schema.list_parts(ids), paths=False).tolist()
    for row in rows:
        try:
            checked_id(ids[row].as_py())
        except ValueError as error:
            problem(DatasetImportError(f"{where}: {error}"))
            bad.append(row)
    return chunk.take(np.delete(np.arange(len(chunk)), bad)) if bad else chunk


def check_labels(content: Content, where: str, problem: Problem) -> Content:
    """Hand annotations whose label is beyond the label categories to ``problem``.

    Returns
    -------
    The content without them, if ``problem`` returns. Content without label categories is not
    checked.
    """
    labels = stated_labels(content.categories)
    if labels is None:
        return content
    chunks = [_declared(chunk, len(labels), where, problem) for chunk in content.chunks]
    return replace(content, chunks=chunks)


def _declared(chunk: Chunk, n_labels: int, where: str, problem: Problem) -> Chunk:
    values = schema.label_values(chunk.annotations.column("label"))
    least, most = bounds(values, schema.NO_LABEL)
    if least >= 0 and most < n_labels:
        return chunk
    bad = (values != schema.NO_LABEL) & ((values < 0) | (values >= n_labels))
    for at in np.flatnonzero(bad).tolist():
        row = int(np.searchsorted(chunk.offsets, at, "right")) - 1
        problem(
            UndeclaredLabelInFileError(
                where,
                f"item {chunk.items.column('id')[row].as_py()!r} of subset "
                f"{chunk.items.column('subset')[row].as_py()!r}: annotation "
                f"{at - int(chunk.offsets[row])}",
                f"label {int(values[at])}",
                f"0 to {n_labels - 1}" if n_labels else "no label: there are none",
            )
        )
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(bad, dtype=np.int64)])
    return Chunk(
        chunk.items,
        chunk.annotations.filter(pa.array(~bad)),
        chunk.offsets - before[chunk.offsets],
        chunk.media,
    )


def check_unique(content: Content, where: str = "", problem: Problem | None = None) -> Content:
    """Hand items with the id and subset of an earlier one to ``problem``, or raise.

    Returns
    -------
    The content without them, if ``problem`` returns.

    Raises
    ------
    RepeatedItemError
        Two items have the same id and subset, and there is no ``problem``.
    """
    if _all_unique(content):
        return content
    first: dict[tuple[str, str], int] = {}
    number = -1
    chunks: list[Chunk] = []
    for chunk in content.chunks:
        codes, names = chunk.subset_codes()
        ids: list[str] = chunk.items.column("id").to_pylist()
        numbers: list[int] = codes.tolist()
        doubled: list[int] = []
        for row, (item_id, code) in enumerate(zip(ids, numbers, strict=True)):
            key = (item_id, names[code])
            number += 1
            if first.setdefault(key, number) != number:
                if problem is None:
                    raise RepeatedItemError(key)
                place, before = f"item {number}", f"item {first[key]} (from 0)"
                problem(RepeatedItemInFileError(key, where, place, before))
                doubled.append(row)
        chunks.append(chunk.take(np.delete(np.arange(len(chunk)), doubled)) if doubled else chunk)
    return replace(content, chunks=chunks)


def _all_unique(content: Content) -> bool:
    """The same for the usual case, not in Python."""
    by_subset: dict[str, list[pa.Array]] = {}
    for chunk in content.chunks:
        codes, names = chunk.subset_codes()
        ids = chunk.items.column("id")
        present: list[int] = np.flatnonzero(np.bincount(codes)).tolist()
        for code in present:
            own = ids if len(present) == 1 else ids.filter(pa.array(codes == code))
            by_subset.setdefault(names[code], []).append(own)
    return all(
        are_distinct([schema.list_parts(column) for column in ids])
        or len(pc.unique(pa.chunked_array(ids))) == sum(map(len, ids))
        for ids in by_subset.values()
    )
