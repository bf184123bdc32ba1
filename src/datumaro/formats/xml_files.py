"""Parsing XML files that nobody vouches for."""

from __future__ import annotations

from typing import Any

from lxml import etree

from datumaro.errors import MalformedFileError

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
