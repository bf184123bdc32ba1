"""Walk the members of a JSON file's outermost object without holding the file in memory."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec

from datumaro.errors import MalformedFileError
from datumaro.formats.json_errors import explained, shown_at
from datumaro.kernels import json_value

BLOCK = 8 << 20
"""Bytes that are read at a time; the buffer grows only for a value that is longer."""

LONGEST_VALUE = 1 << 30
"""Bytes that one element of `items`, or another member's value, may have."""


class JsonStream:
    """A file's bytes ``buffer[begin:end]`` that are read and not yet used.

    Attributes
    ----------
    offset : of ``buffer[0]`` in the file.
    """

    def __init__(self, file: BufferedReader, path: Path, block: int = BLOCK) -> None:
        self._file = file
        self.path = path
        self.buffer = bytearray(block)
        self.begin = 0
        self.end = 0
        self.offset = 0

    def more(self) -> bool:
        """Read on, keeping what is not yet used; False at the end of the file."""
        kept = self.end - self.begin
        if kept:
            self.buffer[:kept] = self.buffer[self.begin : self.end]
        self.offset += self.begin
        self.begin, self.end = 0, kept
        if kept > len(self.buffer) // 2:
            if kept >= LONGEST_VALUE:
                raise self.error(0, "", f"a value of over {kept} bytes", "a shorter one")
            self.buffer.extend(bytes(len(self.buffer)))
        with memoryview(self.buffer) as view:
            got = self._file.readinto(view[kept:])
        self.end += got
        return got > 0

    def seek(self, offset: int) -> None:
        """Go on at a byte of the file."""
        self._file.seek(offset)
        self.offset, self.begin, self.end = offset, 0, 0

    def tell(self) -> int:
        """Where in the file the next byte is."""
        return self.offset + self.begin

    def peek(self) -> bytes:
        """The next byte after white space, not taken; b"" at the end of the file."""
        while True:
            while self.begin < self.end:
                byte = self.buffer[self.begin : self.begin + 1]
                if byte not in b" \t\r\n":
                    return bytes(byte)
                self.begin += 1
            if not self.more():
                return b""

    def take(self, expected: bytes, place: str) -> None:
        """Take a byte.

        Raises
        ------
        MalformedFileError
            Another stands there.
        """
        if self.peek() != expected:
            raise self.error(self.begin, place, "", repr(expected.decode()))
        self.begin += 1

    def raw(self, place: str) -> bytes:
        """Take a value of any kind: its text."""
        self.peek()
        while True:
            code, stop = json_value.skip_value(self.buffer, self.begin, self.end)
            if code == 0:
                break
            if code != json_value.CUT:
                raise self.error(stop, place, self.found(stop, json_value.message(code)), "JSON")
            if not self.more():
                raise self.error(self.end, place, "the file ends here", "the rest of a value")
        text = bytes(self.buffer[self.begin : stop])
        self.begin = stop
        return text

    def value(self, kind: type[Any] | UnionType, place: str) -> Any:
        """Take a value and decode it.

        Raises
        ------
        MalformedFileError
            It is not JSON, or not of that kind.
        """
        self.peek()
        begin = self.tell()
        text = self.raw(place)
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.ValidationError as error:
            where, found, expected = explained(error, text)
            at = f"{place}{where} (byte {begin})"
            raise MalformedFileError(self.path, at, found, expected) from error
        except msgspec.DecodeError as error:
            at = f"{place} (byte {begin})"
            raise MalformedFileError(self.path, at, f"{text[:60]!r} ({error})", "JSON") from error

    def members(self) -> Iterator[str]:
        """Keys of the outermost object, each with the stream at its value, which must be taken."""
        self.take(b"{", "$")
        if self.peek() == b"}":
            self.begin += 1
        else:
            while True:
                if self.peek() != b'"':
                    raise self.error(self.begin, "$", "", "a key in quotes")
                key = self.value(str, "$")
                self.take(b":", f"$.{key}")
                yield key
                if self.peek() == b"}":
                    self.begin += 1
                    break
                self.take(b",", "$")
        if self.peek():
            raise self.error(self.begin, "$", "", "the end of the file")

    def found(self, at: int, otherwise: str = "") -> str:
        """The value at a place of the buffer, for an error, with what is wrong with it."""
        shown = shown_at(self.buffer, at, self.end)
        return f"{shown} ({otherwise})" if otherwise else shown

    def error(
        self,
        at: int,
        place: str,
        found: str,
        expected: str,
        kind: type[MalformedFileError] = MalformedFileError,
    ) -> MalformedFileError:
        """An error at a place of the buffer; what stands there is found, when ``found`` is ""."""
        byte = f"byte {self.offset + at}"
        where = f"{place} ({byte})" if place else byte
        return kind(self.path, where, found or self.found(at), expected)
