"""Datumaro: read, hold, change and write computer vision data sets, at the machine's speed.

The public names. Each is imported when it is first used, so that ``import datumaro`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datumaro import errors
    from datumaro.dataset import Dataset, DatasetSubset
    from datumaro.model.annotation import (
        NO_GROUP,
        Annotation,
        Annotations,
        AnnotationType,
        Caption,
        FeatureVector,
        HashKey,
        Label,
        Tabular,
    )
    from datumaro.model.categories import (
        Categories,
        Colormap,
        GroupType,
        LabelCategories,
        MaskCategories,
        PointsCategories,
        RgbColor,
        TabularCategories,
    )
    from datumaro.model.image_annotation import DepthAnnotation, SuperResolutionAnnotation
    from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem
    from datumaro.model.masks import (
        BinaryMaskImage,
        CompiledMask,
        ExtractedMask,
        IndexMaskImage,
        Mask,
        RleMask,
    )
    from datumaro.model.media import (
        Image,
        MediaElement,
        MediaType,
        MosaicImage,
        MultiframeImage,
        PointCloud,
        RoIImage,
        Video,
        VideoFrame,
    )
    from datumaro.model.shapes import (
        Bbox,
        Cuboid2D,
        Cuboid3d,
        Ellipse,
        Points,
        Polygon,
        PolyLine,
        RotatedBbox,
        Shape,
        Skeleton,
    )
    from datumaro.progress import NullProgressReporter, ProgressReporter, SimpleProgressReporter

_NAMES = {
    "dataset": ("Dataset", "DatasetSubset"),
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
    "progress": ("NullProgressReporter", "ProgressReporter", "SimpleProgressReporter"),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    *_HOMES,
    "__version__",
    "errors",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"datumaro.{_HOMES[name]}"), name)
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
    return sorted(__all__)
