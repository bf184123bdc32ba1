"""CIFAR: the pixels and labels of small images, in a pickle for each subset.

Definition: https://www.cs.toronto.edu/~kriz/cifar.html. See docs/formats/cifar.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    UnsupportedContentError,
)
from datumaro.formats import cifar_pickle, dataset_meta, label_lines
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.cifar_pickle import PickledArray
from datumaro.formats.cifar_pickle_writing import ObjectArray, dump
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import find_root, read_file, stem_of
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.pixel_items import check_ids, chunk_of, label_of, pixels_of
from datumaro.formats.rows import ChunkRows, each_subset
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories
from datumaro.paths import check_subset_name, join_inside
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

META_10, META_100 = "batches.meta", "meta"
SIDE = 32  # of images of which no size is stated, in pixels

_NAMES = "filenames"
_PARENTS = "coarse_labels_of_fine_labels"  # this key is ours: of labels that no image has
_MAX_BYTES = 1 << 31
_MAX_PIXEL_BYTES = (1 << 31) - (1 << 28)  # so that what is written can be read
_MAX_SIDE = 1 << 20
_PICKLE = re.compile(rb"\x80[\x00-\x05]")


class Cifar(Format):
    """CIFAR-10, or CIFAR-100, whose labels have parents."""

    name = "cifar"
    title = "CIFAR-10 and CIFAR-100: small images and their labels"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (META_10, META_100, "data_batch_*", "test_batch", "train", "test", dataset_meta.FILE)
    holds = Capabilities(
        annotations={AnnotationType.label: Held(label="required", most=1)},
        pixels="color",
        item_ids=r"[^\r\n]+",
        label_parents=True,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a pickle of the labels' names."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {META_10} or {META_100}")
        names = [name for name in (META_10, META_100) if name in folder.files()]
        if not names:
            raise Rejected(f"no {META_10} and no {META_100}")
        if b"label_names" not in folder.head(names[0]):
            raise Rejected(f"{names[0]} is no pickle with label_names")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets of a folder, or the one whose file ``path`` is.

        Raises
        ------
        DatasetNotFoundError
            There is no pickle of the labels' names.
        DatasetImportError
            A pickle is damaged, has something that CIFAR has not, or its parts do not fit each
            other.
        """
        if path.is_file():
            root, files = path.parent, [path]
        else:
            root = find_root(path, _is_root, f"no {META_10} and no {META_100}")
            files = sorted(p for p in root.iterdir() if _is_subset(p))
        labels = _Labels(root, context)
        chunks = [
            _read_subset(file, labels, context)
            for file in context.progress.iter(files, desc="Reading CIFAR")
            if file.name not in (META_10, META_100)
        ]
        return Content(chunks, dataset_meta.overridden(labels.categories(), root, context))

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write the labels' names, and a pickle of each subset; with pixels if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            A subset has the name of another of CIFAR's files.
        """
        require_images(content, "CIFAR")
        labels = content.labels
        parents = list(dict.fromkeys(label.parent for label in labels if label.parent))
        coarse = [parents.index(label.parent) if label.parent else None for label in labels]
        names = [label.name for label in labels]
        if parents:
            meta: dict[str, Any] = {"fine_label_names": names, "coarse_label_names": parents}
            _save(folder / META_100, meta | {_PARENTS: coarse})
        else:
            _save(folder / META_10, {"label_names": names})
        if options.save_dataset_meta:
            dataset_meta.save(content.categories, folder, context)
        images = ImageJobs(folder, options, context, ".png")  # for their names
        parts = content.by_subset()
        for subset, items in each_subset(parts, context.progress, "Writing CIFAR"):
            _check_subset(subset, folder)
            batch = _batch(items, images, len(names), coarse if parents else None)
            if (label := _batch_label(subset)) is not None:
                batch["batch_label"] = label
            _save(folder / subset, batch)


def _is_root(folder: Path) -> bool:
    return (folder / META_10).is_file() or (folder / META_100).is_file()


def _is_subset(path: Path) -> bool:
    """Whether a file is a subset's: without an extension, or a pickle with one."""
    name = path.name
    if name in (META_10, META_100) or name.startswith(".") or not path.is_file():
        return False
    if stem_of(name) == name:
        return True
    with path.open("rb") as file:
        return _PICKLE.match(file.read(2)) is not None


