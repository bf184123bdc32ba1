"""Media of a few bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from datumaro.formats.capabilities import Capabilities
from datumaro.model.media import MediaType

Size = tuple[int, int]


def media_kind(holds: Capabilities) -> MediaType:
    """The kind of media to make: images, where those can be held."""
    if MediaType.IMAGE in holds.media:
        return MediaType.IMAGE
    if MediaType.POINT_CLOUD in holds.media:
        return MediaType.POINT_CLOUD
    return min(holds.media)


def pixels(size: Size, shade: int = 0) -> np.ndarray[Any, Any]:
    """An image of (height, width): uint8 [height, width, 3], no two pixels of a row alike."""
    y, x = np.mgrid[: size[0], : size[1]]
    planes = [(x * 9 + shade) % 256, (y * 9 + shade) % 256, np.full(size, shade)]
    return np.stack(planes, 2).astype(np.uint8)


def held_pixels(holds: Capabilities, size: Size, shade: int = 0) -> np.ndarray[Any, Any]:
    """`pixels`, with as many channels as the format holds."""
    made = pixels(size, shade)
    return made[..., 0] if holds.pixels == "gray" else made


def point_cloud(n: int) -> bytes:
    """A file of the kind PCD with ``n`` points."""
    head = (
        "# .PCD v.7 - Point Cloud Data file format\nVERSION .7\nFIELDS x y z\nSIZE 4 4 4\n"
        f"TYPE F F F\nCOUNT 1 1 1\nWIDTH {n}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {n}\n"
        "DATA ascii\n"
    )
    return (head + "".join(f"{i} {i + 1} {i + 2}\n" for i in range(n))).encode()
