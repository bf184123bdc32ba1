"""Lists of images and their labels' numbers. See docs/formats/imagenet_txt.md."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    InvalidOptionError,
    MalformedFileError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import dataset_meta
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
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import is_image, item_ids, read_text
from datumaro.formats.image_media import image_of
from datumaro.formats.plain_names import joined, plain_names
from datumaro.formats.rows import ChunkRows
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.media import MediaType
from datumaro.options import option
from datumaro.paths import check_subset_name, escapes, join_inside, split_extension
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

IMAGES = "images"
LABELS_FILE = "synsets.txt"
FROM_FILE, GENERATE = "file", "generate"

_CHUNK_ITEMS = 1 << 16
_MAX_LABELS = 1 << 20
_LABEL = int(AnnotationType.label)
_QUOTED = re.compile(r'"([^"]*)"(\S*)((?:\s+[+-]?\d+)*)\s*$')
_PLAIN = re.compile(r"(.*?)((?:\s+[+-]?\d+)*)\s*$")


@dataclass(frozen=True, kw_only=True)
class ImagenetTxtReadOptions(ReadOptions):
    """Options of an import."""

    labels: str | Sequence[str] = option(
        FROM_FILE,
        "file: the labels' names are in the file of labels; generate: they are class-<number>",
    )
    labels_file: str = option(LABELS_FILE, "the file of labels, one name a line", metavar="FILE")
    image_dir: str = option(IMAGES, "the folder of the images", metavar="FOLDER")
    subset: str | None = option(
        None, "the name of the subset, whatever the lists' names say", metavar="NAME"
    )


class ImagenetTxt(Format):
    """A list for each subset: a line for each image, its path and the numbers of its labels."""

    name = "imagenet_txt"
    title = "Lists of images and the numbers of their labels, as the ImageNet challenge has them"
    read_options: ClassVar[type[ReadOptions]] = ImagenetTxtReadOptions
    write_options = MetaWriteOptions
    owned = ("*.txt", dataset_meta.FILE)
    holds = Capabilities(
        annotations={AnnotationType.label: Held(label="required")}, label_pattern=r"\S(.*\S)?"
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a list, and names of labels or a folder of images."""
        if folder.is_file:
            raise Rejected("a file; expected a folder with lists (.txt)")
        files = folder.files()
        if not {LABELS_FILE, dataset_meta.FILE} & set(files) and IMAGES not in folder.folders():
            raise Rejected(f"no {LABELS_FILE} and no folder {IMAGES}")
        lists = [name for name in files if name.endswith(".txt") and name != LABELS_FILE]
        for name in lists[:3]:
            head = folder.head(name)
            lines = head.decode("utf-8", "replace").splitlines()
            for line in lines[:-1] if len(head) == 4096 else lines:  # the last one may be cut
                path, numbers = _parts(line)
                if numbers and is_image(path):
                    return Confidence.MEDIUM
        raise Rejected("no list (.txt) with lines such as 'a.jpg 3', an image and its labels")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the lists of a folder, or one list. Images' sizes are not looked at.

        Raises
        ------
        DatasetNotFoundError
            There is no list.
        MalformedFileError
            A file is not text, or names a label twice.
        InvalidAnnotationError
            A line is none.
        UndeclaredLabelError
            A label's number is not in the file of labels.
        """
        return _Reader(path, options, context).content()

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a list for each subset, the labels' names, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            A name cannot be written in a line.
        """
        _Writer(content, folder, options, context).write(content)


# --- lines --------------------------------------------------------------------------------------


def _parts(line: str) -> tuple[str, list[str]]:
    """The path and the numbers in a line; a path with white space may be in quotes."""
    words = line.split()
    if len(words) == 2 and words[1].isdecimal() and not line.startswith('"'):
        return words[0], words[1:]
    found = _QUOTED.match(line) if line.startswith('"') else None
    if found is not None:
        return found[1] + found[2], found[3].split()
    found = _PLAIN.match(line)
    return (found[1], found[2].split()) if found is not None else (line, [])


def _line(path: str, labels: list[int]) -> str:
    """The reverse: with a space behind the path also when there are no labels."""
    if len(path.split()) != 1 and '"' not in path:
        stem, extension = split_extension(path)
        path = f'"{stem}"{extension}'
    return f"{path} {' '.join(map(str, labels))}\n"