# --- reading ------------------------------------------------------------------------------------


def _load(path: Path) -> dict[str, Any]:
    """The dict in a pickle; keys as text."""
    data = read_file(os.fspath(path), _MAX_BYTES)
    if data is None or len(data) > _MAX_BYTES:
        found = "no such file" if data is None else f"more than {_MAX_BYTES} bytes"
        raise MalformedFileError(path, "", found, "a pickle of CIFAR")
    value = cifar_pickle.load(data, path)
    if not isinstance(value, dict):
        raise MalformedFileError(path, "", f"a {type(value).__name__}", "a dict")
    return {_text(key): one for key, one in cast(dict[Any, Any], value).items()}


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _texts(path: Path, key: str, value: Any) -> list[str]:
    """A list of texts."""
    found = [_text(one) for one in cast(list[Any], value)] if isinstance(value, list) else [""]
    if "" in found:
        raise MalformedFileError(path, f"'{key}'", "no list of texts", "a list of names")
    return found


class _Labels:
    """The labels, whose parents are those that items of them have."""

    def __init__(self, root: Path, context: ReadContext) -> None:
        path = next((p for p in (root / META_10, root / META_100) if p.is_file()), None)
        if path is None:
            raise DatasetNotFoundError(f"{root}: no {META_10} and no {META_100}")
        meta = _load(path)
        self.path = path
        key = next((k for k in ("label_names", "fine_label_names") if k in meta), None)
        if key is None:
            found = ", ".join(map(repr, sorted(meta)[:5])) or "nothing"
            raise MalformedFileError(path, "", found, "label_names or fine_label_names")
        self.names = _texts(path, key, meta[key])
        label_lines.check(self.names, path)
        coarse = meta.get("coarse_label_names", [])
        self.coarse: list[str] = _texts(path, "coarse_label_names", coarse) if coarse else []
        self.parents: dict[int, int] = {}
        known = meta.get(_PARENTS)
        if isinstance(known, list):
            pairs = enumerate(cast(list[Any], known)[: len(self.names)])
            self.parents = {
                label: parent
                for label, parent in pairs
                if type(parent) is int and 0 <= parent < len(self.coarse)
            }
        stated = dataset_meta.find(root)
        self.known = stated.labels if stated else self.names

    def categories(self) -> dict[AnnotationType, Categories]:
        """The labels as categories."""
        labels = LabelCategories()
        for number, name in enumerate(self.names):
            parent = self.parents.get(number)
            labels.add(name, self.coarse[parent] if parent is not None else "")
        return {AnnotationType.label: labels}

    def add_parents(self, path: Path, labels: Array, parents: Array, context: ReadContext) -> None:
        """Note the parents that items state beside their labels."""
        wrong = parents >= len(self.coarse)
        if wrong.any():
            row = int(np.argmax(wrong))
            expected = f"one of the {len(self.coarse)} coarse labels"
            error = InvalidAnnotationInFileError(
                path, f"item {row}", f"coarse label {parents[row]}", expected
            )
            context.problem(error)
        both = (labels >= 0) & (parents >= 0) & ~wrong
        pairs: list[list[int]] = np.unique(
            np.stack([labels[both], parents[both]], 1), axis=0
        ).tolist()
        for label, parent in pairs:
            if self.parents.setdefault(label, parent) != parent:
                other = self.coarse[self.parents[label]]
                context.problem(
                    InvalidAnnotationInFileError(
                        path,
                        "'coarse_labels'",
                        f"label {label} in {other!r} and in {self.coarse[parent]!r}",
                        "one coarse label for each fine one",
                    )
                )


