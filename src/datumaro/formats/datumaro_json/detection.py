"""Recognise files of the `datumaro` format by their first bytes, and find them in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datumaro.formats.base import Folder

ANNOTATIONS = "annotations"
EXTENSION = ".json"
DEPTH = 3
"""How many folders deep below the path a folder `annotations` may lie."""

MOST_FOLDERS = 1000
"""Folders to look into before giving up: data sets of other formats have very many."""

HEAD = 1 << 16
"""Bytes of a file that are looked at."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)


def member_kinds(head: bytes) -> dict[str, str]:
    """Keys of a JSON text's outermost object, as far as its first bytes tell, with how each value
    begins: ``{``, ``[``, ``"`` or nothing for a number, a word, or where the bytes end.
    """
    kinds: dict[str, str] = {}
    if not head.lstrip(b" \t\r\n").startswith(b"{"):
        return kinds
    depth = 0
    key: str | None = None
    last = b""
    for token in _TOKEN.finditer(head):
        text = token[0]
        if depth == 1 and text == b":" and last.startswith(b'"'):
            key = last[1:-1].decode("utf-8", "replace")
            kinds[key] = ""
        elif key is not None and not kinds[key] and text[:1] in b'{["':
            kinds[key] = text[:1].decode()
            key = None
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        elif text == b",":
            key = None
        last = text
    return kinds


def is_datumaro_json(head: bytes) -> bool:
    """Whether a file that begins so is of the format: never true of COCO's files.

    One of its own keys is needed: ``dm_format_version``; or two of ``infos``, ``categories`` (an
    object; COCO's is an array), ``items`` and ``media_type``; or ``categories`` alone when the
    bytes end in it.
    """
    kinds = member_kinds(head)
    if kinds.keys() & {"images", "info", "licenses"}:
        return False
    if "dm_format_version" in kinds:
        return True
    own = {"infos": "{", "categories": "{", "items": "[", "media_type": ""}
    found = [key for key, kind in own.items() if key in kinds and kinds[key] == kind]
    return len(found) >= 2 or (found == ["categories"] and len(head) >= HEAD)


def find_files(folder: Folder) -> tuple[str, list[str]] | None:
    """The outermost folder below ``folder`` with annotation files in it: (its path relative to
    ``folder``, their names); None when there is none.
    """
    for relative in _folders(folder):
        annotations = f"{relative}/{ANNOTATIONS}" if relative else ANNOTATIONS
        if ANNOTATIONS in folder.folders(relative):
            names = [
                name
                for name in folder.files(annotations)
                if name.endswith(EXTENSION) and not name.startswith(".")
            ]
            if names:
                return relative, names
    return None


def _folders(folder: Folder) -> Iterator[str]:
    """Folders below a folder and itself (""), the outermost first."""
    level = [""]
    left = MOST_FOLDERS
    for _ in range(DEPTH + 1):
        inner: list[str] = []
        for relative in level:
            left -= 1
            if left < 0:
                return
            yield relative
            inner += [
                f"{relative}/{name}" if relative else name for name in folder.folders(relative)
            ]
        level = inner
