"""The format's two verbs, its options, and how it is recognised."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    DatasetNotFoundError,
    EncryptionKeyError,
    InvalidOptionError,
    MalformedFileError,
    PathSeparatorInSubsetNameError,
)
from datumaro.formats import dataset_meta
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    ReadOptions,
    Rejected,
    WriteContext,
    WriteOptions,
    num_workers_option,
)
from datumaro.formats.capabilities import ALL, Capabilities
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.datumaro_binary.parquet.parts import part_of
from datumaro.formats.datumaro_binary.sources import (
    ANNOTATIONS,
    IMAGES,
    KEY_FILE,
    KEYS,
    PARQUET,
    POINT_CLOUDS,
    SIGNATURE,
    SUFFIX,
    VIDEOS,
    find_sources,
    has_signature,
    is_encrypted,
    is_parquet,
)
from datumaro.options import option
from datumaro.remote.ahead import read_ahead
from datumaro.remote.path import as_remote
from datumaro.remote.tools import copying

if TYPE_CHECKING:  # what reads and writes costs time, and summaries do without
    from datumaro.table.content import Content
    from datumaro.table.counts import Summary


def _shard_size(word: str) -> int:
    if not word.strip().isdecimal():
        raise ValueError(f"{word!r} is no number of items; expected 0, for one file, or how many")
    return int(word)


@dataclass(frozen=True, kw_only=True)
class DatumaroBinaryReadOptions(ReadOptions):
    """Options of the import."""

    encryption_key: str | bytes | None = option(
        None,
        "the key of an encrypted data set; others may see it in the list of processes: rather use "
        "key_file, or the environment variable DATUMARO_ENCRYPTION_KEY",
        metavar="KEY",
        secret=True,
    )
    key_file: str | None = option(
        None, "file that holds the key of an encrypted data set", metavar="FILE"
    )
    shard: str | None = option(
        None,
        "of parquet storage: read every N-th file, from file I on (from 0), as one of N workers "
        "that share a data set",
        metavar="I/N",
    )
    rows: str | None = option(
        None,
        "of parquet storage: read these items of each subset, counted from 0; either number may be "
        "left out",
        metavar="BEGIN:END",
    )
    passphrase: str | None = option(
        None, "the passphrase of an encrypted data set of storage parquet", secret=True
    )
    passphrase_file: str | None = option(None, "file that holds the passphrase", metavar="FILE")
    kms: object | None = option(
        None,
        "key management service that opens a data set of storage parquet, a Python object by its "
        "module and name (docs/security.md)",
        metavar="MODULE:NAME",
    )
    num_workers: int | None = num_workers_option("decrypt and parse")


@dataclass(frozen=True, kw_only=True)
class DatumaroBinaryWriteOptions(MetaWriteOptions):
    """Options of the export."""

    encryption: bool = option(
        False,
        "encrypt annotations and saved media with a new key, which is written to key_file, or else "
        f"to {KEY_FILE} in the data set",
    )
    no_media_encryption: bool = option(False, "encrypt the annotations alone")
    key_file: str | None = option(
        None,
        "encrypt; file to write the new key to, outside the data set. When it exists, the key in "
        "it is used",
        metavar="FILE",
    )
    encryption_key: str | bytes | None = option(
        None, "encrypt with this key, which is written nowhere", secret=True
    )
    passphrase: str | None = option(
        None, "encrypt with this passphrase; storage parquet alone", secret=True
    )
    passphrase_file: str | None = option(
        None, "encrypt with the passphrase in a file; storage parquet alone", metavar="FILE"
    )
    kms: object | None = option(
        None,
        "encrypt with a key management service, a Python object by its module and name "
        "(docs/security.md); storage parquet alone",
        metavar="MODULE:NAME",
    )
    kms_key: str | None = option(None, "the service's key to encrypt with", metavar="ID")
    storage: str = option(
        "records",
        "records: version 1.0 of the format, which Datumaro 1.x reads; parquet: Apache Parquet, a "
        "quarter of the size, which data tools read (docs/storage.md)",
        choices=("records", "parquet"),
    )
    shard_size: int = option(
        0,
        "items in each file, of parquet storage; 0 for one file for each subset",
        parse=_shard_size,
        metavar="ITEMS",
    )
    compatible_with: str = option(
        "1.10",
        "version of Datumaro 1.x that shall read 2D cuboids: they numbered them differently",
        choices=("1.10", "1.13"),
    )


class DatumaroBinary(Format):
    """`.datum` files: see docs/formats/datumaro_binary.md."""

    name: ClassVar[str] = "datumaro_binary"
    title: ClassVar[str] = "DatumaroBinary 1.0: one compact .datum file for each subset"
    read_options: ClassVar[type[ReadOptions]] = DatumaroBinaryReadOptions
    write_options: ClassVar[type[WriteOptions]] = DatumaroBinaryWriteOptions
    owned: ClassVar[tuple[str, ...]] = (
        f"{ANNOTATIONS}/*{SUFFIX}",
        f"{ANNOTATIONS}/*.keys",
        f"{ANNOTATIONS}/*.media",
        dataset_meta.FILE,
    )
    at_urls: ClassVar[bool] = True
    holds: ClassVar[Capabilities | None] = ALL

    def detect(self, folder: Folder) -> Confidence:
        sources = find_sources(folder)
        if not sources:
            raise Rejected(f"there is no {ANNOTATIONS}/*{SUFFIX}")
        # at a URL each is a request, and reading looks at all of them
        for source in sources[:1] if as_remote(folder.path) else sources:
            relative = "" if folder.is_file else source.path.relative_to(folder.path).as_posix()
            head = folder.head(relative, len(SIGNATURE))
            if not has_signature(head) and not head.startswith(PARQUET):
                raise Rejected(
                    f"{relative or source.path} does not begin with {SIGNATURE.decode()} or "
                    f"{PARQUET[0].decode()}"
                )
        return Confidence.MEDIUM

    def is_unmistakable(self, folder: Folder) -> bool:
        others = {ANNOTATIONS, IMAGES, POINT_CLOUDS, VIDEOS}
        names = [name for name in folder.files() if not name.startswith(".")]
        if folder.is_file or not {*folder.folders(), *names} <= {*others, dataset_meta.FILE}:
            return False
        inner = [f"{ANNOTATIONS}/{name}" for name in folder.files(ANNOTATIONS)]
        files = [name for name in inner if name.endswith(SUFFIX)]
        known = all(name.endswith((SUFFIX, ".keys", ".media")) for name in inner)
        if not files or not known or folder.folders(ANNOTATIONS):
            return False
        heads = (folder.head(name, len(SIGNATURE)) for name in files)
        return all(has_signature(head) or head.startswith(PARQUET) for head in heads)

    def summarize(
        self, path: Path, options: DatumaroBinaryReadOptions, context: ReadContext
    ) -> Summary | None:
        sources = find_sources(Folder(path))
        part = part_of(options.shard, options.rows)
        if not sources or not part.is_whole or not all(is_parquet(s.path) for s in sources):
            return None
        from datumaro.formats.datumaro_binary.parquet.summary import summarize

        paths = [source.path for source in sources]
        if not _asks_for_keys(paths, options):
            return summarize(sources, path.is_dir(), {})
        from datumaro.formats.datumaro_binary.parquet.given_keys import opened

        vaults, _ = opened(paths, options, path.is_dir())
        return summarize(sources, path.is_dir(), vaults)

    def check_url(self, options: DatumaroBinaryWriteOptions) -> None:
        if options.storage != "parquet":
            raise DatasetExportError(
                f"storage {options.storage} is not written to URLs; say storage parquet "
                "(--storage parquet), or export to a local folder, and copy it with the storage's "
                "own tool"
            )
        others = (options.encryption_key, options.key_file, options.passphrase)
        if options.encryption and not any((*others, options.passphrase_file, options.kms)):
            raise EncryptionKeyError(
                "the new key would lie at the URL, beside the data that it opens; name a local "
                "file for it: key_file (--key-file FILE)"
            )

    def read(self, path: Path, options: DatumaroBinaryReadOptions, context: ReadContext) -> Content:
        sources = find_sources(Folder(path))
        if not sources:
            raise DatasetNotFoundError(f"{path}: there is no {ANNOTATIONS}/*{SUFFIX}")
        part = part_of(options.shard, options.rows)
        read_ahead([source.path for source in sources])
        tables = [source for source in sources if is_parquet(source.path)]
        if tables:
            if len(tables) < len(sources):
                other = next(source for source in sources if source not in tables)
                raise MalformedFileError(
                    other.path,
                    "its storage",
                    f"records, and {tables[0].path} is of Parquet",
                    "the files of one export: remove those of the other",
                )
            # heavy: when they are used
            from datumaro.formats.datumaro_binary.parquet import dataset
            from datumaro.formats.datumaro_binary.parquet.given_keys import opened

            whole = path.is_dir()
            vaults, kept = opened([source.path for source in tables], options, whole)
            context.keep |= kept
            return dataset.read(tables, whole, options.allow_external_media, context, part, vaults)
        if (remote := as_remote(path)) is not None:
            raise DatasetImportError(
                f"{sources[0].path}: its storage is records, which are not read from URLs: copy "
                f"the data set to a local folder first: {copying(remote)}; or export it with "
                "storage parquet"
            )
        if not part.is_whole:
            raise InvalidOptionError(
                f"{path}: shard and rows are options of parquet storage, and the files are of "
                "records: leave them out, or export the data set with storage parquet"
            )
        from datumaro.formats.datumaro_binary import records

        return records.read(sources, path.is_dir(), options, context)

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
        if options.shard_size < 0 or (options.shard_size and options.storage != "parquet"):
            raise InvalidOptionError(
                f"shard_size is {options.shard_size}; expected a number of items, with storage "
                "parquet"
            )
        if options.storage == "parquet":
            self._write_parquet(content, folder, options, context)
            return
        from datumaro.formats.datumaro_binary import records

        records.write(content, subsets, folder, options, context)
        if options.save_dataset_meta:
            dataset_meta.save(content.categories, folder, context)

    def _write_parquet(
        self,
        content: Content,
        folder: Path,
        options: DatumaroBinaryWriteOptions,
        context: WriteContext,
    ) -> None:
        from datumaro.formats.datumaro_binary.encryption import check_choice
        from datumaro.formats.datumaro_binary.media_out import MediaWriter
        from datumaro.formats.datumaro_binary.parquet import dataset
        from datumaro.formats.datumaro_binary.parquet.given_keys import writing_masters

        given = writing_masters(options, options.encryption, options.kms_key)
        encrypted = bool(given.masters)
        check_choice(encrypted, options.no_media_encryption, "")  # no version 1 reads them
        media_encryption = encrypted and options.save_media and not options.no_media_encryption
        (folder / ANNOTATIONS).mkdir(exist_ok=True)
        (folder / IMAGES).mkdir(exist_ok=True)
        media = MediaWriter(options.save_media, options.image_ext, context, media_encryption)
        with nullcontext() if given.key is None else given.key.kept(folder):
            dataset.write(content, folder, media, options.shard_size, given.masters)
        context.keep |= given.kept(media_encryption)


def _asks_for_keys(paths: list[Path], options: DatumaroBinaryReadOptions) -> bool:
    """Whether keys are given, or any of Parquet files is encrypted or may have to be.

    Where not, what is heavy about encryption need not be loaded.
    """
    given = (options.encryption_key, options.key_file, options.passphrase, options.passphrase_file)
    if options.kms is not None or any(value is not None for value in given):
        return True
    return any(as_remote(p) or is_encrypted(p) or (p.parent / KEYS).exists() for p in paths)
