"""`Dataset`, what users hold: objects outside, columns inside."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import fields, replace
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa

from datumaro.errors import (
    CategoriesRedefinedError,
    DatasetError,
    DatasetExportError,
    DatasetImportError,
    DatasetInfosRedefinedError,
    DatasetNotFoundError,
    DatumaroError,
    MediaTypeError,
    RepeatedItemError,
    UnknownFormatError,
    UnknownOptionError,
)
from datumaro.formats import detection, registry
from datumaro.formats.base import (
    ReadContext,
    ReadOptions,
    WriteContext,
    WriteOptions,
    log,
)
from datumaro.formats.losses import count_losses
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem, checked_id
from datumaro.model.media import Image, MediaElement
from datumaro.options import make_options
from datumaro.paths import is_url
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.remote.path import as_remote, located, raise_missing
from datumaro.remote.steady import read_steady
from datumaro.remote.tools import copying
from datumaro.remote.upload import uploaded
from datumaro.staging import read_whole, staged
from datumaro.table import media_columns, schema
from datumaro.table.checks import check_labels, check_names, check_unique
from datumaro.table.chunk import Chunk, Content
from datumaro.table.store import ItemStore
from datumaro.workers import Workers

CategoriesInfo = dict[AnnotationType, Categories]


class Dataset:
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
            source = _independent(source.content())
        content = Content([]) if source is None else source
        self._store = ItemStore(content.chunks)
        self._infos: dict[str, Any] = dict(content.infos) if infos is None else dict(infos)
        self._infos_given = source is not None or infos is not None
        self._categories: CategoriesInfo = (
            dict(content.categories) if categories is None else _categories(categories)
        )
        self._categories_given = source is not None or categories is not None
        self._media_type = media_type or media_columns.media_class(content.media_type)
        self._bound: tuple[str, str, dict[str, Any]] | None = None
        # the folder that it was read from, and its media's paths then
        self._origin: tuple[str, list[pa.Array]] | None = None

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
            if not dataset._store.add(dataset._checked(item)):
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
        if error_policy not in ("fail", "skip"):
            raise ValueError(f"error_policy {error_policy!r}; expected 'fail' or 'skip'")
        source = located(path, storage_options)
        if path == "":
            raise DatasetNotFoundError("the path of the data set is empty")
        if not source.exists():
            raise_missing(source)
        if format is None:
            format, source = detection.detect_one(source)
        reader = registry.get(format)
        if not reader.reads:
            raise UnknownFormatError(f"format {format!r} can be exported, not imported")
        remote = as_remote(source)
        if remote is not None and not reader.at_urls:
            raise DatasetImportError(
                f"{source}: format {format} is not read from URLs; copy the data set to a local "
                f"folder first, and read that: {copying(remote)}. Of datumaro_binary with storage "
                "parquet it can be read where it is"
            )
        chosen = make_options(reader.read_options, options, format)
        workers = _workers(chosen, executor, format)

        def read() -> tuple[Content, ReadContext]:
            progress = progress_reporter or NullProgressReporter()
            context = ReadContext(progress, error_policy, workers=workers)
            return reader.read(source, chosen, context), context

        if remote is None:
            content, context = read_whole(source, read)
        else:
            content, context = read_steady(remote, reader.owned, read)
        content = check_names(content, str(source), context.problem)
        content = check_labels(content, str(source), context.problem)
        content = check_unique(content, str(source), context.problem)
        if context.n_problems:
            log.warning(
                "%s: %d items or annotations left out; the first: %s",
                source, context.n_problems, context.problems[0],
            )  # fmt: skip
        dataset = cls(content)
        if not context.is_part:
            dataset._bound = (str(source), format, options | context.keep)
        paths = [chunk.items.column("path") for chunk in content.chunks]
        dataset._origin = (_absolute(str(source)), paths)
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

        given = None if categories is None else _categories(categories)
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
            return self.get(*item) is not None  # pyright: ignore
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
        self._store.put(self._checked(item))

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
        from datumaro.operations.filtering import filter as filtering

        if isinstance(condition, str):
            content = self.content()
            chosen = filtering.chosen_by_expression(
                content, condition, filter_annotations=filter_annotations
            )
        elif callable(condition):  # pyright: ignore[reportUnnecessaryComparison]
            chosen = filtering.chosen_by_function(
                self, condition, filter_annotations=filter_annotations
            )
            content = self.content()  # with what the function has changed
        else:
            raise TypeError(f"a filter of {type(condition).__name__}; expected text or a function")
        kept = filtering.kept(
            content, chosen, filter_annotations=filter_annotations, remove_empty=remove_empty
        )
        self._store = ItemStore(kept.chunks)
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
        return Dataset(_independent(self._content_of(chunks)), media_type=self._media_type)

    def _checked(self, item: object) -> DatasetItem:
        if not isinstance(item, DatasetItem):
            raise TypeError(f"a {type(item).__name__}; expected a DatasetItem")
        if item.media is not None and not isinstance(item.media, self._media_type):
            raise MediaTypeError(
                f"item {item.id!r}: media is {type(item.media).__name__}; "
                f"the data set holds {self._media_type.__name__}"
            )
        return item

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
        self._categories, self._categories_given = _categories(categories), True

    def media_type(self) -> type[MediaElement]:
        """The class that all items' media are of."""
        return self._media_type

    def ann_types(self) -> set[AnnotationType]:
        """The kinds of annotations that there are."""
        found: set[AnnotationType] = set()
        for chunk in self._store.chunks():
            types = np.unique(chunk.annotations.column("type").to_numpy())
            found.update(AnnotationType(int(t)) for t in types)
        return found

    def get_annotated_items(self) -> int:
        """Number of items that have annotations."""
        return sum(int(np.count_nonzero(np.diff(c.offsets))) for c in self._store.chunks())

    def get_annotations(self) -> int:
        """Number of annotations."""
        return sum(len(chunk.annotations) for chunk in self._store.chunks())

    def get_label_cat_names(self) -> list[str]:
        """Names of the labels; none when there are no label categories."""
        labels = self._categories.get(AnnotationType.label)
        return [c.name for c in labels] if isinstance(labels, LabelCategories) else []

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

    @property
    def items_table(self) -> pa.Table:
        """The items as an Arrow table (table.schema.ITEMS) over the data set's own memory."""
        return pa.Table.from_batches([c.items for c in self._store.chunks()], schema.ITEMS)

    @property
    def annotations_table(self) -> pa.Table:
        """The annotations, in the items' order (table.schema.ANNOTATIONS), over the same memory.

        `annotation_offsets` says which rows are whose.
        """
        return pa.Table.from_batches(
            [c.annotations for c in self._store.chunks()], schema.ANNOTATIONS
        )

    def to_arrow(self, *, media_in_memory: Literal["fail", "omit"] = "fail") -> pa.Table:
        """One Arrow table with a row for each item, over the same memory: see docs/arrow.md.

        Its annotations are a list of structs, with coordinates as numbers and labels by number and
        name: what Polars, DuckDB or pandas are given. Categories and infos are in its metadata.

        Parameters
        ----------
        media_in_memory : what becomes of media that are no files, or encrypted ones: "fail" raises,
            "omit" leaves them out.

        Raises
        ------
        UnsupportedContentError
            An item's medium is none of a file; the message names the item.
        """
        from datumaro import arrow_table

        return arrow_table.table_of(self.content(), media_in_memory)

    def to_pandas(self, *, media_in_memory: Literal["fail", "omit"] = "fail") -> Any:
        """The table of `to_arrow` as a pandas.DataFrame, not copied.

        Raises
        ------
        MissingDependencyError
            pandas is not installed.
        """
        from datumaro import arrow_table

        return arrow_table.frame_of(self.to_arrow(media_in_memory=media_in_memory))

    @property
    def annotation_offsets(self) -> schema.Array:
        """int64 [items + 1]: item i's annotations are the rows ``offsets[i]:offsets[i + 1]``."""
        parts = [np.zeros(1, np.int64)]
        for chunk in self._store.chunks():
            parts.append(chunk.offsets[1:] + parts[-1][-1])
        return np.concatenate(parts)

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
        target = located(save_dir, storage_options)
        remote = as_remote(target)
        if remote is None and not os.fspath(save_dir):
            raise ValueError("the folder to export to is empty")
        writer = registry.get(format)
        if not writer.writes:
            raise UnknownFormatError(f"format {format!r} can be imported, not exported")
        chosen = make_options(writer.write_options, options, format)
        if remote is not None:
            writer.check_url(chosen)
        workers = _workers(chosen, executor, format)
        content = self.content()
        if self._store.is_changed:  # an item may have got another's name in place
            check_unique(content)
        if not chosen.save_media:
            _warn_of_encrypted(content)
        context = WriteContext(progress_reporter or NullProgressReporter(), workers=workers)
        if (holds := writer.holding(chosen)) is not None:
            count_losses(content, holds, context)
        try:
            gone = self._media_before(str(target)) if chosen.save_media else ()
            if remote is None:
                place = staged(target, writer.owned, gone)
            else:
                place = uploaded(remote, writer.owned, gone, context.progress, workers)
            with place as folder:
                writer.write(content, folder, chosen, context)
        except OSError as error:  # a full disk, a name that is too long
            if isinstance(error, DatumaroError):
                raise
            what = f" ({error.filename})" if error.filename else ""
            raise DatasetExportError(
                f"{target}: cannot be written: {error.strerror or error}{what}"
            ) from error
        context.report(format)
        path = str(target) if is_url(str(save_dir)) else os.fspath(save_dir)
        self._bound = (path, format, options | context.keep)

    def _media_before(self, folder: str) -> set[str]:
        """The media files that the data set had in its folder, if it is saved there again.

        All of them that are still wanted are saved anew, so that the old ones are stale.
        """
        place = _absolute(folder)
        if self._origin is None or place != self._origin[0]:
            return set()
        root = place + ("/" if is_url(place) else os.sep)
        paths = (path for column in self._origin[1] for path in column.to_pylist() if path)
        inside = (path for path in map(_absolute, paths) if path.startswith(root))
        return {path[len(root) :].replace(os.sep, "/") for path in inside}

    def save(self, save_dir: str | os.PathLike[str] | None = None, **options: Any) -> None:
        """Export again, to the folder and in the format that the data set is bound to."""
        if self._bound is None:
            if save_dir is None:
                raise DatasetError("the data set is bound to no folder: use export(folder, format)")
            return self.export(save_dir, "datumaro", **options)
        path, format, bound = self._bound
        kept = {k: v for k, v in bound.items() if k in _option_names(format)}
        return self.export(save_dir or path, format, **{**kept, **options})

    def bind(
        self, path: str, format: str = "datumaro", *, options: Mapping[str, Any] | None = None
    ) -> None:
        """Say where `save` writes."""
        self._bound = (path, format, dict(options or {}))

    @property
    def is_bound(self) -> bool:
        """Whether the data set has a folder: where it was read from or last written to."""
        return self._bound is not None

    @property
    def data_path(self) -> str | None:
        """The folder that the data set is bound to."""
        return self._bound[0] if self._bound else None

    @property
    def format(self) -> str | None:
        """The format that the data set is bound to."""
        return self._bound[1] if self._bound else None

    @property
    def options(self) -> dict[str, Any]:
        """The options that the data set is bound with."""
        return self._bound[2] if self._bound else {}

    def clone(self) -> Dataset:
        """An independent data set of the same content. Columns are shared: they never change."""
        clone = self._independent_of(self._store.chunks())
        clone._bound = self._bound
        return clone

    def __repr__(self) -> str:
        lines = [
            f"size={len(self)}",
            f"source_path={self.data_path}",
            f"media_type={self._media_type.__name__}",
            f"ann_types={sorted(t.name for t in self.ann_types())}",
            f"annotated_items_count={self.get_annotated_items()}",
            f"annotations_count={self.get_annotations()}",
            "subsets",
            *(f"\t{line}" for line in self.get_subset_info().splitlines()),
            "infos",
            *(f"\t{line}" for line in self.get_infos()),
            "categories",
            *(f"\t{line}" for line in self.get_categories_info()),
        ]
        return "Dataset\n" + "\n".join(f"\t{line}" for line in lines)


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

    def categories(self) -> CategoriesInfo:
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


