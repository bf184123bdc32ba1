"""Label maps (``.pbtxt``): the labels' ids and names, as text of Protocol Buffers.

``item { id: 1 name: 'cat' }`` for each; commas and semicolons between fields may be there. The
message is ``StringIntLabelMap`` of TensorFlow's Object Detection API. Definition of the text:
https://protobuf.dev/reference/protobuf/textformat-spec/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from datumaro.errors import MalformedFileError
from datumaro.formats.files import read_text

_MAX_BYTES = 1 << 26
_MAX_ID = 2**31 - 1
_MAX_DEPTH = 20

# There are writers that escape nothing. So a quote that cannot be the last, by what comes after it,
# is one of the name, which then ends with the line. (It is not long: its end is looked for often.)
_TEXT = r"\"(?:[^\"\\\n]|\\[^\n])*\"|'(?:[^'\\\n]|\\[^\n])*'"
_NAME = r"\"[^\n]{0,1000}\"|'[^\n]{0,1000}'"
_AFTER = r"(?=[ \t\r]*(?:[\n,;}>\[\]#]|\"[^\"\n]*\"|'[^'\n]*'|\w+[ \t]*[:{<]|\Z))"
_LINE_END = r"(?=[ \t\r]*[,;]?[ \t\r]*(?:\n|\Z))"
_TOKEN = re.compile(
    r"(?P<space>\s+|#[^\n]*)"
    r"|(?P<word>-?[A-Za-z0-9_.+-]+)"
    rf"|(?P<text>(?:{_TEXT}){_AFTER}|(?:{_NAME}){_LINE_END}|{_TEXT})"
    r"|(?P<mark>[{}<>\[\]:,;])"
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})"
                     rb"|U([0-9a-fA-F]{8})|(.))", re.DOTALL)  # fmt: skip
_SIMPLE = {
    b"?": b"?",
    b"\\": b"\\",
    b"'": b"'",
    b'"': b'"',
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
}


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def read(path: Path) -> dict[int, str]:
    """{id: name}, by id.

    Raises
    ------
    MalformedFileError
        It is no label map; the message names the line.
    """
    return parse(read_text(path, _MAX_BYTES), path)


def parse(text: str, path: object) -> dict[int, str]:
    """Read a label map's text; ``path`` is for messages. See `read`."""
    tokens = _Tokens(text, path)
    found: dict[int, str] = {}
    names: set[str] = set()
    while tokens.peek().kind != "end":
        key = tokens.take("word", "'item'")
        if key.text != "item":
            tokens.fail(key, "'item'")
        item = _item(tokens)
        number = item.get("id", "")
        name = item.get("name") or item.get("display_name") or ""
        if not re.fullmatch(r"[0-9]{1,10}", number) or int(number) > _MAX_ID:
            found_text = f"id {number}" if number else "an item without an id"
            raise MalformedFileError(path, f"line {key.line}", found_text, "an id from 0 on")
        if not name:
            raise MalformedFileError(
                path, f"line {key.line}", "an item without a name", "an id and a name"
            )
        if int(number) in found or name in names:
            what = f"id {number}" if int(number) in found else f"name {name!r}"
            raise MalformedFileError(path, f"line {key.line}", f"{what} a second time", "each once")
        found[int(number)] = name
        names.add(name)
        tokens.skip(",", ";")
    return dict(sorted(found.items()))


def _item(tokens: _Tokens) -> dict[str, str]:
    """A message's fields that have a simple value."""
    tokens.skip(":")
    begin = tokens.take("mark", "'{'")
    if begin.text not in "{<":
        tokens.fail(begin, "'{'")
    end = "}" if begin.text == "{" else ">"
    fields: dict[str, str] = {}
    while True:
        token = tokens.next()
        if token.text == end and token.kind == "mark":
            return fields
        if token.kind != "word":
            tokens.fail(token, f"a field's name or {end!r}")
        colon = tokens.skip(":")
        if tokens.peek().text in ("{", "<", "[") and tokens.peek().kind == "mark":
            _skip_block(tokens)
        elif not colon:
            tokens.fail(tokens.peek(), "':'")
        else:
            fields[token.text] = _value(tokens)
        tokens.skip(",", ";")


