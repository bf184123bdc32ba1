"""Reading a Supervisely project of point clouds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats import json_files
from datumaro.formats.base import ReadContext
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import find_root, folders, is_image, walk
from datumaro.formats.sly_pointcloud import files
from datumaro.formats.sly_pointcloud.files import Cuboid, Figure, Geometry, Keys, Meta, Object
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaType
from datumaro.table import json_text
from datumaro.table.chunk import Chunk, Content

FRAME, DESCRIPTION, TRACK = "frame", "description", "track_id"

_CHUNK_ITEMS = 8192
_MAX_NUMBER = 1e9
_ON_OBJECTS = ("all", "objectsOnly")
_ON_FRAMES = "imagesOnly"


def read(path: Path, context: ReadContext) -> Content:
    """Read the project at ``path``: its folder, one up to three levels around it, or its meta.json.

    Raises
    ------
    DatasetNotFoundError
        There is none, or there are several.
    DatasetImportError
        A file is damaged; the message names it and the JSON path.
    """
    if path.name == files.META and path.is_file():
        path = path.parent
    expected = f"no {files.META} beside folders with {files.ANNOTATIONS}"
    root = find_root(path, files.is_project, expected)
    return _Reader(root, context).content()


class _Reader:
    def __init__(self, root: Path, context: ReadContext) -> None:
        self.root, self.context = root, context
        self.labels = _labels(files.load(root / files.META, Meta), root / files.META)
        keys = root / files.KEYS
        self.keys = files.load(keys, Keys) if keys.is_file() else Keys({}, {}, {})
        self.free_object = max(self.keys.objects.values(), default=0)

    def content(self) -> Content:
        """All datasets of the project."""
        subsets = [
            name for name in folders(self.root) if (self.root / name / files.ANNOTATIONS).is_dir()
        ]
        listed = {
            name: sorted(
                file
                for file in walk(str(self.root / name / files.ANNOTATIONS))
                if file.endswith(".json")
            )
            for name in subsets
        }
        progress = self.context.progress
        progress.start(sum(map(len, listed.values())), desc="Reading Supervisely")
        chunks: list[Chunk] = []
        done = 0
        for name, names in listed.items():
            media = _Media(self.root / name)
            for begin in range(0, len(names), _CHUNK_ITEMS):
                columns = ChunkColumns()
                for file in names[begin : begin + _CHUNK_ITEMS]:
                    self.add(columns, name, file, media)
                chunks.append(columns.finish())
                done += len(columns)
                progress.report_status(done)
        progress.finish()
        categories = {AnnotationType.label: self.labels}
        return Content(chunks, {**categories}, media_type=MediaType.POINT_CLOUD)

    def add(self, columns: ChunkColumns, folder: str, file: str, media: _Media) -> None:
        """Append the item of an annotation file."""
        path = f"{self.root}/{folder}/{files.ANNOTATIONS}/{file}"
        frame = files.load_frame(path)
        objects = {found.key: found for found in frame.objects}
        for number, figure in enumerate(frame.figures):
            try:
                self.add_figure(columns, path, f"$.figures[{number}]", figure, objects)
            except DatasetImportError as error:
                self.context.problem(error)
        attributes: dict[str, Any] = {tag.name: files.value_of(tag) for tag in frame.tags}
        attributes[DESCRIPTION] = frame.description
        if frame.key in self.keys.videos:
            attributes[FRAME] = self.keys.videos[frame.key]
        cloud = file.removesuffix(".json")
        pictures = media.pictures(cloud)
        extra = {"extra_images": [{"path": path} for path in pictures]}
        columns.add_item(
            files.item_id(cloud),
            DEFAULT_SUBSET_NAME if folder == files.FIRST else folder,
            media.cloud(cloud),
            attributes=json_text.encode(attributes),
            media=MediaType.POINT_CLOUD,
            media_extra=orjson.dumps(extra).decode() if pictures else "",
        )

    def add_figure(
        self,
        columns: ChunkColumns,
        path: str,
        place: str,
        figure: Figure | Cuboid,
        objects: dict[str, Object],
    ) -> None:
        """Append a cuboid."""
        if figure.geometryType != files.CUBOID:
            found = f"geometryType {figure.geometryType!r}"
            raise InvalidAnnotationInFileError(path, place, found, f"{files.CUBOID!r}")
        known = objects.get(figure.objectKey)
        if known is None:
            found = f"objectKey {figure.objectKey!r}"
            raise InvalidAnnotationInFileError(path, place, found, "the key of one of $.objects")
        label = self.labels.find(known.classTitle)[0]
        if label is None:
            raise UndeclaredLabelInFileError(
                path, f"label of {place}", repr(known.classTitle), f"a class of {files.META}"
            )
        at = (
            figure.geometry
            if isinstance(figure, Cuboid)
            else json_files.decode(figure.geometry, Geometry, path, f"{place}.geometry")
        )
        p, r, d = at.position, at.rotation, at.dimensions
        numbers = (p.x, p.y, p.z, r.x, r.y, r.z, d.x, d.y, d.z)
        if max(map(abs, numbers)) > _MAX_NUMBER:
            raise InvalidAnnotationInFileError(
                path,
                f"{place}.geometry",
                f"numbers {list(numbers)}",
                f"numbers up to {_MAX_NUMBER:.0e}",
            )
        attributes: dict[str, Any] = {tag.name: files.value_of(tag) for tag in known.tags}
        attributes[TRACK] = self.object_number(known.key)
        columns.add_shape(
            AnnotationType.cuboid_3d,
            numbers,
            label,
            json_text.encode(attributes),
            number=self.keys.figures.get(figure.key, 0),
        )

    def object_number(self, key: str) -> int:
        """An object's number; of one that has none the next that is free."""
        number = self.keys.objects.get(key)
        if number is None:
            self.free_object += 1
            number = self.keys.objects[key] = self.free_object
        return number


