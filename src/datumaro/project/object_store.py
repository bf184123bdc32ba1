"""Files' contents, each kept once, by their SHA-256: ``aa/bbbb…``.

They are read-only, and copies: what is done to the file that an object was made of does not change
it. Copies take no space of their own where the file system shares blocks (`datumaro.copying`).
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import itertools
import os
import secrets
import shutil
import sys
from collections.abc import Container
from pathlib import Path

from datumaro.copying import copy_file
from datumaro.errors import MissingObjectError, ProjectError
from datumaro.project.file_tree import File, seen

_IN_MEMORY = 4 << 20  # bytes of a file that is read at once
_MANY = 64  # files: a file system is faster written out at once than more of them one by one
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def file_hash(path: str) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:  # noqa: PTH123 - a str
        return hashlib.file_digest(file, "sha256").hexdigest()


class ObjectStore:
    """A folder of objects.

    Parameters
    ----------
    temporary : a folder on the same file system, which exists when objects are added.
    """

    def __init__(self, folder: Path, temporary: Path) -> None:
        self._folder, self._temporary = os.fspath(folder), os.fspath(temporary)
        self._unique, self._count = secrets.token_hex(8), itertools.count()
        self._new: list[str] = []

    def hashes(self) -> set[str]:
        """The hashes of all objects."""
        found: set[str] = set()
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as folders:
            for folder in folders:
                if len(folder.name) == 2 and folder.is_dir():
                    found.update(folder.name + name for name in os.listdir(folder.path))  # noqa: PTH208 - names only
        return found

    def add(self, file: File, known: Container[str]) -> tuple[str, File]:
        """Keep a file's content; give its hash, and the file as it was when it was opened.

        Parameters
        ----------
        known : hashes that are there already.
        """
        try:
            descriptor = os.open(file.where, _READ)
            with os.fdopen(descriptor, "rb") as opened:
                now = seen(file.path, file.where, os.fstat(descriptor))
                if now.size > _IN_MEMORY:
                    return self._add_large(file, known), now
                content = opened.read()
        except OSError as error:
            raise ProjectError(f"{file.where}: cannot be read: {error.strerror}") from error
        name = hashlib.sha256(content).hexdigest()
        if name not in known:
            temporary = self._temporary_name()
            made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
            with os.fdopen(made, "wb") as target:
                target.write(content)
            self._put(temporary, name)
        # the size is that of what was read: the file may be growing
        return name, now._replace(size=len(content))

    def _add_large(self, file: File, known: Container[str]) -> str:
        temporary = self._temporary_name()
        copy_file(file.where, temporary)  # first: the file may change meanwhile, the copy does not
        name = file_hash(temporary)
        if name in known:
            os.unlink(temporary)  # noqa: PTH108 - a str
        else:
            os.chmod(temporary, 0o444)  # noqa: PTH101 - a str
            self._put(temporary, name)
        return name

    def _temporary_name(self) -> str:
        return f"{self._temporary}/{self._unique}-{next(self._count)}"

    def _put(self, temporary: str, name: str) -> None:
        place = self._path(name)
        try:
            os.replace(temporary, place)  # noqa: PTH105 - a str
        except FileNotFoundError:  # the folder
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - a str
            os.replace(temporary, place)  # noqa: PTH105 - a str
        self._new.append(place)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name[:2]}/{name[2:]}"

    def settle(self) -> None:
        """See new objects on the disk, before a history speaks of them."""
        new, self._new = self._new, []
        if len(new) > _MANY and hasattr(os, "sync"):
            _sync(self._folder)
            return
        for place in new:
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def restore(self, name: str, size: int, target: str, *, link: bool = False) -> None:
        """Make a file of an object.

        Parameters
        ----------
        link : make a hard link, for a file that nobody changes.

        Raises
        ------
        MissingObjectError
            The object is not there, or its content is not what its name says.
        """
        path = self._path(name)
        try:
            if size <= _IN_MEMORY:
                with open(path, "rb") as file:  # noqa: PTH123 - a str
                    content = file.read()
                found = hashlib.sha256(content).hexdigest()
                if found == name:
                    if link and _link(path, target):
                        return
                    with open(target, "wb") as new:  # noqa: PTH123 - a str
                        new.write(content)
                    return
            else:
                if not (link and _link(path, target)) and not copy_file(path, target):
                    raise FileNotFoundError
                found = file_hash(target)
                if found == name:
                    return
        except FileNotFoundError:
            raise MissingObjectError(
                f"{path} is not there: the content was not stored (`commit --no-cache`), or has "
                "been removed from the cache"
            ) from None
        raise MissingObjectError(f"{path} is damaged: its content's hash is {found}")


def _sync(folder: str) -> None:
    """See the file system of a folder on the disk; all, where there is no call for one."""
    if sys.platform == "linux":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) == 0:
                return
        finally:
            os.close(descriptor)
    os.sync()


def _link(path: str, target: str) -> bool:
    try:
        os.link(path, target)
    except OSError:
        return False
    return True


def copy_or_link(source: str, target: str) -> None:
    """Give a file of a tree that goes away to the tree that takes its place."""
    if not _link(source, target):
        shutil.copy2(source, target)
