"""A whole data set as one Arrow table, and back: docs/arrow.md has the table's columns.

The columns are those of `table.nested`; what they do not say is in the schema's metadata.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import (
    DatasetImportError,
    DatumaroError,
    MalformedFileError,
    MissingDependencyError,
    UnsupportedContentError,
)
from datumaro.formats.categories_json import categories_from_json, categories_to_json
from datumaro.formats.datumaro_binary.parquet.layout import COORDINATES
from datumaro.formats.datumaro_binary.parting import misshapen
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, stated_labels
from datumaro.model.media import MediaElement, MediaType
from datumaro.model.shapes import Points
from datumaro.table import json_text, media_columns, schema
from datumaro.table.checks import check_labels, check_names, check_unique
from datumaro.table.chunk import Chunk, Content, item_of
from datumaro.table.nested import WHERE, NestedReader, nested

KEY = b"datumaro"
FORMAT, VERSION = "datumaro_arrow", "1.0"

MediaInMemory = Literal["fail", "omit"]


class _Json(msgspec.Struct):
    format: str
    version: str
    media_type: str = "image"
    infos: dict[str, Any] = {}
    categories: dict[str, Any] = {}


# --- there ------------------------------------------------------------------------------------


def table_of(content: Content, media_in_memory: MediaInMemory = "fail") -> pa.Table:
    """A data set as a table; see `Dataset.to_arrow`.

    Raises
    ------
    UnsupportedContentError
        A medium is in memory or encrypted, an info is nothing that JSON has.
    """
    if media_in_memory not in ("fail", "omit"):
        raise ValueError(f"media_in_memory {media_in_memory!r}; expected 'fail' or 'omit'")
    chunks = [_with_paths(chunk, media_in_memory) for chunk in content.chunks]
    return nested(chunks, content.label_names).replace_schema_metadata({KEY: _metadata(content)})


def _metadata(content: Content) -> bytes:
    told = {
        "format": FORMAT,
        "version": VERSION,
        "media_type": content.media_type.name.lower(),
        "infos": content.infos,
        "categories": categories_to_json(content.categories),
    }
    try:
        return json_text.encode(told)
    except TypeError as error:
        raise UnsupportedContentError(
            f"the infos or categories cannot be told in JSON, as a table has them: {error}"
        ) from error


def _with_paths(chunk: Chunk, media_in_memory: MediaInMemory) -> Chunk:
    """The chunk with nothing told of media that its columns alone cannot give back."""
    if not chunk.media:
        return chunk
    if media_in_memory == "fail":
        row, medium = min(chunk.media.items())
        raise UnsupportedContentError(
            f"item {chunk.items.column('id')[row].as_py()!r} of subset "
            f"{chunk.items.column('subset')[row].as_py()!r}: {_unheld(medium)}, which a table "
            "cannot hold; export the data set with save_media and import that, or leave such "
            "media out with media_in_memory='omit'"
        )
    gone = np.zeros(len(chunk), bool)
    gone[list(chunk.media)] = True
    items = chunk.items
    for name in ("media_type", "path", "media_extra"):
        field = schema.ITEMS.field(name)
        nothing = pa.scalar(0 if name == "media_type" else "", field.type)
        column = pc.if_else(pa.array(gone), nothing, items.column(name))
        items = items.set_column(items.schema.get_field_index(name), field, column)
    return Chunk(items, chunk.annotations, chunk.offsets)


def _unheld(medium: MediaElement) -> str:
    if media_columns.is_encrypted(medium):
        return f"its {type(medium).__name__} is in an encrypted file"
    return f"its {type(medium).__name__} is not that of a file"


def frame_of(table: pa.Table) -> Any:
    """A table as a pandas.DataFrame of the same columns, over the same memory.

    Raises
    ------
    MissingDependencyError
        pandas is not installed.
    """
    try:
        pandas: Any = importlib.import_module("pandas")
    except ImportError as error:
        raise MissingDependencyError(
            "to_pandas needs pandas; install it with: pip install pandas"
        ) from error
    made: Any = table
    return made.to_pandas(types_mapper=pandas.ArrowDtype)


# --- and back ---------------------------------------------------------------------------------


def content_of(
    source: Any,
    categories: Mapping[AnnotationType, Categories] | None = None,
    infos: Mapping[str, Any] | None = None,
) -> Content:
    """The reverse of `table_of`; see `Dataset.from_arrow`.

    Raises
    ------
    DatasetImportError
        A column is missing, of another kind, or holds what it must not; the message names the
        item or column, what was found and what was expected.
    TypeError
        The source is no table.
    """
    kind, batches = _batches(source)
    content = _described(kind, categories, infos)
    names = None if stated_labels(content.categories) is None else content.label_names
    for number, batch in enumerate(batches):
        place = f"batch {number}"
        chunk = NestedReader(batch, place, names).chunk()
        _check_annotations(chunk, place)
        _check_media(chunk, place)
        content.chunks.append(chunk)
    if KEY not in (kind.metadata or {}):
        content.media_type = _common_media(content.chunks)
    for check in (check_names, check_labels, check_unique):
        content = check(content, WHERE, _raise)
    return content


def _raise(error: DatasetImportError) -> NoReturn:
    raise error


def _batches(source: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """(The schema, the batches) of a table, a batch, a reader or what gives an Arrow stream."""
    if isinstance(source, pa.Table):
        return source.schema, iter(source.to_batches())
    if isinstance(source, pa.RecordBatch):
        return source.schema, iter([source])
    if not isinstance(source, pa.RecordBatchReader):
        if not hasattr(source, "__arrow_c_stream__"):
            raise TypeError(
                f"a {type(source).__name__}; expected a pyarrow.Table or RecordBatchReader, or "
                "what gives an Arrow stream, such as a Polars data frame"
            )
        source = pa.RecordBatchReader.from_stream(source)
    return source.schema, iter(source)


def _described(
    kind: pa.Schema,
    categories: Mapping[AnnotationType, Categories] | None,
    infos: Mapping[str, Any] | None,
) -> Content:
    """What the metadata say of the whole, or the caller instead."""
    content = Content([])
    if COORDINATES in kind.names:
        raise MalformedFileError(
            WHERE,
            COORDINATES,
            "a column that files of datumaro_binary have",
            "coordinates as numbers; such files are read by Dataset.import_from",
        )
    text = (kind.metadata or {}).get(KEY)
    if text is None and categories is None:
        raise MalformedFileError(
            WHERE,
            "metadata",
            f"no key {KEY.decode()!r}",
            "that of Dataset.to_arrow(); many tools drop it: say categories=dataset.categories()",
        )
    if text is not None:
        place = f"metadata {KEY.decode()!r}"
        try:
            told = msgspec.json.decode(text, type=_Json)
            known = told.format == FORMAT and told.version.split(".")[0] == VERSION.split(".")[0]
            if known:
                content.media_type = MediaType[told.media_type.upper()]
        except (msgspec.DecodeError, KeyError, RecursionError) as error:
            found = f"{text[:60]!r} ({error})"
            raise MalformedFileError(WHERE, place, found, "the JSON of to_arrow()") from error
        if not known:
            found, expected = f"{told.format} version {told.version}", f"{FORMAT} {VERSION}"
            raise MalformedFileError(WHERE, place, found, expected)
        content.infos = told.infos
        if categories is None:
            place = f"{place}: categories"
            content.categories = categories_from_json(told.categories, WHERE, place)
    if categories is not None:
        content.categories = dict(categories)
    if infos is not None:
        content.infos = dict(infos)
    return content


def _common_media(chunks: Sequence[Chunk]) -> MediaType:
    kinds = {int(kind) for chunk in chunks for kind in np.unique(_kinds(chunk))}
    kinds.discard(MediaType.NONE)
    if not kinds:
        return MediaType.IMAGE
    return MediaType(kinds.pop()) if len(kinds) == 1 else MediaType.MEDIA_ELEMENT


def _kinds(chunk: Chunk) -> schema.Array:
    return chunk.items.column("media_type").to_numpy()


def _check_annotations(chunk: Chunk, place: str) -> None:
    """See that the parts of annotations are those of their types."""
    row = misshapen(chunk.annotations)
    expected = "as many coordinates, visibilities and run lengths as its type has"
    if row is None:
        row, expected = _unlike_its_type(chunk.annotations), "what its type has in the field extra"
    if row is not None:
        item = item_of(chunk.offsets, row)
        name = AnnotationType(chunk.annotations.column("type")[row].as_py()).name
        raise MalformedFileError(
            WHERE,
            f"{place}: item {chunk.items.column('id')[item].as_py()!r}: annotation "
            f"{row - int(chunk.offsets[item])}",
            f"a {name} whose parts do not fit its type",
            expected,
        )


def _unlike_its_type(annotations: pa.RecordBatch) -> int | None:
    """The first row of a rare kind of which no object could be made."""
    types = annotations.column("type").to_numpy()
    for row in np.flatnonzero(np.isin(types, list(_EXTRAS)) | (types == 0)).tolist():
        kind = int(types[row])
        try:
            extra = json_text.decode(annotations.column("extra")[row].as_py())
            fits = kind in _EXTRAS and _EXTRAS[kind](extra)
        except (AttributeError, KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            return row
    return None


def _has_elements(extra: dict[str, Any]) -> bool:
    for element in extra["elements"]:
        Points(**element)
    return True


def _has_key(extra: dict[str, Any]) -> bool:
    return np.asarray(extra["values"], np.uint8).ndim == 1


def _has_numbers(extra: dict[str, Any]) -> bool:
    return np.asarray(extra["values"], np.float64).ndim == 1


def _has_table_row(extra: dict[str, Any]) -> bool:
    return isinstance(extra["values"], dict)


def _has_image(extra: dict[str, Any]) -> bool:
    image = extra["image"]
    return any(isinstance(image.get(name), str) for name in ("path", "file", "npy"))


# What the field ``extra`` must have for objects to be made of it.
_EXTRAS = {
    int(AnnotationType.skeleton): _has_elements,
    int(AnnotationType.hash_key): _has_key,
    int(AnnotationType.feature_vector): _has_numbers,
    int(AnnotationType.tabular): _has_table_row,
    int(AnnotationType.depth_annotation): _has_image,
    int(AnnotationType.super_resolution_annotation): _has_image,
}

_IN_FILES = (
    MediaType.NONE, MediaType.MEDIA_ELEMENT, MediaType.IMAGE, MediaType.VIDEO_FRAME,
    MediaType.VIDEO, MediaType.POINT_CLOUD, MediaType.MULTIFRAME_IMAGE,
)  # fmt: skip


def _check_media(chunk: Chunk, place: str) -> None:
    """See that objects can be made of all media."""
    kinds = _kinds(chunk)
    odd = ~np.isin(kinds, [int(kind) for kind in _IN_FILES])
    told_more = np.diff(schema.list_parts(chunk.items.column("media_extra"))[0]) > 0
    for row in np.flatnonzero(odd | told_more).tolist():
        (told,) = media_columns.read(chunk, row, row + 1)
        where = f"{place}: item {chunk.items.column('id')[row].as_py()!r}: its media"
        if odd[row]:
            expected = f"one of {', '.join(kind.name.lower() for kind in _IN_FILES)}"
            raise MalformedFileError(WHERE, where, MediaType(told.kind).name.lower(), expected)
        try:
            media_columns.media_object(told)
        except (DatumaroError, AttributeError, KeyError, TypeError, ValueError) as error:
            found = f"{str(told.extra)[:80]} ({error})"
            expected = "what media of the kind have, and no encrypted file"
            raise MalformedFileError(WHERE, where, found, expected) from error
