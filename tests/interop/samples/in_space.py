"""Point clouds, and objects in space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datumaro as dm

from .parts import PointCloud, labels_only


def point_clouds(media: Path) -> Any:
    """Point clouds, one with extra images."""
    extra = [
        dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
        dm.Image.from_file(path=str(media / "b.png")),
    ]
    cloud = str(media / "cloud.pcd")
    cuboid = dm.Cuboid3d([1.5, 2.5, 3.5], [0, 0, 0.25], [1, 1, 2], label=1, group=3, id=3)
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                "first frame",
                subset="train",
                media=PointCloud.from_file(path=cloud, extra_images=extra),
                annotations=[cuboid],
                attributes={"frame": 0},
            ),
            dm.DatasetItem("second", subset="train", media=PointCloud.from_file(path=cloud)),
            dm.DatasetItem("third", subset="val"),
        ],
        categories=labels_only(),
        media_type=PointCloud,
    )


def tracks(media: Path) -> Any:
    """Cuboids of objects that move, with ids of objects as Supervisely has them."""
    car = [
        dm.Cuboid3d(
            [x, 2.25, -3],
            [0, 0, 0.5],
            [4, 2, 1.5],
            label=1,
            id=number + 1,
            attributes={"track_id": 7, "occluded": number > 0},
        )
        for number, x in enumerate((1.5, 2.75))
    ]
    bus = dm.Cuboid3d([1, 2, 3], label=0, id=9, attributes={"track_id": 9, "occluded": False})
    pictures = [dm.Image.from_file(path=str(media / "a.jpg"))]
    contents = ([car[0], bus], [car[1]], [])
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                media=PointCloud.from_file(
                    path=str(media / "cloud.pcd"), extra_images=pictures[: 2 - number]
                ),
                annotations=contents[number],
                attributes={"frame": number + 3, "description": ""},
            )
            for number, item_id in enumerate(("with space", "nested/猫.1", "empty"))
        ],
        categories=["bus", "car"],
        media_type=PointCloud,
    )


def tracks_in_subsets(media: Path) -> Any:
    """The same in subsets, one of which is the default."""
    dataset = tracks(media)
    return dm.Dataset.from_iterable(
        [
            item.wrap(subset=subset)
            for item, subset in zip(dataset, ("default", "train", "val"), strict=True)
        ],
        categories=["bus", "car"],
        media_type=PointCloud,
    )


def objects_in_space(media: Path) -> Any:
    """Boxes with what KITTI has of places in space."""
    known = {
        "truncated": 0.25,
        "occluded": 2,
        "alpha": -1.57,
        "dimensions": [1.5, 1.75, 4.25],
        "location": [-2.5, 1.0, 30.125],
        "rotation_y": 0.5,
    }
    found = [
        dm.Bbox(1.25, 2, 3.5, 4, label=0, attributes=known),
        dm.Bbox(0, 0, 1, 1, label=1, attributes={**known, "score": 0.75}),
    ]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train",
                media=dm.Image.from_file(path=str(media / "b.png")),
                annotations=found[:number],
            )
            for number, item_id in enumerate(("empty", "1", "2"))
        ],
        categories=["Car", "tram"],
    )
