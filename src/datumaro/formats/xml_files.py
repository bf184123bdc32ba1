"""Parsing XML files that nobody vouches for, and the texts of those that are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from lxml import etree

from datumaro.errors import MalformedFileError, UnsupportedContentError

# huge_tree off: libxml2's own limits on depth (256) and on the length of a text hold
_parser = etree.XMLParser(
    resolve_entities=False,
    load_dtd=False,
    no_network=True,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


def parse_xml(data: bytes, path: str, doctype: str = "") -> Any:
    """The root element (of lxml) of a file's content, without comments.

    Elements know their line: ``element.sourceline``. Entities are not resolved, and no other file
    is opened. The caller limits the length of ``data``.

    Parameters
    ----------
    doctype : the one document type that may be declared, by its name alone (Boost's archives do).

    Raises
    ------
    MalformedFileError
        It is no whole XML, or has a document type declaration (and so perhaps entities); the
        message names ``path`` and the line.
    """
    try:
        root = etree.fromstring(data, _parser)
    except etree.XMLSyntaxError as error:
        found = (error.msg or "not XML").split(", line ")[0]
        raise MalformedFileError(path, f"line {error.lineno}", found, "whole XML") from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and not (doctype and _is_bare(declared, doctype)):
        raise MalformedFileError(
            path, "line 1", "a document type declaration", "none: entities are not resolved"
        )
    return root


def _is_bare(declared: Any, name: str) -> bool:
    """Whether a document type declaration says a name and nothing else."""
    return (
        declared.name == name
        and not declared.system_url
        and not declared.external_id
        and not any(declared.iterentities())
        and not any(declared.iterelements())
    )


# what XML 1.0 cannot hold, not even as a reference
_IMPOSSIBLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_READ_BYTES = 1 << 18
_MAX_TOKEN = 1 << 24
_MAX_DEPTH = 256


def escape_text(text: str) -> str:
    """Text as it stands between tags.

    Raises
    ------
    UnsupportedContentError
        It has a character that XML cannot hold.
    """
    if _IMPOSSIBLE.search(text):
        raise UnsupportedContentError(f"{text!r} has a character that XML cannot hold")
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = text.replace("\r", "&#13;")
    return text


def escape_attribute(text: str) -> str:
    """Text as it stands in the double quotes of an attribute; raises as `escape_text`."""
    text = escape_text(text)
    if '"' in text or "\n" in text or "\t" in text:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text


class XmlStream:
    """Tells the elements of a file of any size one after another; memory does not grow with it.

    Comments and processing instructions are passed over. The file must be in UTF-8.

    Parameters
    ----------
    path : of the file.
    start : is told an element's tag and attributes.
    end : is told the tag when it ends.
    progress : is told how many bytes are done.
    skim : takes usual children of the root out of some bytes, from a place on, which lies between
        children; returns the place behind them. It need not take any: the rest is told to ``start``
        and ``end``. What it takes must be whole elements, and mean the same to an XML parser.
    skimmed : the tags of the children that it looks for, and of those before the first.
    """

    def __init__(
        self,
        path: str,
        start: Callable[[str, dict[str, str]], object],
        end: Callable[[str], object],
        progress: Callable[[int], object] | None = None,
        skim: Callable[[bytes, int], int] | None = None,
        skimmed: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self._start, self._end, self._progress = start, end, progress
        self._skim = skim
        tags = "|".join(map(re.escape, skimmed))
        self._boundary = re.compile(f"</({tags})>".encode())
        # the beginning of one of them, or of a tag that may be one
        self._held = re.compile(rf"\s*(<({tags})[\s/>]|[^\s]?.{{0,16}}\Z)".encode(), re.DOTALL)
        self._depth = 0
        self._fed = 0  # bytes that the parser has seen
        self._ended = -1  # where the last end tag begins, among these
        self._parser = expat.ParserCreate("utf-8")  # whatever the file says
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._finish
        self._parser.StartDoctypeDeclHandler = self._doctype

    @property
    def line(self) -> int:
        """Where the element that is told stands."""
        return self._parser.CurrentLineNumber

    def text_to(self, add: Callable[[str], object] | None) -> None:
        """Call ``add`` with each piece of text from here on; None: with no more."""
        self._parser.CharacterDataHandler = add

    def run(self) -> None:
        """Read the file.

        Raises
        ------
        MalformedFileError
            It is no whole XML in UTF-8, has a document type declaration (and so perhaps entities),
            elements in more than 256 others, or a tag or text of more than 16 MB.
        """
        done, in_root, seen, rest = 0, False, b"", b""
        with open(self.path, "rb") as file:  # noqa: PTH123 - a str
            try:
                while data := file.read(_READ_BYTES):
                    if not done and b"\0" in data[:64]:
                        found, expected = "bytes that are 0", "XML in UTF-8"
                        raise MalformedFileError(self.path, "line 1", found, expected)
                    if not in_root:
                        # before the parser sees any of it
                        seen = seen[-16:] + data
                        if b"<!DOCTYPE" in seen:
                            self._doctype()
                    done += len(data)
                    rest = self._take(rest + data)
                    in_root = in_root or self._depth > 0
                    if self._fed - self._parser.CurrentByteIndex > _MAX_TOKEN:
                        found = f"a tag or text of more than {_MAX_TOKEN} bytes"
                        raise MalformedFileError(self.path, f"line {self.line}", found, "less")
                    if self._progress is not None:
                        self._progress(done)
                self._feed(rest)
                self._parser.Parse(b"", True)
            except expat.ExpatError as error:
                found = expat.errors.messages[error.code]
                raise MalformedFileError(
                    self.path, f"line {error.lineno}", found, "whole XML in UTF-8"
                ) from error

    def _take(self, data: bytes) -> bytes:
        """Read some bytes; what is left is to be put before the next."""
        if self._skim is None:
            self._feed(data)
            return b""
        at = 0
        while at < len(data):
            if self._is_between:
                end = self._skim(data, at)
                self._lines(data.count(b"\n", at, end))
                at = end
            found = self._boundary.search(data, at)
            if found is None:
                rest = data[at:]
                if self._is_between and len(rest) < _MAX_TOKEN and self._held.match(rest):
                    return rest
                self._feed(rest)
                self._is_between = False
                return b""
            self._feed(memoryview(data)[at : found.end()])
            self._is_between = self._depth == 1 and self._ended == self._fed - len(found[0])
            at = found.end()
        return b""

    _is_between = False  # whether the parser stands right behind a child of the root

    def _lines(self, count: int) -> None:
        """Let the parser go on by some lines."""
        while count > 0:
            self._feed(b"\n" * min(count, _READ_BYTES))
            count -= _READ_BYTES

    def _feed(self, data: bytes | memoryview) -> None:
        self._parser.Parse(data, False)
        self._fed += len(data)

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            found = f"elements in more than {_MAX_DEPTH} others"
            raise MalformedFileError(self.path, f"line {self.line}", found, "fewer")
        self._start(tag, attributes)

    def _finish(self, tag: str) -> None:
        self._depth -= 1
        self._ended = self._parser.CurrentByteIndex
        self._end(tag)

    def _doctype(self, *_: object) -> None:
        raise MalformedFileError(
            self.path,
            f"line {self.line}",
            "a document type declaration",
            "none: entities are not resolved",
        )