def _value(tokens: _Tokens) -> str:
    """A word, or texts that stand one after another."""
    token = tokens.next()
    if token.kind == "word":
        return token.text
    if token.kind != "text":
        tokens.fail(token, "a value")
    parts = [token]
    while tokens.peek().kind == "text":
        parts.append(tokens.next())
    data = b"".join(_unescaped(part.text[1:-1].encode()) for part in parts)
    try:
        return data.decode()
    except UnicodeDecodeError:
        tokens.fail(token, "UTF-8 text")


def _unescaped(data: bytes) -> bytes:
    def one(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, short, long, other = match.groups()
        if octal:
            return bytes((int(octal, 8) & 0xFF,))
        if hexadecimal:
            return bytes((int(hexadecimal, 16),))
        if short or long:
            code = int(short or long, 16)
            return chr(code).encode("utf-8", "replace") if code <= 0x10FFFF else b"?"
        return _SIMPLE.get(other, match[0])  # no escape, where nothing is one

    return _ESCAPE.sub(one, data) if b"\\" in data else data


def _skip_block(tokens: _Tokens) -> None:
    """Pass over a message or a list, with all in it."""
    depth = 0
    while True:
        token = tokens.next()
        if token.kind == "end":
            tokens.fail(token, "'}'")
        if token.kind == "mark" and token.text in "{<[":
            depth += 1
            if depth > _MAX_DEPTH:
                tokens.fail(token, f"at most {_MAX_DEPTH} blocks within each other")
        elif token.kind == "mark" and token.text in "}>]":
            depth -= 1
            if not depth:
                return


class _Tokens:
    """The tokens of a text, one after another."""

    def __init__(self, text: str, path: object) -> None:
        self._path = path
        self._tokens = self._scan(text)
        self._next = next(self._tokens)

    def _scan(self, text: str) -> Iterator[_Token]:
        at, line = 0, 1
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self.fail(_Token("mark", text[at : at + 20], line), "a label map")
            kind = match.lastgroup or ""
            if kind != "space":
                yield _Token(kind, match[0], line)
            line += match[0].count("\n")
            at = match.end()
        yield _Token("end", "", line)

    def peek(self) -> _Token:
        """The next token, which stays."""
        return self._next

    def next(self) -> _Token:
        """The next token; at the end of the text again and again that end."""
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def take(self, kind: str, expected: str) -> _Token:
        """The next token, which must be of a kind."""
        token = self.next()
        if token.kind != kind:
            self.fail(token, expected)
        return token

    def skip(self, *marks: str) -> bool:
        """Pass over one of some marks, if it is there."""
        found = self._next.kind == "mark" and self._next.text in marks
        if found:
            self.next()
        return found

    def fail(self, token: _Token, expected: str) -> NoReturn:
        """Say what is wrong."""
        found = "the end of the file" if token.kind == "end" else repr(token.text[:40])
        raise MalformedFileError(self._path, f"line {token.line}", found, expected)


def text(labels: Mapping[int, str]) -> str:
    """The text of a label map."""
    return "\n".join(
        f"item {{\n  id: {number}\n  name: {_quoted(name, _quote_of(name))}\n}}\n"
        for number, name in labels.items()
    )


def roboflow_text(labels: Mapping[int, str]) -> str:
    """The text of a label map as Roboflow writes it: others look for it line by line."""
    return "".join(
        f"item {{\n    name: {quoted},\n    id: {number},\n    display_name: {quoted}\n}}\n"
        for number, name in labels.items()
        for quoted in (_quoted(name, '"'),)
    )


def _quote_of(name: str) -> str:
    """The quote with which most can stay as it is: there are readers that know no escapes."""
    return '"' if "'" in name and '"' not in name else "'"


def _quoted(name: str, quote: str) -> str:
    escaped = name.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    plain = (c if c == "\t" or (c >= " " and c != "\x7f") else f"\\{ord(c):03o}" for c in escaped)
    return f"{quote}{''.join(plain)}{quote}"
