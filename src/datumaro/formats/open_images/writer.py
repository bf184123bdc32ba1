"""Writing a data set as Open Images: tables of all labels, boxes and masks of a subset."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta, image_sizes
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.image_media import image_of
from datumaro.formats.open_images import files as layout, labels
from datumaro.formats.open_images.annotation_rows import AnnotationRows
from datumaro.formats.open_images.files import FLAGS, INFOS
from datumaro.formats.open_images.mask_writer import MaskWriter
from datumaro.formats.open_images.tables import CORNERS
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

_IMAGE_COLUMNS = (
    "ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL",
    "Author", "Title", "OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation",
)  # fmt: skip
_LABEL_COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
_BOX_COLUMNS = (*_LABEL_COLUMNS, "XMin", "XMax", "YMin", "YMax", *FLAGS)
_MASK_COLUMNS = (
    "MaskPath", "ImageID", "LabelName", "BoxID", "BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax",
    "PredictedIoU", "Clicks",
)  # fmt: skip
_LABEL, _BBOX, _MASK = (
    int(kind) for kind in (AnnotationType.label, AnnotationType.bbox, AnnotationType.mask)
)
_TEXT = pa.large_string()
_VERSION = re.compile(r"oidv\d+-")


def write(content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext) -> None:
    """Write ``content`` into ``folder``.

    Raises
    ------
    MediaTypeError
        The media are no images.
    UnsupportedContentError
        A name cannot be written, or a mask is damaged.
    PathOutsideDatasetError
        An item's id leads outside the folder.
    """
    _Writer(content, folder, options, context).write(content)


class _Table:
    """A CSV file that is made when it gets its first rows."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self.columns = path, columns
        self._started = False

    def add(self, n: int, values: dict[str, pa.Array]) -> None:
        """Append rows; columns that are not given are empty."""
        if not n:
            return
        empty = pa.nulls(n, _TEXT)
        table = pa.table({name: values.get(name, empty) for name in self.columns})
        with self.path.open("ab") as file:
            if not self._started:
                file.write((",".join(self.columns) + "\n").encode())
                self._started = True
            file.write(_text(table))


def _text(table: pa.Table) -> bytes:
    """The rows of a table, as plain as they can be."""
    from pyarrow import csv as arrow_csv

    def written(style: str) -> bytes:
        sink = io.BytesIO()
        options = arrow_csv.WriteOptions(include_header=False, quoting_style=style)
        arrow_csv.write_csv(table, sink, options)
        return sink.getvalue()

    try:
        return written("none")
    except pa.ArrowInvalid:  # a text needs quotes
        return written("needed")


