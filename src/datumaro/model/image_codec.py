"""Pixels from image files and back, by Pillow, as OpenCV would give them.

Colour channels are in the order blue, green, red (and alpha), since that is the documented order of
`Image.data`. Nothing is rotated, scaled or colour managed.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from datumaro.errors import MediaError, MediaShapeError
from datumaro.model.kinds import IMAGE_EXTENSIONS as IMAGE_EXTENSIONS, IMAGE_FORMATS

if TYPE_CHECKING:
    from PIL import Image as PILImage

Array = npt.NDArray[Any]

JPEG_QUALITY = 75

# Kinds that are opened. Not among them: kinds that run other programs (EPS runs Ghostscript),
# documents and containers.
_COMMON = ("JPEG", "PNG", "BMP", "GIF")
_RARE = (
    "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA", "DIB", "SGI", "SUN", "PCX", "ICO", "DDS",
)  # fmt: skip

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"BM", ".bmp"),
    (b"GIF8", ".gif"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


def same_kind(ext: str, other: str) -> bool:
    """Whether two extensions name the same kind of image (``.jpg`` and ``.JPEG``)."""
    ext, other = ext.lower(), other.lower()
    return ext == other or (IMAGE_FORMATS.get(ext, ext) == IMAGE_FORMATS.get(other, other))


def guess_extension(data: bytes) -> str | None:
    """The extension that the first bytes of an image file stand for; None when not known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((ext for magic, ext in _MAGIC if data.startswith(magic)), None)


# --- decoding -----------------------------------------------------------------------------------


def open_image(file: BinaryIO, name: str) -> PILImage.Image:
    """Open an image with Pillow, its pixels not yet decoded.

    Raises
    ------
    MediaError
        It is no image, its header is damaged, or it declares more pixels than Pillow agrees to
        (2 * PIL.Image.MAX_IMAGE_PIXELS, 179 million unless changed): a decompression bomb.
    """
    from PIL import Image as PILImage

    head = file.read(16)
    file.seek(0)
    kinds = _COMMON
    if guess_extension(head) not in (".jpg", ".png", ".bmp", ".gif"):
        PILImage.init()  # loads all plugins, once
        kinds = tuple(kind for kind in _RARE if kind in PILImage.OPEN)
    try:
        return PILImage.open(file, formats=kinds)
    except PILImage.DecompressionBombError as error:
        raise MediaError(
            f"{_called(name)} declares too many pixels: {error} (to allow them, raise "
            "PIL.Image.MAX_IMAGE_PIXELS)"
        ) from error
    except PILImage.UnidentifiedImageError as error:
        raise MediaError(f"{_called(name)} is not an image of a known kind") from error
    except Exception as error:  # a damaged header shows itself in many ways
        raise MediaError(f"{_called(name)} is damaged: {error}") from error


def _called(name: str) -> str:
    return f"image {name!r}" if name else "the image"


def decode_image(data: bytes, name: str = "") -> Array:
    """Decode an image file.

    Parameters
    ----------
    data : the file's content.
    name : what errors call it: its path.

    Returns
    -------
    uint8 [height, width] (gray), [height, width, 3] (BGR) or [height, width, 4] (BGRA); uint16 for
    images of 16 bits a channel (colour of 16 bits: PNG only, 8 bits for other kinds); int32 or
    float32 [height, width] for TIFF files of such numbers. Of an animation, the first picture.

    Raises
    ------
    MediaError
        The image is damaged, cut short, of no known kind, or too large (see `open_image`).
    """
    with open_image(io.BytesIO(data), name) as image:
        try:
            tiles: Any = getattr(image, "tile", None)
            raw_mode: Any = tiles[0][3] if image.format == "PNG" and tiles else None
            if raw_mode in ("RGB;16B", "RGBA;16B"):
                return _bgr(_sixteen_bits(data, image, raw_mode))
            return _pixels(image)
        except MediaError:
            raise
        except Exception as error:  # damaged data shows itself in many ways
            raise MediaError(f"{_called(name)} is damaged: {error}") from error


def _pixels(image: PILImage.Image) -> Array:
    mode, transparent = image.mode, "transparency" in image.info
    if mode == "I" and image.format == "PNG":  # 16-bit gray, in Pillow before 11
        return np.array(image).astype(np.uint16)
    if mode in ("L", "I", "F") or mode.startswith("I;16"):
        pixels = np.array(image)
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if mode == "1":
        return np.array(image.convert("L"))
    if mode in ("LA", "La", "PA", "RGBa") or (transparent and mode in ("P", "RGB")):
        image = image.convert("RGBA")
    elif mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    return _bgr(np.asarray(image))


