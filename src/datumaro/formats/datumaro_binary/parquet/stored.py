"""What is stored in a Parquet file, of the kinds that are written here: columns, and their pages.

Whatever else Parquet has, or is wrong, is a `ValueError`: Arrow reads it, or knows what to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from datumaro.formats.datumaro_binary.parquet.layout import (
    ANNOTATION_FIELDS,
    ANNOTATIONS,
    ITEM_COLUMNS,
)
from datumaro.kernels.crc import crc32
from datumaro.kernels.parquet_footer import column_places
from datumaro.kernels.parquet_pages import page_header

UNCOMPRESSED, ZSTD = 0, 6
PLAIN = 0
MOST_PAGES = 1 << 14  # of a column in a row group; ours have a handful
HEADER = 1 << 10  # bytes, at most, of a page's header
zstd = pa.Codec("zstd")

_NESTED = f"{ANNOTATIONS}.list.element."
_SIZES = {"INT32": 4, "INT64": 8, "BYTE_ARRAY": 0}
_KINDS = {4: 1, 8: 2, 0: 6}  # their numbers
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_PLAIN_DICTIONARY, _LEVELS = 2, 3
_MOST = 1 << 26  # bytes of a page; ours have one or two million
_MOST_VALUES = 1 << 22  # of a page


@dataclass(frozen=True)
class Column:
    """A column as its pages have it.

    Attributes
    ----------
    index : which of the file's columns.
    kind : of its values in Arrow.
    size : bytes of a number; 0 for bytes.
    most : the definition level of what is there.
    """

    name: str
    nested: bool
    index: int
    kind: pa.DataType
    size: int
    most: int


def columns_of(footer: Any, names: Sequence[str]) -> list[Column]:
    """The columns of a file, by their paths.

    Parameters
    ----------
    footer : a `pyarrow.parquet.FileMetaData`.

    Raises
    ------
    ValueError
        One is of another kind than those that are written here.
    """
    schema: pa.Schema = footer.schema.to_arrow_schema()
    nested: Any = schema.field(ANNOTATIONS)
    if not pa.types.is_list(nested.type) or not pa.types.is_struct(nested.type.value_type):
        raise ValueError("annotations that are no lists of structs")
    element = nested.type.value_field
    if nested.nullable or element.nullable:
        raise ValueError("annotations that may be null")
    fields: dict[str, pa.Field] = {column.name: column for column in schema}
    fields |= {_NESTED + column.name: column for column in element.type}
    by_path: dict[str, Column] = {}
    for index in range(footer.num_columns):
        told = footer.schema.column(index)
        path: str = told.path
        if path not in names:
            continue
        is_nested = path.startswith(_NESTED)
        name = path.removeprefix(_NESTED)
        kind = (ANNOTATION_FIELDS if is_nested else ITEM_COLUMNS)[name]
        size = _SIZES.get(told.physical_type, -1)
        stored, most = fields[path].type, is_nested + fields[path].nullable
        levels = (told.max_repetition_level, told.max_definition_level)
        if path in by_path or levels != (int(is_nested), most):
            raise ValueError(f"another column {path}")
        if size:
            alike = stored == kind and size * 8 == kind.bit_width
        else:
            alike = _are_bytes(kind) and _are_bytes(stored)
        if size < 0 or not alike:
            raise ValueError(f"another kind of column {path}")
        by_path[path] = Column(name, is_nested, index, kind, size, most)
    return [by_path[path] for path in names]


def _are_bytes(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


class Place(NamedTuple):
    """Where a column of a row group is, as a footer tells it; what it does not is -1.

    Attributes
    ----------
    kind : of its values, a physical type's number.
    values : how many, with those of nulls and empty lists.
    stored : how many bytes.
    data, words : where the first page of data and the dictionary begin.
    """

    kind: int
    codec: int
    values: int
    stored: int
    data: int
    words: int


class StoredColumns:
    """The columns of a file, and where they are in each row group.

    Parameters
    ----------
    data, footer : the file's footer, as it is stored and as a `pyarrow.parquet.FileMetaData`.
    names : paths of the columns that are wanted.

    Raises
    ------
    ValueError
        One is of another kind than those that are written here.
    """

    def __init__(self, data: bytes, footer: Any, names: Sequence[str]) -> None:
        self._data = data
        self._columns = dict(zip(names, columns_of(footer, names), strict=True))

    def places(self, number: int, names: Sequence[str] | None = None) -> list[tuple[Column, Place]]:
        """Where columns of a row group are; of all that are wanted, or these.

        Raises
        ------
        ValueError
            The footer is damaged.
        """
        told = column_places(self._data, number)
        columns = [self._columns[name] for name in (self._columns if names is None else names)]
        if any(column.index >= len(told) for column in columns):
            raise ValueError("fewer columns than the file has")
        return [(column, Place(*told[column.index])) for column in columns]


def span_of(column: Column, place: Place) -> tuple[int, int]:
    """Where a column of a row group begins and ends in the file.

    Raises
    ------
    ValueError
        That cannot be, or it is of another type, or compressed otherwise.
    """
    if place.kind != _KINDS[column.size]:
        raise ValueError("a column of another type than the schema says")
    if place.codec not in (UNCOMPRESSED, ZSTD):
        raise ValueError("a column that is stored otherwise")
    begin = place.words if 0 < place.words < place.data else place.data
    if begin < 4 or place.stored < 0:
        raise ValueError("a column outside the file")
    return begin, begin + place.stored


@dataclass
class Page:
    """A page as its header tells it.

    Attributes
    ----------
    at, stored : where its bytes begin in the file, and how many there are.
    size : how many there are when it is decompressed.
    crc : their checksum as they are stored; -1 for none.
    body : its content, when it is kept.
    """

    at: int
    stored: int
    size: int
    crc: int
    count: int
    encoding: int
    is_dictionary: bool
    body: bytes | None = None


def page_at(head: bytes | memoryview, at: int, end: int) -> Page:
    """The page whose header is at the byte ``at`` of a file.

    Parameters
    ----------
    head : what is there, `HEADER` bytes or up to ``end``.
    end : where the column ends.

    Raises
    ------
    ValueError
        It is damaged, or of another kind.
    """
    kind, size, stored, crc, count, encoding, defined, repeated, length = page_header(head)
    at += length
    if not (0 <= stored <= end - at and 0 <= size <= _MOST):
        raise ValueError("a page of a size that cannot be")
    if not 0 <= count <= _MOST_VALUES:
        raise ValueError("a page of too many values")
    is_dictionary = kind == _DICTIONARY_PAGE
    if is_dictionary:
        if count > size or encoding not in (PLAIN, _PLAIN_DICTIONARY):
            raise ValueError("another dictionary")
    elif kind != _DATA_PAGE or defined != _LEVELS or repeated != _LEVELS:
        raise ValueError("a page of another kind")
    return Page(at, stored, size, crc, count, encoding, is_dictionary)


def check_stored(page: Page, stored: bytes | memoryview) -> None:
    """See that the bytes of a page are those of its checksum.

    Raises
    ------
    ValueError
        They are not.
    """
    if page.crc >= 0 and crc32(stored) != page.crc:
        raise ValueError("a checksum that is not that of the page")
