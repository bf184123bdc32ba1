"""A file's XML: an image and its objects."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from datumaro.errors import InvalidAnnotationInFileError
from datumaro.formats.image_xml import Problem, parse_root, side, wrong
from datumaro.formats.label_me import attributes
from datumaro.kernels.label_me_xml import scan
from datumaro.table import json_text

MAX_BYTES = 1 << 26
_MOST = 1e9  # pixels

Found = tuple[int, str, list[float], bool, bool, bool, str, str, str, int]
"""An object as `datumaro.kernels.label_me_xml.scan` tells it."""


@dataclass(slots=True)
class LabelMeObject:
    """An object: a polygon, a box, or a mask in a file of its own.

    Attributes
    ----------
    name : its label's; "" for none.
    points : x, y, … in pixels; of a box its corners x1, y1, x2, y2.
    mask : the name of its file; "" for none.
    attributes : a JSON object.
    parts : ids of objects that it has as parts, or is a part of.
    line : where it begins.
    """

    id: int
    name: str
    points: list[float]
    is_box: bool
    mask: str
    attributes: bytes
    parts: list[int]
    line: int
    group: int = 0


@dataclass(slots=True)
class LabelMeImage:
    """An image. ``height`` and ``width`` are 0 when it does not state them."""

    folder: str = ""
    filename: str = ""
    height: int = 0
    width: int = 0
    objects: list[LabelMeObject] = field(default_factory=list[LabelMeObject])


def parse(data: bytes, path: str, problem: Problem) -> LabelMeImage:
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
    found = scan(data) if len(data) <= MAX_BYTES else None
    image = _usual(found) if found is not None else None
    return _parsed(data, path, problem) if image is None else image


def _usual(found: tuple[str, str, int, int, list[Found]]) -> LabelMeImage | None:
    """What the kernel found; None for an object that is told of better by the parser."""
    folder, filename, height, width, objects = found
    image = LabelMeImage(folder.strip(), filename.strip("\n\r\t"), height, width)
    for number, name, points, is_box, deleted, occluded, username, text, parts, line in objects:
        if deleted:
            continue
        ids = [word for word in parts.split(",") if word.strip()] if parts else []
        if not all(map(_is_id, ids)) or len(points) < 6:
            return None
        is_box = is_box and len(points) == 8
        if is_box:
            xs, ys = points[0::2], points[1::2]
            points = [min(xs), min(ys), max(xs), max(ys)]
        own = _attributes(text, occluded, username)
        number = len(image.objects) if number < 0 else number
        image.objects.append(
            LabelMeObject(number, name, points, is_box, "", own, list(map(int, ids)), line)
        )
    _group(image.objects)
    return image


@lru_cache(4096)
def _attributes(text: str, occluded: bool, username: str) -> bytes:
    """An object's attributes as JSON; most objects have one of a few."""
    own = attributes.parse(text) if text else {}
    return json_text.encode(own | {"occluded": occluded, "username": username})


def _is_id(text: str) -> bool:
    text = text.strip()
    return text.removeprefix("-").isdigit() and text.isascii() and len(text) < 19


def _parsed(data: bytes, path: str, problem: Problem) -> LabelMeImage:
    image = LabelMeImage()
    for child in parse_root(data, path, MAX_BYTES):
        try:
            if child.tag == "object":
                if (child.findtext("deleted") or "").strip() not in ("1", "yes"):
                    image.objects.append(_object(child, path, len(image.objects)))
            elif child.tag == "filename":
                image.filename = (child.text or "").strip("\n\r\t")
            elif child.tag == "folder":
                image.folder = (child.text or "").strip()
            elif child.tag == "imagesize":
                image.height = side(child, "nrows", path)
                image.width = side(child, "ncols", path)
        except InvalidAnnotationInFileError as error:
            problem(error)
    _group(image.objects)
    return image


def _object(element: Any, path: str, place: int) -> LabelMeObject:
    name, number, points, mask, username = "", place, None, "", ""
    is_box = occluded = False
    own = ""
    parts: list[int] = []
    for child in element:
        tag = child.tag
        if tag == "name":
            name = child.text or ""
        elif tag == "id":
            number = _integer(child, child.text or "", path)
        elif tag == "polygon":
            username = child.findtext("username") or ""
            points = _points(child, path)
        elif tag == "segm":
            username = child.findtext("username") or ""
            mask = (child.findtext("mask") or "").strip("\n\r\t")
            if not mask:
                wrong(path, child, "<segm> without <mask>", "the name of the mask's file")
        elif tag == "type":
            is_box = (child.text or "").strip() == "bounding_box"
        elif tag == "occluded":
            occluded = (child.text or "").strip() == "yes"
        elif tag == "attributes":
            own = child.text or ""
        elif tag == "parts":
            for inner in child:
                parts += [
                    _integer(inner, word, path)
                    for word in (inner.text or "").split(",")
                    if word.strip()
                ]
    if points is None and not mask:
        wrong(path, element, "an object without <polygon> and <segm>", "one of them")
    points = points or []
    is_box = is_box and not mask and len(points) == 8
    if is_box:
        xs, ys = points[0::2], points[1::2]
        points = [min(xs), min(ys), max(xs), max(ys)]
    elif not mask and len(points) < 6:
        wrong(path, element, f"a polygon of {len(points) // 2} points", "three at least")
    given = _attributes(own, occluded, username)
    return LabelMeObject(number, name, points, is_box, mask, given, parts, element.sourceline)


def _integer(element: Any, text: str, path: str) -> int:
    if not _is_id(text):
        found = f"<{element.tag}> {text.strip()[:40]!r}"
        wrong(path, element, found, "the number of an object")
    return int(text)


def _points(polygon: Any, path: str) -> list[float]:
    texts = [
        text for point in polygon.iterchildren("pt") for text in map(point.findtext, ("x", "y"))
    ]
    try:
        points = list(map(float, texts))
    except (TypeError, ValueError):
        points = [math.nan]
    if not sum(map(abs, points)) < _MOST * (len(points) + 1):
        wrong(path, polygon, f"points {str(texts)[:60]}", "x and y in pixels of each")
    return points


def _group(objects: list[LabelMeObject]) -> None:
    """Give objects that are parts of one another a group.

    They are numbered from 1 on, that of the highest ids first, as the published package does it.
    """
    if not any(one.parts for one in objects):
        return
    place = {one.id: index for index, one in enumerate(objects)}
    leader = list(range(len(objects)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for index, one in enumerate(objects):
        for part in one.parts:
            if part in place:
                low, high = sorted((find(index), find(place[part])))
                leader[high] = low
    members: dict[int, list[int]] = {}
    for index in range(len(objects)):
        members.setdefault(find(index), []).append(index)
    shared = [indices for indices in members.values() if len(indices) > 1]
    shared.sort(key=lambda indices: -min(objects[index].id for index in indices))
    for number, indices in enumerate(shared, 1):
        for index in indices:
            objects[index].group = number
