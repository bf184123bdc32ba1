"""`DatasetSubset`: the items of one subset of a data set.

It is a part of `Dataset`, and uses what is private there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories
from datumaro.model.item import DatasetItem, checked_id
from datumaro.model.media import MediaElement

if TYPE_CHECKING:  # it knows this module
    from datumaro.dataset import Dataset


class DatasetSubset:
    """The items of one subset. Changes are changes of the data set."""

    def __init__(self, parent: Dataset, name: str) -> None:
        self.parent, self.name = parent, name

    def __len__(self) -> int:
        return self.parent._store.subset_counts().get(self.name, 0)  # pyright: ignore[reportPrivateUsage]

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[DatasetItem]:
        return self.parent._store.scan(self.name)  # pyright: ignore[reportPrivateUsage]

    def __contains__(self, item: object) -> bool:
        if isinstance(item, DatasetItem):
            return item.subset == self.name and self.get(item.id) is not None
        return self.get(item) is not None

    def get(self, id: object, subset: str | None = None) -> DatasetItem | None:
        """The item of that id, or None."""
        return self.parent.get(id, self._name(subset))

    def put(self, item: DatasetItem) -> None:
        """Add or replace an item; it becomes one of this subset."""
        self.parent.put(item if item.subset == self.name else item.wrap(subset=self.name))

    def remove(self, id: object, subset: str | None = None) -> None:
        """Remove an item; nothing happens when there is none."""
        self.parent.remove(id, self._name(subset))

    def _name(self, subset: str | None) -> str:
        if subset is not None and checked_id(subset) != self.name:
            raise ValueError(f"subset {subset!r} asked of subset {self.name!r}")
        return self.name

    def subsets(self) -> dict[str, DatasetSubset]:
        """Itself, by name."""
        return {self.name: self}

    def infos(self) -> dict[str, Any]:
        """The data set's infos."""
        return self.parent.infos()

    def categories(self) -> dict[AnnotationType, Categories]:
        """The data set's categories."""
        return self.parent.categories()

    def media_type(self) -> type[MediaElement]:
        """The data set's media class."""
        return self.parent.media_type()

    def ann_types(self) -> set[AnnotationType]:
        """The kinds of annotations in the subset."""
        return self.as_dataset().ann_types()

    def get_annotated_items(self) -> int:
        """Number of items that have annotations."""
        return self.as_dataset().get_annotated_items()

    def get_annotations(self) -> int:
        """Number of annotations."""
        return self.as_dataset().get_annotations()

    def as_dataset(self) -> Dataset:
        """An independent data set of the subset's items; columns are shared where possible."""
        chunks = self.parent.content().by_subset().get(self.name, [])
        return self.parent._independent_of(chunks)  # pyright: ignore[reportPrivateUsage]

    def export(self, save_dir: str | os.PathLike[str], format: str, **options: Any) -> None:
        """Write the subset alone as a data set."""
        self.as_dataset().export(save_dir, format, **options)
