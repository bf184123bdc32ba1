"""Rich data sets, built by the same code under the published package and under ours.

Only the documented API is used. `build` makes each by its name; media come from the folder that
`tests/interop/conftest.py` fills.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
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
PERSON = 1  # the label of people in VOC's samples

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

# a box of `detected` that leads beyond the image's edges, and what is within
BEYOND_EDGES, WITHIN_EDGES = [-1.0, 2.0, 3.0, 7.0], [0.0, 2.0, 3.0, 6.0]
AROUND_MASK = [2.0, 1.0, 5.0, 4.0]  # the bounds of the mask in `detected_partly`
WITHOUT_MASK = [4.0, 2.0, 6.0, 5.0]  # the box of `detected_partly` whose object has no mask

WITHOUT_BOXES = (ODD_IDS[0], ODD_IDS[6], "empty")  # in `yolo_flat` and `turned_boxes`

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


def labels_only() -> dict[Any, Any]:
    """The label categories alone."""
    return {dm.AnnotationType.label: labels()}


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


def words(media: Path) -> Any:
    """Texts of images (theirs are cut at a comma and lose quotes)."""
    texts = ["PROPER", "two words", "猫", "", "it's"]
    return voc_items(media, [[dm.Caption(text)] if text else [] for text in texts], {})


def word_shapes(media: Path) -> Any:
    """Boxes and polygons around words."""
    found = [
        dm.Bbox(1, 2, 3, 2.5, attributes={"text": "RED"}),
        dm.Polygon([0, 0, 3, 1, 4, 6, 1, 7], attributes={"text": "two words"}),
        dm.Bbox(0, 0, 1.5, 1),
    ]
    return voc_items(media, [found, found[:1], found[1:], [], found[2:]], {})


def characters(media: Path) -> Any:
    """Masks of characters, in words."""
    found: list[Any] = []
    for index, group in enumerate((0, 1, 1)):
        mask = np.zeros((6, 8), bool)
        mask[index : index + 2, 2 * index : 2 * index + 2] = True
        attributes = {
            "index": index, "color": f"{index + 1} 2 3", "text": "a b"[index], "center": "0 1",
        }  # fmt: skip
        found.append(dm.Mask(mask, group=group, attributes=attributes))
    return voc_items(media, [found, found[:1], found, [], found], {})


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


def flags(media: Path) -> Any:
    """Labels of images."""
    ids = [item_id for item_id in ODD_IDS if "/" not in item_id]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[dm.Label(label) for label in range(number % 3)],
            )
            for number, item_id in enumerate(ids)
        ],
        categories=["cat", "a dog", "猫"],
    )


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


def folders_of_labels(media: Path) -> Any:
    """Images with one label each, that the ids name, or none; all labels in both subsets."""
    ids = ("cat:1", "dog:with space", "no_label:x", "cat:ünï.cödé", "dog:1")
    return labelled(media, ids, [[0], [1], [], [0], [1]], ["cat", "dog"])


def listed_labels(media: Path) -> Any:
    """Images with several labels or none (their lists cannot hold quotes)."""
    ids = [item_id for item_id in ODD_IDS if '"' not in item_id]
    return labelled(media, ids, [[0], [1, 2], [], [3], [0], [], [2]], ["cat", "a dog", "x", "猫"])


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


def small_images(media: Path) -> Any:
    """Gray images of MNIST's size with a label each, or none."""
    return pixels_with_labels(
        lambda n: np.full((28, 28), n, np.uint8), ["0", "0", "with space", "x/y"]
    )


def small_color_images(media: Path) -> Any:
    """Images of CIFAR's size with a label each."""
    return pixels_with_labels(lambda n: np.full((32, 32, 3), n, np.uint8), ["a", "b", "c", "d"])


def pixels_with_labels(pixels: Callable[[int], Any], ids: Sequence[str]) -> Any:
    """Images in memory, in two subsets, which are stored in the order of their names."""
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="test" if number % 2 else "train",
                media=dm.Image.from_numpy(data=pixels(number)),
                annotations=[dm.Label(number % 3)] if number < 3 else [],
            )
            for number, item_id in enumerate(ids)
        ],
        categories=["cat", "a dog", "猫"],
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


def labelled(media: Path, ids: Any, labels: list[list[int]], names: list[str]) -> Any:
    """Images with labels, in two subsets."""
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="val" if number > 2 else "train",
                media=dm.Image.from_file(path=str(media / "a.jpg")),
                annotations=[dm.Label(label) for label in of_item],
            )
            for number, (item_id, of_item) in enumerate(zip(ids, labels, strict=True))
        ],
        categories=names,
    )


BUILDERS: dict[str, Callable[[Path], Any]] = {
    builder.__name__: builder
    for builder in (
        images,
        arrays,
        point_clouds,
        tracks,
        tracks_in_subsets,
        objects_in_space,
        videos,
        video_frames,
        no_media,
        mixed,
        coco,
        panoptic,
        voc,
        voc_people,
        plain_images,
        street,
        cvat_shapes,
        outlines,
        voc_boxes,
        anything,
        wide_faces,
        words,
        word_shapes,
        characters,
        boxes,
        boxes_of_a_subset,
        yolo,
        yolo_flat,
        flags,
        detected,
        detected_masks,
        detected_partly,
        folders_of_labels,
        listed_labels,
        open_images,
        tracked,
        tracked_masks,
        turned_boxes,
        small_images,
        small_color_images,
        shapes,
        blobs,
        faces,
        identities,
        named_identities,
        pairs,
        people,
        beyond,
    )
}


def build(name: str, media: str) -> Any:
    """The data set of that name, over the media files in a folder."""
    return BUILDERS[name](Path(media))
