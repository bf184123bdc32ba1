"""Encryption of Parquet storage: Parquet Modular Encryption, with keys that this module keeps.

Each export draws an export key. Of it are made the key that wraps the data key of each file
(AES-256-GCM, as Arrow's key tools hand it to a `KmsClient`), the keys of the media (see
`datumaro.sealed_files`) and of what binds them to their places, and the key that seals the key file
(see `key_file`); master keys wrap the export key alone (see `master_keys`).
Arrow's own double wrapping is off: its key-encryption keys are of 128 bits.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from datumaro.errors import DamagedTokenError, EncryptionKeyError, NotAvailableError
from datumaro.formats.datumaro_binary import manifest
from datumaro.formats.datumaro_binary.manifest import Manifest, MediaLock, new_export
from datumaro.formats.datumaro_binary.parquet import key_file
from datumaro.formats.datumaro_binary.parquet.master_keys import (
    MasterKey,
    derived,
    open_bytes,
    seal_bytes,
)
from datumaro.formats.datumaro_binary.sources import ANNOTATIONS, SUFFIX
from datumaro.sealed_files import SealedFiles

METADATA_KEY = b"datumaro.encryption"
MASTER_KEY_ID = "export"
"""What Arrow's key tools are told the wrapping key is named."""

MEDIA_SUFFIX = ".media"
"""Of the file that has the seals of a subset's media."""

_FILES = b"datumaro_binary 2.0 files"
_MEDIA = b"datumaro_binary 2.0 media"
_MEDIA_SEALS = b"datumaro_binary 2.0 media seals"


class FileManifest(msgspec.Struct):
    """What each file's encrypted footer says of the export.

    Attributes
    ----------
    export : number of the export.
    file : the file's name without extension.
    files : those of all files of the export.
    """

    export: str
    file: str
    files: list[str]


@dataclass(frozen=True)
class Vault:
    """Opens the files of one export, and makes them. Pickling it writes its key.

    Attributes
    ----------
    export : number of the export.
    media_encryption : whether its media are encrypted.
    files : the names of its files without extension.
    """

    export_key: bytes = field(repr=False)
    export: str
    media_encryption: bool
    files: tuple[str, ...] = ()

    @cached_property
    def media_cipher(self) -> SealedFiles:
        """Encrypts the media."""
        return SealedFiles(derived(self.export_key, _MEDIA))

    @cached_property
    def wrapping_key(self) -> bytes:
        """Wraps the data key of each Parquet file."""
        return derived(self.export_key, _FILES)

    # --- Parquet files -----------------------------------------------------------------------

    def encryption(self) -> Any:
        """Arrow's properties of a file that is to be written: one file's alone."""
        tools = _tools()
        try:
            configuration = tools.EncryptionConfiguration(
                MASTER_KEY_ID,
                uniform_encryption=True,  # the columns, too
                encryption_algorithm="AES_GCM_V1",
                plaintext_footer=False,
                double_wrapping=False,
                internal_key_material=True,
                data_key_length_bits=256,
            )
        except TypeError as error:
            raise NotAvailableError(
                "this version of pyarrow cannot encrypt whole files (uniform_encryption); install "
                "a later one, or encrypt with storage records"
            ) from error
        factory = _factory(self.wrapping_key)
        return factory.file_encryption_properties(tools.KmsConnectionConfig(), configuration)

    def decryption(self) -> Any:
        """Arrow's properties of files that are read."""
        return _decryption(_factory(self.wrapping_key))

    def data_key(self, path: Path) -> bytes:
        """The key that a file's footer and columns are encrypted with."""
        keys: list[bytes] = []
        pq.read_metadata(path, decryption_properties=_decryption(_factory(self.wrapping_key, keys)))
        return keys[0]

    def metadata(self, stem: str) -> dict[bytes, bytes]:
        """Key-value metadata of a file."""
        told = FileManifest(self.export, stem, list(self.files))
        return {METADATA_KEY: msgspec.json.encode(told)}

    def check_metadata(self, path: Path, metadata: dict[bytes, bytes] | None) -> None:
        """See that a file is the one that was written under its name.

        Raises
        ------
        DamagedTokenError
            It is another.
        """
        try:
            told = msgspec.json.decode((metadata or {}).get(METADATA_KEY, b""), type=FileManifest)
        except (msgspec.DecodeError, ValueError):
            told = FileManifest("", "", [])
        if told != FileManifest(self.export, path.stem, list(self.files)):
            raise DamagedTokenError(
                f"{path}: its footer says that it is file {told.file!r} of export {told.export!r}; "
                f"expected export {self.export!r}: it was exchanged, or put there"
            )

    # --- media -------------------------------------------------------------------------------

    def write_media_seals(self, folder: Path, subset: str, seals: dict[str, bytes]) -> None:
        """Write what binds each of a subset's media files to its place."""
        told = Manifest(self.export, subset, [], self.media_encryption, media=seals)
        key = derived(self.export_key, _MEDIA_SEALS)
        sealed = seal_bytes(key, told.encode(), subset.encode())
        (folder / f"{subset}{MEDIA_SUFFIX}").write_bytes(sealed)

    def media_lock(self, file: Path, root: str, subset: str) -> MediaLock | None:
        """What opens the media of a file's items; None when they are not encrypted.

        Raises
        ------
        DamagedTokenError
            Their seals are missing, or were changed.
        """
        if not self.media_encryption:
            return None
        path = file.parent / f"{subset}{MEDIA_SUFFIX}"
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            raise DamagedTokenError(
                f"{path}: the file is missing, without which no media of the subset can be trusted"
            ) from None
        data = open_bytes(derived(self.export_key, _MEDIA_SEALS), sealed, subset.encode())
        if data is None:
            raise DamagedTokenError(
                f"{path}: it was changed after it was written, or exchanged for another"
            )
        told = manifest.decode(memoryview(data))
        return MediaLock(self.media_cipher, root, told)


