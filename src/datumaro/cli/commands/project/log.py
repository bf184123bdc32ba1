"""``datum project log``: the history of the project."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

_EXAMPLES = """
datum project log
datum project log -n 1
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "log",
        run,
        help="print the history of the project, the newest commit first",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "-n",
        "--max-count",
        type=_count,
        default=10,
        metavar="N",
        help="print at most so many commits (default: 10)",
    )
    add_project_flag(parser)


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return count


def run(args: argparse.Namespace) -> int:
    """Print."""
    from datumaro.cli.messages import print_lines

    commits = chosen_project(args).log(args.max_count)
    lines = [f"{commit.hash} {commit.message.partition(chr(10))[0]}" for commit in commits]
    print_lines(lines or ["(Project history is empty)"])
    return ExitCode.OK
