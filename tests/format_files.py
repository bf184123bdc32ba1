"""Files and data sets for the tests of formats."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.model.annotation import Annotation, AnnotationType
from datumaro.model.media import MediaElement, MultiframeImage, PointCloud, Video

ODD_IDS = (
    "1",
    "with space",
    "dots.in.the.name",
    "nested/folder/name",
    "ünïcödé/猫 и кот",
    "quote'n\"percent%20+&",
    "0007",
)


def make(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below a folder, which is returned."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def png(pixels: Any, palette: Sequence[tuple[int, int, int]] | None = None) -> bytes:
    """A PNG file: of uint8, uint16 or RGB pixels, or of indices into a palette."""
    image = PILImage.fromarray(np.asarray(pixels))
    if palette is not None:
        image.putpalette(np.array(palette, np.uint8).tobytes())
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def of_stated_size(file: bytes, height: int, width: int) -> bytes:
    """A PNG file that lies about its size."""
    header = b"IHDR" + struct.pack(">II", width, height) + file[24:29]
    return file[:12] + header + struct.pack(">I", zlib.crc32(header)) + file[33:]


def image(height: int = 4, width: int = 6, shade: int = 0) -> dm.Image:
    """An image in memory."""
    return dm.Image.from_numpy(data=np.full((height, width, 3), shade, np.uint8), ext=".png")


NO_IMAGES = {  # media; their files are a.mp4 and a.pcd in a folder
    "video": lambda folder: Video(folder / "a.mp4"),
    "cloud": lambda folder: PointCloud.from_file(folder / "a.pcd"),
    "cloud in memory": lambda _: PointCloud.from_bytes(b"no picture"),
    "several frames": lambda _: MultiframeImage([image(), image()]),
    "unknown": lambda folder: MediaElement(str(folder / "a.mp4")),
}


def rows_mask(*rows: int, height: int = 4, width: int = 6) -> np.ndarray:
    """A mask of whole rows."""
    pixels = np.zeros((height, width), bool)
    pixels[list(rows)] = True
    return pixels


def dataset_of_rows(
    labels: list[str],
    item_ids: tuple[str, ...] = ("a",),
    colormap: dict[int, tuple[int, int, int]] | None = None,
) -> dm.Dataset:
    """Items with masks: a row of each label, at most three; the last row is no label's."""
    categories: dict[AnnotationType, object] = {
        AnnotationType.label: dm.LabelCategories.from_iterable(labels)
    }
    if colormap is not None:
        categories[AnnotationType.mask] = dm.MaskCategories(colormap)
    items = [
        dm.DatasetItem(
            item_id,
            subset=("train", "val", "default")[number % 3],
            media=image(shade=number),
            annotations=[dm.Mask(rows_mask(i), label=i) for i in range(min(3, len(labels)))],
        )
        for number, item_id in enumerate(item_ids)
    ]
    return dm.Dataset.from_iterable(items, categories=categories)


def read(root: Path, format: str, **options: object) -> dm.Dataset:
    return dm.Dataset.import_from(str(root), format, **options)


def written(dataset: dm.Dataset, root: Path, format: str, **options: Any) -> dm.Dataset:
    """The data set as it comes back."""
    dataset.export(str(root), format, **options)
    return read(root, format)


def label_names(dataset: dm.Dataset) -> list[str]:
    return [label.name for label in dataset.categories()[AnnotationType.label]]


def colors(dataset: dm.Dataset) -> dict[int, tuple[int, int, int]]:
    return dataset.categories()[AnnotationType.mask].colormap


def count(dataset: dm.Dataset) -> tuple[dict[str, int], dict[str, int]]:
    """(items by subset, annotations by kind)."""
    kinds: dict[str, int] = {}
    for item in dataset:
        for annotation in item.annotations:
            kinds[annotation.type.name] = kinds.get(annotation.type.name, 0) + 1
    return {name: len(subset) for name, subset in dataset.subsets().items()}, kinds


def masks(item: dm.DatasetItem) -> dict[Any, list[list[int]]]:
    """{label: pixels} of an item's masks, of which each has a label of its own."""
    found = {a.label: np.asarray(a.image).astype(int).tolist() for a in item.annotations}
    assert len(found) == len(item.annotations)
    return found


def same_masks(sent: Sequence[Annotation], received: Sequence[Annotation]) -> bool:
    """Whether two lists of masks have the same labels and pixels, in any order."""
    sides = [
        sorted((a.label, np.asarray(a.image, bool).tobytes()) for a in annotations)
        for annotations in (sent, received)
    ]
    return sides[0] == sides[1]


def detect(root: Path, format: str) -> Confidence | str:
    """How sure a format is that a folder is its own, or why it is not."""
    try:
        return registry.get(format).detect(Folder(root))
    except Rejected as rejected:
        return str(rejected)


def lost(caplog: pytest.LogCaptureFixture) -> str:
    """What the exports of a test have said that they left out."""
    return "\n".join(r.getMessage() for r in caplog.records if "cannot hold" in r.getMessage())
