"""Projects as data sets to read: ``PROJECT[@REV][:SOURCE]``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from datumaro.cli.arguments import key_options
from datumaro.cli.errors import UsageError
from datumaro.paths import is_url
from datumaro.project.layout import is_project

if TYPE_CHECKING:
    from datumaro.dataset import Dataset
    from datumaro.progress import ProgressReporter
    from datumaro.project.building import Access
    from datumaro.table.counts import Summary


@dataclass(frozen=True)
class ProjectTarget:
    """A project, or a source of it, to read.

    Attributes
    ----------
    path : the project's folder.
    revision : as it was in a revision; None for now.
    source : the source's name; None for all together.
    """

    path: Path
    revision: str | None = None
    source: str | None = None
    access: Access | None = field(default=None, compare=False)

    def read(self, progress: ProgressReporter) -> Dataset:
        """Read it."""
        from datumaro.project.project import Project

        return Project(self.path).dataset(
            self.source, revision=self.revision, access=self.access, progress_reporter=progress
        )

    def summary(self, progress: ProgressReporter) -> Summary:
        """Count what it has."""
        from datumaro.operations.summary import summarize

        return summarize(self.read(progress))

    def check_output(self, folder: Path) -> None:
        """See that a data set may be written to a folder: see `Project.check_output`."""
        from datumaro.project.project import Project

        Project(self.path).check_output(folder)


def split_revision_path(text: str) -> ProjectTarget | None:
    """The parts of ``PROJECT[@REV][:SOURCE]``; None when no part of it is a project's folder.

    Raises
    ------
    OldProjectError
        It is a project of Datumaro 1.x.
    """
    if Path(text).exists():
        return ProjectTarget(Path(text)) if is_project(Path(text)) else None
    head, colon, source = text.rpartition(":")
    if not colon or "/" in source or "\\" in source:
        head, source = text, ""
    for path, revision in _at(head):
        if path and Path(path).is_dir() and is_project(Path(path)):
            return ProjectTarget(Path(path), revision or None, source or None)
    return None


def _at(text: str) -> list[tuple[str, str]]:
    """What a text may be as ``PROJECT`` and ``PROJECT@REV``: either may have an @ in it."""
    places = [place for place, letter in enumerate(text) if letter == "@"]
    return [(text, ""), *((text[:place], text[place + 1 :]) for place in reversed(places))]


def find_project_target(text: str, args: argparse.Namespace) -> ProjectTarget | None:
    """The project that a command is to read; None when it is none.

    Parameters
    ----------
    args : the flags of `arguments.add_input_flags`, and ``-if``: with it, a folder is no project.

    Raises
    ------
    UsageError
        A flag is given that a project has no use for.
    """
    if args.input_format or is_url(text):
        return None
    target = split_revision_path(text)
    if target is None:
        return None
    from datumaro.project.building import Access

    if args.import_option or args.on_error != "fail":
        flag = "--import-option" if args.import_option else "--on-error"
        raise UsageError(
            f"{target.path} is a project: leave out {flag}; options of its sources are in its "
            "configuration"
        )
    return ProjectTarget(
        target.path,
        target.revision,
        target.source,
        Access(
            **key_options(args),
            allow_external_media=args.allow_external_media,
            num_workers=_number(args.num_workers),
        ),
    )


def _number(word: str | None) -> int | None:
    try:
        return None if word is None else int(word)
    except ValueError:
        raise UsageError(f"--num-workers {word!r}: expected a whole number") from None
