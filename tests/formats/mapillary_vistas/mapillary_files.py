"""Small files of Mapillary Vistas for the tests."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import datumaro as dm
from format_files import png

ALL = ("mapillary_vistas", "mapillary_vistas_instances", "mapillary_vistas_panoptic")
CONFIG = json.dumps({"labels": [{"name": "car", "color": [1, 2, 3]}, {"name": "tree"}]})
IDS = np.array([[[1, 0, 0], [0, 1, 0]]], np.uint8)  # red, green


def panoptic(**changes: Any) -> str:
    """A JSON file of an image with the segments 1 and 256."""
    segments = [{"id": 1, "category_id": 5, "iscrowd": 1}, {"id": 256, "category_id": 0}]
    known = {
        "images": [{"id": "x", "file_name": "a.jpg", "width": 2, "height": 1}],
        "annotations": [{"image_id": "x", "file_name": "a.png", "segments_info": segments}],
        "categories": [{"id": 5, "name": "car", "supercategory": "thing", "color": [1, 2, 3]}],
    }
    return json.dumps(known | changes)


def files(version: str = "v2.0", **changes: str | bytes) -> dict[str, str | bytes]:
    year = {"v1.2": 2018, "v2.0": 2020}[version]
    known: dict[str, tuple[str, str | bytes]] = {
        "config": (f"config_{version}.json", CONFIG),
        "instances": (f"t/{version}/instances/a.png", png(np.array([[0, 257]], np.uint16))),
        "panoptic": (f"t/{version}/panoptic/panoptic_{year}.json", panoptic()),
        "segments": (f"t/{version}/panoptic/a.png", png(IDS)),
        "image": ("t/images/a.jpg", b""),
    }
    return {path: changes.get(key, content) for key, (path, content) in known.items()}


def annotations(item: dm.DatasetItem) -> list[tuple[str, int | None, int, Any]]:
    """(kind, label, id, pixels or points) of an item's annotations."""
    return [
        (
            a.type.name,
            a.label,
            a.id,
            np.asarray(a.image).astype(int).tolist() if isinstance(a, dm.Mask) else a.points,
        )
        for a in item.annotations
    ]