def _tools() -> Any:
    try:
        from pyarrow.parquet import encryption
    except ImportError as error:
        raise NotAvailableError(
            "this pyarrow was made without Parquet encryption; install the published wheel, or "
            "encrypt with storage records"
        ) from error
    return encryption


def _decryption(factory: Any) -> Any:
    tools = _tools()
    return factory.file_decryption_properties(
        tools.KmsConnectionConfig(), tools.DecryptionConfiguration()
    )


def _factory(wrapping_key: bytes, unwrapped: list[bytes] | None = None) -> Any:
    """Arrow's key tools, with the wrapping key in place of a service.

    Parameters
    ----------
    unwrapped : gets the data keys that are unwrapped.
    """
    tools = _tools()

    class Client(tools.KmsClient):
        def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
            sealed = seal_bytes(wrapping_key, key_bytes, master_key_identifier.encode())
            return base64.b64encode(sealed)

        def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
            data = base64.b64decode(wrapped_key, validate=True)
            key = open_bytes(wrapping_key, data, master_key_identifier.encode())
            if key is None:
                raise ValueError("the file's data key was changed")
            if unwrapped is not None:
                unwrapped.append(key)
            return key

    def client(_configuration: object) -> Any:
        return Client()

    return tools.CryptoFactory(client)


# --- reading ----------------------------------------------------------------------------------


def open_vaults(
    paths: Sequence[Path], encrypted: Sequence[Path], master: MasterKey | None, whole: bool
) -> dict[Path, Vault]:
    """The vault of each folder of annotations; none when nothing is encrypted.

    Parameters
    ----------
    paths : all Parquet files, of which ``encrypted`` are.
    master : what opens the export keys.
    whole : they are all that there are.

    Raises
    ------
    WrongKeyError
        The master key is not the data set's.
    DamagedTokenError
        A file was changed, exchanged, removed or put there.
    """
    vaults: dict[Path, Vault] = {}
    for folder, files in _by_folder(paths):
        plain = [path for path in files if path not in encrypted]
        if plain and (len(plain) < len(paths) or (folder / key_file.NAME).exists()):
            raise DamagedTokenError(
                f"{plain[0]}: the file is not encrypted, as those beside it are: it was put there"
            )
        if not plain and master is not None:
            vaults[folder] = _open_vault(folder, files, master, whole)
    return vaults


def _open_vault(folder: Path, files: list[Path], master: MasterKey, whole: bool) -> Vault:
    path = folder / key_file.NAME
    keys, line, seal = key_file.read(path)
    export_key = key_file.export_key(path, keys, line, seal, master)
    for file in files:
        expected = keys.files.get(file.stem)
        if expected is None:
            raise DamagedTokenError(
                f"{file}: it is not among the files of the export: it was put there, or renamed"
            )
        if key_file.footer_digest(file) != expected:
            raise DamagedTokenError(
                f"{file}: its footer is not that which was written here: the file was changed, or "
                "exchanged for another"
            )
    missing = sorted(keys.files.keys() - {file.stem for file in files})
    if whole and missing:
        raise DamagedTokenError(f"{folder / missing[0]}{SUFFIX}: the file was removed")
    return Vault(export_key, keys.export, keys.media_encryption, tuple(keys.files))


def _by_folder(paths: Sequence[Path]) -> Iterator[tuple[Path, list[Path]]]:
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    yield from folders.items()


# --- writing ----------------------------------------------------------------------------------


@contextmanager
def writing_vault(
    folder: Path, stems: Sequence[str], masters: Sequence[MasterKey], media_encryption: bool
) -> Generator[Vault]:
    """A vault of a new export, whose key file is written after the block.

    Parameters
    ----------
    folder : the data set's.
    stems : names of its files without extension.
    """
    if not masters:
        raise EncryptionKeyError("no key is given to encrypt with")
    vault = Vault(os.urandom(32), new_export(), media_encryption, tuple(stems))
    yield vault
    keys = key_file.Keys(
        key_file.FORMAT,
        key_file.VERSION,
        vault.export,
        media_encryption,
        [master.wrap(vault.export_key, vault.export) for master in masters],
        {stem: key_file.footer_digest(folder / ANNOTATIONS / f"{stem}{SUFFIX}") for stem in stems},
    )
    (folder / ANNOTATIONS / key_file.NAME).write_bytes(keys.encode(vault.export_key))
