"""Writing a MOT Challenge sequence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.formats import dataset_meta, label_lines, number_texts
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
from datumaro.formats.rows import ChunkRows
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

_BBOX = int(AnnotationType.bbox)
_FRAME = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


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
        self.frames = _frames(content, context)
        self.boxes = [_Boxes(chunk) for chunk in content.chunks]
        self.tracks = _Tracks(self.boxes, context)

    def write(self, content: Content) -> None:
        """Write all files; media last."""
        files = FileWriter(self.folder)
        labels = label_lines.text(self.names, LABELS)
        lines: list[str] = []
        filled = np.zeros(len(content), bool)
        progress = self.context.progress
        progress.start(len(content), desc="Writing MOT")
        done = 0
        for chunk, boxes in zip(content.chunks, self.boxes, strict=True):
            self.count_undeclared(chunk, boxes)
            filled[done + boxes.items] = True
            frames = np.array(self.frames[done : done + len(chunk)], np.int64)
            lines += self.lines(chunk, boxes, frames[boxes.items].tolist())
            done += len(chunk)
            progress.report_status(done)
        progress.finish()
        files.save(TRUTH, "".join(lines).encode())
        files.save(LABELS, labels)
        if self.options.save_dataset_meta:
            dataset_meta.save(content.categories, self.folder, self.context)
        empty = np.flatnonzero(~filled).tolist()
        if self.save_images(content) < len(content) and empty:
            files.save(FRAMES, "".join(f"{self.frames[item]:d}\n" for item in empty).encode())

    def count_undeclared(self, chunk: Chunk, boxes: _Boxes) -> None:
        """Leave out boxes of labels that are none."""
        labels = boxes.labels
        bad = (labels != schema.NO_LABEL) & ((labels < 0) | (labels >= len(self.names)))
        if bad.any():
            self.lost(UNDECLARED, bad, chunk, boxes)
            boxes.keep(~bad)

    def lost(self, what: str, bad: Array, chunk: Chunk, boxes: _Boxes) -> None:
        """Count boxes."""
        item_id = chunk.items.column("id")[int(boxes.items[int(np.argmax(bad))])].as_py()
        self.context.lost(what, int(np.count_nonzero(bad)), f"item {item_id!r}")

    def lines(self, chunk: Chunk, boxes: _Boxes, frames: list[int]) -> list[str]:
        """The lines of a chunk's boxes."""
        heads: list[str] = []
        middles: list[str] = []
        tails: list[str] = []
        for code, text in enumerate(boxes.attributes):
            known = json_text.decode(text)
            seen, loss = _visibility(known)
            if loss and (bad := boxes.codes == code).any():
                self.lost(loss, bad, chunk, boxes)
            heads.append(f",{self.tracks.number(known.get('track_id'))},")
            middles.append(f",{int(known.get('ignored') is not True)},")
            tails.append(f",{seen!r}\n")
        classes = np.where(boxes.labels == schema.NO_LABEL, -1, boxes.labels + 1).tolist()
        columns = zip(frames, boxes.codes.tolist(), boxes.places(), classes, strict=True)
        return [
            f"{frame}{heads[code]}{place}{middles[code]}{number}{tails[code]}"
            for frame, code, place, number in columns
        ]

    def save_images(self, content: Content) -> int:
        """Save the images, if the user wants them; how many were there."""
        if not self.options.save_media:
            return 0
        images = ImageJobs(self.folder, self.options, self.context)
        frames = iter(self.frames)
        for chunk in content.chunks:
            rows = ChunkRows(chunk)
            for item in range(len(rows)):
                images.add(rows, item, IMAGES, f"{next(frames):06}")
        return images.save()


class _Boxes:
    """The boxes of a chunk, as columns.

    Attributes
    ----------
    items : int64, the item of each, by its place in the chunk.
    labels : int32, with NO_LABEL.
    attributes : JSON objects, each once.
    codes : int32, which of them each box has.
    """

    def __init__(self, chunk: Chunk) -> None:
        rows = chunk.annotations
        chosen = rows.column("type").to_numpy() == _BBOX
        self.items: Array = np.repeat(np.arange(len(chunk)), np.diff(chunk.offsets))[chosen]
        self.labels: Array = schema.label_values(rows.column("label"))[chosen]
        encoded = rows.column("attributes").filter(pa.array(chosen)).dictionary_encode()
        self.attributes: list[str] = encoded.dictionary.to_pylist()
        self.codes: Array = encoded.indices.to_numpy()
        starts, points = schema.list_parts(rows.column("points"))
        corners = points[starts[:-1][chosen, None] + np.arange(4)]
        # float32 widened shows digits that nobody wrote
        self._corners: Array = corners.astype(float).round(2)

    def keep(self, chosen: Array) -> None:
        """Forget the others."""
        self.items, self.labels = self.items[chosen], self.labels[chosen]
        self.codes, self._corners = self.codes[chosen], self._corners[chosen]

    def places(self) -> list[str]:
        """``x,y,width,height`` of each."""
        starts, ends = self._corners[:, :2], self._corners[:, 2:]
        return number_texts.rows(np.hstack([starts, (ends - starts).round(2)]))


def _visibility(known: dict[str, Any]) -> tuple[float, str]:
    """(how much of a box is seen, what is lost); all of it when its attributes say nothing."""
    seen, hidden = known.get("visibility"), known.get("occluded")
    if isinstance(seen, bool) or not isinstance(seen, int | float):
        loss = "" if seen is None else "visibilities that are no numbers"
        return 0.0 if hidden is True else 1.0, loss
    contradicts = hidden is not None and hidden is not (seen <= 0)
    return float(seen), "occluded, where the visibility says otherwise" if contradicts else ""


def _frames(content: Content, context: WriteContext) -> list[int]:
    """The items' numbers of frames: their ids, where these are such and no other item's."""
    numbers: list[int] = []
    taken: set[int] = set()
    unnumbered: list[str] = []
    for chunk in content.chunks:
        for item_id in chunk.items.column("id").to_pylist():
            number = int(item_id) if _FRAME.fullmatch(item_id) else -1
            if number < 0 or number in taken:
                number = -1
                unnumbered.append(item_id)
            taken.add(number)
            numbers.append(number)
    what = "ids of items that are no frames' numbers, or another's: they get one"
    context.lost(what, len(unnumbered), ", ".join(map(repr, unnumbered[:5])))
    free = (number for number in range(1, MAX_FRAME) if number not in taken)
    return [number if number >= 0 else next(free) for number in numbers]


class _Tracks:
    """Numbers of tracks: their own, where those are such; others get free ones."""

    def __init__(self, boxes: list[_Boxes], context: WriteContext) -> None:
        self._numbers: dict[str, int] = {}
        known = {track for chunk in boxes for track in _track_ids(chunk.attributes)}
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


def _track_ids(attributes: list[str]) -> list[Any]:
    tracks = [json_text.decode(t).get("track_id") for t in attributes if "track_id" in t]
    return [_hashable(track) for track in tracks if track is not None]


def _hashable(track: Any) -> Any:
    return track if isinstance(track, bool | int | float | str) else str(track)


def _is_number(track: Any) -> bool:
    return isinstance(track, int) and not isinstance(track, bool) and 0 < track < MAX_NUMBER
