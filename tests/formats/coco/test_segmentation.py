"""Polygons as masks, and masks as polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from formats.coco.coco_files import annotation, load, read, save, write

POLYGONS = [[1, 1, 4, 1, 4, 3, 1, 3], [5, 0, 7, 0, 7, 5, 5, 5]]
RLE = {"counts": [7, 2, 4, 2, 33], "size": [6, 8]}


def test_all_as_masks(tmp_path: Path):
    annotations = [annotation(1, segmentation=POLYGONS), annotation(2, segmentation=RLE),
                   annotation(3), annotation(4, segmentation=POLYGONS[:1], score=0.5)]  # fmt: skip
    save(tmp_path, annotations=annotations)
    write(read(tmp_path), tmp_path / "out", segmentation_mode="mask")
    found = load(tmp_path / "out")["annotations"]
    for one, polygons in ((found[0], POLYGONS), (found[3], POLYGONS[:1])):
        expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 6, 8)))
        encoded: Any = coco_mask.frPyObjects(one["segmentation"], 6, 8)
        assert np.array_equal(coco_mask.decode(encoded), expected)
        assert one["iscrowd"] == 0
    assert found[1] == annotations[1] and found[2] == annotations[2]
    assert found[3]["score"] == 0.5
    assert [a["bbox"] for a in found] == [a["bbox"] for a in annotations]


def test_all_as_polygons(tmp_path: Path):
    annotations = [annotation(1, segmentation=POLYGONS), annotation(2, segmentation=RLE, area=...),
                   annotation(3, segmentation={"counts": [48], "size": [6, 8]})]  # fmt: skip
    save(tmp_path, annotations=annotations)
    context = write(read(tmp_path), tmp_path / "out", segmentation_mode="polygons")
    found = load(tmp_path / "out")["annotations"]
    assert found[0] == annotations[0]
    assert found[1]["segmentation"] == [[1, 1, 3, 1, 3, 3, 1, 3]]
    assert found[1]["area"] == 4
    assert found[2]["segmentation"] == []
    assert context.losses == {"masks without pixels": 1}


def test_polygons_in_images_of_unknown_size_stay(tmp_path: Path):
    images = [{"id": 1, "file_name": "a.jpg"}]
    save(tmp_path, images=images, annotations=[annotation(1, segmentation=POLYGONS)])
    write(read(tmp_path), tmp_path / "out", segmentation_mode="mask")
    assert load(tmp_path / "out")["annotations"][0]["segmentation"] == POLYGONS
