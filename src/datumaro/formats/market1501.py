"""Market-1501: images of people, of whom the names of the files tell all that is known.

``<person>_c<camera>s<sequence>_<frame>_<box>.jpg``; definition:
https://www.cv-foundation.org/openaccess/content_iccv_2015/papers/Zheng_Scalable_Person_Re-Identification_ICCV_2015_paper.pdf
See docs/formats/market1501.md.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Names
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import find_root, folders, images_below, read_text, stem_of
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows
from datumaro.kernels.market1501_names import print_paths, told
from datumaro.model.image import dotted
from datumaro.model.media import MediaType
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

QUERY = "query"

_BOXES = "bounding_box_"  # what the folder of a subset's images begins with
_LIST = "images_"  # and the list of them
_CHUNK_ITEMS = 1 << 16
_DEFAULT_EXTENSION = ".jpg"
_FILES = (MediaType.IMAGE, MediaType.BYTE_IMAGE)
_SUSPICIOUS = ("..", ":", "\\", "\0", "\n/")  # what a line has that may lead out of the folder
_NAME = re.compile(r"(-1|\d{1,18})_c(\d{1,9})s(\d{1,9})_(\d{1,18})_(\d{1,18})(.*)", re.DOTALL)
_PERSON = re.compile(r"-1|\d{1,18}", re.ASCII)
_NOBODY = "-1"  # as the real files call what shows nobody of those that are sought
_NUMBERS = ("camera_id", "track_id", "frame_id", "bbox_id")
_DEFAULTS = {"camera_id": 0, "track_id": 1, "frame_id": 0, "bbox_id": 0}
_MOST = {"camera_id": 10**8, "track_id": 10**8, "frame_id": 10**17, "bbox_id": 10**17}
_ITEM_NAMES: Names = {
    "person_id": (None, "0001", "1501", "-1"),
    "camera_id": (None, 0, 5),
    "track_id": (None, 1, 6),
    "frame_id": (None, 0, 151, 10**7),
    "bbox_id": (None, 0, 12),
    "query": (False, True),
}


class Market1501(Format):
    """Images whose names tell person, camera, sequence and frame."""

    name = "market1501"
    title = "Market-1501: images of people for re-identification"
    owned: ClassVar[tuple[str, ...]] = (f"{_LIST}*.txt",)
    holds = Capabilities(labels="none", item_names=_ITEM_NAMES)

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: folders of boxes, or lists of what is in them."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {_BOXES}train")
        if any(name.startswith(_BOXES) for name in folder.folders()):
            return Confidence.MEDIUM
        for name in folder.files():
            if _subset(name) is not None:
                line = folder.head(name).decode("utf-8", "replace").partition("\n")[0]
                if line.startswith((_BOXES, f"{QUERY}/")):
                    return Confidence.MEDIUM
        raise Rejected(f"no folder {_BOXES}<subset>, and no list {_LIST}<subset>.txt of such files")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read what the lists name; without lists, all images. Their files are not looked at.

        Raises
        ------
        DatasetNotFoundError
            There are neither lists nor folders of boxes.
        PathOutsideDatasetError
            A list names an image outside the folder.
        """
        root = find_root(
            path.absolute(), _is_root, f"no {_BOXES}<subset> and no {_LIST}<subset>.txt"
        )
        listed = _listed(root) or _found(root)
        context.progress.start(sum(map(len, listed.values())), desc="Reading Market-1501")
        chunks: list[Chunk] = []
        done = 0
        for subset, names in listed.items():
            for begin in range(0, len(names), _CHUNK_ITEMS):
                chunks.append(_chunk(root, subset, names[begin : begin + _CHUNK_ITEMS]))
                done += len(chunks[-1])
                context.progress.report_status(done)
        context.progress.finish()
        return Content(chunks)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a list of each subset, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            An id has a line break.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        require_images(content, "Market-1501")
        lists: dict[str, list[bytes]] = {}
        writer = _Names(folder, options, context)
        context.progress.start(len(content), desc="Writing Market-1501")
        done = 0
        for subset, chunks in content.by_subset().items():
            check_subset_name(subset)
            join_inside(folder, f"{_LIST}{subset}.txt", what="subset name")
            lists[subset] = []
            for chunk in chunks:
                lists[subset].append(writer.lines(chunk, subset))
                done += len(chunk)
                context.progress.report_status(done)
        context.progress.finish()
        files = FileWriter(folder)
        for subset, texts in lists.items():
            files.save(f"{_LIST}{subset}.txt", b"".join(texts))
        writer.images.save()


