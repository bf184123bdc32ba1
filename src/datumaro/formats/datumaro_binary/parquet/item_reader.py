"""Single items of a data set, read when they are asked for."""

from __future__ import annotations

import operator
import os
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np

from datumaro.errors import DatasetImportError, DatasetNotFoundError
from datumaro.formats.base import Folder
from datumaro.formats.datumaro_binary.format import DatumaroBinary, DatumaroBinaryReadOptions
from datumaro.formats.datumaro_binary.parquet.given_keys import opened
from datumaro.formats.datumaro_binary.parquet.parts import part_of
from datumaro.formats.datumaro_binary.parquet.recent import Recent
from datumaro.formats.datumaro_binary.parquet.row_groups import RowGroups, Rows, StoredFile
from datumaro.formats.datumaro_binary.parquet.together import files_of, put_together
from datumaro.formats.datumaro_binary.sources import ANNOTATIONS, SUFFIX, find_sources, is_parquet
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem
from datumaro.model.media import MediaElement
from datumaro.remote.path import as_remote, located, raise_missing
from datumaro.remote.steady import read_steady
from datumaro.staging import read_whole
from datumaro.table import media_columns
from datumaro.table.chunk import Content
from datumaro.table.schema import Array
from datumaro.table.store import ItemStore


class ItemReader:
    """Items of a data set in DatumaroBinary's Parquet storage, read when they are asked for.

    It opens the files once and keeps their ends; of the rest it reads the pages that have an item,
    then the row group, and keeps those that were asked for last. ``reader[k]`` is the k-th item of
    the `Dataset` that an import makes. Each call makes objects of its own: to change them changes
    nothing here.

    It can be pickled (with the keys of an encrypted data set) and used by several threads and
    forked processes at once; no file stays open. When a file is changed after it was opened, the
    next read of it fails.

    Parameters
    ----------
    path : the data set's folder, or one of its files; or a URL of one. What lies there must stay as
        it is while it is read.
    storage_options : how a URL's server is reached, as the import has them.
    rows, shard, allow_external_media : a part of it, and which media are followed: as the import
        has them (docs/storage.md).
    encryption_key, key_file, passphrase, passphrase_file, kms : one that opens an encrypted data
        set, as the import has them.
    cache_bytes : of row groups that are kept; at least one is.

    Raises
    ------
    DatasetNotFoundError
        There is no such data set.
    DatasetImportError
        It is stored otherwise or damaged, or cannot be opened with this key. Damage of a row group
        is found when it is read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rows: str | None = None,
        shard: str | None = None,
        allow_external_media: bool = False,
        encryption_key: str | bytes | None = None,
        key_file: str | None = None,
        passphrase: str | None = None,
        passphrase_file: str | None = None,
        kms: object | None = None,
        cache_bytes: int = 512 << 20,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        options = DatumaroBinaryReadOptions(
            rows=rows,
            shard=shard,
            allow_external_media=allow_external_media,
            encryption_key=encryption_key,
            key_file=key_file,
            passphrase=passphrase,
            passphrase_file=passphrase_file,
            kms=kms,
        )
        self._path, self._cache_bytes = located(path, storage_options), cache_bytes
        if not self._path.exists():
            raise_missing(self._path)
        remote = as_remote(self._path)
        if remote is None:
            self._groups, self._content = read_whole(self._path, lambda: _open(self._path, options))
        else:
            self._groups, self._content = read_steady(
                remote, DatumaroBinary.owned, lambda: _open(self._path, options)
            )
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what is kept: in another process its locks may be held by nobody."""
        self._process = os.getpid()
        self._recent: Recent[Rows] = Recent(self._cache_bytes)
        self._names: tuple[Array, Array] | None = None
        self._naming = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_path", "_cache_bytes", "_groups", "_content")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin_anew()

    def __repr__(self) -> str:
        return f"ItemReader({str(self._path)!r}: {len(self)} items)"

    # --- items -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._groups.starts[-1]

    def __iter__(self) -> Iterator[DatasetItem]:
        """All items in order; those of a row group share its memory."""
        for number in range(len(self._groups)):
            rows = self._kept().peek(number) or self._groups.read(number)
            yield from ItemStore([rows.all()])

    @overload
    def __getitem__(self, key: SupportsIndex) -> DatasetItem: ...
    @overload
    def __getitem__(self, key: slice) -> list[DatasetItem]: ...
    @overload
    def __getitem__(self, key: tuple[str, str]) -> DatasetItem: ...
    def __getitem__(
        self, key: SupportsIndex | slice | tuple[str, str]
    ) -> DatasetItem | list[DatasetItem]:
        """The item at a place in the order (negative ones count from the end), those of a slice, or
        the one of an id and subset.

        Raises
        ------
        IndexError
            There are not so many.
        KeyError
            There is none of that id and subset.
        """
        if isinstance(key, slice):
            return self.take(range(*key.indices(len(self))))
        if isinstance(key, tuple):
            item = self.get(*key)
            if item is None:
                raise KeyError(f"{self._path}: no item of id and subset {key}")
            return item
        return self.take((key,))[0]

    def take(self, indices: Iterable[SupportsIndex]) -> list[DatasetItem]:
        """The items at these places, in their order; each row group is read once.

        Raises
        ------
        IndexError
            One is not a place.
        """
        places = [self._place(index) for index in indices]
        by_group: dict[int, list[int]] = {}
        for at, place in enumerate(places):
            group = bisect_right(self._groups.starts, place) - 1
            by_group.setdefault(group, []).append(at)
        items: dict[int, DatasetItem] = {}
        for group, wanted in by_group.items():
            start, recent = self._groups.starts[group], self._kept()
            rows = recent.get(group, self._groups.read)
            chunk = rows.some(np.array([places[at] - start for at in wanted]))
            recent.measure(group)
            items.update(zip(wanted, ItemStore([chunk]), strict=True))
        return [items[at] for at in range(len(places))]

    def get(self, id: object, subset: str | None = None) -> DatasetItem | None:
        """The item of that id and subset ("default" when not given), or None.

        The first call reads the ids of all items.
        """
        name = (str(id).replace("\\", "/"), subset or DEFAULT_SUBSET_NAME)
        self._kept()  # with locks of this process
        with self._naming:
            if self._names is None:
                self._names = self._read_names()
            hashes, order = self._names
        begin, end = (int(np.searchsorted(hashes, hash(name), side)) for side in ("left", "right"))
        for place in sorted(order[begin:end].tolist()):
            item = self.take((place,))[0]
            if (item.id, item.subset) == name:
                return item
        return None

    def _read_names(self) -> tuple[Array, Array]:
        """(The hashes of all names, rising; the places of their items)."""
        parts = [np.zeros(0, np.int64)]
        for number in range(len(self._groups)):
            subset, ids = self._groups.ids(number)
            parts.append(np.fromiter((hash((name, subset)) for name in ids), np.int64, len(ids)))
        hashes = np.concatenate(parts)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order

    def _place(self, index: SupportsIndex) -> int:
        place, length = operator.index(index), len(self)
        if not -length <= place < length:
            raise IndexError(f"item {place} of {length}")
        return place % length

    def _kept(self) -> Recent[Rows]:
        if os.getpid() != self._process:
            self._begin_anew()
        return self._recent

    # --- about the whole ---------------------------------------------------------------------

    def subsets(self) -> dict[str, range]:
        """The places of each subset's items."""
        found: dict[str, range] = {}
        for subset, places in zip(self._groups.subsets(), self.row_groups(), strict=True):
            begin = found.get(subset, places).start
            found[subset] = range(begin, places.stop)
        return found

    def row_groups(self) -> list[range]:
        """The places of the items that lie together: to ask for one of them makes the others
        cheap."""
        starts = self._groups.starts
        return [range(starts[n], starts[n + 1]) for n in range(len(self._groups))]

    def infos(self) -> dict[str, Any]:
        """Free information on the whole data set."""
        return self._content.infos

    def categories(self) -> dict[AnnotationType, Categories]:
        """Categories by annotation type."""
        return self._content.categories

    def media_type(self) -> type[MediaElement]:
        """The class that all items' media are of."""
        return media_columns.media_class(self._content.media_type)


def _open(path: Path, options: DatumaroBinaryReadOptions) -> tuple[RowGroups, Content]:
    sources = find_sources(Folder(path))
    if not sources:
        raise DatasetNotFoundError(f"{path}: there is no {ANNOTATIONS}/*{SUFFIX}")
    for source in sources:
        if not is_parquet(source.path):
            raise DatasetImportError(
                f"{source.path}: the file is not of Parquet storage, of which single items can be "
                "read; export the data set with storage='parquet', or import the whole"
            )
    whole = path.is_dir()
    vaults, _ = opened([source.path for source in sources], options, whole)
    files = {
        source: StoredFile(
            source.path,
            str(source.root),
            options.allow_external_media,
            vaults.get(source.path.parent),
        )
        for source in sources
    }
    told = {source: file.metadata for source, file in files.items()}
    ordered, content = put_together(told, whole)
    wanted = files_of(part_of(options.shard, options.rows), ordered, told)
    groups = RowGroups([(files[source], begin, end) for source, begin, end in wanted])
    return groups, replace(content, chunks=[])
