"""``datum project transform``: transform what is read of the project, from now on."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import (
    access,
    add_access_flags,
    add_project_flag,
    chosen_project,
)

_EXAMPLES = """
datum project transform -t remap_labels -- -l cat:animal -l dog:animal
datum project transform coco -t random_split -- -s train:0.8 -s val:0.2
datum project transform -t remap_labels -- -h         the options of one
datum transform --list                                what transforms there are
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "transform",
        run,
        help="transform what is read of the project, from now on",
        description="Add a transform to the configuration, which all sources together, or one, go "
        "through\nwhenever they are read. The data are not changed: take the transform out of the\n"
        "configuration, or check an earlier revision out, and all are as they were. The "
        "transform's\n"
        'options follow after "--".',
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = "datum project transform [SOURCE] -t NAME [...] [-- OPTIONS]"
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="a source's name (default: all together)"
    )
    parser.add_argument("-t", "--transform", required=True, metavar="NAME", help="the transform")
    add_access_flags(parser)
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Add the transform."""
    from datumaro.cli.inputs import log
    from datumaro.cli.progress import progress_reporter
    from datumaro.cli.transform_options import parse_transform_options

    name: str = args.transform
    options = parse_transform_options(name, args.format_options, "datum project transform")
    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        dataset = project.transform(
            name,
            source=args.source,
            access=access(args),
            progress_reporter=progress,
            **options,
        )
    log.info("there are %d items and %d annotations now", len(dataset), dataset.get_annotations())
    return ExitCode.OK