def _labels(meta: Meta, path: Path) -> LabelCategories:
    labels = LabelCategories()
    for number, found in enumerate(meta.classes):
        if not found.title or labels.find(found.title)[0] is not None:
            what = f"title {found.title!r}" + (" a second time" if found.title else "")
            raise MalformedFileError(path, f"$.classes[{number}]", what, "a title of its own")
        labels.add(found.title)
    for number, tag in enumerate(meta.tags):
        if tag.applicable_type == _ON_FRAMES:
            continue
        if tag.applicable_type not in _ON_OBJECTS:
            raise MalformedFileError(
                path,
                f"$.tags[{number}].applicable_type",
                repr(tag.applicable_type),
                f"one of {', '.join((*_ON_OBJECTS, _ON_FRAMES))}",
            )
        for attributes in _attributes_of(labels, tag.classes):
            attributes.add(tag.name)
    return labels


def _attributes_of(labels: LabelCategories, classes: list[str]) -> Iterable[set[str]]:
    """The attributes of some labels; those of all, where none are named."""
    if not classes:
        return [labels.attributes]
    found = [labels.find(name)[1] for name in classes]
    return [label.attributes for label in found if label is not None]


class _Media:
    """The point clouds and pictures of a dataset; each folder is listed once."""

    def __init__(self, folder: Path) -> None:
        self._clouds_folder = str(folder / files.CLOUDS)
        self._clouds = set(walk(self._clouds_folder))
        self._pictures: dict[str, list[str]] = {}
        start = str(folder / files.PICTURES)
        for name in sorted(walk(start)):
            if is_image(name):
                self._pictures.setdefault(name.rpartition("/")[0], []).append(f"{start}/{name}")

    def cloud(self, name: str) -> str:
        """The path of a point cloud; "" when it is not there."""
        return f"{self._clouds_folder}/{name}" if name in self._clouds else ""

    def pictures(self, cloud: str) -> list[str]:
        """The paths of the pictures that belong to a point cloud."""
        return self._pictures.get(files.pictures_folder(cloud), [])
