"""The format's two verbs, its options, and how it is recognised."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    MalformedFileError,
    PathSeparatorInSubsetNameError,
)
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
    option,
)
from datumaro.formats.datumaro_binary.layout import (
    ANNOTATIONS,
    IMAGES,
    MEDIA_TYPES,
    SIGNATURE,
    SUFFIX,
    Header,
    find_sources,
    has_signature,
)
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.reading import read_datum
from datumaro.formats.datumaro_binary.writing import DatumWriter
from datumaro.media_store import MediaStore
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content

log = logging.getLogger("datumaro")

# The numbers of 2D cuboids by the published package's version.
_CUBOID_2D = {"1.10": 16, "1.13": 15}


@dataclass(frozen=True, kw_only=True)
class DatumaroBinaryWriteOptions(WriteOptions):
    """Options of the export."""

    compatible_with: str = option(
        "1.10",
        "version of Datumaro 1.x that shall read 2D cuboids: they numbered them differently",
        choices=("1.10", "1.13"),
    )


class DatumaroBinary(Format):
    """`.datum` files: see docs/formats/datumaro_binary.md."""

    name: ClassVar[str] = "datumaro_binary"
    title: ClassVar[str] = "DatumaroBinary 1.0: one compact .datum file for each subset"
    write_options: ClassVar[type[WriteOptions]] = DatumaroBinaryWriteOptions
    owned: ClassVar[tuple[str, ...]] = (f"{ANNOTATIONS}/*{SUFFIX}",)

    def detect(self, folder: Folder) -> Confidence:
        sources = find_sources(folder)
        if not sources:
            raise Rejected(f"there is no {ANNOTATIONS}/*{SUFFIX}")
        for source in sources:
            relative = "" if folder.is_file else source.path.relative_to(folder.path).as_posix()
            if not has_signature(folder.head(relative, len(SIGNATURE))):
                raise Rejected(
                    f"{relative or source.path} does not begin with {SIGNATURE.decode()}"
                )
        return Confidence.MEDIUM

    def read(self, path: Path, options: ReadOptions, context: ReadContext) -> Content:
        sources = find_sources(Folder(path))
        if not sources:
            raise DatasetNotFoundError(f"{path}: there is no {ANNOTATIONS}/*{SUFFIX}")
        content = Content([])
        first: Header | None = None
        kinds: set[MediaType] = set()
        context.progress.start(len(sources), desc="Reading")
        for number, source in enumerate(sources, 1):
            if source.subset in (".", ".."):
                raise MalformedFileError(source.path, "", f"subset name {source.subset!r}")
            file = read_datum(source, options.allow_external_media, context)
            first = _combine(content, first, file.header, source.path)
            kinds.add(file.media_type)
            content.chunks += file.chunks
            context.progress.report_status(number)
        context.progress.finish()
        content.media_type = kinds.pop() if len(kinds) == 1 else MediaType.MEDIA_ELEMENT
        return content

    def write(
        self,
        content: Content,
        folder: Path,
        options: DatumaroBinaryWriteOptions,
        context: WriteContext,
    ) -> None:
        subsets = content.by_subset() or {"default": []}
        for subset in subsets:
            if "/" in subset or "\\" in subset or subset in ("", ".", ".."):
                raise PathSeparatorInSubsetNameError(subset)
        (folder / ANNOTATIONS).mkdir(exist_ok=True)
        (folder / IMAGES).mkdir(exist_ok=True)
        known = content.media_type in MEDIA_TYPES
        header = Header(
            content.infos,
            content.categories,
            content.media_type if known else MediaType.MEDIA_ELEMENT,
            media_encryption=options.save_media,
        )
        media = MediaWriter(options.save_media, options.image_ext, context)
        for subset, chunks in subsets.items():
            writer = DatumWriter(subset, media, _CUBOID_2D[options.compatible_with])
            if not known:
                writer.extension.media_type = content.media_type
            for chunk in chunks:
                writer.add(chunk)
            writer.finish(folder / ANNOTATIONS / f"{subset}{SUFFIX}", header, context.progress)
        if media.jobs:
            MediaStore(folder, context.progress).save(media.jobs, len(media.jobs))


def _combine(content: Content, first: Header | None, header: Header, path: Path) -> Header:
    """Put a file's categories and infos with those of the files before it."""
    if first is None:
        content.categories, content.infos = dict(header.categories), dict(header.infos)
        return header
    if header.categories != first.categories:
        raise DatasetImportError(
            f"{path}: its categories are not those of the other subsets' files"
        )
    for name, value in header.infos.items():
        if content.infos.setdefault(name, value) != value:
            log.warning("%s: info %r differs from the other subsets' and is left out", path, name)
    return first
