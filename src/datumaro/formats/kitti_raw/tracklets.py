"""Reading and writing ``tracklet_labels.xml``: objects, each with its poses in successive frames.

The file is an archive of Boost's serialization library, as the development kit of KITTI's raw data
writes it (``matlab/readTracklets.m``, ``cpp/tracklets.h``). Beside that, objects and poses may have
``<attributes>``, as CVAT and Datumaro write them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from datumaro.errors import DatasetImportError, InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats import number_texts
from datumaro.formats.files import read_file
from datumaro.formats.kitti_raw.files import MAX_FRAME
from datumaro.formats.xml_files import parse_xml
from datumaro.kernels import kitti_tracklets
from datumaro.table.schema import Array

_LOST = re.compile("[\0-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_MAX_BYTES = 1 << 26
_MAX_NUMBER = 1e9
_HIDDEN = (1, 2)  # occlusion: partly, fully
_UNSET, _VISIBLE = -1, 0
_OUT_OF_IMAGE, _BEHIND = 2, 99  # truncation
_INTERPOLATED, _LABELED = 1, 2  # state
# what the published Datumaro writes under Python 3.11 and newer instead of the number
_WORDS = {
    "OcclusionStates.OCCLUSION_UNSET": _UNSET,
    "OcclusionStates.VISIBLE": _VISIBLE,
    "OcclusionStates.PARTLY": 1,
    "OcclusionStates.FULLY": 2,
    "TruncationStates.TRUNCATION_UNSET": _UNSET,
    "TruncationStates.IN_IMAGE": 0,
    "TruncationStates.TRUNCATED": 1,
    "TruncationStates.OUT_IMAGE": _OUT_OF_IMAGE,
    "TruncationStates.BEHIND_IMAGE": _BEHIND,
}

Problem = Callable[[DatasetImportError], None]
Numbers = tuple[float, float, float]


@dataclass(slots=True)
class Pose:
    """Where an object is in a frame.

    Attributes
    ----------
    position : metres. rotation : radians about x, y and z.
    """

    frame: int
    position: Numbers
    rotation: Numbers
    occluded: bool = False
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Tracklet:
    """An object through time.

    Attributes
    ----------
    size : height, width, length in metres.
    poses : by frame; frames in which it is out of the image may be missing.
    line : where its label stands in the file.
    """

    label: str
    size: Numbers
    poses: list[Pose]
    line: int = 0


# --- reading ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Poses:
    """The poses of all objects in which they are in the image, object after object.

    Attributes
    ----------
    objects : (label, size, line) of each; the label is "" where the object is damaged.
    owners : int64 [n], the object of each pose.
    frames : int64 [n].
    places : float64 [n, 6], position in metres and rotation in radians.
    occluded : uint8 [n].
    attributes : the other attributes of some of them, by pose.
    """

    objects: list[tuple[str, Numbers, int]]
    owners: Array
    frames: Array
    places: Array
    occluded: Array
    attributes: dict[int, dict[str, Any]]


def read(path: Path, problem: Problem) -> Poses:
    """All objects of a file, with the poses in which they are in the image.

    Parameters
    ----------
    problem : is told of objects and poses that are damaged, and left out when it returns. Of an
        object that is left out no pose is given, but its place among the others is kept.

    Raises
    ------
    MalformedFileError
        It is not whole XML, has entities, is no archive of tracklets, or is too large.
    """
    data = read_file(os.fspath(path), _MAX_BYTES)
    if data is None:
        raise MalformedFileError(path, "", "no such file", "tracklets")
    if len(data) > _MAX_BYTES:
        raise MalformedFileError(path, "", f"more than {_MAX_BYTES} bytes", "a smaller file")
    usual = kitti_tracklets.read(data, _MAX_NUMBER, MAX_FRAME)
    if usual is not None:
        found, frames, places, occluded = usual
        ends = np.array([end for *_, end in found], np.int64)
        owners = np.repeat(np.arange(len(found)), np.diff(ends, prepend=0))
        objects = [(label, (h, w, length), line) for label, line, h, w, length, _ in found]
        return Poses(objects, owners, frames, places, occluded, {})
    root = parse_xml(data, os.fspath(path), doctype="boost_serialization")
    tracklets = root.find("tracklets") if root.tag == "boost_serialization" else None
    if tracklets is None:
        raise MalformedFileError(
            path, "line 1", f"<{root.tag}>", "<boost_serialization> with <tracklets> in it"
        )
    reader = _Reader(path, problem)
    return _columns([reader.tracklet(item) for item in tracklets.iterchildren("item")])


def _columns(tracklets: list[Tracklet]) -> Poses:
    poses = [pose for tracklet in tracklets for pose in tracklet.poses]
    counts = [len(tracklet.poses) for tracklet in tracklets]
    places = [(*pose.position, *pose.rotation) for pose in poses]
    return Poses(
        [(tracklet.label, tracklet.size, tracklet.line) for tracklet in tracklets],
        np.repeat(np.arange(len(tracklets)), np.array(counts, np.int64)),
        np.array([pose.frame for pose in poses], np.int64),
        np.array(places, np.float64).reshape(-1, 6),
        np.array([pose.occluded for pose in poses], np.uint8),
        {row: pose.attributes for row, pose in enumerate(poses) if pose.attributes},
    )


class _Reader:
    def __init__(self, path: Path, problem: Problem) -> None:
        self.path, self.problem = path, problem

    def tracklet(self, item: Any) -> Tracklet:
        """An object; without poses where it is damaged."""
        texts = _texts(item)
        line = item.sourceline
        try:
            label = texts.get("objectType", "").strip(" \t\r\n")
            if not label:
                raise self.error(line, "no <objectType>", "a label")
            size = self.numbers(texts, ("h", "w", "l"), line)
            first = self.integer(texts, "first_frame", line)
            if not 0 <= first <= MAX_FRAME:
                raise self.error(line, f"first_frame {first}", f"0 to {MAX_FRAME}")
        except InvalidAnnotationInFileError as error:
            self.problem(error)
            return Tracklet("", (0, 0, 0), [], line)
        attributes = _attributes(item.find("attributes"))
        return Tracklet(label, size, list(self.poses(item, first, attributes)), line)

    def poses(self, item: Any, first: int, common: dict[str, Any]) -> Iterator[Pose]:
        """The poses of an object in which it is in the image."""
        parent = item.find("poses")
        occluded = False  # as the last key frame says
        for frame, pose in enumerate(() if parent is None else parent.iterchildren("item"), first):
            texts = _texts(pose)
            line = pose.sourceline
            try:
                if frame > MAX_FRAME:
                    raise self.error(line, f"frame {frame}", f"frames up to {MAX_FRAME}")
                occlusion = self.integer(texts, "occlusion", line, _UNSET)
                if occlusion != _UNSET:
                    now = occlusion in _HIDDEN
                    if self.integer(texts, "occlusion_kf", line, 0) == 1:
                        occluded = now
                else:
                    now = occluded
                if self.integer(texts, "truncation", line, 0) in (_OUT_OF_IMAGE, _BEHIND):
                    continue
                place = self.numbers(texts, ("tx", "ty", "tz"), line)
                turn = self.numbers(texts, ("rx", "ry", "rz"), line)
            except InvalidAnnotationInFileError as error:
                self.problem(error)
                continue
            attributes = common | _attributes(pose.find("attributes"))
            yield Pose(frame, place, turn, now, attributes)

    def numbers(self, texts: dict[str, str], names: tuple[str, str, str], line: int) -> Numbers:
        """Three numbers."""
        values: list[float] = []
        for name in names:
            text = texts.get(name, "")
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not abs(value) <= _MAX_NUMBER:
                found = f"<{name}> {text[:40]!r}" if name in texts else f"no <{name}>"
                raise self.error(line, found, f"a number up to {_MAX_NUMBER:.0e}")
            values.append(value)
        return values[0], values[1], values[2]

    def integer(
        self, texts: dict[str, str], name: str, line: int, default: int | None = None
    ) -> int:
        """An integer; ``default`` where there is none."""
        text = texts.get(name, "").strip(" \t\r\n")
        if not text and default is not None:
            return default
        if text in _WORDS:
            return _WORDS[text]
        try:
            if len(text) > 12:
                raise ValueError
            return int(text)
        except ValueError:
            found = f"<{name}> {text[:40]!r}" if name in texts else f"no <{name}>"
            raise self.error(line, found, "an integer") from None

    def error(self, line: int, found: str, expected: str) -> InvalidAnnotationInFileError:
        """What is wrong in a line."""
        return InvalidAnnotationInFileError(self.path, f"line {line}", found, expected)


def _texts(element: Any) -> dict[str, str]:
    """{tag: text} of the elements in one."""
    return {child.tag: child.text or "" for child in element}


def _attributes(element: Any) -> dict[str, Any]:
    """Free attributes: {name: value}."""
    if element is None:
        return {}
    found: dict[str, Any] = {}
    for attribute in element.iterchildren("attribute"):
        texts = _texts(attribute)
        if texts.get("name"):
            found[texts["name"]] = _value(texts.get("value", ""))
    return found


def _value(text: str) -> Any:
    """A value from its text: true and false, numbers, or the text."""
    if text in ("true", "false"):
        return text == "true"
    if len(text) > 32 or not text.isascii() or "_" in text or text != text.strip():
        return text
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else text
    return text


# --- writing ------------------------------------------------------------------------------------

_START = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<!DOCTYPE boost_serialization>
<boost_serialization version="9" signature="serialization::archive">
<tracklets version="0" tracking_level="0" class_id="0">
  <count>{count}</count>
  <item_version>1</item_version>
"""
_END = "</tracklets>\n</boost_serialization>\n"
_TRACKLET = """  <item{versions}>
    <objectType>{label}</objectType>
    <h>{size[0]!r}</h>
    <w>{size[1]!r}</w>
    <l>{size[2]!r}</l>
    <first_frame>{first}</first_frame>
    <poses{pose_versions}>
      <count>{count}</count>
      <item_version>2</item_version>
"""
_FIRST_POSE = '      <item version="2" tracking_level="0" class_id="3">'
_PLACE = """
        <tx>%s</tx>
        <ty>%s</ty>
        <tz>%s</tz>
        <rx>%s</rx>
        <ry>%s</ry>
        <rz>%s</rz>
"""
_TRACKLET_END = "    </poses>\n    <finished>1</finished>\n  </item>\n"


