"""Pixels to image files and back; sizes from headers; files that lie."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as PILImage

from datumaro.errors import MediaError, MediaShapeError
from datumaro.model.image_codec import decode_image, encode_image, guess_extension, same_kind
from datumaro.model.image_header import read_size

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
GRAY = RGB[:, :, 0].copy()
BGR = RGB[:, :, ::-1]


def written(image: PILImage.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


# --- decoding: as OpenCV's IMREAD_UNCHANGED -------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {})],
)
def test_colour_is_bgr(kind: str, options: dict[str, Any]) -> None:
    data = written(PILImage.fromarray(RGB), kind, **options)
    pixels = decode_image(data)
    np.testing.assert_array_equal(pixels, BGR)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable


def test_alpha_comes_last() -> None:
    rgba = np.dstack([RGB, GRAY])
    expected = np.dstack([BGR, GRAY])
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
        data = written(PILImage.fromarray(rgba), kind, **options)
        np.testing.assert_array_equal(decode_image(data), expected)


def test_gray_has_no_channels() -> None:
    np.testing.assert_array_equal(decode_image(written(PILImage.fromarray(GRAY), "PNG")), GRAY)
    bits = decode_image(written(PILImage.fromarray(GRAY).convert("1"), "PNG"))
    assert bits.shape == (5, 7)
    assert set(np.unique(bits)) == {0, 255}


def test_palettes_become_colours_and_transparent_colours_alpha() -> None:
    image = PILImage.fromarray(GRAY).convert("P")
    plain = decode_image(written(image, "PNG"))
    np.testing.assert_array_equal(plain, np.dstack([GRAY] * 3))
    transparent = int(GRAY[0, 0])
    alpha = decode_image(written(image, "PNG", transparency=transparent))
    np.testing.assert_array_equal(alpha[:, :, 3], np.where(transparent == GRAY, 0, 255))
    key = decode_image(
        written(PILImage.fromarray(RGB), "PNG", transparency=tuple(map(int, RGB[1, 2])))
    )
    assert key.shape == (5, 7, 4)
    assert key[1, 2, 3] == 0
    luminance_alpha = PILImage.merge("LA", [PILImage.fromarray(c) for c in (GRAY, RGB[:, :, 1])])
    expected = np.dstack([GRAY, GRAY, GRAY, RGB[:, :, 1]])
    np.testing.assert_array_equal(decode_image(written(luminance_alpha, "PNG")), expected)


def test_gray_with_a_transparent_value_stays_gray() -> None:
    data = written(PILImage.fromarray(GRAY), "PNG", transparency=3)
    np.testing.assert_array_equal(decode_image(data), GRAY)


def test_exif_orientation_is_not_applied() -> None:
    image = PILImage.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    data = written(image, "JPEG", exif=exif)
    assert decode_image(data).shape == (5, 7, 3)
    assert read_size(io.BytesIO(data)) == (5, 7)


def test_cmyk_and_animations_become_one_bgr_picture() -> None:
    cmyk = decode_image(written(PILImage.fromarray(RGB).convert("CMYK"), "JPEG"))
    assert cmyk.shape == (5, 7, 3)
    frames = [PILImage.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    gif = decode_image(written(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    np.testing.assert_array_equal(gif, np.full((3, 4, 3), (0, 0, 255)))


def test_floats_of_tiff_stay() -> None:
    depth = np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_array_equal(decode_image(written(PILImage.fromarray(depth), "TIFF")), depth)
    np.testing.assert_array_equal(decode_image(encode_image(depth, ".tif")), depth)


def test_16_bit_colour_of_any_png_filter_is_exact() -> None:
    """The second row is told by the difference to the first (filter 2)."""
    first, step = np.array([[1, 515, 65535], [300, 2, 3]]), np.array([[256, 0, 1], [5, 6, 7]])
    rows = b"\0" + first.astype(">u2").tobytes() + b"\2" + step.astype(">u2").tobytes()
    expected = np.stack([first, first])
    carry_free = first.astype(">u2").view(np.uint8) + step.astype(">u2").view(np.uint8)
    expected[1] = carry_free.view(">u2")
    pixels = decode_image(png(2, 2, 16, 2, rows))
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, expected[:, :, ::-1])


# --- there and back -------------------------------------------------------------------------------

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 1, 3, 4])).map(
    lambda shape: shape if shape[2] else shape[:2]
)
eight = arrays(np.uint8, shapes)
sixteen = arrays(np.uint16, shapes)


@given(eight | sixteen)
@settings(max_examples=200, deadline=None)
def test_png_keeps_every_pixel(pixels: np.ndarray) -> None:
    decoded = decode_image(encode_image(pixels, ".png"))
    expected = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    assert decoded.dtype == pixels.dtype
    np.testing.assert_array_equal(decoded, expected)


@given(eight, st.sampled_from([".bmp", ".tif", ".webp", ".jpg", ".ppm", ".gif", ".JPEG"]))
@settings(max_examples=100, deadline=None)
def test_every_kind_keeps_the_size(pixels: np.ndarray, ext: str) -> None:
    data = encode_image(pixels, ext)
    assert decode_image(data).shape[:2] == pixels.shape[:2]
    assert read_size(io.BytesIO(data)) == pixels.shape[:2]


def test_jpeg_has_the_documented_quality() -> None:
    expected = written(PILImage.fromarray(RGB), "JPEG", quality=75)
    assert encode_image(BGR, ".jpg") == expected


def test_values_that_a_kind_cannot_hold() -> None:
    wild = np.array([[-5.0, 3.7, 300, np.nan, np.inf]])
    np.testing.assert_array_equal(decode_image(encode_image(wild, ".png")), [[0, 3, 255, 0, 255]])
    np.testing.assert_array_equal(
        decode_image(encode_image(np.array([[True, False]]), ".png")), [[1, 0]]
    )
    deep = np.array([[0, 257 * 9, 65535]], np.uint16)
    np.testing.assert_array_equal(decode_image(encode_image(deep, ".bmp")), [[0, 9, 255]])
    np.testing.assert_array_equal(decode_image(encode_image(deep, ".tif")), deep)


def test_what_cannot_be_encoded() -> None:
    with pytest.raises(MediaError, match=r"'\.pcd'.*\.png"):
        encode_image(RGB, ".pcd")
    with pytest.raises(MediaError, match="not 2"):
        encode_image(RGB[:, :, :2], ".png")
    for shape in ((3,), (2, 2, 3, 1), (0, 5), (5, 0, 3)):
        with pytest.raises(MediaShapeError):
            encode_image(np.zeros(shape, np.uint8), ".png")


# --- sizes ----------------------------------------------------------------------------------------


def test_sizes_of_headers() -> None:
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        assert read_size(io.BytesIO(written(PILImage.new("RGB", (70, 31)), kind))) == (31, 70)
    progressive = written(PILImage.new("RGB", (70, 31)), "JPEG", progressive=True)
    assert read_size(io.BytesIO(progressive)) == (31, 70)
    top_down = bytearray(written(PILImage.new("RGB", (70, 31)), "BMP"))
    top_down[22:26] = struct.pack("<i", -31)
    assert read_size(io.BytesIO(bytes(top_down))) == (31, 70)


def test_a_jpeg_with_large_segments_before_its_frame() -> None:
    data = written(PILImage.new("RGB", (70, 31)), "JPEG")
    blocks = b"".join(b"\xff\xfe" + struct.pack(">H", 60_000) + bytes(59_998) for _ in range(20))
    data = data[:2] + blocks + b"\xff\xff" + data[2:]  # comments, and fill bytes
    assert read_size(io.BytesIO(data)) == (31, 70)


def test_no_sizes() -> None:
    endless = b"\xff\xd8" + b"\xff\xfe\0\2" * 100_000
    for data in (b"", b"text", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", endless):
        assert read_size(io.BytesIO(data)) is None
    assert read_size(io.BytesIO(png(0, 5, 8, 0, b""))) is None
    assert read_size(io.BytesIO(png(2**32 - 1, 5, 8, 0, b""))) is None


def test_the_kind_is_told_by_the_first_bytes() -> None:
    for kind, ext in (("PNG", ".png"), ("JPEG", ".jpg"), ("BMP", ".bmp"), ("WEBP", ".webp")):
        assert guess_extension(written(PILImage.new("RGB", (3, 3)), kind)) == ext
    assert guess_extension(b"ply") is None


def test_extensions_of_one_kind() -> None:
    assert same_kind(".jpg", ".JPEG")
    assert same_kind(".PCD", ".pcd")
    assert not same_kind(".jpg", ".png")
    assert not same_kind("", ".png")


# --- hostile files --------------------------------------------------------------------------------


def test_a_decompression_bomb_is_refused() -> None:
    bomb = png(100_000, 100_000, 8, 0, b"")
    with pytest.raises(MediaError, match=r"'a\.png' declares too many pixels"):
        decode_image(bomb, "a.png")
    assert read_size(io.BytesIO(bomb)) == (100_000, 100_000), "that is what it says"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF"])
def test_a_cut_file_is_an_error_that_names_it(kind: str) -> None:
    image = PILImage.effect_noise((40, 40), 80).convert("RGB")
    data = written(image, kind)
    with pytest.raises(MediaError, match="'a file'"):
        decode_image(data[: len(data) // 2], "a file")
    for n in (0, 1, 4, 10, 20):
        with pytest.raises(MediaError, match="'a file'"):
            decode_image(data[:n], "a file")


def test_kinds_that_run_programs_are_not_opened() -> None:
    with pytest.raises(MediaError, match="not an image of a known kind"):
        decode_image(written(PILImage.new("RGB", (3, 3)), "EPS"))


@given(
    st.sampled_from(["PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF"]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_read_or_refused(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(written(PILImage.fromarray(RGB), kind))
    for position, value in changes:
        data[position % len(data)] = value
    read_size(io.BytesIO(bytes(data)))
    try:
        pixels = decode_image(bytes(data))
    except MediaError:
        return
    assert pixels.ndim in (2, 3)
