"""Making and reading small YOLO data sets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

import datumaro as dm

HEIGHT, WIDTH = 10, 20

Found = dict[tuple[str, str], list[tuple[Any, ...]]]


def png(height: int = HEIGHT, width: int = WIDTH) -> bytes:
    """An image."""
    out = io.BytesIO()
    PILImage.fromarray(np.zeros((height, width, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def make(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files; of an image ``b""`` gives the content."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".png", ".jpg")) and not content:
            content = png()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read(root: Path, format: str = "yolo", **options: Any) -> dm.Dataset:
    """The data set at a path."""
    return dm.Dataset.import_from(str(root), format, **options)


def found(dataset: dm.Dataset) -> Found:
    """{(subset, id): (kind, label, points)} of all annotations."""
    return {
        (item.subset, item.id): [
            (a.type.name, a.label, list(getattr(a, "points", ()))) for a in item.annotations
        ]
        for item in dataset
    }


def names(dataset: dm.Dataset) -> list[str]:
    """The labels."""
    return [label.name for label in dataset.categories()[dm.AnnotationType.label]]


def image(root: Path, size: tuple[int, int] = (HEIGHT, WIDTH)) -> dm.Image:
    """An image file of that size."""
    path = root / f"image-{size[0]}-{size[1]}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(png(*size))
    return dm.Image.from_file(path=str(path), size=size)
