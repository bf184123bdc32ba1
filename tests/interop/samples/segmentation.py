"""Masks, polygons and other shapes, with what each format has of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

from .parts import SPACED_ID, all_categories, checkerboard, labels_only, voc_items


def coco(media: Path) -> Any:
    """What COCO can hold: instances (polygons, crowds), key points, captions, labels."""
    people = {
        dm.AnnotationType.label: dm.LabelCategories.from_iterable(
            ["person", ("bicycle", "vehicle"), ("猫", "animal")]
        ),
        dm.AnnotationType.points: dm.PointsCategories.from_iterable(
            [(label, ["nose", "left eye", "tail"], {(1, 2), (2, 3)}) for label in range(3)]
        ),
    }
    crowd = {"is_crowd": True}
    one = {"is_crowd": False}
    more = {**one, "x": 1, "note": "猫"}
    annotations = [
        [
            dm.Polygon([0, 0, 6, 0, 6, 5, 0, 5], label=0, id=1, group=1, attributes=one),
            dm.Polygon([1.25, 1.5, 3, 1.5, 3, 3.75], label=0, id=1, group=1, attributes=one),
            dm.Bbox(0, 0, 6, 5, label=0, id=1, group=1, attributes=one),
            dm.Mask(checkerboard(6, 8, 2), label=1, id=2, group=2, attributes=crowd),
            dm.Bbox(0, 0, 7, 5, label=1, id=2, group=2, attributes=crowd),
            dm.Caption("a person on a bicycle", id=1, group=1),
            dm.Caption("два слова, 猫", id=2, group=2),
        ],
        [
            dm.Points([1, 2, 3.5, 4, 0, 0], [2, 1, 0], label=0, id=3, group=3, attributes=more),
            dm.Bbox(1, 2, 3, 2, label=0, id=3, group=3, attributes=more),
            dm.Polygon([1, 2, 4, 2, 4, 4, 1, 4], label=0, id=3, group=3, attributes=more),
        ],
        [dm.Label(0, id=5, group=5), dm.Label(2, id=6, group=6)],
        [],
    ]
    ids = ("000000000001", "with space/2", "ünï.cödé", "empty")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train" if number < 2 else "val",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=annotations[number],
                attributes={"id": number + 10},
            )
            for number, item_id in enumerate(ids)
        ],
        categories=people,
    )


def shapes(media: Path) -> Any:
    """Shapes of all kinds that become others; two images, each in a subset of its own."""
    mask = checkerboard(6, 8, 2)
    ring = np.ones((6, 8), bool)
    ring[2:4, 2:5] = False
    more = {"id": 1, "group": 2, "attributes": {"a": 1}}
    kinds = [
        [
            dm.Label(1),
            dm.Bbox(1, 1, 4, 3, label=0, z_order=2, **more),
            dm.Bbox(0.5, 1.25, 3.3, 2.75, label=1),
            dm.Polygon([0, 0, 6, 0, 6, 5, 0, 5], label=0, z_order=1, **more),
            dm.Polygon([1.25, 1.5, 7.5, 1.5, 3, 5.75], label=2),
            dm.Caption("a cat"),
        ],
        [
            dm.Mask(mask, label=0, z_order=3, **more),
            dm.Mask(ring, label=1),
            dm.RleMask({"size": [6, 8], "counts": b"=33000`0N"}, label=2),
            dm.PolyLine([1, 1, 3, 4.5, 6, 2], label=1, **more),
            dm.Points([1, 2, 3.5, 4, 0, 0], [2, 1, 0], label=0, **more),
            dm.Ellipse(1, 1, 6.5, 4, label=0, **more),
        ],
    ]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                f"folder/{subset}",
                subset=subset,
                media=dm.Image.from_file(path=str(media / name), size=(6, 8)),
                annotations=annotations,
            )
            for subset, name, annotations in zip(
                ("train", "val"), ("a.jpg", "b.png"), kinds, strict=True
            )
        ],
        categories=all_categories(),
    )


def blobs(media: Path) -> Any:
    """Masks of one part without holes: an L, a cross, a single pixel, all pixels."""
    masks = np.zeros((4, 6, 8), bool)
    masks[0, 1:5, 2] = masks[0, 4, 2:7] = True
    masks[1, 2, 1:6] = masks[1, 0:5, 3] = True
    masks[2, 5, 7] = True
    masks[3] = True
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                "a",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[
                    dm.Mask(mask, label=0, id=number, group=number, z_order=number)
                    for number, mask in enumerate(masks, 1)
                ],
            )
        ],
        categories=["thing"],
    )


def panoptic(media: Path) -> Any:
    """Masks that do not overlap, with ids of up to three bytes."""
    checks = checkerboard(6, 8, 2)
    top = np.zeros((6, 8), bool)
    top[:2] = True
    masks = [
        [(checks & ~top, 0, 1, False), (~checks & ~top, 1, 70000, True), (top, 2, 300, False)],
        [(top, 1, 5, False)],
        [],
    ]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train" if number < 2 else "val",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[
                    dm.Mask(image, label=label, id=n, group=n, attributes={"is_crowd": crowd})
                    for image, label, n, crowd in masks[number]
                ],
                attributes={"id": number + 10},
            )
            for number, item_id in enumerate(("000001", "with space/2", "empty"))
        ],
        categories=labels_only(),
    )


def street(media: Path) -> Any:
    """Masks of labels, of which one is the background."""
    rows = np.zeros((4, 6, 8), bool)
    for number, row in enumerate(rows):
        row[number] = True
    rows[3, 1:3, 4:] = True
    masks = [dm.Mask(row, label=number % 2 + 1, id=number + 1) for number, row in enumerate(rows)]
    return voc_items(
        media,
        [masks[:2], [masks[2]], masks, [], masks[1:]],
        {
            dm.AnnotationType.label: dm.LabelCategories.from_iterable(
                ["background", "car", "tree"]
            ),
            dm.AnnotationType.mask: dm.MaskCategories(
                {0: (0, 0, 0), 1: (128, 64, 32), 2: (255, 0, 1)}
            ),
        },
    )


def cvat_shapes(media: Path) -> Any:
    """What CVAT has of kinds, with attributes that the labels declare."""
    categories = dm.LabelCategories.from_iterable([("cat", "", ["color", "age", "good"]), "a dog"])
    categories.attributes = {"occluded"}
    box = dm.Bbox(
        1, 2, 3.25, 1.5, label=0, group=3, z_order=2,
        attributes={"occluded": True, "color": "a <b> & 'c'", "age": 3.5, "good": True},
    )  # fmt: skip
    found = [
        box,
        dm.Polygon([0, 0, 5, 0, 5, 5.12], label=1, group=3, attributes={"occluded": False}),
        dm.PolyLine([0, 0, 5, 1.5], label=1, z_order=1, attributes={"occluded": False}),
        dm.Points([1, 1, 2, 3], label=0, attributes={"occluded": False}),
        dm.Mask(checkerboard(6, 8, 2), label=1, z_order=1, attributes={"occluded": False}),
        dm.Label(0, attributes={"color": "blue"}),
    ]
    dataset = voc_items(
        media,
        [found, found[:1], found[1:3], [], found[3:]],
        {dm.AnnotationType.label: categories},
    )
    for frame, item in enumerate(dataset):
        item.attributes["frame"] = frame
    return dataset


def outlines(media: Path) -> Any:
    """Boxes, polygons and masks with what LabelMe has of attributes, in groups."""
    free = {"color": "a, \"b\" = 'c'", "age": 3.5, "n": 3, "good": True, "text": "12"}
    state = {"occluded": False, "username": ""}
    found = [
        dm.Bbox(
            1, 2, 3.25, 1.5, label=0, id=0, group=2,
            attributes={"occluded": True, "username": "me", **free},
        ),
        dm.Polygon([0, 0, 5, 0, 5, 5.12], label=1, id=1, group=2, attributes=state),
        dm.Mask(checkerboard(6, 8, 2), label=1, id=2, group=2, attributes=state),
        dm.Polygon([0, 0, 5, 0, 5, 5], id=3, group=1, attributes=state),
        dm.Bbox(1, 2, 3, 1, label=2, id=4, group=1, attributes=state),
        dm.Mask(checkerboard(6, 8, 3), label=0, id=5, attributes=state),
    ]  # fmt: skip
    return voc_items(
        media,
        [found, found[:3], found[:2], [], found[:5]],
        {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["cat", "a dog", "猫"])},
    )


def anything(media: Path) -> Any:
    """Masks with their boxes and what Segment Anything says of them."""
    ids = ("1", SPACED_ID, "ünï.cödé", "0007")
    found: list[Any] = []
    for number in (1, 2, 3):
        state = {
            "predicted_iou": number / 4,
            "stability_score": 0.25,
            "point_coords": [[1.5, 2.0]],
            "crop_box": [0.0, 0.0, 8.0, 6.0],
        }
        mask = np.zeros((6, 8), bool)
        mask[number : number + 2, 1:4] = True
        common = {"id": number, "group": number, "attributes": state}
        found += [dm.Mask(mask, **common), dm.Bbox(1, number, 2.5, 1.25, **common)]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=found[: 2 * number],
                attributes={"id": number},
            )
            for number, item_id in enumerate(ids, 1)
        ]
    )


def open_images(media: Path) -> Any:
    """Labels, boxes, and masks with and without a box."""
    labels = dm.LabelCategories.from_iterable(["/m/01", ("/m/02", "/m/01"), "猫"])
    state = {"score": 0.5, "occluded": True, "is_inside": False}
    mask = checkerboard(6, 8, 2)
    contents = [
        [dm.Label(0, attributes={"score": 1.0}), dm.Label(2, attributes={"score": 0.25})],
        [
            dm.Bbox(2, 1.5, 4, 3, label=1, group=1, attributes=state),
            dm.Bbox(0, 0, 8, 6, label=0, group=2, attributes={"score": 1.0}),
            dm.Mask(mask, label=1, group=1, attributes={"box_id": "0f", "predicted_iou": 0.5}),
        ],
        [dm.Bbox(1, 1, 1, 1, label=2, group=1, attributes={"score": 0.75}),
         dm.Mask(mask, label=2, group=1, attributes={"box_id": "01"})],
        [],
    ]  # fmt: skip
    ids = ("000001", SPACED_ID, "ünï.cödé", "empty")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="val" if number > 2 else "train",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=of_item,
            )
            for number, (item_id, of_item) in enumerate(zip(ids, contents, strict=True))
        ],
        categories={dm.AnnotationType.label: labels},
    )
