"""``datum project import``: copy a data set into the project."""

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
datum project import -f coco ../coco
datum project import -n photos -f image_dir ~/photos --link
datum project import -f datumaro_binary ../encrypted -- --key-file key.txt
datum project import -f voc -- -h      the import options of the format voc
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "import",
        run,
        help="copy a data set into the project",
        description="Copy a data set into the project, as a new source. Where the file system can, "
        "copies share\nthe space of what they were made of. "
        'Options of the format follow after "--".',
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = f"{parser.prog} [-f FORMAT] [-n NAME] [...] PATH [-- OPTIONS]"
    parser.add_argument("url", nargs="?", metavar="PATH", help="the data set's folder or file")
    parser.add_argument(
        "-n",
        "--name",
        metavar="NAME",
        help="the source's name (default: source-1, source-2, ...)",
    )
    add_source_flags(parser)
    parser.add_argument(
        "--link",
        action="store_true",
        help="make hard links instead of copies: no space is needed, and what is changed in place "
        "in the one is changed in the other",
    )
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Import."""
    from datumaro.cli.errors import UsageError
    from datumaro.cli.inputs import log
    from datumaro.cli.progress import progress_reporter

    format, options = import_options(args, args.url, "datum project import")
    if args.url is None:
        raise UsageError("name the data set to import")
    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        name = project.import_source(
            args.url,
            format,
            name=args.name,
            path=args.path or "",
            check=not args.no_check,
            link=args.link,
            progress_reporter=progress,
            **options,
        )
    log.info("imported %s as %s", args.url, name)
    return ExitCode.OK
