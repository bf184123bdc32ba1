"""What items are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Formatter
from typing import Any

import pyarrow as pa

from datumaro.errors import DatasetError, InvalidOptionError
from datumaro.model.item import checked_id
from datumaro.model.media import MediaType
from datumaro.operations.transforms import chance, columns
from datumaro.operations.transforms.base import ColumnTransform, TransformContext, TransformOptions
from datumaro.options import option
from datumaro.table import json_text, media_columns
from datumaro.table.chunk import Chunk, Content


def _with_ids(chunk: Chunk, ids: list[str]) -> Chunk:
    before = chunk.items.column("id").to_pylist()
    for old, new in zip(before, ids, strict=True):
        try:
            checked_id(new)
        except ValueError as error:
            raise DatasetError(f"item {old!r} would be {new!r}: {error}") from error
    return columns.with_items(chunk, id=pa.array(ids, pa.large_string()))


def _subsets(chunk: Chunk) -> list[str]:
    return chunk.items.column("subset").to_pylist()


# --- numbers --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ReindexOptions(TransformOptions):
    """Options of `Reindex`."""

    start: int = option(1, "the first number", metavar="N", short="-s")


class Reindex(ColumnTransform):
    """Number the items of the whole data set, in order: their ids are 1, 2, 3, …"""

    name = "reindex"
    title = "replace ids with numbers"
    options = ReindexOptions
    example = "-s 0"

    def apply(
        self, content: Content, options: ReindexOptions, context: TransformContext
    ) -> Content:
        next_id = options.start

        def change(chunk: Chunk) -> Chunk:
            nonlocal next_id
            ids = list(map(str, range(next_id, next_id + len(chunk))))
            next_id += len(chunk)
            return _with_ids(chunk, ids)

        return columns.changed_chunks(content, change)


# --- search and replace ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RenameOptions(TransformOptions):
    """Options of `Rename`."""

    regex: str = option(
        help="what to search in ids, and what to put there: |SEARCH|REPLACEMENT|, with any "
        "character in the place of |. SEARCH is a regular expression of Python, REPLACEMENT may "
        r"have \1, {item.id}, {item.subset} and {item.attributes[NAME]} ({{ is a brace)",
        metavar="|SEARCH|REPLACEMENT|",
        short="-e",
    )

    def __post_init__(self) -> None:
        parse_regex(self.regex)


Field = Callable[["Item"], str]


@dataclass(frozen=True)
class Item:
    """What a replacement may ask of an item."""

    id: str
    subset: str
    attributes: dict[str, Any]


class Rename(ColumnTransform):
    """Change ids by search and replace."""

    name = "rename"
    title = "change ids by search and replace"
    options = RenameOptions
    example = r"-e '|^frame_(\d+)$|{item.subset}/\1|'"

    def apply(self, content: Content, options: RenameOptions, context: TransformContext) -> Content:
        search, parts = parse_regex(options.regex)
        needs_attributes = "attributes" in options.regex

        def change(chunk: Chunk) -> Chunk:
            ids: list[str] = chunk.items.column("id").to_pylist()
            attributes = [""] * len(ids)
            if needs_attributes:
                attributes = chunk.items.column("attributes").to_pylist()
            new: list[str] = []
            for item_id, subset, text in zip(ids, _subsets(chunk), attributes, strict=True):
                item = Item(item_id, subset, json_text.decode(text))
                new.append(search.sub(lambda match, i=item: _expanded(parts, match, i), item_id))
            return _with_ids(chunk, new)

        return columns.changed_chunks(content, change)


def _expanded(parts: list[str | Field], match: re.Match[str], item: Item) -> str:
    return "".join(match.expand(part) if isinstance(part, str) else part(item) for part in parts)


def parse_regex(text: str) -> tuple[re.Pattern[str], list[str | Field]]:
    """What to search, and what to replace it with: templates of `re`, and fields of the item.

    Raises
    ------
    InvalidOptionError
        The text is none of these.
    """

    def wrong(why: object) -> InvalidOptionError:
        return InvalidOptionError(f"rename: {text!r}: {why}; expected |SEARCH|REPLACEMENT|")

    fields = text[1:].split(text[0]) if text else []
    if len(fields) != 3 or fields[2]:
        raise wrong(f"not two texts between {text[:1] or '|'!r}")
    try:
        search = re.compile(fields[0])
        parts: list[str | Field] = []
        for literal, name, spec, conversion in Formatter().parse(fields[1]):
            if literal:
                parts.append(literal)
            if name is not None:
                if spec or conversion:
                    raise ValueError(f"{{{name}}} may have neither ':' nor '!'")
                parts.append(_field(name))
        for part in parts:
            if isinstance(part, str):  # do its \1, \g<name> exist?
                search.sub(part, "")
    except (re.error, ValueError, IndexError, OverflowError) as error:
        raise wrong(error) from error
    return search, parts


def _field(name: str) -> Field:
    found = re.fullmatch(r"item\.attributes\[(.+)\]", name)
    if found:
        key = found[1]

        def attribute(item: Item) -> str:
            if key not in item.attributes:
                raise DatasetError(f"rename: item {item.id!r} has no attribute {key!r}")
            return str(item.attributes[key])

        return attribute
    if name == "item.id":
        return lambda item: item.id
    if name == "item.subset":
        return lambda item: item.subset
    raise ValueError(
        f"there is no {{{name}}}, only {{item.id}}, {{item.subset}} and {{item.attributes[NAME]}}"
    )


# --- images' names --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class IdFromImageNameOptions(TransformOptions):
    """Options of `IdFromImageName`."""

    ensure_unique: bool = option(
        False, "append __ and random letters where items of a subset would get one id", short="-u"
    )
    suffix_length: int = option(3, "how many random letters", metavar="N", short="-l")
    seed: int | None = option(
        None, "the same whole number gives the same letters", parse=int, metavar="N"
    )

    def __post_init__(self) -> None:
        if not 1 <= self.suffix_length <= 100:
            raise InvalidOptionError(
                f"id_from_image_name: suffix_length is {self.suffix_length}; expected 1 to 100"
            )

    @property
    def needs_seed(self) -> bool:
        """See `TransformOptions.needs_seed`: letters are drawn only to be unique."""
        return self.ensure_unique and self.seed is None


_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_IMAGES = (MediaType.IMAGE, MediaType.BYTE_IMAGE, MediaType.VIDEO_FRAME)
_ATTEMPTS = 1000


class IdFromImageName(ColumnTransform):
    """Call items as their image files, without folders and extension.

    A frame of a video gets ``_frame-<index>`` behind the video's name. Items without a file keep
    their ids.
    """

    name = "id_from_image_name"
    title = "call items as their image files"
    options = IdFromImageNameOptions
    example = "--ensure-unique --seed 1"

    def apply(
        self, content: Content, options: IdFromImageNameOptions, context: TransformContext
    ) -> Content:
        source = chance.source(options.seed)
        taken: set[tuple[str, str]] = set()

        def unique(subset: str, name: str) -> str:
            found = name
            for _ in range(_ATTEMPTS):
                if (subset, found) not in taken:
                    taken.add((subset, found))
                    return found
                letters = (_LETTERS[chance.below(source, 36)] for _ in range(options.suffix_length))
                found = f"{name}__{''.join(letters)}"
            raise DatasetError(
                f"id_from_image_name: no free id for {name!r} after {_ATTEMPTS} attempts; use a "
                "larger suffix_length"
            )

        def change(chunk: Chunk) -> Chunk:
            ids = _image_names(chunk)
            if options.ensure_unique:
                ids = list(map(unique, _subsets(chunk), ids))
            return _with_ids(chunk, ids)

        return columns.changed_chunks(content, change)


def _image_names(chunk: Chunk) -> list[str]:
    names: list[str] = []
    ids: list[str] = chunk.items.column("id").to_pylist()
    for item_id, told in zip(ids, media_columns.read(chunk, 0, len(chunk)), strict=True):
        path = told.path
        if not path and told.in_memory is not None:
            path = getattr(told.in_memory, "path", None) or ""
        stem = PurePosixPath(path.replace("\\", "/")).stem if told.kind in _IMAGES else ""
        if stem and told.kind == MediaType.VIDEO_FRAME:
            stem += f"_frame-{json_text.decode(told.extra).get('index', 0)}"
        names.append(stem or item_id)
    return names
