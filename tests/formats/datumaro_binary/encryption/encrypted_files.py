"""Small encrypted data sets (storage records) for the tests, and what is in their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm
from datumaro.crypto import generate_key, seal_of
from datumaro.model.media import Image, MediaElement

KEY = generate_key()
OTHER = generate_key()
BINARY = "datumaro_binary"


def pixels(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value, np.uint8)


def images(*ids: str, subset: str = "train", **more: Any) -> list[dm.DatasetItem]:
    """Items with a box and a picture of one colour, in memory."""
    return [
        dm.DatasetItem(
            item_id,
            subset=subset,
            media=Image.from_numpy(data=pixels(10 * number), ext=".png"),
            annotations=[dm.Bbox(1, 2, 3, 4, label=0, attributes={"secret": f"box of {item_id}"})],
            **more,
        )
        for number, item_id in enumerate(ids)
    ]


def dataset(*items: dm.DatasetItem, media_type: type[MediaElement] = Image) -> dm.Dataset:
    items = items or tuple(images("a", "b") + images("c", subset="val"))
    return dm.Dataset.from_iterable(items, categories=["cat"], media_type=media_type)


def read(folder: Path, **options: Any) -> dm.Dataset:
    return dm.Dataset.import_from(folder, BINARY, **({"encryption_key": KEY} | options))


def brightness(item: dm.DatasetItem) -> int:
    return int(item.media.data[0, 0, 0])


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def plain_files(folder: Path) -> list[str]:
    """Media files that are no tokens."""
    return [n for n, d in files(folder).items() if "annotations" not in n and not seal_of(d)]
