"""Boxes, with masks or turned, and tracks of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

from .parts import ODD_IDS, SPACED_ID, RotatedBbox, voc_items

# a box of `detected` that leads beyond the image's edges, and what is within
BEYOND_EDGES, WITHIN_EDGES = [-1.0, 2.0, 3.0, 7.0], [0.0, 2.0, 3.0, 6.0]
AROUND_MASK = [2.0, 1.0, 5.0, 4.0]  # the bounds of the mask in `detected_partly`
WITHOUT_MASK = [4.0, 2.0, 6.0, 5.0]  # the box of `detected_partly` whose object has no mask
WITHOUT_BOXES = (ODD_IDS[0], ODD_IDS[6], "empty")  # in `yolo_flat` and `turned_boxes`


def boxes(media: Path) -> Any:
    """Boxes with what KITTI has of attributes."""
    attributes = [{"truncated": t, "occluded": o} for t in (False, True) for o in (False, True)]
    found = [
        dm.Bbox(1.25, n, 3.5, 4, label=n % 2, attributes=known)
        for n, known in enumerate(attributes)
    ]
    return voc_items(
        media,
        [found, found[:2], found[:3], [], found[2:]],
        {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["car", "tram"])},
    )


def boxes_of_a_subset(media: Path) -> Any:
    """The same in one subset."""
    dataset = boxes(media)
    return dm.Dataset.from_iterable(
        [item.wrap(subset="train") for item in dataset], categories=dataset.categories()
    )


def yolo(media: Path) -> Any:
    """Boxes, in the subsets that trainers know."""
    return boxes_only(media, ODD_IDS)


def yolo_flat(media: Path) -> Any:
    """The same without folders in ids."""
    return boxes_only(media, [item_id for item_id in ODD_IDS if "/" not in item_id])


def boxes_only(media: Path, ids: Sequence[str]) -> Any:
    """Items with up to three boxes, numbered as YOLO's files number them."""
    boxes = [
        dm.Bbox(1, 2, 3.5, 1.25, label=2),
        dm.Bbox(0, 0, 8, 6, label=0),
        dm.Bbox(3, 3, 1, 1, label=4),
    ]
    for number, box in enumerate(boxes):
        box.id = box.group = number
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset=subset,
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=boxes[: number % 4],
            )
            for subset in ("train", "val")
            for number, item_id in enumerate(ids)
        ],
        categories=["cat", "a dog", "猫 и кот", "with: colon", "x"],
    )


def detected(media: Path) -> Any:
    """Boxes in images that have another name in their source, one of them none."""
    boxes = [
        dm.Bbox(1, 2, 3.5, 1.25, label=4),
        dm.Bbox(0, 0, 8, 6, label=2),
        dm.Bbox(3, 3, 1, 1),
        dm.Bbox(-1, 2, 4, 5, label=1),  # `BEYOND_EDGES`
    ]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset=subset,
                media=dm.Image.from_file(
                    path=str(media / ("b.png" if number % 2 else "a.jpg")), size=(6, 8)
                ),
                annotations=boxes[: number % 5],
                attributes={"source_id": f"{number} 猫"} if number else {},
            )
            for subset in ("train", "val")
            for number, item_id in enumerate(ODD_IDS)
        ],
        categories=["cat", "a dog", "it's", "of none", "猫 и кот"],
    )


def detected_masks(media: Path) -> Any:
    """Objects with a mask and a box around it each, or with a mask alone."""
    pixels = np.zeros((3, 6, 8), bool)
    pixels[0, 1:4, 2:5] = pixels[1, 5, 7] = pixels[2, 2:, :3] = True
    pixels[0, 2, 3] = False
    bounds = ((2, 1, 3, 3), (7, 5, 1, 1), (0, 2, 3, 4))
    objects = [
        annotation
        for number, (mask, box) in enumerate(zip(pixels, bounds, strict=True), 1)
        for annotation in (
            dm.Bbox(*box, label=number % 2, group=number),
            dm.Mask(mask, label=number % 2, group=number),
        )
    ]
    alone = [dm.Mask(mask, label=0) for mask in pixels]
    return voc_items(
        media,
        [objects, objects[:2], alone, [], alone[1:]],
        {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["cat", "猫"])},
    )


def detected_partly(media: Path) -> Any:
    """An object with a mask and one without, in an image."""
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:5] = True
    return voc_items(
        media,
        [[dm.Bbox(4, 2, 2, 3, label=1), dm.Mask(mask, label=0)], [], [], [], []],
        {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["cat", "猫"])},
    )


def tracked(media: Path) -> Any:
    """Boxes with tracks, in the frames of a sequence (in the order of their numbers)."""
    seen = {"visibility": 1.0, "occluded": False, "ignored": False}
    hidden = {**seen, "visibility": 0.0, "occluded": True}
    contents = [
        [
            dm.Bbox(1, 2, 3.25, 4, label=0, attributes={"track_id": 1, **seen}),
            dm.Bbox(0, 0, 8, 6, label=2, attributes={"track_id": 2, **seen, "ignored": True}),
        ],
        [dm.Bbox(1.5, 2, 3, 4, label=0, attributes={"track_id": 1, **hidden})],
        [],
        [dm.Bbox(2, 2, 1, 1, attributes={**seen, "visibility": 0.25})],
    ]
    categories = dm.LabelCategories.from_iterable(["person", "a car", "猫"])
    categories.attributes = {"track_id", "visibility", "occluded", "ignored"}
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                number,
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=boxes,
            )
            for number, boxes in zip((1, 2, 3, 12), contents, strict=True)
        ],
        categories={dm.AnnotationType.label: categories},
    )


def tracked_masks(media: Path) -> Any:
    """Masks with tracks."""
    rows = np.zeros((4, 6, 8), bool)
    for number, row in enumerate(rows):
        row[number] = True
    masks = [
        dm.Mask(row, label=number % 3, attributes={"track_id": number + 1})
        for number, row in enumerate(rows)
    ]
    return voc_items(
        media,
        [masks[:2], [masks[2]], masks, [], masks[1:]],
        {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["person", "a car", "猫"])},
    )


def turned_boxes(media: Path) -> Any:
    """Rotated boxes; all labels are used in each subset, in the order of their names.

    Their corners are on hundredths of pixels, as the published package writes them.
    """
    boxes = [
        RotatedBbox(30, 20, 10, 5, 36.87, label=0, attributes={"difficulty": 1}),
        RotatedBbox(50.5, 40.25, 20, 10, 0, label=1, attributes={"difficulty": 0}),
        RotatedBbox(10, 10, 5, 10, 126.87, label=2, attributes={"difficulty": 2}),
    ]
    ids = ("P0001", SPACED_ID, "ünïcödé", "empty")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset=subset,
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=boxes[: 3 - number],
            )
            for subset in ("train", "val")
            for number, item_id in enumerate(ids)
        ],
        categories={
            dm.AnnotationType.label: dm.LabelCategories.from_iterable(["car", "ship", "猫"])
        },
    )