class _Tables:
    """The files of a subset."""

    def __init__(self, folder: Path, subset: str) -> None:
        self.images = _Table(folder / f"{subset}-images-with-rotation.csv", _IMAGE_COLUMNS)
        start = f"{subset}-annotations"
        self.labels = _Table(folder / f"{start}-human-imagelabels.csv", _LABEL_COLUMNS)
        self.boxes = _Table(folder / f"{start}-bbox.csv", _BOX_COLUMNS)
        self.masks = _Table(folder / f"{start}-object-segmentation.csv", _MASK_COLUMNS)


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.folder, self.options, self.context = folder, options, context
        self.labels = content.labels
        self.names = [label.name for label in self.labels]
        self.sizes: dict[str, tuple[int, int]] = {}
        self.jobs: list[MediaJob] = []

    def write(self, content: Content) -> None:
        """Write all files; media last."""
        annotations = self.folder / layout.ANNOTATIONS
        annotations.mkdir()
        labels.write(self.labels, content.infos.get(INFOS), annotations, self.context)
        progress = self.context.progress
        progress.start(len(content), desc="Writing Open Images")
        done = 0
        for subset, chunks in content.by_subset().items():
            self.check_subset(subset)
            tables = _Tables(annotations, subset)
            masks = MaskWriter(self.folder / layout.MASKS / subset, self.context)
            for chunk in chunks:
                self.write_chunk(chunk, subset, tables, masks)
                done += len(chunk)
                progress.report_status(done)
        progress.finish()
        if self.sizes:
            text = "# <image name> <height> <width>\n\n" + image_sizes.text(self.sizes)
            (annotations / image_sizes.FILE).write_text(text, "utf-8", newline="\n")
        if self.options.save_dataset_meta:
            dataset_meta.save(content.categories, self.folder, self.context)
        if self.options.save_media:
            store = MediaStore(self.folder, progress, self.context.workers)
            store.save(self.jobs, len(self.jobs))

    def check_subset(self, subset: str) -> None:
        """Refuse a name that could not be read again."""
        check_subset_name(subset)
        join_inside(self.folder, f"{subset}.csv", what="subset name")
        if subset in ("", ".", "..") or _VERSION.match(subset):
            raise UnsupportedContentError(
                f"subset {subset!r} cannot begin the names of files; rename it before export"
            )

    def write_chunk(self, chunk: Chunk, subset: str, tables: _Tables, masks: MaskWriter) -> None:
        """Write some items of a subset."""
        ids, n = chunk.items.column("id"), len(chunk)
        tables.images.add(n, {"ImageID": ids, "Subset": pa.array([subset] * n, _TEXT)})
        rows = AnnotationRows(chunk, len(self.names), self.context)
        chosen = {kind: rows.of_kind(kind) for kind in (_LABEL, _BBOX, _MASK)}
        sizes = self.items(chunk, subset, rows.items[chosen[_BBOX]])
        known = sizes[rows.items[chosen[_BBOX]], 0] > 0
        rows.lost("boxes of images whose size is not known", chosen[_BBOX][~known])
        boxes = chosen[_BBOX][known]
        of_label, of_box = (self.common(rows, of_kind) for of_kind in (chosen[_LABEL], boxes))
        tables.labels.add(len(chosen[_LABEL]), of_label)
        shares = rows.corners(boxes) / sizes[rows.items[boxes]][:, [1, 0, 1, 0]]
        of_box |= {name: pa.array(shares[:, place]) for place, name in enumerate(CORNERS)}
        tables.boxes.add(len(boxes), of_box | rows.flags(boxes))
        if len(chosen[_MASK]):
            of_mask = masks.write(rows, chosen[_MASK], boxes, shares, self.names, sizes)
            tables.masks.add(len(chosen[_MASK]), of_mask)

    def common(self, rows: AnnotationRows, chosen: Array) -> dict[str, pa.Array]:
        """The columns that tables of labels and boxes have."""
        names = pa.array(self.names, _TEXT)
        return {
            "ImageID": rows.chunk.items.column("id").take(pa.array(rows.items[chosen])),
            "LabelName": names.take(pa.array(rows.labels[chosen])),
            "Confidence": rows.scores(chosen),
        }

    def items(self, chunk: Chunk, subset: str, with_boxes: Array) -> Array:
        """Note the images to save and their sizes: int32 [n, 2], zeros where not known.

        Files are only opened for the sizes of images with boxes.
        """
        nothing = schema.annotation_batch(0, {})
        items = ChunkRows(Chunk(chunk.items, nothing, np.zeros(len(chunk) + 1, np.int64),
                                chunk.media))  # fmt: skip
        columns = [chunk.items.column(name).to_numpy() for name in ("height", "width")]
        sizes: Array = np.stack(columns, 1)
        sizes[(sizes <= 0).any(1)] = 0
        for item in np.unique(with_boxes[sizes[with_boxes, 0] == 0]).tolist():
            sizes[item] = items.size(item)
        for item, (item_id, size) in enumerate(zip(items.ids, sizes.tolist(), strict=True)):
            _check_id(item_id)
            source = items.source(item)
            medium = image_of(source, item_id, "open_images")
            if source is not None:
                extension = media_extension(items.path(item), medium, self.options.image_ext)
                name = f"{layout.IMAGES}/{subset}/{item_id}{extension}"
                self.jobs.append(MediaJob(source, name, f"item {item_id!r}"))
            if size[0]:
                before = self.sizes.setdefault(item_id, (size[0], size[1]))
                if before != (size[0], size[1]):
                    raise UnsupportedContentError(
                        f"item {item_id!r} is in several subsets with images of different sizes, "
                        f"and {image_sizes.FILE} holds one; rename the items before export"
                    )
        return sizes


def _check_id(item_id: str) -> None:
    if escapes(item_id):
        join_inside("", item_id, what="item id")
    if "\n" in item_id or "\r" in item_id:
        raise UnsupportedContentError(
            f"item {item_id!r}: the id has a line break, and {image_sizes.FILE} holds one id a "
            "line; rename the item before export"
        )
