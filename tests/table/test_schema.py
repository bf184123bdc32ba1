"""Columns of NumPy arrays: the same memory, blanks, nulls, slices."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from datumaro.table import schema


def address(column: pa.Array, which: int = -1) -> int:
    return column.buffers()[which].address


def test_a_column_is_the_arrays_memory() -> None:
    values = np.arange(5, dtype=np.int64)
    column = schema.primitive(values, pa.int64())
    assert column.to_pylist() == [0, 1, 2, 3, 4]
    assert address(column) == values.ctypes.data


def test_an_array_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match=r"int64.*int32"):
        schema.primitive(np.arange(3), pa.int32())


@given(st.lists(st.none() | st.integers(0, 2**31 - 1)))
def test_labels_and_back(labels: list[int | None]) -> None:
    values = np.array([schema.NO_LABEL if v is None else v for v in labels], np.int32)
    column = schema.labels(values)
    column.validate(full=True)
    assert column.to_pylist() == labels
    assert schema.label_values(column).tolist() == values.tolist()
    half = len(labels) // 2
    assert schema.label_values(column.slice(half)).tolist() == values[half:].tolist()


LISTS = schema.ANNOTATIONS.field("points").type


@given(st.lists(st.lists(st.integers(0, 99), max_size=4), max_size=8), st.data())
def test_lists_of_a_slice_have_absolute_offsets(rows: list[list[int]], data: Any) -> None:
    ends = np.cumsum([0, *map(len, rows)])
    flat = np.array([v for row in rows for v in row], np.float32)
    column = schema.lists(ends, flat, LISTS)
    column.validate(full=True)
    begin = data.draw(st.integers(0, len(rows)))
    end = data.draw(st.integers(begin, len(rows)))
    part = column.slice(begin, end - begin)
    offsets, values = schema.list_parts(part)
    assert len(offsets) == end - begin + 1
    found = [values[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert found == rows[begin:end] == part.to_pylist()


@given(st.lists(st.text(max_size=4), max_size=8), st.data())
def test_texts_of_a_slice_have_absolute_offsets(rows: list[str], data: Any) -> None:
    encoded = [row.encode() for row in rows]
    column = schema.texts(np.cumsum([0, *map(len, encoded)]), b"".join(encoded), pa.large_string())
    column.validate(full=True)
    begin = data.draw(st.integers(0, len(rows)))
    offsets, values = schema.list_parts(column.slice(begin))
    found = [bytes(values[a:b]).decode() for a, b in itertools.pairwise(offsets)]
    assert found == rows[begin:]


def test_parts_are_not_copied() -> None:
    values = np.arange(6, dtype=np.float32)
    column = schema.lists(np.array([0, 2, 6]), values, LISTS)
    assert schema.list_parts(column)[1].ctypes.data == values.ctypes.data


@pytest.mark.parametrize("name", ["points", "visibility", "attributes", "rle"])
def test_parts_of_empty_columns(name: str) -> None:
    """Arrow leaves out the buffers of some empty columns."""
    kind = schema.ANNOTATIONS.field(name).type
    blank = schema.annotation_batch(3, {}).column(name)
    for column in (pa.array([], kind), blank.slice(1, 0), blank.take(pa.array([], pa.int64()))):
        offsets, values = schema.list_parts(column)
        assert offsets.tolist() == [0] and not len(values)
    offsets, values = schema.list_parts(blank)
    assert offsets.tolist() == [0, 0, 0, 0] and not len(values)


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_blank_batches_are_valid_and_hold_nothing(n: int) -> None:
    items, annotations = schema.item_batch(n, {}), schema.annotation_batch(n, {})
    items.validate(full=True)
    annotations.validate(full=True)
    assert items.schema.equals(schema.ITEMS) and annotations.schema.equals(schema.ANNOTATIONS)
    if n:
        assert items.slice(n - 1, 1).to_pylist() == [
            {
                "id": "", "subset": "default", "attributes": "", "media_type": 0, "path": "",
                "height": 0, "width": 0, "media_extra": "",
            }
        ]  # fmt: skip
        row = annotations.slice(n - 1, 1).to_pylist()[0]
        assert np.isnan(row.pop("area"))
        assert row == {
            "type": 0, "id": 0, "group": 0, "object_id": -1, "label": None, "z_order": 0,
            "attributes": "", "points": [], "visibility": [], "mask_height": 0, "mask_width": 0,
            "rle": b"", "text": "", "extra": "",
        }  # fmt: skip


def test_a_column_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        schema.item_batch(0, {"colour": pa.array([])})


def test_blanks_share_their_memory() -> None:
    one, other = schema.blank(pa.int32(), 100), schema.blank(pa.int64(), 50)
    assert address(one) == address(other)
