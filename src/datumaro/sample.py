"""A made-up COCO data set of any size: for a first try, for tests and for measurements.

Its pictures show balls, stars, houses, trees … whose outlines are the annotations, so that a look
tells whether the two fit. In numbers it is like COCO 2017: some 7 objects an image, some 20 points
a polygon, both with a long tail; crowds as RLE, ids with gaps, annotations in no order. The format
is described at https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from datumaro.staging import staged

Array = npt.NDArray[Any]

_BATCH = 1000  # images that are made at a time
_SIZES = np.array([(480, 640), (640, 480), (427, 640), (375, 500), (360, 480), (512, 512)])
_VAL_SHARE = 0.1

# id, name, supercategory, how often, colour (RGB)
_CATEGORIES = (
    (1, "ball", "toy", 0.26, (224, 74, 62)),
    (3, "star", "toy", 0.12, (250, 196, 40)),
    (4, "kite", "toy", 0.08, (214, 72, 164)),
    (7, "house", "building", 0.12, (178, 104, 66)),
    (8, "leaf", "nature", 0.1, (84, 176, 68)),
    (11, "stone", "nature", 0.19, (128, 134, 150)),
    (13, "tree", "nature", 0.09, (36, 128, 76)),
    (17, "cloud", "nature", 0.04, (240, 244, 250)),
)  # fmt: skip
_BALL, _STAR, _KITE, _HOUSE, _LEAF, _STONE, _TREE, _CLOUD = range(8)
_TRUNK = 8  # a tree's second polygon
_TRUNK_COLOUR = (112, 78, 52)
_CROWD_SHARE = 0.012  # of the stones: heaps, marked as crowds

# outlines that are the same at any number of points; x to the right, y down, within -1 to 1
_OUTLINES = {
    _KITE: [(0, -1), (0.65, -0.25), (0, 1), (-0.65, -0.25)],
    _HOUSE: [(-0.75, 1), (-0.75, 0), (-1, 0), (0, -1), (1, 0), (0.75, 0), (0.75, 1)],
    _STAR: [
        (r * np.sin(np.pi * i / 5), -r * np.cos(np.pi * i / 5)) for i, r in enumerate([1, 0.45] * 5)
    ],
    _TRUNK: [(-0.16, 0.2), (0.16, 0.2), (0.2, 1), (-0.2, 1)],
}
_UPRIGHT = (_HOUSE, _TREE, _CLOUD)


def write_sample(folder: Path, n_images: int, seed: int = 0, images: bool = True) -> None:
    """Write a COCO instances data set: ``annotations/instances_{train,val}.json``, ``images/…``.

    Parameters
    ----------
    folder : where to. An older sample there is replaced as a whole, other files stay.
    n_images : how many items; a tenth of them in the subset ``val``.
    seed : the same arguments make the same data set.
    images : whether to draw the pictures (some 15 ms each); without, 100,000 items take seconds.

    Raises
    ------
    ValueError
        ``n_images`` is negative.
    DatasetExportError
        The folder cannot be replaced (see `datumaro.staging.staged`).
    """
    if n_images < 0:
        raise ValueError(f"n_images is {n_images}; expected 0 or more")
    random = np.random.default_rng(seed)
    n_val = round(n_images * _VAL_SHARE) or min(1, n_images // 2)
    first_image = first_annotation = 1
    with staged(folder, ("annotations/instances_*.json", "images/**")) as root:
        (root / "annotations").mkdir()
        for subset, n in (("train", n_images - n_val), ("val", n_val)):
            ids = first_image + np.cumsum(random.integers(1, 6, n))
            sizes = _SIZES[random.choice(len(_SIZES), n, p=(0.4, 0.16, 0.2, 0.12, 0.06, 0.06))]
            pictures = root / "images" / subset
            if images:
                pictures.mkdir(parents=True)
            with (root / "annotations" / f"instances_{subset}.json").open("wb") as file:
                _write_head(file, ids, sizes)
                comma = b""
                for begin in range(0, n, _BATCH):
                    part = slice(begin, begin + _BATCH)
                    scenes = _make_scenes(ids[part], sizes[part], first_annotation, random)
                    first_annotation = int(scenes.ids.max(initial=first_annotation)) + 1
                    if images:
                        _draw_all(scenes, pictures, random)
                    if len(scenes.ids):
                        text = orjson.dumps(
                            list(_annotations(scenes, random)), option=orjson.OPT_SERIALIZE_NUMPY
                        )
                        file.write(comma + text[1:-1])
                        comma = b","
                file.write(b'],"categories":' + orjson.dumps(_categories()) + b"}")
            first_image = int(ids.max(initial=first_image)) + 1


def _file_name(image_id: int) -> str:
    return f"{image_id:012d}.jpg"


def _categories() -> list[dict[str, Any]]:
    return [{"id": c[0], "name": c[1], "supercategory": c[2]} for c in _CATEGORIES]


def _write_head(file: BinaryIO, ids: Array, sizes: Array) -> None:
    head = {
        "info": {"description": "Shapes: a made-up data set", "version": "1.0", "year": 2024},
        "licenses": [{"id": 1, "name": "CC0 1.0", "url": ""}],
        "images": [
            {
                "license": 1,
                "file_name": _file_name(image_id),
                "height": height,
                "width": width,
                "date_captured": "2024-01-01 00:00:00",
                "id": image_id,
            }
            for image_id, (height, width) in zip(ids.tolist(), sizes.tolist(), strict=True)
        ],
    }
    file.write(orjson.dumps(head)[:-1] + b',"annotations":[')


# --- what is on the images ----------------------------------------------------------------------


@dataclass
class _Scenes:
    """Images and the objects on them; a polygon belongs to an object, an object to an image.

    Attributes
    ----------
    image_ids, sizes : [images] and [images, 2], (height, width).
    ids, images, kinds, crowds : [objects], annotation id, index of the image, kind, if a crowd.
    centres, radii : [objects, 2] and [objects], pixels.
    polygons : [objects + 1], each object's first polygon.
    points : [polygons + 1], each polygon's first point.
    outline_kinds : [polygons], what each shows.
    xy : float64 [points, 2], pixels, in hundredths.
    """

    image_ids: Array
    sizes: Array
    ids: Array
    images: Array
    kinds: Array
    crowds: Array
    centres: Array
    radii: Array
    polygons: Array
    points: Array
    outline_kinds: Array
    xy: Array


def _starts(counts: Array) -> Array:
    return np.concatenate([[0], np.cumsum(counts)])


def _make_scenes(
    image_ids: Array, sizes: Array, first_id: int, random: np.random.Generator
) -> _Scenes:
    n_images = len(image_ids)
    counts = np.minimum(1 + random.negative_binomial(1, 1 / 7.2, n_images), 60)
    counts[random.random(n_images) < 0.01] = 0  # nothing to see
    images = np.repeat(np.arange(n_images), counts)
    n = len(images)
    kinds = random.choice(len(_CATEGORIES), n, p=[c[3] for c in _CATEGORIES])
    crowds = (kinds == _STONE) & (random.random(n) < _CROWD_SHARE / _CATEGORIES[_STONE][3])

    # each object in a cell of its own of a grid over the image, in no order
    height, width = sizes[images, 0], sizes[images, 1]
    columns = np.ceil(np.sqrt(counts[images] * width / height)).astype(np.int64)
    rows = np.ceil(counts[images] / np.maximum(columns, 1)).astype(np.int64)
    rank = np.lexsort((random.random(n), images))
    cell = np.empty(n, np.int64)
    cell[rank] = np.arange(n) - np.repeat(_starts(counts)[:-1], counts)
    cell_size = np.stack([width / columns, height / rows], 1)
    radii = cell_size.min(1) / 2 * random.uniform(0.35, 0.98, n)
    play = np.maximum(cell_size / 2 - radii[:, None] * 0.9, 0)
    middle = (np.stack([cell % columns, cell // columns], 1) + 0.5) * cell_size
    centres = middle + random.uniform(-1, 1, (n, 2)) * play

    # a tree has two polygons, all others one
    n_polygons = 1 + (kinds == _TREE)
    polygons = _starts(n_polygons)
    owner = np.repeat(np.arange(n), n_polygons)
    outline_kinds = kinds[owner]
    outline_kinds[polygons[:-1][kinds == _TREE] + 1] = _TRUNK
    points, xy = _outlines(outline_kinds, random)
    spread = np.repeat(owner, np.diff(points))
    angle = np.where(np.isin(kinds, _UPRIGHT), 0, random.uniform(-0.5, 0.5, n))
    angle = np.where(kinds == _LEAF, angle * 4, angle)[spread]
    turned = np.stack(
        [
            xy[:, 0] * np.cos(angle) - xy[:, 1] * np.sin(angle),
            xy[:, 0] * np.sin(angle) + xy[:, 1] * np.cos(angle),
        ],
        1,
    )
    xy = centres[spread] + radii[spread, None] * turned
    xy = np.clip(xy, 0, np.stack([width, height], 1)[spread]).round(2)
    ids = first_id + np.cumsum(random.integers(1, 4, n))
    return _Scenes(
        image_ids, sizes, ids, images, kinds, crowds, centres, radii, polygons, points,
        outline_kinds, xy,
    )  # fmt: skip


def _outlines(kinds: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Outlines of those kinds: each one's first point [n + 1], and their points, -1 to 1."""
    # as people click them: 20 points, sometimes a few, sometimes a hundred or more
    counts = np.clip(np.exp(random.normal(3.16, 0.66, len(kinds))), 6, 300).astype(np.int64)
    for kind, outline in _OUTLINES.items():
        counts[kinds == kind] = len(outline)
    starts = _starts(counts)
    owner = np.repeat(np.arange(len(kinds)), counts)
    step: Array = np.arange(int(starts[-1])) - starts[:-1][owner]
    theta = 2 * np.pi * step / counts[owner]
    phase = random.uniform(0, 2 * np.pi, (2, len(kinds)))[:, owner]
    kind_of = kinds[owner]
    radius = np.ones(len(owner))
    bumpy = np.isin(kind_of, (_TREE, _CLOUD))
    radius[bumpy] = 0.8 + 0.2 * np.abs(np.sin(2.5 * theta[bumpy]))
    stone = kind_of == _STONE
    radius[stone] = (
        0.75
        + 0.14 * np.sin(2 * theta[stone] + phase[0, stone])
        + 0.09 * np.sin(3 * theta[stone] + phase[1, stone])
    )
    xy = np.stack([radius * np.cos(theta), radius * np.sin(theta)], 1)
    xy[kind_of == _LEAF, 1] *= 0.42
    xy[kind_of == _CLOUD, 1] *= 0.6
    xy[kind_of == _TREE] = xy[kind_of == _TREE] * 0.68 - (0, 0.32)
    for kind, outline in _OUTLINES.items():
        mine = kind_of == kind
        xy[mine] = np.array(outline)[step[mine]]
    return starts, xy


