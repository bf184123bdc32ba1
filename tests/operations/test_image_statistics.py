"""Statistics of images, against NumPy's own mean and deviation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from datumaro.dataset import Dataset
from datumaro.errors import MediaTypeError
from datumaro.model.item import DatasetItem
from datumaro.model.media import Image, PointCloud
from datumaro.operations.statistics import compute_image_statistics


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A colour picture of noise, uint8 [height, width, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def write(path: Path, pixels: np.ndarray) -> Image:
    PILImage.fromarray(pixels).save(path)
    return Image.from_file(path)


def statistics_of(*images: Any, subset: str = "default") -> dict[str, Any]:
    items = [DatasetItem(str(i), subset=subset, media=image) for i, image in enumerate(images)]
    return compute_image_statistics(Dataset.from_iterable(items, media_type=Image))


def test_every_pixel_of_a_subset_weighs_the_same(tmp_path: Path):
    small, large = picture(4, 6, 1), picture(70, 90, 2) // 3
    images = [write(tmp_path / "s.png", small), write(tmp_path / "l.png", large)]
    pixels = np.concatenate([small.reshape(-1, 3), large.reshape(-1, 3)])

    found = statistics_of(*images)["subsets"]["default"]

    assert found["images count"] == 2
    assert found["image mean (RGB)"] == pytest.approx(pixels.mean(0))
    assert found["image std (RGB)"] == pytest.approx(pixels.std(0, ddof=1))


def test_arrays_are_blue_green_red():
    blue = np.zeros((2, 2, 3), np.uint8)
    blue[:, :, 0] = 200
    found = statistics_of(Image.from_numpy(blue))["subsets"]["default"]
    assert found["image mean (RGB)"] == [0, 0, 200]


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.full((2, 3), 7, np.uint8), [7, 7, 7]),
        (np.full((2, 3, 1), 7, np.uint8), [7, 7, 7]),
        (np.full((2, 3, 4), [1, 2, 3, 99], np.uint8), [3, 2, 1]),
        (np.full((2, 3), 0x1234, np.uint16), [0x12] * 3),
    ],
    ids=["gray", "one channel", "alpha", "16 bits"],
)
def test_kinds_of_pixels(pixels: np.ndarray, expected: list[int]):
    found = statistics_of(Image.from_numpy(pixels))["subsets"]["default"]
    assert found["image mean (RGB)"] == expected
    assert found["image std (RGB)"] == [0, 0, 0]


def test_repeated_images_are_found_across_files_and_subsets(tmp_path: Path):
    pixels = picture(8, 8)
    one, other = write(tmp_path / "a.png", pixels), write(tmp_path / "b.bmp", pixels)
    in_memory = Image.from_numpy(pixels[:, :, ::-1])
    different = write(tmp_path / "c.png", picture(8, 8, 5))
    dataset = Dataset.from_iterable(
        [
            DatasetItem("a", subset="train", media=one),
            DatasetItem("c", subset="train", media=different),
            DatasetItem("b", subset="val", media=other),
            DatasetItem("m", subset="val", media=in_memory),
        ]
    )

    found = compute_image_statistics(dataset)["dataset"]

    assert found["images count"] == 4
    assert found["unique images count"] == 2
    assert found["repeated images count"] == 1
    assert found["repeated images"] == [[("a", "train"), ("b", "val"), ("m", "val")]]


def test_the_same_bytes_in_another_shape_are_another_image():
    pixels = np.arange(16, dtype=np.uint8)
    images = [Image.from_numpy(pixels.reshape(2, 8)), Image.from_numpy(pixels.reshape(4, 4))]
    assert statistics_of(*images)["dataset"]["repeated images"] == []


def test_missing_and_damaged_images_are_told_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    write(tmp_path / "cut.png", picture(30, 30))
    data = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[:200])
    images = [Image.from_file(tmp_path / "gone.jpg"), Image.from_file(tmp_path / "cut.png"), None]

    with caplog.at_level(logging.WARNING):
        found = statistics_of(*images, subset="train")

    assert found["dataset"]["images count"] == 0
    assert found["dataset"]["missing images count"] == 1
    assert found["dataset"]["unreadable images"] == [("1", "train")]
    assert "cut.png" in caplog.text
    assert found["subsets"]["train"] == {
        "images count": 0,
        "image mean (RGB)": "n/a",
        "image std (RGB)": "n/a",
    }


def test_a_file_outside_the_data_set_is_not_opened(tmp_path: Path):
    write(tmp_path / "a.png", picture(3, 3))
    found = statistics_of(Image.from_file(tmp_path / "a.png", external=True))["dataset"]
    assert (found["images count"], found["unreadable images"]) == (0, [("0", "default")])


def test_other_media_are_refused():
    items = [DatasetItem("a", media=PointCloud.from_file(path="a.pcd"))]
    dataset = Dataset.from_iterable(items, media_type=PointCloud)
    with pytest.raises(MediaTypeError, match="point cloud"):
        compute_image_statistics(dataset)
