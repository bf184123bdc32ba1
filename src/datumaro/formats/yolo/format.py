"""The formats of the YOLO family.

Definitions: https://github.com/AlexeyAB/darknet#how-to-train-to-detect-your-custom-objects and
https://docs.ultralytics.com/datasets/. See docs/formats/yolo.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import DatasetNotFoundError
from datumaro.formats import dataset_meta
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
from datumaro.formats.yolo import data_yaml, loose, strict, ultralytics
from datumaro.formats.yolo.holdings import POSES, holding
from datumaro.formats.yolo.layout import Layout
from datumaro.formats.yolo.reader import Shape, read
from datumaro.formats.yolo.tree import Darknet, Tree, Ultralytics
from datumaro.model.annotation import AnnotationType
from datumaro.options import option
from datumaro.table.chunk import Content

_ULTRALYTICS_FILES = ("data.yaml", "*.txt", "labels/**/*.txt", "images.meta", dataset_meta.FILE)


@dataclass(frozen=True, kw_only=True)
class YoloWriteOptions(MetaWriteOptions):
    """Options of an export."""

    add_path_prefix: bool = option(True, "write paths in obj.data and the lists with data/ before")


class _PartOfYolo(Format):
    """A format that `yolo` reads, too."""

    part_of = "yolo"

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: `yolo` is detected instead."""
        raise Rejected("it is detected as yolo, which reads all that this does")


class _Ultralytics(Format):
    """A format of Ultralytics' layout."""

    write_options: ClassVar[type[WriteOptions]] = YoloWriteOptions
    owned = _ULTRALYTICS_FILES
    shape: ClassVar[Shape] = Shape.BOX_OR_POLYGON
    kind: ClassVar[AnnotationType] = AnnotationType.bbox

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the data set that a ``data.yaml`` describes.

        Raises
        ------
        DatasetNotFoundError
            There is none, or there are several.
        """
        return read(_ultralytics(path, options), self.shape, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.yolo.writer.write`."""
        _write(content, folder, Ultralytics(), self.kind, options, context)


def _ultralytics(path: Path, options: Any) -> Layout:
    file = ultralytics.find(path)
    if file is None:
        file = path / data_yaml.FILE
        if not file.is_file():
            raise DatasetNotFoundError(f"{path}: no data.yaml that names classes and subsets")
    return ultralytics.load(file, allow_external=options.allow_external_media)


def _write(
    content: Content,
    folder: Path,
    tree: Tree,
    kind: AnnotationType,
    options: MetaWriteOptions,
    context: WriteContext,
) -> None:
    from datumaro.formats.yolo import writer

    writer.write(content, folder, tree, kind, options, context)


