"""What a data set has and a format's declaration (`Format.holds`) says it cannot hold.

Every export counts this before it writes, so a writer only counts what a declaration cannot say:
which mask is covered, which name does not fit. All of it is done on columns.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datumaro.formats.base import WriteContext
from datumaro.formats.capabilities import PLURALS, Capabilities, Held, Names
from datumaro.kernels.json_value import other_keys
from datumaro.kernels.label_counts import occurring
from datumaro.model.annotation import AnnotationType
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

UNDECLARED = "annotations of a label that is not among the categories"
"""What writers count whose files name labels, and so can have no number without a name."""


def count_losses(content: Content, holds: Capabilities, context: WriteContext) -> None:
    """Tell `WriteContext.lost` what ``holds`` leaves out of ``content``."""
    for chunk in content.chunks:
        _Losses(chunk, context).count(holds)
    _count_subsets(content, holds, context)
    _count_categories(content, holds, context)
    if holds.infos is not True:
        kept = holds.infos or ()
        others = sorted(content.infos.keys() - set(kept))
        context.lost("infos", len(others), ", ".join(others))


class _Losses:
    """Counts what is lost of a chunk."""

    def __init__(self, chunk: Chunk, context: WriteContext) -> None:
        self.chunk, self.context = chunk, context
        self.counts = np.diff(chunk.offsets)

    def count(self, holds: Capabilities) -> None:
        rows = self.chunk.annotations
        kinds: Array = rows.column("type").to_numpy()
        for number in occurring(kinds).tolist():
            kind, chosen = AnnotationType(number), kinds == number
            held = holds.annotations.get(kind)
            if held is None:
                self.lost(_plural(kind, holds), chosen)
                continue
            self.count_kind(PLURALS.get(kind, kind.name), chosen, held)
        items = self.chunk.items
        none = np.ones(len(items), bool)
        self.count_attributes(
            "attributes of items", items.column("attributes"), none,
            holds.item_attributes, holds.item_names, of_items=True,
        )  # fmt: skip
        if holds.media_needed:
            missing = items.column("media_type").to_numpy() == 0
            self.lost("items without media", missing, of_items=True)
        if holds.annotations_needed:
            self.lost("items without annotations", self.counts == 0, of_items=True)

    def count_kind(self, name: str, chosen: Array, held: Held) -> None:
        """Count what is lost of the annotations of a kind that is held."""
        rows = self.chunk.annotations
        if held.label in ("required", "none"):
            unlabelled = schema.label_values(rows.column("label")) == schema.NO_LABEL
            if held.label == "required":
                self.lost(f"{name} without a label", chosen & unlabelled)
                chosen = chosen & ~unlabelled
            else:
                self.lost(f"labels of {name}", chosen & ~unlabelled)
        if not held.ids:
            self.lost("ids of annotations", chosen & (rows.column("id").to_numpy() != 0))
        if not held.object_ids:
            self.lost("object ids", chosen & (rows.column("object_id").to_numpy() >= 0))
        if not held.z_order:
            self.lost("z orders", chosen & (rows.column("z_order").to_numpy() != 0))
        if held.groups == "none":
            self.lost("groups of annotations", chosen & self.grouped())
        if held.most is not None:
            item = np.repeat(np.arange(len(self.counts)), self.counts)
            first = np.flatnonzero(chosen)
            rank = np.arange(len(first)) - np.searchsorted(item[first], item[first])
            over = np.zeros(len(chosen), bool)
            over[first[rank >= held.most]] = True
            self.lost(f"{name} beyond {held.most} of an item", over)
        self.count_attributes(
            f"attributes of {name}", rows.column("attributes"), chosen, held.attributes, held.names
        )

    def grouped(self) -> Array:
        """Which annotations share their group, not 0, with another of the item."""
        groups: Array = self.chunk.annotations.column("group").to_numpy()
        item = np.repeat(np.arange(len(self.counts)), self.counts)
        order = np.lexsort((groups, item))
        same = (np.diff(groups[order]) == 0) & (np.diff(item[order]) == 0)
        shared = np.zeros(len(groups), bool)
        shared[order[1:][same]] = True
        shared[order[:-1][same]] = True
        return shared & (groups != 0)

    def count_attributes(
        self,
        what: str,
        column: pa.Array,
        chosen: Array,
        kept: str,
        names: Names,
        *,
        of_items: bool = False,
    ) -> None:
        """Count annotations (or items) of which an attribute is lost."""
        if kept == "json":
            return
        offsets, data = schema.list_parts(column)
        some = chosen & (np.diff(offsets) > 0)
        if names and kept == "none" and some.any():  # most have no others: none need be decoded
            some &= other_keys(offsets, data, tuple(names)).view(bool)
        if (names or kept != "none") and some.any():
            encoded = column.filter(pa.array(some)).dictionary_encode()
            bad = np.array(
                [_is_lost(text, kept, names) for text in encoded.dictionary.to_pylist()], bool
            )
            some[np.flatnonzero(some)] = bad[encoded.indices.to_numpy()]
        self.lost(what, some, of_items=of_items)

    def lost(self, what: str, rows: Array, *, of_items: bool = False) -> None:
        """Report rows, of annotations or of items."""
        if rows.any():
            row = int(np.argmax(rows))
            if not of_items:
                row = int(np.searchsorted(self.chunk.offsets, row, side="right")) - 1
            item_id = self.chunk.items.column("id")[row].as_py()
            self.context.lost(what, int(np.count_nonzero(rows)), f"item {item_id!r}")


_CONVERTIBLE = {
    AnnotationType.polygon: AnnotationType.mask,
    AnnotationType.mask: AnnotationType.polygon,
}


def _plural(kind: AnnotationType, holds: Capabilities) -> str:
    """What to call annotations of a kind that is not held."""
    name = PLURALS.get(kind, kind.name)
    if kind in holds.becomes:
        return f"{name} as such (they become {PLURALS[holds.becomes[kind]]})"
    other = _CONVERTIBLE.get(kind)
    if other is not None and other in holds.annotations:
        return f"{name} (it holds {PLURALS[other]}: convert them first)"
    return name


def is_flag(name: str, value: object) -> bool:
    """Whether an attribute is true or false, and its name one word."""
    return isinstance(value, bool) and name.split() == [name]


def _is_lost(text: str, kept: str, names: Names) -> bool:
    """Whether an attribute of a JSON object is lost."""
    others = {k: v for k, v in json_text.decode(text).items() if k not in names}
    if kept == "none":
        return bool(others)
    if kept == "flags":
        return not all(is_flag(name, value) for name, value in others.items())
    return any(v is None or isinstance(v, list | dict) for v in others.values())


def _count_subsets(content: Content, holds: Capabilities, context: WriteContext) -> None:
    if holds.subsets is True:
        return
    kept = holds.subsets or (DEFAULT_SUBSET_NAME,)
    others = [name for name in content.subset_names() if name not in kept]
    context.lost("names of subsets", len(others), ", ".join(others[:5]))


def _count_categories(content: Content, holds: Capabilities, context: WriteContext) -> None:
    labels = content.labels
    if holds.labels == "none":
        context.lost("names of labels", len(labels))
    elif holds.label_names:
        others = [label.name for label in labels if label.name not in holds.label_names]
        context.lost("labels that the format does not have", len(others), ", ".join(others[:5]))
    if holds.labels != "none":
        if not holds.label_parents:
            children = [label.name for label in labels if label.parent]
            context.lost("parents of labels", len(children), ", ".join(children[:5]))
        if not holds.label_attributes:
            named = sum(bool(label.attributes) for label in labels) + bool(labels.attributes)
            context.lost("names of attributes of labels", named)
        if not holds.label_groups:
            context.lost("groups of labels", len(labels.label_groups))
    for kind, kept, what in (
        (AnnotationType.mask, holds.colors, "colours of labels"),
        (AnnotationType.points, holds.key_points, "names of key points"),
    ):
        if not kept and kind in content.categories:
            context.lost(what, 1)
