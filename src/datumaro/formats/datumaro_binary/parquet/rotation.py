"""Other master keys for encrypted Parquet storage, without writing the data anew."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datumaro.errors import DatasetNotFoundError, EncryptionKeyError
from datumaro.formats.base import Folder
from datumaro.formats.datumaro_binary.parquet import key_file
from datumaro.formats.datumaro_binary.parquet.given_keys import given_master, writing_masters
from datumaro.formats.datumaro_binary.parquet.master_keys import MasterKey, Recipient
from datumaro.formats.datumaro_binary.sources import find_sources
from datumaro.remote.path import local

_WHAT = "a data set whose keys are looked at or changed"


@dataclass(frozen=True, kw_only=True)
class GivenKey:
    """Ways to give a key. See docs/security.md."""

    encryption_key: str | bytes | None = field(default=None, repr=False)
    key_file: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    passphrase_file: str | None = None
    kms: object | None = None


def recipients(path: str | os.PathLike[str]) -> dict[Path, list[Recipient]]:
    """Who can open a data set, by its key files. Needs no key, and checks no seal.

    Raises
    ------
    DatasetNotFoundError
        There is no encrypted Parquet storage.
    """
    folder = local(path, _WHAT)
    return {file: key_file.read(file)[0].recipients for file in _key_files(folder)}


def rotate(
    path: str | os.PathLike[str], old: GivenKey, new: GivenKey, kms_key: str | None = None
) -> None:
    """Put other keys in the place of all that a data set has.

    Only ``encryption.keys`` is written. All key files of the data set are opened before the first
    is written, each is replaced at once, and a copy of an old one is as good as before.

    Parameters
    ----------
    old : a key that the data set has; by default the one in the environment.
    new : the keys that it gets, of each kind at most one. A ``key_file`` that is not there is
        written with a fresh key.
    kms_key : the id of the key of the new service.

    Raises
    ------
    EncryptionKeyError
        No new key is given, or the old one is missing or wrong.
    DamagedTokenError
        A key file was changed.
    """
    if new == GivenKey():
        raise EncryptionKeyError("no new key is given; give a key, a passphrase or a kms")
    given = writing_masters(new, False, kms_key)
    folder = local(path, _WHAT)
    with nullcontext() if given.key is None else given.key.kept(folder):
        _rewrap(folder, old, given.masters)


def _rewrap(path: Path, old: GivenKey, new: Sequence[MasterKey]) -> None:
    made: dict[Path, bytes] = {}
    for file in _key_files(path):
        keys, line, seal = key_file.read(file)
        opened = key_file.export_key(file, keys, line, seal, given_master(old, file))
        wrapped = [master.wrap(opened, keys.export) for master in new]
        made[file] = msgspec.structs.replace(keys, recipients=wrapped).encode(opened)
    before = {file: file.read_bytes() for file in made}
    replaced: list[Path] = []
    try:
        for file, data in made.items():
            _replace(file, data)
            replaced.append(file)
    except BaseException:  # a key that was not kept must open nothing
        for file in replaced:
            _replace(file, before[file])
        raise


def _replace(file: Path, data: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _key_files(path: Path) -> list[Path]:
    folders = {source.path.parent for source in find_sources(Folder(path))}
    found = [folder / key_file.NAME for folder in sorted(folders)]
    there = [file for file in found if file.exists()]
    if not there:
        raise DatasetNotFoundError(
            f"{path}: there is no annotations/{key_file.NAME}: it is no data set whose storage is "
            "encrypted Parquet. Those of storage records get another key by an export"
        )
    return there
