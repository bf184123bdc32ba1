"""``datum project create``: make a folder a project."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum project create
datum project create -o my-project
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers, "create", run, help="make a folder a project", examples=_EXAMPLES
    )
    parser.add_argument(
        "-o",
        "--output-dir",
        default=".",
        metavar="DIR",
        help="the folder, made when it does not exist (default: the current folder)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="make a project new that is there already: its configuration and history are dropped, "
        "the data of its sources stay in their folders",
    )


def run(args: argparse.Namespace) -> int:
    """Make it."""
    from datumaro.cli.inputs import log
    from datumaro.project.project import Project

    project = Project.create(args.output_dir, overwrite=args.overwrite)
    log.info("made the project %s; `datum project import` adds data", project.path)
    return ExitCode.OK
