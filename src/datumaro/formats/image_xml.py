"""XML files of one image each, as PASCAL VOC and LabelMe have them: ``<annotation>``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from datumaro.errors import DatasetImportError, InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats.files import read_file
from datumaro.formats.xml_files import parse_xml

T = TypeVar("T")
Problem = Callable[[DatasetImportError], None]
"""Is told of an object or a file that is damaged, and left out when it returns."""


def parse_root(data: bytes, path: str, limit: int) -> Any:
    """The root element of the file of one image, ``<annotation>``, as `parse_xml` gives it.

    Raises
    ------
    MalformedFileError
        It has another root, more than ``limit`` bytes, or is none that `parse_xml` takes.
    """
    if len(data) > limit:
        found, expected = f"more than {limit} bytes", "an annotation of one image"
        raise MalformedFileError(path, f"byte {limit}", found, expected)
    root = parse_xml(data, path)
    if root.tag != "annotation":
        raise MalformedFileError(path, f"line {root.sourceline}", f"<{root.tag}>", "<annotation>")
    return root


def wrong(path: str, element: Any, found: str, expected: str) -> NoReturn:
    """Raise `InvalidAnnotationInFileError` for an element."""
    raise InvalidAnnotationInFileError(path, f"line {element.sourceline}", found, expected)


def side(size: Any, tag: str, path: str) -> int:
    """A side of an image in pixels, of the element that has both; 0 when it is not told."""
    text = (size.findtext(tag) or "").strip()
    try:
        number = float(text or 0)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1 << 31:
        wrong(path, size, f"<{tag}> {text[:40]!r}", "a number of pixels")
    return int(number)


def read_reported(
    path: str,
    limit: int,
    parse: Callable[[bytes, str, Problem], T],
    problem: Problem,
    missing: T | None = None,
) -> T | None:
    """What ``parse`` makes of a file's content; None when it is damaged, and that was reported.

    Parameters
    ----------
    limit : bytes; ``parse`` refuses more.
    problem : is told what is wrong with the file, as ``parse`` tells it what is wrong in it.
    missing : of a file that is not there; None: that is reported too.
    """
    try:
        data = read_file(path, limit)
        if data is not None:
            return parse(data, path, problem)
        if missing is None:
            raise MalformedFileError(path, "", "no such file", "XML")
        return missing
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror or error})"
        problem(MalformedFileError(path, "byte 0", found, "XML"))
    except MalformedFileError as error:
        problem(error)
    return None
