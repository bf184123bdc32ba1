"""The one place where names from files become paths.

Names in annotation files, item ids and subset names are input: they may be absolute, climb out with
``..``, or carry NUL. Every format joins them through `join_inside`.
"""

from __future__ import annotations

import os
import re

from datumaro.errors import PathOutsideDatasetError, PathSeparatorInSubsetNameError

_DRIVE = re.compile(r"^[A-Za-z]:")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def escapes(relative: str) -> bool:
    """Whether a relative path is none: absolute, with a drive, or climbing out of its folder."""
    drive = relative[1:2] == ":" and _DRIVE.match(relative)
    if drive or relative.startswith(("/", "\\")) or "\0" in relative:
        return True
    if ".." not in relative:
        return False
    depth = 0
    for part in relative.replace("\\", "/").split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return True
        elif part not in ("", "."):
            depth += 1
    return False


def is_url(path: str) -> bool:
    """Whether a path is a URL with a scheme, such as ``s3://bucket/set``."""
    return "://" in path and _URL.match(path) is not None


def check_subset_name(name: str) -> None:
    """Refuse the name of a subset that cannot be that of a file.

    Raises
    ------
    PathSeparatorInSubsetNameError
        It has a slash or a backslash.
    """
    if "/" in name or "\\" in name:
        raise PathSeparatorInSubsetNameError(name)


def extension(path: str) -> str:
    """A file's extension with its dot, as `os.path.splitext` has it, in a third of the time."""
    stem, dot, ext = path.rpartition(".")
    if dot and stem and stem[-1] not in "./" and "/" not in ext and os.sep == "/":
        return f".{ext}"
    return os.path.splitext(path)[1]  # noqa: PTH122 - a str


def split_extension(path: str) -> tuple[str, str]:
    """A file's path without its extension, and the `extension`."""
    ext = extension(path)
    return path[: len(path) - len(ext)], ext


def absolute(path: str | os.PathLike[str]) -> str:
    """A path from the root on, without ``..``. Links in it are kept, as `cd` does."""
    return os.path.abspath(path)  # noqa: PTH100 - pathlib follows links, or keeps ..


def join_inside(
    root: str | os.PathLike[str], relative: str, *, what: str = "path", allow_external: bool = False
) -> str:
    """Join ``relative`` to ``root`` and refuse to leave it.

    Parameters
    ----------
    what : names the thing in the error, for example ``"file_name of image 7 in a.json"``.
    allow_external : join blindly, as for a caller who trusts the file (`allow_external_media`).

    Raises
    ------
    PathOutsideDatasetError
        ``relative`` is absolute, names a drive, has a NUL, or climbs out of ``root``.
    """
    if not allow_external and escapes(relative):
        raise PathOutsideDatasetError(
            f"{what}: {relative!r} leads outside {os.fspath(root)!r}; "
            "if the data set is trusted, import it with allow_external_media"
        )
    return os.path.join(root, relative)  # noqa: PTH118 - a str: millions of them are made
