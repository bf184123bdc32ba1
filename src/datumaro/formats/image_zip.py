"""Images in ZIP archives, without annotations. See docs/formats/image_zip.md."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    MalformedFileError,
    RepeatedItemInFileError,
    UnsupportedContentError,
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
)
from datumaro.formats.capabilities import Capabilities
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import folders, is_image, item_ids, stem_of
from datumaro.formats.image_media import image_source, require_images
from datumaro.formats.rows import ChunkRows
from datumaro.formats.zipped_files import ZippedFile, list_archive
from datumaro.media_store import MediaJob, media_contents, media_extension, same_source
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import Image, MediaElement
from datumaro.options import option
from datumaro.paths import escapes, join_inside
from datumaro.table.chunk import Chunk, Content

COMPRESSIONS = {
    "ZIP_STORED": zipfile.ZIP_STORED,
    "ZIP_DEFLATED": zipfile.ZIP_DEFLATED,
    "ZIP_BZIP2": zipfile.ZIP_BZIP2,
    "ZIP_LZMA": zipfile.ZIP_LZMA,
}
_CHUNK_ITEMS = 1 << 16
_SEARCH_DEPTH = 3
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that archives know: the same data, the same file
_HEADS = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of an empty one


@dataclass(frozen=True, kw_only=True)
class ImageZipReadOptions(ReadOptions):
    """Options of an import."""

    subset: str = option(DEFAULT_SUBSET_NAME, "the subset that the items get", metavar="NAME")


@dataclass(frozen=True, kw_only=True)
class ImageZipWriteOptions(WriteOptions):
    """Options of an export."""

    name: str = option("default.zip", "the archive's name", metavar="NAME")
    compression: str = option(
        "ZIP_STORED", "how the images are packed", choices=tuple(COMPRESSIONS)
    )


class ImageZip(Format):
    """Images in archives and the folders in them: an item for each, without annotations.

    Ids are as those of a folder of images: see docs/formats/image_dir.md.
    """

    name = "image_zip"
    title = "ZIP archives of images, without annotations"
    always_saves_media = True
    holds = Capabilities(media_needed=True, subsets=False, labels="none")
    read_options: ClassVar[type[ReadOptions]] = ImageZipReadOptions
    write_options: ClassVar[type[WriteOptions]] = ImageZipWriteOptions

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: nothing but archives, and in the first of them images alone."""
        names = [""] if folder.is_file else [n for n in folder.files() if not n.startswith(".")]
        if folder.folders():
            raise Rejected(f"it has folders ({folder.folders()[0]!r}); expected archives alone")
        first = folder.path.name if folder.is_file else next(iter(names), "")
        if not first:
            raise Rejected("there are no archives")
        other = next((n for n in names if n and not n.lower().endswith(".zip")), None)
        if other is not None or not first.lower().endswith(".zip"):
            raise Rejected(f"{other or first!r} is not called *.zip; expected archives alone")
        if not folder.head(names[0], 4).startswith(_HEADS):
            raise Rejected(f"{first!r} does not begin as a ZIP archive")
        for file in list_archive(folder.path / names[0] if names[0] else folder.path):
            if not is_image(file.name) and not _is_clutter(file.name):
                raise Rejected(f"{first!r} holds {file.name!r}, which is no image: unpack it")
        return Confidence.LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read an archive, or all in a folder and up to three levels of folders in it.

        Images are unpacked when they are looked at.

        Raises
        ------
        DatasetNotFoundError
            There is no archive.
        MalformedFileError
            One is damaged, or far larger when it is unpacked.
        """
        archives = [path] if path.is_file() else list(_archives(path, _SEARCH_DEPTH))
        if not archives:
            raise DatasetNotFoundError(f"{path}: no *.zip")
        chunks: list[Chunk] = []
        context.progress.start(len(archives), desc="Reading archives")
        for done, archive in enumerate(archives, 1):
            chunks += _chunks(archive, options.subset, context)
            context.progress.report_status(done)
        context.progress.finish()
        return Content(chunks)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write the images as ``<id>.<extension>`` in one archive, also without ``save_media``.

        Raises
        ------
        UnsupportedContentError
            The archive's name is no name of a file.
        MediaTypeError
            The data set's media are no images. Of a mixed one, those that are none are left out.
        DatasetExportError
            Different images would have the same name, or one cannot be read.
        PathOutsideDatasetError
            An item's id leads outside.
        """
        require_images(content, self.name)
        name: str = options.name
        if not name or "/" in name or "\\" in name or not name.lower().endswith(".zip"):
            raise UnsupportedContentError(
                f"the archive's name {name!r}; expected a name without folders that ends in .zip"
            )
        jobs = list(_jobs(content, folder, options, context))
        progress = context.progress
        progress.start(len(jobs), desc="Writing the archive")
        with (
            zipfile.ZipFile(folder / name, "w", COMPRESSIONS[options.compression]) as archive,
            media_contents(jobs, context.workers) as contents,
        ):
            for done, (job, data) in enumerate(zip(jobs, contents, strict=True), 1):
                if data is not None:
                    entry = zipfile.ZipInfo(job.destination, _EPOCH)
                    entry.external_attr = 0o644 << 16
                    archive.writestr(entry, data, COMPRESSIONS[options.compression])
                progress.report_status(done)
        progress.finish()