# --- reading ------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, path: Path, options: Any, context: ReadContext) -> None:
        self.options: ImagenetTxtReadOptions = options
        self.context = context
        self.root = path.parent if path.is_file() else path
        labels_file = self.root / self.options.labels_file
        if path.is_file():
            self.lists = [path]
        else:
            others = {LABELS_FILE, labels_file.name}
            found = sorted(path.glob("*.txt")) if path.is_dir() else []
            self.lists = [file for file in found if file.name not in others]
        if not self.lists and not labels_file.is_file():
            raise DatasetNotFoundError(f"{path}: no list of images and labels (.txt)")
        self.images = os.fspath(self.root / self.options.image_dir)
        # None: as many as there are
        self.labels = self.known_labels(labels_file)
        self.n_labels = 0 if self.labels is None else len(self.labels)

    def known_labels(self, file: Path) -> list[str] | None:
        """The labels' names; None when they are to be made."""
        given = self.options.labels
        if not isinstance(given, str):
            return list(given)
        if given == GENERATE:
            return None
        if given != FROM_FILE:
            raise InvalidOptionError(
                f"imagenet_txt: option 'labels' is {given!r}; expected file or generate"
            )
        meta = dataset_meta.find(self.root, self.context)
        if meta is not None:
            return meta.labels
        if not file.is_file():
            raise DatasetNotFoundError(
                f"{file}: no file of labels; name it with labels_file, or make them with "
                "labels=generate"
            )
        names = [line.strip() for line in read_text(file).split("\n")]
        while names and not names[-1]:
            names.pop()
        first: dict[str, int] = {}
        for number, name in enumerate(names, 1):
            if not name or first.setdefault(name, number) != number:
                found = f"{name[:80]!r} is in line {first[name]} too" if name else "an empty line"
                raise MalformedFileError(file, f"line {number}", found, "a label's name")
        return names

    def content(self) -> Content:
        """All items of all lists."""
        total = sum(file.stat().st_size for file in self.lists)
        self.context.progress.start(total, desc="Reading lists")
        chunks: list[Chunk] = []
        done = 0
        for file in self.lists:
            chunks += self.items(file)
            done += file.stat().st_size
            self.context.progress.report_status(done)
        self.context.progress.finish()
        names = self.labels
        if names is None:
            names = [f"class-{number}" for number in range(self.n_labels)]
        return Content(chunks, {AnnotationType.label: LabelCategories.from_iterable(names)})

    def items(self, file: Path) -> list[Chunk]:
        """The items of a list."""
        paths: list[str] = []
        numbers: list[list[int]] = []
        plain = True
        for place, line in enumerate(read_text(file).split("\n"), 1):
            path, words = _parts(line)
            if not path:
                if words or line.strip():
                    self.bad_line(file, place, line)
                continue
            if len(path.split()) != 1 and not is_image(path):
                self.bad_line(file, place, line)
                continue
            if escapes(path):
                what = f"{file}: line {place}"
                join_inside(
                    self.images,
                    path,
                    what=what,
                    allow_external=self.options.allow_external_media,
                )
                plain = False
            labels = self.label_numbers(file, place, words)
            paths.append(path)
            numbers.append(labels)
        if len(set(paths)) < len(paths):
            paths, numbers = _merged(paths, numbers)
        ids = item_ids(paths)
        if not plain:
            ids = [_inside(item_id) for item_id in ids]
        subset = self.options.subset or file.stem
        step = _CHUNK_ITEMS
        return [
            self.chunk(subset, ids[i : i + step], paths[i : i + step], numbers[i : i + step])
            for i in range(0, len(ids), step)
        ]

    def bad_line(self, file: Path, place: int, line: str) -> None:
        """Report a line that cannot be understood."""
        self.context.problem(
            InvalidAnnotationError(
                f"{file}: line {place}: {line[:80]!r}; expected the path of an image and the "
                "numbers of its labels"
            )
        )

    def label_numbers(self, file: Path, place: int, words: list[str]) -> list[int]:
        """The labels that a line names, each once."""
        labels: list[int] = []
        for word in words:
            label = int(word) if len(word) < 20 else -1
            limit = _MAX_LABELS if self.labels is None else self.n_labels
            if not 0 <= label < limit:
                self.context.problem(
                    UndeclaredLabelError(
                        f"{file}: line {place}: label {word[:40]}; expected a number from 0 to "
                        f"{limit - 1}, of the {limit} labels"
                        if limit
                        else f"{file}: line {place}: label {word[:40]}; there are no labels"
                    )
                )
            elif label not in labels:
                labels.append(label)
                if self.labels is None and label >= self.n_labels:
                    self.n_labels = label + 1
        return labels

    def chunk(
        self, subset: str, ids: list[str], paths: list[str], numbers: list[list[int]]
    ) -> Chunk:
        """Some items of a list."""
        text, n = pa.large_string(), len(ids)
        start = f"{self.images}/"
        items = {
            "id": pa.array(ids, text),
            "subset": schema.constant_dictionary(subset, n),
            "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
            "path": pa.array([_joined(start, path) for path in paths], text),
        }
        offsets = np.zeros(n + 1, np.int64)
        np.cumsum([len(labels) for labels in numbers], out=offsets[1:])
        labels: Array = np.array([label for of_item in numbers for label in of_item], np.int32)
        columns = {
            "type": schema.primitive(np.full(len(labels), _LABEL, np.uint8), pa.uint8()),
            "label": schema.labels(labels),
        }
        annotations = schema.annotation_batch(len(labels), columns)
        return Chunk(schema.item_batch(n, items), annotations, offsets)