class Yolo(Format):
    """Darknet's layout, a loose one, and Ultralytics'; written in darknet's."""

    name = "yolo"
    title = "YOLO: boxes, in darknet's layout; reads Ultralytics' too, and polygons"
    holds = holding(AnnotationType.bbox)
    write_options: ClassVar[type[WriteOptions]] = YoloWriteOptions
    owned = (
        "obj.data",
        "obj.names",
        "*.txt",
        "obj_*_data/**/*.txt",
        "images.meta",
        dataset_meta.FILE,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: one of the three layouts."""
        if folder.is_file:
            name = folder.path.name
            if name.endswith(".data") and strict.names_classes(folder.head("")):
                return Confidence.MEDIUM
            if not data_yaml.is_yaml(name) or not data_yaml.looks_like(folder.head("", 1 << 16)):
                raise Rejected("a file that is neither a .data nor a .yaml file that names classes")
            return _detect_yaml(folder, "")
        files = folder.files()
        if any(f.endswith(".data") and strict.names_classes(folder.head(f)) for f in files):
            return Confidence.MEDIUM
        if loose.NAMES_FILE in files and set(loose.LABEL_FOLDERS) & set(folder.folders()):
            return Confidence.MEDIUM
        return _detect_yaml(folder, _yaml_of(folder))

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read darknet's layout, or else a loose one, or else Ultralytics'.

        Raises
        ------
        DatasetNotFoundError
            There is none of them.
        """
        allow_external = options.allow_external_media
        if (data_file := strict.find(path)) is not None:
            layout = strict.load(data_file, allow_external=allow_external)
        elif (root := loose.find(path)) is not None:
            layout = loose.load(root)
        elif (file := ultralytics.find(path)) is not None:
            layout = ultralytics.load(file, allow_external=allow_external)
            if layout.pose is not None:
                raise DatasetNotFoundError(
                    f"{file}: it has key points (kpt_shape): read it as yolo_ultralytics_pose"
                )
        else:
            strict.explain(path)
            if not (path / data_yaml.FILE).is_file():
                raise DatasetNotFoundError(
                    f"{path}: no .data file that names classes, no obj.names beside a folder of "
                    "labels, and no data.yaml"
                )
            layout = _ultralytics(path, options)
        return read(layout, Shape.BOX_OR_POLYGON, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.yolo.writer.write`."""
        tree = Darknet(strict.PREFIX if options.add_path_prefix else "")
        _write(content, folder, tree, AnnotationType.bbox, options, context)


def _yaml_of(folder: Folder) -> str:
    """The name of the YAML file that describes a data set."""
    names = [name for name in folder.files() if data_yaml.is_yaml(name)]
    if data_yaml.FILE in names:
        names = [data_yaml.FILE]
    found = [name for name in names if data_yaml.looks_like(folder.head(name, 1 << 16))]
    if len(found) != 1:
        raise Rejected(
            "neither a .data file that names classes, nor obj.names beside a folder of labels, nor "
            + ("one data.yaml that names classes" if not found else f"one of {', '.join(found)}")
        )
    return found[0]


def _detect_yaml(folder: Folder, name: str, *, pose: bool = False) -> Confidence:
    has_pose = b"kpt_shape" in folder.head(name, 1 << 16)
    if has_pose and not pose:
        raise Rejected("it has key points (kpt_shape): it is of yolo_ultralytics_pose")
    if pose and not has_pose:
        raise Rejected("no kpt_shape in the file that names classes")
    for inner in () if folder.is_file or pose else folder.folders():
        found = folder.folders(inner)
        if "images" in found and ("labels" in found or "labelTxt" in found):
            name = "roboflow_yolo" if "labels" in found else "roboflow_yolo_obb"
            raise Rejected(f"folders of images and labels in {inner!r}: it is of {name}")
    return Confidence.MEDIUM


class YoloStrict(_PartOfYolo):
    """Darknet's layout."""

    name = "yolo_strict"
    title = "YOLO, darknet's layout alone; written as yolo"
    holds = holding(AnnotationType.bbox)
    writes = False

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the data set that a ``.data`` file describes."""
        data_file = strict.find(path)
        if data_file is None:
            strict.explain(path)
            raise DatasetNotFoundError(f"{path}: no .data file that names classes")
        layout = strict.load(data_file, allow_external=options.allow_external_media)
        return read(layout, Shape.BOX_OR_POLYGON, context)


class YoloLoose(_PartOfYolo):
    """``obj.names``, a folder of label files, and images anywhere."""

    name = "yolo_loose"
    title = "YOLO, label files and obj.names, images anywhere; written as yolo"
    holds = holding(AnnotationType.bbox)
    writes = False

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the data set in a folder."""
        root = loose.find(path)
        if root is None:
            raise DatasetNotFoundError(f"{path}: no obj.names beside a folder of labels")
        return read(loose.load(root), Shape.BOX_OR_POLYGON, context)


class YoloUltralytics(_PartOfYolo, _Ultralytics):
    """Boxes; polygons are read, too."""

    name = "yolo_ultralytics"
    title = "YOLO, Ultralytics' layout: boxes; reads polygons, too"
    holds = holding(AnnotationType.bbox)


class YoloUltralyticsSegmentation(_PartOfYolo, _Ultralytics):
    """Polygons; boxes are read, too."""

    name = "yolo_ultralytics_segmentation"
    title = "YOLO, Ultralytics' layout: polygons; reads boxes, too"
    holds = holding(AnnotationType.polygon)
    kind = AnnotationType.polygon


class YoloUltralyticsObb(_Ultralytics):
    """Rotated boxes."""

    name = "yolo_ultralytics_obb"
    title = "YOLO, Ultralytics' layout: rotated boxes, by their corners"
    holds = holding(AnnotationType.rotated_bbox)
    part_of = "yolo"
    shape = Shape.ROTATED_BOX
    kind = AnnotationType.rotated_bbox

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: nothing tells it from polygons."""
        raise Rejected("its files look like polygons of four points, and are detected as yolo")


class YoloUltralyticsPose(_Ultralytics):
    """Boxes with key points."""

    name = "yolo_ultralytics_pose"
    title = "YOLO, Ultralytics' layout: boxes with key points"
    holds = POSES
    shape = Shape.POSE
    kind = AnnotationType.points

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a ``data.yaml`` with ``kpt_shape``."""
        if not folder.is_file:
            return _detect_yaml(folder, _yaml_of(folder), pose=True)
        if not data_yaml.is_yaml(folder.path.name):
            raise Rejected("a file that is no .yaml file")
        return _detect_yaml(folder, "", pose=True)

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read the data set that a ``data.yaml`` with ``kpt_shape`` describes."""
        layout = _ultralytics(path, options)
        if layout.pose is None:
            raise DatasetNotFoundError(
                f"{layout.root}: data.yaml has no kpt_shape, so it has no key points"
            )
        return read(layout, self.shape, context)
