"""``datum project add``: make a folder that is in the project a source, in place."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import (
    add_project_flag,
    add_source_flags,
    chosen_project,
    import_options,
)

_EXAMPLES = """
datum project add -f coco coco
datum project add -f voc -- -h      the import options of the format voc
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "add",
        run,
        help="make a folder in the project a source, in place",
        description="Make a folder that lies in the project's folder a source, without copying it. "
        "Its name is\nthe folder's. "
        'Options of the format follow after "--".',
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = f"{parser.prog} [-f FORMAT] [...] DIR [-- OPTIONS]"
    parser.add_argument(
        "folder", nargs="?", metavar="DIR", help="a folder directly in the project's folder"
    )
    add_source_flags(parser)
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Add."""
    from datumaro.cli.errors import UsageError
    from datumaro.cli.inputs import log
    from datumaro.cli.progress import progress_reporter

    format, options = import_options(args, args.folder, "datum project add")
    if args.folder is None:
        raise UsageError("name the folder to add")
    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        name = project.add_source(
            args.folder,
            format,
            inside=args.path or "",
            check=not args.no_check,
            progress_reporter=progress,
            **options,
        )
    log.info("added %s", name)
    return ExitCode.OK
