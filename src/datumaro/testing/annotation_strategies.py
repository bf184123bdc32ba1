"""Drawing, by Hypothesis, the annotations of an item that a format can hold.

Functions draw instead of returning strategies, and the strategies that they draw from are made
once: to make one, and to check it, takes longer than to draw from it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from datumaro.formats.capabilities import Capabilities, Held, Names
from datumaro.model.annotation import (
    Annotation,
    AnnotationType,
    Caption,
    FeatureVector,
    HashKey,
    Label,
    Tabular,
)
from datumaro.model.image_annotation import DepthAnnotation, SuperResolutionAnnotation
from datumaro.model.masks import Mask
from datumaro.model.media import Image
from datumaro.model.shapes import (
    Bbox,
    Cuboid2D,
    Cuboid3d,
    Ellipse,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from datumaro.testing.media import Size, pixels

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]

JSON_VALUES: tuple[Any, ...] = (
    3,
    -7,
    0.5,
    True,
    False,
    "text",
    "два слова",
    "1",
    [1, "two", [3.5]],
    {"b": {"c": []}},
)
_TEXT = ("text", "два слова", "a-b", "Left")
_VALUES: dict[str, tuple[Any, ...]] = {"json": JSON_VALUES, "text": _TEXT, "flags": (True, False)}
_CAPTIONS = ("a cat", "два слова, 猫", 'quoted "word" & <tag>')
_ATTRIBUTES = {
    kept: st.dictionaries(
        st.sampled_from(("color", "note", "size_cm")), st.sampled_from(values), max_size=2
    )
    for kept, values in _VALUES.items()
}

BOOLEANS = st.booleans()
integers = functools.cache(st.integers)
"""Strategy of integers from the least to the most that is given."""


@functools.cache
def _lists(
    least: int, most: int, min_size: int, max_size: int | None, *, unique: bool = False
) -> st.SearchStrategy[list[int]]:
    """Of ``min_size`` to ``max_size`` (None: any number of) integers from ``least`` to ``most``."""
    return st.lists(integers(least, most), min_size=min_size, max_size=max_size, unique=unique)


def one_of(draw: Draw, values: Sequence[T]) -> T:
    """One of some values."""
    position: int = draw(integers(0, len(values) - 1))
    return values[position]


def attributes(draw: Draw, kept: str, names: Names) -> dict[str, Any]:
    """Attributes: of any name, as they are kept, and of the names that are."""
    found: dict[str, Any] = {}
    if kept != "none":
        found |= draw(_ATTRIBUTES[kept])
    for name, values in names.items():
        value = one_of(draw, (None, *values))
        if value is not None:
            found[name] = value
    return found


def item_annotations(
    draw: Draw, holds: Capabilities, size: Size, names: Sequence[str], first_id: int = 1
) -> list[Annotation]:
    """An item's annotations, with ids from ``first_id`` on.

    Parameters
    ----------
    size : the image's height and width in pixels, at least 3.
    names : the labels; with none of them, no annotation has a label.
    """
    kinds = [
        k for k in holds.annotations if k in (AnnotationType.label, AnnotationType.mask, *MAKERS)
    ]
    kinds = [k for k in kinds if names or holds.annotations[k].label in ("optional", "none")]
    kinds = [k for k in kinds if names or k is not AnnotationType.label]
    if not kinds:
        return []
    fewest = 1 if holds.annotations_needed else 0
    kinds.sort()
    numbers: list[int] = draw(_lists(0, len(kinds) - 1, fewest, 5))
    chosen = [kinds[number] for number in numbers]
    result: list[Annotation] = []
    for kind in sorted(set(chosen)):
        held = holds.annotations[kind]
        n = chosen.count(kind) if held.most is None else min(chosen.count(kind), held.most)
        labels = _labels(draw, kind, held, n, len(names))
        shapes = _masks(draw, held, size, len(labels)) if kind is AnnotationType.mask else None
        for position, label in enumerate(labels):
            common = _common(draw, kind, held, label, first_id + len(result))
            if shapes is not None:
                if position < len(shapes):
                    result.append(Mask(shapes[position], **common))
            elif kind is AnnotationType.label:
                result.append(Label(**common))
            else:
                result.append(MAKERS[kind](draw, held, size, common))
    _group(draw, holds, result)
    return result


def _labels(draw: Draw, kind: AnnotationType, held: Held, n: int, n_names: int) -> list[int | None]:
    """Labels of ``n`` annotations, or of fewer where some cannot be had twice."""
    if held.label == "none" or not n_names:
        return [None] * n
    if kind is AnnotationType.label or held.merged:
        return draw(_lists(0, n_names - 1, min(n, 1), n, unique=True))
    if held.label == "optional":
        return [one_of(draw, (*range(n_names), None)) for _ in range(n)]
    return [draw(integers(0, n_names - 1)) for _ in range(n)]


def _common(
    draw: Draw, kind: AnnotationType, held: Held, label: int | None, number: int
) -> dict[str, Any]:
    """The fields that do not depend on the kind."""
    common: dict[str, Any] = {"attributes": attributes(draw, held.attributes, held.names)}
    if kind not in _UNLABELLED and label is not None:
        common["label"] = label
    if held.ids is True:
        common["id"] = number
    if held.object_ids:
        common["object_id"] = draw(integers(-1, 5))
    if held.z_order and kind in _ORDERED:
        common["z_order"] = draw(integers(-3, 3))
    return common


def _group(draw: Draw, holds: Capabilities, annotations: list[Annotation]) -> None:
    """Put some annotations into groups, as far as those are held."""
    able = [a for a in annotations if holds.annotations[a.type].groups == "any"]
    for annotation in able:
        annotation.group = draw(integers(0, 2))
    boxes = {
        getattr(a, "label", None): a
        for a in annotations
        if a.type is AnnotationType.bbox and holds.annotations[a.type].groups == "objects"
    }
    group = max((a.id for a in annotations), default=0) + 1000
    for annotation in annotations:
        held = holds.annotations[annotation.type]
        if held.groups != "objects" or annotation.type not in _OUTLINES:
            continue
        box = boxes.pop(getattr(annotation, "label", None), None)
        if box is not None and draw(BOOLEANS):
            group = box.id or group + 1
            for part in (box, annotation):
                part.group = group
                part.id = box.id
                part.attributes = dict(box.attributes)


_OUTLINES = (AnnotationType.polygon, AnnotationType.mask)
_UNLABELLED = (AnnotationType.caption,)
_ORDERED = (
    AnnotationType.mask,
    AnnotationType.points,
    AnnotationType.polygon,
    AnnotationType.polyline,
    AnnotationType.bbox,
    AnnotationType.ellipse,
    AnnotationType.rotated_bbox,
    AnnotationType.cuboid_2d,
    AnnotationType.skeleton,
)


def _masks(draw: Draw, held: Held, size: Size, n: int) -> list[np.ndarray[Any, Any]]:
    """``n`` masks, or fewer where they may not overlap: each has a pixel."""
    if held.overlap:
        made: list[np.ndarray[Any, Any]] = []
        for _ in range(n):
            box = _boxes(draw, 0, size)
            made.append(_filled(size, box))
        return made
    owner = np.zeros(size, np.uint8)
    for number in range(1, n + 1):
        left, top, right, bottom = (round(v) for v in _boxes(draw, 0, size))
        owner[top:bottom, left:right] = number
    return [owner == number for number in range(1, n + 1) if (owner == number).any()]


def _filled(size: Size, box: list[float]) -> np.ndarray[Any, Any]:
    mask = np.zeros(size, bool)
    left, top, right, bottom = (round(v) for v in box)
    mask[top:bottom, left:right] = True
    mask[top, left] = True
    return mask


def _boxes(draw: Draw, digits: int, size: Size) -> list[float]:
    """Left, top, right, bottom: inside the image, a pixel or more each way."""
    unit = 10 ** min(digits, 2)
    bounds: list[list[int]] = []
    for length in (size[1], size[0]):
        first = draw(integers(0, (length - 1) * unit))
        bounds.append([first, draw(integers(first + unit, length * unit))])
    (left, right), (top, bottom) = bounds
    return [value / unit for value in (left, top, right, bottom)]


def _points(draw: Draw, held: Held, size: Size, least: int) -> list[float]:
    """Flat coordinates of ``least`` to six different points in the image."""
    unit = 10 ** min(held.digits, 2)
    columns, rows = size[1] * unit + 1, size[0] * unit + 1
    places = draw(_lists(0, columns * rows - 1, least, 6, unique=True))
    return [value / unit for place in places for value in divmod(place, rows)]


Maker = Callable[[Draw, Held, Size, dict[str, Any]], Annotation]


def _bbox(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    left, top, right, bottom = _boxes(draw, held.digits, size)
    return Bbox(left, top, right - left, bottom - top, **common)


def _polygon(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    left, top, right, bottom = _boxes(draw, held.digits, size)
    corners = [left, top, right, top, right, bottom, left, bottom]
    return Polygon(corners[: one_of(draw, (6, 8))], **common)


def _polyline(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return PolyLine(_points(draw, held, size, 2), **common)


def _key_points(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    points = _points(draw, held, size, 1)
    n = len(points) // 2
    seen = [draw(integers(1, 2)) if held.visibility else 2 for _ in range(n)]
    return Points(points, seen, **common)


def _ellipse(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return Ellipse(*_boxes(draw, held.digits, size), **common)


def _rotated_bbox(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    left, top, right, bottom = _boxes(draw, 0, size)
    angle = draw(integers(0, 179))
    width, height = right - left, bottom - top
    return RotatedBbox(left + width / 2, top + height / 2, width, height, angle, **common)


def _cuboid_2d(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    left, top, right, bottom = _boxes(draw, held.digits, size)
    front = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Cuboid2D([*front, *((x / 2, y / 2) for x, y in front)], **common)


def _cuboid_3d(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    place = [draw(integers(-500, 500)) / 100 for _ in range(3)]
    turn = [0.0, 0.0, draw(integers(-3, 3)) / 2]
    sides = [draw(integers(1, 500)) / 100 for _ in range(3)]
    return Cuboid3d(place, turn, sides, **common)


def _caption(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return Caption(one_of(draw, _CAPTIONS), **common)


def _hash_key(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return HashKey(np.full(HashKey.LENGTH, draw(integers(0, 255)), np.uint8), **common)


def _feature_vector(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return FeatureVector(np.array(draw(_lists(0, 9, 1, None)), float), **common)


def _tabular(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return Tabular({"number": draw(integers(0, 9)), "text": "猫"}, **common)


def _skeleton(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    point = _points(draw, held, size, 1)[:2]
    return Skeleton([Points(point, [2], label=common.get("label"))], **common)


def _depth(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return DepthAnnotation(Image.from_numpy(data=pixels(size), ext=".png"), **common)


def _super_resolution(draw: Draw, held: Held, size: Size, common: dict[str, Any]) -> Annotation:
    return SuperResolutionAnnotation(Image.from_numpy(data=pixels(size), ext=".png"), **common)


MAKERS: dict[AnnotationType, Maker] = {
    AnnotationType.bbox: _bbox,
    AnnotationType.polygon: _polygon,
    AnnotationType.polyline: _polyline,
    AnnotationType.points: _key_points,
    AnnotationType.ellipse: _ellipse,
    AnnotationType.rotated_bbox: _rotated_bbox,
    AnnotationType.cuboid_2d: _cuboid_2d,
    AnnotationType.cuboid_3d: _cuboid_3d,
    AnnotationType.caption: _caption,
    AnnotationType.hash_key: _hash_key,
    AnnotationType.feature_vector: _feature_vector,
    AnnotationType.tabular: _tabular,
    AnnotationType.skeleton: _skeleton,
    AnnotationType.depth_annotation: _depth,
    AnnotationType.super_resolution_annotation: _super_resolution,
}
"""How an annotation of each kind is made, but labels and masks."""