def _joined(folder: str, path: str) -> str:
    """A path in a folder; an absolute one, which the user allows, as it stands."""
    return os.path.join(folder, path) if path[:1] in "/\\" or ":" in path else folder + path  # noqa: PTH118 - a str


def _merged(paths: list[str], numbers: list[list[int]]) -> tuple[list[str], list[list[int]]]:
    """The paths, each once, with all of their labels: some lists have a line for each label."""
    merged: dict[str, dict[int, None]] = {}
    for path, labels in zip(paths, numbers, strict=True):
        merged.setdefault(path, {}).update(dict.fromkeys(labels))
    return list(merged), [list(labels) for labels in merged.values()]


def _inside(item_id: str) -> str:
    """An id for a path that leads outside: what is left of it below the top."""
    parts = re.sub(r"^[A-Za-z]:", "", item_id).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "_"


# --- writing ------------------------------------------------------------------------------------


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: MetaWriteOptions, context: WriteContext
    ) -> None:
        self.folder, self.options, self.context = folder, options, context
        self.labels = content.label_names
        for name in self.labels:
            if not name or name != name.strip() or len(name.splitlines()) > 1:
                raise UnsupportedContentError(
                    f"label {name!r} cannot stand on a line of {LABELS_FILE}; rename it before "
                    "export"
                )

    def write(self, content: Content) -> None:
        """Write all files; media last."""
        jobs: list[MediaJob] = []
        for subset, chunks in content.by_subset().items():
            self.check_subset(subset)
            with (self.folder / f"{subset}.txt").open("wb") as file:
                for chunk in chunks:
                    text = self.usual_lines(chunk)
                    if text is None:
                        text = "".join(self.lines(ChunkRows(chunk), jobs)).encode()
                    file.write(text)
        text = "".join(f"{name}\n" for name in self.labels)
        (self.folder / LABELS_FILE).write_text(text, "utf-8", newline="\n")
        if self.options.save_dataset_meta:
            dataset_meta.save(content.categories, self.folder, self.context)
        if self.options.save_media:
            MediaStore(self.folder, self.context.progress, self.context.workers).save(
                jobs, len(jobs)
            )

    def check_subset(self, subset: str) -> None:
        """Refuse a subset whose list could not be read again."""
        check_subset_name(subset)
        name = f"{subset}.txt"
        join_inside(self.folder, name, what="subset name")
        if name == LABELS_FILE:
            raise UnsupportedContentError(
                f"subset {subset!r}: {name} has the labels' names; rename it before export"
            )

    def usual_lines(self, chunk: Chunk) -> bytes | None:
        """The lines of a chunk of plain names with a label each; None of another one."""
        rows = chunk.annotations
        labels = schema.label_values(rows.column("label"))
        kinds = rows.column("type").to_numpy()
        if (
            len(labels) != len(chunk)
            or (np.diff(chunk.offsets) != 1).any()
            or not ((kinds == _LABEL) & (labels >= 0) & (labels < len(self.labels))).all()
        ):
            return None
        names = plain_names(chunk, self.options)
        if names is None:
            return None
        return joined(names, " ", rows.column("label").cast(pa.large_string()), "\n")

    def lines(self, rows: ChunkRows, jobs: list[MediaJob]) -> list[str]:
        """The lines of a chunk's items, and what there is to save."""
        lines: list[str] = []
        for item, item_id in enumerate(rows.ids):
            source = rows.source(item)
            medium = image_of(source, item_id, "imagenet_txt")
            path = item_id + media_extension(rows.path(item), medium, self.options.image_ext)
            if escapes(path):  # asked first: this is done for all
                join_inside(self.folder, path, what="item id")
            labels: dict[int, None] = {}
            for row in range(rows.offsets[item], rows.offsets[item + 1]):
                if rows.types[row] == _LABEL:
                    label = rows.labels[row]
                    if not 0 <= label < len(self.labels):
                        self.context.lost("labels without a name", 1, f"item {item_id!r}")
                    else:
                        labels[label] = None
            line = _line(path, list(labels))
            found = _parts(line[:-1])
            if found != (path, [str(n) for n in labels]) or "\n" in path or "\r" in path:
                raise UnsupportedContentError(
                    f"item {item_id!r}: the id cannot stand on a line of a list; rename it before "
                    "export"
                )
            lines.append(line)
            if source is not None:
                jobs.append(MediaJob(source, f"{IMAGES}/{path}", f"item {item_id!r}"))
        return lines
