"""Annotations: what is said of an item's media. The base, and the kinds without a shape.

Shapes are in `datumaro.model.shapes`, masks in `datumaro.model.masks`.

An annotation either has its own values, or looks at a row of the data set's columns (``_row`` >= 0)
until somebody changes it: then it takes its values over and tells the data set.

Equality is exact and symmetric: same class, all fields equal. Masks of different classes are equal
when their pixels and other fields are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt

from datumaro.model.kinds import AnnotationType as AnnotationType
from datumaro.model.tracked import RowSource, report_list_changes

NO_GROUP = 0
NO_OBJECT_ID = -1
COORDINATE_ROUNDING_DIGITS = 2


def slots_of(kind: type) -> Iterator[str]:
    """The names of all slots of a class and its bases."""
    for base in kind.__mro__:
        yield from (s for s in getattr(base, "__slots__", ()) if s != "__weakref__")


def equal_values(a: Any, b: Any) -> bool:
    """Equality that also knows arrays inside attributes."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(cast(Any, a), cast(Any, b)))
    if isinstance(a, dict) and isinstance(b, dict):
        one, other = cast(dict[Any, Any], a), cast(dict[Any, Any], b)
        return one.keys() == other.keys() and all(equal_values(v, other[k]) for k, v in one.items())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        if isinstance(a, list) != isinstance(b, list):
            return False
        left, right = cast(list[Any], a), cast(list[Any], b)
        return len(left) == len(right) and all(map(equal_values, left, right))
    return bool(a == b)


def own_copy(value: Any) -> Any:
    """A list or dict copied, as a plain one; other values as they are."""
    if isinstance(value, dict):
        return dict(cast(dict[Any, Any], value))
    return list(cast(list[Any], value)) if isinstance(value, list) else value


class Annotation:
    """Base of all annotations.

    Parameters
    ----------
    id : number of the annotation, unique where the format asks for it; 0 for none.
    attributes : free values by name, as JSON can hold them.
    group : annotations of an item with the same group, not 0, are parts of one object.
    object_id : number of the object through time; -1 for none.
    """

    __slots__ = ("__weakref__", "_attributes", "_group", "_id", "_object_id", "_row", "_source")
    _type: ClassVar[AnnotationType] = AnnotationType.unknown
    # names of the fields in the constructor's order; `id` … `object_id` follow them
    _fields: ClassVar[tuple[str, ...]] = ()

    _source: RowSource
    _row: int
    _attributes: dict[str, Any] | None

    def __init__(
        self,
        *,
        id: int | None = 0,
        attributes: dict[str, Any] | None = None,
        group: int | None = NO_GROUP,
        object_id: int | None = NO_OBJECT_ID,
    ) -> None:
        self._row = -1
        self._id = int(id or 0)
        self._attributes = {} if attributes is None else attributes
        self._group = int(group or 0)
        self._object_id = NO_OBJECT_ID if object_id is None else int(object_id)

    # --- the row behind ----------------------------------------------------------------------

    def _load(self) -> None:
        """Copy the row's values into the annotation's own slots."""
        source, row = self._source, self._row
        self._id, self._group = source.ids[row], source.groups[row]
        self._object_id = source.object_ids[row]
        if self._attributes is None:
            self._attributes = source.attributes(row)

    def _own(self) -> None:
        """Take the row's values over before a change, and tell the data set."""
        if self._row >= 0:
            self._load()
            row, self._row = self._row, -1
            self._source.annotation_changed(row)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy has its own values
        copy = self
        if self._row >= 0:
            copy = object.__new__(type(self))
            for name in slots_of(type(self)):
                if hasattr(self, name):
                    setattr(copy, name, getattr(self, name))
            copy._load()
        state = {
            name: own_copy(getattr(copy, name))
            for name in slots_of(type(self))
            if name not in ("_source", "_row") and hasattr(copy, name)
        }
        return _restore, (type(self), state)

    # --- fields ------------------------------------------------------------------------------

    @property
    def type(self) -> AnnotationType:
        """The kind."""
        return self._type

    @property
    def id(self) -> int:
        row = self._row
        return self._id if row < 0 else self._source.ids[row]

    @id.setter
    def id(self, value: int) -> None:
        self._own()
        self._id = int(value)

    @property
    def group(self) -> int:
        row = self._row
        return self._group if row < 0 else self._source.groups[row]

    @group.setter
    def group(self, value: int) -> None:
        self._own()
        self._group = int(value)

    @property
    def object_id(self) -> int:
        row = self._row
        return self._object_id if row < 0 else self._source.object_ids[row]

    @object_id.setter
    def object_id(self, value: int) -> None:
        self._own()
        self._object_id = int(value)

    @property
    def attributes(self) -> dict[str, Any]:
        if self._attributes is None:
            self._attributes = self._source.attributes(self._row)
        return self._attributes

    @attributes.setter
    def attributes(self, value: dict[str, Any]) -> None:
        self._own()
        self._attributes = value

    # --- as a value --------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, as the constructor takes them."""
        names = (*self._fields, "id", "attributes", "group", "object_id")
        return {name: getattr(self, name) for name in names}

    def wrap(self, **changes: Any) -> Self:
        """A copy with some fields changed. It has its own attributes."""
        fields = {**self.as_dict(), **changes}
        if "attributes" not in changes:
            fields["attributes"] = dict(self.attributes)
        return type(self)(**fields)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Annotation):
            return NotImplemented
        return equal_values(self.as_dict(), other.as_dict())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"{type(self).__name__}({fields})"


