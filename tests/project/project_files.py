"""Data sets and folders for the tests of projects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import datumaro as dm


def images(folder: Path, *names: str, seed: int = 0) -> Path:
    """A data set of format image_dir."""
    for number, name in enumerate(names):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 5, 3), seed + number, np.uint8)
        dm.Image.from_numpy(pixels).save(path)
    return folder


def labelled(folder: Path, format: str = "coco", ids: str = "12", **options) -> Path:
    """A data set with boxes."""
    items = [
        dm.DatasetItem(
            id,
            subset="train",
            media=dm.Image.from_numpy(np.full((9, 9, 3), int(id), np.uint8)),
            annotations=[dm.Bbox(1, 1, 2, 3, label=int(id) % 2, id=1, group=1)],
        )
        for id in ids
    ]
    dm.Dataset.from_iterable(items, categories=["cat", "dog"]).export(
        folder, format, save_media=True, **options
    )
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def without_index(folder: Path) -> dict[str, bytes]:
    """The files but for what is only remembered."""
    return {path: c for path, c in files(folder).items() if "/index/" not in path}
