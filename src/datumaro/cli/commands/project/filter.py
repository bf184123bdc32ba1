"""``datum project filter``: filter what is read of the project, from now on."""

from __future__ import annotations

import argparse

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
datum project filter -e '/item[subset="train"]'
datum project filter coco -e '/item/annotation[label="cat"]' -m i+a
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "filter",
        run,
        help="filter what is read of the project, from now on",
        description="Add a filter to the configuration, which all sources together, or one, go "
        "through whenever\nthey are read. The data are not changed: take the filter out of the "
        "configuration, or\ncheck an earlier revision out, and all are there again.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="a source's name (default: all together)"
    )
    parser.add_argument("-e", "--filter", required=True, metavar="XPATH", help="the expression")
    filters.add_mode_flag(parser, "-m", "--mode")
    add_access_flags(parser)
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Add the filter."""
    from datumaro.cli.inputs import log
    from datumaro.cli.progress import progress_reporter

    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        dataset = project.filter(
            args.filter,
            source=args.source,
            mode=args.mode,
            access=access(args),
            progress_reporter=progress,
        )
    log.info("%d items and %d annotations are left", len(dataset), dataset.get_annotations())
    return ExitCode.OK