def _read_subset(path: Path, labels: _Labels, context: ReadContext) -> Chunk:
    batch = _load(path)
    names = batch.get(_NAMES)
    key = "fine_labels" if "fine_labels" in batch else "labels"
    values = _numbers(path, key, batch.get(key, []))
    if names is None:
        ids = [str(number) for number in range(len(values))]
    else:
        ids = [stem_of(name) for name in _texts(path, _NAMES, names)] if names else []
    if len(ids) != len(values):
        found = f"{len(ids)} {_NAMES} and {len(values)} {key}"
        raise MalformedFileError(path, f"'{key}'", found, "one for each item")
    check_ids(ids, path, lambda row: f"'{_NAMES}', item {row}")
    known = label_lines.known_labels(values, labels.known, path, lambda row: f"item {row}", context)
    if "coarse_labels" in batch:
        parents = _numbers(path, "coarse_labels", batch["coarse_labels"])
        if len(parents) != len(known):
            found = f"{len(parents)} coarse_labels"
            raise MalformedFileError(path, "'coarse_labels'", found, f"{len(known)}, one an item")
        labels.add_parents(path, known, parents, context)
    sizes = _sizes(path, batch.get("image_sizes"), len(ids))
    rows = _rows(path, batch.get("data"), len(ids))
    images: list[Array | None] = []
    for number, row in enumerate(rows):
        size = sizes[number] if sizes else (SIDE, SIDE)
        if len(row) and len(row) != 3 * size[0] * size[1]:
            found = f"{len(row)} values of pixels"
            expected = f"3 · {size[0]} · {size[1]}"
            place = f"'data', item {number}"
            context.problem(InvalidAnnotationInFileError(path, place, found, expected))
            row = row[:0]
        # planes of red, green and blue -> pixels of blue, green and red
        image = row.reshape(3, *size)[::-1].transpose(1, 2, 0) if len(row) else None
        images.append(image)
    return chunk_of(ids, path.name, known, images or [None] * len(ids))


def _numbers(path: Path, key: str, value: Any) -> Array:
    """Labels, int32; -1 for none."""
    if isinstance(value, PickledArray):
        value = value.values.tolist() if isinstance(value.values, np.ndarray) else value.values
    if not isinstance(value, list):
        raise MalformedFileError(path, f"'{key}'", "no list", "a list of labels")
    numbers = [-1 if one is None else one for one in cast(list[Any], value)]
    for row, one in enumerate(numbers):
        if type(one) is not int or not -1 <= one < 2**31:
            found = f"{one}" if isinstance(one, int) else f"a {type(one).__name__}"
            raise MalformedFileError(path, f"'{key}', item {row}", found, "a label's number")
    return np.array(numbers, np.int32)


def _sizes(path: Path, value: Any, n: int) -> list[tuple[int, int]]:
    """(height, width) of each image; [] when they are not stated."""
    if value is None:
        return []
    found = cast(list[Any], value) if isinstance(value, list) else []
    if len(found) != n:
        raise MalformedFileError(path, "'image_sizes'", f"{len(found)} sizes", f"{n}, one an item")
    sizes: list[tuple[int, int]] = []
    for row, one in enumerate(found):
        sides: list[Any] = list(cast(Sequence[Any], one)) if isinstance(one, tuple | list) else []
        if len(sides) != 2 or not all(type(s) is int and 0 <= s <= _MAX_SIDE for s in sides):
            place = f"'image_sizes', item {row}"
            raise MalformedFileError(path, place, "no size", "a height and a width in pixels")
        sizes.append((sides[0], sides[1]))
    return sizes


