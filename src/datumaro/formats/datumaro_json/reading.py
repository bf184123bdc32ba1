"""Read one file of the `datumaro` format into columns."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import (
    DatasetImportError,
    MalformedFileError,
    MediaTypeError,
    PathOutsideDatasetError,
    RepeatedItemInFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats.base import ReadContext
from datumaro.formats.categories_json import categories_from_json
from datumaro.formats.datumaro_json.json_stream import BLOCK, JsonStream
from datumaro.formats.datumaro_json.media_kinds import covers, stored_media_type
from datumaro.formats.datumaro_json.media_reading import MediaFolders, resolve_media
from datumaro.formats.json_errors import shown_at
from datumaro.kernels import datumaro_json as kernel, json_value
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, stated_labels
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk
from datumaro.table.schema import Array

VERSIONS = ("1.0", "legacy")
BLOCKS_PER_CHUNK = 4

_CODES = kernel.CODES
_NUMBERS = (
    "type", "id", "group", "object_id", "label", "z_order", "mask_height", "mask_width", "area",
)  # fmt: skip
_INTEGERS = frozenset(("id", "group", "object_id", "label_id", "z_order", "index"))
_EXPECTED = {
    "attributes": "an object",
    "attr": "an object",
    "type": "the name of a kind of annotation",
    "points": "an array of numbers",
    "exact_points": "an array of numbers",
    "bbox": "an array of four numbers: x, y, width, height",
    "position": "an array of three numbers",
    "rotation": "an array of three numbers",
    "scale": "an array of three numbers",
    "visibility": "an array of 0, 1 or 2 for each point",
    "rle": '{"counts", "size": [height, width]}',
    "rle.counts": "run lengths",
    "rle.size": "[height, width]",
    "caption": "a string",
    "area": "a number",
    "extra": "an object",
    "annotations": "an array",
    "extended_annotations": "an array",
    "image": '{"path", "size": [height, width]}',
    "image.path": "a path inside the data set",
    "image.size": "[height, width] in pixels",
    "point_cloud": "an object",
    "video": "an object",
    "video_frame": "an object",
    "multiframe_image": "an object",
    "media": "an object",
    "related_images": "an array",
}


@dataclass
class FileContent:
    """What a file holds.

    Attributes
    ----------
    path : of the file.
    """

    path: Path
    chunks: list[Chunk]
    categories: dict[AnnotationType, Categories] = field(
        default_factory=dict[AnnotationType, Categories]
    )
    infos: dict[str, Any] = field(default_factory=dict[str, Any])
    media_type: MediaType = MediaType.IMAGE


def read_file(
    path: Path, subset: str, folders: MediaFolders, context: ReadContext, block: int = BLOCK
) -> FileContent:
    """Read a file.

    Parameters
    ----------
    subset : the name of the subset that its items make.
    folders : where its media lie.
    block : bytes to read at a time.

    Raises
    ------
    MalformedFileError
        It is not of the format; the message names the place.
    UndeclaredLabelInFileError
        An annotation's label is none of the file's (when the file declares any).
    PathOutsideDatasetError
        A media path climbs out of the data set.
    MediaTypeError
        An item's media are not of the kind that the file says.
    """
    head: dict[str, Any] = {}
    chunks: list[Chunk] | None = None
    later: int | None = None
    with path.open("rb") as file:
        stream = JsonStream(file, path, block)
        for key in stream.members():
            if key in head or (key == "items" and (chunks is not None or later is not None)):
                raise stream.error(
                    stream.begin, f"$.{key}", f"the key {key!r} a second time", "each key once"
                )
            if key == "items":
                stream.take(b"[", "$.items")
                if "categories" in head:
                    chunks = _Items(stream, head["categories"], subset, folders, context).read()
                else:  # its labels cannot be checked yet
                    later = stream.tell()
                    _Items(stream, {}, subset, folders, context).scan()
            elif key in _HEAD:
                head[key] = _HEAD[key](stream)
            else:
                stream.raw(f"$.{key}")
        if "categories" not in head:
            raise MalformedFileError(path, "$", "no key 'categories'", "the key 'categories'")
        if later is not None:
            stream.seek(later)
            chunks = _Items(stream, head["categories"], subset, folders, context).read()
    if chunks is None:
        raise MalformedFileError(path, "$", "no key 'items'", "the key 'items'")
    media_type = _check_media_type(path, head.get("media_type"), chunks, context)
    return FileContent(path, chunks, head["categories"], head.get("infos", {}), media_type)


def _read_version(stream: JsonStream) -> str:
    stream.peek()
    begin = stream.begin
    version = stream.value(str, "$.dm_format_version")
    if version not in VERSIONS:
        raise stream.error(
            begin, "$.dm_format_version", f"version {version!r}", " or ".join(map(repr, VERSIONS))
        )
    return version


def _read_media_type(stream: JsonStream) -> MediaType:
    stream.peek()
    begin = stream.begin
    number = stream.value(int, "$.media_type")
    try:
        return MediaType(number)
    except ValueError:
        raise stream.error(begin, "$.media_type", str(number), f"0 to {max(MediaType)}") from None


def _read_categories(stream: JsonStream) -> dict[AnnotationType, Categories]:
    return categories_from_json(stream.value(dict[str, Any], "$.categories"), stream.path)


def _read_infos(stream: JsonStream) -> dict[str, Any]:
    return stream.value(dict[str, Any] | None, "$.infos") or {}


_HEAD = {
    "dm_format_version": _read_version,
    "media_type": _read_media_type,
    "categories": _read_categories,
    "infos": _read_infos,
}


# of arrays that may be longer or shorter
_COUNTS = {
    "points": "pairs of numbers, as many as the annotation's type has",
    "exact_points": "as many numbers as the annotation's type has",
}


class _Items:
    """The elements of `items`, with the stream behind the array's bracket."""

    def __init__(
        self,
        stream: JsonStream,
        categories: dict[AnnotationType, Categories],
        subset: str,
        folders: MediaFolders,
        context: ReadContext,
    ) -> None:
        self._stream, self._subset, self._folders = stream, subset, folders
        self._context = context
        labels = stated_labels(categories)
        self._labels = None if labels is None else len(labels)

    def _reader(self, *, scan_only: bool = False) -> kernel.ItemReader:
        return kernel.ItemReader(
            n_labels=-1 if self._labels is None else self._labels,
            images=self._folders.images.encode(),
            root=self._folders.root.encode(),
            allow_external=self._folders.allow_external,
            skip=self._context.on_error == "skip",
            scan_only=scan_only,
        )

    def scan(self) -> None:
        """Go over the array."""
        reader = self._reader(scan_only=True)
        while not reader.done:
            self._piece(reader)

    def read(self) -> list[Chunk]:
        """Take the array."""
        reader = self._reader()
        chunks: list[tuple[Chunk, Array]] = []
        pieces = 0
        self._context.progress.start(
            self._stream.path.stat().st_size, desc=f"Reading {self._stream.path.name}"
        )
        while not reader.done:
            self._piece(reader)
            self._context.progress.report_status(self._stream.tell())
            pieces += 1
            if reader.n_items and (pieces % BLOCKS_PER_CHUNK == 0 or reader.done):
                chunks.append(self._chunk(reader.take()))
        self._context.progress.finish()
        return self._without_repeated(chunks)

    def _piece(self, reader: kernel.ItemReader) -> None:
        """Read what the buffer holds, then fill it."""
        stream = self._stream
        stop = reader.read(stream.buffer, stream.begin, stream.end)
        for problem in reader.take_problems():
            code, at, item, annotation, extended, key, element = map(int, problem)
            place = (item, annotation, bool(extended), kernel.KEY_NAMES[key], element)
            self._context.problem(self._error(code, at, place, b""))
        if reader.code not in (0, _CODES["cut"]):
            error = self._error(reader.code, stop, reader.place, reader.item_id)
            if reader.code == _CODES["path"]:
                raise PathOutsideDatasetError(str(error)) from error
            raise error
        stream.begin = stop
        if not reader.done and not stream.more():
            item = reader.place[0]
            raise stream.error(
                stream.end, f"$.items[{item}]", "the file ends here", "the rest of the items"
            )

    def _error(
        self, code: int, at: int, place: tuple[int, int, bool, str, int], item_id: bytes
    ) -> MalformedFileError:
        item, annotation, extended, key, element = place
        where = f"$.items[{item}]"
        if annotation >= 0:
            where += f".{'extended_' if extended else ''}annotations[{annotation}]"
        where += f".{key}" if key else ""
        where += f"[{element}]" if element >= 0 else ""
        found = self._found(at, element)
        expected = _EXPECTED.get(key, "JSON")
        if key in _INTEGERS:
            expected = "an integer"
            if key == "id" and annotation < 0:
                expected = "a string that is not empty"
        kind = MalformedFileError
        if code == _CODES["label"]:
            kind = UndeclaredLabelInFileError
            found = f"label {found}"
            expected = "a label that is not negative, or null"
            if self._labels is not None:
                expected = f"one of the {self._labels} declared labels"
        elif code == _CODES["missing"]:
            found, expected = "nothing", f"the key {key!r}"
        elif code == _CODES["twice"]:
            found, expected = f"the key {key!r} a second time", "each key once"
        elif code == _CODES["kind"]:
            expected = "a kind of annotation that can stand here"
        elif code == _CODES["rle"]:
            expected = "run lengths that add up to the mask's height times its width"
        elif code == _CODES["count"]:
            expected = _COUNTS.get(key, expected)
        elif code == _CODES["range"]:
            expected = f"{expected} that fits" if expected.startswith("a") else expected
        elif code == _CODES["media"]:
            found, expected = "several media", "one kind of media"
        elif code == _CODES["path"]:
            expected += "; if the data set is trusted, import it with allow_external_media"
        elif code not in _CODES.values():
            found, expected = self._stream.found(at, json_value.message(code)), "JSON"
        if item_id:
            found += f" (item {item_id.decode()!r})"
        return self._stream.error(at, where, found, expected, kind)

    def _found(self, at: int, element: int) -> str:
        """The value at a byte of the buffer, or an element of it."""
        data, end = self._stream.buffer, self._stream.end
        if element >= 0:
            code, stop = json_value.skip_value(data, at, end, True)
            with contextlib.suppress(msgspec.MsgspecError):
                values = (
                    msgspec.json.decode(data[at:stop], type=list[msgspec.Raw]) if not code else []
                )
                if element < len(values):
                    value = bytes(values[element])
                    return shown_at(value, 0, len(value))
        return shown_at(data, at, end)

    # --- columns ---

    def _chunk(self, columns: dict[str, Array]) -> tuple[Chunk, Array]:
        """The items, and the place of each in the array."""
        chunk = Chunk(
            _item_rows(columns, self._subset),
            _annotation_rows(columns, self._stream.path),
            columns["offsets"],
        )
        sources = columns["item.source"]
        return resolve_media(chunk, sources, self._folders, self._stream.path, self._context)

    def _without_repeated(self, chunks: list[tuple[Chunk, Array]]) -> list[Chunk]:
        """The chunks without items whose id an earlier one has: a problem each."""
        columns = [chunk.items.column("id") for chunk, _ in chunks]
        ids = pa.chunked_array(columns, pa.large_string())
        if pc.count_distinct(ids).as_py() == len(ids):
            return [chunk for chunk, _ in chunks]
        first: dict[str, int] = {}
        kept: list[Chunk] = []
        for chunk, sources in chunks:
            rows: list[int] = []
            names: list[str] = chunk.items.column("id").to_pylist()
            for row, (name, source) in enumerate(zip(names, sources.tolist(), strict=True)):
                if first.setdefault(name, source) == source:
                    rows.append(row)
                    continue
                before = f"$.items[{first[name]}].id"
                self._context.problem(
                    RepeatedItemInFileError(
                        (name, self._subset), self._stream.path, f"$.items[{source}].id", before
                    )
                )
            kept.append(chunk.take(np.array(rows, np.int64)) if len(rows) < len(names) else chunk)
        return kept


