"""A path at a URL: of `pathlib.Path` what readers of data sets use."""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast
from urllib.parse import urlsplit

from datumaro.errors import (
    DatasetNotFoundError,
    InvalidOptionError,
    NotAvailableError,
    RemoteStorageError,
)
from datumaro.paths import is_url
from datumaro.remote import google
from datumaro.remote.connection import Connection, connect
from datumaro.remote.failures import failure

_HEAD = 1 << 10  # bytes of a file's beginning that are kept; more than a server's error message,
# for which the client has no room otherwise
_LOST = re.compile(r"(s3|gs|gcs|abfs|az|sftp|hdfs|https?|file):/(?!/)", re.IGNORECASE)
"""A URL that has lost a slash."""


class RemotePath:
    """A file or folder at a URL.

    What is asked of one is kept in it: whether it is there, its first bytes, an Arrow file of its
    ranges, a Parquet footer. So it is used for one import, and another is made for the next.

    Attributes
    ----------
    connection : reaches the bucket or host.
    key : the path below it, without slashes at its ends.
    footer : of a Parquet file, when it has been read.
    """

    def __init__(self, connection: Connection, key: str) -> None:
        self.connection, self.key = connection, key
        self.footer: Any = None
        self._info: Any = None
        self._arrow: Any = None
        self._first: bytes | None = None

    def __getstate__(self) -> tuple[Connection, str]:
        return self.connection, self.key

    def __setstate__(self, state: tuple[Connection, str]) -> None:
        self.__init__(*state)

    # --- the path as text --------------------------------------------------------------------

    def __str__(self) -> str:
        base = f"{self.connection.scheme}://{self.connection.authority}"
        return f"{base}{'/' if self.connection.authority else ''}{self.key}" if self.key else base

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __fspath__(self) -> str:
        raise NotAvailableError(
            f"{self}: a local file or folder is needed here, not a URL; copy the data set with the "
            "storage's own tool"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: RemotePath) -> bool:
        return str(self) < str(other)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self.connection, posixpath.normpath(f"/{self.key}/{name}").strip("/"))

    @property
    def name(self) -> str:
        """The last part."""
        return posixpath.basename(self.key)

    @property
    def suffix(self) -> str:
        """The extension, with its dot."""
        return posixpath.splitext(self.name)[1]

    @property
    def stem(self) -> str:
        """The last part without its extension."""
        return posixpath.splitext(self.name)[0]

    @property
    def parent(self) -> RemotePath:
        """The folder that it is in; the bucket's is the bucket."""
        return RemotePath(self.connection, posixpath.dirname(self.key))

    @property
    def parents(self) -> Sequence[RemotePath]:
        """All folders that it is in, the innermost first."""
        found: list[RemotePath] = []
        here = self
        while here.key:
            here = here.parent
            found.append(here)
        return found

    def resolve(self) -> RemotePath:
        """Itself: it is absolute, and nothing is a link."""
        return self

    def relative_to(self, other: RemotePath) -> Path:
        """The path from a folder above it."""
        return Path(self.key).relative_to(other.key)

    # --- what is there -----------------------------------------------------------------------

    @property
    def place(self) -> str:
        """How the file system names it."""
        return self.connection.place(self.key)

    @contextlib.contextmanager
    def told(self) -> Generator[None]:
        """Tell what goes wrong in the block with the URL, and what to do."""
        try:
            yield
        except Exception as error:
            found = failure(error, str(self), self.connection)
            if found is None or found is error:
                raise
            raise found from None  # the cause may show what the message does not

    def info(self) -> Any:
        """Arrow's FileInfo, as it was when it was first asked for."""
        if self._info is None:
            with self.told():
                self.connection.forget_listings()
                self._info = self.connection.filesystem.get_file_info(self.place)
        return self._info

    def exists(self) -> bool:
        """Whether anything is there."""
        return bool(self.info().type)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.info().is_file

    def is_dir(self) -> bool:
        """Whether it is a folder: something is below it."""
        return self.exists() and not self.is_file()

    def infos(self, recursive: bool = False) -> list[Any]:
        """Arrow's FileInfo of what is in the folder; none when it is not there."""
        from pyarrow.fs import FileSelector

        selector = FileSelector(self.place, recursive=recursive, allow_not_found=True)
        with self.told():
            self.connection.forget_listings()
            return list(self.connection.filesystem.get_file_info(selector))

    def names(self) -> tuple[list[str], list[str]]:
        """Names of the files and of the folders in the folder, sorted.

        Of Google's store there are no folders: see `datumaro.remote.google`.
        """
        files: list[str] = []
        folders: list[str] = []
        for info in self.infos():
            name = posixpath.basename(info.path.rstrip("/"))
            if name:
                (files if info.is_file else folders).append(name)
        return sorted(files), sorted(folders)

    def is_empty(self) -> bool:
        """Whether nothing is below it now."""
        if self.infos():
            return False
        if not self.connection.is_google:
            return True
        if self.key:
            return not RemotePath(self.connection, self.key).exists()
        return not self.infos(recursive=True)

    def iterdir(self) -> Iterable[RemotePath]:
        """What is in the folder."""
        files, folders = self.names()
        return [self / name for name in (*files, *folders)]

    # --- content -----------------------------------------------------------------------------

    def arrow_file(self) -> Any:
        """An Arrow file, which several may read ranges of at a time.

        Raises
        ------
        FileNotFoundError
            There is none.
        """
        if self._arrow is None:
            with self.told(), self._missing():
                if self.connection.is_google:
                    self._arrow = google.open_ranges(self.connection.filesystem, self.place)
                elif self.connection.is_object_store:
                    self._arrow = self.connection.filesystem.open_input_file(self.place)
                else:
                    import pyarrow as pa

                    ranges = self.connection.stateless_file(self.place)
                    self._arrow = pa.PythonFile(ranges, mode="r")
        return self._arrow

    @contextlib.contextmanager
    def _missing(self) -> Generator[None]:
        try:
            yield
        except (FileNotFoundError, IsADirectoryError):
            raise FileNotFoundError(f"{self}: there is no such file") from None

    def stream(self) -> Any:
        """An Arrow stream of the content.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        with self.told(), self._missing():
            return self.connection.filesystem.open_input_stream(self.place)

    def open(self, mode: str = "rb", buffering: int = -1) -> BinaryIO:
        """Open for reading.

        Parameters
        ----------
        buffering : 0 for none, else bytes that are read at once.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        if mode != "rb":
            raise ValueError(f"mode {mode!r}; a URL is opened with 'rb'")
        if self._first is None:
            self.arrow_file()
        return _buffered(_Reader(self), buffering)

    def head(self) -> bytes:
        """The first bytes, 1,024 at most."""
        if self._first is None:
            self._first = self.read_range(0, _HEAD)
        return self._first

    def read_range(self, start: int, n: int) -> bytes:
        """``n`` bytes from ``start``; fewer where the file ends."""
        file = self.arrow_file()
        with self.told():
            return file.read_at(n, start)

    def read_bytes(self) -> bytes:
        """The whole content.

        Raises
        ------
        FileNotFoundError
            There is none.
        """
        if self.connection.is_google:
            with self.stream() as stream, self.told():
                return stream.read()
        file = self.arrow_file()
        with self.told():
            return file.read_at(file.size(), 0)


