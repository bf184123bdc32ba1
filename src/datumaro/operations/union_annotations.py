"""Annotations of items that several data sets have, put together on columns.

Annotations are the same when all of their columns are (stated areas excepted): kind, id, group,
label, coordinates, a mask's run lengths, attributes and all else. The same are kept once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa

from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import ANNOTATIONS, Array

_SHORT = ("type", "id", "group", "label")  # mostly tell already what cannot be the same
_LONG = tuple(name for name in ANNOTATIONS.names if name not in (*_SHORT, "area"))
_JSON = ("attributes", "extra")
_LARGEST = 1 << 62


def new_annotations(before: Chunk, after: Chunk) -> tuple[Array, pa.RecordBatch]:
    """What items of a second data set have that the same items of a first have not.

    Parameters
    ----------
    before, after : the same n items, in the same order.

    Returns
    -------
    The items that they belong to (int64, rising), and the annotations. Their groups are made others
    where annotations of the first have them that are not in the second.
    """
    if _are_same(before, after):
        return np.zeros(0, np.int64), after.annotations.slice(0, 0)
    items_before, items = _items(before), _items(after)
    known = _known(before.annotations, after.annotations, items_before, items)
    new = np.flatnonzero(~known)
    annotations = after.annotations
    if len(new) < len(annotations):
        annotations = annotations.take(pa.array(new))
    groups = _free_groups(before, after, items_before, items, known)
    if not np.array_equal(groups, annotations.column("group").to_numpy()):
        at = annotations.schema.get_field_index("group")
        column = schema.primitive(groups, pa.int64())
        annotations = annotations.set_column(at, ANNOTATIONS.field("group"), column)
    return items[new], annotations


def with_more(chunk: Chunk, more: list[tuple[Array, pa.RecordBatch]]) -> Chunk:
    """The chunk with more annotations, behind those that its items have.

    Parameters
    ----------
    more : the items that they belong to (int64), and annotations.
    """
    owners = np.concatenate([_items(chunk), *(items for items, _ in more)])
    order = np.argsort(owners, kind="stable")
    batches = [chunk.annotations, *(annotations for _, annotations in more)]
    columns = [
        pa.concat_arrays([batch.column(name) for batch in batches]) for name in ANNOTATIONS.names
    ]
    annotations = pa.RecordBatch.from_arrays(columns, schema=ANNOTATIONS).take(pa.array(order))
    counts = np.bincount(owners, minlength=len(chunk))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    return replace(chunk, annotations=annotations, offsets=offsets)


def _items(chunk: Chunk) -> Array:
    """The item of each annotation, int64."""
    return np.repeat(np.arange(len(chunk)), np.diff(chunk.offsets))


def _are_same(a: Chunk, b: Chunk) -> bool:
    """Whether the items have the same annotations in the same order, as mostly is quickly told."""
    return np.array_equal(a.offsets, b.offsets) and all(
        a.annotations.column(name).equals(b.annotations.column(name)) for name in (*_SHORT, *_LONG)
    )


# --- the same annotations -------------------------------------------------------------------------


def _known(a: pa.RecordBatch, b: pa.RecordBatch, items_a: Array, items_b: Array) -> Array:
    """Of each row of ``b`` whether the same is in ``a``, with the same item; bool."""
    rows_a, rows_b = np.arange(len(a)), np.arange(len(b))
    codes: Array = np.concatenate([items_a, items_b])
    for names in (_SHORT, _LONG):
        columns = [
            pa.concat_arrays([_at(a.column(name), rows_a), _at(b.column(name), rows_b)])
            for name in names
        ]
        codes, count = _compact(codes)
        for name, column in zip(names, columns, strict=True):
            more, n = _codes(column, name)
            if count > _LARGEST // n:
                codes, count = _compact(codes)
            codes, count = codes * n + more, count * n
        codes, count = _compact(codes)
        in_both = np.ones(count, bool)
        for part in (codes[: len(rows_a)], codes[len(rows_a) :]):
            in_both &= np.bincount(part, minlength=count) > 0
        both = in_both[codes]
        rows_a, rows_b = rows_a[both[: len(rows_a)]], rows_b[both[len(rows_a) :]]
        codes = codes[both]
        if not len(codes):
            break
    known = np.zeros(len(b), bool)
    known[rows_b] = True
    return known


def _at(column: pa.Array, rows: Array) -> pa.Array:
    """The values of some rows, rising."""
    return column if len(rows) == len(column) else column.take(pa.array(rows))


def _compact(codes: Array) -> tuple[Array, int]:
    """Numbers from 0 on in the place of others, int64; and how many there are."""
    found = schema.primitive(codes, pa.int64()).dictionary_encode()
    return found.indices.to_numpy().astype(np.int64), max(len(found.dictionary), 1)


def _codes(column: pa.Array, name: str) -> tuple[Array, int]:
    """A number for each row, int64, the same for equal values; and how many there are."""
    if name == "label":
        column = schema.primitive(schema.label_values(column), pa.int32())
    elif pa.types.is_large_list(column.type):
        offsets, values = schema.list_parts(column)
        data = np.ascontiguousarray(values).view(np.uint8)
        column = schema.texts(offsets * values.itemsize, data, pa.large_binary())
    found = column.dictionary_encode()
    codes: Array = found.indices.to_numpy().astype(np.int64)
    count = len(found.dictionary)
    if name in _JSON and count > 1:
        texts: list[str] = found.dictionary.to_pylist()
        numbers: dict[bytes, int] = {}
        places = [numbers.setdefault(_sorted(text), len(numbers)) for text in texts]
        codes, count = np.array(places, np.int64)[codes], len(numbers)
    return codes, max(count, 1)


def _sorted(text: str) -> bytes:
    """A JSON object's text with its keys in order."""
    try:
        return orjson.dumps(json_text.decode(text), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # integers beyond 64 bits
        return text.encode()


# --- groups ---------------------------------------------------------------------------------------


def _free_groups(
    before: Chunk, after: Chunk, items_before: Array, items: Array, known: Array
) -> Array:
    """The groups of the annotations that are not known: others where the first data set has the
    same for something else. Equal ones stay equal; int64."""
    groups_before: Array = before.annotations.column("group").to_numpy()
    groups: Array = after.annotations.column("group").to_numpy()
    owners = np.concatenate([items_before, items])
    numbers, count = _compact(np.concatenate([groups_before, groups]))
    pairs, count = _compact(owners * count + numbers)  # of an item and a group
    pairs_before, pairs = pairs[: len(groups_before)], pairs[len(groups_before) :]
    taken = np.zeros(count, bool)
    taken[pairs_before] = True
    taken[pairs[known]] = False
    new = np.flatnonzero(~known)
    made = groups[new].copy()
    clash = np.flatnonzero((made != 0) & taken[pairs[new]])
    if not len(clash):
        return made
    most = np.zeros(len(before), np.int64)  # the largest group of each item, of both data sets
    np.maximum.at(most, items_before, groups_before)
    np.maximum.at(most, items, groups)
    _, first, inverse = np.unique(pairs[new][clash], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)  # of each clashing group, by its first annotation
    by_appearance = np.argsort(first)
    rank[by_appearance] = np.arange(len(first))
    owners = items[new][clash]
    owners_by_rank = owners[first[by_appearance]]
    begin = np.searchsorted(owners_by_rank, owners)  # the item's first clashing group
    made[clash] = most[owners] + 1 + rank[inverse] - begin
    return made
