"""Data sets for `bench/formats.py`: what each format is for, made from a number of images."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

SIZE = 480, 640
PEOPLE = 200
_PER_ITEM = 6


class Maker:
    """Makes items over one image file and one point cloud.

    Attributes
    ----------
    numbers : the same for each data set.
    """

    def __init__(self, image: Path, cloud: Path) -> None:
        self._image, self._cloud = str(image), str(cloud)
        self.numbers = random.Random(1)

    def image(self) -> dm.Image:
        """The image, of which more pixels are claimed than there are."""
        return dm.Image.from_file(path=self._image, size=SIZE)

    def cloud(self) -> dm.PointCloud:
        """The point cloud, with a picture."""
        return dm.PointCloud.from_file(path=self._cloud, extra_images=[self.image()])

    def item(self, name: str, annotations: list[Any], **more: Any) -> dm.DatasetItem:
        """An item with the image."""
        more = {"subset": "train", "media": self.image()} | more
        return dm.DatasetItem(name, annotations=annotations, **more)

    def place(self) -> tuple[float, float]:
        """Where something is, in pixels."""
        return round(self.numbers.uniform(0, 600), 2), round(self.numbers.uniform(0, 400), 2)

    def box(self, label: int | None = None, **attributes: Any) -> dm.Bbox:
        """A box somewhere."""
        return dm.Bbox(*self.place(), 30, 40, label=label, attributes=attributes)

    def landmarks(self, label: int) -> dm.Points:
        """Five key points, of whole pixels."""
        places = [self.numbers.randrange(400) for _ in range(10)]
        return dm.Points(places, label=label)


Items = Iterator[dm.DatasetItem]


def people(make: Maker, n: int) -> Items:
    """Market-1501."""
    for number in range(n):
        subset = ("train", "train", "test", "query")[number % 4]
        known = {
            "person_id": f"{number % PEOPLE:04}",
            "camera_id": number % 6,
            "track_id": number % 5 + 1,
            "frame_id": number,
            "bbox_id": 1,
        }
        name = "{person_id}_c{0}s{track_id}_{frame_id:06}_{bbox_id:02}"
        yield make.item(
            name.format(known["camera_id"] + 1, **known),
            [],
            subset=subset,
            attributes={**known, "query": subset == "query"},
        )


def objects_in_space(make: Maker, n: int) -> Items:
    """Six cuboids a frame, each of them there for a hundred frames."""
    for number in range(n):
        cuboids: list[Any] = []
        for place in range(_PER_ITEM):
            track = number // 100 * _PER_ITEM + place + 1
            x, y = make.place()
            cuboids.append(
                dm.Cuboid3d(
                    [x / 10, y / 10, 1.25],
                    [0, 0, 0.5],
                    [4, 2, 1.5],
                    label=track % 3,
                    id=number * _PER_ITEM + place + 1,
                    attributes={"track_id": track, "occluded": number % 7 == 0},
                )
            )
        yield dm.DatasetItem(
            f"{number:010}",
            media=make.cloud(),
            annotations=cuboids,
            attributes={"frame": number, "description": ""},
        )


def tracked_boxes(make: Maker, n: int) -> Items:
    """Six tracked boxes a frame."""
    seen = {"visibility": 1.0, "occluded": False, "ignored": False}
    for number in range(n):
        boxes = [make.box(place % 3, track_id=place + 1, **seen) for place in range(_PER_ITEM)]
        yield make.item(str(number + 1), boxes, subset="default")


def boxes_in_space(make: Maker, n: int) -> Items:
    """KITTI's boxes with their places in space."""
    known = {
        "truncated": 0.25,
        "occluded": 2,
        "alpha": -1.57,
        "dimensions": [1.5, 1.75, 4.25],
        "location": [-2.5, 1.0, 30.125],
        "rotation_y": 0.5,
    }
    for number in range(n):
        yield make.item(f"{number:06}", [make.box(place % 3, **known) for place in range(6)])


def turned_boxes(make: Maker, n: int) -> Items:
    """Six rotated boxes an image."""
    for number in range(n):
        boxes = [
            dm.RotatedBbox(
                *make.place(), 30, 20, make.numbers.randrange(90),
                label=place % 3, attributes={"difficulty": 0},
            )
            for place in range(_PER_ITEM)
        ]  # fmt: skip
        yield make.item(f"P{number:06}", boxes)


def found_things(make: Maker, n: int) -> Items:
    """Open Images: two labels and six boxes."""
    state = {"occluded": False, "truncated": False, "is_group_of": False}
    for number in range(n):
        annotations: list[Any] = [dm.Label(i, attributes={"score": 1.0}) for i in range(2)]
        for group in range(1, _PER_ITEM + 1):
            box = make.box(group % 3, score=1.0, **state)
            box.group = group
            annotations.append(box)
        yield make.item(f"{number:016x}", annotations)


def wide_faces(make: Maker, n: int) -> Items:
    """Six faces, and what the image shows."""
    names = "blur", "expression", "illumination", "occluded", "pose", "invalid"
    state = dict.fromkeys(names, "0")
    for number in range(n):
        boxes = [make.box(3, **state) for _ in range(_PER_ITEM)]
        yield make.item(f"0_Parade_{number:06}", [dm.Label(0), *boxes])


