"""Which subset an item is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pyarrow as pa

from datumaro.errors import InvalidOptionError
from datumaro.model.item import checked_id
from datumaro.operations.transforms import chance, columns
from datumaro.operations.transforms.base import ColumnTransform, TransformContext, TransformOptions
from datumaro.operations.transforms.pairs import as_pairs, pair
from datumaro.options import option
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

SHARE_TOLERANCE = 1e-7


@dataclass(frozen=True, kw_only=True)
class MapSubsetsOptions(TransformOptions):
    """Options of `MapSubsets`."""

    mapping: Mapping[str, str] | Iterable[tuple[str, str]] = option(
        help="a subset's name and its new one; others keep theirs",
        parse=pair,
        metavar="OLD:NEW",
        short="-s",
        flag="--subset",
        many=True,
    )

    def __post_init__(self) -> None:
        names = as_pairs(self.mapping, "map_subsets", "mapping")
        mapping = {old: _name(new, "map_subsets") for old, new in names}
        object.__setattr__(self, "mapping", mapping)


class MapSubsets(ColumnTransform):
    """Give subsets other names; several may become one."""

    name = "map_subsets"
    title = "rename subsets"
    options = MapSubsetsOptions
    example = "-s train:training -s val:"

    def apply(
        self, content: Content, options: MapSubsetsOptions, context: TransformContext
    ) -> Content:
        mapping = dict(options.mapping)

        def change(chunk: Chunk) -> Chunk:
            codes, names = chunk.subset_codes()
            return _in_subsets(chunk, codes, [mapping.get(name, name) for name in names])

        return columns.changed_chunks(content, change)


@dataclass(frozen=True, kw_only=True)
class RandomSplitOptions(TransformOptions):
    """Options of `RandomSplit`."""

    splits: Mapping[str, float] | Iterable[tuple[str, float]] = option(
        (("train", 0.67), ("test", 0.33)),
        "a subset and its share of the items; all shares add up to 1 (default: train:0.67, "
        "test:0.33)",
        parse=lambda word: _share(word),
        metavar="NAME:SHARE",
        short="-s",
        flag="--subset",
        many=True,
    )
    seed: int | None = option(
        None, "the same whole number splits the same items the same way", parse=int, metavar="N"
    )

    def __post_init__(self) -> None:
        given = as_pairs(self.splits, "random_split", "splits")
        splits = [(_name(name, "random_split"), _number(share)) for name, share in given]
        total = sum(share for _, share in splits)
        if not splits or min(share for _, share in splits) < 0 or not (
            abs(total - 1) <= SHARE_TOLERANCE
        ):  # fmt: skip
            raise InvalidOptionError(
                f"random_split: the shares add up to {total:g}; expected shares from 0 on that add "
                "up to 1"
            )
        object.__setattr__(self, "splits", tuple(splits))


class RandomSplit(ColumnTransform):
    """Put items into subsets at random."""

    name = "random_split"
    title = "put items into subsets at random, by shares"
    options = RandomSplitOptions
    example = "-s train:0.8 -s val:0.2 --seed 1"

    def apply(
        self, content: Content, options: RandomSplitOptions, context: TransformContext
    ) -> Content:
        n = len(content)
        splits = list(as_pairs(options.splits, self.name, "splits"))
        order = chance.shuffled(n, options.seed)
        codes = np.full(n, len(splits) - 1, np.int32)  # the last takes what rounding leaves
        begin, total = 0, 0.0
        for code, (_, share) in enumerate(splits[:-1]):
            total += share
            end = int(n * total)
            codes[order[begin:end]] = code
            begin = end
        names = [name for name, _ in splits]
        ends = np.cumsum([0, *map(len, content.chunks)])
        chunks = [
            _in_subsets(chunk, codes[begin : begin + len(chunk)], names)
            for chunk, begin in zip(content.chunks, ends.tolist(), strict=False)
        ]
        return Content(chunks, content.categories, content.infos, content.media_type)


def _in_subsets(chunk: Chunk, codes: Array, names: list[str]) -> Chunk:
    """The chunk with other subsets; names may be repeated."""
    known = list(dict.fromkeys(names))
    places = np.array([known.index(name) for name in names], np.int32)
    column = pa.DictionaryArray.from_arrays(
        pa.array(places[codes], pa.int32()), pa.array(known, pa.large_string())
    )
    return columns.with_items(chunk, subset=column)


def _share(word: str) -> tuple[str, float]:
    name, share = pair(word)
    try:
        return name, float(share)
    except ValueError:
        raise ValueError(f"{word!r}: {share!r} is no number; expected NAME:SHARE") from None


def _number(share: object) -> float:
    if isinstance(share, bool) or not isinstance(share, Real):
        raise InvalidOptionError(f"random_split: a share is {share!r}; expected a number")
    return float(share)


def _name(name: object, owner: str) -> str:
    """A subset's name; "" is the default subset's."""
    if not isinstance(name, str):
        raise InvalidOptionError(f"{owner}: {name!r} is no subset's name; expected a text")
    try:
        return checked_id(name or "default")
    except ValueError as error:
        raise InvalidOptionError(f"{owner}: {name!r} cannot be a subset's name: {error}") from error
