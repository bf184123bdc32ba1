"""The Mapillary Vistas family: masks of instances, or panoptic segments.

Definition: https://www.mapillary.com/dataset/vistas. See docs/formats/mapillary_vistas.md.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.formats import dataset_meta, paint_plan
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import find_root, folders
from datumaro.formats.mapillary_vistas import files
from datumaro.formats.mapillary_vistas.files import (
    INSTANCES,
    LABELS,
    NEWEST,
    PANOPTIC,
    POLYGONS,
    VERSIONS,
    VOID,
)
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


@dataclass(frozen=True, kw_only=True)
class MapillaryVistasWriteOptions(MetaWriteOptions):
    """Options of an export."""

    format_version: str = option(
        NEWEST, "the version of the annotations", choices=VERSIONS, metavar="VERSION"
    )
    label_map: str = option(
        paint_plan.SOURCE,
        "labels and colours: source (the data set's own), mapillary (those of the published data "
        "set), or a file",
        metavar="SOURCE|MAPILLARY|FILE",
    )
    save_polygons: bool = option(
        False, "write polygons, too (v2.0); an import reads them with parse_polygon"
    )


_POLYGONS = f"*/v*/{POLYGONS}/**/*.json"
_OF_INSTANCES = (
    "config_v*.json",
    "*/config_v*.json",
    f"*/v*/{INSTANCES}/**/*.png",
    f"*/v*/{LABELS}/**/*.png",
)
_OF_SEGMENTS = (f"*/v*/{PANOPTIC}/**/*.png", f"*/v*/{PANOPTIC}/*.json")


class MapillaryVistas(Format):
    """Masks of instances; panoptic segments, where there are no such masks. Both are written."""

    name = "mapillary_vistas"
    title = "Mapillary Vistas: masks of things in streets"
    holds = Capabilities(
        annotations={AnnotationType.mask: Held(label="required", ids="some", overlap=False)},
        media_found=True,
        added_labels=(VOID,),
        colors=True,
    )
    owned = (*_OF_INSTANCES, *_OF_SEGMENTS, _POLYGONS, dataset_meta.FILE)
    write_options: ClassVar[type[WriteOptions]] = MapillaryVistasWriteOptions
    read_options: ClassVar[type[ReadOptions]] = MapillaryVistasReadOptions
    tasks: ClassVar[tuple[str, ...]] = (INSTANCES, PANOPTIC)
    confidence: ClassVar[Confidence] = Confidence.MEDIUM

    def holding(self, options: Any) -> Capabilities | None:
        """See `Format.holding`: with ``save_polygons``, polygons too."""
        if self.holds is None or not getattr(options, "save_polygons", False):
            return self.holds
        held = {AnnotationType.polygon: Held(label="required", ids=True)}
        return dataclasses.replace(self.holds, annotations={**self.holds.annotations, **held})

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
            context.is_part = True
        else:
            wanted = f"no {'/'.join(VERSIONS[:1])}/{self.tasks[0]} in the folder of a subset"
            root = find_root(path, files.is_root, wanted)
            subsets = [
                name
                for name in folders(root)
                if files.is_subset(root / name) or (root / name / files.IMAGES).is_dir()
            ]
        return reader.read(root, subsets, self.tasks, options, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write masks and labels, and the images if they are wanted.

        Raises
        ------
        InvalidOptionError
            There are no polygons in the version.
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            There are too many labels, or a name cannot be written.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        from datumaro.formats.mapillary_vistas.writer import write

        write(content, folder, self.tasks, options, context)


class MapillaryVistasInstances(MapillaryVistas):
    """Masks of instances."""

    name = "mapillary_vistas_instances"
    title = "Mapillary Vistas: masks of instances"
    tasks = (INSTANCES,)
    owned = (*_OF_INSTANCES, _POLYGONS, dataset_meta.FILE)
    confidence = Confidence.LOW
    part_of = "mapillary_vistas"


class MapillaryVistasPanoptic(MapillaryVistas):
    """Panoptic segments."""

    name = "mapillary_vistas_panoptic"
    title = "Mapillary Vistas: panoptic segments"
    holds = Capabilities(
        annotations={
            AnnotationType.mask: Held(names={"is_crowd": (False, True)}, ids=True, overlap=False)
        },
        media_found=True,
        label_parents=True,
        colors=True,
    )
    tasks = (PANOPTIC,)
    owned = (*_OF_SEGMENTS, _POLYGONS, dataset_meta.FILE)
    confidence = Confidence.LOW
    part_of = "mapillary_vistas"