@dataclass(slots=True)
class Track:
    """An object to write.

    Attributes
    ----------
    size : height, width, length in metres.
    poses : (frame, row of its place, whether it is occluded, other attributes), by frame.
    """

    label: str
    size: list[float]
    poses: list[tuple[int, int, bool, dict[str, Any]]]


def text(tracks: list[Track], places: Array) -> str:
    """The file's content. Frames between an object's poses get poses out of the image.

    Names and values must be such as XML can hold: see `holds_text`.

    Parameters
    ----------
    places : float64 [n, 6], position in metres and rotation in radians.
    """
    parts = [_START.format(count=len(tracks))]
    rows = [row for track in tracks for _, row, _, _ in track.poses]
    numbers = iter(number_texts.texts(places[rows]))
    for number, track in enumerate(tracks):
        # Boost describes each class where it is first met
        versions = ' version="1" tracking_level="0" class_id="1"' if not number else ""
        pose_versions = ' version="0" tracking_level="0" class_id="2"' if not number else ""
        first, last = track.poses[0][0], track.poses[-1][0]
        parts.append(
            _TRACKLET.format(
                versions=versions,
                label=escape(track.label),
                size=track.size,
                first=first,
                pose_versions=pose_versions,
                count=last - first + 1,
            )
        )
        before, place = first, ""
        for frame, _, occluded, attributes in track.poses:
            # where it was, out of the image
            parts += [f"      <item>{place}{_ABSENT_END}"] * (frame - before - 1)
            head = "      <item>" if place or number else _FIRST_POSE
            place = _PLACE % tuple(islice(numbers, 6))
            parts += (head, place, _end_of(occluded, attributes))
            before = frame
        parts.append(_TRACKLET_END)
    parts.append(_END)
    return "".join(parts)


