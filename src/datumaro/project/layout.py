"""Where things are in a project's folder.

::

    PROJECT/
        .datumaro/
            project.yml     the configuration, which a person may edit
            history/        a Git repository: configurations and lists of files
            cache/aa/…      the files' contents, each named by its SHA-256
            index/NAME      what is known of a source's files, to hash them once
            revisions/…     older states of sources, while they are in use
            tmp/            what is being made
            lock, journal   see `datumaro.project.transaction`
        NAME/               the data of the source NAME
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from datumaro.errors import OldProjectError, ProjectError, ProjectNotFoundError
from datumaro.paths import absolute

FOLDER = ".datumaro"
RESERVED_NAMES = frozenset({"project", "dataset", "build"})

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NAME_LENGTH = 100


class Layout:
    """The paths of a project's parts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.config = self.folder / "project.yml"
        self.history = self.folder / "history"
        self.cache = self.folder / "cache"
        self.index = self.folder / "index"
        self.revisions = self.folder / "revisions"
        self.temporary = self.folder / "tmp"
        self.lock = self.folder / "lock"
        self.journal = self.folder / "journal"

    def source(self, name: str) -> Path:
        """The folder of a source's data."""
        return self.root / name


def name_problem(name: str) -> str | None:
    """What is wrong with a source's name; None when it is in order.

    A source's name is a folder's, on any system, and a word on the command line.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        return "expected letters, digits, '_', '-' and '.', not beginning with '-' or '.'"
    if len(name) > _NAME_LENGTH:
        return f"it is longer than {_NAME_LENGTH} characters"
    if name in RESERVED_NAMES:
        return f"the names {', '.join(sorted(RESERVED_NAMES))} mean something else"
    return None


def find_project(start: Path) -> Path:
    """The innermost folder that is a project, of a folder and those above it.

    Raises
    ------
    ProjectNotFoundError
        None of them is.
    OldProjectError
        One is a project of Datumaro 1.x.
    """
    start = Path(absolute(start))
    for folder in (start, *start.parents):
        if is_project(folder):
            return folder
    raise ProjectNotFoundError(
        f"{start} is in no project; make one with `datum project create`, or name one with -p"
    )


def project_at(path: Path) -> Path:
    """The project whose folder, or whose folder ``.datumaro``, is at a path.

    Raises
    ------
    ProjectNotFoundError, OldProjectError
        There is none.
    """
    root = Path(absolute(path))
    if root.name == FOLDER:
        root = root.parent
    if is_project(root):
        return root
    above = next((folder for folder in root.parents if is_project(folder)), None)
    hint = f"; {above} is one" if above else f"; make one with `datum project create -o {path}`"
    raise ProjectNotFoundError(f"{path} is no project{hint}")


def is_project(root: Path) -> bool:
    """Whether a folder is a project of this package; OldProjectError for one of Datumaro 1.x."""
    folder = root / FOLDER
    if (folder / "project.yml").exists():
        return True
    old = [folder / "tree" / "config.yml", folder / "config.yaml"]
    if any(map(os.path.exists, old)):
        raise OldProjectError(
            f"{root} is a project of Datumaro 1.x, which this version does not read. The data of "
            "its sources are in its folders, as they were imported: make a new project in another "
            "folder with `datum project create`, and there, for each source, "
            f"`datum project import -f FORMAT {root / 'NAME'}`"
        )
    return False


def check_source_name(name: str) -> None:
    """See that a source may have a name.

    Raises
    ------
    ProjectError
        It may not; the message says why.
    """
    problem = name_problem(name)
    if problem:
        raise ProjectError(f"{name!r} cannot be a source's name: {problem}")


def check_output(folder: Path, root: Path, sources: Iterable[str]) -> None:
    """See that an export to a folder does not replace what is the project's.

    Raises
    ------
    ProjectError
        It would.
    """
    target, root = Path(os.path.realpath(folder)), Path(os.path.realpath(root))
    own = [root / FOLDER, *(root / name for name in sources)]
    if (
        target == root
        or target in root.parents
        or any(target == part or part in target.parents for part in own)
    ):
        raise ProjectError(f"{folder} is the project's, or holds it; export to another folder")
