"""Reading a data set at a URL as it is at one moment.

An object store replaces files one by one. While an export is under way a file says so, which this
refuses; and what is replaced between the first look and the last is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from datumaro.errors import DatasetImportError, DatumaroError
from datumaro.remote.path import RemotePath

T = TypeVar("T")

MARK = "export-under-way"
"""The file in a data set's folder while one is exported there."""

_ATTEMPTS = 3


def read_steady(source: RemotePath, owned: Sequence[str], read: Callable[[], T]) -> T:
    """Read a data set: again when its annotation files were replaced meanwhile.

    Parameters
    ----------
    owned : glob patterns of the annotation files, relative to the data set's folder.
    read : is called once, and again each time that files were replaced.

    Raises
    ------
    DatasetImportError
        An export is under way, or was broken off; or files are replaced faster than they are read.
    """
    before = _state(source, owned)
    for _ in range(_ATTEMPTS):
        error: Exception | None = None
        try:
            result = read()
        except (DatumaroError, OSError) as raised:
            error = raised
        else:
            after = _state(source, owned)
            if after == before:
                return result
            before = after
            continue
        after = _state(source, owned)
        if after == before:
            raise error
        before = after
    raise DatasetImportError(f"{source}: it was replaced {_ATTEMPTS} times while it was being read")


def owned_folders(owned: Sequence[str]) -> list[str]:
    """The folders that annotation files lie in, relative to the data set's; its own first."""
    return sorted({"", *(pattern.rpartition("/")[0] for pattern in owned)})


def _state(source: RemotePath, owned: Sequence[str]) -> list[tuple[str, Any, Any]]:
    """Names, sizes and times of the annotation files."""
    if source.is_file():
        fresh = RemotePath(source.connection, source.key).info()
        return [(fresh.path, fresh.size, fresh.mtime_ns)]
    found: list[tuple[str, Any, Any]] = []
    for folder in owned_folders(owned):
        for info in (source / folder).infos():
            if not info.is_file:
                continue
            if not folder and info.base_name == MARK:
                raise DatasetImportError(
                    f"{source}: an export to it is under way, or was broken off: wait for its end; "
                    f"or, when there is none, export the data set again, which replaces it "
                    f"(the file {MARK} says so)"
                )
            found.append((info.path, info.size, info.mtime_ns))
    return found
