"""Formats of other packages, which they name in the entry point group ``datumaro.formats``."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "datumaro.formats"

_FOLDERS = (".dist-info", ".egg-info")
_FILE = "entry_points.txt"


@cache
def entry_points() -> dict[str, EntryPoint]:
    """The entry points by name."""
    if not may_be_any(GROUP):
        return {}
    from importlib import metadata

    return {found.name: found for found in metadata.entry_points(group=GROUP)}


def may_be_any(group: str) -> bool:
    """Whether an installed package may have entry points of a group.

    `importlib.metadata` takes longer to import and to ask than all else that a summary does. Mostly
    nobody names the group, and to see that no file has its name is quick. Wherever packages may
    be that are not folders of `sys.path`, the answer is yes.
    """
    for finder in sys.meta_path:
        if finder is not PathFinder and hasattr(finder, "find_distributions"):
            return True
    return any(_is_named(path or ".", group.encode()) for path in sys.path)


def _is_named(path: str, group: bytes) -> bool:
    """Whether a package in a folder may name a group."""
    try:
        names = os.listdir(path)  # noqa: PTH208 - a few hundred names, as text
    except FileNotFoundError:
        return False
    except OSError:
        return True  # an archive: importlib.metadata looks into it
    inside = path.lower().endswith(".egg")
    return any(
        _is_in(os.path.join(path, name, _FILE), group)  # noqa: PTH118 - a str
        for name in names
        if name.lower().endswith(_FOLDERS) or (inside and name.lower() == "egg-info")
    )


def _is_in(path: str, group: bytes) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a str
            return group in file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
