"""Mask annotations: pixels that belong to an object, as arrays or as COCO run lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from datumaro.model import run_lengths
from datumaro.model.annotation import AnnotationType, OrderedAnnotation, equal_values
from datumaro.model.categories import Colormap
from datumaro.model.run_lengths import Rle, compressed

BinaryMaskImage: TypeAlias = npt.NDArray[np.bool_]
IndexMaskImage: TypeAlias = npt.NDArray[Any]


class Mask(OrderedAnnotation):
    """A mask.

    Parameters
    ----------
    image : [height, width], cast to bool; or a function that returns it when it is needed.
    label : index into LabelCategories, or None.
    z_order : higher ones lie on top.
    """

    __slots__ = ("_area", "_image", "_rle")
    _type = AnnotationType.mask
    _fields: ClassVar[tuple[str, ...]] = ("image", "label", "z_order")
    _image: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]] | None
    _rle: Rle | Callable[[], Rle] | None

    def __init__(
        self,
        image: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]],
        *,
        label: int | None = None,
        z_order: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(label=label, **common)
        self._z_order = int(z_order or 0)
        self._area: float | None = None
        self._rle = None
        self._image = image if callable(image) else np.asarray(image).astype(bool)

    def _load(self) -> None:
        super()._load()
        self._area = self._source.area(self._row)

    @property
    def stated_area(self) -> float | None:
        """The area in square pixels that the source states (COCO), None when it states none.

        It is dropped when the coordinates or pixels are changed.
        """
        row = self._row
        return self._area if row < 0 else self._source.area(row)

    @property
    def image(self) -> npt.NDArray[Any]:
        """The pixels, [height, width]; made anew at each call when they come from a function."""
        image = self._image
        return image() if callable(image) else image  # pyright: ignore[reportReturnType]

    @image.setter
    def image(self, value: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]]) -> None:
        self._own()
        self._image = value if callable(value) else np.asarray(value).astype(bool)
        self._area = None

    @property
    def rle(self) -> Rle:
        """The pixels as compressed COCO run lengths."""
        return run_lengths.encode(self.image)

    def wrap(self, **changes: Any) -> Self:
        copy = super().wrap(**changes)
        if not changes.keys() & {"image", "rle", "index_mask", "index"}:
            copy._area = self.stated_area
        return copy

    def as_class_mask(
        self, label_id: int | None = None, ignore_index: int = 0, dtype: npt.DTypeLike | None = None
    ) -> IndexMaskImage:
        """The label's index where the mask is, ``ignore_index`` elsewhere; [height, width]."""
        value = self.label if label_id is None else label_id
        return self._painted(0 if value is None else value, ignore_index, dtype)

    def as_instance_mask(
        self, instance_id: int, ignore_index: int = 0, dtype: npt.DTypeLike | None = None
    ) -> IndexMaskImage:
        """``instance_id`` where the mask is, ``ignore_index`` elsewhere; [height, width]."""
        return self._painted(instance_id, ignore_index, dtype)

    def _painted(self, value: int, elsewhere: int, dtype: npt.DTypeLike | None) -> IndexMaskImage:
        kind = np.min_scalar_type(max(value, elsewhere)) if dtype is None else dtype
        return np.where(self.image.astype(bool), value, elsewhere).astype(kind)

    def get_area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.image))

    def get_bbox(self) -> list[int]:
        """x, y, width, height of the bounds in pixels: a single pixel is 1 wide."""
        rows, columns = np.flatnonzero(self.image.any(1)), np.flatnonzero(self.image.any(0))
        if not len(rows):
            return [0, 0, 0, 0]
        x, y = int(columns[0]), int(rows[0])
        return [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1]

    def paint(self, colormap: Colormap) -> npt.NDArray[np.uint8]:
        """The mask in its label's colour on black: [height, width, 3] RGB."""
        painted = np.zeros((*self.image.shape, 3), np.uint8)
        painted[self.image.astype(bool)] = colormap[self.label or 0]
        return painted

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        mine, theirs = ((m.id, m.group, m.object_id, m.label, m.z_order) for m in (self, other))
        if mine != theirs or not equal_values(self.attributes, other.attributes):
            return False
        if isinstance(self, RleMask) and isinstance(other, RleMask) and self.rle == other.rle:
            return True
        return bool(np.array_equal(self.image.astype(bool), other.image.astype(bool)))

    __hash__ = None


