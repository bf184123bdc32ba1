"""Copying single files."""

from __future__ import annotations

import errno
import os
import shutil
import stat

_READ = (
    os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
)  # pipes must not hang
# errors that say that the kernel cannot copy between these two files, or at all
_NO_KERNEL_COPY = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}


def copy_file(source: str, target: str) -> bool:
    """Copy a file's content; False when it does not exist.

    By the kernel where it can: several times faster for small files than `shutil.copyfile`, and
    without taking space on file systems that share blocks (a reflink: Btrfs, XFS, ZFS).

    Raises
    ------
    OSError
        The source is no regular file, or cannot be read, or the target cannot be written.
    """
    try:
        before = os.open(source, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        status = os.fstat(before)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a regular file")
        if os.access(target, os.F_OK) and os.path.samestat(status, os.stat(target)):  # noqa: PTH116 - a str
            return True
        if hasattr(os, "copy_file_range"):
            after = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                left = status.st_size
                while n := os.copy_file_range(before, after, 1 << 30):
                    left -= n
                    if not left:
                        break
                return True
            except OSError as error:
                if error.errno not in _NO_KERNEL_COPY:
                    raise
            finally:
                os.close(after)
    finally:
        os.close(before)
    shutil.copyfile(source, target)
    return True
