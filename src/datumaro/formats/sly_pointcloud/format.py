"""Supervisely's projects of point clouds: objects as cuboids, with tags.

Definition: https://docs.supervisely.com/customization-and-integration/00_ann_format_navi. See
docs/formats/sly_pointcloud.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

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
from datumaro.formats.sly_pointcloud import files
from datumaro.formats.sly_pointcloud.writer import SlyWriteOptions
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content


class SlyPointcloud(Format):
    """Cuboids in point clouds."""

    name = "sly_pointcloud"
    title = "Supervisely: 3D cuboids of objects in point clouds"
    write_options: ClassVar[type[WriteOptions]] = SlyWriteOptions
    owned = (files.META, files.KEYS, f"*/{files.ANNOTATIONS}/**/*.json")
    holds = Capabilities(
        annotations={
            AnnotationType.cuboid_3d: Held(
                label="required", attributes="text", names={"track_id": ()}, ids=True
            )
        },
        media=frozenset({MediaType.POINT_CLOUD}),
        item_attributes="text",
        item_names={"frame": (None,), "description": ("", "two words")},
        label_attributes=True,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: meta.json of a project of point clouds."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with {files.META}")
        if files.META not in folder.files():
            raise Rejected(f"no {files.META}")
        if not any(files.ANNOTATIONS in folder.folders(name) for name in folder.folders()):
            raise Rejected(f"no folder beside {files.META} has a folder {files.ANNOTATIONS}")
        if not any(files.CLOUDS in folder.folders(n) for n in folder.folders()) and (
            b"cuboid_3d" not in folder.head(files.META, 1 << 16)
            and b"point_cloud" not in folder.head(files.META, 1 << 16)
        ):
            raise Rejected(f"no folder {files.CLOUDS}, and {files.META} tells of no point clouds")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """See `datumaro.formats.sly_pointcloud.reader.read`."""
        from datumaro.formats.sly_pointcloud import reader

        return reader.read(path, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """See `datumaro.formats.sly_pointcloud.writer.write`."""
        from datumaro.formats.sly_pointcloud import writer

        writer.write(content, folder, options, context)