def _subset(name: str) -> str | None:
    """The subset whose list has that name; None for other files."""
    found = name.startswith(_LIST) and name.endswith(".txt") and name != f"{_LIST}.txt"
    return name.removeprefix(_LIST).removesuffix(".txt") if found else None


def _is_root(folder: Path) -> bool:
    return any(name.startswith(_BOXES) for name in folders(folder)) or bool(_lists(folder))


# --- names of files -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """What the name of a file tells: the item's id, and its attributes."""

    id: str
    attributes: dict[str, Any]


def _parse(stem: str) -> _Told:
    """What a path without its extension tells. A name of its own may stand behind all that."""
    parent, slash, base = stem.rpartition("/")
    found = _NAME.fullmatch(base)
    if found is None:
        return _Told(stem, {})
    person, camera, *numbers = found.groups()[:5]
    values = [int(camera) - 1, *map(int, numbers)]
    own = found[6]
    if own:
        base = own.removeprefix("_") or own
    attributes = {"person_id": person} | dict(zip(_NUMBERS, values, strict=True))
    return _Told(parent + slash + base, attributes)


# --- writing ------------------------------------------------------------------------------------


class _Names:
    """Makes the lists' lines of items, and notes their images."""

    def __init__(self, folder: Path, options: WriteOptions, context: WriteContext) -> None:
        self.folder, self.options, self.context = folder, options, context
        self.images = ImageJobs(folder, options, context, _DEFAULT_EXTENSION)

    def lines(self, chunk: Chunk, subset: str) -> bytes:
        """The lines of a subset's chunk; those whose ids tell all are printed by the kernel."""
        text, ends = self.usual_lines(chunk, subset)
        odd = np.flatnonzero(np.diff(ends) == 0).tolist()
        if not odd:
            return text
        rows = ChunkRows(chunk)
        parts: list[bytes] = []
        begin = 0
        for item in odd:
            parts += [text[begin : ends[item]], self.line(rows, item, subset).encode()]
            begin = ends[item]
        return b"".join([*parts, text[begin:]])

    def usual_lines(self, chunk: Chunk, subset: str) -> tuple[bytes, Array]:
        """What `market1501_names.print_paths` gives."""
        items = chunk.items
        ids, attributes, paths = map(
            schema.list_parts, map(items.column, ("id", "attributes", "path"))
        )
        wanted = self.options.image_ext or ""
        if self.options.save_media or not wanted.isprintable():  # each image is noted
            return b"", np.zeros(len(chunk) + 1, np.int64)
        media = items.column("media_type").to_numpy()
        has_path = np.diff(paths[0]) > 0
        usual = np.where(np.isin(media, _FILES), has_path, (media == MediaType.NONE) & ~has_path)
        usual[list(chunk.media)] = False
        return print_paths(
            usual.view(np.uint8), ids, attributes, paths,
            (dotted(wanted) or "").encode(),
            _DEFAULT_EXTENSION.encode(),
            f"{_BOXES}{subset}/".encode(),
        )  # fmt: skip

    def line(self, rows: ChunkRows, item: int, subset: str) -> str:
        """The line of an item."""
        item_id = rows.ids[item]
        known = json_text.decode(rows.attributes[item])
        stem = _stem(item_id, known, f"item {item_id!r}", self.context)
        place = QUERY if known.get("query") is True else f"{_BOXES}{subset}"
        if escapes(item_id):  # asked first: this is done for all
            join_inside(self.folder, item_id, what="item id")
        name = f"{place}/{self.images.add(rows, item, place, stem)}"
        if "\n" in name or "\r" in name:
            raise UnsupportedContentError(
                f"item {item_id!r}: a list has one image a line; rename the item before export"
            )
        return f"{name}\n"


