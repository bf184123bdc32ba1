"""What is wrong with JSON that was read, in words: where, what was found and what was expected."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_SHOWN = 60  # characters
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_KINDS = {
    "int": "an integer",
    "float": "a number",
    "number": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


def shown(value: object) -> str:
    """A value as JSON, for a message: its beginning, when it is long."""
    if isinstance(value, str):
        value = value[:_SHOWN] if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN + 8 else text[:_SHOWN] + "…"


def shown_at(data: bytes | bytearray, at: int, end: int) -> str:
    """The value at a byte of a text, shortened; what is no JSON, up to where a value would end.

    Parameters
    ----------
    end : where the text ends, or what is known of it.
    """
    from datumaro.kernels.json_value import CUT, skip_value  # NumPy, too, when something is wrong

    while at < end and data[at] in b" \t\r\n":
        at += 1
    code, stop = skip_value(data, at, end, True)
    if code == CUT:
        stop = end
    elif code:
        stop = next((i for i in range(at + 1, min(at + _SHOWN, end)) if data[i] in b",]}\n"), end)
    text = bytes(data[at : min(stop, at + 4 * _SHOWN)]).decode("utf-8", "replace")
    if not text:
        return "the end of the file"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def explained(error: msgspec.ValidationError, value: object) -> tuple[str, str, str]:
    """Take msgspec's message apart.

    Parameters
    ----------
    value : what was decoded or converted: its text, or plain objects.

    Returns
    -------
    (where, found, expected) : where below the value, such as ``.labels[3].name``, what stands there
        and what should.
    """
    message, _, where = str(error).partition(" - at `$")
    where = where.rstrip("`")
    if message.startswith("Object missing required field"):
        name = message.split("`")[1]
        return where, f"no key {name!r}", f"an object with the key {name!r}"
    if isinstance(value, bytes):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, RecursionError):  # a number that no double holds, and such
            value, where = value.decode("utf-8", "replace"), ""
    found = shown(_at(value, where))
    if message.startswith("Expected "):
        return where, found, _expected(message.removeprefix("Expected ").partition(", got ")[0])
    return where, found, message[:1].lower() + message[1:]


def _at(value: Any, where: str) -> object:
    """What stands at a place; the last that can be told, when msgspec does not tell all of it."""
    for key, index in _STEP.findall(where.partition("[...]")[0]):
        try:
            value = value[key] if key else value[int(index)]
        except (KeyError, IndexError, TypeError):
            break
    return value


def _expected(kinds: str) -> str:
    """msgspec's ```int | null` <= 255`` in words."""
    names, _, limits = kinds.removeprefix("`").partition("`")
    words = [_KINDS.get(name, name) for name in names.split(" | ")]
    return " or ".join(words) + limits
