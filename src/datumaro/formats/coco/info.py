"""What a COCO file says of itself: ``info`` and ``licenses``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from datumaro.errors import MalformedFileError

KEYS = ("info", "licenses")
BLANK: dict[str, Any] = {
    "licenses": [{"name": "", "id": 0, "url": ""}],
    "info": dict.fromkeys(
        ("contributor", "date_created", "description", "url", "version", "year"), ""
    ),
}
"""What Datumaro writes when a data set has none."""


def described(raw: Mapping[str, bytes], path: object) -> dict[str, Any]:
    """``info`` and ``licenses`` of a file.

    Parameters
    ----------
    raw : the JSON text of their values.
    path : the file, for errors.

    Raises
    ------
    MalformedFileError
        They are no JSON.
    """
    told: dict[str, Any] = {}
    for key in KEYS:
        if key in raw:
            try:
                told[key] = msgspec.json.decode(raw[key])
            except (msgspec.DecodeError, RecursionError) as error:
                found = f"{raw[key][:60]!r} ({error})"
                raise MalformedFileError(path, f"$.{key}", found, "JSON") from None
    return told


def says_something(value: Any) -> bool:
    """Whether there is more in it than empty values."""
    if isinstance(value, dict):
        return any(map(says_something, cast(dict[str, Any], value).values()))
    if isinstance(value, list):
        return any(map(says_something, cast(list[Any], value)))
    return bool(value)