def _text(columns: dict[str, Array], name: str, kind: pa.DataType) -> pa.Array:
    offsets, data = columns[f"{name}_at"], columns[name]
    return schema.texts(offsets, data, kind) if len(data) else schema.blank(kind, len(offsets) - 1)


def _item_rows(columns: dict[str, Array], subset: str) -> pa.RecordBatch:
    n = len(columns["item.media_type"])
    rows = {
        name: _text(columns, f"item.{name}", pa.large_string())
        for name in ("id", "attributes", "path", "media_extra")
    }
    rows["media_type"] = schema.primitive(columns["item.media_type"], pa.uint8())
    for name in ("height", "width"):
        rows[name] = schema.primitive(columns[f"item.{name}"], pa.int32())
    rows["subset"] = schema.constant_dictionary(subset, n)
    return schema.item_batch(n, rows)


def _annotation_rows(columns: dict[str, Array], path: Path) -> pa.RecordBatch:
    n = len(columns["type"])
    rows: dict[str, pa.Array] = {}
    for name in _NUMBERS:
        values, kind = columns[name], schema.ANNOTATIONS.field(name).type
        if name == "label":
            rows[name] = schema.labels(values)
        elif name == "area":
            if not np.isnan(values).all():
                rows[name] = schema.primitive(values, kind)
        elif name == "object_id" or values.any():  # blank ones are shared zeros; object ids' are -1
            rows[name] = schema.primitive(values, kind)
    for name in ("attributes", "text", "extra", "rle"):
        kind = schema.ANNOTATIONS.field(name).type
        rows[name] = _text(columns, name, kind)
    for name in ("points", "visibility"):
        kind = schema.ANNOTATIONS.field(name).type
        if len(columns[name]):
            rows[name] = schema.lists(columns[f"{name}_at"], columns[name], kind)
    batch = schema.annotation_batch(n, rows)
    order = _order(columns, path)
    return batch if order is None else batch.take(pa.array(order))


