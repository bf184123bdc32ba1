"""What MNIST's binary files and its CSV files have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from datumaro.errors import MalformedFileError
from datumaro.formats import dataset_meta, label_lines
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.image_media import require_images
from datumaro.formats.pixel_items import check_ids, gray, label_of, pixels_of
from datumaro.formats.rows import ChunkRows
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

LABELS_FILE = "labels.txt"
SIDE = 28  # of images of which no size is stated, in pixels

_MAX_SIDE = 1 << 20

HOLDS = Capabilities(
    annotations={AnnotationType.label: Held(label="required", most=1)},
    pixels="gray",
    item_ids=r"[^\0]{1,32}",
    label_pattern=label_lines.PATTERN,
)


def label_names(root: Path, context: ReadContext) -> list[str]:
    """The labels: those of a file, or else the ten digits."""
    meta = dataset_meta.find(root, context)
    if meta is not None:
        return meta.labels
    file = root / LABELS_FILE
    return label_lines.load(file) if file.is_file() else [str(digit) for digit in range(10)]


def default_ids(n: int) -> list[str]:
    """The ids of items that have none: their numbers."""
    return [str(number) for number in range(n)]


def stated_items(
    rows: Sequence[Sequence[str]], ids: list[str], path: Path
) -> tuple[list[str], list[tuple[int, int]] | None]:
    """(ids, sizes) of items, of rows that state one or both: id; height, width; or all three.

    Parameters
    ----------
    ids : where none are stated.
    path : the rows' file, for messages.

    Raises
    ------
    MalformedFileError
        A size is none, or an id is there twice.
    """
    if not rows:
        return ids, None
    per_row = len(rows[0])
    if per_row != 2:
        ids = [row[0] for row in rows]
        check_ids(ids, path, lambda row: f"row {row + 1}")
    if per_row == 1:
        return ids, None
    sizes: list[tuple[int, int]] = []
    for number, row in enumerate(rows, 1):
        sides = [
            int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else -1
            for text in row[-2:]
        ]
        if not all(0 <= side <= _MAX_SIDE for side in sides):
            found = f"size {' x '.join(row[-2:])[:40]!r}"
            raise MalformedFileError(path, f"row {number}", found, "a height and a width in pixels")
        sizes.append((sides[0], sides[1]))
    return ids, sizes


def content_of(chunks: list[Chunk], names: list[str], root: Path, context: ReadContext) -> Content:
    """What the files in a folder hold: items of labels of these names."""
    own = {AnnotationType.label: LabelCategories.from_iterable(names)}
    return Content(chunks, dataset_meta.overridden(own, root, context))


def save_labels(
    content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
) -> None:
    """Write the names of the labels.

    Raises
    ------
    MediaTypeError, UnsupportedContentError
        The media are no images, or a name cannot be written.
    """
    require_images(content, "MNIST")
    (folder / LABELS_FILE).write_bytes(label_lines.text(content.label_names, LABELS_FILE))
    if options.save_dataset_meta:
        dataset_meta.save(content.categories, folder, context)


class MnistItems:
    """A subset's items that are written one after another, and what is stated beside of all.

    Attributes
    ----------
    ids, sizes : of those that were taken; (height, width), zeros for one without pixels.
    """

    def __init__(
        self,
        items: Iterable[tuple[ChunkRows, int]],
        n_labels: int,
        save_media: bool,
        context: WriteContext,
    ) -> None:
        self._items, self._n_labels = items, n_labels
        self._save_media, self._context = save_media, context
        self.ids: list[str] = []
        self.sizes: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[tuple[int, Array | None]]:
        """(label, gray pixels if there are any and they are wanted) of each; -1 for no label."""
        context = self._context
        for rows, item in self._items:
            label = label_of(rows, item, self._n_labels, context)
            pixels = pixels_of(rows, item, context) if self._save_media else None
            if pixels is not None:
                pixels = gray(pixels, f"item {rows.ids[item]!r}", context)
            self.ids.append(rows.ids[item])
            self.sizes.append((0, 0) if pixels is None else (pixels.shape[0], pixels.shape[1]))
            yield label, pixels

    @property
    def has_pixels(self) -> bool:
        """Whether any of them has."""
        return any(map(any, self.sizes))

    def stated(self, *plain: tuple[int, int]) -> list[list[str]]:
        """Columns of `stated_items`: ids that are no `default_ids`; sizes, if not all are plain."""
        columns = [self.ids] if self.ids != default_ids(len(self.ids)) else []
        if self.has_pixels and not set(self.sizes).issubset(plain):
            columns += [[str(size[axis]) for size in self.sizes] for axis in (0, 1)]
        return columns
