"""The inner face of a data set: Arrow columns, and what is counted on them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa

from datumaro.kernels.label_counts import occurring
from datumaro.model.annotation import AnnotationType
from datumaro.table import schema
from datumaro.table.chunk import Content


class DatasetColumns:
    """What a data set gives to tools that want columns. `Dataset` derives from it."""

    def content(self) -> Content:
        """Everything as columns, with all changes folded in: what formats are given."""
        raise NotImplementedError

    def ann_types(self) -> set[AnnotationType]:
        """The kinds of annotations that there are."""
        found: set[AnnotationType] = set()
        for chunk in self.content().chunks:
            types = occurring(chunk.annotations.column("type").to_numpy())
            found.update(AnnotationType(kind) for kind in types.tolist())
        return found

    def get_annotated_items(self) -> int:
        """Number of items that have annotations."""
        return sum(int(np.count_nonzero(np.diff(c.offsets))) for c in self.content().chunks)

    def get_annotations(self) -> int:
        """Number of annotations."""
        return sum(len(chunk.annotations) for chunk in self.content().chunks)

    @property
    def items_table(self) -> pa.Table:
        """The items as an Arrow table (table.schema.ITEMS) over the data set's own memory."""
        return pa.Table.from_batches([c.items for c in self.content().chunks], schema.ITEMS)

    @property
    def annotations_table(self) -> pa.Table:
        """The annotations, in the items' order (table.schema.ANNOTATIONS), over the same memory.

        `annotation_offsets` says which rows are whose.
        """
        return pa.Table.from_batches(
            [c.annotations for c in self.content().chunks], schema.ANNOTATIONS
        )

    def to_arrow(self, *, media_in_memory: Literal["fail", "omit"] = "fail") -> pa.Table:
        """One Arrow table with a row for each item, over the same memory: see docs/arrow.md.

        Its annotations are a list of structs, with coordinates as numbers and labels by number and
        name: what Polars, DuckDB or pandas are given. Categories and infos are in its metadata.

        Parameters
        ----------
        media_in_memory : what becomes of media that are no files, or encrypted ones: "fail" raises,
            "omit" leaves them out.

        Raises
        ------
        UnsupportedContentError
            An item's medium is none of a file; the message names the item.
        """
        from datumaro import arrow_table

        return arrow_table.table_of(self.content(), media_in_memory)

    def to_pandas(self, *, media_in_memory: Literal["fail", "omit"] = "fail") -> Any:
        """The table of `to_arrow` as a pandas.DataFrame, not copied.

        Raises
        ------
        MissingDependencyError
            pandas is not installed.
        """
        from datumaro import arrow_table

        return arrow_table.frame_of(self.to_arrow(media_in_memory=media_in_memory))

    @property
    def annotation_offsets(self) -> schema.Array:
        """int64 [items + 1]: item i's annotations are the rows ``offsets[i]:offsets[i + 1]``."""
        parts = [np.zeros(1, np.int64)]
        for chunk in self.content().chunks:
            parts.append(chunk.offsets[1:] + parts[-1][-1])
        return np.concatenate(parts)
