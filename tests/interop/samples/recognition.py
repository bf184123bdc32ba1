"""Faces and people, and who they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datumaro as dm

from .parts import voc_items


def wide_faces(media: Path) -> Any:
    """Boxes with what WIDER FACE has of attributes, and labels of images."""
    state = {"blur": "2", "expression": "0", "illumination": "1", "occluded": "0", "pose": "2",
             "invalid": "0"}  # fmt: skip
    found = [
        dm.Bbox(1, 2, 3, 2.5, label=1, attributes=state),
        dm.Bbox(0, 0, 2, 1, label=1, attributes={"blur": "1"}),
        dm.Bbox(0, 0, 2, 1, label=1),
        dm.Bbox(2, 2, 4, 4, label=2, attributes=state),
    ]
    return voc_items(
        media,
        [[dm.Label(0), *found], found[:1], [dm.Label(2), *found[2:]], [], [dm.Label(0)]],
        {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["Parade", "face", "dog"])},
    )


FIVE = [1, 2, 3.5, 4, 5, 6.25, 7, 8, 9, 10]


def faces(media: Path) -> Any:
    """Faces in folders of people, with boxes and points, one of them, or a label alone."""
    box, points = dm.Bbox(1, 2, 3.25, 4), dm.Points(FIVE)
    contents = {
        "n1/0001_01": (0, [points, box]),
        "n1/0002 01": (0, [box]),
        "n2/ünïcödé": (1, [points]),
        "n2/0003_01": (1, [dm.Label(1)]),
        "no_label/x": (None, []),
    }
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="val" if number > 2 else "train",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[annotation.wrap(label=label) for annotation in of_item],
            )
            for number, (item_id, (label, of_item)) in enumerate(contents.items())
        ],
        categories=[("n1", "Karl"), "n2", "猫"],
    )


def identities(media: Path) -> Any:
    """Faces of people, with boxes, points and attributes.

    No name has a space or a double quote: the published package cannot read these.
    """
    box, points = dm.Bbox(1, 2, 3.25, 4), dm.Points(FIVE)
    contents: dict[str, list[Any]] = {
        "1": [points, box],
        "0007": [],
        "dots.in.the.name": [points],
        "nested/folder/name": [],
        "ünïcödé/猫": [box],
        "dash-and_'percent%20+&": [points, box],
    }
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset=("train", "val", "test")[number % 3],
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[
                    annotation.wrap(label=number % 3) for annotation in [dm.Label(0), *of_item]
                ],
                attributes={"Young": number % 2 == 0, "Big_Nose": True} if number > 1 else {},
            )
            for number, (item_id, of_item) in enumerate(contents.items())
        ],
        categories=["class-0", "class-1", "class-2"],
    )


def named_identities(media: Path) -> Any:
    """The same, of labels with other names."""
    dataset = identities(media)
    return dm.Dataset.from_iterable(list(dataset), categories=["Ann", "猫", "a b", "of nobody"])


def pairs(media: Path) -> Any:
    """Pairs of the same person and of two people."""
    contents: dict[str, list[Any]] = {
        "Ann_0001": [
            dm.Label(
                0, attributes={"positive_pairs": ["Ann/Ann_0002"], "negative_pairs": ["猫/猫_0001"]}
            )
        ],
        "Ann_0002": [dm.Label(0)],
        "猫_0001": [dm.Label(1)],
        "alone": [],
    }
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="test",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=of_item,
            )
            for item_id, of_item in contents.items()
        ],
        categories=["Ann", "猫"],
    )


def people(media: Path) -> Any:
    """Images of people whose names tell who they are."""
    known = {"camera_id": 0, "track_id": 3, "frame_id": 151, "bbox_id": 1}
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                f"{person}_c1s3_000151_01",
                subset=subset,
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                attributes={"person_id": person, **known, "query": subset == "query"},
            )
            for person, subset in (("0002", "train"), ("0003", "test"), ("0001", "query"))
        ]
    )
