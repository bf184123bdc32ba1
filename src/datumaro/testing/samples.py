"""A data set of any size for any format: made of what it declares to hold, always the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from datumaro.dataset import Dataset
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.model.annotation import Annotation, AnnotationType, Caption, Label
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem
from datumaro.model.masks import Mask
from datumaro.model.media import Image, MediaElement, MediaType, PointCloud
from datumaro.model.shapes import (
    Bbox,
    Cuboid2D,
    Cuboid3d,
    Ellipse,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from datumaro.table.media_columns import media_class
from datumaro.testing.media import held_pixels, media_kind, point_cloud

SIZE = 12, 16
"""Height and width of the images, in pixels."""

ID_FORMS = ("item-{}", "{:06}", "{}", "a{}", "{:04}_c1s1_{:06}_00")
"""How the ids of items may look: the first that the format takes is used."""


def sample(
    holds: Capabilities,
    n: int = 4,
    *,
    ids: Callable[[int], str] | None = None,
    media: Callable[[int], MediaElement | None] | None = None,
    annotated: bool = True,
) -> Dataset:
    """A data set of ``n`` items, with an annotation of each kind that is held on each.

    Parameters
    ----------
    ids : the id of an item by its number (default: one that the format takes).
    media : the medium of an item by its number (default: one in memory).
    annotated : whether there are annotations.
    """
    name = ids or id_maker(holds)
    subsets = _subsets(holds)
    labels = labels_of(holds)
    kind = media_kind(holds)
    items = [
        DatasetItem(
            name(number),
            subset=subsets[number % len(subsets)],
            media=media(number) if media else medium(kind, number, holds),
            annotations=list(_annotations(holds, number, len(labels))) if annotated else [],
        )
        for number in range(n)
    ]
    for item in items:
        put_label_before_id(item, holds, labels)
    return Dataset.from_iterable(
        items,
        categories={AnnotationType.label: LabelCategories.from_iterable(labels)},
        media_type=media_class(kind),
    )


def put_label_before_id(item: DatasetItem, holds: Capabilities, labels: Sequence[str]) -> None:
    """Make the id say the item's label, if the format's ids do."""
    if holds.unlabelled_id:
        found = [a.label for a in item.annotations if isinstance(a, Label) and a.label is not None]
        item.id = f"{labels[found[0]] if found else holds.unlabelled_id}:{item.id}"


def id_maker(holds: Capabilities) -> Callable[[int], str]:
    """What makes ids that the format takes: of the numbers 0, 1, 2, …

    Raises
    ------
    ValueError
        It takes none of `ID_FORMS`.
    """
    for form in ID_FORMS:
        if not holds.item_ids or re.fullmatch(holds.item_ids, form.format(1, 1)):
            return lambda number: form.format(number + 1, number + 1)
    raise ValueError(
        f"item_ids {holds.item_ids!r} takes no id such as "
        f"{', '.join(form.format(1, 1) for form in ID_FORMS)}, with which the suite tests"
    )


def labels_of(holds: Capabilities) -> list[str]:
    """Two labels, or those that the format has."""
    if holds.labels == "none":
        return []
    if holds.label_names:
        return list(holds.label_names)
    return ["cat", "dog"]


def _subsets(holds: Capabilities) -> tuple[str, ...]:
    if holds.subsets is False:
        return (DEFAULT_SUBSET_NAME,)
    return ("train", "val") if holds.subsets is True else holds.subsets[:2]


def medium(kind: MediaType, number: int, holds: Capabilities) -> MediaElement | None:
    """A medium in memory; None for kinds of which none are made."""
    if kind is MediaType.IMAGE:
        return Image.from_numpy(data=held_pixels(holds, SIZE, number % 200), ext=".png")
    if kind is MediaType.POINT_CLOUD:
        return PointCloud.from_bytes(data=point_cloud(number % 3 + 1))
    return None


def _annotations(holds: Capabilities, number: int, n_labels: int) -> Iterator[Annotation]:
    for position, (kind, held) in enumerate(sorted(holds.annotations.items())):
        make = _SHAPES.get(kind)
        if make is None or (held.label in ("some", "required") and not n_labels):
            continue
        common: dict[str, Any] = {}
        if held.label != "none" and n_labels and kind is not AnnotationType.caption:
            common["label"] = number % n_labels
        if held.ids is True:
            common["id"] = number * len(holds.annotations) + position + 1
        if held.object_ids:
            common["object_id"] = number % 3
        common["attributes"] = {
            name: values[number % len(values)]
            for name, values in held.names.items()
            if values and values[number % len(values)] is not None
        }
        if kind is not AnnotationType.label or "label" in common:
            yield make(held, number % 5, common)


Maker = Callable[[Held, int, dict[str, Any]], Annotation]


def _mask(held: Held, shift: int, common: dict[str, Any]) -> Annotation:
    image = np.zeros(SIZE, bool)
    image[2:8, 3 + shift : 9 + shift] = True
    return Mask(image, **common)


_SHAPES: dict[AnnotationType, Maker] = {
    AnnotationType.label: lambda held, shift, common: Label(**common),
    AnnotationType.bbox: lambda held, shift, common: Bbox(1 + shift, 2, 6, 5, **common),
    AnnotationType.mask: _mask,
    AnnotationType.polygon: lambda held, shift, common: Polygon(
        [1 + shift, 2, 7 + shift, 2, 7 + shift, 7, 1 + shift, 7], **common
    ),
    AnnotationType.polyline: lambda held, shift, common: PolyLine(
        [1 + shift, 2, 7 + shift, 2, 7 + shift, 7], **common
    ),
    AnnotationType.points: lambda held, shift, common: Points(
        [1 + shift, 2, 7 + shift, 2, 7 + shift, 7], **common
    ),
    AnnotationType.ellipse: lambda held, shift, common: Ellipse(1 + shift, 2, 7, 7, **common),
    AnnotationType.rotated_bbox: lambda held, shift, common: RotatedBbox(
        6 + shift, 6, 4, 2, 30, **common
    ),
    AnnotationType.cuboid_2d: lambda held, shift, common: Cuboid2D(
        [(1, 1), (5, 1), (5, 5), (1, 5), (2, 2), (6, 2), (6, 6), (2, 6)], **common
    ),
    AnnotationType.cuboid_3d: lambda held, shift, common: Cuboid3d(
        [1 + shift, 2, 3], [0, 0, 0.5], [4, 2, 1.5], **common
    ),
    AnnotationType.caption: lambda held, shift, common: Caption(f"text {shift}", **common),
    AnnotationType.skeleton: lambda held, shift, common: Skeleton(
        [Points([1 + shift, 2], [2], label=common.get("label"))], **common
    ),
}
