"""The texts of annotations in CVAT's files."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.cvat import masks
from datumaro.formats.cvat.labels import Declared, track_of
from datumaro.formats.cvat.shapes import CORNERS
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows
from datumaro.formats.xml_files import escape_attribute, escape_text
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text

_CACHED = 1 << 16

_LABEL, _MASK, _POINTS, _POLYGON, _POLYLINE, _BBOX, _ELLIPSE, _ROTATED, _CUBOID, _SKELETON = map(
    int,
    (
        AnnotationType.label,
        AnnotationType.mask,
        AnnotationType.points,
        AnnotationType.polygon,
        AnnotationType.polyline,
        AnnotationType.bbox,
        AnnotationType.ellipse,
        AnnotationType.rotated_bbox,
        AnnotationType.cuboid_2d,
        AnnotationType.skeleton,
    ),
)
_TAGS = {
    _LABEL: "tag",
    _MASK: "mask",
    _POINTS: "points",
    _POLYGON: "polygon",
    _POLYLINE: "polyline",
    _BBOX: "box",
    _ROTATED: "box",
    _ELLIPSE: "ellipse",
    _CUBOID: "cuboid",
    _SKELETON: "skeleton",
}
_LINES = frozenset({_POINTS, _POLYGON, _POLYLINE})


class ShapeTexts:
    """Makes the texts of annotations."""

    def __init__(self, labels: Declared, context: WriteContext) -> None:
        self._labels, self._context = labels, context
        self._names = [escape_attribute(name) for name in labels.names]
        # (what stands in the tag, the attributes' lines, how many attributes are lost) by label,
        # kind, attributes and whether it is in a track
        self._shared: dict[tuple[int, int, str, bool], tuple[str, str, int]] = {}

    def label_name(self, label: int) -> str:
        """The name of a label that is declared; "" for none."""
        return self._labels.names[label] if 0 <= label < len(self._labels.names) else ""

    def track(self, rows: ChunkRows, row: int) -> int | None:
        """The track that an annotation is of; None for none."""
        text = rows.ann_attributes[row]
        if not text or '"track_id"' not in text or rows.types[row] == _LABEL:
            return None
        return track_of(json_text.decode(text))

    def shape(
        self, rows: ChunkRows, row: int, item_id: str, size: tuple[int, int], frame: int = -1
    ) -> str:
        """An annotation; "" for one that cannot be held, which is counted.

        Parameters
        ----------
        size : of the image: height and width in pixels.
        frame : of a shape in a track.
        """
        kind, label = rows.types[row], rows.labels[row]
        tag = _TAGS.get(kind)
        if tag is None:
            return ""  # counted by the declaration
        if label >= len(self._names) or (label < 0 and label != _NO_LABEL):
            self._context.lost(UNDECLARED, 1, f"item {item_id!r}")
            return ""
        if kind == _MASK and rows.mask(row)[1:] != size:
            self._context.lost("masks that are not of their image's size", 1, f"item {item_id!r}")
            return ""
        in_track = frame >= 0
        given, inside, n_lost = self._of_attributes(kind, label, rows.ann_attributes[row], in_track)
        if n_lost:
            self._context.lost("attributes that labels do not declare", n_lost, f"item {item_id!r}")
        if in_track:
            given = f' frame="{frame}"{given}'
            if rows.ann_ids[row] not in (0, self.track(rows, row)):
                self._context.lost("ids of shapes in tracks", 1, f"item {item_id!r}")
        if kind != _LABEL:
            given += self._place(rows, row, kind, item_id)
            given += f' z_order="{rows.z_orders[row]}"'
        if rows.groups[row]:
            given += f' group_id="{rows.groups[row]}"'
        if kind == _SKELETON:
            inside = self._elements(rows, row, item_id) + inside
        return f"    <{tag}{given}>\n{inside}    </{tag}>\n"

    # --- attributes -------------------------------------------------------------------------------

    def _of_attributes(
        self, kind: int, label: int, text: str, in_track: bool
    ) -> tuple[str, str, int]:
        key = kind, label, text, in_track
        found = self._shared.get(key)
        if found is None:
            if len(self._shared) >= _CACHED:
                self._shared.clear()
            found = self._shared[key] = self._made(kind, label, text, in_track)
        return found

    def _made(self, kind: int, label: int, text: str, in_track: bool) -> tuple[str, str, int]:
        attributes = json_text.decode(text)
        given = ""
        if not in_track:
            given = f' label="{self._names[label] if label >= 0 else ""}" source="manual"'
        if kind != _LABEL:
            given += f' occluded="{_taken(attributes, "occluded", default=False)}"'
        if in_track:
            attributes.pop("track_id", None)
            given += f' outside="{_taken(attributes, "outside", default=False)}"'
            given += f' keyframe="{_taken(attributes, "keyframe", default=True)}"'
        if kind == _ELLIPSE and isinstance(attributes.get("rotation"), float):
            given += f' rotation="{attributes.pop("rotation")!r}"'
        lines: list[str] = []
        n_lost = 0
        for name, value in attributes.items():
            if value is None or isinstance(value, list | dict):
                continue  # counted by the declaration
            if not self._labels.allows(label, name):
                n_lost += 1
                continue
            lines.append(_attribute(name, value, "      "))
        return given, "".join(lines), n_lost

    # --- places -----------------------------------------------------------------------------------

    def _place(self, rows: ChunkRows, row: int, kind: int, item_id: str) -> str:
        """What says where a shape is."""
        if kind in _LINES:
            points = rows.points(row)
            if kind == _POINTS and any(seen != 2 for seen in rows.visibility(row)):
                self._context.lost("whether points are visible", 1, f"item {item_id!r}")
            return f' points="{_line(points)}"'
        if kind == _BBOX:
            x1, y1, x2, y2 = rows.points(row)
            return f' xtl="{x1:.2f}" ytl="{y1:.2f}" xbr="{x2:.2f}" ybr="{y2:.2f}"'
        if kind == _MASK:
            return _mask(rows, row, item_id)
        if kind == _ELLIPSE:  # the middle of hundredths is on thousandths
            x1, y1, x2, y2 = rows.points(row)
            cx, cy, rx, ry = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
            return f' cx="{cx:.3f}" cy="{cy:.3f}" rx="{rx:.3f}" ry="{ry:.3f}"'
        if kind == _ROTATED:
            cx, cy, w, h, degrees = rows.points(row)
            return (
                f' xtl="{cx - w / 2:.3f}" ytl="{cy - h / 2:.3f}" xbr="{cx + w / 2:.3f}"'
                f' ybr="{cy + h / 2:.3f}" rotation="{degrees:.2f}"'
            )
        if kind == _CUBOID:
            exact = json_text.decode(rows.extra(row)).get("points") or rows.points(row)
            names = [axis + corner for corner in CORNERS for axis in "xy"]
            pairs = zip(names, exact, strict=True)
            return "".join(f' {name}="{value!r}"' for name, value in pairs)
        return ""

    def _elements(self, rows: ChunkRows, row: int, item_id: str) -> str:
        """The points of a skeleton."""
        lines: list[str] = []
        elements: list[dict[str, Any]] = json_text.decode(rows.extra(row)).get("elements", [])
        for element in elements:
            label = element.get("label")
            if label is not None and not 0 <= label < len(self._names):
                self._context.lost(UNDECLARED, 1, f"item {item_id!r}")
                continue
            points: list[float] = element["points"]
            if len(points) != 2:
                what = "elements of skeletons that are not of one point"
                self._context.lost(what, 1, f"item {item_id!r}")
                continue
            seen = element.get("visibility", [2])[0]
            name = self._names[label] if isinstance(label, int) else ""
            attributes: dict[str, Any] = element.get("attributes") or {}
            inside = "".join(
                _attribute(key, value, "        ")
                for key, value in attributes.items()
                if not (value is None or isinstance(value, list | dict))
            )
            lines.append(
                f'      <points label="{name}" source="manual" outside="{int(seen == 0)}" '
                f'occluded="{int(seen == 1)}" points="{_line(points)}">\n{inside}      </points>\n'
            )
        return "".join(lines)


_NO_LABEL = -(2**31)


def _taken(attributes: dict[str, Any], name: str, *, default: bool) -> int:
    """Take a flag out of attributes; what is no flag stays."""
    value = attributes.get(name)
    if not isinstance(value, bool):
        return int(default)
    del attributes[name]
    return int(value)


def _attribute(name: str, value: Any, indent: str) -> str:
    if isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = escape_text(value) if isinstance(value, str) else repr(value)
    return f'{indent}<attribute name="{escape_attribute(name)}">{text}</attribute>\n'


@lru_cache(1024)
def _pattern(n: int) -> str:
    return ";".join(["%.2f,%.2f"] * n)


def _line(points: list[float]) -> str:
    return _pattern(len(points) // 2) % tuple(points)


def _mask(rows: ChunkRows, row: int, item_id: str) -> str:
    try:
        text, (left, top, width, height) = masks.encode(*rows.mask(row))
    except ValueError as error:
        raise UnsupportedContentError(f"item {item_id!r}: a mask is damaged: {error}") from None
    return f' rle="{text}" left="{left}" top="{top}" width="{width}" height="{height}"'
