"""Putting together what the files of several subsets say of the whole data set."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol, TypeVar

from datumaro.errors import MalformedFileError
from datumaro.model.categories import Categories
from datumaro.model.kinds import AnnotationType
from datumaro.table.content import Content

log = logging.getLogger("datumaro")


class Described(Protocol):
    """What every file says of the data set."""

    infos: dict[str, Any]
    categories: dict[AnnotationType, Categories]


_Described = TypeVar("_Described", bound=Described)


def combine(
    content: Content, first: _Described | None, header: _Described, path: Path
) -> _Described:
    """Put a file's categories and infos with those of the files before it."""
    if first is None:
        content.categories, content.infos = dict(header.categories), dict(header.infos)
        return header
    if header.categories != first.categories:
        raise MalformedFileError(
            path,
            "the categories",
            f"categories of {', '.join(kind.name for kind in header.categories) or 'nothing'} that "
            "differ",
            "those of the other subsets' files; import the files one by one and merge them",
        )
    for name, value in header.infos.items():
        if content.infos.setdefault(name, value) != value:
            log.warning("%s: info %r differs from the other subsets' and is left out", path, name)
    return first
