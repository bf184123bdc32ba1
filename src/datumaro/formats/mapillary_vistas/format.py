"""The Mapillary Vistas family: masks of instances, or panoptic segments.

Definition: https://www.mapillary.com/dataset/vistas. See docs/formats/mapillary_vistas.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.formats.base import Confidence, Folder, Format, ReadContext, ReadOptions, Rejected
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.files import find_root, folders
from datumaro.formats.mapillary_vistas import files
from datumaro.formats.mapillary_vistas.files import INSTANCES, PANOPTIC, VERSIONS
from datumaro.formats.mask_reading import MaskReadOptions
from datumaro.model.annotation import AnnotationType
from datumaro.options import option
from datumaro.table.chunk import Content


@dataclass(frozen=True, kw_only=True)
class MapillaryVistasReadOptions(MaskReadOptions):
    """Options of an import."""

    format_version: str | None = option(
        None,
        "the version of the annotations (default: the newest that is there)",
        choices=VERSIONS,
        metavar="VERSION",
    )
    parse_polygon: bool = option(False, "read the polygons of v2.0, too")
    use_original_config: bool = option(
        False, "the labels are those of the published data set: no configuration is needed"
    )
    keep_original_category_ids: bool = option(
        False, "labels have the numbers of panoptic categories; those between are class-<number>"
    )


class MapillaryVistas(Format):
    """Masks of instances; panoptic segments, where there are no such masks."""

    name = "mapillary_vistas"
    title = "Mapillary Vistas: masks of things in streets"
    writes = False
    holds = Capabilities(
        annotations={
            AnnotationType.mask: Held(label="required", overlap=False),
            AnnotationType.polygon: Held(label="required"),
        },
        colors=True,
    )
    read_options: ClassVar[type[ReadOptions]] = MapillaryVistasReadOptions
    tasks: ClassVar[tuple[str, ...]] = (INSTANCES, PANOPTIC)
    confidence: ClassVar[Confidence] = Confidence.MEDIUM

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a version's folder of a task in the folder of a subset."""
        if folder.is_file:
            raise Rejected("a file; expected a folder with subsets' folders")
        for subset in folder.folders():
            for version in VERSIONS:
                found = folder.folders(f"{subset}/{version}")
                if any(task in found for task in self.tasks):
                    return self.confidence
        wanted = " or ".join(self.tasks)
        raise Rejected(f"no folder {' or '.join(VERSIONS)} with {wanted} in that of a subset")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets in a folder, or the one whose folder ``path`` is.

        Raises
        ------
        DatasetNotFoundError
            There is no folder of a version, or no configuration of its labels.
        DatasetImportError
            A file is damaged, or has a label that is not declared.
        InvalidOptionError
            There are no polygons in the version.
        """
        from datumaro.formats.mapillary_vistas import reader

        path = path.absolute()
        if files.is_subset(path):
            root, subsets = path.parent, [path.name]
        else:
            wanted = f"no {'/'.join(VERSIONS[:1])}/{self.tasks[0]} in the folder of a subset"
            root = find_root(path, files.is_root, wanted)
            subsets = [
                name
                for name in folders(root)
                if files.is_subset(root / name) or (root / name / files.IMAGES).is_dir()
            ]
        return reader.read(root, subsets, self.tasks, options, context)


class MapillaryVistasInstances(MapillaryVistas):
    """Masks of instances."""

    name = "mapillary_vistas_instances"
    title = "Mapillary Vistas: masks of instances"
    tasks = (INSTANCES,)
    confidence = Confidence.LOW
    part_of = "mapillary_vistas"


class MapillaryVistasPanoptic(MapillaryVistas):
    """Panoptic segments."""

    name = "mapillary_vistas_panoptic"
    title = "Mapillary Vistas: panoptic segments"
    tasks = (PANOPTIC,)
    confidence = Confidence.LOW
    part_of = "mapillary_vistas"
