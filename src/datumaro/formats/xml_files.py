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
    """

    def __init__(
        self,
        path: str,
        start: Callable[[str, dict[str, str]], object],
        end: Callable[[str], object],
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self.path = path
        self._start, self._end, self._progress = start, end, progress
        self._depth = 0
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
        done, in_root, seen = 0, False, b""
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
                    self._parser.Parse(data, False)
                    in_root = in_root or self._depth > 0
                    done += len(data)
                    if done - self._parser.CurrentByteIndex > _MAX_TOKEN:
                        found = f"a tag or text of more than {_MAX_TOKEN} bytes"
                        raise MalformedFileError(self.path, f"line {self.line}", found, "less")
                    if self._progress is not None:
                        self._progress(done)
                self._parser.Parse(b"", True)
            except expat.ExpatError as error:
                found = expat.errors.messages[error.code]
                raise MalformedFileError(
                    self.path, f"line {error.lineno}", found, "whole XML in UTF-8"
                ) from error

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            found = f"elements in more than {_MAX_DEPTH} others"
            raise MalformedFileError(self.path, f"line {self.line}", found, "fewer")
        self._start(tag, attributes)

    def _finish(self, tag: str) -> None:
        self._depth -= 1
        self._end(tag)

    def _doctype(self, *_: object) -> None:
        raise MalformedFileError(
            self.path,
            f"line {self.line}",
            "a document type declaration",
            "none: entities are not resolved",
        )
