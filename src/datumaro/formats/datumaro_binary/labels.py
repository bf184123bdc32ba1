"""Labels that a file's categories do not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from datumaro.errors import UndeclaredLabelInFileError
from datumaro.formats.base import ReadContext
from datumaro.kernels.label_counts import bounds
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, stated_labels
from datumaro.table import schema
from datumaro.table.chunk import Chunk, item_of


def checked_labels(
    chunks: Iterable[Chunk],
    categories: Mapping[AnnotationType, Categories],
    path: Path,
    context: ReadContext,
) -> Iterator[Chunk]:
    """The chunks without annotations whose labels are none of the categories'.

    Raises
    ------
    UndeclaredLabelInFileError
        There is one, and the context does not skip problems.
    """
    labels = stated_labels(categories)
    n_labels = None if labels is None else len(labels)
    for chunk in chunks:
        yield chunk if n_labels is None else _checked(chunk, n_labels, path, context)


def _checked(chunk: Chunk, n_labels: int, path: Path, context: ReadContext) -> Chunk:
    values = schema.label_values(chunk.annotations.column("label"))
    least, most = bounds(values, schema.NO_LABEL)
    if least >= 0 and most < n_labels:
        return chunk
    wrong = ((values < 0) & (values != schema.NO_LABEL)) | (values >= n_labels)
    for row in np.flatnonzero(wrong).tolist():
        item = item_of(chunk.offsets, row)
        context.problem(
            UndeclaredLabelInFileError(
                path,
                f"item {chunk.items.column('id')[item].as_py()!r}: "
                f"annotation {row - int(chunk.offsets[item])}",
                f"label {values[row]}",
                f"0 to {n_labels - 1}, the labels that the file declares"
                if n_labels
                else "no label: the file declares none",
            )
        )
    kept = np.zeros(len(wrong) + 1, np.int64)
    np.cumsum(~wrong, out=kept[1:])
    left = chunk.annotations.filter(pa.array(~wrong))
    return Chunk(chunk.items, left, kept[chunk.offsets], chunk.media)