def _restore(kind: type[Annotation], state: dict[str, Any]) -> Annotation:
    annotation = object.__new__(kind)
    for name, value in {"_row": -1, **state}.items():
        setattr(annotation, name, value)
    return annotation


class LabelledAnnotation(Annotation):
    """Base of annotations that may have a label (an index into LabelCategories, or None)."""

    __slots__ = ("_label",)
    _label: int | None

    def __init__(self, *, label: int | None = None, **common: Any) -> None:
        super().__init__(**common)
        self._label = None if label is None else int(label)

    def _load(self) -> None:
        super()._load()
        self._label = self._source.labels[self._row]

    @property
    def label(self) -> int | None:
        row = self._row
        return self._label if row < 0 else self._source.labels[row]

    @label.setter
    def label(self, value: int | None) -> None:
        self._own()
        self._label = None if value is None else int(value)


class OrderedAnnotation(LabelledAnnotation):
    """Base of annotations that lie upon each other in the image, higher ``z_order`` on top."""

    __slots__ = ("_z_order",)
    _z_order: int  # set by the constructors

    def _load(self) -> None:
        super()._load()
        self._z_order = self._source.z_orders[self._row]

    @property
    def z_order(self) -> int:
        row = self._row
        return self._z_order if row < 0 else self._source.z_orders[row]

    @z_order.setter
    def z_order(self, value: int) -> None:
        self._own()
        self._z_order = int(value)


class Label(LabelledAnnotation):
    """The whole item is of a label."""

    __slots__ = ()
    _type = AnnotationType.label
    _fields = ("label",)

    def __init__(self, label: int, **common: Any) -> None:
        super().__init__(label=int(label), **common)


class Caption(Annotation):
    """A text that describes the item."""

    __slots__ = ("_caption",)
    _type = AnnotationType.caption
    _fields = ("caption",)

    def __init__(self, caption: str, **common: Any) -> None:
        super().__init__(**common)
        self._caption = str(caption)

    def _load(self) -> None:
        super()._load()
        self._caption = self._source.text(self._row)

    @property
    def caption(self) -> str:
        return self._caption if self._row < 0 else self._source.text(self._row)

    @caption.setter
    def caption(self, value: str) -> None:
        self._own()
        self._caption = str(value)