def _bgr(pixels: Array) -> Array:
    """Swap red and blue (it is its own inverse)."""
    order = [2, 1, 0] if pixels.shape[2] == 3 else [2, 1, 0, 3]
    return np.ascontiguousarray(pixels[:, :, order])


def _sixteen_bits(data: bytes, image: PILImage.Image, raw_mode: str) -> Array:
    """The pixels, uint16, of a PNG of 16-bit colour, of which Pillow keeps the high bytes only.

    It is decoded twice: read as if it were little-endian, the "high" bytes are the low ones.
    """
    from PIL import PngImagePlugin

    high = np.asarray(image).astype(np.uint16)
    with PngImagePlugin.PngImageFile(io.BytesIO(data)) as again:
        decoder, extents, offset, _ = again.tile[0]
        again.tile = [type(again.tile[0])(decoder, extents, offset, raw_mode[:-1] + "L")]
        return (high << 8) | np.asarray(again)


# --- encoding -----------------------------------------------------------------------------------


def check_shape(pixels: Array) -> None:
    """Refuse an array that cannot be an image: [h, w] or [h, w, channels], none of them 0.

    Raises
    ------
    MediaShapeError
    """
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise MediaShapeError(
            f"an image is an array [height, width] or [height, width, channels], not {pixels.shape}"
        )


def eight_bits(pixels: Array) -> Array:
    """Values as uint8: clipped to 0 to 255, fractions cut."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.clip(np.nan_to_num(pixels), 0, 255).astype(np.uint8)


def encode_image(pixels: Array, ext: str, quality: int = JPEG_QUALITY) -> bytes:
    """Encode pixels as an image file.

    Parameters
    ----------
    pixels : [height, width], [height, width, 1, 3 (BGR) or 4 (BGRA)]. uint16 is kept where the kind
        can hold it (gray: PNG, TIFF, PPM; colour: PNG) and scaled to 8 bits elsewhere, float32 gray
        is kept by TIFF; other dtypes are clipped to 0 to 255.
    ext : ``".png"``, ``".jpg"``, …
    quality : of JPEG and WebP, 1 to 100.

    Raises
    ------
    MediaError
        The extension is not of a kind that can be written, or there are 2 or more than 4 channels.
    MediaShapeError
        The array has not 2 or 3 dimensions, or one of them is 0.
    """
    from PIL import Image as PILImage

    check_shape(pixels)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        raise MediaError(f"an image file has 1, 3 or 4 channels, not {pixels.shape[2]}")
    kind = IMAGE_FORMATS.get(ext.lower())
    if kind is None:
        known = ", ".join(sorted(IMAGE_FORMATS))
        raise MediaError(f"images cannot be written as {ext!r}; known: {known}")

    if pixels.dtype == np.uint16 and pixels.ndim == 3 and kind == "PNG":
        return _encode_png16(_bgr(pixels))
    if pixels.dtype == np.uint16 and (pixels.ndim == 3 or kind not in ("PNG", "TIFF", "PPM")):
        pixels = (pixels // 257).astype(np.uint8)
    elif (
        not (pixels.dtype == np.uint16 or (kind == "TIFF" and pixels.dtype == np.float32))
        or pixels.ndim == 3
    ):
        pixels = eight_bits(pixels)
    image = PILImage.fromarray(_bgr(pixels) if pixels.ndim == 3 else np.ascontiguousarray(pixels))
    if image.mode == "RGBA" and kind in ("JPEG", "PPM", "PCX"):
        image = image.convert("RGB")
    out = io.BytesIO()
    options = {"quality": quality} if kind in ("JPEG", "WEBP", "AVIF") else {}
    try:
        image.save(out, kind, **options)
    except (OSError, KeyError, ValueError) as error:
        raise MediaError(f"the image cannot be written as {ext!r}: {error}") from error
    return out.getvalue()


def _encode_png16(pixels: Array) -> bytes:
    """A PNG of 16-bit RGB or RGBA, which Pillow cannot write. https://www.w3.org/TR/png-3/"""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + 2 * width * channels), np.uint8)  # each begins with filter 0: none
    rows[:, 1:] = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
