"""``datum project commit``: add the state of the project to its history."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

_EXAMPLES = """
datum project commit -m "COCO as downloaded"
datum project commit -m "hashes only" --no-cache
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "commit",
        run,
        help="add the state of the project to its history",
        description="Add the state of the project to its history. Files that the history has "
        "already are not\nkept again, and those that did not change are not read again.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "-m", "--message", required=True, metavar="TEXT", help="what was changed, and why"
    )
    parser.add_argument("--allow-empty", action="store_true", help="also when nothing was changed")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="keep the hashes of files, not their contents: what has changed can be told, and "
        "nothing be brought back",
    )
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Commit."""
    from datumaro.cli.messages import print_lines
    from datumaro.cli.progress import progress_reporter

    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        made = project.commit(
            args.message,
            allow_empty=args.allow_empty,
            no_cache=args.no_cache,
            progress_reporter=progress,
        )
    first = made.commit.message.partition("\n")[0]
    print_lines(
        [
            f"Moved to commit '{made.commit.hash}' {first}",
            f" {len(made.changes)} targets changed",
            *(f" {change.state} {name}" for name, change in made.changes.items()),
        ]
    )
    return ExitCode.OK