def _rows(path: Path, value: Any, n: int) -> list[Array]:
    """The values of each image, uint8, one after another; none where there are no pixels."""
    if value is None or (isinstance(value, PickledArray) and value.shape == (0,)):
        return [np.zeros(0, np.uint8)] * n
    if not isinstance(value, PickledArray) or len(value.shape) not in (1, 2) or value.shape[0] != n:
        found = f"an array of {value.shape}" if isinstance(value, PickledArray) else "no array"
        raise MalformedFileError(path, "'data'", found, f"an array of {n} rows of pixels")
    if isinstance(value.values, list):
        if len(value.shape) == 2:
            return list(_bytes(path, "'data'", value).reshape(value.shape))
        rows = enumerate(value.values)
        return [_bytes(path, f"'data', item {row}", one) for row, one in rows]
    flat = _bytes(path, "'data'", value)
    return list(flat.reshape(n, -1)) if n else []


def _bytes(path: Path, place: str, value: Any) -> Array:
    """Values of pixels, from an array or a list."""
    values: object = value.values if isinstance(value, PickledArray) else value
    if isinstance(values, np.ndarray):
        array = cast(Array, values)
        if array.dtype == np.uint8:
            return array.ravel()
    elif isinstance(values, list):
        try:
            return np.frombuffer(bytes(cast(list[int], values)), np.uint8)
        except (TypeError, ValueError):  # one is no number, or not from 0 to 255
            pass
    raise MalformedFileError(path, place, "no bytes of pixels", "numbers from 0 to 255 (uint8)")


# --- writing ------------------------------------------------------------------------------------


def _check_subset(subset: str, folder: Path) -> None:
    check_subset_name(subset)
    join_inside(folder, subset, what="subset name")
    if subset in (META_10, META_100, dataset_meta.FILE) or subset.startswith("."):
        raise UnsupportedContentError(
            f"subset {subset!r}: CIFAR has another file of that name, or none; rename the subset"
        )


def _batch_label(subset: str) -> str | None:
    """What CIFAR-10 and CIFAR-100 call their files."""
    if found := re.fullmatch(r"data_batch_(\d+)", subset):
        return f"training batch {found[1]} of 5"
    return "testing batch 1 of 1" if subset in ("test", "test_batch") else None


def _batch(
    items: Iterable[tuple[ChunkRows, int]],
    images: ImageJobs,
    n_labels: int,
    coarse: list[int | None] | None,
) -> dict[str, Any]:
    names: list[str] = []
    labels: list[int | None] = []
    pixels: list[Array] = []
    sizes: list[tuple[int, int]] = []
    for rows, item in items:
        label = label_of(rows, item, n_labels, images.context)
        labels.append(None if label < 0 else label)
        names.append(images.name(rows, item))
        image = pixels_of(rows, item, images.context) if images.options.save_media else None
        if image is None:
            pixels.append(np.zeros(0, np.uint8))
            sizes.append((0, 0))
            continue
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, 2)
        pixels.append(image[..., ::-1].transpose(2, 0, 1).ravel())
        sizes.append((image.shape[0], image.shape[1]))
    if (size := sum(map(len, pixels))) > _MAX_PIXEL_BYTES:
        raise UnsupportedContentError(
            f"{size} bytes of pixels in a subset; CIFAR's files hold at most {_MAX_PIXEL_BYTES}: "
            "split the subset, or scale the images, before export"
        )
    batch: dict[str, Any] = {_NAMES: names}
    if coarse is None:
        batch["labels"] = labels
    else:
        batch["fine_labels"] = labels
        batch["coarse_labels"] = [None if label is None else coarse[label] for label in labels]
    if not any(map(len, pixels)):
        batch["data"] = np.zeros(0, np.uint8)
    elif set(sizes) == {(SIDE, SIDE)}:
        batch["data"] = np.stack(pixels)
    else:
        batch["data"] = ObjectArray(pixels)
        batch["image_sizes"] = sizes
    return batch


def _save(path: Path, value: dict[str, Any]) -> None:
    with path.open("wb") as file:
        for part in dump(value):
            file.write(part)
