"""Writing a data set as a Supervisely project of point clouds.

Keys, which tell objects and figures apart, are made of what they stand for: the same data set is
written as the same files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import orjson

from datumaro.errors import MediaTypeError, UnsupportedContentError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.losses import UNDECLARED
from datumaro.formats.rows import ChunkRows
from datumaro.formats.sly_pointcloud import files
from datumaro.formats.sly_pointcloud.reader import DESCRIPTION, FRAME, TRACK
from datumaro.media_store import MediaJob, MediaStore, media_extension
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories, generate_colormap
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import PointCloud
from datumaro.options import option
from datumaro.paths import check_subset_name, escapes, join_inside
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

_CUBOID = int(AnnotationType.cuboid_3d)
_SENSORS = {"sensorsData": {"extrinsicMatrix": [0] * 12, "intrinsicMatrix": [0] * 9}}


@dataclass(frozen=True, kw_only=True)
class SlyWriteOptions(WriteOptions):
    """Options of an export to Supervisely."""

    reindex: bool = option(False, "number the frames anew, in the order of the items")
    allow_undeclared_attrs: bool = option(
        True, "write attributes that the labels do not declare, too"
    )


def write(content: Content, folder: Path, options: SlyWriteOptions, context: WriteContext) -> None:
    """Write ``content`` into ``folder``.

    Raises
    ------
    UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
        A name cannot be written, or the media are no point clouds.
    """
    _Writer(content, folder, options, context).write()


_WORDS = "attributes that are the words true and false (they become yes and no)"
_MOST_KNOWN = 4096
_BATCH = 1024  # files that are written at a time


class _Tags:
    """The tags of a project: what they may hold, and on what they are.

    Attributes
    ----------
    classes : of tags on objects: the labels that declare them; none for all.
    """

    def __init__(self, labels: LabelCategories, context: WriteContext) -> None:
        self.classes: dict[str, list[str]] = {}
        for label in labels:
            for name in sorted(label.attributes - labels.attributes):
                self.classes.setdefault(name, []).append(label.name)
        both = sum(len(label.attributes & labels.attributes) for label in labels)
        context.lost("names of attributes of single labels that all labels have", both)
        self.declared = labels.attributes.union(self.classes)
        self.on_objects = dict.fromkeys(sorted(self.declared))
        self.on_frames: dict[str, None] = {}
        self._kinds: dict[str, set[str]] = {}

    def written(self, attributes: dict[str, Any], key: str) -> list[dict[str, Any]]:
        """Attributes as tags; note their kinds of values."""
        made: list[dict[str, Any]] = []
        for name, value in attributes.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            self._kinds.setdefault(name, set()).add("any_number" if number else "any_string")
            text = str(value).lower() if isinstance(value, bool) else value
            made.append({"name": name, "value": text, "key": _key(key, name)})
        return made

    def meta(self) -> list[dict[str, Any]]:
        """What ``meta.json`` says of them."""
        made: list[dict[str, Any]] = []
        for number, name in enumerate({**self.on_objects, **self.on_frames}, 1):
            kinds = self._kinds.get(name, {"any_string"})
            on_objects, on_frames = name in self.on_objects, name in self.on_frames
            where = "imagesOnly" if not on_objects else "all" if on_frames else "objectsOnly"
            made.append(
                {
                    "name": name,
                    "value_type": next(iter(kinds)) if len(kinds) == 1 else "any_string",
                    "color": "#808080",
                    "id": number,
                    "hotkey": "",
                    "applicable_type": where,
                    "classes": self.classes.get(name, []),
                }
            )
        return made


class _Writer:
    def __init__(
        self, content: Content, folder: Path, options: SlyWriteOptions, context: WriteContext
    ) -> None:
        self.content, self.folder = content, folder
        self.options, self.context = options, context
        labels = content.labels
        self.labels = [label.name for label in labels]
        self.tags = _Tags(labels, context)
        self.keys: dict[str, dict[str, int]] = {
            "tags": {},
            "objects": {},
            "figures": {},
            "videos": {},
        }
        self.files = FileWriter(folder)
        self.names: list[str] = []  # annotation files that wait, and what is in them
        self.texts: list[bytes] = []
        self.known: dict[str, _Told] = {}  # `told`, of some attributes

    def write(self) -> None:
        """Write all files; media last."""
        for subset in self.content.subset_names():
            check_subset_name(subset)
            if subset in (files.FIRST, ".", ".."):
                raise UnsupportedContentError(
                    f"subset {subset!r}: its folder's name means another; rename it before export"
                )
        progress = self.context.progress
        progress.start(len(self.content), desc="Writing Supervisely")
        rows = [ChunkRows(chunk) for chunk in self.content.chunks]
        self.numbers = _Numbers(rows, self.options.reindex)
        jobs: list[MediaJob] = []
        done = 0
        for chunk in rows:
            for item in range(len(chunk)):
                jobs += self.item(chunk, item)
            done += len(chunk)
            progress.report_status(done)
        self.save_frames()
        progress.finish()
        colors = generate_colormap(len(self.labels) + 1)
        classes: list[dict[str, Any]] = [
            {
                "id": number,
                "title": name,
                "color": "#{:02x}{:02x}{:02x}".format(*colors[number + 1]),
                "shape": files.CUBOID,
                "geometry_config": {},
            }
            for number, name in enumerate(self.labels)
        ]
        meta = {"classes": classes, "tags": self.tags.meta(), "projectType": "point_clouds"}
        self.save(files.META, meta)
        self.save(files.KEYS, self.keys)
        (self.folder / files.FIRST / files.ANNOTATIONS).mkdir(parents=True, exist_ok=True)
        if self.options.save_media:
            MediaStore(self.folder, progress, self.context.workers).save(jobs, len(jobs))

    def save(self, name: str, value: Any) -> None:
        """Write a JSON file."""
        self.files.save(name, orjson.dumps(value))

    def save_frames(self) -> None:
        """Write the annotation files that wait."""
        self.files.save_all(self.names, self.texts)
        self.names, self.texts = [], []

    def item(self, chunk: ChunkRows, item: int) -> Iterator[MediaJob]:
        """Write an item's annotations; what is to be saved of its media."""
        name, subset = chunk.ids[item], chunk.subsets[item]
        example = f"item {name!r}"
        folder = files.FIRST if subset == DEFAULT_SUBSET_NAME else subset
        path = "" if self.options.save_media else chunk.cloud_path(item)
        medium = None if path else chunk.medium(item)
        if not path and not isinstance(medium, PointCloud) and chunk.has_media(item):
            kind = "Image" if medium is None else type(medium).__name__
            raise MediaTypeError(f"{example}: sly_pointcloud holds point clouds, not {kind}")
        extension = media_extension(medium.path if medium else path, medium, None, ".pcd")
        if extension.lower() not in files.CLOUD_EXTENSIONS:
            extension = ".pcd"
        cloud = name + extension
        if escapes(cloud):  # asked first: this is done for all
            join_inside(self.folder, cloud, what="item id")
        key = _key("frame", folder, cloud)
        self.names.append(f"{folder}/{files.ANNOTATIONS}/{cloud}.json")
        self.texts.append(orjson.dumps(self.frame(chunk, item, key)))
        if len(self.texts) == _BATCH:
            self.save_frames()
        if not isinstance(medium, PointCloud):
            return
        yield MediaJob(medium, f"{folder}/{files.CLOUDS}/{cloud}", example)
        pictures = f"{folder}/{files.PICTURES}/{files.pictures_folder(cloud)}"
        taken: set[str] = set()
        for number, picture in enumerate(medium.extra_images):
            own = picture.path.rpartition("/")[2].rpartition(".")[0]
            stem = own if own and own not in taken else f"extra_image_{number}"
            taken.add(stem)
            file = stem + media_extension(picture.path, picture, self.options.image_ext)
            if self.options.save_media:
                self.save(f"{pictures}/{file}.json", {"name": file, "meta": _SENSORS})
            yield MediaJob(picture, f"{pictures}/{file}", example)

    def frame(self, chunk: ChunkRows, item: int, key: str) -> dict[str, Any]:
        """An item's annotation file."""
        attributes = json_text.decode(chunk.attributes[item])
        example = f"item {chunk.ids[item]!r}"
        stated, description = attributes.pop(FRAME, None), attributes.pop(DESCRIPTION, "")
        self.keys["videos"][key] = self.numbers.frame(stated)
        if stated is not None and not _is_integer(stated):
            self.context.lost("numbers of frames that are none: they get another", 1, example)
        if not isinstance(description, str):
            self.context.lost("descriptions that are no text", 1, example)
            description = ""
        kept, n_words = _kept(attributes)
        self.context.lost(_WORDS, n_words, example)
        self.tags.on_frames.update(dict.fromkeys(kept))
        tags = self.tags.written(kept, key)
        for number, tag in enumerate(tags, len(self.keys["tags"]) + 1):
            self.keys["tags"][tag["key"]] = number
        objects = _Objects()
        figures: list[dict[str, Any]] = []
        for row in range(chunk.offsets[item], chunk.offsets[item + 1]):
            label = chunk.labels[row]
            if chunk.types[row] != _CUBOID or label == schema.NO_LABEL:
                continue
            if not 0 <= label < len(self.labels):
                self.context.lost(UNDECLARED, 1, example)
                continue
            figures.append(self.figure(chunk, row, objects, f"{key}/{len(figures)}", example))
        return {
            "description": description,
            "key": key,
            "tags": tags,
            "objects": list(objects.by_content.values()),
            "figures": figures,
        }

    def figure(
        self,
        chunk: ChunkRows,
        row: int,
        objects: _Objects,
        place: str,
        example: str,
    ) -> dict[str, Any]:
        """A cuboid; its object is added to the frame's, if it is not there."""
        text = chunk.ann_attributes[row]
        told = self.known.get(text)
        if told is None:
            told = self.told(text)
            if len(self.known) < _MOST_KNOWN:  # an object's cuboids mostly have the same
                self.known[text] = told
        for loss, n in told.losses:
            self.context.lost(loss, n, example)
        number = self.numbers.object(told.track)
        title = self.labels[chunk.labels[row]]
        # an object has one label and one value of each tag in a frame: with others it is another
        same = (number, title, text)
        found = objects.by_content.get(same)
        if found is None:
            key = _key("object", number, objects.twins[number])
            objects.twins[number] += 1
            tags = self.tags.written(told.kept, f"{place}/object")
            found = objects.by_content[same] = {"key": key, "classTitle": title, "tags": tags}
            self.keys["objects"][key] = number
        key = _key("figure", place)
        self.keys["figures"][key] = chunk.ann_ids[row]
        x, y, z, rx, ry, rz, dx, dy, dz = chunk.cuboid(row)
        return {
            "key": key,
            "objectKey": found["key"],
            "geometryType": files.CUBOID,
            "geometry": {
                "position": {"x": x, "y": y, "z": z},
                "rotation": {"x": rx, "y": ry, "z": rz},
                "dimensions": {"x": dx, "y": dy, "z": dz},
            },
        }

    def told(self, text: str) -> _Told:
        """What a cuboid's attributes say."""
        attributes = json_text.decode(text)
        track = attributes.pop(TRACK, None)
        losses: list[tuple[str, int]] = []
        if track is not None and not _is_integer(track):
            losses.append(("values of track_id that are no integers", 1))
        kept, n_words = _kept(attributes)
        losses.append((_WORDS, n_words))
        if not self.options.allow_undeclared_attrs:
            others = kept.keys() - self.tags.declared
            losses.append(("attributes that no label declares", len(others)))
            kept = {name: value for name, value in kept.items() if name in self.tags.declared}
        self.tags.on_objects.update(dict.fromkeys(kept))
        return _Told(track, kept, [(what, n) for what, n in losses if n])


