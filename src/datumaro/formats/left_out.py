"""Counting what a simple format cannot hold: other kinds of annotations, attributes, and so on."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from datumaro.formats.base import WriteContext
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

_PLURALS: dict[AnnotationType, str] = {
    AnnotationType.label: "labels of items",
    AnnotationType.mask: "masks",
    AnnotationType.points: "points",
    AnnotationType.polygon: "polygons",
    AnnotationType.polyline: "polylines",
    AnnotationType.bbox: "boxes",
    AnnotationType.caption: "captions",
    AnnotationType.cuboid_3d: "3D cuboids",
    AnnotationType.ellipse: "ellipses",
    AnnotationType.tabular: "table rows",
    AnnotationType.rotated_bbox: "rotated boxes",
    AnnotationType.cuboid_2d: "2D cuboids",
    AnnotationType.skeleton: "skeletons",
}


def count_left_out(
    content: Content, held: Collection[AnnotationType], context: WriteContext
) -> None:
    """Tell ``context`` what is lost when annotations of some kinds are kept: their shape and label.

    Parameters
    ----------
    held : the kinds that are kept, if they have a label.
    """
    for chunk in content.chunks:
        _count(chunk, held, context)
    found = content.categories.get(AnnotationType.label)
    labels = found if isinstance(found, LabelCategories) else LabelCategories()
    context.lost("parents of labels", sum(bool(label.parent) for label in labels))
    named = sum(bool(label.attributes) for label in labels) + bool(labels.attributes)
    context.lost("names of attributes of labels", named)
    context.lost("groups of labels", len(labels.label_groups))
    if AnnotationType.points not in held and AnnotationType.points in content.categories:
        context.lost("names of key points", 1)


def _count(chunk: Chunk, held: Collection[AnnotationType], context: WriteContext) -> None:
    rows = chunk.annotations
    kinds: Array = rows.column("type").to_numpy()
    labels = schema.label_values(rows.column("label"))
    attributes: Array = np.diff(schema.list_parts(rows.column("attributes"))[0])

    def lost(what: str, chosen: Array) -> None:
        if chosen.any():
            item = int(chunk.offsets.searchsorted(int(chosen.argmax()), side="right")) - 1
            item_id = chunk.items.column("id")[item].as_py()
            context.lost(what, int(np.count_nonzero(chosen)), f"item {item_id!r}")

    for number in np.unique(kinds).tolist():
        kind, chosen = AnnotationType(number), kinds == number
        name = _PLURALS.get(kind, kind.name)
        if kind not in held:
            lost(name, chosen)
            continue
        lost(f"{name} without a label", chosen & (labels == schema.NO_LABEL))
        chosen &= labels != schema.NO_LABEL
        lost(f"attributes of {name}", chosen & (attributes > 0))
        lost("z orders", chosen & (rows.column("z_order").to_numpy() != 0))
        lost("object ids", chosen & (rows.column("object_id").to_numpy() >= 0))
    of_items: Array = np.diff(schema.list_parts(chunk.items.column("attributes"))[0])
    context.lost("attributes of items", int(np.count_nonzero(of_items)))
