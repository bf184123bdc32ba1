"""MNIST: the pixels and labels of small gray images, in one file each for all of a subset.

Definition: http://yann.lecun.com/exdb/mnist/. See docs/formats/mnist.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats import dataset_meta, gzip_files, label_lines
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import find_root
from datumaro.formats.gzip_files import GzipWriter
from datumaro.formats.mnist_items import (
    HOLDS,
    LABELS_FILE,
    SIDE,
    MnistItems,
    content_of,
    default_ids,
    label_names,
    save_labels,
    stated_items,
)
from datumaro.formats.pixel_items import chunk_of
from datumaro.formats.rows import each_subset
from datumaro.paths import check_subset_name, join_inside
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

_LABELS, _IMAGES, _META = "-labels-idx1-ubyte", "-images-idx3-ubyte", "-meta"
_LABELS_MAGIC, _IMAGES_MAGIC = 0x801, 0x803
_TEST, _TEST_FILES = "test", "t10k"  # how files call that subset
_NO_LABEL = 255
_CHARACTERS = 32  # of each text in the file of ids and sizes, of 4 bytes each
_MAX_ITEMS = 1 << 24
_MAX_PIXEL_BYTES = 1 << 30


class Mnist(Format):
    """Images and labels, packed."""

    name = "mnist"
    title = "MNIST: small gray images and their labels, in binary files"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (f"*{_LABELS}*", f"*{_IMAGES}*", f"*{_META}.gz", LABELS_FILE, dataset_meta.FILE)
    holds = HOLDS

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a file of labels."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with files such as train{_LABELS}.gz")
        if not any(_stem(name, _LABELS) is not None for name in folder.files()):
            raise Rejected(f"no file *{_LABELS}.gz")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets of a folder, or the one of which ``path`` is a file.

        Raises
        ------
        DatasetNotFoundError
            There is no file of labels.
        DatasetImportError
            A file is damaged, or they do not fit each other; the message names file and byte.
        """
        if path.is_file():
            root = path.parent
            stems = [_stem(path.name, kind) for kind in (_LABELS, _IMAGES)]
            found = [stem for stem in stems if stem is not None]
        else:
            root = find_root(path, _is_root, f"no file *{_LABELS}.gz")
            found = _stems(root)
        names = label_names(root, context)
        stems = context.progress.iter(found, desc="Reading MNIST")
        chunks = [_read_subset(root, stem, names, context) for stem in stems]
        return content_of(chunks, names, root, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write the labels, and the pixels of the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            There are too many labels, or an id, a subset or a label has a name that cannot be
            written.
        """
        save_labels(content, folder, options, context)
        n_labels = len(content.labels)
        if n_labels > _NO_LABEL:
            found = f"{n_labels} labels; MNIST's files hold at most {_NO_LABEL}"
            raise UnsupportedContentError(found)
        parts = content.by_subset()
        for subset, items in each_subset(parts, context.progress, "Writing MNIST"):
            _check_subset(subset, folder)
            stem = folder / (_TEST_FILES if subset == _TEST else subset)
            n_items = sum(map(len, parts[subset]))
            made = MnistItems(items, n_labels, options.save_media, context)
            _write_subset(os.fspath(stem), n_items, made)
            columns = made.stated((SIDE, SIDE))
            if columns:
                _write(f"{folder}/{subset}{_META}.gz", b"", _texts_of(columns))


def _stem(name: str, kind: str) -> str | None:
    """What stands before the kind of a file in its name; None for files of other kinds."""
    name = name.removesuffix(".gz")
    return name.removesuffix(kind) if name.endswith(kind) and name != kind else None


def _stems(root: Path) -> list[str]:
    found = {_stem(path.name, _LABELS) for path in root.iterdir() if path.is_file()}
    return sorted(stem for stem in found if stem is not None)


def _is_root(folder: Path) -> bool:
    return bool(_stems(folder)) or (folder / LABELS_FILE).is_file()


# --- reading ------------------------------------------------------------------------------------


def _file(root: Path, name: str) -> Path | None:
    """A file, packed or not."""
    return next((p for p in (root / f"{name}.gz", root / name) if p.is_file()), None)


def _read_subset(root: Path, stem: str, names: list[str], context: ReadContext) -> Chunk:
    subset = _TEST if stem == _TEST_FILES else stem
    path = _file(root, stem + _LABELS)
    if path is None:
        raise MalformedFileError(root / f"{stem}{_LABELS}.gz", "", "no such file", "labels")
    data = gzip_files.read(path, 8 + _MAX_ITEMS, "labels")
    (n,) = _header(path, data, _LABELS_MAGIC, 1)
    if len(data) != 8 + n:
        found = f"{len(data) - 8} labels"
        raise MalformedFileError(path, "byte 4", found, f"{n}, as stated there")
    values = np.frombuffer(data, np.uint8, n, 8)
    labels = np.where(values == _NO_LABEL, -1, values.astype(np.int32))
    labels = label_lines.known_labels(labels, names, path, lambda row: f"byte {8 + row}", context)
    ids, sizes = default_ids(n), None
    meta = _file(root, subset + _META)
    if meta is not None:
        ids, sizes = stated_items(_texts(meta, n), ids, meta)
    images: Sequence[Array | None] = [None] * n
    path = _file(root, stem + _IMAGES)
    if path is not None:
        images = _read_images(path, n, sizes)
    return chunk_of(ids, subset, labels, images)


def _header(path: Path, data: bytearray, magic: int, n_numbers: int) -> list[int]:
    """The numbers behind the first one of a file."""
    size = 4 * (1 + n_numbers)
    if len(data) < size:
        raise MalformedFileError(path, f"byte {len(data)}", "the end", f"{size} bytes of header")
    first, *numbers = np.frombuffer(data, ">u4", 1 + n_numbers).tolist()
    if first != magic:
        raise MalformedFileError(path, "byte 0", f"the number {first:#x}", f"{magic:#x}")
    return numbers


def _read_images(path: Path, n: int, sizes: Sequence[tuple[int, int]] | None) -> list[Array | None]:
    data = gzip_files.read(path, 16 + _MAX_PIXEL_BYTES, "images")
    count, height, width = _header(path, data, _IMAGES_MAGIC, 3)
    length = len(data) - 16
    if sizes is None:
        # (the published package states the number of pixels in place of that of images)
        if count not in (n, length) or n * height * width != length:
            raise MalformedFileError(
                path,
                "byte 4",
                f"{count} images of {height} x {width} pixels, and {length} bytes of pixels",
                f"{n} images, one for each label, and a byte for each pixel",
            )
        pixels = np.frombuffer(data, np.uint8, length, 16).reshape(n, height, width)
        return list(pixels) if height and width else [None] * n
    lengths = [h * w for h, w in sizes]
    if sum(lengths) != length:
        raise MalformedFileError(
            path, "byte 16", f"{length} bytes of pixels", f"{sum(lengths)}, as the sizes say"
        )
    images: list[Array | None] = []
    begin = 16
    for size, bytes_of in zip(sizes, lengths, strict=True):
        image = np.frombuffer(data, np.uint8, bytes_of, begin).reshape(size) if bytes_of else None
        images.append(image)
        begin += bytes_of
    return images


def _texts(path: Path, n: int) -> list[list[str]]:
    """The rows of a file of ids and sizes: texts of 32 characters."""
    one = 4 * _CHARACTERS
    data = gzip_files.read(path, 3 * one * n, "ids and sizes of images")
    per_row, rest = divmod(len(data), one * n) if n else (0, len(data))
    if rest or (n and not 1 <= per_row <= 3):
        raise MalformedFileError(
            path,
            "",
            f"{len(data)} bytes",
            f"one to three texts of {one} bytes for each of {n} images",
        )
    try:
        texts = bytes(data).decode("utf-32-le")
    except UnicodeDecodeError as error:
        found = "no characters"
        raise MalformedFileError(path, f"byte {error.start}", found, "text") from None
    cells = [
        texts[begin : begin + _CHARACTERS].rstrip("\0")
        for begin in range(0, len(texts), _CHARACTERS)
    ]
    return [cells[begin : begin + per_row] for begin in range(0, len(cells), per_row or 1)]


# --- writing ------------------------------------------------------------------------------------


def _check_subset(subset: str, folder: Path) -> None:
    check_subset_name(subset)
    join_inside(folder, subset, what="subset name")
    if subset == _TEST_FILES:
        raise UnsupportedContentError(
            f"subset {subset!r}: MNIST's files call the subset {_TEST!r} so; rename it"
        )


def _write_subset(stem: str, n_items: int, items: MnistItems) -> None:
    """Write a subset's labels and pixels; ``stem`` begins the paths of their files."""
    labels = bytearray()
    images = f"{stem}{_IMAGES}.gz"
    with GzipWriter(images) as file:
        file.write(np.array([_IMAGES_MAGIC, n_items, SIDE, SIDE], ">u4").tobytes())
        for label, pixels in items:
            labels.append(_NO_LABEL if label < 0 else label)
            if pixels is not None:
                file.write(pixels.tobytes())
    if not items.has_pixels:
        Path(images).unlink()
    head = np.array([_LABELS_MAGIC, n_items], ">u4").tobytes()
    _write(f"{stem}{_LABELS}.gz", head, labels)


def _write(path: str, head: bytes, data: bytes | bytearray) -> None:
    with GzipWriter(path) as file:
        file.write(head)
        file.write(bytes(data))


_TOO_LONG = re.compile(rf".{{{_CHARACTERS + 1},}}|.*\0", re.DOTALL)


def _texts_of(columns: list[list[str]]) -> bytes:
    """The reverse of `_texts`, of columns in place of rows; ids, if there are any, come first."""
    for item_id in columns[0]:
        if _TOO_LONG.fullmatch(item_id):
            raise UnsupportedContentError(
                f"item {item_id!r}: MNIST's ids have at most {_CHARACTERS} characters; rename it "
                "before export"
            )
    table = np.array(columns, f"<U{_CHARACTERS}").T
    return np.ascontiguousarray(table).tobytes()
