"""The list of transforms: ours by name, others by the entry point group ``datumaro.transforms``."""

from __future__ import annotations

import importlib
import importlib.metadata
from difflib import get_close_matches
from functools import cache
from typing import Any

from datumaro.errors import UnknownTransformError

ENTRY_POINTS = "datumaro.transforms"

# name: (module below this package, class). A module is imported when its transform is asked for.
_BUILTIN: dict[str, tuple[str, str]] = {
    "bbox_values_decrement": ("shapes", "BboxValuesDecrement"),
    "boxes_to_masks": ("masks", "BoxesToMasks"),
    "boxes_to_polygons": ("shapes", "BoxesToPolygons"),
    "id_from_image_name": ("ids", "IdFromImageName"),
    "map_subsets": ("subsets", "MapSubsets"),
    "masks_to_polygons": ("masks", "MasksToPolygons"),
    "polygons_to_masks": ("masks", "PolygonsToMasks"),
    "project_labels": ("labels", "ProjectLabels"),
    "random_split": ("subsets", "RandomSplit"),
    "reindex": ("ids", "Reindex"),
    "remap_labels": ("labels", "RemapLabels"),
    "rename": ("ids", "Rename"),
    "resize": ("resize", "Resize"),
    "shapes_to_boxes": ("shapes", "ShapesToBoxes"),
}


@cache
def _third_party() -> dict[str, importlib.metadata.EntryPoint]:
    return {e.name: e for e in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def names() -> list[str]:
    """The names of all transforms, sorted."""
    return sorted(_BUILTIN.keys() | _third_party().keys())


@cache
def get(name: str) -> type[Any]:
    """The class of that name: a `ColumnTransform`, or one of items (`of_items`).

    Raises
    ------
    UnknownTransformError
        There is none; the message lists names alike, or all.
    """
    if name in _BUILTIN:
        module, kind = _BUILTIN[name]
        return getattr(importlib.import_module(f"{__package__}.{module}"), kind)
    if name in _third_party():
        return _third_party()[name].load()
    alike = get_close_matches(name, names(), n=3)
    hint = f"did you mean {' or '.join(alike)}?" if alike else f"known: {', '.join(names())}"
    raise UnknownTransformError(f"no transform {name!r}; {hint}")
