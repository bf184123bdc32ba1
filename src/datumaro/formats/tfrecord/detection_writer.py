"""Writing TFRecord files for TensorFlow's Object Detection API."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datumaro.errors import UnsupportedContentError
from datumaro.formats import index_masks
from datumaro.formats.base import WriteContext
from datumaro.formats.image_media import image_source, require_images
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows
from datumaro.formats.tfrecord import label_map
from datumaro.formats.tfrecord.example import Feature, encode
from datumaro.formats.tfrecord.framing import write_record
from datumaro.formats.tfrecord.tf_detection_api import (
    LABEL_MAP,
    TfDetectionApiWriteOptions,
    subset_of,
)
from datumaro.kernels import rle
from datumaro.media_store import MediaJob, media_contents, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.image_codec import same_kind
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content
from datumaro.table.schema import Array

_BBOX, _MASK = int(AnnotationType.bbox), int(AnnotationType.mask)
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_MAX_SIDE = 1 << 24  # pixels of an image whose masks are painted

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Object:
    """An object of an image.

    Attributes
    ----------
    box : x1, y1, x2, y2 in pixels.
    label : index; `schema.NO_LABEL` for none.
    mask : its mask's row; -1 for none.
    """

    box: Box
    label: int
    mask: int = -1


def write(
    content: Content, folder: Path, options: TfDetectionApiWriteOptions, context: WriteContext
) -> None:
    """Write a file for each subset, and the label map.

    Raises
    ------
    UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
        A name cannot be written, or the media are no images.
    DatasetExportError
        An image cannot be read or encoded.
    """
    require_images(content, "tf_detection_api")
    for subset in content.subset_names():
        check_subset_name(subset)
        if subset_of(f"{subset}.tfrecord") != subset:
            raise UnsupportedContentError(
                f"subset {subset!r}: its file would be taken for a part of another's; rename it"
            )
    writer = DetectionWriter(content, folder, options, context)
    writer.write(lambda subset: f"{subset}.tfrecord")
    if writer.labels:
        writer.write_label_map(LABEL_MAP)


class DetectionWriter:
    """Writes files of records.

    Parameters
    ----------
    source_ids : whether items without the attribute ``source_id`` get it, which then is their id.

    Attributes
    ----------
    labels : by index.

    Raises
    ------
    UnsupportedContentError
        The name of a label is empty.
    """

    def __init__(
        self,
        content: Content,
        folder: Path,
        options: TfDetectionApiWriteOptions,
        context: WriteContext,
        *,
        source_ids: bool = True,
    ) -> None:
        self.content, self.folder = content, folder
        self.options, self.context = options, context
        self.source_ids = source_ids
        self.labels = content.label_names
        if not all(self.labels):
            raise UnsupportedContentError("a label's name is empty; rename it before export")

    def write(self, name_of: Callable[[str], str]) -> None:
        """Write a file of records for each subset.

        Parameters
        ----------
        name_of : the file of a subset, relative to the folder; the folder that it is in exists.
        """
        progress = self.context.progress
        progress.start(len(self.content), desc="Writing TFRecord files")
        done = 0
        for subset, chunks in self.content.by_subset().items():
            rows = [ChunkRows(chunk) for chunk in chunks]
            jobs = [job for chunk in rows for job in self.jobs(chunk)]
            given = (job for job in jobs if job is not None)
            with (
                (self.folder / name_of(subset)).open("wb") as file,
                media_contents(given, self.context.workers) as contents,
            ):
                waiting = iter(jobs)
                for chunk in rows:
                    for item in range(len(chunk)):
                        image = next(contents) if next(waiting) is not None else None
                        write_record(file, encode(self.features(chunk, item, image)))
                        done += 1
                        if not done % 1000:
                            progress.report_status(done)
        progress.finish()

    def write_label_map(
        self, name: str, text_of: Callable[[Mapping[int, str]], str] = label_map.text
    ) -> None:
        """Write a label map.

        Parameters
        ----------
        name : relative to the folder.
        text_of : its text, by the labels' ids.
        """
        text = text_of(dict(enumerate(self.labels, 1)))
        (self.folder / name).write_text(text, "utf-8", newline="\n")

    def jobs(self, chunk: ChunkRows) -> Iterator[MediaJob | None]:
        """The image of each item; None for those without one, or all, when none are saved."""
        for item, item_id in enumerate(chunk.ids):
            source = image_source(chunk, item, self.context) if self.options.save_media else None
            name = f"item {item_id!r}"
            yield None if source is None else MediaJob(source, self.filename(chunk, item), name)

    def filename(self, chunk: ChunkRows, item: int) -> str:
        """The name of an item's image."""
        medium = chunk.medium(item)
        extension = media_extension(chunk.path(item), medium, self.options.image_ext)
        name = chunk.ids[item] + extension
        join_inside(self.folder, name, what="item id")
        return name

    def features(self, chunk: ChunkRows, item: int, image: bytes | None) -> dict[str, Feature]:
        """An item as features."""
        item_id = chunk.ids[item]
        example = f"item {item_id!r}"
        name = self.filename(chunk, item)
        made: dict[str, Feature] = {
            "image/filename": [name.encode()],
            "image/encoded": [image or b""],
            "image/format": [_format_of(name).encode() if image else b""],
        }
        default = item_id if self.source_ids else None
        source = json_text.decode(chunk.attributes[item]).get("source_id", default)
        if source is not None:
            if not isinstance(source, str):
                self.context.lost("source ids that are no text (they become text)", 1, example)
            made["image/source_id"] = [str(source).encode()]
        if image:
            made["image/key/sha256"] = [hashlib.sha256(image).hexdigest().encode()]
        height, width = chunk.size(item)
        if height and width:
            made["image/height"], made["image/width"] = [height], [width]
            made |= self.objects(chunk, item, height, width)
        else:
            n = sum(
                kind in (_BBOX, _MASK)
                for kind in chunk.types[chunk.offsets[item] : chunk.offsets[item + 1]]
            )
            self.context.lost("annotations of images whose size is not known", n, example)
        return made

    # --- objects ------------------------------------------------------------------------------

    def objects(self, chunk: ChunkRows, item: int, height: int, width: int) -> dict[str, Feature]:
        """An item's boxes and masks as features."""
        example = f"item {chunk.ids[item]!r}"
        rows = range(chunk.offsets[item], chunk.offsets[item + 1])
        boxes = [row for row in rows if chunk.types[row] == _BBOX]
        of_group: dict[tuple[int, int], list[int]] = {}
        for row in reversed(boxes):
            of_group.setdefault((chunk.groups[row], chunk.labels[row]), []).append(row)
        found: list[tuple[int, _Object]] = []
        images: dict[int, Array] = {}
        taken: set[int] = set()
        for row in rows:
            if chunk.types[row] != _MASK or not self.options.save_masks:
                continue
            painted = self.painted(chunk, row, height, width, example)
            if painted is None:
                continue
            images[row] = painted
            same = (
                of_group.get((chunk.groups[row], chunk.labels[row])) if chunk.groups[row] else None
            )
            if same:
                box = same.pop()
                taken.add(box)
                found.append((row, _Object(_box(chunk.points(box)), chunk.labels[row], row)))
            else:
                found.append((row, _Object(_bounds(painted), chunk.labels[row], row)))
        for row in boxes:
            if row not in taken:
                found.append((row, _Object(_box(chunk.points(row)), chunk.labels[row])))
        objects = [one for _, one in sorted(found, key=lambda pair: pair[0])]
        objects = [one for one in objects if self.is_declared(one, example)]
        if not objects:
            return {}
        sides = (width, height, width, height)
        made: dict[str, Feature] = {
            f"image/object/bbox/{edge}": [one.box[i] / sides[i] for one in objects]
            for i, edge in enumerate(_EDGES)
        }
        made["image/object/class/label"] = [
            0 if one.label == schema.NO_LABEL else one.label + 1 for one in objects
        ]
        made["image/object/class/text"] = [
            b"" if one.label == schema.NO_LABEL else self.labels[one.label].encode()
            for one in objects
        ]
        if images:
            empty = np.zeros((height, width), np.int32)
            made["image/object/mask"] = [
                index_masks.encode(images.get(one.mask, empty), None) for one in objects
            ]
        return made

    def is_declared(self, one: _Object, example: str) -> bool:
        """Whether an object's label has a name."""
        known = one.label == schema.NO_LABEL or 0 <= one.label < len(self.labels)
        if not known:
            self.context.lost(UNDECLARED, 1, example)
        return known

    def painted(
        self, chunk: ChunkRows, row: int, height: int, width: int, example: str
    ) -> Array | None:
        """A mask's pixels, int32 [height, width]; None where it has none, or another size."""
        counts, mask_height, mask_width = chunk.mask(row)
        if (mask_height, mask_width) != (height, width) or max(height, width) > _MAX_SIDE:
            self.context.lost("masks of another size than their image", 1, example)
            return None
        canvas = np.zeros(height * width, np.int32)
        if rle.paint(canvas, counts, 1) <= 0:
            self.context.lost("masks without pixels", 1, example)
            return None
        return np.ascontiguousarray(canvas.reshape(width, height).T)


def _box(points: list[float]) -> Box:
    x1, y1, x2, y2 = points
    return x1, y1, x2, y2


def _bounds(pixels: Array) -> Box:
    """The box of all pixels that are not 0."""
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1]) + 1, float(rows[-1]) + 1


def _format_of(name: str) -> str:
    """What TensorFlow calls the kind of image that a file's name says."""
    extension = "." + name.rpartition(".")[2].lower()
    return "jpeg" if same_kind(extension, ".jpg") else extension[1:]
