"""Which master key Parquet storage is read or written with, by the options of the caller."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from datumaro.crypto import Cipher
from datumaro.errors import (
    EncryptionKeyError,
    MissingKeyError,
    SuperfluousKeyError,
)
from datumaro.formats.datumaro_binary.encryption import (
    WritingKey,
    kept_options,
    key_from_environment,
    ways_to_give_a_key,
    writing_key,
)
from datumaro.formats.datumaro_binary.parquet import key_file
from datumaro.formats.datumaro_binary.parquet.encryption import Vault, open_vaults
from datumaro.formats.datumaro_binary.parquet.master_keys import (
    KeyMaster,
    KmsMaster,
    MasterKey,
    PassphraseMaster,
    given_kms,
    given_passphrase,
)
from datumaro.formats.datumaro_binary.sources import is_encrypted
from datumaro.keys import PASSPHRASE_VARIABLE, read_key_file


class KeyOptions(Protocol):
    """The options that give a key, of an import or an export."""

    @property
    def encryption_key(self) -> str | bytes | None: ...
    @property
    def key_file(self) -> str | None: ...
    @property
    def passphrase(self) -> str | None: ...
    @property
    def passphrase_file(self) -> str | None: ...
    @property
    def kms(self) -> Any: ...


# --- reading ----------------------------------------------------------------------------------


def opened(
    paths: Sequence[Path], options: KeyOptions, whole: bool
) -> tuple[dict[Path, Vault], dict[str, object]]:
    """(The vault of each folder of annotations, the options that keep the data set as it is).

    Parameters
    ----------
    paths : the Parquet files.
    whole : they are all that there are.

    Raises
    ------
    EncryptionKeyError
        The key is none, or given twice; MissingKeyError, WrongKeyError, SuperfluousKeyError.
    DamagedTokenError
        See `encryption.open_vaults`.
    """
    master = _given(options)
    encrypted = [path for path in paths if is_encrypted(path)]
    if not encrypted:
        if master is not None:
            raise SuperfluousKeyError(
                f"{paths[0]}: the file is not encrypted, but a key was given; leave it out"
            )
        return open_vaults(paths, encrypted, None, whole), {}
    master = master or _from_environment(encrypted[0])
    vaults = open_vaults(paths, encrypted, master, whole)
    if isinstance(master, KmsMaster):
        recipients = key_file.read(encrypted[0].parent / key_file.NAME)[0].recipients
        used = next(recipient.id for recipient in recipients if recipient.kind == master.kind)
        master = KmsMaster(master.kms, used)
    return vaults, _kept(master, any(vault.media_encryption for vault in vaults.values()))


def given_master(options: KeyOptions, path: Path) -> MasterKey:
    """The master key given in the options, or in the environment.

    Parameters
    ----------
    path : a file that lies beside the key file, for errors.

    Raises
    ------
    EncryptionKeyError
        The key is none, or given twice; MissingKeyError.
    """
    return _given(options) or _from_environment(path)


def _from_environment(path: Path) -> MasterKey:
    """The key in the environment, or the passphrase when one opens the data set."""
    kinds = _kinds(path)
    cipher = key_from_environment()
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) if "passphrase" in kinds else None
    if cipher is not None and ("key" in kinds or not passphrase):
        return KeyMaster(cipher)
    if not passphrase:
        raise MissingKeyError(_ways(path))
    return PassphraseMaster(passphrase)


def _given(options: KeyOptions) -> MasterKey | None:
    if options.encryption_key is not None and options.key_file is not None:
        raise EncryptionKeyError("both an encryption key and a key file are given; give one")
    found: list[MasterKey] = []
    if options.encryption_key is not None:
        found.append(KeyMaster(Cipher(options.encryption_key)))
    if options.key_file is not None:
        found.append(KeyMaster(Cipher(read_key_file(options.key_file))))
    found += _others(options, "")
    if len(found) > 1:
        kinds = " and a ".join(master.kind for master in found)
        raise EncryptionKeyError(f"a {kinds} are given; give one")
    return found[0] if found else None


def _others(options: KeyOptions, key_id: str) -> list[MasterKey]:
    """What is given but keys."""
    found: list[MasterKey] = []
    passphrase = given_passphrase(options.passphrase, options.passphrase_file)
    if passphrase is not None:
        found.append(PassphraseMaster(passphrase))
    kms = given_kms(options.kms)
    if kms is not None:
        found.append(KmsMaster(kms, key_id))
    return found


def _kinds(path: Path) -> set[str]:
    """The kinds of keys that open the data set of a file."""
    keys = path.parent / key_file.NAME
    if not keys.exists():
        return set()
    return {recipient.kind for recipient in key_file.read(keys)[0].recipients}


def _ways(path: Path) -> str:
    kinds = _kinds(path)
    text = ways_to_give_a_key(path)
    if "passphrase" in kinds:
        text += (
            "; or its passphrase: --passphrase-file FILE, the environment variable "
            f"{PASSPHRASE_VARIABLE} (Python: passphrase_file, passphrase)"
        )
    if "kms" in kinds:
        text += "; or its key management service: --kms MODULE:NAME (Python: kms)"
    return text


def _kept(master: MasterKey, media_encryption: bool) -> dict[str, object]:
    """Options with which `Dataset.save` keeps a data set encrypted as it is."""
    if isinstance(master, KeyMaster):
        return kept_options(master.cipher, media_encryption)
    media: dict[str, object] = {"save_media": True}
    if not media_encryption:
        media = {"no_media_encryption": True}
    if isinstance(master, PassphraseMaster):
        return media | {"passphrase": master.passphrase}
    if isinstance(master, KmsMaster):
        return media | {"kms": master.kms, "kms_key": master.key_id}
    return media


# --- writing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class WritingMasters:
    """What an export is encrypted with.

    Attributes
    ----------
    masters : each can open it; none for no encryption.
    key : of a key, which may have to be written to its file.
    """

    masters: tuple[MasterKey, ...] = ()
    key: WritingKey | None = None

    def kept(self, media_encryption: bool) -> dict[str, object]:
        """Options with which `Dataset.save` keeps the data set encrypted as it is."""
        found: dict[str, object] = {}
        for master in self.masters:
            found |= _kept(master, media_encryption)
        return found


def writing_masters(options: KeyOptions, encryption: bool, kms_key: str | None) -> WritingMasters:
    """The master keys to write with; any that is given asks for encryption.

    Several of them may be given: each opens the data set. ``encryption`` alone draws a key.

    Raises
    ------
    EncryptionKeyError
        One of them is none, or a service is given without the name of its key.
    """
    if (options.kms is None) != (kms_key is None):
        raise EncryptionKeyError(
            "kms and kms_key are given together: the service, and its key's id"
        )
    others = _others(options, kms_key or "")
    key = writing_key(encryption and not others, options.encryption_key, options.key_file)
    if key is None:
        return WritingMasters(tuple(others))
    return WritingMasters((KeyMaster(key.cipher), *others), key)
