"""Images in folders that are named as their labels. See docs/formats/imagenet.md."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from datumaro.errors import DatasetNotFoundError, UnsupportedContentError
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.files import is_image, item_ids
from datumaro.formats.image_media import image_of
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaType
from datumaro.options import option
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

NO_LABEL = "no_label"
_CHUNK_ITEMS = 1 << 16
_LABEL = int(AnnotationType.label)
_SUBSETS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_OTHERS = frozenset({"labels", "images", "annotations", "instances"})
_CLUTTER = frozenset({"__MACOSX", "__MSOSX"})

_HOLDS = Capabilities(
    annotations={AnnotationType.label: Held(label="required", most=1)},
    media_needed=True,
    item_ids=r"[^/:\\]*[^/:\\.][^/:\\]*",
    nested_ids=False,
    unlabelled_id=NO_LABEL,
    labels="used",
    label_order=False,
)


@dataclass(frozen=True, kw_only=True)
class ImagenetReadOptions(ReadOptions):
    """Options of an import."""

    subset: str = option(DEFAULT_SUBSET_NAME, "the subset that the items get", metavar="NAME")


class Imagenet(Format):
    """A folder for each label, with the images that have it.

    An item's id is ``<label>:<name of the file without extension>``.
    """

    name = "imagenet"
    title = "Images in folders named as their labels (image-net.org, torchvision's ImageFolder)"
    always_saves_media = True
    holds = replace(_HOLDS, subsets=False)
    read_options: ClassVar[type[ReadOptions]] = ImagenetReadOptions

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: folders of images, and nothing else."""
        names = _label_folders_of(folder, "")
        if all(name.lower() in _SUBSETS for name in names):
            raise Rejected(f"its folders are named as subsets are ({', '.join(names[:3])})")
        _check_folders(folder, names)
        return Confidence.EXTREME_LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the images of a folder and of the folders in it. Their sizes are not looked at.

        Raises
        ------
        DatasetNotFoundError
            There are no images.
        """
        return _read([(options.subset, _existing(path))], path, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Save the images as ``<label>/<name>``, also without the option ``save_media``.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            A label's name cannot be that of a folder.
        """
        _write(content, folder, "", options, context)


