"""Values that YAML has words for: texts, numbers, true, false, null, lists and mappings of such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from datumaro.errors import ProjectError

_DEEPEST, _MOST_VALUES = 20, 100_000


def plain(value: object) -> Any:
    """A value as Python's own types; tuples become lists.

    Raises
    ------
    ValueError
        It is, or has in it, something else: dates, tags, what aliases blow up.
    """
    left = _MOST_VALUES

    def convert(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > _DEEPEST:
            raise ValueError("too much")
        if value is None or isinstance(value, bool):
            return value
        for kind in (int, float, str):
            if isinstance(value, kind):
                return kind(value)
        if isinstance(value, list | tuple):
            return [convert(part, depth + 1) for part in cast(list[Any], value)]
        if isinstance(value, Mapping):
            pairs = cast(Mapping[Any, Any], value).items()
            return {convert(k, depth + 1): convert(v, depth + 1) for k, v in pairs}
        raise ValueError(type(value).__name__)

    try:
        return convert(value, 0)
    except TypeError as error:  # a list as a key
        raise ValueError(str(error)) from error


def plain_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the configuration can hold them.

    Raises
    ------
    ProjectError
        It has no words for one; the message names it.
    """
    made: dict[str, Any] = {}
    for name, value in values.items():
        try:
            made[name] = plain(value)
        except ValueError:
            raise ProjectError(
                f"{name} is a {type(value).__name__}, which the configuration cannot hold; it "
                "can hold texts, numbers, true, false, null, and lists and mappings of such"
            ) from None
    return made
