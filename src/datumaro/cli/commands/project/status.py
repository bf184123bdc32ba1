"""``datum project status``: what was changed since the last commit."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

_EXAMPLES = """
datum project status
datum project status -p my-project
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "status",
        run,
        help="print what was changed since the last commit",
        description="Print where the project stands in its history, and what was changed since. "
        "Sources are added,\nmodified, removed, or missing: their folders are.",
        examples=_EXAMPLES,
    )
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Print."""
    from datumaro.cli.messages import print_lines, printable
    from datumaro.cli.progress import progress_reporter
    from datumaro.project.versions import head_text

    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        status = project.status(progress_reporter=progress)
    print_lines([head_text(status.head)])
    for name, change in status.changes.items():
        print(
            f"{change.state}\t{printable(name)}" + (f"\t({change.details})" * bool(change.details))
        )
    if not status.changes:
        print("Working directory clean")
    return ExitCode.OK
