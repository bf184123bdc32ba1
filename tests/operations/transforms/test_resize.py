"""`resize`: images in another size, and what is drawn in them."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import DatasetError, InvalidOptionError

COMMON: dict[str, Any] = {"id": 5, "group": 6, "object_id": 7, "attributes": {"a": 1}}


def resized(
    *annotations: dm.Annotation, width: int = 24, height: int = 30, media: Any = None
) -> dm.DatasetItem:
    """An item of an image of 12 x 10 pixels, resized: twice as wide, three times as high."""
    media = media or dm.Image.from_file(path="/nowhere/a.jpg", size=(10, 12))
    item = dm.DatasetItem("a", media=media, annotations=list(annotations))
    dataset = dm.Dataset.from_iterable([item], categories=["cat"])
    return dataset.transform("resize", width=width, height=height)[0]


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        (dm.Bbox(1, 2, 3, 4, label=0, z_order=2, **COMMON), [2, 6, 8, 18]),
        (dm.Polygon([0, 0, 1, 0.5, 1, 1.25], label=0, **COMMON), [0, 0, 2, 1.5, 2, 3.75]),
        (dm.PolyLine([1, 1, 2, 2], **COMMON), [2, 3, 4, 6]),
        (dm.PolyLine([], **COMMON), []),
        (dm.Points([1, 2, 3, 4], [0, 1], **COMMON), [2, 6, 6, 12]),
        (dm.Ellipse(1, 2, 3, 4, **COMMON), [2, 6, 6, 12]),
    ],
)
def test_shapes(shape: Any, points: list[float]):
    (found,) = resized(shape).annotations
    assert found.points == points
    changed = shape.wrap()
    changed.points = points
    assert found == changed


def test_cuboids_keep_their_digits():
    shape = dm.Cuboid2D([(i + 1 / 3, i) for i in range(8)], **COMMON)
    (found,) = resized(shape).annotations
    assert [tuple(p) for p in found.points] == [(2 * (i + 1 / 3), 3 * i) for i in range(8)]
    space = dm.Cuboid3d([1, 2, 3], **COMMON)
    assert list(resized(space).annotations) == [space]


def test_skeletons():
    shape = dm.Skeleton([dm.Points([1, 2], [1], label=0), dm.Points([3, 4])], **COMMON)
    (found,) = resized(shape).annotations
    assert [e.points for e in found.elements] == [[2, 6], [6, 12]]
    assert [e.visibility for e in found.elements] == [[1], [2]]
    assert found.id == 5 and found.attributes == {"a": 1}


def test_turned_boxes(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        (found,) = resized(dm.RotatedBbox(3, 4, 2, 1, 30), width=24, height=20).annotations
        assert found.points == [6, 8, 4, 2, 30]
        (found,) = resized(dm.RotatedBbox(3, 4, 2, 1, 90)).annotations
        assert found.points == [6, 12, 6, 2, 90]
        (found,) = resized(dm.RotatedBbox(3, 4, 2, 1, 180)).annotations
        assert found.points == [6, 12, 4, 3, 180]
    assert not caplog.text
    with caplog.at_level(logging.WARNING):
        (found,) = resized(dm.RotatedBbox(3, 4, 2, 1, -30)).annotations
    length = 2 * math.hypot(2 * math.cos(math.pi / 6), 3 * math.sin(math.pi / 6))
    assert found.w == pytest.approx(length, abs=0.01)
    assert found.r == pytest.approx(math.degrees(math.atan2(-1.5, math.sqrt(3))), abs=0.01)
    assert "1 turned boxes approximated" in caplog.text


def test_masks():
    mask = np.zeros((10, 12), bool)
    mask[2:4, 3:6] = True
    (found,) = resized(dm.Mask(mask, label=0, z_order=4, **COMMON)).annotations
    assert (found.image == np.kron(mask, np.ones((3, 2)))).all()
    assert (found.label, found.z_order, found.group) == (0, 4, 6)
    (small,) = resized(dm.Mask(mask), width=6, height=5).annotations
    assert small.image.shape == (5, 6)
    (other,) = resized(dm.Mask(mask[:5, :6])).annotations  # a mask of half the image's size
    assert other.image.shape == (15, 12)


def test_damaged_masks():
    with pytest.raises(DatasetError, match="item 'a': a mask has damaged run lengths"):
        resized(dm.RleMask({"counts": b"0", "size": [10, 12]}))


def test_what_has_no_place_in_the_image_stays(caplog: pytest.LogCaptureFixture):
    others = [
        dm.Label(0),
        dm.Caption("x"),
        dm.Tabular({"a": 1}),
        dm.HashKey(np.zeros(96, np.uint8)),
    ]
    assert list(resized(*others).annotations) == others
    depth = dm.DepthAnnotation(dm.Image.from_numpy(np.zeros((10, 12), np.uint8)))
    with caplog.at_level(logging.WARNING):
        resized(depth)
    assert "1 images that are annotations left as they are" in caplog.text


def test_images(tmp_path: Path):
    pixels = (np.arange(10 * 12 * 3) % 251).astype(np.uint8).reshape(10, 12, 3)
    dm.Image.from_numpy(pixels).save(tmp_path / "a.png")
    item = resized(dm.Bbox(0, 0, 1, 1), media=dm.Image.from_file(path=str(tmp_path / "a.png")))
    assert isinstance(item.media, dm.Image)
    assert item.media.size == (30, 24) and item.media.data is not None
    assert item.media.data.shape == (30, 24, 3)

    item = resized(media=dm.Image.from_numpy(pixels), width=6, height=5)
    assert item.media.size == (5, 6) and item.media.ext is None
    expected = pixels.reshape(5, 2, 6, 2, 3).mean((1, 3))
    assert np.abs(item.media.data - expected).max() <= 0.5


def test_they_are_saved(tmp_path: Path):
    dm.Image.from_numpy(np.zeros((10, 12, 3), np.uint8)).save(tmp_path / "a.png")
    media = dm.Image.from_file(path=str(tmp_path / "a.png"))
    dataset = dm.Dataset.from_iterable(
        [dm.DatasetItem("x/a", media=media, annotations=[dm.Bbox(1, 2, 3, 4, label=0)])],
        categories=["cat"],
    )
    dataset.transform("resize", width=24, height=30)
    dataset.transform("resize", width=48, height=30)
    dataset.export(tmp_path / "out", "coco", save_media=True, num_workers=2)
    (item,) = dm.Dataset.import_from(tmp_path / "out")
    assert item.media.path.endswith("x/a.png")
    assert dm.Image.from_file(item.media.path).size == (30, 48)
    assert item.annotations[0].points == [4, 6, 16, 18]


def test_items_without_images_or_sizes():
    items = [
        dm.DatasetItem("a"),
        dm.DatasetItem("b", annotations=[dm.Label(0)]),
        dm.DatasetItem("c", media=dm.Image.from_file(path="/nowhere/c.jpg")),
    ]
    changed = dm.Dataset.from_iterable(items, categories=["x"]).transform(
        "resize", width=5, height=5
    )
    assert [item.media and item.media.size for item in changed] == [None, None, (5, 5)]
    items[0].annotations.append(dm.Bbox(0, 0, 1, 1))
    with pytest.raises(DatasetError, match="item 'a': the size of its image is needed"):
        dm.Dataset.from_iterable(items, categories=["x"]).transform("resize", width=5, height=5)


def test_an_image_of_that_size_stays():
    media = dm.Image.from_file(path="/nowhere/a.jpg", size=(30, 24))
    assert resized(media=media).media.path == "/nowhere/a.jpg"


@pytest.mark.parametrize(
    "options",
    [{"width": 0}, {"width": -1}, {"height": 2**40}, {"width": 1.5}, {"width": True}],
)
def test_wrong_sizes(options: dict[str, Any]):
    with pytest.raises(InvalidOptionError, match=r"expected a (number of pixels|whole number)"):
        resized(**options)
