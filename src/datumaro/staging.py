"""Replacing a folder as a whole: whoever looks sees the old data set or the new one, never a part.

The new tree is built in a neighbour of the target, on the same file system, and takes the target's
place in one step (two, where the system is not Linux). Whenever the process dies, ``kill -9``
included, the target is whole; the neighbour that it leaves is removed by the next export. What a
power failure leaves is up to the file system: nothing is forced to disk.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Collection, Generator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from datumaro.errors import DatasetExportError, DatasetImportError, DatumaroError

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("datumaro")

T = TypeVar("T")

_DAY = 24 * 3600.0
_ATTEMPTS = 10


@contextlib.contextmanager
def staged(
    target: Path, owned: Sequence[str], gone: Collection[str] = ()
) -> Generator[Path, None, None]:
    """Give a fresh folder to write a data set into, and put it in the target's place at the end.

    Parameters
    ----------
    target : the data set's folder. It may exist or not; a link to a folder stands for that folder.
        Folders above it are made.
    owned : glob patterns, relative to the target, with ``**`` for any folders. Files of the old
        target that match one are gone with it. All others that the new tree does not have stay:
        they are hard-linked into it, or copied where that is not possible.
    gone : files of the old target that are gone with it, too: paths relative to it, with ``/``.

    Raises
    ------
    DatasetExportError
        The target is a file, a file system's root, the home folder, or the current folder or one
        above it: these cannot be replaced as a whole, or should not be.

    Notes
    -----
    When the block raises, the target is as it was, and the new folder and the folders made above it
    are removed.
    """
    place = _checked(target)
    made = _make_parents(place)
    try:
        _clean(place)
        partial, lock = _create(place)
        try:
            yield partial
            _commit(partial, place, owned, gone)
        finally:
            _unlock(lock)
            _remove(partial)  # the new tree, or after the exchange the old one
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # something else has come to lie in it
                folder.rmdir()
        raise


def _checked(target: Path) -> Path:
    """The folder itself, no link, absolute."""
    place = Path(os.path.realpath(target))
    problem = ""
    if place.exists() and not place.is_dir():
        problem = "it is a file"
    elif os.path.ismount(place):
        problem = "it is the root of a file system; name a folder in it"
    elif place == Path(os.path.realpath(os.path.expanduser("~"))):  # noqa: PTH111 - never raises
        problem = "it is your home folder; name a folder in it"
    elif _holds_current(place):
        problem = (
            "it is the current folder, or contains it, and cannot be replaced while you are in it; "
            "name another folder, or go to another first"
        )
    if problem:
        raise DatasetExportError(f"cannot export to {os.fspath(target)!r}: {problem}")
    return place


def _holds_current(place: Path) -> bool:
    try:
        return Path.cwd().is_relative_to(place)
    except FileNotFoundError:  # the current folder was removed
        return False


def _make_parents(place: Path) -> list[Path]:
    """Make the folders above; give those that were not there, uppermost first."""
    missing: list[Path] = []
    folder = place.parent
    while not folder.exists():
        missing.insert(0, folder)
        folder = folder.parent
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetExportError(f"cannot make the folder {place.parent}: {error}") from error
    return missing


# --- readers -------------------------------------------------------------------------------------


def read_whole(source: Path, read: Callable[[], T]) -> T:
    """Read a data set as it is at one moment: again when it is replaced meanwhile.

    A data set is several files. A reader that opens some of them before it is replaced, and others
    after, would have parts of both.

    Parameters
    ----------
    read : is called once, and again each time that another data set has taken the place.

    Raises
    ------
    DatasetImportError
        It is replaced faster than it can be read.
    """
    for _ in range(_ATTEMPTS):
        before = _hold(source)
        try:
            try:
                result = read()
            except (DatumaroError, OSError):
                if before is None or _is(source, before):
                    raise
            else:
                if before is None or _is(source, before):
                    return result
        finally:
            _unlock(before)
    raise DatasetImportError(f"{source}: it was replaced {_ATTEMPTS} times while it was being read")


def _hold(source: Path) -> int | None:
    """Open a file or folder, so that nothing else gets its number; None where folders cannot be."""
    if sys.platform == "win32":
        return None
    try:
        return os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # it may not be opened; reading it tells why
        return None


# --- neighbours -----------------------------------------------------------------------------------


def _neighbour(place: Path, what: str) -> str:
    """The beginning of the names of the folders that are put beside ``place``."""
    name = place.name
    if len(os.fsencode(name)) > 200:  # names of files end at 255 bytes
        import hashlib  # what costs time is imported when something is written

        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}.{what}-"


def _token() -> str:
    return os.urandom(4).hex()


def _create(place: Path) -> tuple[Path, int | None]:
    """An empty neighbour, locked as long as this process lives."""
    while True:
        partial = place.with_name(_neighbour(place, "partial") + _token())
        try:
            partial.mkdir()
        except OSError as error:
            raise DatasetExportError(f"cannot write to {place.parent}: {error}") from error
        # another export may take it for a dead one's as long as it is not locked
        with contextlib.suppress(BlockingIOError):
            lock = _lock(partial)
            if partial.exists():
                return partial, lock
            _unlock(lock)


def _lock(folder: Path, wait: bool = False) -> int | None:
    """Lock a folder until the descriptor is closed or the process dies; None where it cannot be.

    Raises
    ------
    BlockingIOError
        Another living process holds it, and ``wait`` is False.
    """
    if sys.platform == "win32":
        return None
    descriptor = -1
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException as error:
        if descriptor >= 0:
            os.close(descriptor)
        if isinstance(error, OSError) and not isinstance(error, BlockingIOError):
            return None  # a file system without locks
        raise
    return descriptor


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _clean(place: Path) -> None:
    """Remove what exports that died have left beside the target, or put it back."""
    partial, replaced = _neighbour(place, "partial"), _neighbour(place, "replaced")
    with os.scandir(place.parent) as entries:
        left = [
            entry
            for entry in entries
            if entry.name.startswith((partial, replaced)) and entry.is_dir(follow_symlinks=False)
        ]
    for entry in left:
        path = Path(entry.path)
        try:
            lock = _lock(path)
        except BlockingIOError:  # its export lives
            continue
        try:
            if entry.name.startswith(replaced) and not place.exists():
                path.rename(place)  # its export died between the two renames of `_exchange`
            elif lock is not None or time.time() - entry.stat().st_mtime > _DAY:
                _remove(path)
        except FileNotFoundError:  # another export cleans too
            pass
        finally:
            _unlock(lock)


def _remove(folder: Path) -> None:
    """Remove a tree, if it is there. A failure is logged: the data set itself is in order."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        if folder.exists():  # someone else removes it too
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        log.warning("the temporary folder %s could not be removed: %s", folder, error)