class _Reader(io.RawIOBase):
    def __init__(self, path: RemotePath) -> None:
        self._path, self._at = path, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        if base is None:
            with self._path.told():
                base = self._path.arrow_file().size()
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        if self._at + len(view) <= _HEAD:
            data = self._path.head()[self._at : self._at + len(view)]
        else:
            file = self._path.arrow_file()
            with self._path.told():
                left = max(file.size() - self._at, 0)
                data = file.read_at(min(len(view), left), self._at) if left else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _buffered(raw: _Reader, buffering: int) -> BinaryIO:
    size = io.DEFAULT_BUFFER_SIZE if buffering < 0 else buffering
    return cast(BinaryIO, raw if not buffering else io.BufferedReader(raw, size))


class _Onwards(_Reader):
    """Read in one request as long as it is read from its beginning on; otherwise by ranges.

    For Google's store: see `datumaro.remote.google`.
    """

    def __init__(self, path: RemotePath) -> None:
        super().__init__(path)
        self._stream: Any = path.stream()
        self._come = 0  # bytes of the stream

    def readinto(self, buffer: Any, /) -> int:
        if self._stream is not None and self._at != self._come:
            self._let_go()
        if self._stream is None:
            return super().readinto(buffer)
        view = memoryview(buffer).cast("B")
        with self._path.told():
            data = self._stream.read(len(view))
        view[: len(data)] = data
        self._come += len(data)
        self._at = self._come
        return len(data)

    def close(self) -> None:
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


