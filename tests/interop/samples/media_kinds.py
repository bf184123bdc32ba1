"""Media of every kind, with every kind of annotation or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

from .parts import (
    EVERY_JSON_KIND,
    ODD_IDS,
    MediaElement,
    all_categories,
    every_annotation,
    labels_only,
)


def images(media: Path) -> Any:
    """Every annotation kind on images, in three subsets, with odd ids and empty items."""

    items = [
        dm.DatasetItem(
            item_id,
            subset=("train", "val", "тест 1")[number % 3],
            media=dm.Image.from_file(
                path=str(media / ("a.jpg" if number % 2 else "b.png")),
                size=(6, 8) if number % 3 else None,
            ),
            annotations=every_annotation() if number % 2 else [],
            attributes=EVERY_JSON_KIND if number % 4 == 1 else {},
        )
        for number, item_id in enumerate(ODD_IDS)
    ]
    items.append(dm.DatasetItem("1", subset="default", attributes={"no": "media"}))
    items.append(dm.DatasetItem("alone", annotations=[dm.Label(1)]))
    return dm.Dataset.from_iterable(
        items,
        categories=all_categories(),
        infos={"author": "猫", "nested": {"n": [1, 2.5, None]}},
    )


def arrays(media: Path) -> Any:
    """Images that exist in memory only."""
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem("color", subset="a", media=dm.Image.from_numpy(data=pixels)),
            dm.DatasetItem("gray", subset="a", media=dm.Image.from_numpy(data=pixels[..., 0])),
            dm.DatasetItem(
                "bytes", subset="b", media=dm.Image.from_bytes(data=(media / "b.png").read_bytes())
            ),
        ],
        categories=["x"],
    )


def videos(media: Path) -> Any:
    """Whole videos."""
    path = str(media / "clip.avi")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem("plain", subset="train", media=dm.Video(path)),
            dm.DatasetItem(
                "cut",
                subset="train",
                media=dm.Video(path, step=3, start_frame=5, end_frame=20),
                annotations=[dm.Label(2)],
            ),
        ],
        categories=labels_only(),
        media_type=dm.Video,
    )


def video_frames(media: Path) -> Any:
    """Frames of one video."""
    video = dm.Video(str(media / "clip.avi"))
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                f"frame_{index}",
                subset="val" if index > 2 else "train",
                media=dm.VideoFrame(video, index),
                annotations=[dm.Bbox(index, 1, 2, 3, label=0)],
                attributes={"frame": index},
            )
            for index in (0, 1, 2, 1000000)
        ],
        categories=labels_only(),
        media_type=dm.VideoFrame,
    )


def no_media(media: Path) -> Any:
    """Items without media, no categories, no infos."""
    return dm.Dataset.from_iterable(
        [dm.DatasetItem(item_id, annotations=[dm.Caption(item_id)]) for item_id in ODD_IDS]
    )


def mixed(media: Path) -> Any:
    """Media of several kinds in one data set."""
    path = str(media / "clip.avi")
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem("image", media=dm.Image.from_file(path=str(media / "a.jpg"))),
            dm.DatasetItem("video", media=dm.Video(path, step=2), annotations=[dm.Label(0)]),
            dm.DatasetItem("nothing"),
        ],
        categories=labels_only(),
        media_type=MediaElement,
    )


def beyond(media: Path) -> Any:
    """Kinds of annotations that the published package cannot write, among others (ours alone)."""
    box = dm.Bbox(1, 2, 3, 4, label=0, id=1, attributes={"a": 1})
    points = [dm.Points([1, 2], [2], label=0), dm.Points([3.5, 4], [1], label=1)]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                "between",
                subset="train",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[
                    dm.RotatedBbox(4, 3, 2, 1, 30, label=1, id=2, attributes={"b": 2}),
                    box,
                    dm.Skeleton(points, label=0, id=3, group=3),
                    dm.Tabular({"number": 1.5, "text": "猫"}),
                    dm.Label(2),
                ],
            ),
            dm.DatasetItem("alone", subset="val", annotations=[dm.RotatedBbox(1, 2, 3, 4, 0)]),
        ],
        categories=labels_only(),
    )


def plain_images(media: Path) -> Any:
    """Images with neither subsets nor annotations."""
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(item_id, media=dm.Image.from_file(path=str(media / "a.jpg")))
            for item_id in ODD_IDS
        ]
    )
