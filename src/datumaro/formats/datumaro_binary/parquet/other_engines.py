"""Keys with which other engines open encrypted Parquet storage. docs/storage.md says how."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.base import Folder
from datumaro.formats.datumaro_binary.parquet.given_keys import opened
from datumaro.formats.datumaro_binary.parquet.rotation import GivenKey
from datumaro.formats.datumaro_binary.sources import find_sources, is_parquet


@dataclass(frozen=True)
class EngineKeys:
    """Keys of one data set, which its `repr` does not show. Whoever has them can read annotations.

    Attributes
    ----------
    wrapping : what a `KmsClient` of Parquet's key tools needs: by folder of annotations the key, 32
        bytes, that the master key id ``export`` stands for.
    data : what engines without key tools need: the key of each file, 32 bytes.
    """

    wrapping: Mapping[Path, bytes] = field(repr=False)
    data: Mapping[Path, bytes] = field(repr=False)


def engine_keys(path: str | os.PathLike[str], key: GivenKey) -> EngineKeys:
    """The keys of a data set, whose files are checked first, as by an import.

    Other engines check the parts of each file, but not that the files are all there and those that
    were written here.

    Parameters
    ----------
    path : the data set's folder, or one of its files.
    key : a key that it has.

    Raises
    ------
    DatasetNotFoundError
        There is no encrypted Parquet storage.
    EncryptionKeyError
        The key is missing or wrong.
    DamagedTokenError
        A file was changed, exchanged, removed or put there.
    """
    folder = Folder(Path(path))
    files = [source.path for source in find_sources(folder) if is_parquet(source.path)]
    if not files:
        raise DatasetNotFoundError(f"{path}: there is no data set whose storage is Parquet")
    vaults, _ = opened(files, key, whole=not folder.is_file)
    if not vaults:
        raise DatasetNotFoundError(f"{path}: its files are not encrypted; open them without a key")
    return EngineKeys(
        {place: vault.wrapping_key for place, vault in vaults.items()},
        {file: vaults[file.parent].data_key(file) for file in files},
    )
