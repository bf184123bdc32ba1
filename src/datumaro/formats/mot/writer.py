"""Writing a MOT Challenge sequence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from datumaro.formats import dataset_meta, label_lines
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.mot.sequence import (
    ATTRIBUTES,
    FRAMES,
    IMAGES,
    LABELS,
    MAX_FRAME,
    MAX_NUMBER,
    TRUTH,
)
from datumaro.formats.rows import ChunkRows, each_item
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

_BBOX = int(AnnotationType.bbox)
_FRAME = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_MOST_KNOWN = 4096


def write(content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext) -> None:
    """See `datumaro.formats.mot.sequence.MotSeq.write`."""
    require_images(content, "MOT")
    _Writer(content, folder, options, context).write(content)


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.folder, self.options, self.context = folder, options, context
        labels = content.labels
        self.names = [label.name for label in labels]
        others = labels.attributes - ATTRIBUTES - {"score"}
        context.lost("names of attributes of labels", len(others), ", ".join(sorted(others)[:5]))
        own = [label.name for label in labels if label.attributes]
        context.lost("names of attributes of labels", len(own), ", ".join(own[:5]))
        self.frames = _Frames(content, context)
        self.tracks = _Tracks(content, context)
        self.known: dict[str, tuple[int, int, str, str]] = {}  # `told`, of some attributes

    def write(self, content: Content) -> None:
        """Write all files; media last."""
        files = FileWriter(self.folder)
        labels = label_lines.text(self.names, LABELS)
        images = ImageJobs(self.folder, self.options, self.context)
        lines: list[str] = []
        empty: list[int] = []
        for rows, item in each_item(content, self.context.progress, "Writing MOT"):
            frame = self.frames.next()
            before = len(lines)
            self.add_boxes(lines, rows, item, frame)
            images.add(rows, item, IMAGES, f"{frame:06}")
            if len(lines) == before:
                empty.append(frame)
        files.save(TRUTH, "".join(lines).encode())
        files.save(LABELS, labels)
        if self.options.save_dataset_meta:
            dataset_meta.save(content.categories, self.folder, self.context)
        if images.save() < len(content) and empty:
            files.save(FRAMES, "".join(f"{frame:d}\n" for frame in empty).encode())

    def add_boxes(self, lines: list[str], rows: ChunkRows, item: int, frame: int) -> None:
        """Append the lines of an item's boxes."""
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            if rows.types[row] != _BBOX:
                continue
            label = rows.labels[row]
            if label == schema.NO_LABEL:
                label = -2
            elif not 0 <= label < len(self.names):
                self.context.lost(UNDECLARED, 1, f"item {rows.ids[item]!r}")
                continue
            x1, y1, x2, y2 = rows.points(row)
            track, looked_at, seen, loss = self.told(rows.ann_attributes[row])
            if loss:
                self.context.lost(loss, 1, f"item {rows.ids[item]!r}")
            lines.append(
                f"{frame:d},{track},{x1!r},{y1!r},{round(x2 - x1, 2)!r},{round(y2 - y1, 2)!r},"
                f"{looked_at},{label + 1},{seen}\n"
            )

    def told(self, attributes: str) -> tuple[int, int, str, str]:
        """(track, whether to look at it, how much of it is seen, what is lost) of a box."""
        found = self.known.get(attributes)
        if found is None:
            known = json_text.decode(attributes)
            seen, loss = _visibility(known)
            looked_at = int(known.get("ignored") is not True)
            found = self.tracks.number(known.get("track_id")), looked_at, repr(seen), loss
            if len(self.known) < _MOST_KNOWN:  # a track's boxes mostly have the same
                self.known[attributes] = found
        return found


def _visibility(known: dict[str, Any]) -> tuple[float, str]:
    """(how much of a box is seen, what is lost); all of it when its attributes say nothing."""
    seen, hidden = known.get("visibility"), known.get("occluded")
    if isinstance(seen, bool) or not isinstance(seen, int | float):
        loss = "" if seen is None else "visibilities that are no numbers"
        return 0.0 if hidden is True else 1.0, loss
    contradicts = hidden is not None and hidden is not (seen <= 0)
    return float(seen), "occluded, where the visibility says otherwise" if contradicts else ""


class _Frames:
    """The items' numbers of frames: their ids, where these are such and no other item's."""

    def __init__(self, content: Content, context: WriteContext) -> None:
        self._numbers: list[int] = []
        taken: set[int] = set()
        unnumbered: list[str] = []
        for chunk in content.chunks:
            for item_id in chunk.items.column("id").to_pylist():
                number = int(item_id) if _FRAME.fullmatch(item_id) else -1
                if number < 0 or number in taken:
                    number = -1
                    unnumbered.append(item_id)
                taken.add(number)
                self._numbers.append(number)
        what = "ids of items that are no frames' numbers, or another's: they get one"
        context.lost(what, len(unnumbered), ", ".join(map(repr, unnumbered[:5])))
        free = (number for number in range(1, MAX_FRAME) if number not in taken)
        self._numbers = [number if number >= 0 else next(free) for number in self._numbers]
        self._next = iter(self._numbers)

    def next(self) -> int:
        """The number of the next item, in the order of the chunks."""
        return next(self._next)


class _Tracks:
    """Numbers of tracks: their own, where those are such; others get free ones."""

    def __init__(self, content: Content, context: WriteContext) -> None:
        self._numbers: dict[str, int] = {}
        known = {track for chunk in content.chunks for track in _track_ids(chunk)}
        others = sorted({repr(track) for track in known if not _is_number(track)})
        what = "ids of tracks that are no numbers from 1 on: they get one"
        context.lost(what, len(others), ", ".join(others[:5]))
        first = max((track for track in known if _is_number(track)), default=0) + 1
        for number, name in enumerate(others, first):
            self._numbers[name] = number

    def number(self, track: Any) -> int:
        """The number of a track; -1 for none."""
        if _is_number(track):
            return track
        return self._numbers.get(repr(_hashable(track)), -1)


def _track_ids(chunk: Chunk) -> list[Any]:
    boxes = chunk.annotations.column("type").to_numpy() == _BBOX
    texts: list[str] = chunk.annotations.column("attributes").to_pylist()
    stated = dict.fromkeys(
        text
        for text, is_box in zip(texts, boxes.tolist(), strict=True)
        if is_box and "track_id" in text
    )
    tracks = [json_text.decode(text).get("track_id") for text in stated]
    return [_hashable(track) for track in tracks if track is not None]


def _hashable(track: Any) -> Any:
    return track if isinstance(track, bool | int | float | str) else str(track)


def _is_number(track: Any) -> bool:
    return isinstance(track, int) and not isinstance(track, bool) and 0 < track < MAX_NUMBER
