"""Lists of a source's files with the hashes of their contents: what the history keeps.

A list is kept in parts of some hundred files, as lines of JSON (path, size, hash), sorted. Where a
part ends depends only on the paths about it, so that a change of a file changes one part.
"""

from __future__ import annotations

import contextlib
import json
import operator
import re
import zlib
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import NamedTuple

import msgspec

from datumaro.errors import ProjectError
from datumaro.project.file_tree import File


class Stored(NamedTuple):
    """A file's content."""

    size: int
    hash: str


FileList = dict[str, Stored]

_PART = 512  # files in a part, on average
_MOST_BYTES = 1 << 26  # of a part: it may come from strangers
_HASH = re.compile(r"[0-9a-f]{64}")


def encode(files: FileList) -> list[bytes]:
    """The parts of a list."""
    parts: list[bytes] = []
    lines: list[str] = []
    for path, (size, name) in sorted(files.items()):
        text = encode_basestring_ascii(path)
        lines.append(f'[{text}, {size}, "{name}"]\n')
        if zlib.crc32(text.encode("ascii")) % _PART == 0:
            parts.append("".join(lines).encode("ascii"))
            lines = []
    if lines or not parts:
        parts.append("".join(lines).encode("ascii"))
    return parts


def decode(parts: Iterable[bytes], where: str) -> FileList:
    """The list of parts, checked: a history may come from strangers.

    Raises
    ------
    ProjectError
        A line is none of a list, or its path leads outside.
    """
    files: FileList = {}
    for part in parts:
        if len(part) > _MOST_BYTES:
            raise ProjectError(f"{where}: a list of files has {len(part):,} bytes")
        for number, line in enumerate(part.splitlines(), 1):
            try:
                path, size, name = json.loads(line)
                inside = all(step not in ("", ".", "..") for step in path.split("/"))
                if not inside or "\0" in path or not _HASH.fullmatch(name) or size < 0:
                    raise ValueError
                files[path] = Stored(operator.index(size), name)
            except (ValueError, TypeError, AttributeError, RecursionError):
                raise ProjectError(
                    f"{where}: line {number} of a list of files is {line[:80]!r}; expected a path "
                    "in the source's folder, a size and a SHA-256"
                ) from None
    return files


class Index:
    """What is known of a source's files, so that those that did not change are not hashed again.

    A file is taken to be unchanged when size, times of change of content and inode, and inode are
    as they were; the times must be older than the look at it by two seconds, since a file system
    may tell times that roughly.

    It is only a memory: it may be lost or removed at any time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp, self._known = _read_index(path)

    def hash(self, file: File) -> str | None:
        """The hash of a file, if it is known."""
        known = self._known.get(file.path)
        if known is None or known[:4] != file[2:] or not known[4]:
            return None
        if max(file.mtime, file.ctime) + _SLACK >= self._stamp:
            return None
        return known[4].hex()

    def is_as_seen(self, files: Iterable[File]) -> bool:
        """Whether the files are those that were seen when the index was written."""
        now = {file.path: file[2:] for file in files}
        return now == {path: known[:4] for path, known in self._known.items()}

    def __len__(self) -> int:
        return len(self._known)

    def write(self, hashes: Iterable[tuple[File, str | None]], stamp: int) -> None:
        """Remember files and their hashes.

        Parameters
        ----------
        stamp : the time before the files were looked at, as the file system tells it (`now`).
        """
        known: dict[str, _Known] = {
            file.path: (*file[2:], bytes.fromhex(name) if name else b"") for file, name in hashes
        }
        temporary = self._path.with_name(f".{self._path.name}.partial")
        # where it may not be written to, and when a name is no UTF-8, files are hashed again
        with contextlib.suppress(OSError, UnicodeEncodeError):
            self._path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(msgspec.msgpack.encode((stamp, known)))
            temporary.replace(self._path)

    def now(self) -> int:
        """The time, in nanoseconds, as the file system tells it; 0 when it cannot be asked."""
        temporary = self._path.with_name(f".{self._path.name}.time")
        try:
            self._path.parent.mkdir(exist_ok=True)
            temporary.touch()
            time = temporary.stat().st_mtime_ns
            temporary.unlink()
        except OSError:
            return 0  # no hash is trusted
        return time


_Known = tuple[int, int, int, int, bytes]
_SLACK = 2 * 10**9


def _read_index(path: Path) -> tuple[int, dict[str, _Known]]:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=tuple[int, dict[str, _Known]])
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        return 0, {}


def total_size(files: FileList) -> int:
    """Bytes of all files."""
    return sum(stored.size for stored in files.values())


def differences(before: FileList, now: FileList) -> Iterator[tuple[str, str]]:
    """(added, modified or removed; path) of each file that differs."""
    for path in sorted(before.keys() | now.keys()):
        if path not in before:
            yield "added", path
        elif path not in now:
            yield "removed", path
        elif before[path] != now[path]:
            yield "modified", path
