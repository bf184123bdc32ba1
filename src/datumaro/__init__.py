"""Datumaro: read, hold, change and write computer vision data sets, at the machine's speed.

The public names. Each is imported when it is first used, so that ``import datumaro`` costs
nothing. Their types are in ``__init__.pyi``.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "dataset": ("Dataset", "DatasetSubset"),
    "formats.datumaro_binary.parquet.item_reader": ("ItemReader",),
    "model.annotation": (
        "NO_GROUP", "Annotation", "Annotations", "AnnotationType", "Caption", "FeatureVector",
        "HashKey", "Label", "Tabular",
    ),
    "model.categories": (
        "Categories", "Colormap", "GroupType", "LabelCategories", "MaskCategories",
        "PointsCategories", "RgbColor", "TabularCategories",
    ),
    "model.image_annotation": ("DepthAnnotation", "SuperResolutionAnnotation"),
    "model.item": ("DEFAULT_SUBSET_NAME", "DatasetItem"),
    "model.masks": (
        "BinaryMaskImage", "CompiledMask", "ExtractedMask", "IndexMaskImage", "Mask", "RleMask",
    ),
    "model.media": (
        "Image", "MediaElement", "MediaType", "MosaicImage", "MultiframeImage", "PointCloud",
        "RoIImage", "Video", "VideoFrame",
    ),
    "model.shapes": (
        "Bbox", "Cuboid2D", "Cuboid3d", "Ellipse", "Points", "PolyLine", "Polygon", "RotatedBbox",
        "Shape", "Skeleton",
    ),
    "project.project": ("Project",),
    "operations.summary": ("Summary", "summarize"),
    "operations.transforms.of_items": ("ItemTransform", "Transform"),
    "progress": ("NullProgressReporter", "ProgressReporter", "SimpleProgressReporter"),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"datumaro.{_HOMES[name]}"), name)
    elif name == "__all__":  # for ``from datumaro import *``
        value = sorted(_HOMES)
    elif name == "errors":
        value = importlib.import_module("datumaro.errors")
    elif name == "__version__":
        from importlib.metadata import version

        value = version("datumaro")
    else:
        raise AttributeError(f"module 'datumaro' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__", "errors"])
