"""Shapes into boxes, polygons and masks, and masks into polygons."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pycocotools import mask as coco_mask

import datumaro as dm
from datumaro.errors import DatasetError

KEPT: dict[str, Any] = {"id": 5, "group": 6, "object_id": 7, "attributes": {"a": [1, {"b": 2}]}}
MORE: dict[str, Any] = {"label": 1, "z_order": 3, **KEPT}


def image(height: int = 10, width: int = 12) -> dm.Image:
    return dm.Image.from_file(path="a.jpg", size=(height, width))


def dataset(*annotations: dm.Annotation, media: Any = None) -> dm.Dataset:
    item = dm.DatasetItem("a/1", media=media or image(), annotations=list(annotations))
    first = dm.DatasetItem("before", annotations=[dm.Label(0)])
    return dm.Dataset.from_iterable([first, item], categories=["cat", "dog"])


def made(name: str, *annotations: dm.Annotation, media: Any = None) -> list[Any]:
    """What the annotations of an item become."""
    return list(dataset(*annotations, media=media).transform(name)[1].annotations)


def is_kept(annotation: Any) -> bool:
    """Whether all but the shape is as it was."""
    return all(getattr(annotation, name) == value for name, value in MORE.items())


def ring() -> np.ndarray:
    mask = np.zeros((10, 12), bool)
    mask[2:7, 3:9] = True
    mask[4, 5] = False
    return mask


OTHERS = [dm.Label(1, **KEPT), dm.Caption("x", **KEPT), dm.RotatedBbox(1, 2, 3, 4, 5, **MORE)]


@pytest.mark.parametrize(
    "name",
    [
        "shapes_to_boxes", "boxes_to_polygons", "boxes_to_masks", "polygons_to_masks",
        "masks_to_polygons", "bbox_values_decrement",
    ],
)  # fmt: skip
def test_others_stay(name: str):
    assert made(name, *OTHERS) == OTHERS
    assert len(dm.Dataset.from_iterable([]).transform(name)) == 0


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        (dm.Polygon([1, 2, 5, 2.5, 3, 7.25], **MORE), [1, 2, 5, 7.25]),
        (dm.PolyLine([5, 6, 1, 2], **MORE), [1, 2, 5, 6]),
        (dm.Points([0, 0, 3, 4, 5, 2], [0, 1, 2], **MORE), [3, 2, 5, 4]),
        (dm.Ellipse(1, 2, 5, 6, **MORE), [1, 2, 5, 6]),
        (dm.Mask(ring(), **MORE), [3, 2, 9, 7]),
    ],
)
def test_shapes_become_boxes(shape: dm.Annotation, box: list[float]):
    (found,) = made("shapes_to_boxes", shape)
    assert isinstance(found, dm.Bbox)
    assert found.points == box and is_kept(found)


def test_shapes_of_nothing_stay_and_are_told(caplog: pytest.LogCaptureFixture):
    nothing = [dm.Points([1, 2], [0]), dm.PolyLine([]), dm.Mask(np.zeros((3, 3), bool))]
    with caplog.at_level(logging.WARNING):
        found = made("shapes_to_boxes", *nothing, dm.Polygon([0, 0, 1, 0, 1, 1]))
    assert [a.type.name for a in found] == ["points", "polyline", "mask", "bbox"]
    assert "3 shapes without points or pixels left as they are (first: item 'a/1')" in caplog.text


def test_boxes_become_polygons():
    (found,) = made("boxes_to_polygons", dm.Bbox(1, 2, 3, 4, **MORE))
    assert isinstance(found, dm.Polygon)
    assert found.points == [1, 2, 4, 2, 4, 6, 1, 6] and is_kept(found)


def test_boxes_are_moved_by_a_pixel():
    boxes = [dm.Bbox(1, 2.5, 3, 4, **MORE), dm.Label(0), dm.Bbox(0, 0, 1, 1)]
    first, label, last = made("bbox_values_decrement", *boxes)
    assert first.points == [0, 1.5, 3, 5.5] and is_kept(first)
    assert last.points == [-1, -1, 0, 0] and label == boxes[1]


def drawn(points: list[float], height: int = 10, width: int = 12) -> np.ndarray:
    rle: Any = coco_mask.frPyObjects([[float(p) for p in points]], height, width)
    return coco_mask.decode(rle)[:, :, 0]


@pytest.mark.parametrize(
    ("name", "shape", "outline"),
    [
        ("polygons_to_masks", dm.Polygon([1.5, 2, 9, 2.25, 5, 8], **MORE), [1.5, 2, 9, 2.25, 5, 8]),
        ("polygons_to_masks", dm.Polygon([-5, -5, 50, 5, 5, 50], **MORE), [-5, -5, 50, 5, 5, 50]),
        (
            "polygons_to_masks",
            dm.Ellipse(1, 2, 9, 7, **MORE),
            dm.Ellipse(1, 2, 9, 7).as_polygon(),
        ),
        ("boxes_to_masks", dm.Bbox(1.5, 2, 3, 40, **MORE), [1.5, 2, 4.5, 2, 4.5, 42, 1.5, 42]),
        ("boxes_to_masks", dm.Bbox(3, 3, 0, 0, **MORE), [3, 3, 3, 3, 3, 3, 3, 3]),
    ],
)
def test_shapes_become_masks(name: str, shape: dm.Annotation, outline: list[float]):
    (found,) = made(name, shape)
    assert isinstance(found, dm.Mask) and is_kept(found)
    assert (found.image == drawn(outline)).all()


def test_the_size_is_read_from_the_image_where_it_is_not_known(tmp_path: Path):
    dm.Image.from_numpy(np.zeros((5, 7), np.uint8)).save(tmp_path / "a.png")
    media = dm.Image.from_file(path=str(tmp_path / "a.png"))
    (found,) = made("boxes_to_masks", dm.Bbox(1, 2, 3, 4), media=media)
    assert found.image.shape == (5, 7)
    (found,) = made("boxes_to_masks", dm.Bbox(1, 2, 3, 4), media=dm.Image.from_numpy(ring()))
    assert found.image.shape == (10, 12)


def test_the_size_must_be_known():
    missing = dm.Image.from_file(path="/nowhere/b.jpg")
    with pytest.raises(DatasetError, match=r"item 'a/1': the size of its image .*b\.jpg"):
        made("polygons_to_masks", dm.Polygon([0, 0, 1, 0, 1, 1]), media=missing)
    only = dm.Dataset.from_iterable([dm.DatasetItem("x", annotations=[dm.Bbox(0, 0, 1, 1)])])
    with pytest.raises(DatasetError, match=r"item 'x': .* it has none"):
        only.transform("boxes_to_masks")
    assert made("polygons_to_masks", dm.Label(0), media=missing) == [dm.Label(0)]


def test_images_too_large_for_masks():
    with pytest.raises(DatasetError, match="too large"):
        made("boxes_to_masks", dm.Bbox(0, 0, 1, 1), media=image(2**20, 2**20))
    zigzag = [float(v) for pair in [(0, 0), (2**21, 1)] * 200 for v in pair]
    with pytest.raises(DatasetError, match=r"item 'a/1': a mask .* too large"):
        made("polygons_to_masks", dm.Polygon(zigzag), media=image(1, 2**21))


def test_masks_become_polygons(caplog: pytest.LogCaptureFixture):
    parts = np.zeros((10, 12), bool)
    parts[1:3, 1:3] = parts[5:9, 5:6] = True
    with caplog.at_level(logging.WARNING):
        found = made(
            "masks_to_polygons",
            dm.Label(0),
            dm.Mask(parts, **MORE),
            dm.Mask(np.zeros((3, 3), bool)),
            dm.Bbox(0, 0, 1, 1),
            dm.Mask(ring()),
        )
    assert [a.type.name for a in found] == ["label", "polygon", "polygon", "bbox", "polygon"]
    assert found[1].points == [1, 1, 3, 1, 3, 3, 1, 3] and is_kept(found[1])
    assert found[2].points == [5, 5, 6, 5, 6, 9, 5, 9] and is_kept(found[2])
    assert found[4].points == [3, 2, 9, 2, 9, 7, 3, 7]
    assert "1 holes of masks filled (first: item 'a/1')" in caplog.text
    assert "1 masks without pixels removed (first: item 'a/1')" in caplog.text


@given(st.binary(min_size=120, max_size=120), st.integers(1, 255))
def test_masks_come_back_from_their_polygons(cells: bytes, threshold: int):
    mask = np.frombuffer(cells, np.uint8).reshape(10, 12) < threshold
    item = dm.DatasetItem("a", media=image(), annotations=[dm.Mask(mask)])
    changed = dm.Dataset.from_iterable([item]).transform("masks_to_polygons")
    changed.transform("polygons_to_masks")
    back = np.zeros((10, 12), bool)
    for found in changed[0].annotations:
        assert isinstance(found, dm.Mask)
        back |= found.image.astype(bool)
    assert (back >= mask).all()
    wrong = back & ~mask  # holes: nothing of them is at the border
    assert not (wrong[0].any() or wrong[-1].any() or wrong[:, 0].any() or wrong[:, -1].any())


def damaged(counts: bytes, size: tuple[int, int]) -> dm.Dataset:
    return dataset(dm.RleMask({"counts": counts, "size": list(size)}))


@pytest.mark.parametrize("counts", [b"", b"\xff", b"000", b"0"])
def test_damaged_masks(counts: bytes):
    with pytest.raises(DatasetError, match="item 'a/1'"):
        damaged(counts, (3, 3)).transform("masks_to_polygons")


def test_a_stated_area_is_not_kept_for_another_shape(tmp_path: Path):
    from formats.coco.coco_files import annotation, save

    save(tmp_path, annotations=[annotation(1, segmentation=[[1, 1, 4, 1, 4, 3]], area=77.0)])
    read: Callable[[], dm.Dataset] = lambda: dm.Dataset.import_from(tmp_path, "coco_instances")  # noqa: E731
    assert [a.stated_area for a in read()[0].annotations] == [77.0, 77.0]
    changed = read().transform("shapes_to_boxes")
    assert [a.stated_area for a in changed[0].annotations] == [None, 77.0]
