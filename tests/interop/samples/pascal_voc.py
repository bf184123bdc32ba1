"""What VOC can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

from .parts import SPACED_ID, voc_items

PERSON = 1  # the label of people in VOC's samples


def voc(media: Path) -> Any:
    """What VOC can hold of labels, boxes, masks of classes and of instances."""
    categories = dm.LabelCategories.from_iterable(["background", "person", "dog"])
    categories.attributes = {"difficult", "truncated", "occluded"}
    state = {"difficult": False, "truncated": True, "occluded": False}
    boxes = [
        dm.Bbox(1, 1, 4, 3, label=1, id=1, group=1, attributes=state),
        dm.Bbox(0.5, 0.25, 2, 2, label=2, id=2, group=2, attributes={**state, "pose": "Left"}),
    ]
    left = np.zeros((6, 8), bool)
    left[1:4, 1:3] = True
    masks = [
        dm.Mask(left, label=1, id=1, group=1, z_order=1),
        dm.Mask(left[:, ::-1], label=2, id=2, group=2, z_order=2),
    ]
    return voc_items(
        media,
        [[dm.Label(1), dm.Label(2)], boxes, masks, [*boxes, dm.Label(1)], []],
        {
            dm.AnnotationType.label: categories,
            dm.AnnotationType.mask: dm.MaskCategories.generate(3),
        },
    )


def voc_people(media: Path) -> Any:
    """What VOC can hold of people: parts of their bodies, and what they do."""
    categories = dm.LabelCategories.from_iterable(
        ["background", ("person", "", ["jumping", "reading"]), "dog", ("head", "person")]
    )
    categories.attributes = {"difficult", "truncated", "occluded"}
    state = {"difficult": False, "truncated": True, "occluded": False}
    person = dm.Bbox(
        1,
        1,
        4,
        3,
        label=PERSON,
        id=1,
        group=1,
        attributes={**state, "jumping": True, "reading": False},
    )
    head = dm.Bbox(1.5, 1.25, 2, 1, label=3, id=2, group=1)
    dog = dm.Bbox(0, 0, 2, 2, label=2, id=3, group=3, attributes=state)
    return voc_items(
        media,
        [[person], [person, head], [dog], [person, head, dog], []],
        {dm.AnnotationType.label: categories},
    )


def voc_boxes(media: Path) -> Any:
    """Boxes with what VOC has of attributes: each subset has both labels."""
    state = {"difficult": False, "truncated": True, "occluded": False}
    found = [dm.Bbox(1.5, 2, 3, 1.25, label=n, attributes=state) for n in (0, 1, 0)]
    ids = ("1", SPACED_ID, "ünï.cödé", "0007")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train" if number % 2 else "valid",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=found[: number % 2 + 2],
            )
            for number, item_id in enumerate(ids)
        ],
        categories=["a dog", "cat"],
    )
