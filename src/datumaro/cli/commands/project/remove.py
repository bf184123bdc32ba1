"""``datum project remove``: remove sources from the project."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

_EXAMPLES = """
datum project remove source-1
datum project remove coco voc --keep-data
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "remove",
        run,
        help="remove sources from the project",
        description="Remove sources from the project, and their data. What is in the history stays "
        "there. Data\nthat were changed since they were imported or committed are not removed "
        "without --force.",
        examples=_EXAMPLES,
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="names of sources")
    parser.add_argument(
        "--force", action="store_true", help="remove data of which there is no other copy, too"
    )
    parser.add_argument("--keep-data", action="store_true", help="leave the data in their folders")
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Remove."""
    from datumaro.cli.inputs import log

    project = chosen_project(args)
    project.remove_source(*args.names, force=args.force, keep_data=args.keep_data)
    log.info("removed %s", ", ".join(args.names))
    return ExitCode.OK
