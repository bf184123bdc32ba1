"""The history: a Git repository without a working tree, for the small files alone.

Each commit's tree has the configuration, ``project.yml``, and each source's list of files
(`datumaro.project.file_list`) as ``sources/NAME/00000``, ``00001``, …

The repository may come from strangers: nothing that its own configuration names is run. The user's
configuration is asked for one thing, the name to commit under.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from datumaro.errors import MissingDependencyError, ProjectError, UnknownRevisionError
from datumaro.paths import absolute

BRANCH = "main"

_HASH = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"[A-Za-z0-9_./^~@{}-]+")
_BRANCH_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_AUTHOR = re.compile(r"^author (.*>) (\d{1,12}) ", re.MULTILINE)
_PENDING = "refs/datumaro/pending"
_STALE = 5.0  # seconds after which a lock file of Git's is a dead process'
# of the repository's own configuration, what could run something
_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0")


@dataclass(frozen=True)
class Commit:
    """A state of the project in its history.

    Attributes
    ----------
    hash : its name.
    message : why it was made.
    author : who made it, ``Name <mail>``.
    time : when, in seconds since 1970.
    """

    hash: str
    message: str
    author: str
    time: int


@dataclass(frozen=True)
class Head:
    """Where the project stands in its history.

    Attributes
    ----------
    branch : the branch that the next commit is added to; None when HEAD is detached.
    hash : the commit; None when there is none yet.
    """

    branch: str | None
    hash: str | None


class History:
    """The repository.

    Parameters
    ----------
    folder : where it is, or will be: the first commit makes it.
    lock : the descriptor of the project's lock, which Git's processes are to hold, too, so that
        none outlives it.
    """

    def __init__(self, folder: Path, lock: int | None = None) -> None:
        self._folder, self._lock = folder, lock

    @property
    def exists(self) -> bool:
        """Whether there is a repository."""
        return (self._folder / "HEAD").exists()

    def head(self) -> Head:
        """Where the project stands."""
        if not self.exists:
            return Head(BRANCH, None)
        branch = self._try("symbolic-ref", "-q", "HEAD")
        found = self._try("rev-parse", "-q", "--verify", "HEAD^{commit}")
        if branch is not None:
            branch = branch.strip().removeprefix("refs/heads/")
        return Head(branch, found.strip() if found else None)

    def is_branch(self, name: str) -> bool:
        """Whether a branch has that name."""
        if not _BRANCH_NAME.fullmatch(name):
            return False
        return self._try("rev-parse", "-q", "--verify", f"refs/heads/{name}") is not None

    def resolve(self, revision: str) -> str:
        """The hash of a revision's commit: a hash or its beginning, a branch, ``HEAD~2``.

        Raises
        ------
        UnknownRevisionError
            There is none.
        """
        found = None
        if _REVISION.fullmatch(revision) and not revision.startswith("-") and self.exists:
            found = self._try("rev-parse", "-q", "--verify", revision + "^{commit}")
        if found is None:
            raise UnknownRevisionError(
                f"{revision!r} is no revision of the project; `datum project log` lists them"
            )
        return found.strip()

    def commits(self, most: int | None, start: str = "HEAD") -> list[Commit]:
        """Commits, the newest first."""
        if self.head().hash is None:
            return []
        limit = [] if most is None else [f"--max-count={most}"]
        hashes = self._run("rev-list", *limit, start).decode().split()
        return [
            _commit(name, content) for name, content in zip(hashes, self.read(hashes), strict=True)
        ]

    def is_on_a_branch(self, commit: str) -> bool:
        """Whether some branch or tag leads to a commit."""
        found = self._run(
            "for-each-ref", "--count=1", "--contains", commit, "refs/heads", "refs/tags"
        )
        return bool(found.strip())

    def tree(self, commit: str) -> dict[str, str]:
        """The hash of each file's content in a commit, by path."""
        files: dict[str, str] = {}
        for entry in self._run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            if entry:
                about, _, path = entry.partition(b"\t")
                files[os.fsdecode(path)] = about.split()[2].decode()
        return files

    def read(self, hashes: Iterable[str]) -> list[bytes]:
        """The contents of files or commits, by their hashes."""
        asked = [name for name in hashes]
        answer = self._run("cat-file", "--batch", input="".join(f"{n}\n" for n in asked).encode())
        contents: list[bytes] = []
        at = 0
        for name in asked:
            end = answer.index(b"\n", at)
            about = answer[at:end].split()
            if len(about) != 3:
                raise ProjectError(f"{self._folder}: the object {name} is missing or damaged")
            size = int(about[2])
            contents.append(answer[end + 1 : end + 1 + size])
            at = end + 1 + size + 1
        return contents

    def commit(
        self, message: str, changed: Mapping[str, bytes], removed: Iterable[str] = ()
    ) -> Commit:
        """Add a commit, and let HEAD, or its branch, be there.

        Parameters
        ----------
        changed : contents of files that are new or changed, by path.
        removed : paths of files that are gone.
        """
        self._prepare()
        before = self.head().hash
        author = f"{_identity()} {int(time.time())} {time.strftime('%z')}"
        parts = [
            b"feature done\n",
            f"commit {_PENDING}\nauthor {author}\ncommitter {author}\n".encode(),
            _data(message.encode("utf-8", "replace")),
        ]
        if before is not None:
            parts.append(f"from {before}\n".encode())
        parts += [f"D {path}\n".encode() for path in removed]
        for path, content in changed.items():
            parts += [f"M 100644 inline {path}\n".encode(), _data(content)]
        parts.append(b"done\n")
        self._run("fast-import", "--quiet", "--force", "--done", input=b"".join(parts))
        made = self._run("rev-parse", "-q", "--verify", _PENDING).decode().strip()
        self._run(
            "update-ref", "-m", "commit: " + message.partition("\n")[0], "HEAD", made, before or ""
        )
        return _commit(made, self.read([made])[0])

    def make_branch(self, name: str, commit: str) -> None:
        """Make a branch that leads to a commit.

        Raises
        ------
        ProjectError
            The name is none, or taken.
        """
        if not _BRANCH_NAME.fullmatch(name) or name.endswith((".lock", ".")) or name == "HEAD":
            raise ProjectError(f"{name!r} cannot be a branch's name")
        if self.is_branch(name):
            raise ProjectError(f"there is a branch {name!r} already")
        self._run("update-ref", f"refs/heads/{name}", commit, "0" * 40)

    # --- Git -----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make the repository, or remove what killed processes have left in it."""
        if not self.exists:
            self._folder.mkdir(exist_ok=True)
            self._run("init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}")
            self._run("config", "core.logAllRefUpdates", "true")
            return
        now = time.time()
        for path in [*self._folder.glob("*.lock"), *(self._folder / "refs").rglob("*.lock")]:
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime > _STALE:
                    path.unlink()
        for path in self._folder.glob("fast_import_crash_*"):
            path.unlink(missing_ok=True)

    def _try(self, *words: str) -> str | None:
        """What a command prints; None when it fails."""
        done = self._start(words, b"")
        return os.fsdecode(done.stdout) if done.returncode == 0 else None

    def _run(self, *words: str, input: bytes = b"") -> bytes:
        done = self._start(words, input)
        if done.returncode:
            lines = os.fsdecode(done.stderr).strip().splitlines() or [f"code {done.returncode}"]
            raise ProjectError(f"git {words[0]} failed in {self._folder}: {lines[-1]}")
        return done.stdout

    def _start(self, words: Iterable[str], input: bytes) -> subprocess.CompletedProcess[bytes]:
        git = shutil.which("git")
        if git is None:
            raise MissingDependencyError(
                "the history of a project needs the command git; install it"
            )
        return subprocess.run(
            [git, "--no-pager", *_SAFE, *words],
            input=input,
            capture_output=True,
            env=_environment() | {"GIT_DIR": absolute(self._folder)},
            pass_fds=() if self._lock is None else (self._lock,),
        )


def blob_hash(content: bytes) -> str:
    """The hash that Git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _environment() -> dict[str, str]:
    """The variables that Git is run with: none of its own from outside."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "none",  # a repository that says it is partial must fetch nothing
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_DEFAULT_HASH": "sha1",
        "GIT_DEFAULT_REF_FORMAT": "files",
        "LC_ALL": "C",
    }


def _identity() -> str:
    """Who commits: as Git's variables or the user's configuration say, or else the login name."""
    name = os.environ.get("GIT_AUTHOR_NAME") or _asked("user.name")
    mail = os.environ.get("GIT_AUTHOR_EMAIL") or _asked("user.email")
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # no such user in a container
            name = "datumaro"
    return f"{_clean(name) or 'datumaro'} <{_clean(mail) or 'user@localhost'}>"


def _clean(text: str) -> str:
    return re.sub(r"[<>\x00-\x1f]", "", text).strip()


def _asked(name: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(
        [git, "config", "--global", "--get", name], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"


def _commit(name: str, content: bytes) -> Commit:
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    about = _AUTHOR.search(head)
    author, when = (about[1], int(about[2])) if about else ("", 0)
    return Commit(name, message.rstrip("\n"), author, when)
