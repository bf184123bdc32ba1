"""KITTI's raw data: a recording of point clouds and images, with objects as cuboids through time.

Definition: the development kit of https://www.cvlibs.net/datasets/kitti/raw_data.php. See
docs/formats/kitti_raw.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

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
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.kitti_raw import files
from datumaro.formats.kitti_raw.writer import LABEL, KittiRawWriteOptions
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content

_CUBOIDS = Held(label="required", names={"occluded": (False, True), "track_id": ()})


class KittiRaw(Format):
    """Cuboids in point clouds."""

    name = "kitti_raw"
    title = "KITTI raw data: 3D cuboids of tracked objects in point clouds"
    write_options: ClassVar[type[WriteOptions]] = KittiRawWriteOptions
    owned = (files.TRACKLETS, files.FRAMES, dataset_meta.FILE)
    holds = Capabilities(
        annotations={AnnotationType.cuboid_3d: _CUBOIDS},
        media=frozenset({MediaType.POINT_CLOUD}),
        subsets=False,
        item_names={"frame": (None,)},
        labels="used",
        label_order=False,
        label_pattern=LABEL,
        label_attributes="some",
    )

    def holding(self, options: Any) -> Capabilities | None:
        """See `Format.holding`: with ``allow_attrs``, other attributes too."""
        holds = super().holding(options)
        if holds is None or not getattr(options, "allow_attrs", False):
            return holds
        cuboids = dataclasses.replace(_CUBOIDS, attributes="text")
        return dataclasses.replace(holds, annotations={AnnotationType.cuboid_3d: cuboids})

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a file of tracklets."""
        names = [""] if folder.is_file else [n for n in folder.files() if n.endswith(".xml")]
        names.sort(key=lambda name: name != files.TRACKLETS)
        if any(files.is_tracklets(folder.head(name)) for name in names[: files.MOST_ASKED]):
            return Confidence.MEDIUM
        if folder.is_file:
            raise Rejected("the file has no <boost_serialization> with <tracklets>")
        raise Rejected(f"no {files.TRACKLETS}, nor another XML file with <tracklets>")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `datumaro.formats.kitti_raw.reader.read`."""
        from datumaro.formats.kitti_raw import reader

        return reader.read(path, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.kitti_raw.writer.write`."""
        from datumaro.formats.kitti_raw import writer

        writer.write(content, folder, options, context)
