"""An item of a data set: one media with its annotations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar
from weakref import ref

from datumaro.errors import MediaTypeError
from datumaro.model.annotation import Annotation, Annotations, equal_values
from datumaro.model.kinds import DEFAULT_SUBSET_NAME as DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaElement
from datumaro.model.tracked import RowSource
from datumaro.paths import escapes

_UNREAD = object()  # the media of a row that nobody has looked at
M = TypeVar("M", bound=MediaElement)


def checked_id(value: object) -> str:
    """An item's id as text with "/" between folders.

    Raises
    ------
    ValueError
        It is empty, absolute, or has a part "..".
    """
    text = str(value).replace("\\", "/")
    if not text:
        raise ValueError("an item's id is empty")
    if escapes(text) or ".." in text.split("/"):
        raise ValueError(f"item id {text!r} is absolute or leads outside; expected a relative name")
    return text


class Keeper(Protocol):
    """Who finds items by id and subset, and is told when these change."""

    def item_renamed(self, item: DatasetItem, before: tuple[str, str]) -> None: ...


class DatasetItem:
    """One media with its annotations.

    Parameters
    ----------
    id : its name, unique in its subset; cast to str, ``\\`` becomes ``/``.
    subset : "default" when not given.
    media : an Image, PointCloud, Video, …, or None.
    annotations : its annotations.
    attributes : free values by name, as JSON can hold them.
    """

    __slots__ = (
        "__weakref__", "_annotations", "_attributes", "_id", "_keepers", "_media", "_row",
        "_source", "_subset",
    )  # fmt: skip
    _source: RowSource
    _row: int
    _annotations: list[Annotation] | None
    _attributes: dict[str, Any] | None
    # the data sets that know it by its id and subset
    _keepers: tuple[ref[Keeper], ...]

    def __init__(
        self,
        id: object,
        *,
        subset: str | None = None,
        media: MediaElement | None = None,
        annotations: Iterable[Annotation] | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self._row = -1
        self._keepers = ()
        self._id = checked_id(id)
        self._subset = checked_id(subset) if subset else DEFAULT_SUBSET_NAME
        self._media: Any = _checked_media(media)
        self._annotations = _annotation_list(annotations)
        self._attributes = {} if attributes is None else attributes

    def _own(self) -> None:
        """Take the row's values over before a change, and tell the data set."""
        if self._row >= 0:
            values = self.id, self.subset, self.media, self.annotations, self.attributes
            self._source.item_changed(self._row)
            self._row = -1
            self._id, self._subset, self._media, self._annotations, self._attributes = values

    def _rename(self, item_id: str, subset: str) -> None:
        before = self.id, self.subset
        self._own()
        self._id, self._subset = item_id, subset
        for known in self._keepers:
            keeper = known()
            if keeper is not None:
                keeper.item_renamed(self, before)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy has its own values
        fields = self.media, Annotations(self.annotations), dict(self.attributes)
        return _restore, (type(self), self.id, self.subset, *fields)

    @property
    def id(self) -> str:
        row = self._row
        return self._id if row < 0 else self._source.item_ids[row]

    @id.setter
    def id(self, value: object) -> None:
        self._rename(checked_id(value), self.subset)

    @property
    def subset(self) -> str:
        row = self._row
        return self._subset if row < 0 else self._source.subsets[row]

    @subset.setter
    def subset(self, value: str | None) -> None:
        self._rename(self.id, checked_id(value) if value else DEFAULT_SUBSET_NAME)

    @property
    def media(self) -> Any:
        if self._media is _UNREAD:
            self._media = self._source.media(self._row)
        return self._media

    @media.setter
    def media(self, value: MediaElement | None) -> None:
        self._own()
        self._media = _checked_media(value)

    @property
    def annotations(self) -> Annotations:
        if self._annotations is None:
            self._annotations = self._source.annotations(self._row)
        return self._annotations  # pyright: ignore[reportReturnType]

    @annotations.setter
    def annotations(self, value: Iterable[Annotation]) -> None:
        self._own()
        self._annotations = _annotation_list(value)

    @property
    def attributes(self) -> dict[str, Any]:
        if self._attributes is None:
            self._attributes = self._source.item_attributes(self._row)
        return self._attributes

    @attributes.setter
    def attributes(self, value: dict[str, Any]) -> None:
        self._own()
        self._attributes = value

    def media_as(self, kind: type[M]) -> M:
        """The media, for type checkers: TypeError when it is of another class."""
        if not isinstance(self.media, kind):
            raise TypeError(
                f"item {self.id!r}: media is {type(self.media).__name__}, not {kind.__name__}"
            )
        return self.media

    def wrap(self, **changes: Any) -> DatasetItem:
        """A copy with some fields changed.

        It has its own list of annotations and dict of attributes; what is in them is shared.
        """
        fields: dict[str, Any] = {"id": self.id, "subset": self.subset, "media": self.media}
        if "annotations" not in changes:
            fields["annotations"] = Annotations(self.annotations)
        if "attributes" not in changes:
            fields["attributes"] = dict(self.attributes)
        return type(self)(**{**fields, **changes})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DatasetItem):
            return NotImplemented
        return (
            self.id == other.id
            and self.subset == other.subset
            and equal_values(self.attributes, other.attributes)
            and list(self.annotations) == list(other.annotations)
            and self.media == other.media
        )

    __hash__ = None  # type: ignore[assignment] - what can be changed has none

    def __repr__(self) -> str:
        return (
            f"DatasetItem(id={self.id!r}, subset={self.subset!r}, media={self.media!r}, "
            f"annotations={list(self.annotations)!r}, attributes={self.attributes!r})"
        )


def _restore(
    kind: type[DatasetItem],
    id: str,
    subset: str,
    media: Any,
    annotations: list[Annotation],
    attributes: dict[str, Any],
) -> DatasetItem:
    return kind(id, subset=subset, media=media, annotations=annotations, attributes=attributes)


def _annotation_list(annotations: Iterable[Annotation] | None) -> list[Annotation]:
    if isinstance(annotations, list):
        return annotations
    return Annotations(annotations or ())


def _checked_media(media: object) -> MediaElement | None:
    if media is not None and not isinstance(media, MediaElement):
        raise TypeError(
            f"media is a {type(media).__name__}; expected a MediaElement, as Image.from_file makes"
        )
    return media


def row_item(source: RowSource, row: int) -> DatasetItem:
    """An item that looks at a row until it is changed."""
    item = object.__new__(DatasetItem)
    item._source, item._row, item._keepers = source, row, ()  # pyright: ignore[reportPrivateUsage]
    item._media, item._annotations, item._attributes = _UNREAD, None, None  # pyright: ignore[reportPrivateUsage]
    return item


def checked_item(item: object, media_type: type[MediaElement]) -> DatasetItem:
    """The item, if a data set of media of ``media_type`` may have it.

    Raises
    ------
    TypeError
        It is no item.
    MediaTypeError
        Its media is of another class.
    """
    if not isinstance(item, DatasetItem):
        raise TypeError(f"a {type(item).__name__}; expected a DatasetItem")
    if item.media is not None and not isinstance(item.media, media_type):
        raise MediaTypeError(
            f"item {item.id!r}: media is {type(item.media).__name__}; "
            f"the data set holds {media_type.__name__}"
        )
    return item