class RleMask(Mask):
    """A mask as COCO run lengths, decoded when its pixels are asked for.

    Parameters
    ----------
    rle : {"counts": bytes, text or list of numbers, "size": [height, width]}, or a function that
        returns it.
    """

    __slots__ = ()
    _fields = ("rle", "label", "z_order")

    def __init__(
        self,
        rle: Rle | Callable[[], Rle],
        *,
        label: int | None = None,
        z_order: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(_no_image, label=label, z_order=z_order, **common)
        self._image = None
        self._rle = rle if callable(rle) else compressed(rle)

    def _load(self) -> None:
        super()._load()
        self._rle = self._row_rle()

    def _row_rle(self) -> Rle:
        counts, height, width = self._source.mask(self._row)
        return {"counts": counts, "size": [height, width]}

    @property
    def rle(self) -> Rle:
        """The compressed run lengths; set a new one to change them."""
        if self._row >= 0:
            return self._row_rle()
        return compressed(self._rle()) if callable(self._rle) else dict(self._rle or {})

    @rle.setter
    def rle(self, value: Rle | Callable[[], Rle]) -> None:
        self._own()
        self._rle = value if callable(value) else compressed(value)
        self._area = None

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """The pixels, [height, width] of 0 and 1, decoded at each call.

        Raises
        ------
        ValueError
            The run lengths are damaged.
        """
        return run_lengths.decode(self.rle)

    @image.setter
    def image(self, value: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]]) -> None:
        self.rle = run_lengths.encode(value() if callable(value) else value)

    def get_area(self) -> int:
        return run_lengths.area(self.rle)

    def get_bbox(self) -> list[int]:
        return run_lengths.bounds(self.rle)

    def __repr__(self) -> str:
        size = self.rle["size"]
        return (
            f"RleMask({size[0]} x {size[1]}, label={self.label!r}, z_order={self.z_order!r}, "
            f"id={self.id!r}, attributes={self.attributes!r}, group={self.group!r}, "
            f"object_id={self.object_id!r})"
        )


class ExtractedMask(Mask):
    """The pixels of an index mask [height, width] that have one index."""

    __slots__ = ("index", "index_mask")
    _fields = ("index_mask", "index", "label", "z_order")

    def __init__(
        self,
        index_mask: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]],
        index: int,
        **common: Any,
    ) -> None:
        super().__init__(_no_image, **common)
        self._image = None
        self.index_mask, self.index = index_mask, index

    @property
    def image(self) -> npt.NDArray[np.bool_]:
        """The pixels, [height, width], extracted at each call."""
        mask = self.index_mask
        return np.asarray(mask() if callable(mask) else mask) == self.index

    @image.setter
    def image(self, value: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]]) -> None:
        self.index_mask = np.asarray(value() if callable(value) else value).astype(bool)
        self.index = True


class CompiledMask:
    """Several instance masks in one picture, higher z_order on top.

    Attributes
    ----------
    class_mask : [height, width], the label's index of each pixel.
    instance_mask : [height, width], the instance's number of each pixel, from 1; 0 for none.
    """

    def __init__(
        self,
        class_mask: IndexMaskImage | Callable[[], IndexMaskImage] | None = None,
        instance_mask: IndexMaskImage | Callable[[], IndexMaskImage] | None = None,
    ) -> None:
        self._class_mask, self._instance_mask = class_mask, instance_mask

    @classmethod
    def from_instance_masks(
        cls,
        instance_masks: Iterable[Mask],
        instance_ids: Sequence[int] | None = None,
        instance_labels: Sequence[int] | None = None,
    ) -> CompiledMask:
        """Paint masks over each other; ids are 1, 2, … and labels the masks' own by default."""
        masks = list(instance_masks)
        ids = list(instance_ids) if instance_ids is not None else list(range(1, len(masks) + 1))
        labels = (
            list(instance_labels) if instance_labels is not None else [m.label or 0 for m in masks]
        )
        if not masks:
            raise ValueError("no masks to compile")
        shape = masks[0].image.shape
        instances = np.zeros(shape, np.min_scalar_type(max(ids)))
        classes = np.zeros(shape, np.min_scalar_type(max(labels)))
        for k in sorted(range(len(masks)), key=lambda k: masks[k].z_order):
            pixels = masks[k].image.astype(bool)
            instances[pixels], classes[pixels] = ids[k], labels[k]
        return cls(classes, instances)

    @property
    def class_mask(self) -> IndexMaskImage | None:
        mask = self._class_mask
        return mask() if callable(mask) else mask

    @property
    def instance_mask(self) -> IndexMaskImage | None:
        mask = self._instance_mask
        return mask() if callable(mask) else mask

    @property
    def instance_count(self) -> int:
        """The highest instance number."""
        mask = self.instance_mask
        return 0 if mask is None else int(mask.max(initial=0))

    def get_instance_labels(self) -> dict[int, int]:
        """{instance number: label}, by the pixels of both masks."""
        instances, classes = self.instance_mask, self.class_mask
        if instances is None or classes is None:
            raise ValueError("labels of instances need both masks")
        pairs = np.unique(np.stack([instances.ravel(), classes.ravel()], 1), axis=0)
        return {int(i): int(c) for i, c in pairs if i}

    def extract(self, instance_id: int) -> npt.NDArray[np.bool_]:
        """The pixels of one instance."""
        mask = self.instance_mask
        if mask is None:
            raise ValueError("there is no instance mask")
        return mask == instance_id

    def lazy_extract(self, instance_id: int) -> Callable[[], npt.NDArray[np.bool_]]:
        """A function that returns `extract`'s result."""
        return lambda: self.extract(instance_id)


def _no_image() -> npt.NDArray[Any]:
    raise ValueError("the mask has no pixels")
