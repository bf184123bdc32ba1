"""PNG files of indices, gray and in colours."""

import io

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from datumaro.errors import UnsupportedContentError
from datumaro.formats import index_masks

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)


def pixels(png: bytes) -> tuple[str, np.ndarray]:
    with Image.open(io.BytesIO(png)) as image:
        return image.mode, np.array(image)


@st.composite
def indices(draw: st.DrawFn, top: int) -> np.ndarray:
    kind = draw(st.sampled_from([np.uint16, np.int32]))
    return draw(arrays.arrays(kind, draw(SHAPES), elements=st.integers(0, top)))


@given(indices(65_535))
def test_indices_are_gray_values(image: np.ndarray):
    mode, found = pixels(index_masks.encode(image, None))
    assert mode == ("L" if image.max() < 256 else "I;16")
    assert np.array_equal(found, image)


@given(indices(300), st.sampled_from([1, 2, 4, 16, 17, 256]))
def test_both_files_show_the_same(image: np.ndarray, n_colors: int):
    n = max(n_colors, int(image.max()) + 1)
    palette = np.random.default_rng(n).integers(0, 256, (n, 3)).astype(np.uint8)
    gray, colors = index_masks.encode_both(image, palette)
    assert np.array_equal(pixels(gray)[1], image)
    for png in (colors, index_masks.encode(image, palette)):
        with Image.open(io.BytesIO(png)) as opened:
            assert np.array_equal(np.array(opened.convert("RGB")), palette[image])
    painting = index_masks.decode(gray, "a.png", None)
    assert not painting.is_color
    assert np.array_equal(painting.codes, image)


def test_a_value_of_more_than_16_bits():
    with pytest.raises(UnsupportedContentError, match="65536"):
        index_masks.encode(np.array([[0, 65_536]], np.int32), None)


@given(indices(5))
def test_codes_with_one_value_become_one_mask(image: np.ndarray):
    runs = index_masks.runs_of(image)
    found = runs.masks(runs.codes // 2)
    assert list(found) == np.unique(image // 2).tolist()
    for value, rle in found.items():
        assert rle == index_masks.rle_of(image // 2 == value)


def test_a_mask_without_pixels():
    assert index_masks.rle_of(np.zeros((2, 3), bool)) == index_masks.empty_mask(6)
