"""Masks of PASCAL VOC: classes and instances by their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pycocotools import mask as coco_mask

from datumaro.errors import InvalidAnnotationError, MalformedFileError
from datumaro.formats import index_masks
from datumaro.formats.voc import masks
from format_files import make, png
from formats.voc.voc_files import PALETTE, one, read, xml

CLASSES = np.zeros((10, 20), np.uint8)
CLASSES[2:4], CLASSES[5:7], CLASSES[8] = 3, 5, 255
INSTANCES = np.zeros((10, 20), np.uint8)
INSTANCES[2], INSTANCES[3], INSTANCES[5:7], INSTANCES[8], INSTANCES[9] = 1, 2, 3, 255, 4


def with_masks(root: Path, classes: bytes | None, instances: bytes | None) -> Path:
    files: dict[str, str | bytes] = {"ImageSets/Segmentation/train.txt": "a\n"}
    if classes is not None:
        files["SegmentationClass/a.png"] = classes
    if instances is not None:
        files["SegmentationObject/a.png"] = instances
    return make(root, files)


def found_masks(root: Path) -> dict[tuple[int, int | None], np.ndarray]:
    return {(m.group, m.label): m.image for m in one(root, "voc_segmentation").annotations}


@pytest.mark.parametrize("kind", ["palette", "rgb", "index"])
def test_instances(tmp_path: Path, kind: str):
    if kind == "palette":
        files = png(CLASSES, PALETTE), png(INSTANCES, PALETTE)
    elif kind == "rgb":
        files = png(PALETTE[CLASSES]), png(PALETTE[INSTANCES])
    else:
        files = png(CLASSES), png(INSTANCES)  # 255 is "ignored" by convention
    found = found_masks(with_masks(tmp_path, *files))
    assert list(found) == [(1, 3), (2, 3), (3, 5), (4, 0), (255, 21)]
    for (group, _), image in found.items():
        assert np.array_equal(image, group == INSTANCES)


def test_a_palette_is_read_by_its_colours(tmp_path: Path):
    order = np.arange(255, -1, -1)
    shuffled = PALETTE[order]  # index 255 - i has the colour of i
    found = found_masks(with_masks(tmp_path, png(255 - CLASSES, shuffled), None))
    assert sorted(label for _, label in found) == [0, 3, 5, 21]
    assert np.array_equal(found[0, 3], CLASSES == 3)


def test_masks_of_classes_alone(tmp_path: Path):
    found = found_masks(with_masks(tmp_path, png(CLASSES, PALETTE), None))
    assert list(found) == [(0, 0), (0, 3), (0, 5), (0, 21)]
    assert np.array_equal(found[0, 21], CLASSES == 255)


def test_masks_of_instances_alone_have_no_label(tmp_path: Path):
    found = found_masks(with_masks(tmp_path, None, png(INSTANCES, PALETTE)))
    assert list(found) == [(n, None) for n in (1, 2, 3, 4, 255)]


def test_an_instance_has_the_label_of_most_of_its_pixels(tmp_path: Path):
    classes, instances = np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.uint8)
    instances[:] = 7
    classes[0], classes[1:3] = 9, 4  # the rest is background, which counts last
    found = found_masks(with_masks(tmp_path, png(classes, PALETTE), png(instances, PALETTE)))
    assert list(found) == [(7, 4)]


def test_masks_of_different_sizes(tmp_path: Path):
    with_masks(tmp_path, png(CLASSES[:5], PALETTE), png(INSTANCES, PALETTE))
    with pytest.raises(InvalidAnnotationError, match="10 x 20 pixels; expected 5 x 20"):
        read(tmp_path, "voc_segmentation")
    (item,) = read(tmp_path, "voc_segmentation", error_policy="skip")
    assert not item.annotations


def test_undeclared_colour(tmp_path: Path):
    with_masks(tmp_path, png(np.full((4, 4, 3), 77, np.uint8)), None)
    with pytest.raises(InvalidAnnotationError, match=r"pixel \(0, 0\): colour \(77, 77, 77\)"):
        read(tmp_path, "voc_segmentation")


def test_undeclared_index(tmp_path: Path):
    with_masks(tmp_path, png(np.full((4, 4), 30, np.uint8)), None)
    with pytest.raises(InvalidAnnotationError, match="label index 30"):
        read(tmp_path, "voc_segmentation")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"no image", "b'no image'; expected a PNG"),
        (png(CLASSES, PALETTE)[:60], ""),
        (png(np.arange(300 * 300, dtype=np.uint16).reshape(300, 300).astype(np.uint8))[:-3000], ""),
        (b"GIF89a" + bytes(100), "b'GIF89a"),
    ],
)
def test_damaged_mask(tmp_path: Path, data: bytes, found: str):
    with_masks(tmp_path, data, None)
    with pytest.raises(MalformedFileError, match=rf"SegmentationClass/a\.png: .*{found}"):
        read(tmp_path, "voc_segmentation")


def test_a_mask_that_lies_about_its_size(tmp_path: Path):
    data = bytearray(png(CLASSES, PALETTE))
    for width, says in ((100_000, "100000"), (5000, "5000 x 5000 pixels; expected 10 x 20")):
        data[16:24] = width.to_bytes(4, "big") * 2
        data[29:33] = __import__("zlib").crc32(data[12:29]).to_bytes(4, "big")
        with_masks(tmp_path, bytes(data), None)
        make(tmp_path, {"Annotations/a.xml": xml()})
        with pytest.raises(MalformedFileError, match=says):
            read(tmp_path, "voc_instance_segmentation")


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_run_lengths_are_those_of_coco(height: int, width: int, n: int, random):
    pixels = np.array([[random.randrange(n) for _ in range(width)] for _ in range(height)])
    found = index_masks.masks_of(pixels)
    assert sorted(found) == np.unique(pixels).tolist()
    for value, rle in found.items():
        expected = coco_mask.encode(np.asfortranarray(pixels == value, np.uint8))
        assert rle == expected["counts"]


@given(st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=20))
def test_each_colour_has_a_place_in_the_palette(numbers: list[int]):
    colors = []
    for number in numbers:
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= ((number >> (3 * bit + channel)) & 1) << (7 - bit)
        colors.append(channels[0] << 16 | channels[1] << 8 | channels[2])
    assert masks.instance_numbers(np.array(colors, np.int32)).tolist() == numbers
