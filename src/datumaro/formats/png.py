"""PNG files of the kinds that masks have: https://www.w3.org/TR/png-3/.

Reading takes what is usual and sound, and decodes it in one step. Of everything else it says
nothing: that is for a decoder that knows all kinds, and what is wrong with a damaged file.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from datumaro.kernels.png import filter_color_rows, filter_rows, read_pixels
from datumaro.table.schema import Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE, _RGBA = 0, 2, 3, 6
_BITS = {_GRAY: (1, 2, 4, 8, 16), _RGB: (8,), _PALETTE: (1, 2, 4, 8), _RGBA: (8,)}
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _RGBA: 4}
# chunks that say nothing of the pixels' values as they are stored
_PASSED_OVER = frozenset(
    {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT", b"bKGD", b"tIME", b"hIST"}
)
_MAX_CHUNKS = 1 << 16


@dataclass(frozen=True)
class Header:
    """What a file says of its image.

    Attributes
    ----------
    height, width : in pixels.
    bits : of a channel.
    kind : of colours, as PNG numbers them.
    interlaced : whether the rows do not follow each other.
    """

    height: int
    width: int
    bits: int
    kind: int
    interlaced: bool


@dataclass(frozen=True)
class Pixels:
    """A decoded file.

    Attributes
    ----------
    values : [height, width]. uint8 or uint16: gray, or indices of a palette. int32: colours as
        r << 16 | g << 8 | b, whatever their opacity.
    palette : int32 [n], colours; None when the values are no indices.
    """

    values: Array
    palette: Array | None


def read_header(data: bytes) -> Header | None:
    """The header of a file; None when it has none as it should."""
    if len(data) < 33 or data[:16] != _SIGNATURE + b"\0\0\0\rIHDR":
        return None
    width, height, bits, kind, compression, filters, interlace = struct.unpack_from(
        ">IIBBBBB", data, 16
    )
    sound = int.from_bytes(data[29:33]) == zlib.crc32(data[12:29])
    if not sound or compression or filters or interlace > 1 or bits not in _BITS.get(kind, ()):
        return None
    return Header(height, width, bits, kind, interlace == 1)


def decode(data: bytes, header: Header) -> Pixels | None:
    """Decode a file, given its `read_header`; None when it is unusual or damaged.

    Memory is taken for all pixels that the header promises: check its size first.
    """
    parts = _chunks(data)
    if parts is None or header.interlaced or not (header.height and header.width):
        return None
    stream, colors = parts
    palette = None
    if header.kind == _PALETTE:
        if not colors or len(colors) % 3 or len(colors) > 3 << header.bits:
            return None
        palette = np.frombuffer(colors, np.uint8).reshape(-1, 3).astype(np.int32)
        palette = palette @ np.array([1 << 16, 1 << 8, 1], np.int32)
    channels = _CHANNELS[header.kind]
    dtype = np.int32 if channels > 1 else np.uint16 if header.bits == 16 else np.uint8
    values = np.empty((header.height, header.width), dtype)
    # gray of less bits is told in eight, as other decoders do: 255 is white
    scale = 255 // ((1 << header.bits) - 1) if header.kind == _GRAY and header.bits < 8 else 1
    sound = read_pixels(
        stream, header.bits, channels, scale, header.height, header.width,
        values.reshape(-1).view(np.uint8),
    )  # fmt: skip
    return Pixels(values, palette) if sound else None


def _chunks(data: bytes) -> tuple[bytes, bytes] | None:
    """(the pixels' zlib stream, the palette or nothing), when all chunks are whole and usual."""
    parts: list[bytes] = []
    colors = b""
    at, ended = 33, False  # behind the header; whether other chunks followed the pixels
    for _ in range(_MAX_CHUNKS):
        size = int.from_bytes(data[at : at + 4])
        end = at + 8 + size
        kind = data[at + 4 : at + 8]
        if end + 4 > len(data) or zlib.crc32(data[at + 4 : end]) != int.from_bytes(
            data[end : end + 4]
        ):
            return None
        if kind == b"IDAT" and not ended:
            parts.append(data[at + 8 : end])
        elif kind == b"IEND":
            return (parts[0] if len(parts) == 1 else b"".join(parts)), colors
        elif kind == b"PLTE" and not colors and not parts:
            colors = data[at + 8 : end]
        elif kind in _PASSED_OVER:
            ended = bool(parts)
        else:
            return None
        at = end + 4
    return None


# --- writing --------------------------------------------------------------------------------------


def encode_gray16(pixels: Array) -> bytes:
    """A file of gray values of 16 bits; ``pixels`` are uint16 [height, width]."""
    height, width = pixels.shape
    rows = np.empty((height, 1 + 2 * width), np.uint8)
    filter_rows(np.ascontiguousarray(pixels), rows)
    return _packed(rows, height, width, 16, _GRAY)


def encode_colors(pixels: Array) -> bytes:
    """A file of colours; ``pixels`` are int32 [height, width], red | green << 8 | blue << 16."""
    height, width = pixels.shape
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    filter_color_rows(np.ascontiguousarray(pixels), rows)
    return _packed(rows, height, width, 8, _RGB)


def _packed(rows: Array, height: int, width: int, bits: int, kind: int) -> bytes:
    # filtered masks are runs of zeros: to look for nothing else is faster, and smaller
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    stream = packer.compress(rows.data) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