class _Told(NamedTuple):
    """What a cuboid's attributes say; ``losses`` are what of them is lost, and how many."""

    track: Any
    kept: dict[str, Any]
    losses: list[tuple[str, int]]


def _kept(attributes: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The attributes that tags can hold, and how many of them change."""
    # (the others are counted by what the format declares)
    kept = {k: v for k, v in attributes.items() if v is not None and not isinstance(v, list | dict)}
    return kept, sum(value in ("true", "false") for value in kept.values())


_Content = tuple[int, str, str]


@dataclass
class _Objects:
    """The objects of a frame.

    Attributes
    ----------
    by_content : by number, label and attributes.
    twins : how many have the same number.
    """

    by_content: dict[_Content, dict[str, Any]] = field(
        default_factory=dict[_Content, dict[str, Any]]
    )
    twins: Counter[int] = field(default_factory=Counter[int])


class _Numbers:
    """Numbers of frames and objects: those that are stated, and free ones for the others."""

    def __init__(self, rows: list[ChunkRows], reindex: bool) -> None:
        self._reindex = reindex
        self._frames = set[int]()
        self._objects = set[int]()
        for chunk in rows:
            self._frames.update(_stated(chunk.attributes, FRAME))
            self._objects.update(_stated(chunk.ann_attributes, TRACK))
        self._free_frame, self._free_object = -1, 0

    def frame(self, stated: Any) -> int:
        """The number of an item's frame."""
        if _is_integer(stated) and not self._reindex:
            return stated
        self._free_frame += 1
        while self._free_frame in self._frames and not self._reindex:
            self._free_frame += 1
        return self._free_frame

    def object(self, stated: Any) -> int:
        """The number of a cuboid's object."""
        if _is_integer(stated):
            return stated
        self._free_object += 1
        while self._free_object in self._objects:
            self._free_object += 1
        return self._free_object


def _stated(texts: list[str], name: str) -> Iterator[int]:
    for text in dict.fromkeys(texts):
        value = json_text.decode(text).get(name) if name in text else None
        if _is_integer(value):
            yield value


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _key(*parts: object) -> str:
    """32 hexadecimal digits, as Supervisely's keys have."""
    return blake2b("/".join([str(p) for p in parts]).encode(), digest_size=16).hexdigest()
