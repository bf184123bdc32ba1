"""The data set that a command reads: where it is, its format, its options."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from datumaro.cli.errors import CliError, UsageError
from datumaro.errors import MultipleFormatsMatchError

if TYPE_CHECKING:
    from datumaro.cli.project_targets import ProjectTarget
    from datumaro.dataset import Dataset
    from datumaro.progress import ProgressReporter
    from datumaro.table.counts import Summary

log = logging.getLogger("datumaro")


@dataclass(frozen=True)
class Source:
    """A data set to read."""

    path: Path
    format: str
    options: dict[str, Any] = dataclasses.field(repr=False)
    on_error: Literal["fail", "skip"]

    def read(self, progress: ProgressReporter) -> Dataset:
        """Read it."""
        from datumaro.dataset import Dataset

        return Dataset.import_from(
            self.path,
            self.format,
            progress_reporter=progress,
            error_policy=self.on_error,
            **self.options,
        )

    def summary(self, progress: ProgressReporter) -> Summary:
        """Count what it has; where the format allows, without reading it."""
        from datumaro.operations.summary import summarize

        return summarize(
            self.path,
            self.format,
            progress_reporter=progress,
            error_policy=self.on_error,
            **self.options,
        )


def find_source(path: str, format: str | None, args: argparse.Namespace) -> Source | ProjectTarget:
    """The data set at ``path``, its format detected when ``format`` is None; or a project.

    ``args`` holds the flags of `arguments.add_input_flags`.

    Raises
    ------
    DatasetNotFoundError
        Nothing is there.
    UsageError
        Several formats match.
    DatumaroError
        None matches, or the format or one of its options is not known.
    """
    from datumaro.cli.format_options import add_access_options, parse_import_options
    from datumaro.cli.project_targets import find_project_target
    from datumaro.formats import registry
    from datumaro.formats.detection import detect_one
    from datumaro.remote.path import located, raise_missing

    project = find_project_target(path, args)
    if project is not None:
        return project
    where = given = located(path)
    if not where.exists():
        raise_missing(where)
    if format is None:
        try:
            format, where = detect_one(where)
        except MultipleFormatsMatchError as error:
            raise UsageError(
                f"{given} matches several formats: {', '.join(error.formats)}; "
                "name the one that is meant with -if"
            ) from error
        log.info("detected format: %s%s", format, f", in {where}" if where != given else "")
    kind = registry.get(format)
    if not kind.reads:
        raise CliError(f"format {format!r} can be written but not read; `datum format -li` lists")
    pairs: list[str] = args.import_option
    if args.num_workers is not None:
        pairs = [*pairs, f"num_workers={args.num_workers}"]
    options = parse_import_options(kind, pairs)
    add_access_options(options, kind, args)
    return Source(where, format, options, args.on_error)


def find_target(args: argparse.Namespace) -> Source | ProjectTarget:
    """The data set of `arguments.add_target_arguments`: ``PATH`` or ``PATH:FORMAT``; or a project,
    ``PROJECT[@REV][:SOURCE]``."""
    from datumaro.cli.project_targets import find_project_target

    project = find_project_target(args.target, args)
    if project is not None:
        return project
    path, format = split_target(args.target)
    if args.input_format and format and args.input_format != format:
        raise UsageError(
            f"two formats are given: {format!r} with the path and {args.input_format!r} with -if"
        )
    return find_source(path, args.input_format or format, args)


def find_changeable(args: argparse.Namespace, command: str) -> Source:
    """`find_target` for a command that changes a data set, and there is one of projects beside it.

    Raises
    ------
    UsageError
        It is a project.
    """
    source = find_target(args)
    if isinstance(source, Source):
        return source
    raise UsageError(
        f"{source.path} is a project: `datum project {command}` does it whenever the project is "
        "read, and `datum project export` writes the result"
    )


def split_target(target: str) -> tuple[str, str | None]:
    """``PATH:FORMAT`` as its two parts; a path that exists, or a drive's, is left whole."""
    path, _, format = target.rpartition(":")
    if not path or not format or "/" in format or "\\" in format or Path(target).exists():
        return target, None
    return path, format
