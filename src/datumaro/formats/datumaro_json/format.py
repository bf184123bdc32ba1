"""The `datumaro` format: see docs/formats/datumaro.md."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datumaro.errors import DatasetImportError, DatasetNotFoundError, MalformedFileError
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
from datumaro.formats.capabilities import ALL
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.datumaro_json.detection import (
    ANNOTATIONS,
    EXTENSION,
    HEAD,
    find_files,
    is_datumaro_json,
)
from datumaro.formats.datumaro_json.media_reading import MediaFolders
from datumaro.formats.datumaro_json.reading import FileContent, read_file
from datumaro.formats.datumaro_json.writing import write_content
from datumaro.formats.json_errors import shown
from datumaro.model.media import MediaType
from datumaro.options import option
from datumaro.paths import absolute
from datumaro.table.chunk import Content


@dataclass(frozen=True, kw_only=True)
class DatumaroJsonReadOptions(ReadOptions):
    """Options of the import."""

    subset: str | None = option(
        None, "the subset's name, instead of the file's; for a single file", metavar="NAME"
    )


class DatumaroJson(Format):
    """Datumaro's own data sets as JSON, a file for each subset."""

    name = "datumaro"
    title = "Datumaro's own JSON, one file for each subset"
    read_options = DatumaroJsonReadOptions
    write_options = MetaWriteOptions
    owned = (f"{ANNOTATIONS}/*{EXTENSION}", dataset_meta.FILE)
    holds = ALL

    def detect(self, folder: Folder) -> Confidence:
        """Ask the first annotation file: its first keys tell."""
        if folder.is_file:
            if folder.path.suffix != EXTENSION:
                raise Rejected(f"it is no {EXTENSION} file")
            head = folder.head("", HEAD)
        else:
            found = find_files(folder)
            if found is None:
                raise Rejected(f"there is no {ANNOTATIONS}/*{EXTENSION}")
            relative, names = found
            head = folder.head(posixpath.join(relative, ANNOTATIONS, names[0]), HEAD)
        if not is_datumaro_json(head):
            raise Rejected("the annotation file does not begin with the format's keys")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets' files, or one file."""
        external = options.allow_external_media
        files = _files(path)
        names = [file.stem for file in files]
        if options.subset and len(files) > 1:
            raise DatasetImportError(
                f"{path} has {len(files)} subsets ({', '.join(names)}); the option subset names one"
            )
        contents: list[FileContent] = []
        for file in files:
            folder = absolute(file.parent)
            if file.parent.name == ANNOTATIONS:
                folders = MediaFolders.of_subset(
                    str(Path(folder).parent), file.stem, names, allow_external=external
                )
            else:
                folders = MediaFolders.beside(folder, allow_external=external)
            contents.append(read_file(file, options.subset or file.stem, folders, context))
        return _merge(contents)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a file for each subset, and the media if asked to."""
        write_content(content, folder, options, context)
        if options.save_dataset_meta:
            dataset_meta.save(content.categories, folder, context)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = find_files(Folder(path)) if path.is_dir() else None
    if found is None:
        raise DatasetNotFoundError(f"{path}: no {ANNOTATIONS}/*{EXTENSION} at or below it")
    relative, names = found
    return [path / relative / ANNOTATIONS / name for name in names]


def _merge(contents: list[FileContent]) -> Content:
    """The files' contents as one. They must agree, as those of one export do."""
    first = contents[0]
    infos: dict[str, Any] = {}
    for content in contents:
        if content.categories != first.categories:
            kinds = ", ".join(kind.name for kind in content.categories) or "nothing"
            raise MalformedFileError(
                content.path,
                "$.categories",
                f"categories of {kinds} that differ",
                f"those of {first.path}; import the files one by one and merge them",
            )
        for key, value in content.infos.items():
            if infos.setdefault(key, value) != value:
                raise MalformedFileError(
                    content.path,
                    f"$.infos.{key}",
                    shown(value),
                    f"{shown(infos[key])}, as in another of the data set's files",
                )
    kinds = {content.media_type for content in contents if content.chunks}
    kind = first.media_type if not kinds else kinds.pop()
    return Content(
        [chunk for content in contents for chunk in content.chunks],
        first.categories,
        infos,
        MediaType.MEDIA_ELEMENT if kinds else kind,
    )
