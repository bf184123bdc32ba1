"""The annotations of a chunk as arrays, for the tables of Open Images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.formats.base import WriteContext
from datumaro.formats.open_images.files import FLAGS
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array


@dataclass(frozen=True)
class Told:
    """What one set of attributes says.

    Attributes
    ----------
    score, iou : None when it does not.
    flags : for each of `FLAGS` 0, 1 or -1 when it does not say.
    """

    score: float | None
    flags: tuple[int, ...]
    box_id: str
    iou: float | None
    wrong: bool


class AnnotationRows:
    """A chunk's annotations.

    Attributes
    ----------
    kinds, labels, items : of each row; the labels' indices, `schema.NO_LABEL` for none.
    told : the different sets of attributes.
    codes : each row's attributes among them.
    """

    def __init__(self, chunk: Chunk, n_labels: int, context: WriteContext) -> None:
        self.chunk, self.context = chunk, context
        rows = chunk.annotations
        self.kinds: Array = rows.column("type").to_numpy()
        self.labels = schema.label_values(rows.column("label"))
        self.items = np.repeat(np.arange(len(chunk)), np.diff(chunk.offsets))
        encoded = rows.column("attributes").dictionary_encode()
        self.told = [_told(text) for text in encoded.dictionary.to_pylist()]
        self.codes: Array = encoded.indices.to_numpy()
        self._n_labels = n_labels

    def of_kind(self, kind: int) -> Array:
        """The rows of a kind that have a label, int64."""
        chosen = np.flatnonzero(self.kinds == kind)
        labels = self.labels[chosen]
        known = (labels >= 0) & (labels < self._n_labels)
        self.lost("labels that are not declared", chosen[labels >= self._n_labels])
        wrong = np.array([told.wrong for told in self.told], bool)
        self.lost(
            "values of attributes that are of another kind", chosen[wrong[self.codes[chosen]]]
        )
        return chosen[known]

    def lost(self, what: str, rows: Array) -> None:
        """Count rows as lost."""
        if len(rows):
            item_id = self.chunk.items.column("id")[int(self.items[rows[0]])].as_py()
            self.context.lost(what, len(rows), f"item {item_id!r}")

    def scores(self, rows: Array) -> pa.Array:
        """The column Confidence; 1 for annotations without a score."""
        scores = [1.0 if told.score is None else told.score for told in self.told]
        return pa.array(np.array(scores, np.float64)[self.codes[rows]])

    def flags(self, rows: Array) -> dict[str, pa.Array]:
        """The columns IsOccluded and so on."""
        flags = np.array([told.flags for told in self.told], np.int8).reshape(-1, len(FLAGS))
        of_rows = flags[self.codes[rows]]
        return {name: pa.array(of_rows[:, place]) for place, name in enumerate(FLAGS)}

    def corners(self, rows: Array) -> Array:
        """The corners of boxes in pixels, float64 [n, 4]: x1, y1, x2, y2."""
        starts, points = schema.list_parts(self.chunk.annotations.column("points"))
        return points[starts[rows][:, None] + np.arange(4)].astype(np.float64).round(2)


def _told(text: str) -> Told:
    attributes = json_text.decode(text)
    wrong = False

    def number(name: str) -> float | None:
        nonlocal wrong
        value: Any = attributes.get(name)
        if value is None or (type(value) in (int, float) and abs(value) < 1e300):
            return None if value is None else float(value)
        wrong = True
        return None

    flags: list[int] = []
    for name in FLAGS.values():
        flag: Any = attributes.get(name)
        if isinstance(flag, int) and flag in (0, 1):  # True and False too
            flags.append(int(flag))
        else:
            flags.append(-1)
            wrong |= flag is not None
    box_id: Any = attributes.get("box_id", "")
    if not isinstance(box_id, str) or not box_id.replace("-", "").replace("_", "").isalnum():
        wrong |= "box_id" in attributes
        box_id = ""
    return Told(number("score"), tuple(flags), box_id, number("predicted_iou"), wrong)
