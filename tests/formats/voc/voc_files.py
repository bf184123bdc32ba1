"""Files and data sets of PASCAL VOC for its tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PILImage

import datumaro as dm
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import generate_colormap
from format_files import make

PALETTE = np.array(list(generate_colormap(256).values()), np.uint8)


def thing(name: str = "cat", box: tuple[object, ...] | None = (1, 2, 3, 4), more: str = "") -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box or (), strict=False)
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
    return (
        f"<object><name>{name}</name>"
        + (f"<bndbox>{inside}</bndbox>" if box else "")
        + f"{more}</object>"
    )


def xml(*objects: str, filename: str = "a.jpg", size: tuple[int, int] | None = (10, 20)) -> str:
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height></size>" if size else ""
    return f"<annotation>\n<filename>{filename}</filename>\n{sides}{''.join(objects)}</annotation>"


def read(root: Path, format: str = "voc", **options: object) -> dm.Dataset:
    return dm.Dataset.import_from(str(root), format, **options)


def one(root: Path, format: str = "voc") -> dm.DatasetItem:
    (item,) = read(root, format)
    return item


def with_xml(root: Path, text: str | bytes) -> Path:
    return make(root, {"ImageSets/Main/train.txt": "a\n", "Annotations/a.xml": text})


def export(root: Path, items: list[dm.DatasetItem], labels: object, **options: object) -> Path:
    categories = labels if isinstance(labels, dict) else list(labels)
    dataset = dm.Dataset.from_iterable(items, categories=categories)
    dataset.export(str(root), options.pop("format", "voc"), **options)
    return root


def two_masks() -> list[dm.Mask]:
    first, second = np.zeros((10, 20), bool), np.zeros((10, 20), bool)
    first[1:4, 2:9], second[5:9, 3:5] = True, True
    return [dm.Mask(first, label=1, group=3), dm.Mask(second, label=2, group=5)]


def boxes() -> list[dm.Annotation]:
    flags = {"difficult": False, "truncated": True, "occluded": False}
    acts = {"walk": True, "run": False}
    free = {"color": 'red & <"bold">', "note": "two\nlines\r", "point": [1.5, 2.0]}
    return [
        dm.Bbox(1, 2, 3.25, 4, label=1, id=0, group=0, attributes={**flags, "pose": "Left"}),
        dm.Bbox(0.1, 0.2, 9, 8, label=2, id=1, group=1, attributes={**flags, **acts}),
        dm.Bbox(1, 1, 1, 1, label=3, id=0, group=1),
        dm.Bbox(2, 2, 1, 1, label=3, id=0, group=1),
        dm.Bbox(5, 5, 1, 1, label=1, id=2, group=2, attributes={**flags, **free}),
    ]


def pictured(root: Path) -> dict[str, dm.Image]:
    pixels = np.full((10, 20, 3), 99, np.uint8)
    root.mkdir(parents=True, exist_ok=True)
    made = {}
    for name in ("a.jpg", "b.png"):
        PILImage.fromarray(pixels).save(root / name)
        made[name] = dm.Image.from_file(path=str(root / name))
    return made


def data_set(root: Path, contents: list[list[dm.Annotation]]) -> dm.Dataset:
    labels = dm.LabelCategories.from_iterable(
        ["background", "cat", ("person", "", ["walk", "run"]), ("head", "person")]
    )
    ids = ["2007_000001", "with space", "deep/er/ünïcödé", "dots.in.id"]
    media = list(pictured(root).values())
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset=("train", "val", "my_subset")[n % 3],
                media=media[n % 2],
                annotations=contents[n % len(contents)],
            )
            for n, item_id in enumerate(ids)
        ],
        categories={AnnotationType.label: labels},
    )


CONTENTS: dict[str, list[list[dm.Annotation]]] = {
    "voc": [[dm.Label(1), dm.Label(2), *boxes(), *two_masks()], [], boxes()],
    "voc_classification": [[dm.Label(1)], [dm.Label(1), dm.Label(3)], []],
    "voc_detection": [[a for a in boxes() if a.label == 1][:1], []],
    "voc_segmentation": [two_masks(), []],
    "voc_instance_segmentation": [[boxes()[0], *two_masks()], []],
    "voc_layout": [[boxes()[0], *boxes()[1:4]], []],
    "voc_action": [boxes()[:2], []],
}


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
