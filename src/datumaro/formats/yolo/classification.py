"""Ultralytics' classification: a folder for each subset, and in it one for each class.

Definition: https://docs.ultralytics.com/datasets/classify/
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetNotFoundError, UnsupportedContentError
from datumaro.formats.base import Format, ReadContext, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.files import images_below, stem_of
from datumaro.formats.image_media import image_of
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows
from datumaro.formats.yolo import subset_names
from datumaro.formats.yolo.layout import unique_ids
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.media import MediaType
from datumaro.paths import join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

_CHUNK_ITEMS = 1 << 16
_LABEL = int(AnnotationType.label)


class YoloUltralyticsClassification(Format):
    """Images in ``<subset>/<class>``; classes are in the order of their names."""

    name = "yolo_ultralytics_classification"
    title = "YOLO, Ultralytics' layout: a label of each image, by folders"
    always_saves_media = True
    part_of = "imagenet_with_subset_dirs"
    holds = Capabilities(
        annotations={AnnotationType.label: Held(most=1)},
        media_needed=True,
        annotations_needed=True,
        default_subset=subset_names.TRAIN,
        item_ids=r"[^./\\:\0][^/\\:\0]*(/[^./\\:\0][^/\\:\0]*)*",
        label_order=False,
        label_pattern=r"[^./\\\0][^/\\\0]*",
    )

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the images' names. Their sizes are not looked at.

        Raises
        ------
        DatasetNotFoundError
            There are no images in folders of classes.
        """
        found: dict[str, list[str]] = {}
        classes: set[str] = set()
        for subset in _folders(path):
            inner = _folders(path / subset)
            classes.update(inner)
            if inner:
                names = images_below(os.fspath(path / subset))
                found[subset] = [name for name in names if "/" in name]
        if not classes:
            raise DatasetNotFoundError(f"{path}: no folders of classes, such as train/cat")
        labels = sorted(classes)
        index = {label: i for i, label in enumerate(labels)}
        context.progress.start(sum(map(len, found.values())), desc="Reading images")
        chunks: list[Chunk] = []
        for subset, names in found.items():
            ids = unique_ids([stem_of(name.partition("/")[2]) for name in names], names)
            for begin in range(0, len(names), _CHUNK_ITEMS):
                part = slice(begin, begin + _CHUNK_ITEMS)
                numbers = [index[name.partition("/")[0]] for name in names[part]]
                root = f"{os.fspath(path)}/{subset}/"
                paths = [root + name for name in names[part]]
                chunks.append(_chunk(subset, ids[part], paths, numbers))
                context.progress.report_status(sum(map(len, chunks)))
        context.progress.finish()
        return Content(chunks, {AnnotationType.label: LabelCategories.from_iterable(labels)})

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Save the images by their first label, also without the option ``save_media``.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            A label, an id or a subset has a name that no folder or file can have.
        """
        subsets = subset_names.written(content, (), context)
        labels = content.label_names
        for label in labels:
            if not label or "/" in label or "\\" in label or "\0" in label or label[0] == ".":
                raise UnsupportedContentError(
                    f"label {label!r} is no name that a folder of images can have; rename it "
                    "before export"
                )
        for subset in subsets.values():
            for label in labels:
                (folder / subset / label).mkdir(parents=True)
        jobs: list[MediaJob] = []
        for chunk in content.chunks:
            rows = ChunkRows(chunk)
            for item in range(len(rows)):
                found_labels = _labels(rows, item, len(labels), context)
                if not found_labels:
                    continue
                job = self.job(rows, item, labels[found_labels[0]], options)
                if job is None:
                    continue
                name = f"{subsets[rows.subsets[item]]}/{job.destination}"
                join_inside(folder, name, what="item id")
                jobs.append(MediaJob(job.source, name, job.name))
        MediaStore(folder, context.progress, context.workers).save(jobs, len(jobs))

    def job(self, rows: ChunkRows, item: int, label: str, options: Any) -> MediaJob | None:
        """What saves an item's image below its subset's folder; None when it has none."""
        item_id = rows.ids[item]
        source = rows.source(item)
        if source is None:
            return None
        medium = image_of(source, item_id, self.name)
        if any(part.startswith(".") or not part for part in item_id.split("/")):
            raise UnsupportedContentError(
                f"item {item_id!r}: names that begin with a dot, or are empty, are not read as "
                "images; rename the item before export"
            )
        extension = media_extension(rows.path(item), medium, options.image_ext)
        return MediaJob(source, f"{label}/{item_id}{extension}", f"item {item_id!r}")


def _labels(rows: ChunkRows, item: int, n_labels: int, context: WriteContext) -> list[int]:
    annotations = range(rows.offsets[item], rows.offsets[item + 1])
    labels = [rows.labels[row] for row in annotations if rows.types[row] == _LABEL]
    known = [label for label in labels if 0 <= label < n_labels]
    context.lost(UNDECLARED, len(labels) - len(known), f"item {rows.ids[item]!r}")
    return known


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.name[0] != "." and e.is_dir())


def _chunk(subset: str, ids: list[str], paths: list[str], labels: list[int]) -> Chunk:
    text, n = pa.large_string(), len(ids)
    items = {
        "id": pa.array(ids, text),
        "subset": schema.constant_dictionary(subset, n),
        "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
        "path": pa.array(paths, text),
    }
    annotations = {
        "type": schema.primitive(np.full(n, _LABEL, np.uint8), pa.uint8()),
        "label": schema.labels(np.array(labels, np.int32)),
    }
    return Chunk(
        schema.item_batch(n, items), schema.annotation_batch(n, annotations), np.arange(n + 1)
    )
