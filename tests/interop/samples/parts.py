"""What several samples have: ids, labels, masks, annotations of each kind."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm


def public(name: str, module: str) -> Any:
    """A class that the published package has in a module, and we at the top."""
    if hasattr(dm, name):
        return getattr(dm, name)
    return getattr(importlib.import_module(f"datumaro.components.{module}"), name)


Cuboid2D = public("Cuboid2D", "annotation")
RotatedBbox = public("RotatedBbox", "annotation")
PointCloud = public("PointCloud", "media")
MediaElement = public("MediaElement", "media")
SPACED_ID = "with space"
ODD_IDS = (
    "1",
    SPACED_ID,
    "dots.in.the.name",
    "nested/folder/name",
    "ünïcödé/猫 и кот",
    "dash-and_underscore",
    "quote'n\"percent%20+&",
    "0007",
)
EVERY_JSON_KIND: dict[str, Any] = {
    "integer": 3,
    "negative": -7,
    "big": 2**53,
    "real": 0.1,
    "tiny": 1e-12,
    "true": True,
    "false": False,
    "nothing": None,
    "text": 'tab\t, "quotes", \\ and 猫',
    "empty text": "",
    "list": [1, "two", [3.5, None], {"four": 4}],
    "object": {"b": {"c": []}, "a": {}},
    "ключ": "unicode key",
}


def checkerboard(height: int, width: int, step: int) -> np.ndarray:
    """A boolean mask with runs of several lengths."""
    y, x = np.mgrid[:height, :width]
    return ((x // step + y // (step + 1)) % 2).astype(bool)


def labels() -> Any:
    """Labels with parents, attributes and groups."""
    categories = dm.LabelCategories.from_iterable(
        ["cat", ("head", "cat"), ("dog", "", ["color", "age"]), "猫 и кот", "a, b: c"]
    )
    categories.attributes = {"occluded", "checked"}
    categories.add_label_group("pets", ["cat", "dog"], 0)
    categories.add_label_group("parts", ["head"], 1)
    return categories


def all_categories() -> dict[Any, Any]:
    """Labels, colours and key points."""
    return {
        dm.AnnotationType.label: labels(),
        dm.AnnotationType.mask: dm.MaskCategories({0: (0, 0, 0), 1: (255, 1, 2), 4: (7, 128, 255)}),
        dm.AnnotationType.points: dm.PointsCategories.from_iterable(
            [(0, ["nose", "tail"], {(0, 1)}), (2, ["a", "b", "c"], {(0, 1), (1, 2)})]
        ),
    }


def every_annotation() -> list[Any]:
    """At least one of each kind that the published package writes, with edge values."""
    mask = checkerboard(13, 17, 3)
    rle = {"size": [4, 5], "counts": b"0d0"}
    return [
        dm.Label(0),
        dm.Label(4, id=7, group=2, object_id=5, attributes=EVERY_JSON_KIND),
        dm.Mask(mask, label=1, id=2**40, group=2, z_order=-3),
        dm.Mask(np.zeros((3, 4), bool), label=0),
        dm.Mask(np.ones((1, 1), bool)),
        dm.RleMask(rle, label=2, z_order=2),
        dm.Polygon([1, 2, 3.333, 4.005, -5, 66666.66], label=2, z_order=1, attributes={"a": 1}),
        dm.Polygon([0, 0, 1, 0, 1, 1, 0, 1]),
        dm.PolyLine([0.1, 0.2, 0.3, 0.4], label=0, object_id=0),
        dm.PolyLine([5, 5]),
        dm.Bbox(1, 2, 3.3, 4.44, label=3, id=-1, group=-5, z_order=9),
        dm.Bbox(0.005, 0.015, 1e5, 1e5),
        dm.Points([1, 2, 3, 4, 5.55, 6], [0, 1, 2], label=2),
        dm.Points([7, 8]),
        dm.Caption("a cat, 猫"),
        dm.Caption("", id=3, attributes={"x": "y"}),
        dm.Cuboid3d([1.111, -2.222, 3.333], [0.1, 0.2, 0.3], [1, 2, 3], label=0, id=4),
        dm.Cuboid3d([0, 0, 0]),
        dm.Ellipse(1, 2, 3.5, 4.25, label=1, z_order=4),
        dm.Ellipse(0, 0, 1, 1),
        Cuboid2D(
            [(i + 0.123456, 10.5 - i) for i in range(8)],
            label=1,
            z_order=2,
            attributes={"a": True},
        ),
    ]


def labels_only() -> dict[Any, Any]:
    """The label categories alone."""
    return {dm.AnnotationType.label: labels()}


def voc_items(media: Path, contents: list[list[Any]], categories: dict[Any, Any]) -> Any:
    """Five items in two subsets."""
    ids = ("2007_000001", SPACED_ID, "ünïcödé", "nested/name", "empty")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train" if number % 2 else "val",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=contents[number],
            )
            for number, item_id in enumerate(ids)
        ],
        categories=categories,
    )
