r"""The text of attributes: ``color=red, age=3.5, crowded``.

A backslash takes the meaning from the next character, white space at an end included. A value in
double quotes is text; others are integers, numbers, true, false, or else text. A name without a
value is true.
"""

from __future__ import annotations

import re
from typing import Any

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_SPECIAL = re.compile(r'([\\,="])')
_FLAGS = {"true": True, "false": False}

Token = tuple[str, bool]
"""A character, and whether a backslash stands before it."""


def parse(text: str) -> dict[str, Any]:
    """The attributes that a text says."""
    found: dict[str, Any] = {}
    if "\\" not in text and '"' not in text:  # most are
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if name.strip() or equals:
                found[name.strip()] = _value(value.strip()) if equals else True
        return found
    for part in _split(_tokens(text), ","):
        name, *values = _split(part, "=", 1)
        name = _text(_stripped(name))
        if values:
            value = _stripped(values[0])
            if len(value) > 1 and value[0] == value[-1] == ('"', False):
                found[name] = _text(value[1:-1])
            else:
                # what is escaped is text
                found[name] = _text(value) if any(e for _, e in value) else _value(_text(value))
        elif name:
            found[name] = True
    return found


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    escaped = False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
        else:
            tokens.append((character, escaped))
            escaped = False
    return tokens


def _split(tokens: list[Token], at: str, most: int = -1) -> list[list[Token]]:
    """Parts between characters that are neither escaped nor in quotes."""
    parts: list[list[Token]] = [[]]
    quoted = False
    for token in tokens:
        if token == ('"', False):
            quoted = not quoted
        if token == (at, False) and not quoted and len(parts) != most + 1:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _stripped(tokens: list[Token]) -> list[Token]:
    begin, end = 0, len(tokens)
    while begin < end and not tokens[begin][1] and tokens[begin][0].isspace():
        begin += 1
    while begin < end and not tokens[end - 1][1] and tokens[end - 1][0].isspace():
        end -= 1
    return tokens[begin:end]


def _text(tokens: list[Token]) -> str:
    return "".join(character for character, _ in tokens)


def _value(text: str) -> Any:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        value = float(text)
        return value if abs(value) < float("inf") else text
    return _FLAGS.get(text.lower(), text)


# --- writing --------------------------------------------------------------------------------------


def text_of(attributes: dict[str, Any]) -> str:
    """The text; lists, objects and nothing are left out."""
    return ", ".join(
        f"{_escaped(name)}={_written(value)}"
        for name, value in attributes.items()
        if not (value is None or isinstance(value, list | dict))
    )


def _written(value: Any) -> str:
    if not isinstance(value, str):
        return repr(value)
    escaped = _escaped(value)
    return escaped if escaped != value or _value(value) == value else f'"{value}"'


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", text)
    if text[:1].isspace():
        escaped = "\\" + escaped
    if text[1:] and text[-1].isspace():
        escaped = f"{escaped[:-1]}\\{escaped[-1]}"
    return escaped