# --- from what users write ------------------------------------------------------------------------


def located(path: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> Path:
    """The local path that somebody wrote; or, of a URL, a `RemotePath`.

    That is no `Path`, but has of it what readers of data sets use. All else is refused by it.

    Parameters
    ----------
    options : how the URL's server is reached: pyarrow's settings of s3 and gs, fsspec's of others.

    Raises
    ------
    InvalidOptionError
        The URL or a setting is wrong, or settings are given for a local path.
    """
    if isinstance(path, RemotePath):
        return cast(Path, path)
    if not isinstance(path, str) or not is_url(path):
        if options:
            raise InvalidOptionError("storage_options are for URLs, and the path is a local one")
        if lost := _LOST.match(os.fspath(path)):
            raise InvalidOptionError(
                f"{os.fspath(path)!r} is no URL: {lost[1]}://… has two slashes; give it as text, "
                f"since pathlib.Path drops one (or ./{lost[1]}:/… for a local path)"
            )
        return Path(path)
    if path.lower().startswith("file://"):
        from urllib.request import url2pathname  # costs time, and most do without

        parts = urlsplit(path)
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise InvalidOptionError(f"{path!r} is no URL of a local file: file:///FOLDER/…")
        return Path(url2pathname(parts.path))
    connection, key = connect(path, options, literal=False)
    return cast(Path, RemotePath(connection, key))


def local(path: str | os.PathLike[str], what: str) -> Path:
    """The local path that somebody wrote.

    Parameters
    ----------
    what : what is done with it, for the error: ``"a project's source"``.

    Raises
    ------
    NotAvailableError
        It is a URL.
    """
    found = located(path)
    if as_remote(found):
        raise NotAvailableError(
            f"{found}: {what} is a local folder, not a URL; copy the data set with the storage's "
            "own tool, or with `datum convert`"
        )
    return found


def as_remote(path: object) -> RemotePath | None:
    """The path as what it is, when it is at a URL."""
    return path if isinstance(path, RemotePath) else None


def raise_missing(path: Path) -> NoReturn:
    """Raise that nothing is at a path.

    Raises
    ------
    DatasetNotFoundError
        Always, but where the server failed or refused.
    RemoteStorageError
        It did.
    """
    remote = as_remote(path)
    if remote is None:
        raise DatasetNotFoundError(f"{path}: no such file or folder")
    if remote.connection.is_google:
        remote.infos()  # it raises what may have hidden it
    bucket = RemotePath(remote.connection, "")
    if remote.connection.is_object_store and not bucket.exists():
        name = remote.connection.authority
        raise DatasetNotFoundError(f"{path}: there is no bucket {name!r}; see to its name")
    raise DatasetNotFoundError(f"{path}: there is nothing at this URL, nor below it")


# --- media ----------------------------------------------------------------------------------------


def _medium(url: str) -> RemotePath:
    if url.lower().startswith("file://"):
        raise RemoteStorageError(f"{url}: give the local path itself")
    return RemotePath(*connect(url, None, literal=True))


def file_exists(url: str) -> bool:
    """Whether a file is at a URL, whose path is taken letter by letter."""
    return _medium(url).is_file()


def read_file(url: str) -> bytes | None:
    """The content of the file at a URL; None when there is none."""
    try:
        return _medium(url).read_bytes()
    except FileNotFoundError:
        return None


def open_file(url: str, buffering: int = -1) -> BinaryIO:
    """Open the file at a URL; FileNotFoundError when there is none."""
    path = _medium(url)
    if path.connection.is_google:
        return _buffered(_Onwards(path), buffering)
    return path.open("rb", buffering)
