"""Data sets of a project's sources: read, and taken through their stages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datumaro.dataset import Dataset
from datumaro.errors import (
    DatumaroError,
    EncryptionKeyError,
    MissingKeyError,
    ProjectConfigError,
    ProjectError,
    SuperfluousKeyError,
    UnknownFormatError,
    UnknownOptionError,
    WrongKeyError,
)
from datumaro.formats import registry
from datumaro.operations.union import union
from datumaro.paths import join_inside
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.project.configuration import KEY_FILES, Configuration, Source
from datumaro.project.layout import Layout
from datumaro.project.stages import Stage
from datumaro.project.versions import Versions, check_known


@dataclass(frozen=True)
class Access:
    """What is given when sources are read, and never kept.

    Attributes
    ----------
    encryption_key, key_file, passphrase, passphrase_file, kms : what opens encrypted sources, if
        not in the environment. A key, a passphrase and a service may be given together: every
        source is opened with what is its own.
    allow_external_media : follow paths and links that lead outside of a source's folder.
    num_workers : workers that read; None for the formats' default.
    """

    encryption_key: str | bytes | None = field(default=None, repr=False)
    key_file: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    passphrase_file: str | None = None
    kms: object | None = None
    allow_external_media: bool = False
    num_workers: int | None = None

    @property
    def keys(self) -> list[dict[str, Any]]:
        """The import options of each way to open a source that is given."""
        ways = (("encryption_key", "key_file"), ("passphrase", "passphrase_file"), ("kms",))
        given = [{name: getattr(self, name) for name in way} for way in ways]
        found = [{n: v for n, v in way.items() if v is not None} for way in given]
        return [way for way in found if way]


@dataclass
class SourceReader:
    """Reads sources.

    Attributes
    ----------
    root : the project's folder, to which key files in the configuration are relative.
    key_was_used : whether the key of ``access`` opened a source.
    """

    configuration: Configuration
    root: Path
    access: Access = field(default_factory=Access)
    progress: ProgressReporter = field(default_factory=NullProgressReporter)
    key_was_used: bool = False

    def read(self, source: Source, folder: Path) -> Dataset:
        """Read the source whose data are in a folder, and take it through its stages.

        Raises
        ------
        ProjectConfigError
            Its format or an option is not known.
        DatumaroError
            It cannot be read, or a stage fails.
        """
        try:
            known = {f.name for f in dataclasses.fields(registry.get(source.format).read_options)}
            dataset = self._read(source, folder, known)
        except UnknownFormatError as error:
            raise self._wrong(source, error, "correct the format") from error
        except UnknownOptionError as error:
            raise self._wrong(source, error, "correct or remove the option") from error
        return self.apply(dataset, source.stages)

    def _read(self, source: Source, folder: Path, known: set[str]) -> Dataset:
        options = dict(source.options)
        for name in KEY_FILES:
            if name in options:
                options[name] = str(self.root / str(options[name]))
        if self.access.allow_external_media:
            options["allow_external_media"] = True
        if self.access.num_workers is not None and "num_workers" in known:
            options["num_workers"] = self.access.num_workers
        path = join_inside(folder, source.path, what=f"path of source {source.name}")
        plain = {n: v for n, v in options.items() if n not in KEY_FILES}
        wrong: WrongKeyError | None = None
        for key in self.access.keys:
            if not key.keys() <= known:
                continue
            try:
                dataset = self._import(path, source, plain | key)
                self.key_was_used = True
                return dataset
            except SuperfluousKeyError:  # this source is a plain one
                break
            except WrongKeyError as error:  # another source's
                wrong = wrong or error
        try:
            return self._import(path, source, options)
        except MissingKeyError:
            if wrong is not None:
                raise wrong from None
            raise

    def _import(self, path: str, source: Source, options: dict[str, Any]) -> Dataset:
        return Dataset.import_from(path, source.format, progress_reporter=self.progress, **options)

    def check_key_was_used(self) -> None:
        """See that a key that was given opened something.

        Raises
        ------
        SuperfluousKeyError
            No source is encrypted.
        """
        if self.access.keys and not self.key_was_used:
            raise SuperfluousKeyError("a key was given, and no source is encrypted; leave it out")

    def check(self, stages: tuple[Stage, ...]) -> None:
        """See that stages can be what they are, before anything is read.

        Raises
        ------
        ProjectConfigError
            One cannot; the error names its line.
        """
        for stage in stages:
            try:
                stage.check()
            except DatumaroError as error:
                raise self._failed(stage, error) from error

    def apply(self, dataset: Dataset, stages: tuple[Stage, ...]) -> Dataset:
        """Take a data set through stages, in place.

        Raises
        ------
        ProjectConfigError
            A stage fails; the error names its line.
        """
        for stage in stages:
            try:
                stage.apply(dataset, self.progress)
            except EncryptionKeyError:
                raise
            except DatumaroError as error:
                raise self._failed(stage, error) from error
        return dataset

    def _failed(self, stage: Stage, error: DatumaroError) -> ProjectConfigError:
        return self.configuration.wrong(
            stage.line, f"{stage} fails: {error}", "correct or remove it"
        )

    def _wrong(self, source: Source, error: Exception, remedy: str) -> ProjectConfigError:
        return self.configuration.wrong(source.line, f"source {source.name!r}: {error}", remedy)


def project_dataset(
    layout: Layout,
    versions: Versions,
    name: str | None,
    revision: str | None,
    access: Access,
    progress: ProgressReporter,
) -> Dataset:
    """The data set of one source, or of all together: see `Project.dataset`."""
    snapshot = None if revision is None else versions.snapshot(revision)
    configuration = (
        Configuration.from_file(layout.config) if snapshot is None else snapshot.configuration
    )
    reader = SourceReader(configuration, layout.root, access, progress)
    whole = name is None or name == "project"
    names = list(configuration.sources) if name is None or whole else [name]
    check_known(names, configuration)
    if not names:
        raise ProjectError("the project has no sources yet; `datum project import` adds one")
    for each in names:
        reader.check(configuration.sources[each].stages)
    if whole:
        reader.check(configuration.stages)
    read: dict[str, Dataset] = {}
    for each in names:
        folder = layout.source(each)
        if snapshot is not None:
            folder = versions.extracted(snapshot, each)
        elif not folder.exists():
            raise ProjectError(
                f"the folder of source {each!r} is missing; restore it with `datum project "
                f"checkout -- {each}`, or `datum project remove {each}`"
            )
        read[each] = reader.read(configuration.sources[each], folder)
    reader.check_key_was_used()
    if not whole:
        return read[names[0]]
    return reader.apply(union(read), configuration.stages)
