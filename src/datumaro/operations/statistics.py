"""Statistics of a data set's annotations, computed on columns, and of its images."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datumaro.model.annotation import AnnotationType
from datumaro.operations.areas import areas
from datumaro.operations.content import HasContent, content_of
from datumaro.operations.image_statistics import compute_image_statistics
from datumaro.table import json_text
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import NO_LABEL, label_values

__all__ = ["compute_ann_statistics", "compute_image_statistics"]

# Attributes that differ from annotation to annotation by their nature: not counted.
_SKIPPED_ATTRIBUTES = frozenset({"occluded", "visibility", "score", "id", "track_id"})
_SEGMENTS = (AnnotationType.mask, AnnotationType.polygon, AnnotationType.bbox)
_BINS = 10

Statistics = dict[str, Any]


def compute_ann_statistics(dataset: HasContent | Content) -> Statistics:
    """Count annotations: by kind, label, attribute, area.

    Returns
    -------
    A dict that JSON can hold:

    - ``images count``, ``annotations count``, ``unannotated images count``,
      ``unannotated images`` (their ids);
    - ``annotations by type``: {kind: {``count``}} for every kind there is;
    - ``annotations``:

      - ``labels``: ``count`` of annotations with a label; ``distribution`` {label: [n, share]};
        ``attributes`` of annotations with a label: {name: {``count``, ``values count``,
        ``values present``, ``distribution`` {value: [n, share]}}}, without occluded, visibility,
        score, id and track_id;
      - ``segments`` (masks, polygons and boxes): ``avg. area`` in square pixels;
        ``area distribution``, ten bins of {``min``, ``max``, ``count``, ``percent`` (a share)};
        ``pixel distribution`` {label: [pixels, share]} of segments with a label.

    A label that the categories do not have appears by its number.
    """
    content = content_of(dataset)
    kinds = np.zeros(256, np.int64)
    labels, pixels = Counter[int](), Counter[int]()
    attributes = Counter[str]()
    unannotated: list[str] = []
    segments: list[npt.NDArray[np.float64]] = []
    for chunk in content.chunks:
        unannotated += _unannotated(chunk)
        kind = chunk.annotations.column("type").to_numpy()
        kinds += np.bincount(kind, minlength=256)
        label = label_values(chunk.annotations.column("label"))
        labelled = label != NO_LABEL
        _add(labels, label[labelled], np.ones(int(labelled.sum())))
        _count_attributes(attributes, chunk.annotations, labelled)
        area = areas(chunk.annotations)
        area[~np.isin(kind, _SEGMENTS)] = np.nan
        known = np.isfinite(area)
        segments.append(area[known])
        _add(pixels, label[known & labelled], np.floor(area[known & labelled]))
    names = content.label_names
    return {
        "images count": len(content),
        "annotations count": int(kinds.sum()),
        "unannotated images count": len(unannotated),
        "unannotated images": unannotated,
        "annotations by type": {t.name: {"count": int(kinds[t])} for t in AnnotationType},
        "annotations": {
            "labels": {
                "count": labels.total(),
                "distribution": _by_label(labels, names),
                "attributes": _by_attribute(attributes),
            },
            "segments": {
                **_area_distribution(np.concatenate(segments) if segments else np.zeros(0)),
                "pixel distribution": _by_label(pixels, names),
            },
        },
    }


def _unannotated(chunk: Chunk) -> list[str]:
    rows = np.flatnonzero(np.diff(chunk.offsets) == 0)
    return chunk.items.column("id").take(pa.array(rows)).to_pylist()


def _add(
    totals: Counter[int], labels: npt.NDArray[np.int32], weights: npt.NDArray[np.float64]
) -> None:
    """Add the weights (whole numbers) of each label."""
    found, inverse = np.unique(labels, return_inverse=True)
    sums = np.bincount(inverse, weights, minlength=len(found))
    for label, total in zip(found.tolist(), sums.tolist(), strict=True):
        totals[label] += int(total)


def _count_attributes(
    totals: Counter[str], annotations: pa.RecordBatch, counted: npt.NDArray[np.bool_]
) -> None:
    """Count equal JSON objects first: most data sets have few, and each is parsed once."""
    texts = annotations.column("attributes").filter(pa.array(counted)).dictionary_encode()
    numbers = np.bincount(texts.indices.to_numpy(), minlength=len(texts.dictionary))
    for text, n in zip(texts.dictionary.to_pylist(), numbers.tolist(), strict=True):
        if text:
            totals[text] += n


def _share(part: int, total: int) -> float:
    return part / total if total else 0.0


def _by_label(totals: Counter[int], names: list[str]) -> dict[str, tuple[int, float]]:
    total = totals.total()
    known = {name: totals.get(index, 0) for index, name in enumerate(names)}
    unknown = {str(i): n for i, n in sorted(totals.items()) if not 0 <= i < len(names)}
    return {name: (n, _share(n, total)) for name, n in (known | unknown).items()}


def _by_attribute(totals: Counter[str]) -> dict[str, Statistics]:
    by_name: dict[str, Counter[str]] = {}
    for text, n in totals.items():
        for name, value in json_text.decode(text).items():
            if name.lower() not in _SKIPPED_ATTRIBUTES:
                by_name.setdefault(name, Counter())[str(value)] += n
    return {
        name: {
            "count": values.total(),
            "values count": len(values),
            "values present": sorted(values),
            "distribution": {v: (n, _share(n, values.total())) for v, n in values.items()},
        }
        for name, values in by_name.items()
    }


def _area_distribution(segments: npt.NDArray[np.float64]) -> Statistics:
    if not len(segments):
        return {"avg. area": 0.0, "area distribution": []}
    counts, edges = np.histogram(segments, _BINS)
    return {
        "avg. area": float(segments.mean()),
        "area distribution": [
            {
                "min": float(edges[i]),
                "max": float(edges[i + 1]),
                "count": int(count),
                "percent": int(count) / len(segments),
            }
            for i, count in enumerate(counts)
        ],
    }
