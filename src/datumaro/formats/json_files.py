"""JSON files of some megabytes at most, each decoded as a whole into typed objects."""

from __future__ import annotations

import os
from typing import TypeVar

import msgspec

from datumaro.errors import MalformedFileError
from datumaro.formats.files import read_file
from datumaro.formats.json_errors import explained

T = TypeVar("T")


def content(path: str | os.PathLike[str], limit: int) -> bytes:
    """A file's content, without a byte order mark.

    Raises
    ------
    MalformedFileError
        There is no such file, or it has more than ``limit`` bytes.
    """
    data = read_file(os.fspath(path), limit)
    if data is None:
        raise MalformedFileError(path, "", "no such file", "a JSON file")
    if len(data) > limit:
        raise MalformedFileError(path, "", f"more than {limit} bytes", "a smaller file")
    return data.removeprefix(b"\xef\xbb\xbf")


def decode(
    data: bytes | msgspec.Raw,
    kind: type[T],
    path: object,
    place: str = "$",
    expected: str = "a JSON object",
) -> T:
    """A file's JSON, or the part of it at ``place``, as objects of a type that msgspec knows.

    Parameters
    ----------
    expected : where it is no JSON at all.

    Raises
    ------
    MalformedFileError
        It is not JSON, or has other types; the message names the JSON path.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        where, found, wanted = explained(error, bytes(data))
        raise MalformedFileError(path, f"{place}{where}", found, wanted) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedFileError(path, place, f"not JSON: {error}", expected) from None