def _heap(centre: Array, radius: float, height: int, width: int) -> tuple[list[int], Array]:
    """A crowd's region, an ellipse: its uncompressed RLE counts, and its box (x, y, w, h)."""
    x = np.arange(max(0, int(centre[0] - radius)), min(width, int(centre[0] + radius) + 1))
    share = (x + 0.5 - centre[0]) / radius
    half = 0.7 * radius * np.sqrt(np.clip(1 - share**2, 0, None))
    top = np.clip(np.ceil(centre[1] - half - 0.5), 0, height).astype(np.int64)
    bottom = np.clip(np.floor(centre[1] + half - 0.5) + 1, 0, height).astype(np.int64)
    filled = bottom > top
    x, top, bottom = x[filled], top[filled], bottom[filled]
    # runs of pixels down the columns, one column after another: of 0, of 1, of 0, …
    edges = np.stack([x * height + top, x * height + bottom], 1).ravel()
    counts = np.diff(np.concatenate([[0], edges, [height * width]])).tolist()
    box = np.array([x[0], top.min(), x[-1] + 1 - x[0], bottom.max() - top.min()], np.float64)
    return counts, box


def _annotations(scenes: _Scenes, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """The objects as COCO writes them, in no order."""
    x, y = scenes.xy.T
    first = scenes.points[:-1]
    ahead = np.arange(1, len(x) + 1)
    ahead[scenes.points[1:] - 1] = first  # the point after a polygon's last is its first
    areas = np.abs(np.add.reduceat(x * y[ahead] - x[ahead] * y, first)) / 2
    areas = np.add.reduceat(areas, scenes.polygons[:-1])
    begins = scenes.points[scenes.polygons[:-1]]
    low = np.minimum.reduceat(scenes.xy, begins)
    boxes = np.concatenate([low, np.maximum.reduceat(scenes.xy, begins) - low], 1).round(2)
    occluded = (random.random(len(scenes.ids)) < 0.2).tolist()
    flat, points, polygons = scenes.xy.ravel(), (scenes.points * 2).tolist(), scenes.polygons
    image_ids = scenes.image_ids[scenes.images].tolist()
    for i in random.permutation(len(scenes.ids)).tolist():
        if scenes.crowds[i]:
            height, width = scenes.sizes[scenes.images[i]].tolist()
            counts, box = _heap(scenes.centres[i], float(scenes.radii[i]), height, width)
            segmentation: Any = {"counts": counts, "size": [height, width]}
            area: Any = sum(counts[1::2])
        else:
            parts = range(polygons[i], polygons[i + 1])
            segmentation = [flat[points[p] : points[p + 1]] for p in parts]
            box, area = boxes[i], areas[i]
        yield {
            "segmentation": segmentation,
            "area": area,
            "iscrowd": int(scenes.crowds[i]),
            "image_id": image_ids[i],
            "bbox": box,
            "category_id": _CATEGORIES[scenes.kinds[i]][0],
            "id": int(scenes.ids[i]),
            "attributes": {"occluded": occluded[i]},
        }


# --- the pictures -------------------------------------------------------------------------------

_SKIES = (
    ((92, 156, 222), (206, 230, 246)),
    ((246, 176, 120), (252, 230, 190)),
    ((120, 128, 190), (230, 206, 220)),
    ((130, 196, 196), (234, 244, 226)),
)


def _draw_all(scenes: _Scenes, folder: Path, random: np.random.Generator) -> None:
    """Draw the images: the larger objects first, so that they do not hide smaller ones."""
    starts = np.searchsorted(scenes.images, np.arange(len(scenes.image_ids) + 1))
    for i, image_id in enumerate(scenes.image_ids.tolist()):
        objects: Array = np.arange(int(starts[i]), int(starts[i + 1]))
        _draw(
            scenes,
            tuple(scenes.sizes[i].tolist()),
            objects[np.argsort(-scenes.radii[objects])].tolist(),
            folder / _file_name(image_id),
            random,
        )


def _draw(
    scenes: _Scenes,
    size: tuple[int, int],
    objects: list[int],
    path: Path,
    random: np.random.Generator,
) -> None:
    from PIL import Image, ImageDraw, ImageOps

    height, width = size
    zoom = 2  # drawn larger and shrunk: smooth edges
    sky = _SKIES[random.integers(len(_SKIES))]
    ramp = Image.linear_gradient("L").resize((width * zoom, height * zoom))
    canvas = ImageOps.colorize(ramp, sky[0], sky[1])
    draw = ImageDraw.Draw(canvas)

    def shape(xy: Array, colour: tuple[int, ...], light: float) -> None:
        line = tuple(int(v * light * 0.62) for v in colour)
        fill = tuple(min(255, int(v * light)) for v in colour)
        corners = [tuple(p) for p in (xy * zoom).tolist()]
        draw.polygon(corners, fill, line, width=2 * zoom)

    for i in objects:
        light = float(random.uniform(0.82, 1.12))
        centre, radius = scenes.centres[i], scenes.radii[i]
        if scenes.crowds[i]:  # a heap of stones, which fills the region
            box = [*(centre - radius * np.array([1, 0.7])), *(centre + radius * np.array([1, 0.7]))]
            draw.ellipse([float(v) * zoom for v in box], (104, 106, 116))
            angles = random.uniform(0, 2 * np.pi, 40)
            distances = np.sqrt(random.uniform(0, 0.72, 40))
            for angle, distance in zip(angles, distances, strict=True):
                at = centre + radius * distance * np.array([np.cos(angle), 0.7 * np.sin(angle)])
                theta = np.arange(7) * 2 * np.pi / 7
                stone = at + radius * 0.11 * np.stack([np.cos(theta), np.sin(theta)], 1)
                shape(stone, _CATEGORIES[_STONE][4], float(random.uniform(0.9, 1.3)))
            continue
        for p in reversed(range(scenes.polygons[i], scenes.polygons[i + 1])):
            kind = int(scenes.outline_kinds[p])
            xy = scenes.xy[scenes.points[p] : scenes.points[p + 1]]
            colour = _TRUNK_COLOUR if kind == _TRUNK else _CATEGORIES[kind][4]
            shape(xy, colour, light)
    canvas.reduce(zoom).save(path, "JPEG", quality=90)
