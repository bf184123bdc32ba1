"""Categories: what the numbers in annotations mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, cast

from datumaro.model.kinds import AnnotationType

RgbColor = tuple[int, int, int]
Colormap = dict[int, RgbColor]


class GroupType(IntEnum):
    """How many labels of a label group an item may have."""

    EXCLUSIVE = 0
    INCLUSIVE = 1
    RESTRICTED = 2

    def to_str(self) -> str:
        """The name that files use."""
        return self.name.lower()

    @classmethod
    def from_str(cls, text: str) -> GroupType:
        """The reverse of `to_str`; ValueError for another word."""
        try:
            return cls[text.upper()]
        except KeyError:
            known = ", ".join(kind.to_str() for kind in cls)
            raise ValueError(f"group type {text!r} is none of {known}") from None


@dataclass(eq=True)
class Categories:
    """Base of all categories.

    ``attributes`` are names of attributes that any annotation of the kind may have; they do not
    count in comparisons.
    """

    attributes: set[str] = field(default_factory=set[str], kw_only=True, compare=False)


@dataclass
class LabelCategory:
    """A label: its name, its parent's name ("" for none), its own attributes' names."""

    name: str
    parent: str = ""
    attributes: set[str] = field(default_factory=set[str])


@dataclass
class LabelGroup:
    """Labels that belong together."""

    name: str
    labels: list[str] = field(default_factory=list[str])
    group_type: GroupType = GroupType.EXCLUSIVE


@dataclass(eq=True)
class LabelCategories(Categories):
    """The labels: their order is the index that annotations hold."""

    Category = LabelCategory
    LabelGroup = LabelGroup

    items: list[LabelCategory] = field(default_factory=list[LabelCategory])
    label_groups: list[LabelGroup] = field(default_factory=list[LabelGroup])

    def __post_init__(self) -> None:
        self._indices: dict[str, int] = {}
        self._reindex()

    def _reindex(self) -> None:
        self._indices = {}
        self._indexed = len(self.items)
        for index, item in enumerate(self.items):
            self._indices.setdefault(item.name, index)

    @classmethod
    def from_iterable(cls, labels: Iterable[str | tuple[Any, ...]]) -> LabelCategories:
        """Make categories of names, or of tuples (name, parent, attributes)."""
        categories = cls()
        for label in labels:
            if isinstance(label, str):
                categories.add(label)
            else:
                categories.add(*label)
        return categories

    def add(
        self, name: str, parent: str | None = "", attributes: Iterable[str] | None = None
    ) -> int:
        """Add a label and return its index; ValueError when the name is taken."""
        if self._indexed != len(self.items):
            self._reindex()  # the list was changed by hand
        if name in self._indices and name in self:
            raise ValueError(f"label {name!r} exists already, at index {self._indices[name]}")
        index = len(self.items)
        self.items.append(LabelCategory(name, parent or "", set(attributes or ())))
        self._indices[name] = index
        self._indexed += 1
        return index

    def add_label_group(
        self, name: str, labels: Iterable[str], group_type: GroupType = GroupType.EXCLUSIVE
    ) -> int:
        """Add a group of labels and return its index."""
        self.label_groups.append(LabelGroup(name, list(labels), GroupType(group_type)))
        return len(self.label_groups) - 1

    def find(self, name: str) -> tuple[int | None, LabelCategory | None]:
        """(index, category) of a name, or (None, None)."""
        index = self._indices.get(name)
        if index is None or index >= len(self.items) or self.items[index].name != name:
            self._reindex()  # the list was changed by hand
            index = self._indices.get(name)
        return (None, None) if index is None else (index, self.items[index])

    def __getitem__(self, index: int) -> LabelCategory:
        return self.items[index]

    def __contains__(self, label: object) -> bool:
        if isinstance(label, str):
            return self.find(label)[0] is not None
        return isinstance(label, int) and 0 <= label < len(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[LabelCategory]:
        return iter(self.items)


def generate_colormap(n: int = 256, *, include_background: bool = True) -> Colormap:
    """The palette of PASCAL VOC: ``n`` colours that differ as much as bits allow.

    With ``include_background`` the first is black.
    """
    import numpy as np  # costs time, and most categories do without

    first = 0 if include_background else 1
    index = np.arange(first, first + n)
    colors = np.zeros((n, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return {i: (int(r), int(g), int(b)) for i, (r, g, b) in enumerate(colors & 255)}


def free_colors(taken: Iterable[RgbColor]) -> Iterator[RgbColor]:
    """Colours of PASCAL VOC's palette, without black and without those that are taken."""
    known = {(0, 0, 0), *taken}
    n = 256
    while True:
        for color in list(generate_colormap(n).values())[n // 2 if n > 256 else 1 :]:
            if color not in known:
                yield color
        n *= 2


@dataclass(eq=True)
class MaskCategories(Categories):
    """Colours of labels in painted masks: {label index: (r, g, b)}."""

    colormap: Colormap = field(default_factory=Colormap)

    def __init__(
        self,
        colormap: Colormap | None = None,
        inverse_colormap: dict[RgbColor, int] | None = None,
        *,
        attributes: set[str] | None = None,
    ) -> None:
        super().__init__(attributes=set(attributes or ()))
        self.colormap = dict(colormap or {})
        self._inverse = inverse_colormap

    @classmethod
    def generate(cls, size: int = 255, include_background: bool = True) -> MaskCategories:
        """The palette of PASCAL VOC for ``size`` labels."""
        return cls(generate_colormap(size, include_background=include_background))

    @property
    def inverse_colormap(self) -> dict[RgbColor, int]:
        """{(r, g, b): label index}; of equal colours the first wins."""
        if self._inverse is not None:
            return self._inverse
        inverse: dict[RgbColor, int] = {}
        for index, color in self.colormap.items():
            inverse.setdefault(color, index)
        return inverse

    def __getitem__(self, index: int) -> RgbColor:
        return self.colormap[index]

    def __contains__(self, index: object) -> bool:
        return index in self.colormap

    def __len__(self) -> int:
        return len(self.colormap)


@dataclass
class PointsCategory:
    """The key points of a label.

    ``joints`` are pairs of key points that a line connects. ``positions`` are x, y, … of a drawing
    of the skeleton, normalised to the unit box; empty for none.
    """

    labels: list[str] = field(default_factory=list[str])
    joints: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    positions: list[float] = field(default_factory=list[float])


@dataclass(eq=True)
class PointsCategories(Categories):
    """Key points by label index."""

    Category = PointsCategory

    items: dict[int, PointsCategory] = field(default_factory=dict[int, PointsCategory])

    @classmethod
    def from_iterable(cls, items: Iterable[tuple[Any, ...]]) -> PointsCategories:
        """Make categories of tuples (label index, key point names, joints, positions)."""
        categories = cls()
        for item in items:
            categories.add(*item)
        return categories

    def add(
        self,
        label_id: int,
        labels: Iterable[str] | None = None,
        joints: Iterable[tuple[int, int]] | None = None,
        positions: Iterable[float] | None = None,
    ) -> None:
        """Set the key points of a label.

        ``positions`` are scaled by the larger side of their box, and moved to begin at 0.
        """
        names = list(labels or ())
        pairs = {(int(a), int(b)) for a, b in joints or ()}
        self.items[label_id] = PointsCategory(names, pairs, _normalise(positions, names))

    def __getitem__(self, index: int) -> PointsCategory:
        return self.items[index]

    def __contains__(self, index: object) -> bool:
        return index in self.items

    def __len__(self) -> int:
        return len(self.items)


def _normalise(positions: Iterable[float] | None, names: list[str]) -> list[float]:
    import numpy as np

    values = np.asarray(list(positions or ()), float)
    if not len(values):
        return []
    if len(values) % 2 or (names and len(values) != 2 * len(names)):
        raise ValueError(
            f"{len(values)} positions for {len(names)} key points; expected two for each"
        )
    pairs = values.reshape(-1, 2)
    side = float((pairs.max(0) - pairs.min(0)).max())
    pairs = (pairs - pairs.min(0)) / (side or 1.0)
    return [float(v) for v in pairs.ravel()]


@dataclass
class TabularCategory:
    """A column of a table: its name, its dtype and, for a label column, its values."""

    name: str
    dtype: Any
    labels: set[str | int] = field(default_factory=set[str | int])


@dataclass(eq=True)
class TabularCategories(Categories):
    """The columns of tabular annotations."""

    Category = TabularCategory

    items: list[TabularCategory] = field(default_factory=list[TabularCategory])

    @classmethod
    def from_iterable(cls, items: Iterable[tuple[Any, ...]]) -> TabularCategories:
        """Make categories of tuples (name, dtype, labels)."""
        categories = cls()
        for item in items:
            categories.add(*item)
        return categories

    def add(self, name: str, dtype: Any, labels: Iterable[str | int] | None = None) -> int:
        """Add a column and return its index; ValueError when the name is taken."""
        if self.find(name)[0] is not None:
            raise ValueError(f"column {name!r} exists already")
        self.items.append(TabularCategory(name, dtype, set(labels or ())))
        return len(self.items) - 1

    def find(self, name: str) -> tuple[int | None, TabularCategory | None]:
        """(index, category) of a name, or (None, None)."""
        for index, item in enumerate(self.items):
            if item.name == name:
                return index, item
        return None, None

    def __getitem__(self, index: int) -> TabularCategory:
        return self.items[index]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find(name)[0] is not None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[TabularCategory]:
        return iter(self.items)


def categories_by_type(
    given: Mapping[AnnotationType, Categories] | Iterable[Any],
) -> dict[AnnotationType, Categories]:
    """Categories as data sets have them; what is no mapping are labels (see `LabelCategories`)."""
    if isinstance(given, Mapping):
        by_type = cast(Mapping[AnnotationType, Categories], given)
        return {AnnotationType(kind): value for kind, value in by_type.items()}
    return {AnnotationType.label: LabelCategories.from_iterable(given)}


def stated_labels(categories: Mapping[AnnotationType, Categories]) -> LabelCategories | None:
    """The labels among a data set's categories; None when it states none."""
    labels = categories.get(AnnotationType.label)
    return labels if isinstance(labels, LabelCategories) else None


def labels_of(categories: Mapping[AnnotationType, Categories]) -> LabelCategories:
    """The labels among a data set's categories; an empty list of its own when it states none."""
    labels = stated_labels(categories)
    return LabelCategories() if labels is None else labels


def label_names(categories: Mapping[AnnotationType, Categories]) -> list[str]:
    """Names of the labels, by index; none when the data set states none."""
    return [label.name for label in labels_of(categories)]


def colormap_of(categories: Mapping[AnnotationType, Categories]) -> Colormap:
    """Colours of labels, by index; none when the data set states none."""
    colors = categories.get(AnnotationType.mask)
    return colors.colormap if isinstance(colors, MaskCategories) else {}