def _end_of(occluded: bool, attributes: dict[str, Any]) -> str:
    """What stands behind the place of a pose that is in the image."""
    if not attributes:
        return _HIDDEN_END if occluded else _SEEN_END
    texts = "".join(
        f"          <attribute><name>{escape(name)}</name>"
        f"<value>{escape(_value_text(value))}</value></attribute>\n"
        for name, value in attributes.items()
    )
    state = _state(_LABELED, int(occluded), 1, 0)
    return f"{state}        <attributes>\n{texts}        </attributes>\n      </item>\n"


def _state(state: int, occlusion: int, key: int, truncation: int) -> str:
    return f"""        <state>{state}</state>
        <occlusion>{occlusion}</occlusion>
        <occlusion_kf>{key}</occlusion_kf>
        <truncation>{truncation}</truncation>
        <amt_occlusion>-1</amt_occlusion>
        <amt_border_l>-1</amt_border_l>
        <amt_border_r>-1</amt_border_r>
        <amt_occlusion_kf>-1</amt_occlusion_kf>
        <amt_border_kf>-1</amt_border_kf>
"""


_SEEN_END, _HIDDEN_END, _ABSENT_END = (
    _state(*states) + "      </item>\n"
    for states in (
        (_LABELED, 0, 1, 0),
        (_LABELED, 1, 1, 0),
        (_INTERPOLATED, _UNSET, 0, _OUT_OF_IMAGE),
    )
)


def _value_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def holds_text(text: str) -> bool:
    """Whether a text comes back from XML as it is: it has no control characters, nor halves."""
    return _LOST.search(text) is None
