"""Words and characters in images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

from .parts import voc_items


def words(media: Path) -> Any:
    """Texts of images (theirs are cut at a comma and lose quotes)."""
    texts = ["PROPER", "two words", "猫", "", "it's"]
    return voc_items(media, [[dm.Caption(text)] if text else [] for text in texts], {})


def word_shapes(media: Path) -> Any:
    """Boxes and polygons around words."""
    found = [
        dm.Bbox(1, 2, 3, 2.5, attributes={"text": "RED"}),
        dm.Polygon([0, 0, 3, 1, 4, 6, 1, 7], attributes={"text": "two words"}),
        dm.Bbox(0, 0, 1.5, 1),
    ]
    return voc_items(media, [found, found[:1], found[1:], [], found[2:]], {})


def characters(media: Path) -> Any:
    """Masks of characters, in words."""
    found: list[Any] = []
    for index, group in enumerate((0, 1, 1)):
        mask = np.zeros((6, 8), bool)
        mask[index : index + 2, 2 * index : 2 * index + 2] = True
        attributes = {
            "index": index, "color": f"{index + 1} 2 3", "text": "a b"[index], "center": "0 1",
        }  # fmt: skip
        found.append(dm.Mask(mask, group=group, attributes=attributes))
    return voc_items(media, [found, found[:1], found, [], found], {})
