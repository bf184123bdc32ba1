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
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Names
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import find_root, folders, images_below, read_text, stem_of
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import each_item
from datumaro.model.media import MediaType
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Chunk, Content

QUERY = "query"

_BOXES = "bounding_box_"  # what the folder of a subset's images begins with
_LIST = "images_"  # and the list of them
_CHUNK_ITEMS = 1 << 16
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
        lists: dict[str, list[str]] = {}
        images = ImageJobs(folder, options, context)
        for rows, item in each_item(content, context.progress, "Writing Market-1501"):
            item_id, subset = rows.ids[item], rows.subsets[item]
            if subset not in lists:
                check_subset_name(subset)
                join_inside(folder, f"{_LIST}{subset}.txt", what="subset name")
                lists[subset] = []
            known = json_text.decode(rows.attributes[item])
            stem = _stem(item_id, known, f"item {item_id!r}", context)
            place = QUERY if known.get("query") is True else f"{_BOXES}{subset}"
            if escapes(item_id):  # asked first: this is done for all
                join_inside(folder, item_id, what="item id")
            name = f"{place}/{images.add(rows, item, place, stem)}"
            if "\n" in name or "\r" in name:
                raise UnsupportedContentError(
                    f"item {item_id!r}: a list has one image a line; rename the item before export"
                )
            lists[subset].append(name)
        files = FileWriter(folder)
        for subset, names in lists.items():
            files.save(f"{_LIST}{subset}.txt", "".join(f"{n}\n" for n in names).encode())
        images.save()


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


def _stem(item_id: str, known: dict[str, Any], place: str, context: WriteContext) -> str:
    """The path, without its extension, that tells an item's id and attributes."""
    stated = {key: known[key] for key in ("person_id", *_NUMBERS) if known.get(key) is not None}
    for key, value in list(stated.items()):
        if key == "person_id":
            fits = isinstance(value, str) and _PERSON.fullmatch(value) is not None
        else:
            fits = type(value) is int and 0 <= value < _MOST[key]
        if not fits:
            context.lost(f"{key}, where it is no number as the names of files hold", 1, place)
            del stated[key]
    told = _parse(item_id)
    if told.id == item_id and stated.items() <= told.attributes.items():
        return item_id
    if not stated and told == _Told(item_id, {}):
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


def _listed(root: Path) -> dict[str, list[tuple[str, bool]]]:
    """{subset: (path of an image, whether it is a query) of each} as the lists have it."""
    listed: dict[str, list[tuple[str, bool]]] = {}
    for path in _lists(root):
        names = listed[_subset(path.name) or ""] = []
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if not line.strip():
                continue
            if escapes(line) or ".." in line.split("/"):
                join_inside(root, line, what=f"{path}: line {number}")
                raise MalformedFileError(path, f"line {number}", repr(line[:80]), "no '..' in it")
            names.append((line, line.startswith(f"{QUERY}/")))
    return listed


def _found(root: Path) -> dict[str, list[tuple[str, bool]]]:
    """The same, of the images that are there."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for folder in folders(root):
        subset = folder.removeprefix(_BOXES) if folder.startswith(_BOXES) else ""
        if subset or folder == QUERY:
            names = images_below(os.fspath(root / folder))
            found[subset or QUERY] = [(f"{folder}/{name}", folder == QUERY) for name in names]
    return found


def _chunk(root: Path, subset: str, names: list[tuple[str, bool]]) -> Chunk:
    start = f"{root}/"
    ids: list[str] = []
    attributes: list[bytes] = []
    for name, is_query in names:
        folder, _, rest = name.partition("/")
        in_folder = folder == QUERY or folder.startswith(_BOXES)
        told = _parse(stem_of(rest if in_folder and rest else name))
        ids.append(told.id)
        attributes.append(json_text.encode({**told.attributes, "query": is_query}))
    text, n = pa.large_string(), len(names)
    items = {
        "id": pa.array(ids, text),
        "subset": schema.constant_dictionary(subset, n),
        "attributes": pa.array(attributes, pa.large_binary()).cast(text),
        "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
        "path": pa.array([start + name for name, _ in names], text),
    }
    return Chunk(
        schema.item_batch(n, items), schema.annotation_batch(0, {}), np.zeros(n + 1, np.int64)
    )