# --- the new tree takes the target's place --------------------------------------------------------


def _commit(partial: Path, place: Path, owned: Sequence[str], gone: Collection[str]) -> None:
    patterns = [pattern.split("/") for pattern in owned]
    try:
        if place.exists():
            shutil.copymode(place, partial)
        while True:
            if not (place.exists() and any(place.iterdir())) and _rename(partial, place):
                return
            turn = _lock(place, wait=True)  # several exports to one target: one after another
            try:
                if turn is None or _is(place, turn):
                    _carry_over(place, partial, (), patterns, gone, place.stat().st_dev)
                    _exchange(partial, place)
                    return
            finally:
                _unlock(turn)
    except OSError as error:
        raise DatasetExportError(f"cannot replace {place}: {error}") from error


def _is(place: Path, descriptor: int) -> bool:
    """Whether the folder is still the one that was opened."""
    return place.exists() and os.path.samestat(place.stat(), os.fstat(descriptor))


def _rename(partial: Path, place: Path) -> bool:
    """Rename to a place where nothing is, or an empty folder; False when something is there."""
    if sys.platform == "win32" and place.exists():
        place.rmdir()
    try:
        partial.rename(place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another export was faster
            return False
        raise
    return True


def _carry_over(
    old: Path,
    new: Path,
    parts: tuple[str, ...],
    owned: list[list[str]],
    gone: Collection[str],
    device: int,
) -> None:
    """Link what the new tree lacks and the format does not own from the old tree into it."""
    with os.scandir(old) as entries:
        for entry in entries:
            path, inside = new / entry.name, (*parts, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder:
                if entry.stat(follow_symlinks=False).st_dev != device:
                    raise DatasetExportError(
                        f"cannot replace {old}: another file system is mounted at {entry.path}"
                    )
                if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
                    log.warning("%s was a folder and is a file now: what it held is gone", path)
                    continue
                _carry_over(Path(entry.path), path, inside, owned, gone, device)
                if not any(Path(entry.path).iterdir()):
                    path.mkdir(parents=True, exist_ok=True)
            elif (
                not os.path.lexists(path)
                and "/".join(inside) not in gone
                and not any(_matches(inside, p) for p in owned)
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                _link(entry, path)


def _link(entry: os.DirEntry[str], path: Path) -> None:
    if entry.is_symlink():
        path.symlink_to(os.readlink(entry.path))  # noqa: PTH115 - as it stands
        return
    try:
        path.hardlink_to(entry.path)
    except OSError:  # a file system without hard links
        shutil.copy2(entry.path, path)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[i:], pattern[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def _exchange(partial: Path, place: Path) -> None:
    """Let two folders change places: in one step on Linux, in two elsewhere."""
    if _exchange_at_once(partial, place):
        return
    replaced = place.with_name(_neighbour(place, "replaced") + _token())
    place.rename(replaced)  # it is locked, so that no other export puts it back
    try:
        partial.rename(place)
    except BaseException:
        replaced.rename(place)
        raise
    replaced.rename(partial)


def _exchange_at_once(partial: Path, place: Path) -> bool:
    """Exchange them by renameat2(2); False where the system or the file system does not have it."""
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # a C library without it
        return False
    names = os.fsencode(partial), os.fsencode(place)
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), os.fspath(place))