# --- reading ------------------------------------------------------------------------------------


def _archives(folder: Path, depth: int) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.is_file() and e.name.lower().endswith(".zip"))
    yield from (folder / name for name in names)
    if depth:
        for name in folders(folder):
            yield from _archives(folder / name, depth - 1)


def _is_clutter(name: str) -> bool:
    return name.startswith("__MACOSX/") or any(part.startswith(".") for part in name.split("/"))


def _chunks(path: Path, subset: str, context: ReadContext) -> Iterator[Chunk]:
    """The items of an archive, by name."""
    found: dict[str, ZippedFile] = {}
    for file in list_archive(path):
        if escapes(file.name):
            context.problem(
                MalformedFileError(path, f"file {file.name!r}", "it leads outside", "a name inside")
            )
        elif is_image(file.name) and not _is_clutter(file.name):
            first = found.setdefault(file.name, file)
            if first is not file:
                item = (stem_of(file.name), subset)
                place, before = f"byte {file.at}", f"byte {first.at}"
                context.problem(RepeatedItemInFileError(item, path, place, before))
    names = sorted(found)
    ids = item_ids(names)
    for begin in range(0, len(names), _CHUNK_ITEMS):
        columns = ChunkColumns()
        part = slice(begin, begin + _CHUNK_ITEMS)
        for name, item_id in zip(names[part], ids[part], strict=True):
            image = Image.from_bytes(found[name], name[len(stem_of(name)) :])
            columns.add_item(item_id, subset, "", in_memory=image)
        yield columns.finish()


# --- writing ------------------------------------------------------------------------------------


def _jobs(
    content: Content, folder: Path, options: ImageZipWriteOptions, context: WriteContext
) -> Iterator[MediaJob]:
    taken: dict[str, tuple[str, str | MediaElement]] = {}
    for chunk in content.chunks:
        rows = ChunkRows(chunk)
        for item, item_id in enumerate(rows.ids):
            source = image_source(rows, item, context)
            if source is None:
                continue
            extension = media_extension(rows.path(item), rows.medium(item), options.image_ext)
            name = item_id + extension
            join_inside(folder, name, what="item id")
            other = taken.setdefault(name, (item_id, source))
            if other[1] is source:
                yield MediaJob(source, name, f"item {item_id!r}")
            elif not same_source(other[1], source):
                raise DatasetExportError(
                    f"two images would both be {name!r} in the archive, which has no subsets; "
                    f"rename one of the items {item_id!r}"
                )
