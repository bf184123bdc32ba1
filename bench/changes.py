#!/usr/bin/env python3
"""Seconds that transforms, filters and projects take.

    python bench/changes.py COCO_DIR                  # all of it
    python bench/changes.py COCO_DIR resize filter    # those whose names have one of the words

Each transform and filter is given a data set of its own, read before. `union` is the work that a
project does on sources that have been read: the same data set twice; twice with other items; twice
with boxes in the one, all else in the other.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datumaro as dm
from datumaro.operations.union import union

TRANSFORMS: list[tuple[str, dict[str, Any]]] = [
    ("bbox_values_decrement", {}),
    ("boxes_to_masks", {}),
    ("boxes_to_polygons", {}),
    ("id_from_image_name", {}),
    ("map_subsets", {"mapping": {"train2017": "train"}}),
    ("masks_to_polygons", {}),
    ("polygons_to_masks", {}),
    ("project_labels", {"dst_labels": ["person", "car", "unknown"]}),
    ("random_split", {"splits": {"a": 0.5, "b": 0.5}, "seed": 1}),
    ("reindex", {}),
    ("remap_labels", {"mapping": {"person": "human", "car": "vehicle", "bus": "vehicle"}}),
    ("rename", {"regex": "|^0*|img_|"}),
    ("resize", {"width": 640, "height": 480}),
    ("shapes_to_boxes", {}),
]
FILTERS = [
    '/item[annotation/label="person"]',
    '/item/annotation[label="person" and area > 1000]',
    "/item/annotation[position() = last()]",
]


def measure(folder: str, words: list[str]) -> None:
    """Print seconds, a line each."""
    dataset = dm.Dataset.import_from(folder, "coco").transform("reindex")
    print(f"{len(dataset):,} items, {dataset.get_annotations():,} annotations")

    def step(name: str, work: Callable[[], Any]) -> None:
        if not words or any(word in name for word in words):
            began = time.perf_counter()
            work()
            print(f"{time.perf_counter() - began:8.2f}  {name}", flush=True)

    for name, options in TRANSFORMS:
        step(name, lambda n=name, o=options: dataset.clone().transform(n, **o))
    for text in FILTERS:
        annotations = {"filter_annotations": True, "remove_empty": True}
        options = annotations if "/annotation[" in text.partition("/item")[2][:12] else {}
        step(f"filter {text}", lambda t=text, o=options: dataset.clone().filter(t, **o))
    other = dataset.clone()
    step("union of the same", lambda: union({"a": dataset, "b": other}))
    renamed = other.clone().transform("rename", regex="|^|x|")
    step("union of other items", lambda: union({"a": dataset, "b": renamed}))
    boxes = dataset.clone().filter('/item/annotation[type="bbox"]', filter_annotations=True)
    rest = other.filter('/item/annotation[type!="bbox"]', filter_annotations=True)
    step("union of boxes and the rest", lambda: union({"a": boxes, "b": rest}))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:
        project = dm.Project.create(f"{place}/project")
        step("project: import", lambda: project.import_source(folder, "coco", name="a"))
        step("project: import again", lambda: project.import_source(folder, "coco", name="b"))
        if project.sources:
            step(
                "project: export",
                lambda: project.export(f"{place}/out", "datumaro_binary"),
            )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    measure(sys.argv[1], sys.argv[2:])
