"""Stretches of data sets: slicing, picking, splitting by subset."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from datumaro.dataset import Dataset
from datumaro.model.annotation import AnnotationType, Label
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DatasetItem
from datumaro.model.media import Image
from datumaro.model.shapes import Polygon
from datumaro.table.builder import build
from datumaro.table.chunk import Chunk, Content, count, empty_chunk

shapes = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 3)), max_size=8)


def a_chunk(items: list[tuple[str, int]]) -> Chunk:
    """Items of subsets, with so many polygons each; every third has its image in memory."""
    return build(
        DatasetItem(
            str(i),
            subset=subset,
            annotations=[Polygon([i, k, 3, 4, 5, 6], id=10 * i + k, label=k) for k in range(n)],
            media=Image.from_numpy(np.full((1, 1), i, np.uint8)) if i % 3 == 0 else None,
            attributes={"i": i},
        )
        for i, (subset, n) in enumerate(items)
    )


def objects(*chunks: Chunk) -> list[DatasetItem]:
    return list(Dataset(Content(list(chunks))))


@given(shapes, st.data())
def test_a_slice_has_the_same_items(items: list[tuple[str, int]], data: Any) -> None:
    chunk = a_chunk(items)
    begin = data.draw(st.integers(0, len(items)))
    end = data.draw(st.integers(begin, len(items)))
    part = chunk.slice(begin, end)
    assert objects(part) == objects(chunk)[begin:end]
    middle = data.draw(st.integers(0, len(part)))
    assert objects(part.slice(middle, len(part))) == objects(chunk)[begin + middle : end]


@given(shapes, st.data())
def test_bytes_are_those_of_texts_and_lists(items: list[tuple[str, int]], data: Any) -> None:
    begin = data.draw(st.integers(0, len(items)))
    chunk = a_chunk(items).slice(begin, len(items))
    sizes = [len(f'{i}{{"i":{i}}}') + n * (96 + 6 * 4) for i, (_, n) in enumerate(items)][begin:]
    found = chunk.bytes_up_to(np.arange(len(chunk) + 1))
    assert found.tolist() == [0, *accumulate(sizes)]


@given(shapes, st.data())
def test_taken_rows_come_in_their_order(items: list[tuple[str, int]], data: Any) -> None:
    chunk = a_chunk(items)
    begin = data.draw(st.integers(0, len(items)))
    part = chunk.slice(begin, len(items))
    rows = data.draw(st.permutations(range(len(part))))[: data.draw(st.integers(0, len(part)))]
    taken = part.take(np.array(rows, np.int64))
    assert objects(taken) == [objects(part)[row] for row in rows]
    taken.items.validate(full=True)
    taken.annotations.validate(full=True)


@given(shapes, st.integers(1, 3))
def test_by_subset(items: list[tuple[str, int]], size: int) -> None:
    whole = a_chunk(items)
    parts = [whole.slice(b, min(b + size, len(whole))) for b in range(0, len(whole), size)]
    content = Content(parts)
    names = list(dict.fromkeys(subset for subset, _ in items))
    assert content.subset_names() == names
    by_subset = content.by_subset()
    assert list(by_subset) == names
    for name, chunks in by_subset.items():
        assert objects(*chunks) == [item for item in objects(whole) if item.subset == name]
    assert count(parts) == (len(items), sum(n for _, n in items)) and len(content) == len(items)


def test_a_slice_is_the_same_memory() -> None:
    chunk = a_chunk([("a", 2)] * 4)
    part = chunk.slice(1, 3)
    for name in ("points", "id", "attributes"):
        whole, some = chunk.annotations.column(name), part.annotations.column(name)
        assert [b and b.address for b in some.buffers()] == [
            b and b.address for b in whole.buffers()
        ]


def test_subsets_in_one_piece_are_sliced_and_scattered_ones_copied() -> None:
    chunk = a_chunk([("a", 1), ("a", 1), ("b", 1), ("c", 0), ("b", 2)])
    address = chunk.annotations.column("id").buffers()[1].address
    parts = Content([chunk]).by_subset()
    assert parts["a"][0].annotations.column("id").buffers()[1].address == address
    assert parts["b"][0].annotations.column("id").buffers()[1].address != address


@pytest.mark.parametrize("offsets", [[0], [0, 1, 2, 3], [1, 2, 2], [0, 1, 3], [0, 3, 2]])
def test_offsets_that_do_not_fit_are_refused(offsets: list[int]) -> None:
    chunk = a_chunk([("a", 1), ("a", 1)])
    with pytest.raises(ValueError):
        Chunk(chunk.items, chunk.annotations, np.array(offsets))


def test_nothing() -> None:
    assert len(empty_chunk()) == 0 and objects(empty_chunk()) == []
    assert Content([]).by_subset() == {} and Content([empty_chunk()]).subset_names() == []
    assert objects(empty_chunk().take(np.zeros(0, np.int64))) == []
    assert objects(empty_chunk().slice(0, 0)) == []


def test_labels_keep_their_nulls_through_slices() -> None:
    chunk = build([DatasetItem(str(i), annotations=[Label(i)]) for i in range(9)])
    chunk.annotations.validate(full=True)
    mixed = build(
        DatasetItem(str(i), annotations=[Polygon([1, 2, 3, 4, 5, 6], label=i if i % 2 else None)])
        for i in range(20)
    )
    labels = [item.annotations[0].label for item in objects(mixed.slice(9, 15))]
    assert labels == [9, None, 11, None, 13, None]


def test_labels() -> None:
    labels = LabelCategories.from_iterable(["cat", "dog"])
    content = Content([], {AnnotationType.label: labels})
    assert (content.labels is labels, content.label_names) == (True, ["cat", "dog"])
    assert (len(Content([]).labels), Content([]).label_names) == (0, [])
