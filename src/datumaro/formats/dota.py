"""DOTA: oriented boxes in aerial images, by the pixels of their corners.

Definition: https://captain-whu.github.io/DOTA/dataset.html. See docs/formats/dota.md.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import UnsupportedContentError
from datumaro.formats import dataset_meta, dota_lines
from datumaro.formats.appearing_labels import AppearingLabels, sort_labels
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.dota_lines import LineReader, texts
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import find_root, folders, images_by_stem, stem_of, walk
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.model.annotation import AnnotationType
from datumaro.options import option
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table.chunk import Chunk, Content

IMAGES, LABELS = "images", "labelTxt"
ROTATED, POLYGON = "rotated_bbox", "polygon"

_CHUNK_ITEMS = 8192
_NAME = re.compile(r"\S+( \S+)*")


@dataclass(frozen=True, kw_only=True)
class DotaReadOptions(ReadOptions):
    """Options of an import."""

    shape: str = option(
        ROTATED,
        "what the four corners become; polygons keep those that are no rectangle's",
        choices=(ROTATED, POLYGON),
    )


class Dota(Format):
    """Oriented boxes."""

    name = "dota"
    title = "DOTA: oriented boxes in aerial images"
    read_options: ClassVar[type[ReadOptions]] = DotaReadOptions
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (f"*/{LABELS}/**/*.txt", dataset_meta.FILE)
    holds = Capabilities(
        annotations={
            AnnotationType.rotated_bbox: Held(
                label="required", names={"difficulty": (0, 1, 2)}, tolerance=0.02
            )
        },
        becomes={AnnotationType.polygon: AnnotationType.rotated_bbox},
        media_found=True,
        item_names={"imagesource": (None, "GoogleEarth"), "gsd": (None, 0.125)},
        labels="used",
        label_order=False,
        label_pattern=_NAME.pattern,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: ``labelTxt`` in a subset's folder, and no YAML file of classes."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with subsets' folders, and {LABELS} in them")
        subsets = [name for name in folder.folders() if LABELS in folder.folders(name)]
        if not subsets:
            raise Rejected(f"no {LABELS} in the folder of a subset")
        if "data.yaml" in folder.files():
            raise Rejected("data.yaml names the classes: it may be roboflow_yolo_obb")
        for subset in subsets:
            for name in folder.files(f"{subset}/{LABELS}")[:3]:
                if name.endswith(".txt"):
                    head = folder.head(f"{subset}/{LABELS}/{name}", 1024)
                    if head.strip() and not dota_lines.looks_like(head):
                        raise Rejected(f"{LABELS}/{name} has no lines such as '{dota_lines.FORM}'")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets in a folder, or the one whose folder ``path`` is.

        Labels are in the order of their names, or as ``dataset_meta.json`` has them.

        Raises
        ------
        DatasetNotFoundError
            There is no folder ``labelTxt``.
        DatasetImportError
            A line is wrong; the message names file and line.
        """
        root, subsets = _find(path.absolute())
        meta = dataset_meta.find(root, context)
        labels = AppearingLabels(meta.labels if meta else None)
        reader = LineReader(labels, options.shape == POLYGON, context.problem)
        listed = {subset: _listed(root / subset) for subset in subsets}
        context.progress.start(sum(map(len, listed.values())), desc="Reading DOTA")
        chunks: list[Chunk] = []
        done = 0
        for subset, files in listed.items():
            for begin in range(0, len(files), _CHUNK_ITEMS):
                chunks.append(reader.chunk(subset, files[begin : begin + _CHUNK_ITEMS]))
                done += len(chunks[-1])
                context.progress.report_status(done)
        context.progress.finish()
        reader.warn()
        if meta is not None:
            return Content(chunks, meta.categories(labels.categories()))
        chunks, categories = sort_labels(chunks, labels)
        return Content(chunks, categories)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file of lines for each item, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            The name of a label cannot stand in a line.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        require_images(content, "DOTA")
        names = _names(content)
        for subset in content.subset_names():
            check_subset_name(subset)
        files = FileWriter(folder)
        images = ImageJobs(folder, options, context, ".png")
        context.progress.start(len(content), desc="Writing DOTA")
        done = 0
        for chunk in content.chunks:
            rows = ChunkRows(chunk)
            lines = [text.encode() for text in texts(chunk, rows, names, context)]
            paths: list[str] = []
            for item in range(len(rows)):
                item_id, subset = rows.ids[item], rows.subsets[item]
                if escapes(item_id) or escapes(subset):  # asked first: this is done for all
                    join_inside(folder, f"{subset}/{item_id}", what="item id")
                paths.append(f"{subset}/{LABELS}/{item_id}.txt")
                images.add(rows, item, f"{subset}/{IMAGES}")
            files.save_parts(paths, b"".join(lines), list(accumulate(map(len, lines), initial=0)))
            done += len(rows)
            context.progress.report_status(done)
        context.progress.finish()
        if options.save_dataset_meta:
            dataset_meta.save(content.categories, folder, context)
        images.save()


def _names(content: Content) -> list[str]:
    names = content.label_names
    for name in names:
        if not _NAME.fullmatch(name):
            raise UnsupportedContentError(
                f"label {name!r}: DOTA's lines hold words with single spaces between them; rename "
                "the label before export"
            )
    return names


def _find(path: Path) -> tuple[Path, list[str]]:
    """(the folder that has the subsets' folders, the subsets)."""
    if (path / LABELS).is_dir():
        return path.parent, [path.name]
    root = find_root(path, _is_root, f"no {LABELS} in the folder of a subset")
    found = [
        name for name in folders(root) if any((root / name / n).is_dir() for n in (LABELS, IMAGES))
    ]
    return root, found


def _is_root(folder: Path) -> bool:
    return any((folder / name / LABELS).is_dir() for name in folders(folder))


def _listed(folder: Path) -> list[tuple[str, str, str]]:
    """(id, file of lines, image) of a subset's items, by their ids; "" for none."""
    start = os.fspath(folder)
    images = images_by_stem(folder / IMAGES)
    lines = {
        stem_of(name): f"{start}/{LABELS}/{name}"
        for name in walk(f"{start}/{LABELS}")
        if name.endswith(".txt")
    }
    return [(i, lines.get(i, ""), images.get(i, "")) for i in sorted(lines.keys() | images.keys())]
