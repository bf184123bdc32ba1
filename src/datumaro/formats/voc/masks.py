"""PASCAL VOC's segmentation masks.

``SegmentationClass/<id>.png`` shows each pixel's label by the colour that the label map gives it,
``SegmentationObject/<id>.png`` each pixel's instance by VOC's palette. Both are palette images in
the challenge; RGB images are read too, and in images of one channel the values are the indices.
"""

from __future__ import annotations

import numpy as np

from datumaro.errors import InvalidAnnotationInFileError
from datumaro.formats.index_masks import (
    Array,
    ClassColors,
    MaskRow,
    Painting,
    pixels_of,
    runs_of,
)
from datumaro.model.categories import generate_colormap

MAX_INSTANCES = 1 << 16


def instance_numbers(colors: Array) -> Array:
    """The index of each colour (int32) in VOC's palette, which has all 2 ** 24 of them."""
    numbers = np.zeros(len(colors), np.int64)
    for bit in range(8):
        for channel in range(3):
            value = colors >> (16 - 8 * channel)
            numbers |= ((value >> (7 - bit)) & 1).astype(np.int64) << (3 * bit + channel)
    return numbers


def instance_masks(
    instances: Painting, path: str, classes: Painting | None, class_path: str, meaning: ClassColors
) -> list[MaskRow]:
    """A mask for each instance in an instance mask.

    Its label is the one that most of its pixels have in the class mask, background only when there
    is no other; None without a class mask.

    Raises
    ------
    InvalidAnnotationInFileError
        The two masks differ in size, or a colour is not in the label map.
    """
    runs = runs_of(instances.codes)
    codes = runs.codes
    if len(codes) > MAX_INSTANCES:
        raise InvalidAnnotationInFileError(
            path, "the pixels", f"{len(codes)} different colours", f"at most {MAX_INSTANCES}"
        )
    label_of: dict[int, int | None] = {}
    if classes is None:
        numbers = _numbers(instances, codes)
    else:
        if classes.codes.shape != instances.codes.shape:
            raise InvalidAnnotationInFileError(
                path, "IHDR", pixels_of(instances), f"{pixels_of(classes)}, as {class_path}"
            )
        # runs in which neither the instance nor the class changes
        class_runs = runs_of(classes.codes)
        class_codes = class_runs.codes
        starts = np.union1d(runs.starts, class_runs.starts)
        its_instance = runs.indices[np.searchsorted(runs.starts, starts, "right") - 1]
        its_class = class_runs.indices[np.searchsorted(class_runs.starts, starts, "right") - 1]
        numbers = _numbers(instances, codes)
        labels = meaning.label_of(classes, class_codes, class_path)
        pairs, which = np.unique(its_instance * len(class_codes) + its_class, return_inverse=True)
        areas = np.bincount(which, np.diff(starts, append=runs.n_pixels))
        label_of = _largest(
            numbers[pairs // len(class_codes)],
            labels[pairs % len(class_codes)],
            areas,
            meaning.labels.get(0, -1),
        )
    found = runs.masks(numbers)
    return [MaskRow(n, label_of.get(n), rle) for n, rle in found.items() if n]


def _numbers(instances: Painting, codes: Array) -> Array:
    if instances.is_color:
        return instance_numbers(instances.colors(codes))
    return codes.astype(np.int64)


def _largest(numbers: Array, labels: Array, areas: Array, background: int) -> dict[int, int | None]:
    """{instance: label}, of the areas in pixels of pairs of an instance and a label."""
    best: dict[int, tuple[bool, float, int]] = {}
    for number, label, area in zip(numbers.tolist(), labels.tolist(), areas.tolist(), strict=True):
        # of equally large ones the higher label
        rank = label != background and label >= 0, area, label
        best[number] = max(best.get(number, rank), rank)
    return {number: label if label >= 0 else None for number, (_, _, label) in best.items()}


def instance_palette(top: int) -> Array:
    """VOC's palette up to index ``top``, at least 256 colours; uint8 [n, 3]."""
    return np.array(list(generate_colormap(max(256, top + 1)).values()), np.uint8)
