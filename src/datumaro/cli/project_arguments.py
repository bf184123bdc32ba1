"""Flags that the commands of projects share, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datumaro.cli.arguments import add_key_flags, key_options

if TYPE_CHECKING:
    from datumaro.project.building import Access
    from datumaro.project.project import Project


def add_project_flag(parser: argparse.ArgumentParser) -> None:
    """``-p``."""
    parser.add_argument(
        "-p",
        "--project",
        metavar="DIR",
        help="the project's folder (default: the current folder, or the nearest above it that is "
        "a project)",
    )


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """How a new source is read."""
    parser.add_argument("-f", "--format", metavar="FORMAT", help="its format (default: detected)")
    parser.add_argument(
        "-r", "--path", metavar="PATH", help="the part of the folder that is read, if not all"
    )
    parser.add_argument(
        "--no-check", action="store_true", help="do not read the data set to see whether it can be"
    )
    add_access_flags(parser)


def add_access_flags(parser: argparse.ArgumentParser) -> None:
    """What is given at each use, and never kept in the project."""
    add_key_flags(parser)
    parser.add_argument(
        "--allow-external-media",
        action="store_true",
        help="follow paths and links that lead outside a data set's folder (trusted data only)",
    )


def chosen_project(args: argparse.Namespace) -> Project:
    """The project of ``-p``, or the one that the current folder is in."""
    from datumaro.project.project import Project

    return Project.open(args.project)


def access(args: argparse.Namespace) -> Access:
    """What `add_access_flags` were given."""
    from datumaro.project.building import Access

    return Access(
        **key_options(args),
        allow_external_media=args.allow_external_media,
    )


def import_options(
    args: argparse.Namespace, path: str | None, prog: str
) -> tuple[str | None, dict[str, Any]]:
    """The format of a new source and its import options: those after ``--``, and the flags.

    Raises
    ------
    CliError
        A key was given for a format that is never encrypted, or options for no format.
    """
    from datumaro.cli.errors import UsageError
    from datumaro.cli.format_options import add_access_options, import_parser
    from datumaro.errors import MultipleFormatsMatchError
    from datumaro.formats import registry
    from datumaro.formats.detection import detect_one

    format: str | None = args.format
    if format is None and path is not None:
        where = Path(path) / (args.path or "")
        try:
            format, _ = detect_one(where)
        except MultipleFormatsMatchError as error:
            raise UsageError(
                f"{path} matches several formats: {', '.join(error.formats)}; "
                "name the one that is meant with -f"
            ) from error
    if format is None:
        return None, {}
    kind = registry.get(format)
    options = vars(import_parser(kind, prog).parse_args(args.format_options))
    add_access_options(options, kind, args)
    return args.format, options
