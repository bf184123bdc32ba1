"""What binds the pieces of an encrypted data set together, in each file's extension.

A token proves that its key made it, not that it stands where it was put. The manifest lists the
seals (`datumaro.crypto.seal_of`) of a file's parts, blobs and media, the subsets, and a number
that the files of one export share and no other has. The number is in the header, too
(``{"media_type": …, "manifest": …}``), so that a manifest cannot be left out. Files of the
published package have none.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from datumaro.crypto import SEAL, FileCipher, Opener
from datumaro.errors import DamagedTokenError
from datumaro.model.media import MediaType
from datumaro.paths import absolute


class Manifest(msgspec.Struct):
    """The manifest of one file.

    Attributes
    ----------
    export : 32 hexadecimal digits, drawn for each export.
    subset, subsets : the file's subset, and those of all files of the export.
    media_encryption : whether its media are encrypted.
    seals : of the header's encrypted parts and the blobs, in order, 32 bytes each.
    media : the seal of each media file, by its path from the data set's folder, with ``/``.
    """

    export: str
    subset: str
    subsets: list[str]
    media_encryption: bool = False
    seals: bytes = b""
    media: dict[str, bytes] = {}

    def encode(self) -> bytes:
        """As JSON, seals in base64."""
        return msgspec.json.encode(self)

    def check_header(self, path: Path, header: Sequence[bytes], n_blobs: int) -> None:
        """See that the header's parts, as found, are those that were written.

        Raises
        ------
        DamagedTokenError
            They are not: a part is another file's, or there are more or fewer blobs.
        """
        expected = [self.seal(part) for part in range(len(header))]
        if list(header) != expected or len(self.seals) != SEAL * (len(header) + n_blobs):
            raise DamagedTokenError(
                f"{path}: parts of it are whole but not what was written here: they were exchanged "
                "or removed"
            )

    def seal(self, part: int) -> bytes:
        """The seal of a part, counted through the header and the blobs."""
        return self.seals[SEAL * part : SEAL * (part + 1)]


def decode(data: memoryview) -> Manifest:
    """The reverse of `Manifest.encode`; ValueError when it is none."""
    return msgspec.json.decode(data, type=Manifest)


def new_export() -> str:
    """A number for an export."""
    return secrets.token_hex(16)


# --- the files of a data set ------------------------------------------------------------------


def check_files(found: Sequence[tuple[Path, str, Manifest | None]], whole: bool) -> None:
    """See that the files of one folder belong together.

    Parameters
    ----------
    found : path, subset by its name, and manifest of each file.
    whole : they are all that there are.

    Raises
    ------
    DamagedTokenError
        A file was renamed, removed, or put there from elsewhere.
    """
    known = [manifest for _, _, manifest in found if manifest is not None]
    if not known:
        return
    for path, subset, manifest in found:
        if manifest is None or manifest.export != known[0].export:
            raise DamagedTokenError(
                f"{path}: it is not of the export that the files beside it are of: it was put there"
            )
        if manifest.subset != subset:
            raise DamagedTokenError(
                f"{path}: it was written as subset {manifest.subset!r}: files were exchanged or "
                "renamed"
            )
    if whole:
        folder = found[0][0].parent
        missing = set(known[0].subsets) - {subset for _, subset, _ in found}
        if missing:
            raise DamagedTokenError(f"{folder}: the file of subset {min(missing)!r} was removed")


@dataclass
class MediaLock:
    """Decides how each media file of an encrypted data set is opened.

    Attributes
    ----------
    root : the data set's folder, as media paths begin.
    manifest : None for files of the published package, which encrypts images alone.
    """

    cipher: FileCipher
    root: str
    manifest: Manifest | None

    def __post_init__(self) -> None:
        self._prefix = os.path.join(self.root, "")  # noqa: PTH118 - a str
        self._inside = os.path.join(absolute(self.root), "")  # noqa: PTH118 - a str

    def __call__(self, path: str, kind: int) -> Opener | None:
        """What opens a file; None when it is not encrypted.

        Parameters
        ----------
        kind : the item's media type, also for images that belong to a point cloud.
        """
        relative = self._relative(path)
        if relative is None:
            return None
        if self.manifest is None:
            return self.cipher.opener(relative, None) if kind == MediaType.IMAGE else None
        return self.cipher.opener(relative, self.manifest.media.get(relative, b""))

    def _relative(self, path: str) -> str | None:
        if path.startswith(self._prefix) and "/." not in path and "//" not in path:
            return path[len(self._prefix) :]
        whole = absolute(path)
        if not whole.startswith(self._inside):
            return None
        return whole[len(self._inside) :].replace(os.sep, "/")


def seals_of_subset(
    seals: dict[str, bytes], subset: str, folders: Sequence[str]
) -> dict[str, bytes]:
    """Those of the media files below ``folder/subset/``."""
    prefixes = tuple(f"{folder}/{subset}/" for folder in folders)
    return {path: seal for path, seal in seals.items() if path.startswith(prefixes)}