class ImagenetWithSubsetDirs(Format):
    """The same in a folder for each subset."""

    name = "imagenet_with_subset_dirs"
    title = "Images in folders named as their labels, in a folder for each subset"
    always_saves_media = True
    holds = _HOLDS

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: folders of folders of images, and nothing else."""
        names = _label_folders_of(folder, "")
        other = next((name for name in names if name.lower() not in _SUBSETS), None)
        if other is not None:
            raise Rejected(f"a folder {other!r}; expected train, val, test")
        inner = [f"{name}/{label}" for name in names for label in _label_folders_of(folder, name)]
        _check_folders(folder, inner)
        return Confidence.EXTREME_LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the images of each folder in a folder, each a subset."""
        root = _existing(path)
        with os.scandir(root) as entries:
            names = sorted(e.name for e in entries if not _passed_over(e.name) and _is_folder(e))
        return _read([(name, f"{root}/{name}") for name in names], path, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Save the images as ``<subset>/<label>/<name>``; as `Imagenet.write`."""
        for subset in content.subset_names():
            check_subset_name(subset)
            join_inside(folder, subset, what="subset name")
            if subset in (".", "..") or _passed_over(subset):
                raise UnsupportedContentError(
                    f"subset {subset!r} cannot be the name of a folder; rename it before export"
                )
        _write(content, folder, "{subset}/", options, context)


# --- detection ----------------------------------------------------------------------------------


def _label_folders_of(folder: Folder, relative: str) -> list[str]:
    """The folders in a folder that has but images beside them."""
    if folder.is_file:
        raise Rejected("a file; expected a folder with a folder for each label")
    where = f"{relative!r} has " if relative else ""
    names = [name for name in folder.folders(relative) if not _passed_over(name)]
    if not names:
        raise Rejected(f"{where}no folders; expected one for each label")
    files = [name for name in folder.files(relative) if not name.startswith(".")]
    other = next((name for name in files if not is_image(name)), None)
    if other is not None:
        raise Rejected(f"{where}{other!r}, which is no image; expected nothing but images")
    for name in names:
        if name.lower() in _OTHERS:
            raise Rejected(f"{where}a folder {name!r}, as other formats have")
    return names


def _check_folders(folder: Folder, names: list[str], most: int = 4) -> None:
    """Look into the first of the labels' folders."""
    images = 0
    for name in names[:most]:
        files = [file for file in folder.files(name) if not file.startswith(".")]
        other = next((file for file in files if not is_image(file)), None)
        if other is not None:
            raise Rejected(f"{name + '/' + other!r} is no image; expected nothing but images")
        if any(inner.lower() in _OTHERS for inner in folder.folders(name)):
            raise Rejected(f"{name!r} has folders as other formats have")
        images += len(files) + len(folder.folders(name))
    if not images:
        raise Rejected("there are no images")


# --- reading ------------------------------------------------------------------------------------


class _LabelFolder(NamedTuple):
    """The images of a label in a subset; the label is "" for none."""

    subset: str
    label: str
    path: str
    names: list[str]


def _existing(path: Path) -> str:
    if not path.is_dir():
        raise DatasetNotFoundError(f"{path}: not a folder with a folder for each label")
    return os.fspath(path)


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in _CLUTTER


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _label_folders(subset: str, root: str, labels: set[str]) -> Iterator[_LabelFolder]:
    """All folders below a root, each listed once, by their names; ``labels`` gets their names."""
    waiting = [("", root)]
    while waiting:
        relative, path = waiting.pop()
        names: list[str] = []
        folders: list[str] = []
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if is_image(name) and not name.startswith("._"):  # those are macOS's
                    names.append(name)
                elif not _passed_over(name) and _is_folder(entry):
                    folders.append(name)
        names.sort()
        folders.sort(reverse=True)
        waiting += [(f"{relative}/{name}" if relative else name, f"{path}/{name}")
                    for name in folders]  # fmt: skip
        label = "" if relative in ("", NO_LABEL) else relative
        if label:
            labels.add(label)
        if names:
            yield _LabelFolder(subset, label, path, names)


def _read(roots: list[tuple[str, str]], path: Path, context: ReadContext) -> Content:
    found: set[str] = set()
    folders = [folder for subset, root in roots for folder in _label_folders(subset, root, found)]
    total = sum(len(folder.names) for folder in folders)
    if not total:
        raise DatasetNotFoundError(f"{path}: there are no images in folders named as labels")
    labels = LabelCategories()
    for name in sorted(found):
        parent = name.rpartition("/")[0]
        labels.add(name, parent if parent in found else "")
    index = {label.name: number for number, label in enumerate(labels)}
    context.progress.start(total, desc="Reading images")
    chunks: list[Chunk] = []
    part = _Part()
    done = 0
    for folder in folders:
        if part.ids and (part.subset != folder.subset or len(part.ids) >= _CHUNK_ITEMS):
            chunks.append(part.chunk())
            part = _Part()
            context.progress.report_status(done)
        part.add(folder, index.get(folder.label, schema.NO_LABEL))
        done += len(folder.names)
    chunks.append(part.chunk())
    context.progress.report_status(done)
    context.progress.finish()
    return Content(chunks, {AnnotationType.label: labels})


class _Part:
    """Items that become a chunk: of one subset, some labels' folders."""

    def __init__(self) -> None:
        self.subset = ""
        self.ids: list[str] = []
        self.paths: list[str] = []
        self.labels: list[int] = []
        self.counts: list[int] = []

    def add(self, folder: _LabelFolder, label: int) -> None:
        """Append the images of a folder."""
        self.subset = folder.subset
        prefix, start = id_prefix(folder.label), f"{folder.path}/"
        self.ids += [prefix + stem for stem in item_ids(folder.names)]
        self.paths += [start + name for name in folder.names]
        self.labels.append(label)
        self.counts.append(len(folder.names))

    def chunk(self) -> Chunk:
        """All of them."""
        text, n = pa.large_string(), len(self.ids)
        items = {
            "id": pa.array(self.ids, text),
            "subset": schema.constant_dictionary(self.subset, n),
            "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
            "path": pa.array(self.paths, text),
        }
        labels: Array = np.repeat(np.array(self.labels, np.int32), self.counts)
        has_label = labels != schema.NO_LABEL
        offsets = np.zeros(n + 1, np.int64)
        np.cumsum(has_label, out=offsets[1:])
        labels = labels[has_label]
        columns = {
            "type": schema.primitive(np.full(len(labels), _LABEL, np.uint8), pa.uint8()),
            "label": schema.labels(labels),
        }
        annotations = schema.annotation_batch(len(labels), columns)
        return Chunk(schema.item_batch(n, items), annotations, offsets)


def id_prefix(label: str) -> str:
    """What stands before a file's name in an item's id."""
    prefix = f"{label or NO_LABEL}:"
    if escapes(prefix):  # "a:b" could be a path on the drive A
        return f"{label}/" if len(label) == 1 else f"_{prefix}"
    return prefix


# --- writing ------------------------------------------------------------------------------------


def _write(content: Content, folder: Path, place: str, options: Any, context: WriteContext) -> None:
    names = content.label_names
    jobs = _Jobs(names, place, options.image_ext, context)
    for chunk in content.chunks:
        jobs.add(ChunkRows(chunk))
    MediaStore(folder, context.progress, context.workers).save(jobs.jobs, len(jobs.jobs))


def _check_label(name: str) -> None:
    bad = any(part == "" or _passed_over(part) for part in name.split("/"))
    if bad or escapes(name) or "\\" in name:
        raise UnsupportedContentError(
            f"label {name!r} cannot be the name of a folder; rename it before export"
        )
    if name == NO_LABEL:
        raise UnsupportedContentError(
            f"label {name!r}: the folder of this name has the images without a label; rename it "
            "before export"
        )


class _Jobs:
    """Gathers the files to save."""

    def __init__(
        self, labels: list[str], place: str, image_ext: str | None, context: WriteContext
    ) -> None:
        self.labels = labels
        self.place = place
        self.image_ext = image_ext
        self.context = context
        self.jobs: list[MediaJob] = []
        self._taken: set[str] = set()
        self._used: set[int] = set()

    def add(self, rows: ChunkRows) -> None:
        """Append the images of a chunk's items."""
        for item, item_id in enumerate(rows.ids):
            source = rows.source(item)
            if source is None:
                continue
            medium = image_of(source, item_id, "imagenet")
            extension = media_extension(rows.path(item), medium, self.image_ext)
            labels = self._labels_of(rows, item)
            place = self.place.replace("{subset}", rows.subsets[item])
            for label in labels or [None]:
                name = NO_LABEL if label is None else self.labels[label]
                relative = self._free(f"{place}{name}", name, item_id, extension)
                self.jobs.append(MediaJob(source, relative, f"item {item_id!r}"))

    def _labels_of(self, rows: ChunkRows, item: int) -> list[int]:
        found: dict[int, None] = {}
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            if rows.types[row] == _LABEL:
                label = rows.labels[row]
                if not 0 <= label < len(self.labels):
                    self.context.lost("labels without a name", 1, f"item {rows.ids[item]!r}")
                    continue
                found[label] = None
                if label not in self._used:
                    _check_label(self.labels[label])
                    self._used.add(label)
        return list(found)

    def _free(self, folder: str, label: str, item_id: str, extension: str) -> str:
        """The path of an item's file, which no other one has."""
        stem = file_stem(item_id, label)
        name = f"{folder}/{stem}{extension}"
        number = 1
        while name in self._taken:
            number += 1
            name = f"{folder}/{stem}_{number}{extension}"
        self._taken.add(name)
        if number > 1 or id_prefix("" if label == NO_LABEL else label) + stem != item_id:
            what = "ids of items (they become <label>:<name>)"
            self.context.lost(what, 1, f"item {item_id!r}")
        return name


def file_stem(item_id: str, label: str) -> str:
    """The name of an item's file, without extension, in the folder of a label."""
    _, colon, rest = item_id.partition(":")
    prefix = id_prefix(label)
    if item_id.startswith(prefix):
        rest = item_id[len(prefix) :]
    stem = (rest if colon or item_id.startswith(prefix) else item_id).replace("/", "_")
    stem = stem.replace(":", "_").replace("\\", "_")
    return f"_{stem}" if not stem or stem.startswith("._") else stem
