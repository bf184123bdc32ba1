"""What all media have in common."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self, cast

from datumaro.errors import DamagedTokenError, PathOutsideDatasetError
from datumaro.model.kinds import MediaType as MediaType
from datumaro.paths import is_url

if TYPE_CHECKING:
    from datumaro.crypto import Opener

_REMOTE_BUFFER = 1 << 20  # bytes of a request for a part of a file at a URL

Destination = str | os.PathLike[str] | BinaryIO


class MediaElement:
    """Base of all media, and itself a medium of which no more than its path is known.

    Media are lazy: making one opens no file. Two are equal when they are of the same type and have
    the same content; where a file is missing, see the class.

    Parameters
    ----------
    path : where its file lies; "" for none.
    """

    __slots__ = ("_path",)
    _type: ClassVar[MediaType] = MediaType.MEDIA_ELEMENT

    def __init__(self, path: str = "") -> None:
        self._path = normal_path(path)

    @property
    def type(self) -> MediaType:
        """What kind of media it is."""
        return self._type

    @property
    def path(self) -> str:
        """The path of its file, with ``/``; "" when it has none."""
        return self._path

    @property
    def data(self) -> Any:
        """The decoded content; None when there is none."""
        return None

    @property
    def has_data(self) -> bool:
        """Whether there is content: that its file exists, if it is in one."""
        return False

    @property
    def is_external(self) -> bool:
        """Whether its file may not be opened: see `Image.from_file`, ``external``."""
        return False

    @property
    def is_encrypted(self) -> bool:
        """Whether its file is encrypted: see `Image.from_file`, ``cipher``."""
        return False

    @property
    def bytes(self) -> bytes | None:
        """The content as it is in a file, decrypted; None when there is none."""
        return None

    def open(self) -> BinaryIO | None:
        """The content as a file, decrypted, which the caller closes; None when there is none.

        No more than is read of it is read. The same is decrypted in encrypted Parquet storage; of
        other encrypted files all is at once.
        """
        data = self.bytes
        return None if data is None else io.BytesIO(data)

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it: ``type(m)(**m.as_dict()) == m``."""
        return {"path": self._path}

    def from_self(self, **changes: Any) -> Self:
        """Copy it, with some of the arguments that made it changed."""
        return type(self)(**(self.as_dict() | changes))

    def save(self, fp: Destination) -> None:
        """Write the content to a path (folders are made) or to an open binary file.

        Raises
        ------
        FileNotFoundError
            There is no content: its file does not exist.
        PathOutsideDatasetError
            Its file may not be opened (see `Image.from_file`, ``external``).
        """
        write_bytes(fp, required(self.bytes, self._path))

    def __eq__(self, other: object) -> bool:
        if type(other) is not MediaElement or type(self) is not MediaElement:
            return NotImplemented
        return self._path == other._path

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{k}={_brief(v)}" for k, v in self.as_dict().items() if v is not None
        )
        return f"{type(self).__name__}({arguments})"


class InFile(MediaElement):
    """What media that are in files have in common. Their classes have the slots."""

    __slots__ = ()
    _external: bool
    _cipher: Opener | None

    @property
    def is_external(self) -> bool:
        """Whether its path may not be opened. See `Image.from_file`."""
        return self._external

    @property
    def is_encrypted(self) -> bool:
        """Whether the file is encrypted. See `Image.from_file`."""
        return self._cipher is not None

    @property
    def has_data(self) -> bool:
        """Whether the file exists and may be opened."""
        return not self._external and has_file(self._path)

    @property
    def bytes(self) -> bytes | None:
        """The file's content, decrypted; None when it is missing."""
        return read_bytes(self._path, self._external, self._cipher)

    def open(self) -> BinaryIO | None:
        """See `MediaElement.open`."""
        return open_file(self._path, self._external, self._cipher)


def own_file(media: MediaElement) -> str:
    """The path of the file that a medium is; "" when it is in memory, or made of what others are.

    The path of a region is its image's, and that of a frame its video's: what is there is another
    medium.
    """
    return media.path if isinstance(media, InFile) or type(media) is MediaElement else ""


def _brief(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    shape = getattr(value, "shape", None)
    return f"<array {shape}>" if shape is not None else repr(value)


def normal_path(path: str | os.PathLike[str]) -> str:
    """A path as text, with ``/`` also where it was written on Windows."""
    text = path if isinstance(path, str) else os.fspath(path)
    return text.replace("\\", "/") if "\\" in text else text


def has_file(path: str) -> bool:
    """Whether there is a file at a path or URL: not a folder, and not a pipe, which would block."""
    if is_url(path):
        from datumaro.remote.path import file_exists  # costs time, and most do without

        return file_exists(path)
    return os.path.isfile(path)  # noqa: PTH113 - a str


def read_bytes(path: str, external: bool = False, cipher: Opener | None = None) -> bytes | None:
    """Read a media file, be it at a URL: the one place where media objects do.

    Parameters
    ----------
    cipher : decrypts it, in memory.

    Returns
    -------
    Its content; None when there is no such file.

    Raises
    ------
    DamagedTokenError
        It is to be decrypted, and was changed or exchanged.
    PathOutsideDatasetError
        It is ``external``: the path stands in a data set that is not trusted, and leads outside it.
    """
    if is_url(path):
        from datumaro.remote.path import read_file

        _check_inside(path, external)
        data = read_file(path)  # in one request
        file = _decrypted(None if data is None else io.BytesIO(data), path, cipher)
    else:
        file = open_file(path, external, cipher)
    if file is None:
        return None
    with file:
        return file.read()


def open_file(path: str, external: bool = False, cipher: Opener | None = None) -> BinaryIO | None:
    """Open a media file to read any part of it. See `read_bytes`, which reads all."""
    _check_inside(path, external)
    file: BinaryIO | None = None
    if is_url(path):
        from datumaro.remote.path import open_file as open_remote

        with contextlib.suppress(FileNotFoundError):
            file = open_remote(path, _REMOTE_BUFFER)
    elif has_file(path):
        file = cast(BinaryIO, open(path, "rb", buffering=0))  # noqa: PTH123, SIM115 - given away
    return _decrypted(file, path, cipher)


def _check_inside(path: str, external: bool) -> None:
    if external:
        raise PathOutsideDatasetError(
            f"media file {path!r} lies outside the data set that names it; "
            "if the data set is trusted, import it with allow_external_media"
        )


def _decrypted(file: BinaryIO | None, path: str, cipher: Opener | None) -> BinaryIO | None:
    if cipher is None:
        return file
    if file is None:
        cipher.absent(f"media file {path!r}")
        return None
    try:
        return cipher.open(file, f"media file {path!r}")
    except BaseException:
        file.close()
        raise


def check_whole(file: BinaryIO | None) -> None:
    """Raise what reading an encrypted file ended with: decoders take it for the file's end."""
    damage: DamagedTokenError | None = getattr(file, "damage", None)
    if damage is not None:
        raise damage


def required(data: bytes | None, path: str) -> bytes:
    """The content, or FileNotFoundError when it is None."""
    if data is None:
        raise FileNotFoundError(f"there is no media file {path!r}" if path else "there is no media")
    return data


def write_bytes(fp: Destination, data: bytes) -> None:
    """Write to a path (folders are made) or to an open binary file."""
    if isinstance(fp, str | os.PathLike):
        target = Path(fp)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    else:
        fp.write(data)