def word_shapes(make: Maker, n: int) -> Items:
    """Four boxes and two polygons around words."""
    for number in range(n):
        found: list[Any] = [make.box(text=f"word{place}") for place in range(4)]
        for place in range(2):
            x, y = make.place()
            corners = [x, y, x + 30, y, x + 30, y + 20, x, y + 20]
            found.append(dm.Polygon(corners, attributes={"text": f"turned{place}"}))
        yield make.item(f"img_{number:06}", found)


def words(make: Maker, n: int) -> Items:
    """The text of each image."""
    for number in range(n):
        yield make.item(f"word_{number:06}", [dm.Caption(f"text{number}")])


def characters(make: Maker, n: int) -> Items:
    """Masks of six characters, of a tenth of the images: there are many pixels to look at."""
    masks = np.zeros((_PER_ITEM, *SIZE), bool)
    for index, mask in enumerate(masks):
        mask[200:240, 80 * index + 20 : 80 * index + 60] = True
    for number in range(max(1, n // 10)):
        found = [
            dm.Mask(
                mask,
                group=index // 3 + 1,
                attributes={
                    "index": index,
                    "color": f"{40 * index + 1} 2 3",
                    "text": "abcdef"[index],
                    "center": f"{80 * index + 40} 220",
                },
            )
            for index, mask in enumerate(masks)
        ]
        yield make.item(f"img_{number:06}", found)


def identities(make: Maker, n: int) -> Items:
    """CelebA: a person, a box, five key points and three attributes."""
    for number in range(n):
        label = number % 3
        x, y = make.numbers.randrange(300), make.numbers.randrange(300)
        found = [dm.Label(label), dm.Bbox(x, y, 80, 110, label=label), make.landmarks(label)]
        known = {"Young": number % 2 == 0, "Smiling": True, "Bald": False}
        yield make.item(f"{number:06}", found, attributes=known)


def pairs(make: Maker, n: int) -> Items:
    """LFW: images of which each is in two pairs."""
    for number in range(n):
        person, image = divmod(number, 2)
        label = person % 3
        name = f"class{label}"
        other = f"class{(label + 1) % 3}"
        found: list[Any] = [
            dm.Label(
                label,
                attributes={
                    "positive_pairs": [f"{name}/{name}_{(number + 6) % n // 2 * 2 + 1:04}"],
                    "negative_pairs": [f"{other}/{other}_{(number + 2) % n // 2 * 2 + 1:04}"],
                },
            )
        ]
        yield make.item(f"{name}_{person * 2 + image + 1:04}", found, subset="test")


def faces(make: Maker, n: int) -> Items:
    """VGGFace2: a box and five key points."""
    for number in range(n):
        label = number % 3
        found = [make.box(label), make.landmarks(label)]
        yield make.item(f"class{label}/{number:04}_01", found)


def sorted_images(make: Maker, n: int) -> Items:
    """A label, which the id begins with."""
    for number in range(n):
        yield make.item(f"class{number % 3}:{number:06}", [dm.Label(number % 3)])


def listed_labels(make: Maker, n: int) -> Items:
    """A label."""
    for number in range(n):
        yield make.item(f"{number:06}", [dm.Label(number % 3)])


_CLASSES = ["class0", "class1", "class2"]

SAMPLES: dict[str, tuple[Callable[[Maker, int], Items], list[Any]]] = {
    "market1501": (people, []),
    "kitti_raw": (objects_in_space, _CLASSES),
    "mot_seq_gt": (tracked_boxes, _CLASSES),
    "sly_pointcloud": (objects_in_space, _CLASSES),
    "kitti3d": (boxes_in_space, ["Car", "Van", "Truck"]),
    "dota": (turned_boxes, _CLASSES),
    "open_images": (found_things, [f"/m/0{n}" for n in range(3)]),
    "wider_face": (wide_faces, ["Parade", "Handshaking", "Riot", "face"]),
    "icdar_text_localization": (word_shapes, []),
    "icdar_word_recognition": (words, []),
    "icdar_text_segmentation": (characters, []),
    "celeba": (identities, [f"class-{n}" for n in range(3)]),
    "align_celeba": (identities, [f"class-{n}" for n in range(3)]),
    "lfw": (pairs, _CLASSES),
    "vgg_face2": (faces, _CLASSES),
    "imagenet": (sorted_images, _CLASSES),
    "imagenet_with_subset_dirs": (sorted_images, _CLASSES),
    "imagenet_txt": (listed_labels, _CLASSES),
}
"""{format: (what makes its items, its labels)}"""


def make_sample(name: str, image: Path, cloud: Path, n: int) -> dm.Dataset:
    """The data set of ``n`` items for a format."""
    maker, labels = SAMPLES[name]
    media = dm.PointCloud if maker is objects_in_space else dm.Image
    return dm.Dataset.from_iterable(
        maker(Maker(image, cloud), n), categories=labels, media_type=media
    )
