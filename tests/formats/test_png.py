"""Own decoding and encoding of PNG files: the same as Pillow's, of whatever kind they are."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from datumaro.errors import MalformedFileError
from datumaro.formats import index_masks, png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
TAKEN = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (6, 8)]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def filtered(rows: np.ndarray, step: int, kinds: np.ndarray) -> bytes:
    """The rows, uint8 [height, bytes], filtered as https://www.w3.org/TR/png-3/#9Filters has it."""
    height, size = rows.shape
    around = np.zeros((height + 1, size + step), np.int32)
    around[1:, step:] = rows
    left, above, corner = around[1:, :-step], around[:-1, step:], around[:-1, :-step]
    guess = left + above - corner
    to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    paeth = np.where(
        (to_left <= to_above) & (to_left <= to_corner),
        left,
        np.where(to_above <= to_corner, above, corner),
    )
    guesses = [np.zeros_like(left), left, above, (left + above) // 2, paeth]
    out = np.empty((height, size + 1), np.uint8)
    out[:, 0] = kinds
    for kind, guessed in enumerate(guesses):
        mine = kinds == kind
        out[mine, 1:] = (rows.astype(np.int32) - guessed)[mine] & 255
    return out.tobytes()


@st.composite
def files(draw: st.DrawFn, kinds: list[tuple[int, int]]) -> bytes:
    """Files of all kinds, with every filter, and pixels cut into chunks anyhow."""
    kind, bits = draw(st.sampled_from(kinds))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 70))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    size = (width * bits * CHANNELS[kind] + 7) // 8
    rows = random.integers(0, 256, (height, size), np.uint8)
    if draw(st.booleans()):  # like masks: few values, in stretches
        step = max(1, bits * CHANNELS[kind] // 8)
        n = height * size // step + 1
        values = random.integers(0, 256, (3, step), np.uint8)[random.integers(0, 3, n)]
        flat = np.repeat(values, draw(st.sampled_from([3, 20])), axis=0).reshape(-1)
        rows = flat[: height * size].reshape(height, size)
    step = max(1, bits * CHANNELS[kind] // 8)
    stream = zlib.compress(
        filtered(rows, step, random.integers(0, 5, height)), draw(st.integers(0, 9))
    )
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    if draw(st.booleans()):
        parts.append(chunk(b"gAMA", struct.pack(">I", 45455)))
    if kind == 3:
        colors = random.integers(0, 256, 3 << bits, np.uint8).tobytes()
        parts.append(chunk(b"PLTE", colors))
        if draw(st.booleans()):
            parts.append(chunk(b"tRNS", b"\x80\0"))
    cut = draw(st.integers(1, len(stream)))
    parts += [chunk(b"IDAT", stream[at : at + cut]) for at in range(0, len(stream), cut)]
    return SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")


def decoded(data: bytes) -> png.Pixels | None:
    header = png.read_header(data)
    return None if header is None else png.decode(data, header)


@given(files(TAKEN))
def test_pixels_are_those_that_pillow_finds(data: bytes):
    found = decoded(data)
    assert found is not None
    with Image.open(io.BytesIO(data)) as image:
        if image.mode == "P":
            palette = np.array(image.getpalette("RGB"), np.int32).reshape(-1, 3)
            assert found.palette is not None
            assert np.array_equal(found.palette, palette @ [1 << 16, 1 << 8, 1])
            assert np.array_equal(found.values, np.array(image))
        elif image.mode in ("RGB", "RGBA"):
            colors = np.array(image)[..., :3].astype(np.int32) @ [1 << 16, 1 << 8, 1]
            assert np.array_equal(found.values, colors)
        else:
            gray = np.array(image.convert("L")) if image.mode == "1" else np.array(image)
            assert np.array_equal(found.values, gray)
            assert found.values.dtype == gray.dtype


@given(files([(2, 16), (4, 8), (4, 16), (6, 16)]))
def test_unusual_kinds_are_left(data: bytes):
    assert decoded(data) is None


@pytest.mark.parametrize("place", ["before", "after"])
def test_chunks_that_might_change_the_pixels_are_left(place: str):
    data = index_masks.encode(np.eye(3, 5, dtype=np.uint8), None)
    at = 33 if place == "before" else len(data) - 12
    odd = data[:at] + chunk(b"teSt", bytes(8)) + data[at:]
    assert decoded(data) is not None
    assert decoded(odd) is None
    assert index_masks.decode(odd, "a.png", None).codes.tolist() == np.eye(3, 5).tolist()


def test_pixels_in_two_places():
    data = index_masks.encode(np.eye(3, 5, dtype=np.uint8), None)
    end = len(data) - 12
    apart = chunk(b"tIME", bytes(7)) + chunk(b"IDAT", b"")
    assert decoded(data[:end] + apart + data[end:]) is None


def test_a_palette_twice():
    data = index_masks.encode(np.eye(3, 5, dtype=np.uint8), np.zeros((256, 3), np.uint8))
    assert decoded(data[:33] + chunk(b"PLTE", bytes(6)) + data[33:]) is None


def test_interlaced_files_are_read_all_the_same():
    data = bytearray(SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)))
    data += chunk(b"IDAT", zlib.compress(b"\0\x07")) + chunk(b"IEND", b"")
    assert decoded(bytes(data)) is None
    assert index_masks.decode(bytes(data), "a.png", None).codes.tolist() == [[7]]


@given(files(TAKEN), st.data())
def test_damaged_files_are_left(data: bytes, draw: st.DataObject):
    damaged = bytearray(data)
    place = draw.draw(st.integers(0, len(data) - 1))
    damaged[place] ^= draw.draw(st.integers(1, 255))
    assert decoded(bytes(damaged)) is None
    assert decoded(data[:place]) is None
    for file in (bytes(damaged), data[:place]):
        try:  # Pillow forgives some damage; an error names the file
            index_masks.decode(file, "a.png", None)
        except MalformedFileError as error:
            assert "a.png" in str(error)


@pytest.mark.parametrize("sides", [(0, 3), (3, 0), (70_000, 70_000), (1 << 31, 1 << 31)])
def test_sizes_that_no_mask_has(sides: tuple[int, int]):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *sides, 8, 0, 0, 0, 0))
    data = SIGNATURE + header + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    with pytest.raises(MalformedFileError, match="pixels"):
        index_masks.decode(data, "a.png", None)


def test_a_size_that_the_pixels_cannot_have():
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 0, 0, 0, 0))
    data = SIGNATURE + header + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    assert decoded(data) is None
    with pytest.raises(MalformedFileError, match=r"a\.png"):
        index_masks.decode(data, "a.png", None)


@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([2, 300, 65_535]), st.integers(0, 99)
)
def test_written_files_are_read_by_both(height: int, width: int, top: int, seed: int):
    pixels = np.random.default_rng(seed).integers(0, top, (height, width), np.uint16)
    data = png.encode_gray16(pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "I;16"
        assert np.array_equal(np.array(image), pixels)
    found = decoded(data)
    assert found is not None
    assert np.array_equal(found.values, pixels)


@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 1 << 32))
def test_colors_are_encoded(height: int, width: int, seed: int):
    random = np.random.default_rng(seed)
    codes = random.choice(random.integers(0, 1 << 24, 3), (height, width)).astype(np.int32)
    codes = np.repeat(codes, 2, axis=0)
    if not width:
        return
    with Image.open(io.BytesIO(png.encode_colors(codes))) as image:
        image.load()
        assert image.mode == "RGB"
        assert image.tobytes() == codes.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
