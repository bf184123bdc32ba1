"""``datum project export``: write the project, or a source of it, as a data set."""

from __future__ import annotations

import argparse
import re
import time

from datumaro.cli import filters
from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import (
    access,
    add_access_flags,
    add_project_flag,
    chosen_project,
)

_EXAMPLES = """
datum project export -f voc -o out -- --save-media
datum project export photos -f coco -o out
datum project export -p my-project -f datumaro_binary -o out -- --save-media --encryption
datum project export -f coco -o cats -e '/item[annotation/label="cat"]'
datum project export -f coco -o before --revision HEAD~1
datum project export -f voc -- -h      the export options of the format voc
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "export",
        run,
        help="write all sources together, or one, as a data set",
        description="Write all sources together, or one, as a data set. Media files are copied "
        'only with\n"-- --save-media". Options of the format follow after "--".',
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = "datum project export [SOURCE] -f FORMAT [-o DIR] [...] [-- OPTIONS]"
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a source's name (default: all sources together)",
    )
    parser.add_argument(
        "-f",
        "--format",
        required=True,
        metavar="FORMAT",
        help="format to write; `datum format -le` lists them",
    )
    parser.add_argument(
        "-o",
        "--output-dir",
        metavar="DIR",
        help="folder to write (default: export-FORMAT in the current folder, with a number when "
        "it exists)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a data set that is in the output folder already",
    )
    filters.add_flags(parser, "write")
    parser.add_argument(
        "--revision", metavar="REV", help="export what was there in a revision (default: now)"
    )
    add_access_flags(parser)
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Export."""
    from datumaro.cli.format_options import parse_export_options, writing_format
    from datumaro.cli.inputs import log
    from datumaro.cli.outputs import check_output_folder, next_free_name
    from datumaro.cli.progress import progress_reporter
    from datumaro.remote.path import located

    began = time.monotonic()
    kind = writing_format(args.format)
    options = parse_export_options(kind, args.format_options, "datum project export")
    project = chosen_project(args)
    folder = located(
        args.output_dir
        or next_free_name(f"export-{re.sub(r'[^a-z0-9_]+', '-', args.format.lower())}")
    )
    check_output_folder(folder, overwrite=args.overwrite)
    with progress_reporter(args.quiet) as progress:
        dataset = project.export(
            folder,
            args.format,
            source=args.source,
            filter=args.filter,
            filter_mode=args.filter_mode,
            revision=args.revision,
            access=access(args),
            progress_reporter=progress,
            **options,
        )
    log.info("wrote %d items to %s (%.1f s)", len(dataset), folder, time.monotonic() - began)
    return ExitCode.OK