def _absolute(path: str) -> str:
    """A path from the root, its links kept; or a URL as it is."""
    return path if is_url(path) else os.path.abspath(path)  # noqa: PTH100


def _categories(given: Mapping[AnnotationType, Categories] | Iterable[Any]) -> CategoriesInfo:
    if isinstance(given, Mapping):
        by_type = cast(Mapping[AnnotationType, Categories], given)
        return {AnnotationType(kind): value for kind, value in by_type.items()}
    return {AnnotationType.label: LabelCategories.from_iterable(given)}


def _workers(
    options: ReadOptions | WriteOptions, executor: Executor | None, format: str
) -> Workers:
    if "num_workers" in {f.name for f in fields(options)}:
        return Workers(getattr(options, "num_workers", None), executor)
    if executor is not None:
        raise UnknownOptionError(f"{format} is read without workers: it has no option 'executor'")
    return Workers()


def _option_names(format: str) -> set[str]:
    return {f.name for f in fields(registry.get(format).write_options)}


def _warn_of_encrypted(content: Content) -> None:
    media = (medium for chunk in content.chunks for medium in chunk.media.values())
    count = sum(media_columns.is_encrypted(medium) for medium in media)
    if count:
        log.warning(
            "%d media are in encrypted files, which stay so: what is written here leads to them, "
            "and nothing can open them from it; save_media writes them anew", count,
        )  # fmt: skip


def _independent(content: Content) -> Content:
    """The content with categories and infos of its own. Columns never change: they are shared."""
    return replace(
        content,
        categories=copy.deepcopy(content.categories),
        infos=copy.deepcopy(content.infos),
    )
