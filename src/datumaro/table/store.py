"""A data set's items: columns below, changed items above them.

The columns are never written to. An item that is put, changed or removed has an entry in the
overlay; `ItemStore.chunks` folds the overlay into columns for whoever wants columns. An item that
was handed out is remembered weakly, so that two who ask for it get the same object.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from weakref import WeakValueDictionary

import numpy as np

from datumaro.errors import RepeatedItemError
from datumaro.model.item import DEFAULT_SUBSET_NAME, DatasetItem
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
        self._end = self._starts[-1]
        self._live: WeakValueDictionary[int, DatasetItem] = WeakValueDictionary()
        self._index: dict[tuple[str, str], int] | None = None
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
        """All items, or a subset's, in order. Items that are put meanwhile come too."""
        for index, chunk in enumerate(self._chunks):
            start = self._starts[index]
            for begin in range(0, len(chunk), PAGE_ITEMS):
                page = Page(
                    self._arrays[index], self, index, begin, min(begin + PAGE_ITEMS, len(chunk))
                )
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
                            item = self._live[position] = page.item(row)
                    yield item
        position = self._starts[-1]
        while position < self._end:
            item = self._overlay[position]
            if item is not None and (subset is None or item.subset == subset):
                yield item
            position += 1

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
        if not self._overlay:
            item = self._at(index)
        else:
            removed = sorted(p for p, i in self._overlay.items() if i is None)
            for position in removed:
                if position > index:
                    break
                index += 1
            item = self._at(index)
        if item is None:
            raise IndexError(f"item {index} was removed")
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
        self._overlay[position] = item
        self._live.pop(position, None)

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
        self._overlay[position] = None
        self._live.pop(position, None)
        self._length -= 1
        return True

    def subset_counts(self) -> dict[str, int]:
        """{subset: number of its items}, in the order of their first items."""
        counts: dict[str, int] = {}
        for index, chunk in enumerate(self._chunks):
            codes, names = chunk.subset_codes()
            start = self._starts[index]
            replaced = [p - start for p in self._overlay if start <= p < start + len(chunk)]
            found, first, number = np.unique(codes, return_index=True, return_counts=True)
            for k in np.argsort(first):
                name = names[int(found[k])]
                counts[name] = counts.get(name, 0) + int(number[k])
            for row in replaced:
                counts[names[int(codes[row])]] -= 1
        for item in self._overlay.values():
            if item is not None:
                counts[item.subset] = counts.get(item.subset, 0) + 1
        return {name: count for name, count in counts.items() if count}

    def chunks(self) -> list[Chunk]:
        """All items as columns: the same memory for what nobody changed."""
        if not self._overlay:
            return self._chunks
        folded = [self._folded(index) for index in range(len(self._chunks))]
        added = Builder()
        for position in range(self._starts[-1], self._end):
            item = self._overlay[position]
            if item is not None:
                _add(added, item)
        if len(added):
            folded.append(added.finish())
        return [chunk for chunk in folded if len(chunk)]

    def check_unique(self, where: str = "") -> None:
        """RepeatedItemError when two items have the same id and subset."""
        self._index = None
        self._positions(where)

    # --- positions ---------------------------------------------------------------------------

    def _positions(self, where: str = "") -> dict[tuple[str, str], int]:
        """{(id, subset): position}; made when it is first needed.

        It is made anew when an item that was changed in place no longer has the key it is under.
        """
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
                        raise RepeatedItemError(key, where)
                    index[key] = position
            for position, item in self._overlay.items():
                if item is not None:
                    index[(item.id, item.subset)] = position
            self._index = index
        return index

    def _at(self, position: int) -> DatasetItem | None:
        return self._overlay[position] if position in self._overlay else self._row_item(position)

    def _row_item(self, position: int) -> DatasetItem:
        item = self._live.get(position)
        if item is None:
            index = bisect_right(self._starts, position) - 1
            row = position - self._starts[index]
            item = Page(self._arrays[index], self, index, row, row + 1).item(0)
            self._live[position] = item
        return item

    def take_item(self, chunk: int, row: int, item: DatasetItem | None) -> DatasetItem:
        """An item of the columns is being changed: keep it from here on (view.Owner)."""
        position = self._starts[chunk] + row
        if position in self._overlay:
            kept = self._overlay[position]
            if kept is not None:
                return kept
            # it was removed: whoever still holds a part of it changes nothing here
            return item or Page(self._arrays[chunk], self, chunk, row, row + 1).item(0)
        taken = item or self._row_item(position)
        self._overlay[position] = taken
        return taken

    # --- folding -----------------------------------------------------------------------------

    def _folded(self, index: int) -> Chunk:
        chunk, start = self._chunks[index], self._starts[index]
        changed = sorted(p - start for p in self._overlay if start <= p < start + len(chunk))
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
                _add(builder, item)
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


def _add(builder: Builder, item: DatasetItem) -> None:
    """Add an item; its annotation rows as they are when nobody looked at them."""
    source = item._source if item._row >= 0 else None  # pyright: ignore[reportPrivateUsage]
    untouched = isinstance(source, Page) and item._annotations is None  # pyright: ignore[reportPrivateUsage]
    builder.add(item, source.annotation_rows(item._row) if untouched else None)  # pyright: ignore
