"""``datum transform``: change a data set."""

from __future__ import annotations

import argparse
import time

from datumaro.cli.arguments import Subparsers, add_command, add_target_arguments
from datumaro.cli.changes import add_result_flags
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum transform --list                        what transforms there are
datum transform -t remap_labels -- -h         the options of one
datum transform coco/ -t remap_labels -o out/ -- -l cat:animal -l dog:animal
datum transform coco/ -t random_split --overwrite -- -s train:0.8 -s val:0.2 --seed 1
datum transform VOC2012:voc -t rename -o out/ -- -e '|^2012_||'
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "transform",
        run,
        help="change a data set: its labels, subsets, ids, shapes, sizes",
        description="Change a data set, and write it in its own format, with its media.\n"
        'The transform\'s options follow after "--".',
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = "datum transform [PATH[:FORMAT]] -t NAME [-o DIR] [...] [-- OPTIONS]"
    add_target_arguments(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-t", "--transform", metavar="NAME", help="the transform")
    what.add_argument("--list", action="store_true", help="print the transforms there are")
    add_result_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Transform."""
    from datumaro.cli.changes import result_folder, write_result
    from datumaro.cli.inputs import find_changeable, log
    from datumaro.cli.progress import progress_reporter
    from datumaro.cli.transform_options import parse_transform_options

    if args.list:
        return _print_list()
    began = time.monotonic()
    options = parse_transform_options(args.transform, args.format_options, "datum transform")
    source = find_changeable(args, "transform")
    folder = result_folder(source, args)
    with progress_reporter(args.quiet) as progress:
        dataset = source.read(progress)
        dataset.transform(args.transform, progress_reporter=progress, **options)
        write_result(dataset, folder, progress)
    log.info(
        "wrote %d items with %d annotations to %s (%.1f s)",
        len(dataset), dataset.get_annotations(), folder, time.monotonic() - began,
    )  # fmt: skip
    return ExitCode.OK


def _print_list() -> ExitCode:
    from datumaro.cli.messages import print_lines
    from datumaro.operations.transforms import registry

    titles = {name: getattr(registry.get(name), "title", "") for name in registry.names()}
    width = max(map(len, titles))
    print_lines(f"{name:{width}}  {title}".rstrip() for name, title in titles.items())
    return ExitCode.OK
