"""A data set of records, version 1.0 of the format, read and written as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from datumaro.errors import MalformedFileError, WrongKeyError
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.datumaro_binary.ciphers import PLAIN, Sealed
from datumaro.formats.datumaro_binary.combining import combine
from datumaro.formats.datumaro_binary.encryption import (
    WritingKey,
    check_choice,
    kept_options,
    reading_cipher,
    refuse_parquet_keys,
    writing_key,
)
from datumaro.formats.datumaro_binary.layout import MEDIA_TYPES, Header, PartReader, read_field
from datumaro.formats.datumaro_binary.manifest import (
    Manifest,
    check_files,
    new_export,
    seals_of_subset,
)
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.reading import DatumFile, read_datums
from datumaro.formats.datumaro_binary.sources import (
    ANNOTATIONS,
    IMAGES,
    POINT_CLOUDS,
    SUFFIX,
    VIDEOS,
    Source,
)
from datumaro.formats.datumaro_binary.writing import DatumWriter
from datumaro.media_store import MediaStore
from datumaro.model.kinds import MediaType
from datumaro.table.chunk import Chunk
from datumaro.table.content import Content

if TYPE_CHECKING:
    from datumaro.formats.datumaro_binary.format import (
        DatumaroBinaryReadOptions,
        DatumaroBinaryWriteOptions,
    )

# The numbers of 2D cuboids by the published package's version.
_CUBOID_2D = {"1.10": 16, "1.13": 15}


def read(
    sources: Sequence[Source], whole: bool, options: DatumaroBinaryReadOptions, context: ReadContext
) -> Content:
    """Read the files of a data set.

    Parameters
    ----------
    whole : they are all that there are.

    Raises
    ------
    DatasetImportError
        One is damaged, or they do not fit together; or the key is missing, wrong or superfluous.
    """
    refuse_parquet_keys(options, "data sets of storage records", WrongKeyError)
    fields = {source.path: _encryption_field(source) for source in sources}
    key = reading_cipher(fields, options.encryption_key, options.key_file)
    for source in sources:
        if source.subset in (".", ".."):
            raise MalformedFileError(
                source.path, "its name", f"subset name {source.subset!r}", "a folder's name"
            )
    found = read_datums(sources, options.allow_external_media, context, key)
    files = dict(zip(sources, found, strict=True))
    content = Content([])
    first: Header | None = None
    for source, file in files.items():
        first = combine(content, first, file.header, source.path)
        content.chunks += file.chunks
    kinds = {file.media_type for file in found}
    if key is not None:
        _check_together(files, whole)
        media_encryption = any(file.header.media_encryption for file in files.values())
        context.keep |= kept_options(key, media_encryption)
    content.media_type = kinds.pop() if len(kinds) == 1 else MediaType.MEDIA_ELEMENT
    return content


def _encryption_field(source: Source) -> bytes:
    with source.path.open("rb", buffering=0) as raw:
        return read_field(PartReader(raw, source.path))[1]


def _check_together(files: dict[Source, DatumFile], whole: bool) -> None:
    """See that the files of each folder of annotations belong together."""
    by_root: dict[Path, list[tuple[Path, str, Manifest | None]]] = {}
    for source, file in files.items():
        found = by_root.setdefault(source.root, [])
        found.append((source.path, source.subset, file.manifest))
    for found in by_root.values():
        check_files(found, whole)


def write(
    content: Content,
    subsets: dict[str, list[Chunk]],
    folder: Path,
    options: DatumaroBinaryWriteOptions,
    context: WriteContext,
) -> None:
    """Write a data set's files and media into ``folder``.

    Raises
    ------
    EncryptionError
        Options of encryption contradict each other, or a key is none.
    """
    refuse_parquet_keys(options, "storage records")
    key = writing_key(options.encryption, options.encryption_key, options.key_file)
    check_choice(key is not None, options.no_media_encryption, options.compatible_with)
    (folder / ANNOTATIONS).mkdir(exist_ok=True)
    (folder / IMAGES).mkdir(exist_ok=True)
    with nullcontext() if key is None else key.kept(folder):
        _write(content, subsets, folder, options, context, key)


def _write(
    content: Content,
    subsets: dict[str, list[Chunk]],
    folder: Path,
    options: DatumaroBinaryWriteOptions,
    context: WriteContext,
    key: WritingKey | None,
) -> None:
    known = content.media_type in MEDIA_TYPES
    media_encryption = options.save_media and not options.no_media_encryption
    cipher = None if key is None else key.cipher
    header = Header(
        content.infos,
        content.categories,
        content.media_type if known else MediaType.MEDIA_ELEMENT,
        media_encryption=media_encryption,
        cipher=PLAIN if cipher is None else Sealed(cipher),
        key=cipher,
        manifest="" if cipher is None else new_export(),
    )
    media_cipher = cipher if media_encryption else None
    media = MediaWriter(
        options.save_media, options.image_ext, context, encrypt=media_cipher is not None
    )
    writers: dict[str, DatumWriter] = {}
    for subset, chunks in subsets.items():
        writer = writers[subset] = DatumWriter(subset, media, _CUBOID_2D[options.compatible_with])
        if not known:
            writer.extension.media_type = content.media_type
        writer.add(chunks, context.workers)
    seals: dict[str, bytes] = {}
    if media.jobs:  # before the annotations: these list the media's seals
        store = MediaStore(folder, context.progress, context.workers, media_cipher)
        seals = store.save(media.jobs, len(media.jobs)).seals
    for subset, writer in writers.items():
        manifest = None
        if cipher is not None:
            own = seals_of_subset(seals, subset, (IMAGES, POINT_CLOUDS, VIDEOS))
            manifest = Manifest(header.manifest, subset, list(subsets), media_encryption, media=own)
        path = folder / ANNOTATIONS / f"{subset}{SUFFIX}"
        writer.finish(path, header, context, manifest)
    if cipher is not None:
        context.keep |= kept_options(cipher, media_encryption)
