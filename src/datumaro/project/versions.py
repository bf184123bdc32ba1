"""States of a project: the one that is there, and those in the history."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import (
    EmptyCommitError,
    ProjectError,
    UnknownRevisionError,
    UnknownSourceError,
    UnsavedChangesError,
)
from datumaro.keys import redacted
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.project import file_list
from datumaro.project.configuration import Configuration, Source
from datumaro.project.file_list import FileList
from datumaro.project.history import Commit, Head, History, blob_hash
from datumaro.project.layout import Layout
from datumaro.project.object_store import ObjectStore, copy_or_link
from datumaro.project.transaction import Transaction
from datumaro.project.working_copy import WorkingCopy
from datumaro.workers import Workers, batched

WHOLE = "project"
"""What changes of all sources together are listed as."""

_CONFIG = "project.yml"
_BATCH = 64


@dataclass(frozen=True)
class Change:
    """How a source differs from its state in the history.

    Attributes
    ----------
    state : "added", "modified", "removed" (from the project), or "missing" (its folder is).
    files : how many files were added, modified and removed, by these words.
    settings : whether its entry in the configuration is another.
    """

    state: str
    files: dict[str, int] = field(default_factory=dict[str, int])
    settings: bool = False

    @property
    def details(self) -> str:
        """What was modified, in words."""
        parts = [f"{n} file{'s' if n != 1 else ''} {what}" for what, n in self.files.items()]
        return ", ".join([*parts, *["settings changed"] * self.settings])


@dataclass(frozen=True)
class Status:
    """Where a project stands, and what was changed since.

    Attributes
    ----------
    head : the commit that it stands at.
    changes : the sources that differ from it, by name; under "project" what concerns all together.
    """

    head: Head
    changes: dict[str, Change]


def head_text(head: Head) -> str:
    """Where a project stands, in words."""
    if head.hash is None:
        return f"On branch '{head.branch}', no commits yet"
    if head.branch is None:
        return f"HEAD is detached at commit {head.hash}"
    return f"On branch '{head.branch}', commit {head.hash}"


@dataclass(frozen=True)
class Committed:
    """A new commit, and how it differs from the one before."""

    commit: Commit
    changes: dict[str, Change]


@dataclass(frozen=True)
class Snapshot:
    """A state in the history; without a commit the empty one.

    Attributes
    ----------
    blobs : Git's hashes of each source's list of files.
    """

    commit: str | None
    text: str
    configuration: Configuration
    blobs: dict[str, list[str]]


class Versions:
    """The history of a project. Whoever uses it holds the project's lock.

    Parameters
    ----------
    lock : the lock's descriptor.
    """

    def __init__(
        self,
        layout: Layout,
        lock: int | None = None,
        progress: ProgressReporter | None = None,
    ) -> None:
        self._layout = layout
        self.history = History(layout.history, lock)
        self._store = ObjectStore(layout.cache, layout.temporary)
        self._progress = progress or NullProgressReporter()
        self._workers = Workers(None)

    # --- looking -------------------------------------------------------------------------------

    def working_copy(self, name: str) -> WorkingCopy:
        """The folder of a source."""
        return WorkingCopy(self._layout.source(name), self._layout.index / name)

    def snapshot(self, revision: str) -> Snapshot:
        """A state in the history.

        Raises
        ------
        UnknownRevisionError
            There is none.
        ProjectError
            What is there is none of a project's.
        """
        return self._snapshot(self.history.resolve(revision), revision)

    def _snapshot(self, commit: str | None, revision: str) -> Snapshot:
        where = f"{_CONFIG} of revision {revision}"
        if commit is None:
            return Snapshot(None, "", Configuration.new(where), {})
        blobs: dict[str, list[str]] = {}
        text: bytes | None = None
        for path, blob in sorted(self.history.tree(commit).items()):
            kind, _, rest = path.partition("/")
            if path == _CONFIG:
                (text,) = self.history.read([blob])
            elif kind == "sources":
                blobs.setdefault(rest.partition("/")[0], []).append(blob)
        if text is None:
            raise ProjectError(f"revision {revision} of the history is none of a project")
        configuration = Configuration.from_bytes(text, where)
        return Snapshot(commit, text.decode("utf-8-sig"), configuration, blobs)

    def files(self, snapshot: Snapshot, name: str) -> FileList:
        """A source's files in a state."""
        parts = self.history.read(snapshot.blobs.get(name, []))
        return file_list.decode(parts, f"source {name} in the history")

    def status(self, configuration: Configuration) -> Status:
        """What differs from the commit that the project stands at."""
        head = self.history.head()
        return Status(head, self._changes(configuration, self._snapshot(head.hash, "HEAD")))

    def _changes(
        self, now: Configuration, then: Snapshot, only: Collection[str] | None = None
    ) -> dict[str, Change]:
        changes: dict[str, Change] = {}
        for name in [
            *now.sources,
            *(n for n in then.configuration.sources if n not in now.sources),
        ]:
            if only is None or name in only:
                change = self._change(name, now.sources.get(name), then)
                if change is not None:
                    changes[name] = change
        if only is None and now.stages != then.configuration.stages:
            changes[WHOLE] = Change("modified", settings=True)
        return changes

    def _change(self, name: str, source: Source | None, then: Snapshot) -> Change | None:
        if source is None:
            return Change("removed")
        copy = self.working_copy(name)
        if not copy.exists:
            return Change("missing")
        before = then.configuration.sources.get(name)
        if before is None:
            return Change("added")
        files = copy.files(progress=self._progress, workers=self._workers)
        return self._difference(name, source, files, then)

    def _difference(
        self, name: str, source: Source, files: FileList, then: Snapshot
    ) -> Change | None:
        """How a source that was there differs."""
        before = then.configuration.sources[name]
        counts: dict[str, int] = {}
        if [blob_hash(part) for part in file_list.encode(files)] != then.blobs.get(name):
            old = self.files(then, name)
            counts = dict(Counter(what for what, _ in file_list.differences(old, files)))
        if not counts and source == before:
            return None
        return Change("modified", counts, source != before)

    def is_safe(self, name: str, configuration: Configuration) -> bool:
        """Whether a source's data are somewhere else, too: in the history, or where from."""
        copy = self.working_copy(name)
        if not copy.exists:
            return True
        source = configuration.sources[name]
        if source.origin and copy.is_as_imported():
            return True
        head = self._snapshot(self.history.head().hash, "HEAD")
        if name not in head.configuration.sources:
            return False
        files = copy.files(progress=self._progress, workers=self._workers)
        stored = self._store.hashes()
        return files == self.files(head, name) and all(f.hash in stored for f in files.values())

    # --- commit --------------------------------------------------------------------------------

    def commit(
        self,
        configuration: Configuration,
        message: str,
        *,
        allow_empty: bool = False,
        store: bool = True,
    ) -> Committed:
        """Add the state that is there to the history.

        Raises
        ------
        EmptyCommitError
            It is the one that the history has.
        ProjectError
            A source's folder is missing, or a file cannot be stored.
        """
        if not message.strip():
            raise ProjectError("a commit needs a message that says what was changed, and why")
        if redacted(message) != message:
            raise ProjectError("the message holds what looks like an encryption key; leave it out")
        missing = [n for n in configuration.sources if not self.working_copy(n).exists]
        if missing:
            raise ProjectError(
                f"the folder of source {missing[0]!r} is missing; restore it with `datum project "
                f"checkout -- {missing[0]}`, or `datum project remove {missing[0]}`"
            )
        with Transaction(self._layout):  # for the folder that objects are made in
            lists = {
                name: self.working_copy(name).files(
                    self._store if store else None, progress=self._progress, workers=self._workers
                )
                for name in configuration.sources
            }
            self._store.settle()
        head = self._snapshot(self.history.head().hash, "HEAD")
        contents = {_CONFIG: configuration.text.encode()}
        changes: dict[str, Change] = {}
        for name, source in configuration.sources.items():
            files = lists[name]
            for number, part in enumerate(file_list.encode(files)):
                contents[f"sources/{name}/{number:05d}"] = part
            if name not in head.configuration.sources:
                changes[name] = Change("added")
            else:
                change = self._difference(name, source, files, head)
                if change is not None:
                    changes[name] = change
        for name in head.configuration.sources.keys() - configuration.sources.keys():
            changes[name] = Change("removed")
        if configuration.stages != head.configuration.stages:
            changes[WHOLE] = Change("modified", settings=True)
        before = self.history.tree(head.commit) if head.commit else dict[str, str]()
        changed = {p: c for p, c in contents.items() if before.get(p) != blob_hash(c)}
        removed = sorted(before.keys() - contents.keys())
        if not changed and not removed and not allow_empty:
            raise EmptyCommitError("nothing has changed since the last commit")
        return Committed(self.history.commit(message, changed, removed), changes)

    # --- checkout ------------------------------------------------------------------------------

    def checkout(
        self,
        current: Configuration | None,
        revision: str | None,
        only: Collection[str],
        *,
        force: bool,
        branch: str | None,
    ) -> Snapshot:
        """Let the project, or some of its sources, be as in a revision.

        Parameters
        ----------
        current : None when the configuration is damaged.

        Raises
        ------
        UnsavedChangesError
            Something would be lost, and ``force`` is not set.
        """
        head = self.history.head()
        if head.hash is None:
            raise UnknownRevisionError(
                "nothing has been committed yet; `datum project commit -m MESSAGE` does it"
            )
        target = self.snapshot(revision or "HEAD")
        now = current or Configuration.new(self._layout.config)
        unknown = [name for name in only if name not in target.configuration.sources]
        if unknown:
            raise UnknownSourceError(
                f"revision {revision or 'HEAD'} has no source {unknown[0]!r}; it has: "
                f"{', '.join(target.configuration.sources) or 'none'}"
            )
        if not force:
            self._check_nothing_is_lost(now, head, only or None, target, branch)
        names = list(only) or list({**target.configuration.sources, **now.sources})
        made: dict[str, FileList] = {}
        with Transaction(self._layout) as transaction:
            for name in names:
                place = self._layout.source(name)
                if name in target.configuration.sources:
                    files = self.files(target, name)
                    new = transaction.folder / name
                    if self._stage(new, name, files, known=name in now.sources):
                        transaction.replace(place, new)
                        made[name] = files
                elif current is not None and self.is_safe(name, now):
                    transaction.replace(place, None)  # the revision does not have the source
            if only:
                for name in only:
                    now.copy_source(name, target.configuration)
                transaction.write(self._layout.config, now.text)
            else:
                transaction.write(self._layout.config, target.text)
                self._move_head(transaction, head, target, revision, branch)
            transaction.commit()
        for name, files in made.items():
            self.working_copy(name).remember_as(files)
        return target

    def _check_nothing_is_lost(
        self,
        now: Configuration,
        head: Head,
        only: Collection[str] | None,
        target: Snapshot,
        branch: str | None,
    ) -> None:
        changes = self._changes(now, self._snapshot(head.hash, "HEAD"), only)
        unsaved = [name for name, change in changes.items() if change.state != "missing"]
        if only is not None:  # a source that was removed is what is asked back
            unsaved = [name for name in unsaved if changes[name].state != "removed"]
        for name in target.configuration.sources:
            if name not in now.sources and (only is None or name in only):
                folder = self._layout.source(name)
                if os.path.lexists(folder) and not is_empty(folder):
                    unsaved.append(name)
        if unsaved:
            raise UnsavedChangesError(
                f"changes of {', '.join(dict.fromkeys(unsaved))} are not committed and would be "
                "lost; commit them, or drop them with -f"
            )
        leaves = head.branch is None and only is None and target.commit != head.hash
        if leaves and head.hash and not branch and not self.history.is_on_a_branch(head.hash):
            raise UnsavedChangesError(
                f"commit {head.hash} is on no branch and would be hard to find again; name it "
                "with `datum project checkout -b NAME`, or drop it with -f"
            )

    def _move_head(
        self,
        transaction: Transaction,
        head: Head,
        target: Snapshot,
        revision: str | None,
        branch: str | None,
    ) -> None:
        assert target.commit is not None
        if branch is not None:
            self.history.make_branch(branch, target.commit)
        elif revision is not None and self.history.is_branch(revision):
            branch = revision
        elif revision is None or revision == "HEAD":
            return
        text = f"ref: refs/heads/{branch}\n" if branch else f"{target.commit}\n"
        transaction.write(self._layout.history / "HEAD", text)

    def _stage(self, new: Path, name: str, files: FileList, *, known: bool) -> bool:
        """Make the folder of a source as it is to be; False when it is so already.

        Parameters
        ----------
        known : whether what is there is the source.
        """
        there: dict[str, str] = {}
        copy = self.working_copy(name)
        if known and copy.exists:
            now = copy.files(progress=self._progress, workers=self._workers)
            if now == files:
                return False
            seen, keys = copy.look()
            there = {f.path: f.where for f in seen if now.get(f.path) == files.get(f.path)}
            there |= {f.path: f.where for f in keys if f.path not in files}  # never stored
        self._make(new, files, there)
        return True

    def _make(
        self, folder: Path, files: FileList, there: dict[str, str], *, link: bool = False
    ) -> None:
        """Make a folder of files, from the store or from where they are."""
        folder.mkdir(parents=True)
        for inner in sorted({os.path.dirname(path) for path in [*files, *there]}):  # noqa: PTH120 - a str
            try:
                (folder / inner).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ProjectError(f"{folder.name}/{inner}: cannot be made: {error}") from error

        def make(path: str) -> None:
            target = os.path.join(folder, path)  # noqa: PTH118 - a str
            try:
                if path in there:
                    copy_or_link(there[path], target)
                else:
                    self._store.restore(files[path].hash, files[path].size, target, link=link)
            except OSError as error:
                raise ProjectError(f"{folder.name}/{path}: cannot be made: {error}") from error

        paths = list(dict.fromkeys([*files, *there]))
        self._progress.start(len(paths), desc="Restoring files")
        try:
            with self._workers.map(make, batched(paths, _BATCH)) as done:
                for count, _ in enumerate(done, 1):
                    self._progress.report_status(count)
        finally:
            self._progress.finish()

    def extracted(self, snapshot: Snapshot, name: str) -> Path:
        """A folder with a source's files as they were, for reading. It is made once and stays."""
        key = hashlib.sha256("".join(snapshot.blobs.get(name, [])).encode()).hexdigest()
        place = self._layout.revisions / key
        if not place.exists():
            new = self._layout.temporary / secrets.token_hex(8)
            try:
                self._make(new, self.files(snapshot, name), {}, link=True)
                place.parent.mkdir(exist_ok=True)
                new.rename(place)
            except OSError as error:
                if not place.exists():  # another command has made it meanwhile
                    raise ProjectError(f"{place}: cannot be made: {error}") from error
            finally:
                shutil.rmtree(new, ignore_errors=True)
        return place


def is_empty(folder: Path) -> bool:
    """Whether it is a folder in which nothing is."""
    return folder.is_dir() and not any(folder.iterdir())


def check_known(names: Iterable[str], configuration: Configuration) -> None:
    """See that sources exist.

    Raises
    ------
    UnknownSourceError
        One does not; the message lists those that do.
    """
    for name in names:
        if name not in configuration.sources:
            raise UnknownSourceError(
                f"the project has no source {name!r}; it has: "
                f"{', '.join(configuration.sources) or 'none'}"
            )
