"""Hypothesis strategies for small data sets that a format can hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from datumaro.dataset import Dataset
from datumaro.formats.capabilities import ALL, EVERYTHING, Capabilities
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    MaskCategories,
    PointsCategories,
    generate_colormap,
)
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem, checked_id
from datumaro.model.media import Image, MediaElement, MediaType, PointCloud
from datumaro.table.media_columns import media_class
from datumaro.testing.annotation_strategies import (
    BOOLEANS,
    JSON_VALUES,
    Draw,
    attributes,
    integers,
    item_annotations,
    one_of,
)
from datumaro.testing.media import Size, held_pixels, media_kind, point_cloud
from datumaro.testing.samples import put_label_before_id

RICH = replace(
    ALL,
    annotations=dict.fromkeys(AnnotationType, EVERYTHING),
    media=frozenset({MediaType.IMAGE}),
)
"""All that a data set of images can have."""

LABELS = ("cat", "dog", "traffic light", "猫", "b.c-d_e", "0")
IDS = (
    "1",
    "0007",
    "with space",
    "dots.in.the.name",
    "v1.0",
    "ünïcödé 猫 кот",
    "dash-and_underscore",
    "nested/folder/name",
    "nested/with space/ё.1",
)
ODD_IDS = ("x" * 300, "a dot.", " spaces ", "a\nb", "a\tb", 'q"*?<>|', "~", "a%20b#c", "-x")
SUBSETS = (DEFAULT_SUBSET_NAME, "train", "val", "test 1", "тест")


_INFOS = st.dictionaries(st.sampled_from(("author", "n")), st.sampled_from(JSON_VALUES))


def datasets(
    holds: Capabilities = RICH, *, min_items: int = 0, max_items: int = 4
) -> st.SearchStrategy[Dataset]:
    """Data sets of which a format that holds ``holds`` keeps all.

    Images are arrays in memory of a few pixels, with the extension .png.
    """
    ids = st.lists(item_ids(holds), min_size=min_items, max_size=max_items, unique=True)
    return _datasets(holds, label_names(holds), ids, subset_names(holds))


@st.composite
def _datasets(
    draw: Draw,
    holds: Capabilities,
    label_lists: st.SearchStrategy[list[str]],
    id_lists: st.SearchStrategy[list[str]],
    subsets: Sequence[str],
) -> Dataset:
    names = draw(label_lists)
    categories = all_categories(draw, holds, names)
    ids = draw(id_lists)
    kind = media_kind(holds)
    items: list[DatasetItem] = []
    number = draw(integers(1, 1000))  # of annotations, which never repeat
    for item_id in ids:
        size = (draw(integers(3, 24)), draw(integers(3, 24)))
        always = holds.media_needed or holds.size_needed
        media = media_of(draw, kind, size, holds) if always or draw(integers(0, 4)) else None
        annotations = item_annotations(draw, holds, size, names, number)
        number += len(annotations)
        items.append(
            DatasetItem(
                item_id,
                subset=one_of(draw, subsets),
                media=media,
                annotations=annotations,
                attributes=attributes(draw, holds.item_attributes, holds.item_names),
            )
        )
        put_label_before_id(items[-1], holds, names)
    infos: dict[str, Any] = draw(_INFOS) if holds.infos is True else {}
    return Dataset.from_iterable(
        items, infos=infos, categories=categories, media_type=media_class(kind)
    )


# --- names and media ------------------------------------------------------------------------------


def _matching(names: Sequence[str], pattern: str) -> list[str]:
    return [name for name in names if not pattern or re.fullmatch(pattern, name)]


def label_names(holds: Capabilities) -> st.SearchStrategy[list[str]]:
    """Names of a data set's labels."""
    if holds.label_names:
        return st.just(list(holds.label_names))
    if holds.labels == "none":
        return st.just([])
    known = _matching(LABELS, holds.label_pattern)
    strategy = (
        st.sampled_from(known) if known else st.from_regex(holds.label_pattern, fullmatch=True)
    )
    return st.lists(strategy, unique=True, min_size=int(holds.annotations_needed), max_size=4)


def all_categories(
    draw: Draw, holds: Capabilities, names: Sequence[str]
) -> dict[AnnotationType, Categories]:
    """Categories of labels, and what else is held of them."""
    labels = LabelCategories()
    for position, name in enumerate(names):
        before = names[:position] if holds.label_parents is True else ()
        parent = one_of(draw, ("", *before))
        own = {"color", "age"} if holds.label_attributes is True and draw(BOOLEANS) else set[str]()
        labels.add(name, parent, own)
    if holds.label_groups and names and draw(BOOLEANS):
        labels.add_label_group("some", list(names[:2]))
    categories: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
    if holds.colors and names and draw(BOOLEANS):
        colors = generate_colormap(len(names) + 1, include_background=True)
        categories[AnnotationType.mask] = MaskCategories(
            {label: colors[label + 1] for label in range(len(names))}
        )
    if holds.key_points is True and names and draw(BOOLEANS):
        categories[AnnotationType.points] = PointsCategories.from_iterable(
            [(label, ["nose", "left eye", "tail"], {(1, 2), (2, 3)}) for label in range(len(names))]
        )
    return categories


def item_ids(holds: Capabilities) -> st.SearchStrategy[str]:
    """Ids of items."""
    known = [name for name in IDS if takes_id(holds, name)]
    if holds.item_ids:
        made = st.from_regex(re.compile(holds.item_ids, re.ASCII), fullmatch=True).filter(is_id)
        return st.one_of(st.sampled_from(known), made) if known else made
    return st.sampled_from(known)


def is_id(text: str) -> bool:
    """Whether an item may have a text as its id; a pattern of a format may be wider."""
    try:
        return checked_id(text) == text
    except ValueError:
        return False


def takes_id(holds: Capabilities, item_id: str) -> bool:
    """Whether a format declares that it takes an id."""
    fits = not holds.item_ids or re.fullmatch(holds.item_ids, item_id)
    return bool(fits) and (holds.nested_ids or "/" not in item_id)


def subset_names(holds: Capabilities) -> Sequence[str]:
    """Names of subsets."""
    if holds.subsets is False:
        return (DEFAULT_SUBSET_NAME,)
    names = SUBSETS if holds.subsets is True else holds.subsets
    if holds.default_subset != DEFAULT_SUBSET_NAME:
        names = [name for name in names if name != DEFAULT_SUBSET_NAME]
    return names


def media_of(draw: Draw, kind: MediaType, size: Size, holds: Capabilities) -> MediaElement | None:
    """Media in memory; None for kinds of which none are made."""
    if kind is MediaType.POINT_CLOUD:
        return PointCloud.from_bytes(data=point_cloud(draw(integers(1, 3))))
    if kind is MediaType.IMAGE:
        return Image.from_numpy(data=held_pixels(holds, size, draw(integers(0, 200))), ext=".png")
    return None
