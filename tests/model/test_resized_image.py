"""Images in another size."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.model.resized_image import ResizedImage, resized

sides = st.integers(1, 12)


def covered(n: int, length: int) -> np.ndarray:
    """[n, length]: how much of each pixel is in each of n equal parts."""
    ends = np.arange(n + 1) * length / n
    pixels = np.arange(length)
    low = np.maximum(ends[:-1, None], pixels)
    high = np.minimum(ends[1:, None], pixels + 1)
    return np.clip(high - low, 0, 1) * n / length


@given(sides, sides, sides, sides, st.sampled_from([(), (1,), (3,), (4,)]))
def test_smaller_ones_are_means(height: int, width: int, rows: int, columns: int, channels: tuple):
    size = min(rows, height), min(columns, width)
    pixels = np.random.default_rng(height * 100 + width).random((height, width, *channels)) * 255
    expected = np.einsum(
        "ay,bx,yx...->ab...", covered(size[0], height), covered(size[1], width), pixels
    )
    np.testing.assert_allclose(resized(pixels, size), expected, rtol=1e-4, atol=1e-3)
    whole = pixels.astype(np.uint8)
    expected = np.einsum(
        "ay,bx,yx...->ab...", covered(size[0], height), covered(size[1], width), whole
    )
    assert resized(whole, size).dtype == np.uint8
    assert np.abs(resized(whole, size) - expected).max() <= 0.501


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_larger_ones_are_interpolated(dtype: type, channels: tuple[int, ...]):
    ramp = np.linspace(0, 200, 10)[None, :, None].repeat(8, 0).repeat(max(channels, default=1), 2)
    pixels = ramp.reshape((8, 10, *channels)).astype(dtype)
    found = resized(pixels, (16, 30))
    assert found.shape == (16, 30, *channels) and found.dtype == dtype
    inner = found.reshape(16, 30, -1)[:, 3:-3, 0].astype(float)
    assert (np.diff(inner, axis=1) >= 0).all() and np.abs(np.diff(inner, axis=0)).max() == 0


def test_the_same_size_is_the_same():
    pixels = np.zeros((4, 5, 3), np.uint8)
    assert resized(pixels, (4, 5)) is pixels


def test_a_file(tmp_path: Path):
    path = tmp_path / "a.png"
    pixels = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((2, 2), np.uint8))
    dm.Image.from_numpy(pixels).save(path)
    image = ResizedImage(dm.Image.from_file(path), (2, 3))
    assert (image.size, image.has_size, image.ext, image.has_data) == ((2, 3), True, ".png", True)
    assert image.path == "" and image.bytes is None
    assert (image.data == np.arange(6).reshape(2, 3) * 40).all()
    image.save(tmp_path / "b.png")
    assert dm.Image.from_file(tmp_path / "b.png") == image
    assert pickle.loads(pickle.dumps(image)) == image


def test_a_missing_file(tmp_path: Path):
    image = ResizedImage(dm.Image.from_file(tmp_path / "missing.jpg"), (2, 3))
    assert (image.size, image.has_data, image.data) == ((2, 3), False, None)
    with pytest.raises(FileNotFoundError):
        image.save(tmp_path / "b.png")


def test_it_is_no_way_around_confinement(tmp_path: Path):
    dm.Image.from_numpy(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    outside = dm.Image.from_file(tmp_path / "a.png", external=True)
    image = ResizedImage(outside, (2, 2))
    assert image.is_external and not image.has_data
    with pytest.raises(dm.errors.PathOutsideDatasetError):
        _ = image.data