def _stem(item_id: str, known: dict[str, Any], place: str, context: WriteContext) -> str:
    """The path, without its extension, that tells an item's id and attributes."""
    stated = {key: known[key] for key in ("person_id", *_NUMBERS) if known.get(key) is not None}
    found = _parse(item_id)
    told_already = found.attributes.items()
    if found.id == item_id and all(
        type(value) in (int, str) and (key, value) in told_already for key, value in stated.items()
    ):
        return item_id
    for key, value in list(stated.items()):
        if key == "person_id":
            fits = isinstance(value, str) and _PERSON.fullmatch(value) is not None
        else:
            fits = type(value) is int and 0 <= value < _MOST[key]
        if not fits:
            context.lost(f"{key}, where it is no number as the names of files hold", 1, place)
            del stated[key]
    if found.id == item_id and stated.items() <= found.attributes.items():
        return item_id
    if not stated and found == _Told(item_id, {}):
        return item_id
    values: dict[str, Any] = {"person_id": _NOBODY, **_DEFAULTS, **stated}
    head = (
        f"{values['person_id']}_c{values['camera_id'] + 1}s{values['track_id']}"
        f"_{values['frame_id']:06}_{values['bbox_id']:02}"
    )
    parent, slash, base = item_id.rpartition("/")
    if base == head:
        return item_id
    # (an underline, where a digit would be taken for one of the box's number)
    mark = "_" if base[:1].isdigit() or base.startswith("_") else ""
    return f"{parent}{slash}{head}{mark}{base}"


# --- reading ------------------------------------------------------------------------------------


def _lists(root: Path) -> list[Path]:
    return sorted(p for p in root.glob(f"{_LIST}*.txt") if _subset(p.name) and p.is_file())


def _listed(root: Path) -> dict[str, list[str]]:
    """{subset: the path of each image} as the lists have it."""
    listed: dict[str, list[str]] = {}
    for path in _lists(root):
        text = read_text(path)
        # asked of all lines at once, since in hardly any list there is such a one
        if text.startswith("/") or any(part in text for part in _SUSPICIOUS):
            _check_inside(root, path, text)
        lines = text.split("\n")
        listed[_subset(path.name) or ""] = [n for n in lines if n and not n.isspace()]
    return listed


def _check_inside(root: Path, path: Path, text: str) -> None:
    """Refuse lines that lead out of the folder."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and (escapes(line) or ".." in line.split("/")):
            join_inside(root, line, what=f"{path}: line {number}")
            raise MalformedFileError(path, f"line {number}", repr(line[:80]), "no '..' in it")


def _found(root: Path) -> dict[str, list[str]]:
    """The same, of the images that are there."""
    found: dict[str, list[str]] = {}
    for folder in folders(root):
        subset = folder.removeprefix(_BOXES) if folder.startswith(_BOXES) else ""
        if subset or folder == QUERY:
            names = images_below(os.fspath(root / folder))
            found[subset or QUERY] = [f"{folder}/{name}" for name in names]
    return found


def _chunk(root: Path, subset: str, names: list[str]) -> Chunk:
    start = f"{root}/"
    ids, attributes = told(names)
    for at, item_id in enumerate(ids):
        if item_id is None:  # beyond ASCII
            ids[at], attributes[at] = _told(names[at])
    text, n = pa.large_string(), len(names)
    items = {
        "id": pa.array(ids, text),
        "subset": schema.constant_dictionary(subset, n),
        "attributes": pa.array(attributes, pa.large_binary()).cast(text),
        "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
        "path": pa.array([start + name for name in names], text),
    }
    return Chunk(
        schema.item_batch(n, items), schema.annotation_batch(0, {}), np.zeros(n + 1, np.int64)
    )


def _told(name: str) -> tuple[str, bytes]:
    """The id and the attributes that an image's path tells."""
    folder, _, rest = name.partition("/")
    in_folder = folder == QUERY or folder.startswith(_BOXES)
    known = _parse(stem_of(rest if in_folder and rest else name))
    is_query = folder == QUERY and name != QUERY
    return known.id, json_text.encode({**known.attributes, "query": is_query})
