"""Options that are pairs: ``OLD:NEW`` on a command line, a mapping or pairs in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from datumaro.errors import InvalidOptionError

_COLON = re.compile(r"(?<!\\):")


def pair(word: str) -> tuple[str, str]:
    r"""The two parts of ``A:B``. ``\:`` is a colon that belongs to one of them.

    Raises
    ------
    ValueError
        There are not two.
    """
    parts = [part.replace("\\:", ":") for part in _COLON.split(word)]
    if len(parts) != 2 or not parts[0]:
        raise ValueError(
            f"{word!r}: expected two names with a colon between them (\\: is one within a name)"
        )
    return parts[0], parts[1]


def as_pairs(given: object, owner: str, option: str) -> list[tuple[str, Any]]:
    """The pairs of a mapping or of pairs; their first parts, names, differ.

    Raises
    ------
    InvalidOptionError
        It is neither, or a name is no text, or there twice.
    """
    if isinstance(given, Mapping):
        found: list[Any] = list(cast(Mapping[Any, Any], given).items())
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        found = list(cast(Iterable[Any], given))
    else:
        found = [given]
    pairs: dict[str, Any] = {}
    for each in found:
        if not isinstance(each, tuple | list) or len(cast(list[Any], each)) != 2:
            raise InvalidOptionError(
                f"{owner}: option {option!r} has {each!r}; expected a mapping, or pairs"
            )
        name, value = cast(list[Any], each)
        if not isinstance(name, str) or name in pairs:
            what = f"{name!r} twice" if isinstance(name, str) else f"the name {name!r}"
            raise InvalidOptionError(f"{owner}: option {option!r} has {what}; expected names once")
        pairs[name] = value
    return list(pairs.items())
