"""Reading ``Annotations/<id>.xml``: the objects of an image.

Files as most tools write them are read by one regular expression, at a third of the time; all
others by lxml, which also says what is wrong with a damaged one. Both give the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from lxml import etree

from datumaro.errors import DatasetImportError, InvalidAnnotationError, MalformedFileError
from datumaro.table import json_text

MAX_BYTES = 1 << 25
"""A larger file is refused: 100,000 objects take 30 million bytes."""

_MAX_SIDE = 1 << 24  # pixels; float32 tells neighbours apart up to here
_BOX_TAGS = ("xmin", "ymin", "xmax", "ymax")

Box = tuple[float, float, float, float]
Problem = Callable[[DatasetImportError], None]


class Part(NamedTuple):
    """A part of an object: its label's name and its box."""

    name: str
    box: Box


class VocObject(NamedTuple):
    """An object.

    Attributes
    ----------
    box : xmin, ymin, xmax, ymax, in pixels, as written.
    attributes : what is the same for many objects, as JSON: difficult, truncated, occluded, pose.
    actions, extra : what is not: actions by name; the point and free attributes.
    line : where the object begins.
    """

    name: str
    box: Box
    attributes: bytes
    actions: dict[str, bool] | None = None
    extra: dict[str, Any] | None = None
    parts: tuple[Part, ...] = ()
    line: int = 0


class ImageAnnotation(NamedTuple):
    """A file's content. ``height`` and ``width`` are 0 when it does not state them."""

    filename: str
    height: int
    width: int
    objects: list[VocObject]


def parse(data: bytes, path: str, problem: Problem) -> ImageAnnotation:
    """Read a file's content.

    Parameters
    ----------
    path : of the file, for messages.
    problem : is told of objects that are damaged, and left out when it returns.

    Raises
    ------
    MalformedFileError
        It is not XML, has a document type declaration (and so perhaps entities), or is too large.
    """
    return _scan(data) or _parse(data, path, problem)


# --- any file -----------------------------------------------------------------------------------