class ExtraAnnotation(LabelledAnnotation):
    """Base of rare kinds, whose value is kept as one JSON object."""

    __slots__ = ("_value",)
    _value: Any

    def _set_value(self, value: Any) -> None:
        self._own()
        self._value = value

    def _get_value(self) -> Any:
        if self._row >= 0 and not hasattr(self, "_value"):
            self._value = self._read()
        return self._value

    def _read(self) -> Any:
        return self._decode(self._source.extra(self._row))

    def _load(self) -> None:
        super()._load()
        self._get_value()

    def _decode(self, extra: dict[str, Any]) -> Any:
        raise NotImplementedError

    def extra(self) -> dict[str, Any]:
        """The value as a JSON object."""
        raise NotImplementedError


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, protected: a change in place of what a column holds would be lost."""
    array.flags.writeable = False
    return array


class HashKey(ExtraAnnotation):
    """A hash of the image for search: 1-D uint8, 96 long."""

    __slots__ = ()
    _type = AnnotationType.hash_key
    _fields = ("hash_key",)
    LENGTH = 96

    def __init__(self, hash_key: npt.ArrayLike, **common: Any) -> None:
        super().__init__(**common)
        self._value = self._checked(hash_key)

    def _checked(self, value: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        key = np.asarray(value, np.uint8)
        if key.shape != (self.LENGTH,):
            raise ValueError(f"a hash key of shape {key.shape}; expected ({self.LENGTH},)")
        return key

    @property
    def hash_key(self) -> npt.NDArray[np.uint8]:
        return self._get_value()

    @hash_key.setter
    def hash_key(self, value: npt.ArrayLike) -> None:
        self._set_value(self._checked(value))

    def _decode(self, extra: dict[str, Any]) -> Any:
        return read_only(np.array(extra["values"], np.uint8))

    def extra(self) -> dict[str, Any]:
        return {"values": self.hash_key.tolist()}


class FeatureVector(ExtraAnnotation):
    """A vector of numbers that describes the item: 1-D float."""

    __slots__ = ()
    _type = AnnotationType.feature_vector
    _fields = ("vector",)

    def __init__(self, vector: npt.ArrayLike, **common: Any) -> None:
        super().__init__(**common)
        self._value = np.asarray(vector)

    @property
    def vector(self) -> npt.NDArray[Any]:
        return self._get_value()

    @vector.setter
    def vector(self, value: npt.ArrayLike) -> None:
        self._set_value(np.asarray(value))

    def _decode(self, extra: dict[str, Any]) -> Any:
        return read_only(np.array(extra["values"], extra.get("dtype", "float64")))

    def extra(self) -> dict[str, Any]:
        return {"values": self.vector.tolist(), "dtype": str(self.vector.dtype)}


class Tabular(ExtraAnnotation):
    """Values of a table's row by column name."""

    __slots__ = ()
    _type = AnnotationType.tabular
    _fields = ("values",)

    def __init__(self, values: dict[str, Any], **common: Any) -> None:
        super().__init__(**common)
        self._value = values

    @property
    def values(self) -> dict[str, Any]:
        return self._get_value()

    @values.setter
    def values(self, value: dict[str, Any]) -> None:
        self._set_value(value)

    def _read(self) -> Any:
        return self._source.values(self._row)

    def extra(self) -> dict[str, Any]:
        return {"values": self.values}


class Annotations(list[Annotation]):
    """An item's annotations."""

    __slots__ = ("__weakref__", "_row", "_source")
    _source: RowSource | None
    _row: int
    _slot = "_annotations"

    def __init__(self, annotations: Iterable[Annotation] = ()) -> None:
        super().__init__(annotations)
        self._source, self._row = None, -1

    def track(self, source: RowSource, row: int) -> Annotations:
        """Begin to report changes: the list belongs to an item's row."""
        self._source, self._row = source, row
        return self

    def _changed(self, change: Callable[[Any], Any]) -> None:
        if self._source is not None:
            self._source.item_part_changed(self._row, self, change)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy is nobody's
        return Annotations, (list(self),)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()

    def get_semantic_seg_mask(
        self, ignore_index: int = 0, dtype: npt.DTypeLike = np.uint8
    ) -> npt.NDArray[Any]:
        """Paint all masks into one label map, higher z_order on top.

        Returns
        -------
        [height, width] of ``dtype``: label indices, ``ignore_index`` where there is no mask.

        Raises
        ------
        ValueError
            There is no mask, masks differ in size, or one has no label.
        """
        masks: list[Any] = [a for a in self if a.type is AnnotationType.mask]
        if not masks:
            raise ValueError("the item has no mask annotations")
        painted = np.full(masks[0].image.shape, ignore_index, dtype)
        for mask in sorted(masks, key=lambda m: m.z_order):
            if mask.image.shape != painted.shape:
                raise ValueError(f"masks of {painted.shape} and of {mask.image.shape} in one item")
            if mask.label is None:
                raise ValueError("a mask without a label cannot be painted as one")
            painted[mask.image.astype(bool)] = mask.label
        return painted


report_list_changes(Annotations)
