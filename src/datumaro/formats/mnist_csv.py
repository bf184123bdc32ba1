"""MNIST in CSV files: a row of label and pixels for each image. See docs/formats/mnist.md."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datumaro.errors import InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats import dataset_meta, label_lines
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
from datumaro.formats.files import find_root, read_text
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

_ROWS, _META = "mnist_", "meta_"  # what the files' names begin with
_MAX_LINE = 1 << 24
_MAX_BYTES = 1 << 32
_BLOCK_BYTES = 1 << 24
_MAX_LABEL = 2**31 - 1


class MnistCsv(Format):
    """Rows of labels and pixels."""

    name = "mnist_csv"
    title = "MNIST: small gray images and their labels, in CSV files"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (f"{_ROWS}*.csv", f"{_META}*.csv", LABELS_FILE, dataset_meta.FILE)
    holds = HOLDS

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a file of rows of numbers."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with files such as {_ROWS}train.csv")
        files = [name for name in folder.files() if _subset(name) is not None]
        if not files:
            raise Rejected(f"no file {_ROWS}<subset>.csv")
        lines = folder.head(files[0]).decode("utf-8-sig", "replace").split("\n")[:2]
        if not any(_is_row(line) for line in lines) and any(line.strip() for line in lines):
            raise Rejected(f"{files[0]} has no rows of a label and pixels")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets of a folder, or the one whose file ``path`` is.

        Raises
        ------
        DatasetNotFoundError
            There is no such file.
        DatasetImportError
            A row is wrong; the message names file and row.
        """
        if path.is_file():
            root, files = path.parent, [path]
        else:
            root = find_root(path, _is_root, f"no file {_ROWS}<subset>.csv")
            files = sorted(p for p in root.glob(f"{_ROWS}*.csv") if p.is_file())
        names = label_names(root, context)
        chunks = [
            _Reader(file, names, context).chunk(_subset(file.name) or file.stem)
            for file in context.progress.iter(files, desc="Reading MNIST")
        ]
        return content_of(chunks, names, root, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a row for each item, with pixels if the images are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            The name of a label cannot be written.
        """
        save_labels(content, folder, options, context)
        n_labels = len(content.labels)
        parts = content.by_subset()
        for subset, items in each_subset(parts, context.progress, "Writing MNIST"):
            check_subset_name(subset)
            path = join_inside(folder, f"{_ROWS}{subset}.csv", what="subset name")
            made = MnistItems(items, n_labels, options.save_media, context)
            with Path(path).open("wb") as file:
                for label, pixels in made:
                    cells = b"" if pixels is None else _cells(pixels.ravel())
                    file.write(b"%d%b\n" % (label, cells))
            columns = made.stated((SIDE, SIDE), (0, 0))
            if columns:
                meta = folder / f"{_META}{subset}.csv"
                with meta.open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file, lineterminator="\n").writerows(zip(*columns, strict=True))


def _subset(name: str) -> str | None:
    """The subset whose rows are in a file of that name; None for other files."""
    found = name.startswith(_ROWS) and name.endswith(".csv") and name != f"{_ROWS}.csv"
    return name.removeprefix(_ROWS).removesuffix(".csv") if found else None


def _is_root(folder: Path) -> bool:
    return any(folder.glob(f"{_ROWS}*.csv")) or (folder / LABELS_FILE).is_file()


def _is_row(line: str) -> bool:
    cells = line.strip().split(",")
    return all(c.strip().removeprefix("-").isdecimal() for c in cells[: len(cells) - 1 or 1])


# --- reading ------------------------------------------------------------------------------------


class _Reader:
    """Reads the rows of a file."""

    def __init__(self, path: Path, names: list[str], context: ReadContext) -> None:
        self.path, self.names, self.context = path, names, context
        self.place: list[int] = []  # the line of each row
        self.bad: set[int] = set()  # rows that are left out

    def chunk(self, subset: str) -> Chunk:
        """The items."""
        size = self.path.stat().st_size
        if size > _MAX_BYTES:
            raise MalformedFileError(self.path, "", f"{size} bytes", f"at most {_MAX_BYTES}")
        rows = self.rows() if size else []
        values = np.array([row[0] for row in rows], np.int32) if rows else np.zeros(0, np.int32)
        pixels = [row[1] for row in rows]
        labels = label_lines.known_labels(
            values, self.names, self.path, lambda row: f"line {self.place[row]}", self.context
        )
        ids, sizes = default_ids(len(rows)), None
        meta = self.path.with_name(f"{_META}{subset}.csv")
        if meta.is_file():
            ids, sizes = stated_items(self.stated(meta, len(rows)), ids, meta)
        images = [
            self.image(row, one, sizes[row] if sizes else None) for row, one in enumerate(pixels)
        ]
        if self.bad:
            kept = [row for row in range(len(rows)) if row not in self.bad]
            ids, images, labels = [ids[r] for r in kept], [images[r] for r in kept], labels[kept]
        return chunk_of(ids, subset, labels, images)

    def image(self, row: int, pixels: Array, size: tuple[int, int] | None) -> Array | None:
        """A row's image: of the size that is stated for it, or else MNIST's."""
        if not len(pixels):
            return None
        if size is None:
            size = (SIDE, SIDE)
        if size[0] * size[1] != len(pixels):
            self.problem(row, f"{len(pixels)} pixels", f"{size[0]} x {size[1]}")
            return None
        return pixels.reshape(size)

    def problem(self, row: int, found: str, expected: str) -> None:
        """Report a row that is left out."""
        self.bad.add(row)
        place = f"line {self.place[row]}"
        self.context.problem(InvalidAnnotationInFileError(self.path, place, found, expected))

    def rows(self) -> list[tuple[int, Array]]:
        """(label, pixels) of each row."""
        with self.path.open("rb") as file:
            head = file.readline(_MAX_LINE).decode("utf-8-sig", "replace")
        first = 1 if _is_row(head) else 2  # the line of the first row
        rows = self.even_rows(first, head.count(",") + 1)
        if rows is None:
            return list(self.odd_rows(first))
        self.place = list(range(first, first + len(rows)))
        return rows

    def even_rows(self, first: int, width: int) -> list[tuple[int, Array]] | None:
        """The rows, where all have ``width`` numbers; None where they have not."""
        from pyarrow import csv as arrow_csv

        columns = [str(number) for number in range(width)]
        kinds = {name: pa.uint8() if name != "0" else pa.int32() for name in columns}
        rows: list[tuple[int, Array]] = []
        try:
            reader = arrow_csv.open_csv(
                self.path,
                arrow_csv.ReadOptions(
                    block_size=_BLOCK_BYTES, column_names=columns, skip_rows=first - 1
                ),
                arrow_csv.ParseOptions(ignore_empty_lines=False),
                arrow_csv.ConvertOptions(column_types=kinds),
            )
            for batch in reader:
                if any(batch.column(name).null_count for name in columns):
                    return None
                labels = batch.column("0").to_pylist()
                planes = [batch.column(name).to_numpy() for name in columns[1:]]
                pixels = np.zeros((len(labels), 0), np.uint8)
                if planes:
                    pixels = np.ascontiguousarray(np.stack(planes).T)
                rows += zip(labels, pixels, strict=True)
        except pa.ArrowInvalid:
            return None
        return rows

    def odd_rows(self, first: int) -> Iterator[tuple[int, Array]]:
        """The rows, where they have different numbers of pixels, or are wrong."""
        for number, line in enumerate(self.lines(), 1):
            if number < first or not line.strip():
                continue
            self.place.append(number)
            cells = line.strip().split(",")
            label, pixels = _number(cells[0]), _pixels(cells[1:])
            if label is None or pixels is None:
                found = repr(line[:40])
                self.problem(len(self.place) - 1, found, "a label, and pixels from 0 to 255")
                label, pixels = -1, np.zeros(0, np.uint8)
            yield label, pixels

    def lines(self) -> Iterator[str]:
        """The file's lines, decoded one by one."""
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(_MAX_LINE):
                number += 1
                if len(line) == _MAX_LINE:
                    found = f"more than {_MAX_LINE} bytes"
                    raise MalformedFileError(self.path, f"line {number}", found, "a shorter row")
                try:
                    yield line.decode("utf-8-sig")
                except UnicodeDecodeError:
                    raise MalformedFileError(
                        self.path, f"line {number}", "not UTF-8", "UTF-8 text"
                    ) from None

    def stated(self, path: Path, n: int) -> list[list[str]]:
        """The rows of the file of ids and sizes."""
        text = read_text(path, _MAX_BYTES)
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        except csv.Error as error:
            raise MalformedFileError(path, "", str(error), "rows of ids and sizes") from None
        widths = {len(row) for row in rows}
        if len(rows) != n or len(widths) > 1 or (rows and not widths <= {1, 2, 3}):
            found = f"{len(rows)} rows of {' or '.join(map(str, sorted(widths)[:5]))} cells"
            expected = f"{n}, one for each of {self.path.name}: id, height and width, or all three"
            raise MalformedFileError(path, "", found, expected)
        return rows


def _number(cell: str) -> int | None:
    text = cell.strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 11):
        return None
    value = int(text)
    return value if -1 <= value <= _MAX_LABEL else None


def _pixels(cells: Sequence[str]) -> Array | None:
    if not cells:
        return np.zeros(0, np.uint8)
    try:
        values = np.array(cells, dtype=np.int64)
    except (ValueError, OverflowError):
        return None
    return values.astype(np.uint8) if ((values >= 0) & (values <= 255)).all() else None


# --- writing ------------------------------------------------------------------------------------


# each number behind a comma, and how many bytes that is
_TEXTS = np.array([list(f",{value:<3}".encode()) for value in range(256)], np.uint8)
_USED = np.not_equal(_TEXTS, ord(" "))


def _cells(pixels: Array) -> bytes:
    return _TEXTS[pixels][_USED[pixels]].tobytes()