# huge_tree off: libxml2's own limits on depth (256) and on the length of a text hold
_parser = etree.XMLParser(
    resolve_entities=False,
    load_dtd=False,
    no_network=True,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


def _parse(data: bytes, path: str, problem: Problem) -> ImageAnnotation:
    if len(data) > MAX_BYTES:
        raise MalformedFileError(
            path, "", f"more than {MAX_BYTES} bytes", "an annotation of one image"
        )
    try:
        root = etree.fromstring(data, _parser)
    except etree.XMLSyntaxError as error:
        raise MalformedFileError(path, f"line {error.lineno}", error.msg or "not XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedFileError(
            path, "line 1", "a document type declaration", "none: entities are not resolved"
        )
    if root.tag != "annotation":
        raise MalformedFileError(path, f"line {root.sourceline}", f"<{root.tag}>", "<annotation>")
    filename, height, width = "", 0, 0
    objects: list[VocObject] = []
    for child in root:
        try:
            if child.tag == "object":
                objects.append(_object(child, path))
            elif child.tag == "filename":
                filename = (child.text or "").strip()
            elif child.tag == "size":
                height = _side(child, "height", path)
                width = _side(child, "width", path)
        except InvalidAnnotationError as error:
            problem(error)
    return ImageAnnotation(filename, height, width, objects)


def _wrong(path: str, element: Any, found: str, expected: str) -> NoReturn:
    raise InvalidAnnotationError(f"{path}: line {element.sourceline}: {found}; expected {expected}")


def _side(size: Any, tag: str, path: str) -> int:
    """A side of the image in pixels; 0 when it is not told."""
    text = (size.findtext(tag) or "").strip()
    if not text:
        return 0
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1 << 31:
        _wrong(path, size, f"<{tag}> {text[:40]!r}", "a number of pixels")
    return int(number)


def _object(element: Any, path: str) -> VocObject:
    name, pose, box = "", None, None
    difficult = truncated = occluded = False
    actions: dict[str, bool] | None = None
    extra: dict[str, Any] = {}
    free: dict[str, Any] = {}
    parts: list[Part] = []
    for child in element:
        tag = child.tag
        if tag == "name":
            name = child.text or ""
        elif tag == "bndbox":
            box = _box(child, path)
        elif tag == "difficult":
            difficult = _flag(child, path)
        elif tag == "truncated":
            truncated = _flag(child, path)
        elif tag == "occluded":
            occluded = _flag(child, path)
        elif tag == "pose":
            pose = child.text
        elif tag == "part":
            parts.append(_part(child, path))
        elif tag == "actions":
            actions = {str(action.tag): _flag(action, path) for action in child}
        elif tag == "point":
            extra["point"] = [_number(child, tag, path) for tag in ("x", "y")]
        elif tag == "attributes":
            for attribute in child.iterchildren("attribute"):
                key = attribute.findtext("name")
                if not key:
                    _wrong(path, attribute, "an attribute without <name>", "its name")
                free[key] = attribute.findtext("value") or ""
    if not name:
        _wrong(path, element, "an object without <name>", "the name of its label")
    if box is None:
        _wrong(path, element, f"object {name!r} without <bndbox>", "its box")
    extra.update(free)
    return VocObject(
        name, box, common_attributes(difficult, truncated, occluded, pose),
        actions, extra or None, tuple(parts), element.sourceline,
    )  # fmt: skip


def _part(element: Any, path: str) -> Part:
    name, box = element.findtext("name"), element.find("bndbox")
    if not name or box is None:
        _wrong(path, element, "a part", "<name> and <bndbox> in it")
    return Part(name, _box(box, path))


def _box(element: Any, path: str) -> Box:
    x1, y1, x2, y2 = (_number(element, tag, path) for tag in _BOX_TAGS)
    return x1, y1, x2, y2


def _number(parent: Any, tag: str, path: str) -> float:
    text = parent.findtext(tag)
    if text is None:
        _wrong(path, parent, f"<{parent.tag}> without <{tag}>", "a number of pixels")
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not -_MAX_SIDE < number < _MAX_SIDE:
        _wrong(path, parent, f"<{tag}> {text.strip()[:40]!r}", "a number of pixels")
    return number


def _flag(element: Any, path: str) -> bool:
    text = (element.text or "").strip()
    if text not in ("0", "1"):
        _wrong(path, element, f"<{element.tag}> {text[:40]!r}", "0 or 1")
    return text == "1"


@lru_cache(4096)
def common_attributes(difficult: bool, truncated: bool, occluded: bool, pose: str | None) -> bytes:
    """What most objects have, as JSON."""
    attributes = {"difficult": difficult, "truncated": truncated, "occluded": occluded}
    return json_text.encode(attributes | ({"pose": pose} if pose else {}))


# --- the usual file -----------------------------------------------------------------------------

# A file that has no markup but plain tags (no comments, CDATA, references, declarations but the
# XML declaration) and the usual elements in the usual order. Whatever it does not match, to the
# last byte, is left to lxml: it decides only how fast a file is read.
_S = rb"[ \t\r\n]*"
_TEXT = rb"[^<>&\x00-\x08\x0b-\x1f\x80-\xff]"  # no \r: XML makes \n of it
_NUMBER = _S + rb"(-?\d{1,7}(?:\.\d{1,6})?)" + _S


def _optional(*patterns: bytes) -> bytes:
    return b"".join(b"(?:" + pattern + _S + b")?" for pattern in patterns)


def _texts(group: int) -> bytes:
    """Some elements of text; ``group`` is the number of the group in it."""
    return b"(?:<([a-z]+)>" + _TEXT + b"*</\\%d>" % group + _S + b"){0,8}"


_HEAD = re.compile(
    _optional(rb"<\?xml version=['\"]1\.0['\"](?: encoding=['\"](?:utf-8|UTF-8)['\"])?\?>")
    + (rb"<annotation>" + _S)
    + _optional(rb"<folder>" + _TEXT + rb"*</folder>")
    + (rb"<filename>(" + _TEXT + rb"+)</filename>" + _S)
    + _optional(
        rb"<path>" + _TEXT + rb"*</path>",
        rb"<source>" + _S + _texts(2) + rb"</source>",
        rb"<owner>" + _S + _texts(3) + rb"</owner>",
        rb"<size>" + _S + rb"<width>(\d{1,7})</width>" + _S + rb"<height>(\d{1,7})</height>" + _S
        + _optional(rb"<depth>\d*</depth>") + rb"</size>",
        rb"<segmented>\d*</segmented>",
    )
)  # fmt: skip
_OBJECT = re.compile(
    (rb"<object>" + _S + rb"<name>(" + _TEXT + rb"+)</name>" + _S)
    + _optional(
        rb"<pose>(" + _TEXT + rb"*)</pose>",
        rb"<truncated>([01])</truncated>",
        rb"<occluded>([01])</occluded>",
        rb"<difficult>([01])</difficult>",
    )
    + (rb"<bndbox>" + _S)
    + b"".join(b"<%s>%s</%s>%s" % (tag.encode(), _NUMBER, tag.encode(), _S) for tag in _BOX_TAGS)
    + (rb"</bndbox>" + _S)
    + _optional(rb"<difficult>([01])</difficult>")
    + (rb"</object>" + _S)
)  # fmt: skip
_TAIL = b"</annotation>"
_SPACE = b" \t\r\n"


def _scan(data: bytes) -> ImageAnnotation | None:
    """Read a usual file; None when it is not one."""
    if len(data) > MAX_BYTES:
        return None
    head = _HEAD.match(data)
    if head is None:
        return None
    filename, _, _, width, height = head.groups()
    objects: list[VocObject] = []
    at = head.end()
    line = 1 + data.count(b"\n", 0, at)
    next_object = _OBJECT.match
    while (found := next_object(data, at)) is not None:
        name, pose, truncated, occluded, difficult, x1, y1, x2, y2, again = found.groups()
        if difficult is not None and again is not None:
            return None
        objects.append(
            VocObject(
                name.decode(),
                (float(x1), float(y1), float(x2), float(y2)),
                _common_attributes(difficult or again, truncated, occluded, pose),
                line=line,
            )
        )
        line += data.count(b"\n", at, found.end())
        at = found.end()
    if data[at:].rstrip(_SPACE) != _TAIL:
        return None
    return ImageAnnotation(
        filename.decode().strip(),
        int(height) if height else 0,
        int(width) if width else 0,
        objects,
    )


@lru_cache(4096)
def _common_attributes(
    difficult: bytes | None, truncated: bytes | None, occluded: bytes | None, pose: bytes | None
) -> bytes:
    return common_attributes(
        difficult == b"1", truncated == b"1", occluded == b"1", pose.decode() if pose else None
    )
