"""Contact sheets: that each kind of annotation leaves its colour where it lies."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from datumaro.contact_sheet import contact_sheet, label_colour
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import Image, PointCloud

NAMES = ["cat", "dog", "kite"]
LEFT, TOP = 12, 12 + 26  # of the first thumbnail
GRAY = np.full((200, 200, 3), 90, np.uint8)


def annotation(kind: str, **fields: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{"type": AnnotationType[kind], "label": 1, "group": 0, "z_order": 0} | fields
    )


def item(*annotations: SimpleNamespace, media: Any = None, id: str = "a") -> SimpleNamespace:
    media = Image.from_numpy(GRAY) if media is None else media
    return SimpleNamespace(id=id, subset="train", media=media, annotations=list(annotations))


def thumbnail(sheet: PILImage.Image, thumb: int = 400) -> np.ndarray:
    return np.asarray(sheet)[TOP : TOP + thumb, LEFT : LEFT + thumb].astype(int)


def near(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels - np.array(colour)).max(2) < 12


@pytest.mark.parametrize(
    ("kind", "fields", "on", "off"),
    [  # (x, y) in pixels of the image, which is shown twice as large
        ("bbox", {"points": [40, 60, 120, 160]}, (40, 110), (80, 110)),
        ("polygon", {"points": [40, 60, 120, 60, 120, 160, 40, 160]}, (80, 160), (80, 110)),
        ("polyline", {"points": [40, 60, 120, 60, 120, 160]}, (120, 110), (40, 110)),
        ("ellipse", {"points": [40, 60, 120, 160]}, (80, 160), (80, 110)),
        ("rotated_bbox", {"points": [100, 100, 80, 40, 90]}, (120, 110), (140, 100)),
        ("points", {"points": [80, 110, 20, 20], "visibility": [2, 0]}, (80, 110), (20, 20)),
    ],
)
def test_shapes_are_drawn_where_they_are(
    kind: str, fields: dict[str, Any], on: tuple[int, int], off: tuple[int, int]
) -> None:
    shape = annotation(kind, **fields)
    pixels = thumbnail(contact_sheet([item(shape)], NAMES, thumb=400))
    coloured = near(pixels, label_colour(1))

    def around(x: int, y: int) -> np.ndarray:
        return coloured[2 * y - 8 : 2 * y + 9, 2 * x - 8 : 2 * x + 9]

    assert around(*on).any()
    assert not around(*off).any()


def test_masks_are_translucent() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[100:150, 20:100] = 1
    sheet = contact_sheet([item(annotation("mask", image=mask))], NAMES, thumb=400)
    pixels = thumbnail(sheet)
    expected = 0.55 * 90 + 0.45 * np.array(label_colour(1))
    assert np.abs(pixels[290, 60] - expected).max() < 3
    assert near(pixels, label_colour(1))[250, 45:195].any(), "its edge is not translucent"
    assert (pixels[50, 50] == 90).all()


def test_names_captions_and_titles_are_written() -> None:
    plain = np.asarray(contact_sheet([item()], NAMES))
    for other in (
        item(id="b"),
        item(annotation("label", label=2)),
        item(annotation("caption", caption="a dog\nin the snow")),
        item(annotation("cuboid_3d")),
    ):
        assert (np.asarray(contact_sheet([other], NAMES)) != plain).any()


def test_colours_of_images_are_right() -> None:
    blue = np.zeros((10, 10, 3), np.uint8)
    blue[:, :, 0] = 255  # BGR
    for pixels in (blue, np.dstack([blue, np.full((10, 10), 255, np.uint8)])):
        assert (thumbnail(contact_sheet([item(media=Image.from_numpy(pixels))], []))[5, 5]
                == (0, 0, 255)).all()  # fmt: skip
    depth = Image.from_numpy(np.full((10, 10), 257 * 77, np.uint16))
    assert (thumbnail(contact_sheet([item(media=depth)], []))[5, 5] == 77).all()


@pytest.mark.parametrize(
    "media",
    [
        Image.from_file("/nowhere.jpg", size=(100, 200)),
        Image.from_file("/etc/hostname", size=(100, 200), external=True),
        PointCloud.from_bytes(b"points"),
    ],
)
def test_without_an_image_the_annotations_are_drawn_on_an_empty_field(media: Any) -> None:
    box = annotation("bbox", points=[0, 0, 199, 99])
    pixels = thumbnail(contact_sheet([item(box, media=media)], NAMES, thumb=400))
    assert near(pixels, (228, 228, 224)).sum() > 50_000
    assert near(pixels, label_colour(1)).any()


@pytest.mark.parametrize("value", [1e30, -1e30, float("nan"), float("inf")])
def test_numbers_that_no_image_has_do_no_harm(value: float) -> None:
    shapes = [
        annotation(kind, points=[0, 0, value, 10], visibility=[2, 2])
        for kind in ("bbox", "polygon", "polyline", "ellipse", "points")
    ]
    media = Image.from_file("/nowhere.jpg")
    contact_sheet([item(*shapes, annotation("bbox", points=[0, 0, 5, 5], label=99))], NAMES)
    contact_sheet([item(*shapes, media=media)], NAMES)


def test_the_sheet_has_rows_and_columns() -> None:
    step_x, step_y = 100 + 12, 100 + 26 + 12
    sizes = {n: contact_sheet([item()] * n, [], columns=3, thumb=100).size for n in range(5)}
    assert sizes[1] == (step_x + 12, step_y + 12)
    assert sizes[3] == (3 * step_x + 12, step_y + 12)
    assert sizes[4] == (3 * step_x + 12, 2 * step_y + 12)
    assert sizes[0][0] > 0
    with pytest.raises(ValueError, match="columns is 0"):
        contact_sheet([], [], columns=0)


def test_neighbouring_labels_differ_in_colour() -> None:
    colours = [np.array(label_colour(i)) for i in range(90)]
    assert min(np.abs(a - b).max() for a, b in pairwise(colours)) > 60
    assert len({tuple(c) for c in colours}) == 90
