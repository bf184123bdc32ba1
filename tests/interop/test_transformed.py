"""Transforms make the same as the published package's; where not, we say why ours is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from interop.compare import MISSING, Difference, differences, differences_in_any_order
from interop.exchange import Exchange


@dataclass(frozen=True)
class Transformed:
    """A sample and what is done to it.

    ``theirs_is_wrong`` says in what, ``explains(difference)`` which differences come from that, of
    theirs (left) and ours (right).
    """

    sample: str
    transform: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    theirs_is_wrong: str = ""
    explains: Callable[[Difference], bool] = lambda _: False
    in_any_order: bool = False
    pixels: bool = False

    @property
    def name(self) -> str:
        return f"{self.transform} {self.sample} {self.options or ''}".strip()


def near(most: int) -> Callable[[Difference], bool]:
    """Whether two pixels differ by at most so much."""
    return lambda d: d.path[0] == "pixels" and abs(d.left - d.right) <= most


def pixel_more(difference: Difference) -> bool:
    """Whether the right or lower side of a box is a pixel further on ours."""
    place = difference.path[-2:]
    return place in (("points", 2), ("points", 3)) and difference.right == difference.left + 1


CASES = [
    Transformed("coco", "remap_labels", {"mapping": {"person": "human", "bicycle": ""}}),
    Transformed("coco", "remap_labels", {"mapping": {"person": "one", "猫": "one"}}),
    Transformed("coco", "remap_labels", {"mapping": {"猫": "cat"}, "default": "delete"}),
    Transformed("coco", "remap_labels", {"mapping": {}, "default": "delete"}),
    Transformed(
        "shapes",
        "remap_labels",
        {"mapping": {"cat": "lion", "dog": "lion"}},
        "label groups are lost, and the parent of a label whose parent has another name",
        lambda d: (
            (d.path[:3] == ("categories", "label", "groups") and d.left is MISSING)
            or (d.path[:3] == ("categories", "label", "labels") and d.right == "lion")
        ),
    ),
    Transformed("coco", "rename", {"regex": r"|\s|_|"}),
    Transformed("coco", "rename", {"regex": r"#^0*(.+)$#{item.subset}/\1{item.attributes[id]}#"}),
    Transformed("coco", "reindex"),
    Transformed("coco", "reindex", {"start": 5}),
    Transformed("coco", "map_subsets", {"mapping": {"train": "training"}}),
    Transformed("coco", "map_subsets", {"mapping": {"train": "", "nope": "x"}}),
    Transformed("coco", "project_labels", {"dst_labels": ["猫", "new", "person"]}),
    Transformed(
        "shapes",
        "project_labels",
        {"dst_labels": ["dog", "head"]},
        "label groups are lost, and a label without a colour gets none",
        lambda d: (
            d.left is MISSING
            and (d.path[:3] == ("categories", "label", "groups") or d.path[1:] == ("mask", "0"))
        ),
    ),
    Transformed("images", "random_split", {"splits": [["a", 0.4], ["b", 0.6]], "seed": 5}),
    Transformed("shapes", "id_from_image_name"),
    Transformed("shapes", "boxes_to_masks"),
    Transformed("shapes", "boxes_to_polygons"),
    Transformed(
        "shapes",
        "bbox_values_decrement",
        {},
        "boxes lose id, group and z_order, and go behind other annotations",
        lambda d: d.path[-2] == "bbox" and d.path[-1] in ("id", "group", "z_order"),
        in_any_order=True,
    ),
    Transformed("shapes", "polygons_to_masks"),
    Transformed("coco", "polygons_to_masks"),
    Transformed(
        "shapes",
        "shapes_to_boxes",
        {},
        "1.10 takes the box of a mask from the first to the last pixel, and forgets the latter's "
        "size; 1.13 does not",
        pixel_more,
    ),
    Transformed(
        "coco",
        "resize",
        {"width": 4, "height": 3},
        "means of pixels are cut off, not rounded; and masks take the upper left pixel of those "
        "that each one covers, so that they move by half of it",
        lambda d: d.path[-2] == "mask" or near(1)(d),
        pixels=True,
    ),
    Transformed(
        "coco",
        "resize",
        {"width": 16, "height": 12},
        "the same; and its bicubic interpolation has another coefficient, which overshoots more",
        near(13),
        pixels=True,
    ),
]

OUTLINED = "masks_to_polygons and back"


@pytest.fixture(scope="module")
def transformed(exchange: Exchange, media: Path) -> Exchange:
    """Both have transformed."""
    jobs: dict[str, Any] = {
        case.name: {
            "change": case.sample,
            "media": str(media),
            "calls": [["transform", [case.transform], case.options]],
            "pixels": case.pixels,
        }
        for case in CASES
    }
    back = [["transform", [name], {}] for name in ("masks_to_polygons", "polygons_to_masks")]
    for name, calls in (("blobs", []), (OUTLINED, back)):
        jobs[name] = {"change": "blobs", "media": str(media), "calls": calls}
    exchange.theirs.run(jobs)
    exchange.ours.run(jobs)
    return exchange


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_is_made(transformed: Exchange, case: Transformed):
    compare = differences_in_any_order if case.in_any_order else differences
    found = compare(transformed.theirs.result(case.name), transformed.ours.result(case.name))
    left = [str(difference) for difference in found if not case.explains(difference)]
    assert not left, "\n".join(left[:30])


def test_outlines_are_drawn_back(transformed: Exchange):
    """Our polygons follow the edges of pixels; theirs their middles, which loses what is thin."""
    drawn, theirs = transformed.ours.result("blobs"), transformed.theirs.result("blobs")
    assert not list(differences(theirs, drawn))

    assert not list(differences(transformed.ours.result(OUTLINED), drawn))
    assert list(differences(transformed.theirs.result(OUTLINED), drawn))
