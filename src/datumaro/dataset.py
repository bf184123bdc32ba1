"""`Dataset`, what users hold: objects outside, columns inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import fields
from typing import Any, Literal, cast

from datumaro.binding import Bound, Origin
from datumaro.dataset_columns import DatasetColumns
from datumaro.dataset_description import description
from datumaro.dataset_subset import DatasetSubset as DatasetSubset
from datumaro.errors import (
    CategoriesRedefinedError,
    DatasetError,
    DatasetInfosRedefinedError,
    RepeatedItemError,
)
from datumaro.exporting import write_dataset
from datumaro.formats import detection, registry
from datumaro.importing import read_dataset
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, categories_by_type, label_names
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem, checked_item
from datumaro.model.media import Image, MediaElement
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.remote.path import located
from datumaro.table import media_columns
from datumaro.table.checks import check_unique
from datumaro.table.chunk import Chunk, Content
from datumaro.table.store import ItemStore
from datumaro.workers import Workers

CategoriesInfo = dict[AnnotationType, Categories]


class Dataset(DatasetColumns, Bound):
    """A data set: items in subsets, categories, infos.

    Items are `DatasetItem` objects made when somebody looks; what is changed in them, in place too,
    is kept. Behind them are Arrow columns: `items_table`, `annotations_table`.

    Make one with `import_from` or `from_iterable`.
    """

    def __init__(
        self,
        source: Dataset | Content | None = None,
        *,
        infos: Mapping[str, Any] | None = None,
        categories: Mapping[AnnotationType, Categories] | Iterable[Any] | None = None,
        media_type: type[MediaElement] | None = None,
        ann_types: Collection[AnnotationType] | None = None,
    ) -> None:
        if source is not None and (infos is not None or categories is not None):
            raise ValueError("infos and categories come with the source; do not give both")
        if source is None and media_type is None:
            raise ValueError("an empty data set needs a media_type, such as Image")
        del ann_types  # taken for the sake of callers that say them: they are found out
        if isinstance(source, Dataset):
            source = source.content().independent()
        content = Content([]) if source is None else source
        self._store = ItemStore(content.chunks)
        self._infos: dict[str, Any] = dict(content.infos) if infos is None else dict(infos)
        self._infos_given = source is not None or infos is not None
        self._categories: CategoriesInfo = (
            dict(content.categories) if categories is None else categories_by_type(categories)
        )
        self._categories_given = source is not None or categories is not None
        self._media_type = media_type or media_columns.media_class(content.media_type)
        self._origin: Origin | None = None

    # --- making ------------------------------------------------------------------------------

    @classmethod
    def from_iterable(
        cls,
        iterable: Iterable[DatasetItem],
        infos: Mapping[str, Any] | None = None,
        categories: Mapping[AnnotationType, Categories] | Iterable[Any] | None = None,
        *,
        media_type: type[MediaElement] = Image,
        ann_types: Collection[AnnotationType] | None = None,
    ) -> Dataset:
        """Make a data set of items.

        Parameters
        ----------
        categories : by annotation type; or label names (LabelCategories.from_iterable).
        media_type : the class that all items' media are of.
        ann_types : not needed: `ann_types` tells the kinds that there are.

        Raises
        ------
        RepeatedItemError
            Two items have the same id and subset.
        MediaTypeError
            An item's media is of another class.
        """
        dataset = cls(
            infos={} if infos is None else infos,
            categories={} if categories is None else categories,
            media_type=media_type,
            ann_types=ann_types,
        )
        for item in iterable:
            if not dataset._store.add(checked_item(item, media_type)):
                raise RepeatedItemError((item.id, item.subset))
        return dataset

    @classmethod
    def import_from(
        cls,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        progress_reporter: ProgressReporter | None = None,
        error_policy: Literal["fail", "skip"] = "fail",
        executor: Executor | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Dataset:
        """Read a data set.

        Parameters
        ----------
        path : its folder, or for some formats a file; or a URL: see docs/remote.md.
        format : its format's name; detected when not given.
        error_policy : what becomes of items and annotations that cannot be read: "fail" raises,
            "skip" leaves them out and logs how many.
        executor : runs the work of formats that have the option ``num_workers``: see
            `datumaro.workers.Workers`.
        storage_options : how a URL's server is reached; by default as the environment says.
        options : the format's import options.

        Raises
        ------
        DatasetNotFoundError
            Nothing lies at the path.
        RemoteStorageError
            A URL's server failed or refused.
        NoMatchingFormatsError, MultipleFormatsMatchError
            The format was not given and cannot be told.
        DatasetImportError
            The data set is damaged; the message names file, place, found and expected.
        RepeatedItemError
            Two items have the same id and subset.
        """
        content, found, bound = read_dataset(
            path,
            format,
            options,
            progress_reporter=progress_reporter,
            error_policy=error_policy,
            executor=executor,
            storage_options=storage_options,
        )
        dataset = cls(content)
        dataset._bound, dataset._origin = bound, Origin(found, content)
        return dataset

    @classmethod
    def from_arrow(
        cls,
        source: Any,
        *,
        categories: Mapping[AnnotationType, Categories] | Iterable[Any] | None = None,
        infos: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """Make a data set of a table like that of `to_arrow`: see docs/arrow.md.

        Parameters
        ----------
        source : a pyarrow.Table, RecordBatch or RecordBatchReader, or what gives an Arrow stream,
            such as a Polars data frame. Media paths are followed wherever they lead.
        categories, infos : instead of those in the table's metadata, which many tools drop.

        Raises
        ------
        DatasetImportError
            A column is missing or wrong; the message names it and the item.
        """
        from datumaro import arrow_table  # costs time, and most do without

        given = None if categories is None else categories_by_type(categories)
        return cls(arrow_table.content_of(source, given, infos))

    @classmethod
    def load(cls, path: str | os.PathLike[str], **options: Any) -> Dataset:
        """Read a data set in the `datumaro` format."""
        return cls.import_from(path, "datumaro", **options)

    @staticmethod
    def detect(path: str | os.PathLike[str], *, depth: int = 2) -> str:
        """The name of the format of the data set at a path."""
        return detection.detect_one(located(path), depth)[0]

    # --- items -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._store)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[DatasetItem]:
        return iter(self._store)

    def __getitem__(self, index: int) -> DatasetItem:
        return self._store.nth(index)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, DatasetItem):
            return self.get(item.id, item.subset) is not None
        if isinstance(item, tuple):
            return self.get(*cast(tuple[Any, ...], item)) is not None
        return self.get(item) is not None

    def get(self, id: object, subset: str | None = None) -> DatasetItem | None:
        """The item of that id and subset ("default" when not given), or None."""
        return self._store.get(str(id).replace("\\", "/"), subset or DEFAULT_SUBSET_NAME)

    def put(self, item: DatasetItem, id: object | None = None, subset: str | None = None) -> None:
        """Add an item, or replace the one with the same id and subset.

        Raises
        ------
        MediaTypeError
            Its media is not of the data set's class.
        """
        if id is not None or subset is not None:
            item = item.wrap(
                id=item.id if id is None else id, subset=item.subset if subset is None else subset
            )
        self._store.put(checked_item(item, self._media_type))

    def remove(self, id: object, subset: str | None = None) -> None:
        """Remove an item; nothing happens when there is none."""
        self._store.remove(str(id).replace("\\", "/"), subset or DEFAULT_SUBSET_NAME)

    def update(self, source: Iterable[DatasetItem]) -> Dataset:
        """Put all items of another data set or iterable; return this data set.

        Raises
        ------
        DatasetError
            The other is a data set with other label names: its numbers would mean others here.
        """
        if isinstance(source, Dataset):
            mine, theirs = self.get_label_cat_names(), source.get_label_cat_names()
            if theirs and mine[: len(theirs)] != theirs:
                raise DatasetError(
                    f"labels differ: {mine} here, {theirs} there; give both the same labels first"
                )
        for item in source:
            self.put(item)
        return self

    def select(self, predicate: Callable[[DatasetItem], bool]) -> Dataset:
        """A data set of the items for which the function is true. It is independent of this one."""
        return self._independent_of(self._store.selected(predicate))

    def filter(
        self,
        condition: str | Callable[..., Any],
        *,
        filter_annotations: bool = False,
        remove_empty: bool = False,
    ) -> Dataset:
        """Keep what meets a condition, drop the rest; return this data set. See docs/filter.md.

        Item objects that were handed out before are no longer those of the data set.

        Parameters
        ----------
        condition : XPath 1.0 over the XML of an item, such as
            ``/item[subset="train" and annotation/label="cat"]``; or a function of an item.
        filter_annotations : choose annotations, by an expression such as
            ``/item/annotation[label="cat" and area > 100]`` or a function of an item and an
            annotation. All items are kept.
        remove_empty : of ``filter_annotations``: drop items that have no annotations then.

        Raises
        ------
        InvalidFilterError
            The expression is wrong; the message shows where.
        """
        from datumaro.operations.filtering.filter import filtered

        content = filtered(
            self, condition, filter_annotations=filter_annotations, remove_empty=remove_empty
        )
        self._store = ItemStore(content.chunks)
        return self

    def transform(
        self,
        method: str | type[Any],
        *,
        progress_reporter: ProgressReporter | None = None,
        executor: Executor | None = None,
        **options: Any,
    ) -> Dataset:
        """Change the whole data set; return it. See docs/transforms.md.

        Item objects that were handed out before are no longer those of the data set.

        Parameters
        ----------
        method : a transform's name, such as ``"remap_labels"``; or a class: a subclass of
            `ItemTransform` that defines ``transform_item(item)``, for instance.
        executor : runs the work of transforms that have the option ``num_workers``: see
            `datumaro.workers.Workers`.
        options : the transform's options.

        Raises
        ------
        UnknownTransformError
            There is no transform of that name.
        UnknownOptionError, InvalidOptionError
            It has no such option, or not with that value.
        RepeatedItemError
            Two items would have the same id and subset. Whatever is raised, the data set is as it
            was.
        """
        from datumaro.operations.transforms.base import TransformContext
        from datumaro.operations.transforms.running import transformed

        context = TransformContext(
            progress=progress_reporter or NullProgressReporter(),
            workers=Workers(options.get("num_workers"), executor),
        )
        content = transformed(self, method, options, context)
        self._store = ItemStore(content.chunks)
        self._categories, self._infos = content.categories, content.infos
        self._media_type = media_columns.media_class(content.media_type)
        return self

    def _independent_of(self, chunks: list[Chunk]) -> Dataset:
        return Dataset(self._content_of(chunks).independent(), media_type=self._media_type)

    def init_cache(self) -> None:
        """Do nothing: all is read when it is imported. For callers who expect laziness."""

    @property
    def is_cache_initialized(self) -> bool:
        """True: all items are there."""
        return True

    # --- about the whole ---------------------------------------------------------------------

    def subsets(self) -> dict[str, DatasetSubset]:
        """The subsets that have items, by name, in the order of their first items."""
        return {name: DatasetSubset(self, name) for name in self._store.subset_counts()}

    def get_subset(self, name: str | None) -> DatasetSubset:
        """A subset, be it empty."""
        return DatasetSubset(self, name or DEFAULT_SUBSET_NAME)

    def infos(self) -> dict[str, Any]:
        """Free information on the whole data set."""
        return self._infos

    def categories(self) -> CategoriesInfo:
        """Categories by annotation type."""
        return self._categories

    def define_infos(self, infos: Mapping[str, Any]) -> None:
        """Set the infos, once; DatasetInfosRedefinedError when they are set."""
        if self._infos_given:
            raise DatasetInfosRedefinedError("the data set has infos; change what infos() returns")
        self._infos, self._infos_given = dict(infos), True

    def define_categories(
        self, categories: Mapping[AnnotationType, Categories] | Iterable[Any]
    ) -> None:
        """Set the categories, once; CategoriesRedefinedError when they are set."""
        if self._categories_given:
            raise CategoriesRedefinedError("the data set has categories already")
        self._categories, self._categories_given = categories_by_type(categories), True

    def media_type(self) -> type[MediaElement]:
        """The class that all items' media are of."""
        return self._media_type

    def get_label_cat_names(self) -> list[str]:
        """Names of the labels; none when there are no label categories."""
        return label_names(self._categories)

    def get_subset_info(self) -> str:
        """Lines of subset names and numbers of items, for people."""
        return "\n".join(
            f"{name}: # of items={n}" for name, n in self._store.subset_counts().items()
        )

    def get_infos(self) -> tuple[str, ...]:
        """Lines of infos, for people."""
        return tuple(f"{name}: {value}" for name, value in self._infos.items())

    def get_categories_info(self) -> tuple[str, ...]:
        """Lines of category kinds and label names, for people."""
        return tuple(
            f"{kind.name}: {self.get_label_cat_names() if kind == AnnotationType.label else value}"
            for kind, value in self._categories.items()
        )

    def get_datasetitem_by_path(self, path: str) -> DatasetItem | None:
        """The item whose media file is at a path, or None."""
        for item in self:
            if item.media is not None and getattr(item.media, "path", None) == path:
                return item
        return None

    # --- columns -----------------------------------------------------------------------------

    def content(self) -> Content:
        """Everything as columns, with all changes folded in: what formats are given."""
        return self._content_of(self._store.chunks())

    def _content_of(self, chunks: list[Chunk]) -> Content:
        kind = media_columns.media_number(self._media_type)
        return Content(chunks, dict(self._categories), dict(self._infos), kind)

    # --- files -------------------------------------------------------------------------------

    def export(
        self,
        save_dir: str | os.PathLike[str],
        format: str,
        *,
        progress_reporter: ProgressReporter | None = None,
        executor: Executor | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Write the data set into a folder, or to a URL (docs/remote.md).

        The folder is the old one or the new one, whole, at any moment. Files of an older data set
        in it that the format does not write anew stay, but for annotation files: they go. Where the
        data set was read from that folder and ``save_media`` is set, its old media files go, too.
        What the format cannot hold is logged as one warning.

        Parameters
        ----------
        format : the format's name.
        executor : runs the work that ``num_workers`` threads would do: see
            `datumaro.workers.Workers`.
        storage_options : how a URL's server is reached; by default as the environment says.
        options : the format's export options, such as ``save_media=True``.

        Raises
        ------
        DatasetExportError
            The data set could not be written; the folder is as it was. At a URL the message tells
            what is there.
        WorkerError
            The executor failed; the folder is as it was.
        """
        self._bound = write_dataset(
            self._content_checked,
            save_dir,
            format,
            options,
            origin=self._origin,
            progress_reporter=progress_reporter,
            executor=executor,
            storage_options=storage_options,
        )

    def _content_checked(self) -> Content:
        content = self.content()
        if self._store.is_changed:  # an item may have got another's name in place
            check_unique(content)
        return content

    def save(self, save_dir: str | os.PathLike[str] | None = None, **options: Any) -> None:
        """Export again, to the folder and in the format that the data set is bound to."""
        if self._bound is None:
            if save_dir is None:
                raise DatasetError("the data set is bound to no folder: use export(folder, format)")
            return self.export(save_dir, "datumaro", **options)
        bound = self._bound
        known = {f.name for f in fields(registry.get(bound.format).write_options)}
        kept = {name: value for name, value in bound.options.items() if name in known}
        return self.export(save_dir or bound.path, bound.format, **{**kept, **options})

    def clone(self) -> Dataset:
        """An independent data set of the same content. Columns are shared: they never change."""
        clone = self._independent_of(self._store.chunks())
        clone._bound = self._bound
        return clone

    def __repr__(self) -> str:
        return description(self)
