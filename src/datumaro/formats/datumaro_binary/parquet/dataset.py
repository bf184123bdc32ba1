"""A data set of Parquet files, read and written as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datumaro.crypto import FileCipher
from datumaro.errors import MalformedFileError
from datumaro.formats.base import ReadContext, log
from datumaro.formats.datumaro_binary.manifest import seals_of_subset
from datumaro.formats.datumaro_binary.media_out import MediaWriter
from datumaro.formats.datumaro_binary.parquet.encryption import Vault, writing_vault
from datumaro.formats.datumaro_binary.parquet.master_keys import MasterKey
from datumaro.formats.datumaro_binary.parquet.metadata import FileMetadata
from datumaro.formats.datumaro_binary.parquet.parts import Part
from datumaro.formats.datumaro_binary.parquet.reading import (
    FilePart,
    read_metadata,
    read_parquet,
)
from datumaro.formats.datumaro_binary.parquet.together import files_of, put_together
from datumaro.formats.datumaro_binary.parquet.writing import (
    ParquetFile,
    ParquetWriter,
    Piece,
)
from datumaro.formats.datumaro_binary.sources import (
    ANNOTATIONS,
    IMAGES,
    POINT_CLOUDS,
    SUFFIX,
    VIDEOS,
    Source,
)
from datumaro.media_store import MediaStore
from datumaro.remote.ahead import in_parallel
from datumaro.table.chunk import Content
from datumaro.table.counts import Count
from datumaro.workers import Workers


def read(
    sources: Sequence[Source],
    whole: bool,
    allow_external: bool,
    context: ReadContext,
    part: Part,
    vaults: Mapping[Path, Vault],
) -> Content:
    """Read the files of a data set.

    Parameters
    ----------
    whole : they are all that there are: no shard may be missing.
    part : what to read of them.
    vaults : of the folders whose files are encrypted.

    Raises
    ------
    MalformedFileError
        A shard is missing, or see `reading.read_parquet`.
    """
    footers = in_parallel(
        lambda path: read_metadata(path, vaults.get(path.parent)),
        [source.path for source in sources],
    )
    metadata = dict(zip(sources, footers, strict=True))
    ordered, content = put_together(metadata, whole)
    wanted = files_of(part, ordered, metadata)
    parts = [
        FilePart(source.path, str(source.root), begin, end, vaults.get(source.path.parent))
        for source, begin, end in wanted
    ]
    told = {source.path: metadata[source] for source in sources}
    context.progress.start(len(parts), desc="Reading")
    for number, (file, data) in enumerate(read_parquet(parts, allow_external, context), 1):
        if file.end - file.begin == told[file.path].items and not context.n_problems:
            _check_count(file.path, told[file.path].count, data.count, context)
        content.chunks += data.chunks
        context.progress.report_status(number)
    context.progress.finish()
    sizes = [told.items for told in metadata.values() if told.shards > 1 and not told.shard]
    context.keep |= {"storage": "parquet", "shard_size": max(sizes, default=0)}
    context.is_part = not part.is_whole
    return content


def _check_count(path: Path, told: Count | None, found: Count, context: ReadContext) -> None:
    """See that a file that was read whole has what it says it has.

    Raises
    ------
    MalformedFileError
        It has other numbers of annotations, and the context does not skip problems.
    """
    if told is None or found == told:
        return
    error = MalformedFileError(
        path,
        "metadata 'datumaro': counts",
        _count_text(told, found),
        f"{_count_text(found, told)}, as the file has: it was changed by other means. With "
        "error_policy 'skip' (--on-error skip) all of it is read; an export counts anew",
    )
    if context.on_error == "fail":
        raise error
    log.warning("%s", error)


def _count_text(count: Count, other: Count) -> str:
    """What is different in another count."""
    if count.unannotated != other.unannotated:
        return f"{count.unannotated} items without annotations"
    for kind, labels in (other.by_label | count.by_label).items():
        mine, others = count.by_label.get(kind, {}), other.by_label.get(kind, {})
        for label in labels | others:
            if mine.get(label, 0) != others.get(label, 0):
                what = "no label" if label is None else f"label {label}"
                return f"{mine.get(label, 0)} {kind.name} annotations with {what}"
    return "the same"


def write(
    content: Content,
    folder: Path,
    media: MediaWriter,
    shard_size: int,
    masters: Sequence[MasterKey] = (),
) -> None:
    """Write a data set's files and media into ``folder``.

    Parameters
    ----------
    shard_size : items of each file; 0 for one file for each subset.
    masters : the keys that each open it; none for no encryption.
    """
    context = media.context
    workers = context.workers if context.workers.share_memory else Workers()
    metadata = FileMetadata("", 0, content.media_type, content.infos, content.categories)
    files: list[ParquetFile] = []
    subsets = content.by_subset() or {"default": []}
    for subset, chunks in subsets.items():
        writer = ParquetWriter(subset, media, shard_size)
        writer.add(chunks)
        files += writer.files(metadata, workers)
    if masters:
        stems = [file.stem for file in files]
        with writing_vault(folder, stems, masters, media.encrypt) as vault:
            _write_files(files, folder, media, workers, vault)
            seals = _save_media(folder, media, vault.media_cipher if media.encrypt else None)
            if media.encrypt:
                for subset in subsets:
                    own = seals_of_subset(seals, subset, (IMAGES, POINT_CLOUDS, VIDEOS))
                    vault.write_media_seals(folder / ANNOTATIONS, subset, own)
    else:
        _write_files(files, folder, media, workers, None)
        _save_media(folder, media, None)
    context.keep |= {"storage": "parquet", "shard_size": shard_size}


def _write_files(
    files: list[ParquetFile],
    folder: Path,
    media: MediaWriter,
    workers: Workers,
    vault: Vault | None,
) -> None:
    """Write the files: each by a worker where they are many, else by one thread, encoded by all."""
    context = media.context

    def encode(task: tuple[ParquetFile, Piece]) -> Any:
        file, piece = task
        return file.encode(piece) if vault is None else file.batch(piece)

    def write_file(file: ParquetFile, groups: Iterator[Any]) -> None:
        path = folder / ANNOTATIONS / f"{file.stem}{SUFFIX}"
        if vault is None:
            file.write(path, groups)
        else:
            file.write_encrypted(path, groups, vault)

    def write_alone(file: ParquetFile) -> None:
        write_file(file, (encode((file, piece)) for piece in file.pieces))

    context.progress.start(len(files), desc="Writing")
    sizes = [file.metadata.items for file in files]
    if max(sizes) * workers.num_workers <= sum(sizes):
        with workers.map(write_alone, ([file] for file in files)) as written:
            for number, _ in enumerate(written, 1):
                context.progress.report_status(number)
    else:
        tasks = ([(file, piece)] for file in files for piece in file.pieces)
        with workers.map(encode, tasks) as groups:
            for number, file in enumerate(files, 1):
                write_file(file, groups)
                context.progress.report_status(number)
    context.progress.finish()


def _save_media(folder: Path, media: MediaWriter, cipher: FileCipher | None) -> dict[str, bytes]:
    """Save the media that there are to save; their seals, when they are encrypted."""
    if not media.jobs:
        return {}
    store = MediaStore(folder, media.context.progress, media.context.workers, cipher)
    return store.save(media.jobs, len(media.jobs)).seals