def _order(columns: dict[str, Array], path: Path) -> Array | None:
    """The rows in the order in which the items have them; None when they are in it.

    An item's extended annotations say which place they have; the others fill the rest in turn.
    """
    rows, offsets = columns["extended_row"], columns["offsets"]
    if not len(rows):
        return None
    items = np.searchsorted(offsets, rows, "right") - 1
    places = offsets[items] + columns["extended_index"]
    taken = np.zeros(int(offsets[-1]), bool)
    taken[places] = True
    if np.count_nonzero(taken) != len(places):
        first = np.unique(places, return_index=True)[1]
        item = columns["item.source"][np.delete(items, first)[0]]
        raise MalformedFileError(
            path, f"$.items[{item}].extended_annotations", "an index twice", "indices that differ"
        )
    extended = np.zeros(len(taken), bool)
    extended[rows] = True
    order = np.empty(len(taken), np.int64)
    order[places] = rows
    order[~taken] = np.flatnonzero(~extended)
    return order


def _check_media_type(
    path: Path, declared: MediaType | None, chunks: list[Chunk], context: ReadContext
) -> MediaType:
    """The kind of media that the items have; as declared, if it is."""
    kinds: set[MediaType] = set()
    for chunk in chunks:
        found = np.unique(chunk.items.column("media_type").to_numpy())
        kinds.update(MediaType(int(kind)) for kind in found)
    kinds.discard(MediaType.NONE)
    if declared is None:  # legacy files do not say
        if not kinds:
            return MediaType.IMAGE
        return kinds.pop() if len(kinds) == 1 else MediaType.MEDIA_ELEMENT
    declared = stored_media_type(declared)
    wrong = {kind for kind in kinds if not covers(declared, kind)}
    if wrong:
        names = ", ".join(sorted(kind.name for kind in wrong))
        message = f"{path}: $.media_type says {declared.name}, and items have {names}"
        if context.on_error == "fail":
            raise MediaTypeError(message)
        context.problem(DatasetImportError(message))
        return MediaType.MEDIA_ELEMENT
    return declared
