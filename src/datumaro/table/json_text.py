"""JSON texts in columns: attributes and other free values.

As documented: NaN and infinities become null, tuples lists, NumPy scalars and arrays plain numbers.
"""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import orjson

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_decoder = msgspec.json.Decoder(dict[str, Any])


def encode(value: dict[str, Any]) -> bytes:
    """A dict as compact JSON; b"" when it is empty.

    Raises
    ------
    TypeError
        A key is not a str, or a value is of a kind that JSON does not know.
    """
    if not value:
        return b""
    try:
        # a copy: what orjson returns keeps kilobytes of memory, however short it is
        return b"%b" % orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise TypeError(str(error)) from None
        # orjson has no integers beyond 64 bits; the standard library does
        plain = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
        return plain.encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = cast(dict[Any, Any], value)
        if not all(isinstance(key, str) for key in pairs):
            raise TypeError("Dict key must be str")
        return {key: _plain(v) for key, v in pairs.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in cast(list[Any], value)]
    if isinstance(value, int):
        return value
    return orjson.loads(orjson.dumps(value, option=_OPTIONS))


def decode(text: str | bytes | memoryview) -> dict[str, Any]:
    """The reverse of `encode`.

    Raises
    ------
    ValueError
        The text is not a JSON object (msgspec.DecodeError).
    """
    return _decoder.decode(text) if text else {}


def is_flat(value: dict[str, Any]) -> bool:
    """Whether a decoded object holds no list and no object: nothing that could change unseen."""
    return not any(isinstance(v, list | dict) for v in value.values())
