"""Image sizes from file headers: a few small reads instead of decoding.

PNG, JPEG, GIF and BMP are parsed here, since data sets have 100,000 of them; every other kind is
left to Pillow. A stored size is told as the file states it: Exif orientation is not applied.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

# JPEG markers that carry the frame's size: SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC)
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# a camera's file has some 20 segments before its frame; a hostile one could have millions
_MAX_JPEG_SEGMENTS = 1000
_MAX_SIDE = 2**31 - 1  # as PNG says; sizes are kept in int32


def read_size(file: BinaryIO) -> tuple[int, int] | None:
    """Read (height, width) in pixels from the start of an image file.

    Parameters
    ----------
    file : a binary file, seekable, at its start.

    Returns
    -------
    (height, width), or None when it is not an image of a known kind, or its header is damaged.
    """
    head = file.read(32)
    if head.startswith(b"\xff\xd8\xff"):
        size = _jpeg(file)
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        size = _png(head)
    elif head.startswith((b"GIF87a", b"GIF89a")):
        size = _gif(head)
    elif head.startswith(b"BM"):
        size = _bmp(head)
    else:
        return _by_pillow(file) if head else None
    return size if size and 0 < size[0] <= _MAX_SIDE and 0 < size[1] <= _MAX_SIDE else None


def size_in(head: bytes) -> tuple[int, int] | None:
    """(Height, width) in pixels, when it is told in the first bytes of a JPEG or PNG file.

    None says nothing: `read_size` looks at the whole file.
    """
    size = None
    if head.startswith(b"\xff\xd8\xff"):
        size = _jpeg_in(head)
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        size = _png(head)
    return size if size and 0 < size[0] <= _MAX_SIDE and 0 < size[1] <= _MAX_SIDE else None


def _jpeg_in(head: bytes) -> tuple[int, int] | None:
    """`_jpeg`, as far as it is in memory."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return height, width
        if not 0xE0 <= marker <= 0xEF and marker not in (0xDB, 0xC4, 0xDD, 0xFE):
            return None  # nothing that usually stands before a frame
        length = int.from_bytes(head[at + 2 : at + 4], "big")
        if length < 2:
            return None
        at += 2 + length
    return None


def _png(head: bytes) -> tuple[int, int] | None:
    # https://www.w3.org/TR/png-3/#11IHDR
    if len(head) < 24 or head[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", head[16:24])
    return height, width


def _gif(head: bytes) -> tuple[int, int] | None:
    if len(head) < 10:
        return None
    width, height = struct.unpack("<HH", head[6:10])
    return height, width


def _bmp(head: bytes) -> tuple[int, int] | None:
    if len(head) < 26:
        return None
    if struct.unpack("<I", head[14:18])[0] == 12:  # OS/2's header
        width, height = struct.unpack("<HH", head[18:22])
        return height, width
    width, height = struct.unpack("<ii", head[18:26])
    return abs(height), width  # a negative height: rows from top to bottom


def _jpeg(file: BinaryIO) -> tuple[int, int] | None:
    # ITU-T T.81, B.1.1 and B.2.2
    file.seek(2)
    for _ in range(_MAX_JPEG_SEGMENTS):
        segment = file.read(9)  # marker, length, and of a frame: precision, height, width
        if len(segment) < 4 or segment[0] != 0xFF:
            return None
        marker = segment[1]
        if marker in _START_OF_FRAME:
            if len(segment) < 9:
                return None
            height, width = struct.unpack(">HH", segment[5:9])
            return height, width
        if marker == 0xFF:  # a fill byte
            skip = 1
        elif marker in (0xDA, 0xD9):  # picture data, or the end, before any frame
            return None
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a segment
            skip = 2
        else:
            length = int.from_bytes(segment[2:4], "big")
            if length < 2:
                return None
            skip = 2 + length
        file.seek(skip - len(segment), 1)
    return None


def _by_pillow(file: BinaryIO) -> tuple[int, int] | None:
    from datumaro.model.image_codec import open_image  # Pillow: only when needed

    file.seek(0)
    try:
        with open_image(file, "") as image:
            return image.height, image.width
    except ValueError:  # not an image
        return None
