"""A data set's items: columns below, changed items above them.

The columns are never written to. An item that is put, changed or removed has an entry in the
overlay; `ItemStore.chunks` folds the overlay into columns for whoever wants columns. What was
handed out of a row is remembered weakly (the item here, its parts by the row's `Page`), so that two
who ask for it get the same object: all living objects of a row belong to one page.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from weakref import WeakValueDictionary, ref

import numpy as np

from datumaro.errors import RepeatedItemError
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem, Keeper
from datumaro.table import schema
from datumaro.table.builder import Builder, concat
from datumaro.table.chunk import Chunk, empty_chunk
from datumaro.table.view import ChunkArrays, Page

PAGE_ITEMS = 512
"""How many items a scan turns into Python values at a time."""


class ItemStore:
    """Items in order, by position: the columns' rows first, then the added ones."""

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        self._chunks = [chunk for chunk in chunks if len(chunk)]
        self._arrays = [ChunkArrays(chunk) for chunk in self._chunks]
        self._starts = [0]
        for chunk in self._chunks:
            self._starts.append(self._starts[-1] + len(chunk))
        # position: the item that stands there now, None when it was removed
        self._overlay: dict[int, DatasetItem | None] = {}
        self._removed: list[int] = []  # sorted positions
        self._end = self._starts[-1]
        # a row's own item, also when another stands in its place now
        self._live: WeakValueDictionary[int, DatasetItem] = WeakValueDictionary()
        # by first position: pages of scans, and of single rows that were asked for by name
        self._pages: WeakValueDictionary[int, Page] = WeakValueDictionary()
        self._singles: WeakValueDictionary[int, Page] = WeakValueDictionary()
        self._self: ref[Keeper] = ref(self)
        self._index: dict[tuple[str, str], int] | None = None
        self._doubled = False  # some items have the same id and subset
        self._length = self._end

    # --- from outside ------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._length

    @property
    def is_changed(self) -> bool:
        """Whether anything stands above the columns."""
        return bool(self._overlay)

    def __iter__(self) -> Iterator[DatasetItem]:
        return self.scan()

    def scan(self, subset: str | None = None) -> Iterator[DatasetItem]:
        """All items, or a subset's, in order. Items that are added meanwhile do not come."""
        end = self._end
        for index, chunk in enumerate(self._chunks):
            start = self._starts[index]
            for begin in range(0, len(chunk), PAGE_ITEMS):
                page = self._page(index, begin)
                scattered = len(self._singles) > 0
                for row in range(page.end - begin):
                    position = start + begin + row
                    if position in self._overlay:
                        item = self._overlay[position]
                        if item is None or (subset is not None and item.subset != subset):
                            continue
                    else:
                        if subset is not None and page.subsets[row] != subset:
                            continue
                        item = self._live.get(position)
                        if item is None:
                            single = self._singles.get(position) if scattered else None
                            item = single.item(0) if single is not None else page.item(row)
                            self._live[position] = item
                    yield item
        for position in range(self._starts[-1], end):
            item = self._overlay[position]
            if item is not None and (subset is None or item.subset == subset):
                yield item

    def get(self, item_id: str, subset: str = DEFAULT_SUBSET_NAME) -> DatasetItem | None:
        """The item of that id and subset, or None."""
        position = self._positions().get((item_id, subset))
        return None if position is None else self._at(position)

    def nth(self, index: int) -> DatasetItem:
        """The item at a place in the order; negative ones count from the end."""
        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"item {index} of {length}")
        index %= length
        # removed[k] - k live positions stand before the k-th removed one
        skipped = bisect_right(range(len(self._removed)), index, key=lambda k: self._removed[k] - k)
        item = self._at(index + skipped)
        assert item is not None
        return item

    def put(self, item: DatasetItem) -> None:
        """Add an item, or put it in the place of the one with the same id and subset."""
        positions = self._positions()
        key = (item.id, item.subset)
        position = positions.get(key)
        if position is None:
            position = positions[key] = self._end
            self._end += 1
            self._length += 1
        self._set(position, item)

    def add(self, item: DatasetItem) -> bool:
        """Add an item; False, and nothing happens, when its id and subset are taken."""
        if (item.id, item.subset) in self._positions():
            return False
        self.put(item)
        return True

    def remove(self, item_id: str, subset: str = DEFAULT_SUBSET_NAME) -> bool:
        """Remove an item; False when there is none."""
        position = self._positions().pop((item_id, subset), None)
        if position is None:
            return False
        self._set(position, None)
        insort(self._removed, position)
        self._length -= 1
        if self._doubled:
            self._index = None
        return True

    def _set(self, position: int, item: DatasetItem | None) -> None:
        """Put an item, or None, in a place, and be told of its new names from here on."""
        before = self._overlay.get(position)
        self._overlay[position] = item
        if before is item:
            return
        if before is not None:
            before._keepers = tuple(k for k in before._keepers if k is not self._self)  # pyright: ignore[reportPrivateUsage]
        if item is not None:
            item._keepers = (*item._keepers, self._self)  # pyright: ignore[reportPrivateUsage]

    def item_renamed(self, item: DatasetItem, before: tuple[str, str]) -> None:
        """An item has another id or subset now (item.Keeper)."""
        index, now = self._index, (item.id, item.subset)
        if index is None or now == before:
            return
        position = index.get(before)
        if self._doubled or position is None or now in index:
            self._index = None  # two with one name, now or before: see who is who when it matters
        else:
            index[now] = index.pop(before)

    def subset_counts(self) -> dict[str, int]:
        """{subset: number of its items}, in the order of their first items."""
        counts: dict[str, int] = {}
        changed = self._changed_rows()
        for index, chunk in enumerate(self._chunks):
            codes, names = chunk.subset_codes()
            found, first, number = np.unique(codes, return_index=True, return_counts=True)
            for k in np.argsort(first):
                name = names[int(found[k])]
                counts[name] = counts.get(name, 0) + int(number[k])
            for row in changed[index]:
                counts[names[int(codes[row])]] -= 1
        for item in self._overlay.values():
            if item is not None:
                counts[item.subset] = counts.get(item.subset, 0) + 1
        return {name: count for name, count in counts.items() if count}

    def chunks(self) -> list[Chunk]:
        """All items as columns: the same memory for what nobody changed."""
        if not self._overlay:
            return list(self._chunks)
        folded = [self._folded(index, rows) for index, rows in enumerate(self._changed_rows())]
        added = Builder()
        for position in range(self._starts[-1], self._end):
            item = self._overlay[position]
            if item is not None:
                add_item(added, item)
        if len(added):
            folded.append(added.finish())
        return [chunk for chunk in folded if len(chunk)]

    def selected(self, predicate: Callable[[DatasetItem], bool]) -> list[Chunk]:
        """The items for which the function is true, as columns.

        Raises
        ------
        RuntimeError
            The function added or removed items.
        """
        kept = np.array([bool(predicate(item)) for item in self], bool)
        if len(kept) != len(self):
            raise RuntimeError("items were added or removed while others were selected")
        parts: list[Chunk] = []
        begin = 0
        for chunk in self.chunks():
            rows = np.flatnonzero(kept[begin : begin + len(chunk)])
            begin += len(chunk)
            if len(rows):
                parts.append(chunk if len(rows) == len(chunk) else chunk.take(rows))
        return parts

    # --- positions ---------------------------------------------------------------------------

    def _positions(self) -> dict[tuple[str, str], int]:
        """{(id, subset): position}; made when it is first needed."""
        index = self._index
        if index is None:
            index = dict[tuple[str, str], int]()
            for number, chunk in enumerate(self._chunks):
                codes, names = chunk.subset_codes()
                ids: list[str] = chunk.items.column("id").to_pylist()
                start = self._starts[number]
                numbers: list[int] = codes.tolist()
                for row, (item_id, code) in enumerate(zip(ids, numbers, strict=True)):
                    position = start + row
                    if position in self._overlay:
                        continue
                    key = (item_id, names[code])
                    if key in index:
                        raise RepeatedItemError(key)
                    index[key] = position
            self._doubled = False
            for position in sorted(self._overlay):
                item = self._overlay[position]
                if item is not None and index.setdefault((item.id, item.subset), position) != (
                    position
                ):
                    self._doubled = True  # by a new name given in place
            self._index = index
        return index

    def _at(self, position: int) -> DatasetItem | None:
        return self._overlay[position] if position in self._overlay else self._row_item(position)

    def _page(self, index: int, begin: int) -> Page:
        """The page of a scan: the one that still has living objects, or a new one."""
        position = self._starts[index] + begin
        page = self._pages.get(position)
        if page is None:
            end = min(begin + PAGE_ITEMS, len(self._chunks[index]))
            page = self._pages[position] = Page(self._arrays[index], self, index, begin, end)
        return page

    def _row_item(self, position: int) -> DatasetItem:
        """A row's own item: the living one, or one of the page that has what lives of the row."""
        item = self._live.get(position)
        if item is None:
            index = bisect_right(self._starts, position) - 1
            row = position - self._starts[index]
            page, at = self._singles.get(position), 0
            if page is None:
                page, at = self._pages.get(position - row % PAGE_ITEMS), row % PAGE_ITEMS
            if page is None:
                page, at = Page(self._arrays[index], self, index, row, row + 1), 0
                self._singles[position] = page
            item = self._live[position] = page.item(at)
        return item

    def take_item(self, chunk: int, row: int) -> DatasetItem:
        """An item of the columns is being changed: keep it from here on (view.Owner).

        Where another was put in its place, or it was removed, it is not the data set's any more.
        """
        position = self._starts[chunk] + row
        item = self._row_item(position)
        if position not in self._overlay:
            self._set(position, item)
        return item

    # --- folding -----------------------------------------------------------------------------

    def _changed_rows(self) -> list[list[int]]:
        """For each chunk the rows in whose place the overlay has something, sorted."""
        rows: list[list[int]] = [[] for _ in self._chunks]
        for position in sorted(self._overlay):
            if position < self._starts[-1]:
                index = bisect_right(self._starts, position) - 1
                rows[index].append(position - self._starts[index])
        return rows

    def _folded(self, index: int, changed: list[int]) -> Chunk:
        chunk, start = self._chunks[index], self._starts[index]
        if not changed:
            return chunk
        builder = Builder()
        # each row's place among the chunk's rows followed by the built ones; -1 for none
        order = np.arange(len(chunk))
        for row in changed:
            item = self._overlay[start + row]
            if item is None:
                order[row] = -1
            else:
                order[row] = len(chunk) + len(builder)
                add_item(builder, item)
        built = builder.finish() if len(builder) else empty_chunk()
        media = dict(chunk.media)
        media.update({len(chunk) + row: m for row, m in built.media.items()})
        both = Chunk(
            concat([chunk.items, built.items], schema.ITEMS),
            concat([chunk.annotations, built.annotations], schema.ANNOTATIONS),
            np.concatenate([chunk.offsets, built.offsets[1:] + chunk.offsets[-1]]),
            media,
        )
        return both.take(order[order >= 0])


def add_item(builder: Builder, item: DatasetItem) -> None:
    """Add an item; its annotation rows as they are when nobody looked at them."""
    source = item._source if item._row >= 0 else None  # pyright: ignore[reportPrivateUsage]
    untouched = isinstance(source, Page) and item._annotations is None  # pyright: ignore[reportPrivateUsage]
    builder.add(item, source.annotation_rows(item._row) if untouched else None)  # pyright: ignore
