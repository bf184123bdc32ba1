"""Transforms of items: what people write who think in objects.

::

    class Darken(dm.ItemTransform):
        def transform_item(self, item):
            return self.wrap_item(item, media=dark(item.media))

    dataset.transform(Darken)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories
from datumaro.model.item import DatasetItem
from datumaro.model.media import MediaElement
from datumaro.operations.transforms.base import TransformOptions


class Transform:
    """A transform of a whole data set: what iterating over it gives is the new data set's items.

    A subclass overrides ``__iter__``, and `categories`, `infos` or `media_type` where it changes
    them.

    Parameters
    ----------
    extractor : the data set that is transformed. It is not changed.
    """

    options: ClassVar[type[TransformOptions] | None] = None
    """The options of the command line; their names are those of ``__init__``'s keywords."""

    def __init__(self, extractor: Any) -> None:
        self._extractor = extractor

    def __iter__(self) -> Iterator[DatasetItem]:
        return iter(self._extractor)

    def categories(self) -> dict[AnnotationType, Categories]:
        """The new data set's categories."""
        return self._extractor.categories()

    def infos(self) -> dict[str, Any]:
        """The new data set's infos."""
        return self._extractor.infos()

    def media_type(self) -> type[MediaElement]:
        """The class of the new data set's media."""
        return self._extractor.media_type()

    @staticmethod
    def wrap_item(item: DatasetItem, **changes: Any) -> DatasetItem:
        """A copy of an item with some fields changed."""
        return item.wrap(**changes)


class ItemTransform(Transform):
    """A transform of one item at a time. A subclass defines `transform_item`."""

    def transform_item(self, item: DatasetItem) -> DatasetItem | None:
        """The new item, or None to remove it. The item that is given may also be changed."""
        raise NotImplementedError(f"{type(self).__name__} does not define transform_item(item)")

    def __iter__(self) -> Iterator[DatasetItem]:
        for item in self._extractor:
            made = self.transform_item(item)
            if made is not None:
                yield made
