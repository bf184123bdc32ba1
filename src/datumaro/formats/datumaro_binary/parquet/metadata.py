"""What a Parquet file of a data set says of itself: the JSON among its key-value metadata.

docs/storage.md is the specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from datumaro.errors import MalformedFileError
from datumaro.formats.categories_json import categories_from_json, categories_to_json
from datumaro.model.categories import Categories
from datumaro.model.kinds import AnnotationType, MediaType
from datumaro.table import json_text
from datumaro.table.counts import Count

KEY = b"datumaro"
FORMAT, VERSION = "datumaro_binary", "2.0"

CODED = "paired_coordinates"
"""The feature that all readers need: coordinates are told as docs/storage.md says."""

UNDERSTOOD = frozenset({CODED})

_Number = Annotated[int, msgspec.Meta(ge=0)]


class _Counts(msgspec.Struct):
    unannotated: _Number
    annotations: dict[str, dict[str, _Number]]

    def count(self, items: int) -> Count:
        """As it is used; ValueError where a kind is not known, or a label is no number."""
        if unknown := self.annotations.keys() - AnnotationType.__members__.keys():
            raise ValueError(f"annotations of kind {min(unknown)!r}")
        by_label = {
            AnnotationType[name]: {int(label) if label else None: n for label, n in labels.items()}
            for name, labels in self.annotations.items()
        }
        return Count(items, self.unannotated, {kind: by_label[kind] for kind in sorted(by_label)})


class _Json(msgspec.Struct):
    format: str
    version: str
    needs: list[str]
    subset: str
    items: int
    media_type: int
    infos: dict[str, Any]
    categories: dict[str, Any]
    shard: int = 0
    shards: int = 1
    columns: list[str] = []
    counts: _Counts | None = None


@dataclass
class FileMetadata:
    """What a file says of itself.

    Attributes
    ----------
    items : rows of the file.
    shard, shards : the file's number among those of its subset, from 0.
    count : what is in the file, where it is said.
    columns : its columns, by their paths in Parquet's schema, where they are said.
    """

    subset: str
    items: int = 0
    media_type: MediaType = MediaType.IMAGE
    infos: dict[str, Any] = field(default_factory=dict[str, Any])
    categories: dict[AnnotationType, Categories] = field(
        default_factory=dict[AnnotationType, Categories]
    )
    shard: int = 0
    shards: int = 1
    count: Count | None = None
    columns: Sequence[str] = ()

    def encode(self) -> bytes:
        """As the JSON that the file has under `KEY`."""
        return json_text.encode(
            {
                "format": FORMAT,
                "version": VERSION,
                "needs": [CODED],
                "subset": self.subset,
                "shard": self.shard,
                "shards": self.shards,
                "items": self.items,
                "media_type": int(self.media_type),
                "columns": self.columns,
                "infos": self.infos,
                "categories": categories_to_json(self.categories),
                **({} if self.count is None else {"counts": _counts_json(self.count)}),
            }
        )


def _counts_json(count: Count) -> dict[str, Any]:
    by_label = {
        kind.name: {"" if label is None else str(label): n for label, n in labels.items()}
        for kind, labels in count.by_label.items()
    }
    return {"unannotated": count.unannotated, "annotations": by_label}


def decode(path: Path, metadata: Mapping[bytes, bytes] | None) -> FileMetadata:
    """Read a file's metadata.

    Raises
    ------
    MalformedFileError
        They are not there, or damaged.
    DatasetImportError
        The file is of a version, or has features, that are not known here.
    """
    text = (metadata or {}).get(KEY)
    if text is None:
        raise MalformedFileError(
            path, "metadata", f"no key {KEY.decode()!r}", "a Parquet file of a data set"
        )
    try:
        told = msgspec.json.decode(text, type=_Json)
        media_type = MediaType(told.media_type)
        count = None if told.counts is None else told.counts.count(told.items)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        found = f"{text[:60]!r} ({error})"
        raise MalformedFileError(
            path, f"metadata {KEY.decode()!r}", found, "the JSON of a data set's file"
        ) from error
    missing = sorted(set(told.needs) - UNDERSTOOD)
    if told.format != FORMAT or told.version.split(".")[0] != VERSION.split(".")[0] or missing:
        what = f" with {', '.join(missing)}" if missing else ""
        raise MalformedFileError(
            path,
            f"metadata {KEY.decode()!r}",
            f"{told.format} version {told.version}{what}",
            f"{FORMAT} {VERSION}; a newer version of datumaro may be able to read the file",
        )
    if not (0 <= told.shard < told.shards and told.items >= 0):
        raise MalformedFileError(
            path,
            f"metadata {KEY.decode()!r}",
            f"shard {told.shard} of {told.shards}, {told.items} items",
            "a shard from 0 to less than their number, and at least 0 items",
        )
    place = f"metadata {KEY.decode()!r}: categories"
    categories = categories_from_json(told.categories, path, place)
    return FileMetadata(
        told.subset,
        told.items,
        media_type,
        told.infos,
        categories,
        told.shard,
        told.shards,
        count,
        told.columns,
    )


def checked(path: Path, metadata: Mapping[bytes, bytes] | None, rows: int) -> FileMetadata:
    """`decode`, of a file that has so many rows.

    Raises
    ------
    MalformedFileError, DatasetImportError
        As `decode`; or it says another number.
    """
    told = decode(path, metadata)
    if rows != told.items:
        raise MalformedFileError(path, "footer", f"{rows} rows", f"{told.items}, as it says")
    return told


def file_stem(subset: str, shard: int, shards: int) -> str:
    """The name of a file without its extension."""
    return subset if shards == 1 else f"{subset}-{shard:05}-of-{shards:05}"
