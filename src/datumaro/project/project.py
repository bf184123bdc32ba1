"""`Project`: a folder that remembers where its data came from, and what they were before."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any

from datumaro.dataset import Dataset
from datumaro.errors import (
    InvalidOptionError,
    ProjectAlreadyExistsError,
    ProjectError,
)
from datumaro.paths import absolute
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.project import layout as places
from datumaro.project.building import Access, project_dataset
from datumaro.project.configuration import AT_USE, Configuration, Source
from datumaro.project.history import Commit
from datumaro.project.layout import Layout
from datumaro.project.opening import reading, writing
from datumaro.project.plain_values import plain_options
from datumaro.project.sources import add_source, import_source, remove_sources
from datumaro.project.stages import MODES, FilterStage, Stage, TransformStage
from datumaro.project.transaction import Transaction, locked
from datumaro.project.versions import Committed, Status, check_known
from datumaro.remote.path import as_remote, located

log = logging.getLogger("datumaro")

_SILENT = NullProgressReporter()
_IGNORED = "# For whoever keeps the project in a Git repository of their own.\n*\n!project.yml\n"


class Project:
    """A project: data sets as its sources, in folders of their own, and their history.

    Parameters
    ----------
    path : its folder. When not given, the innermost project that holds the current folder.

    Raises
    ------
    ProjectNotFoundError
        There is none.
    OldProjectError
        It is one of Datumaro 1.x.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        root = places.find_project(Path()) if path is None else places.project_at(Path(path))
        self._layout = Layout(root)

    @classmethod
    def create(cls, path: str | os.PathLike[str] = ".", *, overwrite: bool = False) -> Project:
        """Make a folder a project.

        Parameters
        ----------
        overwrite : replace a project that is there, its history included; data are left alone.

        Raises
        ------
        ProjectAlreadyExistsError
            It is one.
        """
        root = Path(absolute(path))
        layout = Layout(root)
        if layout.folder.exists() and any(layout.folder.iterdir()) and not overwrite:
            raise ProjectAlreadyExistsError(
                f"{root} is a project already; --overwrite makes it new, and drops its "
                "configuration and history"
            )
        try:
            layout.folder.mkdir(parents=True, exist_ok=True)
            (layout.folder / ".gitignore").write_text(_IGNORED)
        except OSError as error:
            raise ProjectError(f"{layout.folder}: cannot be made: {error.strerror}") from error
        with locked(layout), Transaction(layout) as transaction:
            for part in (layout.history, layout.cache, layout.index, layout.revisions):
                transaction.replace(part, None)
            transaction.write(layout.config, Configuration.new(layout.config).text)
            transaction.commit()
        return cls(root)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Project:
        """The project at a path, or the one that holds the current folder."""
        return cls(path)

    @property
    def path(self) -> Path:
        """The project's folder."""
        return self._layout.root

    def __repr__(self) -> str:
        return f"Project({os.fspath(self.path)!r})"

    # --- sources -------------------------------------------------------------------------------

    def configuration(self, revision: str | None = None) -> Configuration:
        """The configuration as it is in the file now, or was in a revision.

        Raises
        ------
        ProjectConfigError
            It has a mistake; the error names file, line and remedy.
        """
        if revision is None:
            return Configuration.from_file(self._layout.config)
        with reading(self._layout, _SILENT) as versions:
            return versions.snapshot(revision).configuration

    @property
    def sources(self) -> dict[str, Source]:
        """The sources, by name."""
        return self.configuration().sources

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What all sources together go through when they are read, in this order."""
        return self.configuration().stages

    def source_folder(self, name: str) -> Path:
        """The folder of a source's data."""
        check_known([name], self.configuration())
        return self._layout.source(name)

    def import_source(
        self,
        url: str | os.PathLike[str],
        format: str | None = None,
        *,
        name: str | None = None,
        path: str = "",
        check: bool = True,
        link: bool = False,
        progress_reporter: ProgressReporter = _SILENT,
        **options: Any,
    ) -> str:
        """Copy a data set into the project, as a new source.

        The copy takes no space where the file system shares blocks. Files that hold an encryption
        key are left out.

        Parameters
        ----------
        url : the data set's folder or file.
        format : its format's name; detected when not given.
        name : the source's name; "source-1", "source-2" and so on when not given.
        path : the part of the folder that is read, if not all.
        check : read the data set first, to see that it is in order.
        link : make hard links instead of copies. What is changed in place in the one is changed
            in the other.
        options : the format's import options. What is needed each time is kept; a key never.

        Returns
        -------
        The source's name.

        Raises
        ------
        SourceExistsError
            The name is taken.
        DatasetImportError, DatumaroError
            The data set cannot be read, or not be copied. The project is as it was.
        """
        return import_source(
            self._layout,
            url,
            format,
            options,
            name=name,
            path=path,
            check=check,
            link=link,
            progress=progress_reporter,
        )

    def add_source(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        inside: str = "",
        check: bool = True,
        progress_reporter: ProgressReporter = _SILENT,
        **options: Any,
    ) -> str:
        """Make a folder in the project's folder a source, in place; its name is the folder's.

        Parameters
        ----------
        inside : the part of the folder that is read, if not all.
        format, check, options : as for `import_source`.

        Returns
        -------
        The source's name.
        """
        return add_source(
            self._layout,
            path,
            format,
            options,
            inside=inside,
            check=check,
            progress=progress_reporter,
        )

    def remove_source(self, *names: str, force: bool = False, keep_data: bool = False) -> None:
        """Remove sources and their data.

        Parameters
        ----------
        force : remove data of which there is no other copy, too.
        keep_data : leave the data where they are.

        Raises
        ------
        ProjectError
            Data were changed since they were imported or committed, or never were.
        """
        remove_sources(self._layout, names, force=force, keep_data=keep_data)

    # --- data ----------------------------------------------------------------------------------

    def dataset(
        self,
        source: str | None = None,
        *,
        revision: str | None = None,
        access: Access | None = None,
        progress_reporter: ProgressReporter = _SILENT,
    ) -> Dataset:
        """The data set of one source, or of all together.

        Parameters
        ----------
        source : its name; None, or "project", for all (`datumaro.operations.union`).
        revision : as it was in a revision; None for now.
        access : the key of encrypted sources, and what else is given at each use.

        Raises
        ------
        UnknownSourceError
            There is no such source.
        MergeError
            Sources contradict each other.
        DatumaroError
            A source cannot be read, or a stage fails.
        """
        with reading(self._layout, progress_reporter) as versions:
            return project_dataset(
                self._layout, versions, source, revision, access or Access(), progress_reporter
            )

    def export(
        self,
        save_dir: str | os.PathLike[str],
        format: str,
        *,
        source: str | None = None,
        filter: str | None = None,
        filter_mode: str = MODES[0],
        revision: str | None = None,
        access: Access | None = None,
        progress_reporter: ProgressReporter = _SILENT,
        **options: Any,
    ) -> Dataset:
        """Write one source, or all together, as a data set.

        Parameters
        ----------
        filter : an XPath expression; only what it selects is written.
        filter_mode : "items", "annotations" or "items+annotations".
        source, revision, access : as for `dataset`.
        options : the format's export options.

        Returns
        -------
        What was written.
        """
        self.check_output(located(save_dir))
        with reading(self._layout, progress_reporter) as versions:
            dataset = project_dataset(
                self._layout, versions, source, revision, access or Access(), progress_reporter
            )
            if filter is not None:
                FilterStage(filter, filter_mode).apply(dataset, progress_reporter)
            dataset.export(save_dir, format, progress_reporter=progress_reporter, **options)
        return dataset

    def check_output(self, folder: Path) -> None:
        """See that an export to a folder does not replace what is the project's.

        Raises
        ------
        ProjectError
            It would.
        """
        if not as_remote(folder):
            places.check_output(folder, self.path, self.sources)

    # --- stages --------------------------------------------------------------------------------

    def filter(
        self,
        expression: str,
        *,
        source: str | None = None,
        mode: str = MODES[0],
        access: Access | None = None,
        progress_reporter: ProgressReporter = _SILENT,
    ) -> Dataset:
        """Add a filter to what is done whenever a source, or all together, are read.

        The data themselves are not changed.

        Parameters
        ----------
        expression : an XPath expression.
        source : the source's name; None for all together.
        mode : "items", "annotations" or "items+annotations".

        Returns
        -------
        The data set with it.
        """
        return self._add_stage(
            FilterStage(expression, mode), source, access or Access(), progress_reporter
        )

    def transform(
        self,
        name: str,
        /,
        *,
        source: str | None = None,
        access: Access | None = None,
        progress_reporter: ProgressReporter = _SILENT,
        **options: Any,
    ) -> Dataset:
        """Add a transform to what is done whenever a source, or all together, are read.

        The data themselves are not changed.

        Parameters
        ----------
        name : the transform's name, such as "remap_labels"; see docs/transforms.md.
        source : the source's name; None for all together.
        options : the transform's options. Where it is random and no ``seed`` is given, one is
            chosen and kept, so that the result is the same each time.

        Returns
        -------
        The data set with it.

        Raises
        ------
        UnknownTransformError
            There is no transform of that name.
        UnknownOptionError, InvalidOptionError
            It has no such option, or not with that value.
        ProjectError
            An option has a value that the configuration cannot hold.
        """
        from datumaro.operations.transforms.running import needs_seed

        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ProjectError(
                f"a project keeps transforms by their names, not {name!r}; docs/transforms.md "
                "tells how a transform gets one"
            )
        for option in options.keys() & AT_USE.keys():
            raise InvalidOptionError(f"{name}: {option} cannot be kept: {AT_USE[option]}")
        options = plain_options(options)
        if needs_seed(name, options):
            options["seed"] = secrets.randbelow(1 << 31)
            log.info("%s: seed %d was chosen", name, options["seed"])
        stage = TransformStage(name, options)
        return self._add_stage(stage, source, access or Access(), progress_reporter)

    def _add_stage(
        self, stage: Stage, source: str | None, access: Access, progress: ProgressReporter
    ) -> Dataset:
        if source == "project":
            source = None
        with writing(self._layout, progress) as versions, Transaction(self._layout) as transaction:
            dataset = project_dataset(self._layout, versions, source, None, access, progress)
            stage.apply(dataset, progress)
            configuration = self.configuration()
            configuration.add_stage(source, stage)
            transaction.write(self._layout.config, configuration.text)
            transaction.commit()
        return dataset

    # --- history -------------------------------------------------------------------------------

    def status(self, *, progress_reporter: ProgressReporter = _SILENT) -> Status:
        """Where the project stands in its history, and what was changed since."""
        with reading(self._layout, progress_reporter) as versions:
            return versions.status(self.configuration())

    def commit(
        self,
        message: str,
        *,
        allow_empty: bool = False,
        no_cache: bool = False,
        progress_reporter: ProgressReporter = _SILENT,
    ) -> Committed:
        """Add the state that is there to the history.

        Parameters
        ----------
        allow_empty : also when nothing has changed.
        no_cache : keep the hashes of files, not their contents: the commit says whether they have
            changed, and cannot bring them back.

        Raises
        ------
        EmptyCommitError
            Nothing has changed.
        """
        with writing(self._layout, progress_reporter) as versions:
            return versions.commit(
                self.configuration(), message, allow_empty=allow_empty, store=not no_cache
            )

    def log(self, max_count: int | None = None) -> list[Commit]:
        """The commits up to where the project stands, the newest first."""
        with reading(self._layout, _SILENT) as versions:
            return versions.history.commits(max_count)

    def checkout(
        self,
        revision: str | None = None,
        sources: Collection[str] = (),
        *,
        force: bool = False,
        branch: str | None = None,
        progress_reporter: ProgressReporter = _SILENT,
    ) -> Status:
        """Let the project, or some of its sources, be as they were.

        Parameters
        ----------
        revision : a commit's hash or its beginning, a branch, ``HEAD~2``; None for the commit that
            the project stands at.
        sources : only these sources; the project stands where it stood.
        force : drop changes that are not committed.
        branch : the name of a new branch that begins there.

        Returns
        -------
        Where the project stands now.

        Raises
        ------
        UnsavedChangesError
            Changes that are not committed would be lost.
        MissingObjectError
            The content of a file is not in the cache, or damaged.
        """
        if branch is not None and sources:
            raise ProjectError("a new branch is of the whole project; leave out the sources")
        with writing(self._layout, progress_reporter) as versions:
            current = None
            with contextlib.suppress(ProjectError) if force else contextlib.nullcontext():
                current = self.configuration()
            versions.checkout(current, revision, sources, force=force, branch=branch)
            return Status(versions.history.head(), {})
