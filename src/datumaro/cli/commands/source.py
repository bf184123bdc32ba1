"""``datum source``: the commands of ``datum project`` that are about sources."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command, add_group
from datumaro.cli.commands.project import add, import_source, remove
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

_EXAMPLES = """
datum source import -f coco ../coco      the same as datum project import
datum source add -f voc photos           the same as datum project add
datum source remove photos               the same as datum project remove
datum source info
"""
_INFO_EXAMPLES = """
datum source info
datum source info photos -p my-project
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and those in it."""
    group = add_group(
        subparsers,
        "source",
        help="add sources to a project, remove or list them",
        description="Add sources to a project, remove or list them. `import`, `add` and `remove` "
        "are those of\n`datum project`.",
        examples=_EXAMPLES,
    )
    for command in (import_source, add, remove):
        command.add_parser(group)
    parser = add_command(
        group,
        "info",
        run_info,
        help="print the sources of a project, or one of them",
        description="Print the sources of a project, or one of them: format, origin, place, "
        "options, and\nwhat is done to it when it is read.",
        examples=_INFO_EXAMPLES,
    )
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="its name (default: all)")
    add_project_flag(parser)


def run_info(args: argparse.Namespace) -> int:
    """Print."""
    from datumaro.cli.commands.project.info import source_lines
    from datumaro.cli.messages import print_lines
    from datumaro.project.versions import check_known

    project = chosen_project(args)
    configuration = project.configuration()
    if args.source is not None:
        check_known([args.source], configuration)
    for name, source in configuration.sources.items():
        if args.source in (None, name):
            print_lines(line[2:] for line in source_lines(project, source))
    return ExitCode.OK
