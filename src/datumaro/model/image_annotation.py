"""Annotations that are pictures themselves: depth maps and super-resolution targets."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from datumaro.model.annotation import AnnotationType, ExtraAnnotation
from datumaro.model.image import ImageFromBytes
from datumaro.model.media import Image, ImageFromFile


class ImageAnnotation(ExtraAnnotation):
    """Base of annotations whose value is an image of the item's size or a multiple of it."""

    __slots__ = ()
    _fields = ("image",)

    def __init__(self, image: Image, **common: Any) -> None:
        super().__init__(**common)
        self._value = image

    @property
    def image(self) -> Image:
        return self._get_value()

    @image.setter
    def image(self, value: Image) -> None:
        self._set_value(value)

    def _decode(self, extra: dict[str, Any]) -> Image:
        stored = extra["image"]
        if "path" in stored:
            size = stored.get("size")
            return Image.from_file(
                stored["path"],
                stored.get("ext"),
                tuple(size) if size else None,
                external=bool(stored.get("external")),
            )
        if "file" in stored:
            return Image.from_bytes(data=base64.b64decode(stored["file"]), ext=stored.get("ext"))
        data = np.load(io.BytesIO(base64.b64decode(stored["npy"])), allow_pickle=False)
        return Image.from_numpy(data=data)

    def extra(self) -> dict[str, Any]:
        """The image as JSON: its path and size, or its file, or its pixels (.npy), in base64."""
        image = self.image
        if type(image) is ImageFromFile and not image.is_encrypted:
            return {"image": {k: v for k, v in image.as_dict().items() if v is not None}}
        if isinstance(image, ImageFromBytes | ImageFromFile) and (data := image.bytes) is not None:
            return {"image": {"file": base64.b64encode(data).decode(), "ext": image.ext}}
        pixels = image.get_data_as_dtype(None)
        if pixels is None:
            raise ValueError("the annotation's image has no pixels")
        file = io.BytesIO()
        np.save(file, pixels, allow_pickle=False)
        return {"image": {"npy": base64.b64encode(file.getvalue()).decode()}}


class DepthAnnotation(ImageAnnotation):
    """The distance of each pixel."""

    __slots__ = ()
    _type = AnnotationType.depth_annotation


class SuperResolutionAnnotation(ImageAnnotation):
    """The image in a higher resolution."""

    __slots__ = ()
    _type = AnnotationType.super_resolution_annotation
