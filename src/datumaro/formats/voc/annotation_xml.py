"""Reading ``Annotations/<id>.xml``: the objects of an image.

Files as most tools write them are read by a kernel, in a tenth of the time; all others by lxml,
which also says what is wrong with a damaged one. Both give the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from datumaro.errors import InvalidAnnotationInFileError
from datumaro.formats.image_xml import Problem, parse_root, side, wrong
from datumaro.kernels.voc_xml import scan
from datumaro.table import json_text

MAX_BYTES = 1 << 25
"""A larger file is refused: 100,000 objects take 30 million bytes."""

_MAX_SIDE = 1 << 24  # pixels; float32 tells neighbours apart up to here
_BOX_TAGS = ("xmin", "ymin", "xmax", "ymax")

Box = tuple[float, float, float, float]


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


def _scan(data: bytes) -> ImageAnnotation | None:
    """Read a usual file; None when it is not one."""
    found = scan(data) if len(data) <= MAX_BYTES else None
    if found is None:
        return None
    filename, height, width, objects = found
    made = [
        VocObject(name, box, _flagged(flags, pose), None, attributes or None, (), line)
        for name, box, flags, pose, attributes, line in objects
    ]
    return ImageAnnotation(filename, height, width, made)


@lru_cache(4096)
def _flagged(flags: int, pose: str | None) -> bytes:
    return common_attributes(bool(flags & 1), bool(flags & 2), bool(flags & 4), pose)


# --- any file -----------------------------------------------------------------------------------


def _parse(data: bytes, path: str, problem: Problem) -> ImageAnnotation:
    filename, height, width = "", 0, 0
    objects: list[VocObject] = []
    for child in parse_root(data, path, MAX_BYTES):
        try:
            if child.tag == "object":
                objects.append(_object(child, path))
            elif child.tag == "filename":
                filename = (child.text or "").strip()
            elif child.tag == "size":
                height = side(child, "height", path)
                width = side(child, "width", path)
        except InvalidAnnotationInFileError as error:
            problem(error)
    return ImageAnnotation(filename, height, width, objects)


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
                    wrong(path, attribute, "an attribute without <name>", "its name")
                free[key] = attribute.findtext("value") or ""
    if not name:
        wrong(path, element, "an object without <name>", "the name of its label")
    if box is None:
        wrong(path, element, f"object {name!r} without <bndbox>", "its box")
    extra.update(free)
    return VocObject(
        name, box, common_attributes(difficult, truncated, occluded, pose),
        actions, extra or None, tuple(parts), element.sourceline,
    )  # fmt: skip


def _part(element: Any, path: str) -> Part:
    name, box = element.findtext("name"), element.find("bndbox")
    if not name or box is None:
        wrong(path, element, "a part", "<name> and <bndbox> in it")
    return Part(name, _box(box, path))


def _box(element: Any, path: str) -> Box:
    x1, y1, x2, y2 = (_number(element, tag, path) for tag in _BOX_TAGS)
    return x1, y1, x2, y2


def _number(parent: Any, tag: str, path: str) -> float:
    text = parent.findtext(tag)
    if text is None:
        wrong(path, parent, f"<{parent.tag}> without <{tag}>", "a number of pixels")
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not -_MAX_SIDE < number < _MAX_SIDE:
        wrong(path, parent, f"<{tag}> {text.strip()[:40]!r}", "a number of pixels")
    return number


def _flag(element: Any, path: str) -> bool:
    text = (element.text or "").strip()
    if text not in ("0", "1"):
        wrong(path, element, f"<{element.tag}> {text[:40]!r}", "0 or 1")
    return text == "1"


@lru_cache(4096)
def common_attributes(difficult: bool, truncated: bool, occluded: bool, pose: str | None) -> bytes:
    """What most objects have, as JSON."""
    attributes = {"difficult": difficult, "truncated": truncated, "occluded": occluded}
    return json_text.encode(attributes | ({"pose": pose} if pose else {}))
